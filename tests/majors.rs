//! The round trip on every major version of PostgreSQL that is installed, 14 to 18, but for the default one, on which
//! `tests/roundtrip.rs` has it.
//!
//! `TRUEUP_MAJORS=14|17` runs only those; `TRUEUP_ROUNDTRIP` as in the round trip on the default version.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use support::journey::{Ended, round_trip};
use support::servers::{DEFAULT_MAJOR, Server, installed, server_of};
use support::trueup::{DIFFERS, trueup};

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

/// What is declared is tried out on a server of the default version, whatever the live one is: only what was edited differs, and
/// so it is for SQL files and between two live servers.
fn compared_on_another(live: &Server, path: &std::path::Path) -> Result<(), String> {
    let Some(other) = server_of(DEFAULT_MAJOR) else { return Ok(()) };
    let (scratch, file) = (other.ephemeral(), path.display().to_string());
    let sql = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let (one, two) = (live.database(), other.database());
    one.load(&sql)?;
    two.load(&sql)?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let project = folder.path().join("project").display().to_string();
    let pull = trueup(&["pull", "--from", &one.url, "--out", &project]);
    let table = "tables:\n  made_later:\n    columns: {id: int primary key}\n";
    std::fs::write(folder.path().join("project/schema/made_later.yaml"), table).map_err(|_| pull.report())?;
    let apply = ["apply", "--from", &one.url, "--to", &project, "--yes", "--ephemeral", &scratch];
    let apply = trueup(&apply);
    if !apply.fine() || !apply.stdout.contains("Applied 1 step in 1 transaction") {
        return Err(format!("more than the one table: {}{}", apply.stdout, apply.report()));
    }
    one.load("drop table made_later")?;
    // Up to 14, everybody may create objects in the schema public: between two databases that is a difference.
    let between = [(&two.url, &one.url), (&one.url, &two.url)].into_iter().filter(|_| live.major > 14);
    for (from, to) in [(&one.url, &file)].into_iter().chain(between) {
        let diff = trueup(&["diff", "--from", from, "--to", to, "--ephemeral", &scratch]);
        if !diff.fine() {
            return Err(format!("{from} -> {to}: {}{}", diff.stdout, diff.report()));
        }
    }
    Ok(())
}

#[test]
fn states_of_two_major_versions_are_compared_on_one() {
    let all = support::schemas(Some("tests/schemas"));
    let mut work = Vec::new();
    let ends = [*MAJORS.start(), *MAJORS.end()];
    for major in ends.into_iter().filter(|major| installed().contains_key(major)) {
        let both = all.iter().filter(|(_, since)| *since > 0 && *since <= major.min(DEFAULT_MAJOR));
        work.extend(both.map(|(file, _)| (major, file)));
    }
    let results = support::in_parallel(&work, |_, (major, path)| {
        server_of(*major).map_or(Ok(()), |live| compared_on_another(live, path))
    });
    let failed: Vec<String> = work
        .iter()
        .zip(&results)
        .filter_map(|((major, path), result)| Some(format!("{major} {}: {}", path.display(), result.as_ref().err()?)))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// MAINTAIN came with 17. A project on a newer server takes it away although the scratch server does not know it; between a server
/// that knows it and one that does not, it is no difference.
#[test]
fn maintain_is_taken_away_by_way_of_a_scratch_server_that_does_not_know_it() {
    let newest = *MAJORS.end();
    let (Some(live), Some(older)) = (server_of(newest), server_of(DEFAULT_MAJOR)) else {
        println!("SKIPPED  PostgreSQL {newest} or {DEFAULT_MAJOR} is not installed");
        return;
    };
    let (one, two, third) = (live.database(), older.database(), live.database());
    let common = "create table t (id int); grant all on t to public;";
    one.load(common).unwrap();
    two.load(common).unwrap();
    third.load("create table t (id int); grant all on t to public; revoke maintain on t from public").unwrap();
    let scratch = older.ephemeral();
    let diff = |from: &str, to: &str| trueup(&["diff", "--from", from, "--to", to, "--ephemeral", &scratch]);
    let across = diff(&one.url, &two.url);
    assert!(across.fine(), "{}{}", across.stdout, across.report());
    let alike = diff(&one.url, &third.url);
    assert!(alike.status == DIFFERS && alike.stdout.contains("REVOKE MAINTAIN"), "{}{}", alike.stdout, alike.report());

    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().display().to_string();
    std::fs::create_dir(folder.path().join("schema")).unwrap();
    std::fs::write(folder.path().join("trueup.yaml"), "version: 1\n").unwrap();
    let all_but_one = "[delete, insert, references, select, trigger, truncate, update]";
    let table = format!("tables:\n  t:\n    columns: {{id: int}}\n    grants: {{public: {all_but_one}}}\n");
    std::fs::write(folder.path().join("schema/t.yaml"), table).unwrap();
    let apply = trueup(&["apply", "--from", &one.url, "--to", &project, "--yes", "--ephemeral", &scratch]);
    assert!(apply.fine(), "{}{}", apply.stdout, apply.report());
    let same = diff(&one.url, &third.url);
    assert!(same.fine(), "{}{}", same.stdout, same.report());
}

/// From 18 on NOT NULL has a name, which PostgreSQL does not change where it is inherited, or where an heir has it under another.
#[test]
fn names_of_not_null_that_cannot_be_had_are_told() {
    let newest = *MAJORS.end();
    let Some(live) = server_of(newest) else {
        println!("SKIPPED  PostgreSQL {newest} is not installed");
        return;
    };
    let (one, two) = (live.database(), live.database());
    let part = "create table p (k int not null); alter table t attach partition p for values in (1);";
    one.load(&format!("create table t (k int constraint x not null) partition by list (k); {part}")).unwrap();
    two.load("create table t (k int constraint y not null) partition by list (k); create table p partition of t for values in (1)").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("p").display().to_string();
    let pull = trueup(&["pull", "--from", &two.url, "--out", &project]);
    assert!(pull.fine(), "{}", pull.report());
    for to in [&project, &two.url] {
        let diff = trueup(&["diff", "--from", &one.url, "--to", to, "--ephemeral", &live.ephemeral()]);
        assert!(diff.fine(), "{}{}", diff.stdout, diff.report());
        let told = ["not-null-name", "p_k_not_null of public.p.k", "x of public.t.k"];
        assert!(told.iter().all(|words| diff.stderr.contains(words)), "{to}: {}", diff.stderr);
    }
}
