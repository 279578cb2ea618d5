//! Bad input: one clear error with its cause, no panic, no password, and nothing that was connected to or changed.

#![allow(clippy::print_stdout, clippy::disallowed_methods, dead_code)]

mod support;

use support::place::{Place, ends};
use support::servers::{Server, rows, run, server, until};
use support::trueup::{REFUSED, Run, trueup, trueup_in};

#[test]
fn mistakes_in_a_revision_are_told_where_git_knows_them() {
    let Some(server) = server() else { return };
    let place = Place::new(server, "select 1");
    place.write("sub/db/trueup.yaml", "version: 1\n");
    place.write("sub/db/a.yaml", "tables:\n  t:\n    colums: {id: int}\n");
    place.write("sub/body/trueup.yaml", "version: 1\n");
    let function = |file: &str| format!("functions:\n  f(): {{returns: int, language: sql, body: !file {file}}}\n");
    place.write("sub/body/s/a.yaml", &function("../bodies/f.txt"));
    place.write("sub/body/bodies/f.txt", "begin atomic select no_such_thing; end");
    place.write("sub/gone/a.yaml", &function("gone.sql"));
    place.write("sub/warned/a.yaml", "functions:\n  f(): {returns: int, language: sql, body: select * from nowhere}\n");
    place.write("sub/file/1.sql", "create table t (a int);\nselect * from nowhere;\n");
    place.write("sub/old.json", "{\"trueup_snapshot\": 1,\n}");
    place.git(&["init", "-q"]);
    place.git(&["add", "."]);
    place.git(&["commit", "-q", "-m", "x"]);
    place.git(&["branch", "base"]);
    let call = |folder: &str, state: &str, form: &str| {
        let folder = place.path().join(folder);
        let run = trueup_in(
            &folder,
            &["diff", "--from", state, "--to", "empty", "--ephemeral", &place.scratch, "--format", form],
        );
        let all = format!("{}{}", run.stdout, run.stderr);
        assert!(!all.contains("/tmp") && !all.contains(".tmp"), "{state}: {all}");
        run
    };
    for (folder, state, at) in [
        ("sub", "git:base:db", "base:sub/db/a.yaml:3:5"),
        (".", "git:base:sub/db", "base:sub/db/a.yaml:3:5"),
        ("sub", "git:base:gone", "base:sub/gone/a.yaml:2:"),
        ("sub", "git:base:file", "base:sub/file/1.sql:2:15"),
        ("sub", "git:base:old.json", "base:sub/old.json:2:"),
    ] {
        let run = ends(call(folder, state, "text"), 1);
        assert!(run.stderr.contains(at), "{state}: {}", run.stderr);
        let run = ends(call(folder, state, "github"), 1);
        let line = run.stdout.lines().find(|line| line.starts_with("::error ")).unwrap_or_default();
        assert!(line.contains(at) && !line.contains("file="), "{state}: {}", run.stdout);
        let run = ends(call(folder, state, "json"), 1);
        let (file, _) = at
            .split_once(":sub/")
            .map(|(_, rest)| (at.replace(rest, rest.split(':').next().unwrap_or(rest)), ()))
            .unwrap();
        assert!(run.stderr.contains(&format!("\"file\":\"{file}\"")), "{state}: {}", run.stderr);
    }
    // Bodies in files of other endings are a part of the revision; warnings say the same place.
    let warned = call("sub", "git:base:warned", "text");
    assert!(warned.stderr.contains("base:sub/warned/a.yaml:2:"), "{}", warned.stderr);
    let body = call("sub", "git:base:body", "text");
    assert!(body.stderr.contains("base:sub/body/") && !body.stderr.contains("failed to read"), "{}", body.stderr);
    // What is at hand is annotated where it stands.
    let run =
        ends(trueup_in(&place.path().join("sub"), &["diff", "--from", "empty", "--to", "db", "--format", "github"]), 1);
    assert!(run.stdout.starts_with("::error file=db/a.yaml,line=3,col=5,"), "{}", run.stdout);
}

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

/// A project of one file.
fn project(yaml: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("schema.yaml"), yaml).expect("a file");
    let name = folder.path().display().to_string();
    (folder, name)
}

#[track_caller]
fn says(run: &Run, status: i32, words: &[&str]) {
    assert_eq!(run.status, status, "{}", run.report());
    for word in words {
        assert!(run.stderr.contains(word), "`{word}` is missing: {}", run.stderr);
    }
    assert!(!run.stderr.contains("panicked") && !run.stderr.contains("s3cret"), "{}", run.stderr);
}

/// All that a database holds, but for the rows, in one text: equal when nothing was changed.
fn shape(url: &str) -> Vec<Vec<Option<String>>> {
    let sql = "select c.oid, c.relname, a.attname, a.attnotnull, (select count(*) from pg_constraint) from pg_class c \
               left join pg_attribute a on a.attrelid = c.oid where c.oid >= 16384 order by 1, 3";
    rows(url, sql).expect("the catalog can be read")
}

#[test]
fn a_server_that_is_not_there() {
    let (_folder, name) = project("tables:\n  t:\n    columns: {a: int}\n");
    for (state, words) in [
        ("postgres://u:s3cret@127.0.0.1:1/x", &["cannot-connect", "127.0.0.1:1", "refused"][..]),
        ("postgres://u:s3cret@no-such-host.invalid/x", &["no-such-host.invalid"]),
        ("host=/nowhere user=u password=s3cret dbname=x", &["/nowhere"]),
    ] {
        for command in ["diff", "apply"] {
            says(&trueup(&[command, "--from", state, "--to", &name]), 1, words);
        }
    }
}

#[test]
fn a_password_that_is_wrong() {
    let Ok(server) = Server::start(support::servers::DEFAULT_MAJOR) else {
        println!("SKIPPED: no server");
        return;
    };
    let url = server.url("postgres");
    let setup = "set password_encryption = 'scram-sha-256'; create role careful login password 'the right one';
        create or replace function pg_temp.hba() returns text language sql as $$ select current_setting('hba_file') $$;
        do $$begin execute format('copy (values (%L), (%L)) to %L',
            'local all careful scram-sha-256', 'local all all trust', current_setting('hba_file')); end$$;";
    run(&url, setup).expect("a superuser may");
    run(&url, "select pg_reload_conf()").expect("a superuser may");
    let (_folder, name) = project("tables:\n  t:\n    columns: {a: int}\n");
    let careful = |password: &str| url.replace("postgres@", &format!("careful{password}@"));
    // The new rules hold when the server has read them: then there is no way in without a password.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while rows(&careful(""), "select 1").is_ok() {
        assert!(std::time::Instant::now() < deadline, "the server does not read its rules");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    for call in [&["diff"][..], &["apply", "--yes"], &["diff", "--format", "json"], &["verify"]] {
        let from = careful(":s3cret");
        let run = trueup(&[call, &["-v", "--from", &from, "--to", &name]].concat());
        says(&run, 1, &["careful", "password"]);
        assert!(!run.stdout.contains("s3cret"), "{}", run.stdout);
    }
    says(&trueup(&["diff", "--from", &careful(""), "--to", &name]), 1, &["password"]);
    let right = careful(":the%20right%20one");
    let fine = trueup(&["diff", "--from", &right, "--to", &name, "--ephemeral", &server.scratch()]);
    assert_eq!(fine.status, 2, "{}", fine.report());
    assert!(!format!("{}{}", fine.stdout, fine.stderr).contains("right"), "{}", fine.stdout);
}

#[test]
fn a_server_that_is_too_old() {
    let Some(old) = support::servers::server_of(13) else { return };
    let (_folder, name) = project("tables:\n  t:\n    columns: {a: int}\n");
    let run = trueup(&["diff", "--from", &old.url("postgres"), "--to", &name]);
    says(&run, 1, &["server-too-old", "is PostgreSQL 13", "PostgreSQL 14 is the oldest"]);
}

#[test]
fn what_is_missing_on_the_server_is_said_all_at_once() {
    let Some(server) = server() else { return };
    // The scratch server is another one: roles that are made there to try the declaration are not on the live one.
    let Ok(other) = Server::start(server.major) else { return };
    let database = server.database();
    let role = format!("limited_{}", std::process::id());
    database
        .load(&format!(
            "create role {role} login; create table mine (a int); create table yours (a int); alter table mine owner to {role};
             revoke create on schema public from public"
        ))
        .expect("a database");
    let before = shape(&database.url);
    let (_folder, name) = project(
        "tables:\n  mine: {columns: {a: int, b: int}}\n  yours:\n    columns: {a: int, b: int}\n    rls: enabled\n    \
         policies: {p: {to: [nobody_of_that_name], using: a > 0}}\n  new: {columns: {a: int}}\n",
    );
    let from = database.url.replace("postgres@", &format!("{role}@"));
    let run = trueup(&["apply", "--from", &from, "--to", &name, "--yes", "--ephemeral", &other.ephemeral()]);
    let after = shape(&database.url);
    let _ = support::servers::run(&database.url, &format!("drop owned by {role}; drop role {role}"));
    says(
        &run,
        1,
        &[
            "there is no role nobody_of_that_name",
            "also: table public.yours belongs to postgres",
            "may not create table public.new in the schema public",
            "GRANT CREATE ON SCHEMA public",
            "CREATE ROLE nobody_of_that_name",
            "nothing has been changed",
        ],
    );
    assert_eq!(before, after, "something was changed");
}

#[test]
fn an_extension_that_is_not_installed() {
    let Some(server) = server() else { return };
    let database = server.database();
    let (_folder, name) = project("extensions: {no_such_extension: {}}\ntables:\n  t: {columns: {a: int}}\n");
    let run = trueup(&["apply", "--from", &database.url, "--to", &name, "--yes", "--ephemeral", &server.scratch()]);
    says(&run, 1, &["no_such_extension"]);
    assert!(shape(&database.url).is_empty(), "something was changed");
}

#[test]
fn rows_that_do_not_fit_are_said_before_anything_is_changed() {
    let Some(server) = server() else { return };
    let database = server.database();
    database
        .load(
            "create table p (id int primary key); insert into p values (1);
             create table t (id int primary key, a int, b text, p_id int, u int);
             insert into t values (1, 1, null, 1, 5), (2, 1, 'x', 7, 6), (3, -1, 'y', null, 7);",
        )
        .expect("a database");
    let before = shape(&database.url);
    let scratch = server.scratch();
    let apply = |name: &str, more: &[&str]| {
        trueup(&[&["apply", "--from", &database.url, "--to", name, "--yes", "--ephemeral", &scratch], more].concat())
    };
    let (_folder, name) = project(
        "tables:\n  p: {columns: {id: int primary key}}\n  t:\n    columns:\n      id: int primary key\n      a: int unique\n      \
         b: text not null\n      p_id: int references p (id)\n      u: int\n      n: int not null\n    \
         constraints: {pos: check (a > 0)}\n    indexes: {once: unique (u)}\n",
    );
    let run = apply(&name, &[]);
    says(
        &run,
        1,
        &[
            "rows-violate",
            "the column b of public.t is to be NOT NULL, and it is NULL in 1 row",
            "the new column n of public.t is NOT NULL and has no default, and the table holds 3 rows",
            "the check pos of public.t does not hold in 1 row",
            "the foreign key t_p_id_fkey of public.t finds nothing in p for 1 row",
            "the key t_a_key of public.t is to be unique, and is repeated for 1 value",
            "nothing has been changed",
            "a default",
            "`backfill`",
        ],
    );
    assert!(!run.stderr.contains("once"), "what holds is no problem: {}", run.stderr);
    assert_eq!(shape(&database.url), before, "something was changed");
    // What comes in a later phase stops nothing now.
    let early = apply(&name, &["--until", "expand"]);
    assert_eq!(early.status, 0, "{}", early.report());
    // The ways out that were named.
    let (_folder, name) = project(
        "tables:\n  p: {columns: {id: int primary key}}\n  t:\n    columns:\n      id: int primary key\n      a: int\n      \
         b: {type: text, not_null: true, backfill: \"'?'\"}\n      p_id: int\n      u: int\n      n: int not null default 0\n      \
         m: {type: int, not_null: true, backfill: id}\n",
    );
    let run = apply(&name, &[]);
    // The column n is there by now, without values: a default alone does not fill it.
    says(&run, 1, &["the column n of public.t is to be NOT NULL, and it is NULL in 3 rows"]);
    support::servers::run(&database.url, "alter table t drop column n").expect("a superuser may");
    let run = apply(&name, &[]);
    assert_eq!(run.status, 0, "{}", run.report());
}

#[test]
fn names_that_nobody_would_choose() {
    let Some(server) = server() else { return };
    let database = server.database();
    let long = "x".repeat(63);
    let names = [
        "a\nb\tc",
        "quo\"te",
        "apo'strophe",
        "\u{1b}[31mred",
        "semi;colon--",
        "ünï😀",
        "{curly}",
        "${VAR}",
        " ",
        long.as_str(),
    ];
    let sql: String = names
        .iter()
        .map(|name| {
            let name = support::servers::quoted(name);
            format!("create table {name} ({name} int primary key, a int check ({name} > 0)); comment on table {name} is 'x'; create index on {name} (a);\n")
        })
        .collect();
    database.load(&sql).expect("a database");
    let folder = tempfile::tempdir().expect("a folder");
    let name = folder.path().join("p").display().to_string();
    let scratch = server.scratch();
    let pull = trueup(&["pull", "--from", &database.url, "--out", &name]);
    assert_eq!(pull.status, 0, "{}", pull.report());
    let copy = server.database();
    for arguments in [
        &["diff", "--from", database.url.as_str(), "--to", &name][..],
        &["apply", "--from", &copy.url, "--to", &name, "--yes"],
        &["diff", "--from", &copy.url, "--to", &name],
        &["diff", "--from", &copy.url, "--to", "empty", "--prove"],
    ] {
        let run = trueup(&[arguments, &["--ephemeral", &scratch]].concat());
        let expected = if arguments.contains(&"empty") { 2 } else { 0 };
        assert_eq!(run.status, expected, "{}", run.report());
        assert!(!run.stdout.contains('\u{1b}') && !run.stderr.contains('\u{1b}'), "an escape reaches the terminal");
    }
    // One byte more than PostgreSQL keeps would be cut off in silence.
    let (_folder, name) = project(&format!("tables:\n  {}: {{columns: {{a: int}}}}\n", "y".repeat(64)));
    says(&trueup(&["check", "--to", &name]), 1, &["63"]);
    says(&trueup(&["diff", "--from", "empty", "--to", &name, "--ephemeral", &scratch]), 1, &["63"]);
}

#[test]
fn what_needs_consent_is_refused_and_changes_nothing() {
    let Some(server) = server() else { return };
    let database = server.database();
    database.load("create table t (a int, b int); insert into t values (1, 2)").expect("a database");
    let before = shape(&database.url);
    let (_folder, name) = project("tables:\n  t: {columns: {a: int}}\n");
    let run = trueup(&["apply", "--from", &database.url, "--to", &name, "--yes", "--ephemeral", &server.scratch()]);
    says(&run, REFUSED, &["consent-missing", "1 value of column public.t.b"]);
    assert_eq!(shape(&database.url), before);
    until(
        &database.url,
        "no session is left",
        "select count(*) = 0 from pg_stat_activity where application_name = 'trueup' and datname = current_database()",
    );
}
