//! The round trip on every major version of PostgreSQL that is installed, 14 to 19, but for the default one, on which
//! `tests/roundtrip.rs` has it.
//!
//! `TRUEUP_MAJORS=14|17` runs only those; `TRUEUP_ROUNDTRIP` as in the round trip on the default version.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use support::journey::{Ended, round_trip};
use support::servers::{DEFAULT_MAJOR, Server, installed, server_of};
use support::trueup::{DIFFERS, ERROR, trueup};

/// The versions trueup supports.
const MAJORS: std::ops::RangeInclusive<u32> = 14..=19;

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

/// From 17 on, the functions that a materialized view calls find no table without its schema; the server does not say why.
#[test]
fn a_search_path_that_hides_the_schema_is_told() {
    let newest = *MAJORS.end();
    let Some(live) = server_of(newest) else {
        println!("SKIPPED  PostgreSQL {newest} is not installed");
        return;
    };
    let database = live.database();
    let (_folder, project) = project(
        "tables: {t: {columns: {id: int}}}\nmaterialized_views: {m: select counts() as n}\n\
         functions:\n  counts(): {returns: bigint, language: plpgsql, body: 'begin return (select count(*) from t); end'}\n",
    );
    let apply =
        trueup(&["apply", "--from", &database.url, "--to", &project, "--yes", "--ephemeral", &live.ephemeral()]);
    let told = ["relation \"t\" does not exist", "with the search path pg_catalog, pg_temp"];
    assert!(apply.status == ERROR && told.iter().all(|words| apply.stderr.contains(words)), "{}", apply.report());
}

/// Every pair of a live and a scratch server of different major versions.
fn pairs() -> Vec<(u32, u32)> {
    let only = support::filter("TRUEUP_MAJORS");
    let all: Vec<u32> = MAJORS.filter(|major| installed().contains_key(major)).collect();
    let all: Vec<u32> = all.into_iter().filter(|major| support::passes(only.as_deref(), &major.to_string())).collect();
    all.iter().flat_map(|live| all.iter().map(move |scratch| (*live, *scratch))).filter(|(a, b)| a != b).collect()
}

/// A project of one file.
fn project(yaml: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("schema")).unwrap();
    std::fs::write(folder.path().join("trueup.yaml"), "version: 1\n").unwrap();
    std::fs::write(folder.path().join("schema/all.yaml"), yaml).unwrap();
    let path = folder.path().display().to_string();
    (folder, path)
}

/// Names that are keywords to later major versions.
const NAMES: &str = "create table t (id int primary key, \"system_user\" text)";

/// What a text is tried with: from which major version on it is read, what has to be there, and queries that are true once the
/// live server means by it what it means when it is told the text itself.
const MEANINGS: &[(u32, &str, &str, &[&str])] = &[
    (
        16,
        "create table t (id int primary key, a int)",
        "tables:\n  t:\n    columns: {id: int primary key, a: int}\nviews:\n  v: select json_array(select a from t) as j\n",
        &["select (select j::text from v) is not distinct from (select json_array(select a from t)::text)"],
    ),
    (
        14,
        "create extension btree_gist; create table t (id int primary key, ip inet, c cidr)",
        "extensions: {btree_gist: {}}\ntables:\n  t:\n    columns: {id: int primary key, ip: inet, c: cidr}\n    indexes:\n      \
         i: using gist (ip, c)\n      j: using gist (ip inet_ops)\n    constraints:\n      x: exclude using gist (ip with =)\n",
        &[
            "create temporary table d (ip inet, c cidr); create index on d using gist (ip, c)",
            "select i.indclass = d.indclass from pg_index i, pg_index d where i.indexrelid = 'i'::regclass and d.indrelid = 'd'::regclass",
            "select opcname = 'inet_ops' from pg_opclass o join pg_index i on o.oid = i.indclass[0] where i.indexrelid = 'j'::regclass",
            "select x.indclass[0] = d.indclass[0] from pg_index x, pg_index d where x.indexrelid = 'x'::regclass and d.indrelid = 'd'::regclass",
        ],
    ),
    (
        14,
        "create table t (id int primary key, \"system_user\" text); insert into t values (1, 'of the column')",
        "tables:\n  t:\n    columns: {id: int primary key, system_user: text}\nfunctions:\n  json_scalar(text):\n    returns: text\n    \
         language: sql\n    body: select 'of the function'\nviews:\n  v: select \"system_user\" as a, public.json_scalar('x') as b from t\n",
        &["select a = 'of the column' and b = 'of the function' from v"],
    ),
    (
        14,
        NAMES,
        "tables:\n  t:\n    columns:\n      id: int primary key\n      system_user: text\n      d: text default public.json_scalar('x')\n      \
         g: text generated always as (public.json_value(\"system_user\")) stored\n    constraints: {c: check (public.merge_action(\"system_user\") <> '')}\n    \
         indexes: {i: '(public.json_value(\"system_user\")) where \"system_user\" <> public.merge_action(d)'}\n    \
         policies: {p: {for: all, using: '\"system_user\" = public.json_exists(d)', check: \"public.json_query(d) <> ''\"}}\n    \
         triggers: {w: before update for each row when (new.\"system_user\" = public.json_exists(old.d)) execute function suppress_redundant_updates_trigger()}\n\
         domains: {d: {type: text, default: public.json_scalar('x'), constraints: {c: check (public.json_value(value) <> '')}}}\n\
         functions:\n  json_scalar(text): {returns: text, language: sql, volatility: immutable, body: select 'of the function'}\n  \
         json_value(text): {returns: text, language: sql, volatility: immutable, body: select 'of the function'}\n  \
         json_query(text): {returns: text, language: sql, volatility: immutable, body: select 'of the function'}\n  \
         json_exists(text): {returns: text, language: sql, volatility: immutable, body: select 'of the function'}\n  \
         merge_action(text): {returns: text, language: sql, volatility: immutable, body: select 'of the function'}\n  \
         f(a text default public.json_scalar('x')): {returns: text, sql_body: \"return public.json_value(a) || 'f'\"}\n\
         views: {v: select \"system_user\" from json_table}\nmaterialized_views: {json_table: {query: select \"system_user\" from t}}\n",
        &[
            "select f() = 'of the functionf'",
            "with n as (insert into t (id, \"system_user\") values (1, 'x') returning d, g) select d = 'of the function' and g = d from n",
        ],
    ),
    (
        14,
        "create schema s; create table s.t (id int primary key, a text default 'x' || 'y')",
        "schemas: {s: {}}\ntables:\n  s.t:\n    columns: {id: int primary key, a: \"text default 'x' || 'y'\", b: \"int default 1 + 1\"}\n    indexes: {s_i: \"(lower(a)) where a <> ''\"}\n\
         views:\n  s.v: select t.id, upper(t.a) as b from t join t as u using (id) order by b\n",
        &["select count(*) = 0 from s.v"],
    ),
    // What a column without a compression of its own gets depends on the version, and is not its own.
    (
        14,
        "create table t (id int primary key, a text, b text, c text compression pglz)",
        "tables:\n  t:\n    columns: {id: int primary key, a: text, b: {type: text, compression: pglz}, c: text, d: text}\n",
        &[
            "select string_agg(attname || attcompression::text, ' ' order by attnum) = 'id a bp c d' from pg_attribute where attrelid = 't'::regclass and attnum > 0",
        ],
    ),
    // An alias of a join, for its columns or for those that both sides have.
    (
        14,
        "create table t (id int primary key, a text); insert into t values (1, 'x')",
        "tables:\n  t:\n    columns: {id: int primary key, a: text}\nviews:\n  v: select j.id, j.b, j.c from (t join t as u using (id)) as j (id, b, c)\n  \
         w: select j.id, t.a from t join t as u using (id) as j\n  x: select j.* from (t full join (select 2 as id) as u using (id)) as j\n",
        &[
            "select id = 1 and b = 'x' and c = 'x' from v",
            "select id = 1 and a = 'x' from w",
            "select count(*) = 2 from x",
        ],
    ),
];

/// A text that is new to the live server, by way of a scratch server of another major version.
fn means_the_same(
    live: u32,
    scratch: u32,
    (_, before, yaml, queries): &(u32, &str, &str, &[&str]),
) -> Result<(), String> {
    let (Some(live), Some(scratch)) = (server_of(live), server_of(scratch)) else { return Ok(()) };
    let (database, (_folder, path)) = (live.database(), project(yaml));
    if let Err(why) = database.load(before) {
        // The extension may not be installed.
        return if why.contains("extension") { Ok(()) } else { Err(why) };
    }
    let ephemeral = scratch.ephemeral();
    let told = |command: &str, more: &[&str]| {
        let args = [&[command, "--from", &database.url, "--to", &path, "--ephemeral", &ephemeral], more].concat();
        trueup(&args)
    };
    let proved = told("diff", &["--prove"]);
    if !proved.stdout.contains("nothing differs afterwards") {
        return Err(format!("not proved: {}{}", proved.stdout, proved.report()));
    }
    let apply = told("apply", &["--yes"]);
    if apply.report().contains("is not available") {
        return Ok(());
    }
    if !apply.fine() {
        return Err(format!("{}{}", apply.stdout, apply.report()));
    }
    let (last, first) = queries.split_first().map(|(first, rest)| (rest, first)).unwrap_or((&[], &""));
    let session = format!("{first};");
    for query in std::iter::once(first).chain(last).filter(|query| query.starts_with("select")) {
        let rows = match first.starts_with("select") {
            true => database.rows(query)?,
            false => database.rows(&format!("{session} {query}"))?,
        };
        if rows != [vec![Some("t".to_owned())]] && rows != [vec![Some("true".to_owned())]] {
            return Err(format!("{query}: {rows:?}\n{}", apply.stdout));
        }
    }
    let again = told("diff", &[]);
    // Only 19 tells the two ways to make the array apart, and 18 has printed the other.
    let untold = again.stderr.contains("other-meaning") && live.major < 19 && scratch.major >= 19;
    if !again.fine() && !untold {
        return Err(format!("again: {}{}", again.stdout, again.report()));
    }
    Ok(())
}

#[test]
fn a_text_means_the_same_whatever_the_scratch_server_is() {
    let mut work = Vec::new();
    for (live, scratch) in pairs() {
        work.extend(
            MEANINGS.iter().filter(|(since, ..)| *since <= live.min(scratch)).map(|case| (live, scratch, case)),
        );
    }
    let results = support::in_parallel(&work, |_, (live, scratch, case)| means_the_same(*live, *scratch, case));
    let failed: Vec<String> = work
        .iter()
        .zip(&results)
        .filter_map(|((live, scratch, case), result)| {
            Some(format!("live {live}, scratch {scratch}: {}\n{}", case.2, result.as_ref().err()?))
        })
        .collect();
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), work.len(), failed.join("\n"));
}

/// Two servers of these major versions, where both are installed.
fn two(live: u32, scratch: u32) -> Option<(&'static Server, &'static Server)> {
    let found = server_of(live).zip(server_of(scratch));
    if found.is_none() {
        println!("SKIPPED  PostgreSQL {live} or {scratch} is not installed");
    }
    found
}

#[test]
fn what_the_scratch_server_prints_alike_is_told_apart() {
    let arrays =
        "tables:\n  t:\n    columns: {id: int primary key}\nviews:\n  v: select json_array(select id from t) as j\n";
    let index = "extensions: {btree_gist: {}}\ntables:\n  t:\n    columns: {id: int primary key, ip: inet}\n    indexes: {i: using gist (ip)}\n";
    let of_18 = "create table t (id int primary key); create view v as select (select json_arrayagg(q.id returning json) from (select id from t) q(id)) as j";
    let with = |class: &str| {
        format!(
            "create extension btree_gist; create table t (id int primary key, ip inet); create index i on t using gist (ip {class})"
        )
    };
    for (live, scratch, before, yaml, words) in [
        (19, 18, of_18.to_owned(), arrays, &["other-meaning", "JSON_ARRAY of a query"][..]),
        (19, 18, with("gist_inet_ops"), index, &[]),
        (18, 19, with("inet_ops"), index, &[]),
    ] {
        let Some((live, scratch)) = two(live, scratch) else { continue };
        let (database, (_folder, path)) = (live.database(), project(yaml));
        if database.load(&before).is_err() {
            println!("SKIPPED  btree_gist is not installed");
            continue;
        }
        let told = ["--from", &database.url, "--to", &path, "--ephemeral", &scratch.ephemeral()];
        let diff = trueup(&[&["diff"], &told[..]].concat());
        assert!(diff.status == DIFFERS, "{} {}: {}{}", live.major, yaml, diff.stdout, diff.report());
        assert!(words.iter().all(|word| diff.stderr.contains(word)), "{}", diff.stderr);
        let apply = trueup(&[&["apply", "--yes"], &told[..]].concat());
        assert!(apply.fine(), "{}{}", apply.stdout, apply.report());
        let again = trueup(&[&["diff"], &told[..]].concat());
        assert!(again.fine(), "{} {}: {}{}", live.major, yaml, again.stdout, again.report());
    }
}

/// SQL files are run on the scratch server, and only it has printed what they make.
#[test]
fn a_print_that_may_mean_something_else_is_told() {
    let Some((live, scratch)) = two(19, 18) else { return };
    let database = live.database();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.sql");
    std::fs::write(&file, "create table t (id int); create view v as select json_array(select id from t) as j; create view w as select 1 as a").unwrap();
    let to = file.display().to_string();
    let diff = trueup(&["diff", "--from", &database.url, "--to", &to, "--ephemeral", &scratch.ephemeral()]);
    assert_eq!(diff.status, DIFFERS, "{}", diff.report());
    for words in [
        "other-meaning",
        "the text of view public.v is as PostgreSQL 18 prints it",
        "other-words",
        "view public.w",
        "same-server",
    ] {
        assert!(diff.stderr.contains(words), "{words}: {}", diff.stderr);
    }
}

#[test]
fn who_refuses_and_who_would_accept_is_said() {
    let Some((live, scratch)) = two(19, 18) else { return };
    for (yaml, own) in [
        ("tables:\n  t:\n    columns: {a: oid8}\n", "the type oid8 needs PostgreSQL 19"),
        ("tables:\n  t:\n    columns: {id: int, a: 'regdatabase[]'}\n", "the type regdatabase needs PostgreSQL 19"),
        ("types: {c: {attributes: {a: int, b: oid8}}}\n", "the type oid8 needs PostgreSQL 19"),
        ("types: {c: {attributes: {b: 'regdatabase[]'}}}\n", "the type regdatabase needs PostgreSQL 19"),
        ("domains: {d: regdatabase}\n", "the type regdatabase needs PostgreSQL 19"),
        ("domains: {d: {type: oid8, constraints: {c: check (value <> 0)}}}\n", "the type oid8 needs PostgreSQL 19"),
        (
            "functions:\n  f(a oid8): {returns: int, language: plpgsql, body: begin return 1; end}\n",
            "the type oid8 needs PostgreSQL 19",
        ),
        (
            "functions:\n  f(): {returns: 'oid8[]', language: plpgsql, body: begin return null; end}\n",
            "the type oid8 needs PostgreSQL 19",
        ),
        ("views: {v: 'select 1::oid8 as a'}\n", "the type oid8 needs PostgreSQL 19"),
        (
            "tables:\n  t:\n    columns: {a: int}\n    policies:\n      p: {using: \"a = (select first_value(x.a) ignore nulls over () from t x)\"}\n",
            "IGNORE NULLS needs PostgreSQL 19",
        ),
        ("views:\n  v: select first_value(1) ignore nulls over () as a\n", "IGNORE NULLS needs PostgreSQL 19"),
    ] {
        let (database, (_folder, path)) = (live.database(), project(yaml));
        let diff = trueup(&["diff", "--from", &database.url, "--to", &path, "--ephemeral", &scratch.ephemeral()]);
        assert!(!diff.fine() && diff.status != DIFFERS, "{yaml}: {}", diff.stdout);
        for words in [own, "PostgreSQL 18 refused it", "the live server is PostgreSQL 19", "--ephemeral same-server"] {
            assert!(diff.stderr.contains(words), "{yaml} {words}: {}", diff.stderr);
        }
        let same = trueup(&["diff", "--from", &database.url, "--to", &path, "--ephemeral", "same-server"]);
        assert_eq!(same.status, DIFFERS, "{yaml}: {}", same.report());
        // Where the live server is the older one as well, no other scratch server helps but a newer one.
        let older = scratch.database();
        let diff = trueup(&["diff", "--from", &older.url, "--to", &path, "--ephemeral", &scratch.ephemeral()]);
        assert_eq!(diff.status, ERROR, "{yaml}: {}", diff.stdout);
        let told = ["needs PostgreSQL 19 or later", "install the binaries of PostgreSQL 19"];
        assert!(told.iter().all(|words| diff.stderr.contains(words)), "{yaml}: {}", diff.stderr);
        assert!(!diff.stderr.contains("same-server"), "{yaml}: {}", diff.stderr);
    }
}

/// What is of a type that only the live server knows stands in the way of nothing that is not.
#[test]
fn a_newer_type_that_is_not_changed_is_left_as_it_is() {
    let Some((live, scratch)) = two(19, 18) else { return };
    let database = live.database();
    database
        .load(
            "create type c as (a oid8, b regdatabase[]); create domain d as oid8 check (value <> 0);
             create table t (id int primary key, a oid8 default 5, b regdatabase, c c, d d); create index i on t (a);
             create function f(a oid8) returns regdatabase language plpgsql as 'begin return null; end'",
        )
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p").display().to_string();
    let pull = trueup(&["pull", "--from", &database.url, "--out", &path]);
    assert!(pull.fine(), "{}", pull.report());
    let table = "tables:\n  made_later:\n    columns: {id: int primary key}\n";
    std::fs::write(folder.path().join("p/schema/made_later.yaml"), table).unwrap();
    let apply = ["apply", "--from", &database.url, "--to", &path, "--yes", "--ephemeral", &scratch.ephemeral()];
    let apply = trueup(&apply);
    assert!(apply.fine() && apply.stdout.contains("Applied 1 step"), "{}{}", apply.stdout, apply.report());
}

/// Columns of the catalogs that came with 19 belong to kinds that are not modelled.
#[test]
fn what_19_adds_to_the_catalogs_is_named_and_left_alone() {
    let Some(live) = server_of(19) else {
        println!("SKIPPED  PostgreSQL 19 is not installed");
        return;
    };
    let database = live.database();
    database
        .load(
            "create table t (id int primary key); create table apart (id int primary key); create sequence q;
             create publication of_sequences for all sequences; create publication of_most for all tables except (table apart);
             create type r as range (subtype = int); create function m(r) returns int language sql as 'select 1';
             create foreign data wrapper w; create server s foreign data wrapper w",
        )
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p").display().to_string();
    let pull = trueup(&["pull", "--from", &database.url, "--out", &path]);
    assert!(pull.fine(), "{}", pull.report());
    for words in [
        "of_most, of_sequences",
        "range type is not modelled",
        "data wrapper is not modelled",
        "server is not modelled",
    ] {
        assert!(pull.stderr.contains(words), "{words}: {}", pull.stderr);
    }
    let diff = trueup(&["diff", "--from", &database.url, "--to", &path, "--ephemeral", &live.ephemeral()]);
    assert!(diff.fine(), "{}{}", diff.stdout, diff.report());
    // The publication leaves the table out, and does not keep it.
    std::fs::remove_file(folder.path().join("p/schema/public/tables/apart.yaml")).unwrap();
    let (scratch, all) = (live.ephemeral(), "--allow");
    let apply =
        trueup(&["apply", "--from", &database.url, "--to", &path, "--yes", all, "all", "--ephemeral", &scratch]);
    assert!(apply.fine(), "{}{}", apply.stdout, apply.report());
    assert!(apply.stdout.contains("of_most"), "{}", apply.stdout);
}

/// A script is written with the texts of a scratch server, and run on whatever there is. A view of another owner that is as declared
/// is left as it is, though the two servers print it in different ways.
#[test]
fn an_offline_script_leaves_the_views_of_others_as_they_are_on_every_major() {
    for (live, scratch) in [(15, 18), (18, 15), (14, 19), (19, 14)] {
        let Some((live, scratch)) = two(live, scratch) else { continue };
        let database = live.database();
        let (role, stranger) = ("trueup_maker_of_views", "trueup_stranger");
        let views = "create view v as select id, a from t where a <> '';
             create view w (x, y) with (security_barrier = true) as select t.id, t.at at time zone 'utc' from t;
             create view j as select j.id from (t join t as u using (id)) as j (id)";
        database
            .load(&format!(
                "grant create on schema public to {role};
                 create table t (id int primary key, a text, at timestamptz); grant select on t to {role};
                 set role {role}; {views}; grant select on v to {role}; reset role"
            ))
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p");
        let pull = trueup(&["pull", "--from", &database.url, "--out", &path.display().to_string()]);
        assert!(pull.fine(), "{}", pull.report());
        let script = support::scripts::sql(&path, scratch, &["--offline", "--for", "supabase-editor"]).unwrap();
        database
            .load(&format!("alter table t owner to {stranger}; grant create on schema public to {stranger}"))
            .unwrap();
        let as_stranger = |sql: &str| database.rows(&format!("set role {stranger}; {sql}"));
        as_stranger(&script).unwrap_or_else(|why| panic!("live {}, scratch {}: {why}", live.major, scratch.major));
        // What is not as declared is refused, and nothing is changed.
        database.load("create or replace view v as select id, a from t where a <> 'other'").unwrap();
        let why = as_stranger(&script).expect_err("the view is another one");
        assert!(why.contains("view public.v cannot be made as declared: must be owner of view v"), "{why}");
    }
}

/// What one major version takes for a default or a keyword and the next does not is known.
#[test]
fn what_changes_from_major_to_major_is_known() {
    let words = std::fs::read_to_string("src/engine/words.rs").unwrap();
    let classes = std::fs::read_to_string("src/kinds/table/classes.rs").unwrap();
    let all: Vec<&Server> = MAJORS.filter(|major| installed().contains_key(major)).filter_map(server_of).collect();
    for pair in all.windows(2) {
        let [older, newer] = pair else { continue };
        let of = |server: &Server, query: &str| -> Vec<(String, String)> {
            let database = server.database();
            // Of all that comes with PostgreSQL, btree_gist has the defaults for types that are not its own.
            _ = database.load("create extension if not exists btree_gist");
            _ = database.load("create extension if not exists btree_gin");
            let rows = database.rows(query).unwrap();
            let text = |row: &Vec<Option<String>>, i: usize| row[i].clone().unwrap_or_default();
            rows.iter().map(|row| (text(row, 0), text(row, 1))).collect()
        };
        let keywords = "select word, catcode::text from pg_get_keywords() where catcode in ('C', 'R')";
        let before = of(older, keywords);
        for (word, _) in of(newer, keywords).iter().filter(|found| !before.contains(found)) {
            assert!(words.contains(&format!("(\"{word}\", ")), "{word}, from {} on", newer.major);
        }
        let defaults = "select amname || ' ' || opcintype::regtype, opcname from pg_opclass c join pg_am a on a.oid = opcmethod where opcdefault";
        let before = of(older, defaults);
        for (kind, class) in of(newer, defaults) {
            let Some((_, other)) = before.iter().find(|(of, _)| *of == kind).filter(|(_, other)| *other != class)
            else {
                continue;
            };
            assert!(kind.starts_with("gist "), "{kind}: {other}, from {} on {class}", newer.major);
            for class in [other, &class] {
                assert!(classes.contains(&format!("\"{class}\"")), "{kind}: {class}");
            }
        }
    }
}
