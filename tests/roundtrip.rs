//! Every schema of tests/schemas and every real one of the corpus, pulled into YAML and built again from it, is the same schema.
//!
//! `TRUEUP_ROUNDTRIP=name|name` runs only those.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use support::journey::{Ended, round_trip};

#[test]
fn every_schema_round_trips() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let only = support::filter("TRUEUP_ROUNDTRIP");
    let mut files = support::schemas(only.as_deref());
    files.retain(|(_, since)| *since <= server.major);
    let results = support::in_parallel(&files, |_, (path, _)| {
        let sql = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        round_trip(server, &sql)
    });
    let mut failed = 0;
    for ((path, _), result) in files.iter().zip(&results) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match result {
            Ok(Ended::Well(how)) => println!("ok       {name} ({how})"),
            Ok(Ended::Said(why)) => println!("SKIPPED  {name}: rests on what is not modelled: {why}"),
            Ok(Ended::DoesNotLoad(why)) => {
                failed += 1;
                println!("FAILED   {name}: the file does not load: {why}");
            }
            Err(why) => {
                failed += 1;
                println!("FAILED   {name}\n  {why}");
            }
        }
    }
    assert_eq!(failed, 0, "{failed} of {} schemas do not round-trip", files.len());
}
