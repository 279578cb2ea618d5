//! Every example project in `schema/`, from its real starting point.
//!
//! | file | is |
//! | --- | --- |
//! | `trueup.yaml` and the YAML below it | what should be |
//! | `before.sql` | the database as it was found, with rows |
//! | `args` | more arguments for `apply`, separated by white space |
//! | `contract` | claims of `expect.sql` that hold only once something was taken away, which no script that only adds can do |
//! | `expect.sql` | queries of two columns, a claim and whether it holds; run in one session, it rolls back what it tries |
//! | `since` | the first major version that it is for, where that is not all |
//!
//! They run on the default version and on the newest that is installed; `TRUEUP_MAJOR=14` runs them on that one alone.
//! `TRUEUP_EXAMPLES=text|text` runs only those.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use std::path::{Path, PathBuf};

use support::servers::{Database, Server};
use support::trueup::{DIFFERS, Run, trueup};

/// The examples, each with the servers that it runs on.
fn work() -> Vec<(&'static Server, PathBuf)> {
    let mut servers: Vec<&'static Server> = support::servers::server().into_iter().collect();
    let newest = support::servers::installed().keys().max().copied();
    if support::filter("TRUEUP_MAJOR").is_none()
        && let Some(newest) = newest.filter(|newest| servers.iter().all(|server| server.major != *newest))
    {
        servers.extend(support::servers::server_of(newest));
    }
    let mut work = Vec::new();
    for server in servers {
        work.extend(support::examples(server.major).into_iter().map(|example| (server, example)));
    }
    work
}

fn read(example: &Path, name: &str) -> Option<String> {
    std::fs::read_to_string(example.join(name)).ok()
}

fn expect(run: Run, status: i32) -> Result<Run, String> {
    if run.status == status { Ok(run) } else { Err(format!("exit {status} was expected: {}", run.report())) }
}

#[test]
fn every_example_works_from_its_starting_point() {
    each(run);
}

/// Runs all examples on all servers, and reports what failed.
fn each(one: impl Fn(&Server, &Path) -> Result<(), String> + Sync) {
    let work = work();
    let results = support::in_parallel(&work, |_, (server, example)| one(server, example));
    let mut failed = 0;
    for ((server, example), result) in work.iter().zip(&results) {
        let name = example.file_name().unwrap_or_default().to_string_lossy();
        match result {
            Ok(()) => println!("ok       {name} on {}", server.major),
            Err(why) => {
                failed += 1;
                println!("FAILED   {name} on {}\n  {why}", server.major);
            }
        }
    }
    assert_eq!(failed, 0, "{failed} of {} examples fail", work.len());
}

fn run(server: &Server, example: &Path) -> Result<(), String> {
    let database = server.database();
    database.load(&read(example, "before.sql").unwrap_or_default()).map_err(|why| format!("before.sql: {why}"))?;
    let project = example.display().to_string();
    let scratch = server.scratch();
    let call = |command: &str, more: &[&str]| {
        let mut arguments = vec![command, "--from", &database.url, "--to", &project, "--ephemeral", &scratch];
        arguments.extend(more);
        trueup(&arguments)
    };

    expect(trueup(&["check", "--to", &project]), 0)?;
    let rows = database.row_counts();
    expect(call("diff", &[]), DIFFERS)?;
    let proved = expect(call("diff", &["--prove"]), DIFFERS)?;
    if !proved.stdout.contains("Proved: applied to a clone, nothing differs afterwards and the rows are still there.") {
        return Err(format!("the plan is not proved: {}", proved.report()));
    }
    expect(call("verify", &[]), DIFFERS)?;
    if database.row_counts() != rows {
        return Err("looking at the database changed it".to_owned());
    }
    let allowed = read(example, "args").unwrap_or_default();
    let mut arguments = vec!["--yes"];
    arguments.extend(allowed.split_whitespace());
    expect(call("apply", &arguments), 0)?;
    expect(call("verify", &[]), 0)?;
    expect(call("diff", &[]), 0)?;
    let again = expect(call("apply", &arguments), 0)?;
    if !again.stdout.contains("No differences") {
        return Err(format!("a second apply found something to do: {}", again.report()));
    }
    claims_hold(&database, example, "")?;
    tests_pass(&database, example)?;
    let now = database.row_counts();
    for (table, before) in &rows {
        if now.get(table).is_some_and(|now| now < before) {
            return Err(format!("{table} had {before} rows and has {}", now.get(table).unwrap_or(&0)));
        }
    }
    Ok(())
}

/// What each role may see and do, tried on this very database.
fn tests_pass(database: &Database, example: &Path) -> Result<(), String> {
    if !declares_tests(example) {
        return Ok(());
    }
    let (rows, project) = (database.row_counts(), example.display().to_string());
    let run = expect(trueup(&["test", "--from", &database.url, "--to", &project]), 0)?;
    if !run.stdout.contains(" passed, 0 failed") || run.stdout.starts_with("0 passed") {
        return Err(format!("no test ran: {}", run.report()));
    }
    if database.row_counts() != rows { Err("the tests left rows".to_owned()) } else { Ok(()) }
}

/// The claims of expect.sql, but for those that are named.
fn claims_hold(database: &Database, example: &Path, but: &str) -> Result<(), String> {
    let Some(expected) = read(example, "expect.sql") else { return Ok(()) };
    let claims = database.rows(&expected).map_err(|error| format!("expect.sql: {error}"))?;
    if claims.is_empty() {
        return Err("expect.sql claims nothing".to_owned());
    }
    for claim in claims {
        let named = claim.first().and_then(Option::as_deref).unwrap_or_default();
        if claim.last().and_then(Option::as_deref) != Some("t") && !but.lines().any(|line| line == named) {
            return Err(format!("expect.sql: not so: {claim:?}"));
        }
    }
    Ok(())
}

#[test]
fn every_example_goes_the_same_way_through_the_editor_script() {
    each(editor);
}

/// The offline script, sent as the editor sends it (one string, one transaction), twice: from the starting point, and from nothing.
fn editor(server: &Server, example: &Path) -> Result<(), String> {
    let project = example.display().to_string();
    let scratch = server.scratch();
    let emitted = expect(
        trueup(&["sql", "--offline", "--for", "supabase-editor", "--to", &project, "--ephemeral", &scratch]),
        0,
    )?;
    if emitted.stdout.lines().any(|line| line.starts_with('\\')) {
        return Err("the script holds a psql command".to_owned());
    }
    let database = server.database();
    database.load(&read(example, "before.sql").unwrap_or_default()).map_err(|why| format!("before.sql: {why}"))?;
    let rows = database.row_counts();
    let contract = read(example, "contract").unwrap_or_default();
    let mut seen = None;
    for round in ["first", "second"] {
        let told = |why: String| format!("the {round} run of the editor script: {why}");
        let table = support::scripts::once(&database, &emitted.stdout).map_err(told)?;
        if let Some(wrong) = table.iter().find(|(_, state)| state != "ok") {
            return Err(told(format!("the result table says {wrong:?}")));
        }
        // Row by row what the write-up claims, as each role.
        claims_hold(&database, example, &contract).map_err(told)?;
        let state = (support::judge::text(&database)?, database.row_counts(), content(&database)?);
        if seen.replace(state.clone()).is_some_and(|first| first != state) {
            return Err(told("it changed what the first had done".to_owned()));
        }
    }
    // The tests know only what is declared; where something is on its way out, they cannot run beside it.
    if contract.is_empty() {
        tests_pass(&database, example)?;
    }
    let now = database.row_counts();
    if let Some((table, before)) = rows.iter().find(|(table, before)| now.get(*table).is_none_or(|now| now < before)) {
        return Err(format!("{table} had {before} rows and has {:?}", now.get(table)));
    }
    // Everything declared is there; what an offline script leaves is what it would have to take away.
    let left =
        trueup(&["diff", "--from", &database.url, "--to", &project, "--ephemeral", &scratch, "--format", "json"]);
    let report: serde_json::Value =
        serde_json::from_str(&left.stdout).map_err(|e| format!("{e}: {}", left.report()))?;
    let missing: Vec<String> = report["differences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|d| d["change"] == "created")
        .map(|d| d["id"].to_string())
        .collect();
    if contract.is_empty() {
        expect(left, 0)?;
    }
    if missing.is_empty() { Ok(()) } else { Err(format!("the editor script did not make {}", missing.join(", "))) }
}

/// All rows of all tables, as one sum.
fn content(database: &Database) -> Result<Vec<Vec<Option<String>>>, String> {
    database.rows(
        "select c.oid::regclass, md5(query_to_xml(format('select md5(string_agg(t::text, chr(10) order by t::text)) from %s t', c.oid::regclass), true, true, '')::text)
         from pg_class c where relkind = 'r' and relnamespace = 'public'::regnamespace order by c.oid",
    )
}

#[test]
fn the_tests_of_the_examples_pass_and_notice_weaker_policies() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let scratch = server.scratch();
    for example in support::examples(server.major) {
        let project = example.display().to_string();
        if declares_tests(&example) {
            let run = trueup(&["test", "--to", &project, "--mutate", "--ephemeral", &scratch]);
            assert_eq!(run.status, 0, "{}", run.report());
        }
    }
}

/// Whether the example declares tests: each with row-level security does.
fn declares_tests(example: &Path) -> bool {
    let texts = walk(&example.join("schema"));
    let has = |words: &str| texts.iter().any(|text| text.lines().any(|line| line.trim() == words));
    assert!(has("tests:") || !has("rls: enabled"), "{} has row-level security and no tests", example.display());
    has("tests:")
}

fn walk(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|e| std::fs::read_to_string(e.path()).ok())
        .collect()
}

#[test]
fn customers_become_profiles_in_two_deployments() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/profiles");
    let database = server.database();
    database.load(&read(&example, "before.sql").expect("before.sql")).expect("before.sql loads");
    let (project, scratch) = (example.display().to_string(), server.scratch());
    let apply = |more: &[&str]| {
        let mut arguments = vec!["apply", "--from", &database.url, "--to", &project, "--ephemeral", &scratch, "--yes"];
        arguments.extend(more);
        trueup(&arguments)
    };
    let first = apply(&["--until", "migrate"]);
    assert_eq!(first.status, 0, "{}", first.report());
    // Old code: it writes customer_id, and reads through the old policies.
    let old = "begin; insert into carts (customer_id) values ('c0000000-0000-4000-8000-000000000001');
        select set_config('request.jwt.claims', '{\"sub\": \"a0000000-0000-4000-8000-000000000001\"}', true);
        set local role authenticated; do $$ begin assert (select count(*) from public.carts) = 6; end $$; commit";
    support::servers::run(&database.url, old).expect("old code goes on working");
    // A customer that appears in between is mapped by the second deployment; one that cannot be stops it.
    support::servers::run(&database.url, "insert into customers (wa_id) values ('+250780000099')")
        .expect("a new customer");
    let refused = apply(&[]);
    assert_eq!(refused.status, 3, "losing columns needs consent: {}", refused.report());
    let second = apply(&["--allow", "data-loss,drop"]);
    assert_eq!(second.status, 0, "{}", second.report());
    let mapped = database.rows("select count(*) = 41 from legacy_customer_profile").expect("the mapping");
    assert_eq!(mapped, [[Some("t".to_owned())]]);

    // When nobody asks any more which profile a customer became, the mapping is taken out of the YAML.
    let folder = without(&example, &["schema/rows.yaml"]);
    let profiles = folder.path().join("schema/profiles.yaml");
    let text = read(folder.path(), "schema/profiles.yaml").expect("profiles.yaml");
    let (before, rest) = text.split_once("  legacy_customer_profile:\n").expect("the mapping");
    let (_, after) = rest.split_once("\n\n").expect("what follows");
    std::fs::write(&profiles, format!("{before}{after}")).expect("a file");
    let project = folder.path().display().to_string();
    let last =
        ["apply", "--from", &database.url, "--to", &project, "--ephemeral", &scratch, "--yes", "--allow", "data-loss"];
    let run = trueup(&last);
    assert_eq!(run.status, 0, "{}", run.report());
    let left = "select to_regclass('legacy_customer_profile') is null and (select count(*) from carts) = 201
        and (select count(*) from pg_class where relnamespace = 'archive'::regnamespace and relkind = 'r') = 1";
    assert_eq!(database.rows(left).expect("what is left"), [[Some("t".to_owned())]]);
}

/// A copy of an example, without some of its files.
fn without(example: &Path, gone: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("schema")).expect("a folder");
    let files = std::fs::read_dir(example.join("schema")).expect("the schema").flatten().map(|e| e.path());
    for file in files.chain([example.join("trueup.yaml")]) {
        let name = file.strip_prefix(example).expect("a file of the example").display().to_string();
        if !gone.contains(&name.as_str()) {
            std::fs::copy(&file, folder.path().join(&name)).expect("a copy");
        }
    }
    folder
}

/// The write-up's "if you need to start over", without its CASCADE.
#[test]
fn the_tables_of_whatsapp_go_in_order() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/whatsapp");
    let database = server.database();
    database.load(&read(&example, "before.sql").expect("before.sql")).expect("before.sql loads");
    let scratch = server.scratch();
    let less = without(&example, &["schema/conversations.yaml", "schema/tests.yaml"]);
    let apply = |project: &Path, allowed: &[&str]| {
        let project = project.display().to_string();
        let all = ["apply", "--from", &database.url, "--to", &project, "--ephemeral", &scratch, "--yes"];
        trueup(&[&all[..], allowed].concat())
    };
    let there = || {
        database.rows("select count(*) from pg_class where relname in ('conversations', 'messages')").expect("a count")
    };
    let made = apply(&example, &[]);
    assert_eq!(made.status, 0, "{}", made.report());
    assert_eq!(there(), [[Some("2".to_owned())]]);
    let refused = apply(less.path(), &[]);
    assert_eq!(refused.status, 3, "rows go only by consent: {}", refused.report());
    let gone = apply(less.path(), &["--allow", "data-loss"]);
    assert_eq!(gone.status, 0, "{}", gone.report());
    assert_eq!(there(), [[Some("0".to_owned())]]);
    let again = apply(&example, &[]);
    assert_eq!(again.status, 0, "{}", again.report());
    assert_eq!(there(), [[Some("2".to_owned())]]);
}

#[test]
fn customer_stats_gets_its_columns_in_place() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/credits");
    if !support::is_for(&example, server.major) {
        return;
    }
    let (project, scratch) = (example.display().to_string(), server.scratch());
    let script = support::scripts::sql(&example, server, &["--offline", "--for", "supabase-editor"]).expect("a script");
    for by_script in [false, true] {
        let database = server.database();
        database.load(&read(&example, "before.sql").expect("before.sql")).expect("before.sql loads");
        let views = "select oid, relname, relacl, reloptions from pg_class where relkind = 'v' and relnamespace = 'public'::regnamespace order by 2";
        let before = database.rows(views).expect("the views");
        if by_script {
            support::scripts::twice(&database, &script).expect("the script runs");
        } else {
            let run = trueup(&["apply", "--from", &database.url, "--to", &project, "--ephemeral", &scratch, "--yes"]);
            assert_eq!(run.status, 0, "{}", run.report());
            assert!(!run.stdout.contains("DROP VIEW"), "{}", run.report());
        }
        // The same views, not others of the same names: what depends on them, their grants and their options were never gone.
        assert_eq!(database.rows(views).expect("the views"), before);
    }
}

#[test]
fn the_old_script_of_romashka_stops_where_the_column_is_missing() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/romashka");
    let database = server.database();
    database.load(&read(&example, "before.sql").expect("before.sql")).expect("before.sql loads");
    let rows = database.row_counts();
    let script = read(&example, "complete-schema.sql").expect("complete-schema.sql");
    let error = support::servers::run(&database.url, &script).expect_err("the script fails");
    let error = error.as_db_error().expect("an error of the server");
    assert_eq!(error.code().code(), "42703", "{error}");
    assert!(error.message().contains("\"customer_id\" does not exist"), "{error}");
    assert_eq!(database.row_counts(), rows, "the script left nothing behind");
}
