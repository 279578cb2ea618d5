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
    let scratch = server.ephemeral();
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
    claims_hold(&database, example)?;
    let now = database.row_counts();
    for (table, before) in &rows {
        if now.get(table).is_some_and(|now| now < before) {
            return Err(format!("{table} had {before} rows and has {}", now.get(table).unwrap_or(&0)));
        }
    }
    Ok(())
}

fn claims_hold(database: &Database, example: &Path) -> Result<(), String> {
    let Some(expected) = read(example, "expect.sql") else { return Ok(()) };
    let claims = database.rows(&expected).map_err(|error| format!("expect.sql: {error}"))?;
    if claims.is_empty() {
        return Err("expect.sql claims nothing".to_owned());
    }
    for claim in claims {
        if claim.last().and_then(Option::as_deref) != Some("t") {
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
    let scratch = server.ephemeral();
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
    for round in ["first", "second"] {
        support::servers::run(&database.url, &emitted.stdout)
            .map_err(|e| format!("the {round} run of the editor script: {}", support::servers::describe(&e)))?;
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
    if missing.is_empty() { Ok(()) } else { Err(format!("the editor script did not make {}", missing.join(", "))) }
}

#[test]
fn the_tests_of_the_examples_pass_and_notice_weaker_policies() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let scratch = server.ephemeral();
    for example in support::examples(server.major) {
        let project = example.display().to_string();
        let declared = walk(&example.join("schema")).iter().any(|text| text.lines().any(|line| line == "tests:"));
        if declared {
            let run = trueup(&["test", "--to", &project, "--mutate", "--ephemeral", &scratch]);
            assert_eq!(run.status, 0, "{}", run.report());
        }
    }
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
    let (project, scratch) = (example.display().to_string(), server.ephemeral());
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
    let second = apply(&["--allow", "data-loss"]);
    assert_eq!(second.status, 0, "{}", second.report());
    let mapped = database.rows("select count(*) = 41 from legacy_customer_profile").expect("the mapping");
    assert_eq!(mapped, [[Some("t".to_owned())]]);
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
