//! `trueup test`: declared tests on a scratch server and on a live one, what `--mutate` finds, and JUnit XML.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use std::path::Path;

use support::servers::{Database, Server};
use support::trueup::{DIFFERS, Run, trueup};

fn example(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(name)
}

/// The example, applied to its starting point.
fn finished(server: &'static Server, name: &str) -> Database<'static> {
    let database = server.database();
    let folder = example(name);
    let before = std::fs::read_to_string(folder.join("before.sql")).expect("before.sql");
    database.load(&before).expect("before.sql loads");
    let (project, scratch) = (folder.display().to_string(), server.scratch());
    let apply = trueup(&[
        "apply",
        "--from",
        &database.url,
        "--to",
        &project,
        "--ephemeral",
        &scratch,
        "--yes",
        "--allow",
        "data-loss,drop",
    ]);
    assert!(apply.fine(), "{}", apply.report());
    database
}

#[test]
fn on_a_live_database_nothing_stays() {
    let Some(server) = support::servers::server() else {
        return;
    };
    for name in ["romashka", "whatsapp", "profiles"] {
        let database = finished(server, name);
        let project = example(name).display().to_string();
        let (before, rows) = (support::judge::text(&database).expect("a dump"), database.row_counts());
        let run = trueup(&["test", "--from", &database.url, "--to", &project, "--mutate"]);
        assert_eq!(run.status, 0, "{}\n{}", run.report(), run.stdout);
        assert!(run.stdout.contains(" 0 failed"), "{}", run.stdout);
        assert_eq!(support::judge::text(&database).expect("a dump"), before, "{name}: the tests changed the schema");
        assert_eq!(database.row_counts(), rows, "{name}: the tests left rows");
    }
}

const GUARDED: &str = "
tables:
  notes:
    columns:
      id: int primary key
      author: text not null
      body: text
    rls: enabled
    policies:
      own notes:
        to: [trueup_test_writer]
        using: author = current_setting('request.jwt.claims', true)::json ->> 'sub'
        check: author = current_setting('request.jwt.claims', true)::json ->> 'sub'
    grants:
      trueup_test_writer: [select, insert, update]
";

fn run_tests(server: &Server, tests: &str, more: &[&str]) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("trueup.yaml"), "version: 1\n").expect("a file");
    std::fs::write(folder.path().join("schema.yaml"), format!("{GUARDED}\ntests:\n{tests}")).expect("a file");
    // Made beforehand, so that no run takes it away from another.
    let _ = support::servers::run(&server.ephemeral(), "create role trueup_test_writer nologin");
    let (project, scratch) = (folder.path().display().to_string(), server.scratch());
    let mut arguments = vec!["test", "--to", &project, "--ephemeral", &scratch];
    arguments.extend(more);
    trueup(&arguments)
}

const ROWS: &str = "given: {notes: [{id: 1, author: ann, body: a}, {id: 2, author: bob}]}
    as: {role: trueup_test_writer, claims: {sub: ann}}";

#[test]
fn mutation_names_the_half_of_a_policy_that_no_test_notices() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let reads = format!("  ann reads her own:\n    {ROWS}\n    expect: [{{select: notes, sees: ['1']}}]\n");
    let run = run_tests(server, &reads, &["--mutate"]);
    assert_eq!(run.status, DIFFERS, "{}", run.report());
    assert!(
        run.stdout.contains("noticed    policy \"own notes\" on public.notes weakened to USING (true)"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("unnoticed  policy \"own notes\" on public.notes weakened to WITH CHECK (true)"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("1 of 3 changes went unnoticed"), "{}", run.stdout);
    // A test that fails anyway notices nothing.
    let fails = format!("{reads}  fails:\n    {ROWS}\n    expect: [{{select: notes, sees: ['2']}}]\n");
    let run = run_tests(server, &fails, &["--mutate"]);
    assert_eq!(run.status, DIFFERS, "{}", run.report());
    assert!(run.stdout.contains("1 of 3 changes went unnoticed"), "{}", run.stdout);
    let junit = run_tests(server, &reads, &["--mutate", "--format", "junit"]);
    assert!(junit.stdout.contains("name=\"trueup --mutate\" tests=\"3\" failures=\"1\""), "{}", junit.stdout);
    // With a test of writing, all of it is noticed.
    let writes = format!(
        "{reads}  ann writes her own:\n    {ROWS}\n    expect:\n      - {{insert: notes, row: {{id: 3, author: ann}}, rows: 1}}\n      \
         - {{insert: notes, row: {{id: 3, author: bob}}, denied: true}}\n"
    );
    let run = run_tests(server, &writes, &["--mutate"]);
    assert_eq!(run.status, 0, "{}\n{}", run.report(), run.stdout);
}

#[test]
fn a_denial_that_nobody_could_do_proves_nothing() {
    let Some(server) = support::servers::server() else {
        return;
    };
    for (expectation, said) in [
        (
            "{update: notes, set: {body: x}, where: {id: 7}, rows: 0}",
            "proves nothing: it touches no row for the owner either",
        ),
        ("{delete: notes, where: {id: 7}, denied: true}", "proves nothing: it touches no row for the owner either"),
        ("{insert: notes, row: {id: 1, author: bob}, denied: true}", "proves nothing: it fails for the owner, too"),
        ("{select: notes, sees: ['1', '2']}", "sees [1] instead of [1, 2]"),
        ("{insert: notes, row: {id: 3, author: ann}, denied: true}", "was to be denied and went through"),
        ("{select: notes, rows: 2}", "instead of"),
    ] {
        let run = run_tests(server, &format!("  t:\n    {ROWS}\n    expect: [{expectation}]\n"), &[]);
        assert_eq!(run.status, DIFFERS, "{expectation}: {}", run.report());
        assert!(run.stdout.contains(said), "{expectation}: {}", run.stdout);
        assert!(run.stdout.contains("0 passed, 1 failed"), "{}", run.stdout);
    }
}

#[test]
fn a_role_that_stands_in_tests_only_is_a_stranger() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let test = "  strangers see nothing:\n    given: {notes: [{id: 1, author: ann}]}\n    as: trueup_test_stranger\n    expect: [{select: notes, denied: true}]\n";
    let run = run_tests(server, test, &[]);
    assert_eq!(run.status, 0, "{}\n{}", run.report(), run.stdout);
    // A name that is misspelt would be denied everything as well.
    assert!(run.stderr.contains("the role trueup_test_stranger stands in tests only"), "{}", run.stderr);
    let roles = server.database().rows("select from pg_roles where rolname = 'trueup_test_stranger'").expect("rows");
    assert!(roles.is_empty(), "the role is left on the server that was given");
    // On a live database it has to be there.
    let database = server.database();
    database.load("create table notes (id int primary key, author text not null, body text)").expect("a table");
    let run = run_tests(server, test, &["--from", &database.url]);
    assert_eq!(run.status, 1, "{}", run.report());
    let said = ["unknown-role", "schema.yaml:", "runs as the role trueup_test_stranger, which does not exist"];
    assert!(said.iter().all(|words| run.stderr.contains(words)), "{}", run.stderr);
}

#[test]
fn a_test_of_what_does_not_exist_is_an_error() {
    let Some(server) = support::servers::server() else {
        return;
    };
    for (test, said) in [
        ("  t:\n    as: trueup_test_writer\n    expect: [{select: note, sees: []}]\n", "note"),
        ("  t:\n    given: {nots: [{id: 1}]}\n    expect: [{select: notes, sees: []}]\n", "nots"),
        ("  t:\n    given: {notes: [{id: 1, autor: x}]}\n    expect: [{select: notes, sees: []}]\n", "autor"),
        ("  t:\n    as: trueup_no_such_role\n    expect: [{select: notes, sees: []}]\n", "trueup_no_such_role"),
    ] {
        let run = run_tests(server, test, &[]);
        assert!(run.status == 1 || run.status == DIFFERS, "{test}: {}", run.report());
        assert!(run.stderr.contains(said) || run.stdout.contains(said), "{test}: {}\n{}", run.report(), run.stdout);
    }
}

#[test]
fn junit_is_xml_that_a_parser_reads() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let tests = format!(
        "  \"a <b> & 'c' \\\"d\\\" \\x07\":\n    {ROWS}\n    expect: [{{select: notes, sees: ['2']}}]\n  passes:\n    {ROWS}\n    expect: [{{select: notes, sees: ['1']}}]\n"
    );
    let run = run_tests(server, &tests, &["--format", "junit"]);
    assert_eq!(run.status, DIFFERS, "{}", run.report());
    let quoted = format!("'{}'", run.stdout.replace('\'', "''"));
    let query = format!(
        "select (xpath('/testsuites/testsuite/@tests', d))[1], (xpath('/testsuites/testsuite/@failures', d))[1], \
         array_length(xpath('//testcase', d), 1), array_length(xpath('//testcase/failure', d), 1), \
         (xpath('//testcase[failure]/@name', d))[1] from (select xmlparse(document {quoted})) x (d)"
    );
    match server.database().rows(&query) {
        Ok(rows) => {
            let found: Vec<String> = rows.into_iter().flatten().flatten().collect();
            assert_eq!(found[..4], ["2", "1", "2", "1"], "{}", run.stdout);
            assert!(found[4].contains("a &lt;b&gt; &amp;"), "{found:?}");
        }
        Err(why) if why.contains("unsupported XML feature") => println!("SKIPPED: this PostgreSQL has no XML parser"),
        Err(why) => panic!("{why}: {}", run.stdout),
    }
}
