//! What minor releases of one major do differently, and ask of the databases that run on them.
#![allow(clippy::print_stdout, clippy::disallowed_methods, dead_code)]

mod support;

use support::place::{Place, ends};
use support::trueup::FINE;

/// Indexes that the minor releases of November 2026 speak of, and others.
const TO_REINDEX: &str = "create extension pg_trgm; create domain code as bpchar; create domain five as char(5);
    create table t (a bpchar, b char(5), c text, d text[], e code unique, f five unique, primary key (b));
    create index \"By A\" on t (a); create index two on t (b, (c::bpchar)); create index like_c on t (c bpchar_pattern_ops);
    create index trgm on t using gist (c gist_trgm_ops (siglen = 32)); create index words on t using gin (d);
    create index plain on t (c); create index hashed on t using hash (a);
    create table p (a bpchar, d text[]) partition by list (a); create table p1 partition of p default; create index of_p on p (a);
    alter table t add constraint once exclude using gist (c gist_trgm_ops with =)";

#[test]
fn indexes_that_a_release_asks_to_rebuild_are_told() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(server, TO_REINDEX);
    let database = &place.database;
    let from = database.url.clone();
    ends(place.call(&["pull", "--from", &from, "--out", "all"]), FINE);
    let run = ends(place.call(&["verify", "--from", &from, "--to", "all", "--format", "json"]), FINE);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let notes: Vec<_> = report["notes"].as_array().into_iter().flatten().filter(|n| n["code"] == "reindex").collect();
    let number = database.rows("show server_version_num").expect("a version")[0][0].clone().unwrap_or_default();
    let number: u32 = number.parse().expect("a number");
    if !(150_020..160_000).contains(&number) && !(170_012..180_000).contains(&number) {
        assert!(notes.is_empty(), "{notes:?}");
        return;
    }
    let statements = |note: &serde_json::Value| -> Vec<String> {
        note["help"].as_array().into_iter().flatten().filter_map(|h| h.as_str()).map(str::to_owned).collect()
    };
    let concurrently = |names: &[&str]| -> Vec<String> {
        names.iter().map(|name| format!("REINDEX INDEX CONCURRENTLY public.{name};")).collect()
    };
    assert_eq!(notes.len(), 3, "{notes:?}");
    assert_eq!(statements(notes[0]), concurrently(&["\"By A\"", "like_c", "of_p", "t_e_key", "two"]));
    // The index of an exclusion constraint cannot be rebuilt beside itself.
    let trigrams = [vec!["REINDEX INDEX public.once;".to_owned()], concurrently(&["trgm"])].concat();
    assert_eq!(statements(notes[1]), trigrams);
    assert_eq!(statements(notes[2]), concurrently(&["words"]));
    for statement in notes.iter().flat_map(|note| statements(note)) {
        support::servers::run(&from, &statement).expect("the statement runs");
    }
    let run = ends(place.call(&["verify", "--from", &from, "--to", "all"]), FINE);
    assert_eq!(run.stderr.matches("info[reindex]").count(), 3, "{}", run.stderr);
    assert!(run.stderr.contains("https://www.postgresql.org/docs/release/"), "{}", run.stderr);
}
