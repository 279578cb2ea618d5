//! The round trip on every major version of PostgreSQL that is installed, 14 to 18, but for the default one, on which
//! `tests/roundtrip.rs` has it.
//!
//! `TRUEUP_MAJORS=14|17` runs only those; `TRUEUP_ROUNDTRIP` as in the round trip on the default version.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use support::journey::{Ended, round_trip};
use support::servers::{DEFAULT_MAJOR, installed, server_of};

/// The versions trueup supports.
const MAJORS: std::ops::RangeInclusive<u32> = 14..=18;

#[test]
fn round_trips_hold_on_every_major_version() {
    let only = support::filter("TRUEUP_ROUNDTRIP");
    let majors = support::filter("TRUEUP_MAJORS");
    let mut work = Vec::new();
    for major in MAJORS {
        if major == DEFAULT_MAJOR || !support::passes(majors.as_deref(), &major.to_string()) {
            continue;
        }
        if !installed().contains_key(&major) {
            println!("SKIPPED  PostgreSQL {major}: its server is not installed (postgresql-{major})");
            continue;
        }
        let files = support::schemas(only.as_deref()).into_iter().filter(|(_, since)| *since <= major);
        work.extend(files.map(|(file, since)| (major, file, since > 0)));
    }
    let results = support::in_parallel(&work, |_, (major, path, _)| {
        let Some(server) = server_of(*major) else {
            return Ok(Ended::DoesNotLoad("the server does not start".into()));
        };
        let sql = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        round_trip(server, &sql)
    });
    let mut failed = 0;
    for ((major, path, own), result) in work.iter().zip(&results) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match result {
            Ok(Ended::Well(how)) => println!("ok       {major} {name} ({how})"),
            // A schema may need a newer server, or an extension that is not installed for this one.
            Ok(Ended::Said(why)) => println!("SKIPPED  {major} {name}: rests on what is not modelled: {why}"),
            Ok(Ended::DoesNotLoad(why)) if !own => {
                println!("SKIPPED  {major} {name}: does not load there: {why}")
            }
            Ok(Ended::DoesNotLoad(why)) | Err(why) => {
                failed += 1;
                println!("FAILED   {major} {name}\n  {why}");
            }
        }
    }
    assert_eq!(failed, 0, "{failed} of {} round trips fail", work.len());
}
