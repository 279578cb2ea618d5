//! Every real schema of the corpus, pulled into YAML and built again from it, is the same schema.
//!
//! `TRUEUP_ROUNDTRIP=name|name` runs only those.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use support::journey::{Ended, round_trip};

#[test]
fn every_real_schema_round_trips() {
    let (Some(corpus), Some(server)) = (support::corpus(), support::servers::server()) else {
        return;
    };
    let only = support::filter("TRUEUP_ROUNDTRIP");
    let mut files: Vec<_> = std::fs::read_dir(corpus)
        .expect("the corpus can be read")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .filter(|path| support::passes(only.as_deref(), &path.display().to_string()))
        .collect();
    files.sort();
    let results = support::in_parallel(&files, |_, path| {
        let sql = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        round_trip(server, &sql)
    });
    let mut failed = 0;
    for (path, result) in files.iter().zip(&results) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match result {
            Ok(Ended::Well(how)) => println!("ok       {name} ({how})"),
            Ok(Ended::Said(why)) => println!("SKIPPED  {name}: rests on what is not modelled: {why}"),
            Ok(Ended::DoesNotLoad(why)) => {
                failed += 1;
                println!("FAILED   {name}: the corpus file does not load: {why}");
            }
            Err(why) => {
                failed += 1;
                println!("FAILED   {name}\n  {why}");
            }
        }
    }
    assert_eq!(failed, 0, "{failed} of {} real schemas do not round-trip", files.len());
}
