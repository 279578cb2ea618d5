//! Bad input: one clear error with its cause, no panic, no password, and nothing that was connected to or changed.

#![allow(clippy::print_stdout, dead_code)]

mod support;

use support::trueup::trueup;

/// What is wrong, the YAML, and words of the error. The server cannot be reached: the error must come before it is tried.
const REFUSED_BEFORE_CONNECTING: &[(&str, &str, &str)] = &[
    ("broken YAML", "tables:\n  t: [\n", "yaml-syntax"),
    ("unknown kind", "tabels:\n  t: {}\n", "did you mean `tables`"),
    ("unknown key", "tables:\n  t:\n    colums: {}\n", "did you mean `columns`"),
    ("duplicate key", "tables:\n  t:\n    columns: {a: int}\n  t:\n    columns: {b: int}\n", "duplicate-key"),
    (
        "duplicate object",
        "tables:\n  t:\n    columns: {a: int}\n  public.t:\n    columns: {b: int}\n",
        "declared twice",
    ),
    ("default", "tables:\n  t:\n    columns: {a: {type: int, default: \"1; drop table x\"}}\n", "sql-syntax"),
    ("column", "tables:\n  t:\n    columns: {a: \"int; drop table x\"}\n", "sql-syntax"),
    ("column that closes", "tables:\n  t:\n    columns: {a: \"int); drop table x; --\"}\n", "sql-syntax"),
    ("two columns", "tables:\n  t:\n    columns: {a: \"int, b int\"}\n", "sql-syntax"),
    (
        "generated",
        "tables:\n  t:\n    columns: {a: {type: int, generated: \"1) stored; drop table x; --\"}}\n",
        "sql-syntax",
    ),
    (
        "check",
        "tables:\n  t:\n    columns: {a: int}\n    constraints: {c: \"check (a > 1); drop table x\"}\n",
        "sql-syntax",
    ),
    ("index", "tables:\n  t:\n    columns: {a: int}\n    indexes: {i: \"(a); drop table x\"}\n", "sql-syntax"),
    (
        "policy",
        "tables:\n  t:\n    columns: {a: int}\n    policies: {p: {using: \"true); drop table x; --\"}}\n",
        "sql-syntax",
    ),
    (
        "trigger",
        "tables:\n  t:\n    columns: {a: int}\n    triggers: {g: \"before update for each row execute function f(); drop table x\"}\n",
        "the definition of one trigger",
    ),
    ("view", "views: {v: \"select 1 as a; drop table x\"}\n", "one query"),
    ("view in a mapping", "views: {v: {query: \"select 1 as a; drop table x\"}}\n", "one query"),
    ("materialized view", "materialized_views: {v: \"select 1 as a; drop table x\"}\n", "one query"),
    (
        "signature",
        "functions:\n  \"f(); drop table x; --\": {returns: int, language: sql, body: select 1}\n",
        "no signature",
    ),
    (
        "result type",
        "functions:\n  f(): {returns: \"int as 'select 1'; drop table x; --\", language: sql, body: select 1}\n",
        "one `returns`",
    ),
    (
        "standard body",
        "functions:\n  f(): {returns: int, sql_body: \"begin atomic select 1; end; drop table x\"}\n",
        "one `sql_body`",
    ),
    (
        "partition key",
        "tables:\n  t:\n    columns: {a: int}\n    partition_by: \"range (a); drop table x\"\n",
        "sql-syntax",
    ),
    (
        "partition bound",
        "tables:\n  t:\n    columns: {a: int}\n    partition_by: range (a)\n    partitions: {p: \"for values from (1) to (2); drop table x\"}\n",
        "sql-syntax",
    ),
    ("domain", "domains: {d: \"int check (value > 1); drop table x\"}\n", "sql-syntax"),
    ("sequence", "sequences: {s: \"start 1; drop table x\"}\n", "sql-syntax"),
    ("invariant", "invariants: {i: {violations: \"select 1; drop table x\"}}\n", "sql-syntax"),
];

#[test]
fn what_is_wrong_is_said_before_anything_is_connected_to() {
    let mut wrong = Vec::new();
    for (what, yaml, expected) in REFUSED_BEFORE_CONNECTING {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("schema.yaml"), yaml).expect("a file");
        let name = folder.path().display().to_string();
        for command in ["diff", "plan", "verify"] {
            let run = trueup(&[command, "-v", "--from", "postgres://u:s3cret@127.0.0.1:1/x", "--to", &name]);
            let said = format!("{}{}", run.stdout, run.stderr);
            if run.status != 1 || !said.contains(expected) || said.contains("s3cret") || said.contains("panicked") {
                wrong.push(format!("{what}: {}", run.report()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_password_is_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("schema.yaml"), "tables:\n  t:\n    columns: {a: int}\n").expect("a file");
    let name = folder.path().display().to_string();
    for state in ["postgres://u:s3cret@127.0.0.1:1/x", "host=127.0.0.1 port=1 user=u password=s3cret dbname=x"] {
        for more in [&["-v"][..], &["-v", "--format", "json"]] {
            let run = trueup(&[&["diff", "--from", state, "--to", &name][..], more].concat());
            assert_eq!(run.status, 1, "{}", run.report());
            assert!(run.stderr.contains("cannot-connect"), "{}", run.report());
            assert!(!run.stderr.contains("s3cret") && !run.stdout.contains("s3cret"), "a password was shown");
        }
    }
}

#[test]
fn a_semicolon_within_a_text_is_no_second_statement() {
    let folder = tempfile::tempdir().expect("a folder");
    let yaml = "tables:\n  t:\n    comment: one; two\n    columns: {a: \"text default 'x;y'\"}\n\
                views: {v: \"select ';' as a; \"}\n\
                functions:\n  f(): {returns: int, sql_body: \"begin atomic select 1; end\"}\n";
    std::fs::write(folder.path().join("schema.yaml"), yaml).expect("a file");
    let run = trueup(&["check", "--to", &folder.path().display().to_string()]);
    assert_eq!(run.status, 0, "{}", run.report());
}
