//! The commands as docs/commands.md promises them, through the binary, against real servers: states in every form,
//! results in every form, refusals, environments.
#![allow(clippy::print_stdout, clippy::disallowed_methods, dead_code)]

mod support;

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use support::place::{Place, SCHEMA, SQL, ends, says};
use support::servers::run;
use support::trueup::{DIFFERS, FINE, REFUSED, command, trueup_in};

#[test]
fn every_form_of_a_state_can_be_compared() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(server, SQL);
    place.write("one.yaml", SCHEMA);
    place.write("one.sql", SQL);
    let (first, second) = SQL.split_once('\n').expect("two statements");
    place.write("migrations/1_first.sql", first);
    place.write("migrations/2_second.sql", second);
    ends(place.call(&["pull", "--from", "one.sql", "--out", "state.json"]), FINE);
    let settings = format!("version: 1\nenvironments: {{here: {{url: \"{}\"}}}}\n", place.database.url);
    place.write("trueup.yaml", &settings);
    place.write("p/trueup.yaml", &settings);
    place.git(&["init", "-q"]);
    place.git(&["add", "."]);
    place.git(&["commit", "-q", "-m", "x"]);
    let url = &place.database.url;
    let (name, host) = (url.split(['/', '?']).nth(3).expect("a database"), url.split("host=").nth(1).expect("a host"));
    let (folder, port) = host.split_once("&port=").expect("a port");
    let words = format!("host={folder} port={port} dbname={name} user=postgres");
    let states = [
        url.as_str(),
        &words,
        "p",
        "one.yaml",
        "one.sql",
        "migrations",
        "state.json",
        "git:HEAD:p",
        "git:HEAD:one.sql",
        "git:HEAD:state.json",
        "env:here",
    ];
    for state in states {
        ends(place.call(&["diff", "--from", state, "--to", "p"]), FINE);
        ends(place.call(&["diff", "--from", "one.sql", "--to", state]), FINE);
        ends(place.call(&["diff", "--from", "empty", "--to", state]), DIFFERS);
        let gone = ends(place.call(&["diff", "--from", state, "--to", "empty"]), DIFFERS);
        assert!(gone.stdout.contains("- table public.people"), "{}", gone.stdout);
    }
    // A revision alone is the folder as it was: here with two projects in it, so from within one.
    let within = place.path().join("p");
    let arguments = ["diff", "--from", "git:HEAD", "--to", ".", "--ephemeral", &place.scratch];
    ends(trueup_in(&within, &arguments), FINE);
    ends(place.call(&["diff", "--from", "empty", "--to", "empty"]), FINE);
    // Without --from, what the environment says.
    for variables in [
        &[("DATABASE_URL", url.as_str())][..],
        &[("PGHOST", folder), ("PGPORT", port), ("PGUSER", "postgres"), ("PGDATABASE", name)],
    ] {
        ends(place.call_with(variables, &["diff", "--to", "p"]), FINE);
    }
    says(&ends(place.call(&["diff", "--to", "p"]), 1), &["no database is named"]);
    says(&ends(place.call(&["diff", "--from", "empty", "--to", "nothing-here"]), 1), &["neither a file or folder"]);
    says(&ends(place.call(&["diff", "--from", "git:no-such-rev", "--to", "p"]), 1), &["no-such-rev"]);
    says(&ends(place.call(&["diff", "--from", "git:HEAD:nothing", "--to", "p"]), 1), &["nothing"]);
    says(&ends(place.call(&["diff", "--from", "env:heer", "--to", "p"]), 1), &["no environment `heer`"]);
}

/// Whether tags are balanced, as far as HTML demands it.
fn is_well_formed(html: &str) -> Result<(), String> {
    const VOID: &[&str] = &["meta", "br", "hr", "img", "input", "link", "!doctype"];
    let mut open: Vec<String> = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let end = rest[start..].find('>').ok_or("a tag without an end")? + start;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        let name: String = tag
            .trim_start_matches('/')
            .chars()
            .take_while(|c| !c.is_whitespace() && *c != '/')
            .collect::<String>()
            .to_lowercase();
        if tag.starts_with('/') {
            match open.pop() {
                Some(last) if last == name => {}
                other => return Err(format!("</{name}> where {other:?} is open")),
            }
        } else if name == "style" || name == "script" {
            let close = format!("</{name}>");
            rest = &rest[rest.find(&close).ok_or("style without an end")? + close.len()..];
        } else if !VOID.contains(&name.as_str()) && !tag.ends_with('/') {
            open.push(name);
        }
    }
    if open.is_empty() { Ok(()) } else { Err(format!("left open: {open:?}")) }
}

#[test]
fn every_form_of_a_result_is_what_it_says() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(
        server,
        "create table people (id int primary key, \"<b>&\" text); create table gone (a int); insert into gone values (1)",
    );
    let from = place.database.url.as_str();
    let base = ["--from", from, "--to", "p"];
    for call in ["diff", "plan"] {
        let status = if call == "diff" { DIFFERS } else { FINE };
        let form = |form: &str| ends(place.call(&[&[call], &base[..], &["--format", form]].concat()), status).stdout;
        let json: serde_json::Value = serde_json::from_str(&form("json")).expect("JSON");
        assert_eq!(json["trueup_report"], 1);
        assert!(json["plan"]["transactions"].as_array().is_some_and(|t| !t.is_empty()), "{json}");
        assert!(json["summary"]["need_consent"].as_u64().is_some_and(|n| n > 0), "{json}");
        let sql = form("sql");
        let statements: String = sql.lines().filter(|line| !line.starts_with('\\')).collect::<Vec<_>>().join("\n");
        assert!(pg_query::split_with_scanner(&statements).is_ok_and(|s| s.len() > 3), "{sql}");
        let markdown = form("markdown");
        assert!(markdown.starts_with("### ") && markdown.matches("```").count().is_multiple_of(2), "{markdown}");
        assert_eq!(markdown.matches("<details>").count(), markdown.matches("</details>").count());
        assert!(form("text").contains("Plan"));
    }
    let github = ends(place.call(&[&["diff"], &base[..], &["--format", "github"]].concat()), DIFFERS).stdout;
    assert!(github.lines().any(|line| line.starts_with("### ")), "{github}");
    let html = ends(place.call(&[&["plan"], &base[..], &["--format", "html"]].concat()), FINE).stdout;
    is_well_formed(&html).unwrap_or_else(|why| panic!("{why}: {html}"));
    assert!(!html.contains("\"<b>&\"") && html.contains("&lt;b&gt;&amp;"), "{html}");
    // The form follows from the name of the file.
    for (name, begins) in [("plan.json", "{"), ("plan.sql", "--"), ("plan.md", "### "), ("plan.html", "<!")] {
        ends(place.call(&[&["plan"], &base[..], &["--out", name]].concat()), FINE);
        assert!(place.read(name).to_lowercase().starts_with(begins), "{name}: {}", place.read(name));
    }
    // Nothing differs: each form says so.
    for form in ["text", "json", "sql", "markdown", "github"] {
        ends(place.call(&["diff", "--from", "p", "--to", "p", "--format", form]), FINE);
    }
    let holds = ends(place.call(&["verify", "--from", from, "--to", "p", "--format", "json"]), DIFFERS);
    let json: serde_json::Value = serde_json::from_str(&holds.stdout).expect("JSON");
    assert_eq!(json["holds"], false);
}

#[test]
fn what_is_not_consented_to_is_not_run() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(server, &format!("{SQL} create table gone (a int); insert into gone values (1), (2);"));
    let from = place.database.url.clone();
    let apply = |more: &[&str]| place.call(&[&["apply", "--from", &from, "--to", "p"], more].concat());
    let refused = ends(apply(&["--yes"]), REFUSED);
    says(&refused, &["consent-missing", "data-loss", "2 rows of table public.gone are lost", "--allow data-loss,drop"]);
    says(&ends(apply(&["--yes", "--allow", "rewrite,blocking"]), REFUSED), &["consent-missing"]);
    says(&ends(apply(&["--allow", "data-loss,drop"]), REFUSED), &["no terminal", "--yes"]);
    // What would be lost comes in the contract phase; nothing before it is to be done.
    let later = ends(apply(&["--yes", "--until", "migrate"]), FINE);
    assert!(later.stdout.contains("Nothing to run in this phase"), "{}", later.stdout);
    assert!(place.database.rows("select from gone").is_ok_and(|rows| rows.len() == 2), "something was run");
    says(&ends(apply(&["--yes", "--allow", "data-loss"]), REFUSED), &["drop: table public.gone"]);
    ends(apply(&["--yes", "--allow", "data-loss,drop"]), FINE);
    assert!(place.database.rows("select from gone").is_err(), "the table is still there");
    let nothing = ends(apply(&[]), FINE);
    assert!(nothing.stdout.contains("No differences"), "{}", nothing.stdout);
    for wrong in
        [&["apply", "--from", "p", "--to", "p", "--yes"][..], &["apply", "--from", "empty", "--to", "p", "--yes"]]
    {
        says(&ends(place.call(wrong), 1), &["no live database"]);
    }
    ends(place.call(&["apply", "--allow", "everything"]), 1);
    ends(place.call(&["apply", "--until", "never"]), 1);
}

#[test]
fn phases_are_run_one_after_the_other() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(
        server,
        "create type mood as enum ('glad', 'sad'); create table people (id int primary key, name text, old text);
        insert into people values (1, 'a', 'b')",
    );
    let from = place.database.url.clone();
    let apply = |until: &str| {
        ends(place.call(&["apply", "--from", &from, "--to", "p", "--yes", "--allow", "all", "--until", until]), FINE)
    };
    let columns = || {
        let sql = "select string_agg(column_name || left(is_nullable, 1), ' ' order by column_name) from information_schema.columns where table_name = 'people'";
        place.database.rows(sql).expect("rows").remove(0).remove(0).unwrap_or_default()
    };
    let first = apply("expand");
    assert_eq!(columns(), "idN moodY nameY oldY", "old code goes on working");
    assert!(first.stdout.contains("in later phases"), "{}", first.stdout);
    apply("migrate");
    assert_eq!(columns(), "idN moodY nameY oldY");
    apply("contract");
    assert_eq!(columns(), "idN moodY nameN");
}

/// Names that are exchanged, or taken again, are no rename that could be told from what is already done: that is said.
#[test]
fn a_rename_that_is_not_done_is_said() {
    let Some(server) = support::servers::server() else { return };
    let place =
        Place::new(server, "create table t (id int primary key, a int, b text); insert into t values (1, 2, 'x')");
    let columns = |a: &str, b: &str| {
        let text = format!("tables:\n  t:\n    columns:\n      id: int primary key\n      a: {a}\n      b: {b}\n");
        place.write("p/schema.yaml", &text);
        place.call(&["diff", "--from", &place.database.url, "--to", "p"])
    };
    let swapped = ends(columns("{type: text, was: b}", "{type: int, was: a}"), 1);
    says(&swapped, &["error[not-renamed]", "exchange their names", "schema.yaml:5"]);
    let again = ends(columns("int", "{type: text, was: a}"), FINE);
    says(&again, &["warning[not-renamed]"]);
    // Nothing becomes another kind of object, and a value that is there under both names is not guessed.
    place.write(
        "p/schema.yaml",
        "tables:\n  base: {columns: {id: int}}\nviews:\n  v: {was: t, query: select id from base}\n",
    );
    let kind = ends(place.call(&["diff", "--from", &place.database.url, "--to", "p"]), 1);
    says(&kind, &["error[not-renamed]", "what has that name is table public.t", "schema.yaml:4"]);
    run(&place.database.url, "create type mood as enum ('glad', 'happy')").expect("a type");
    place.write("p/schema.yaml", "enums:\n  mood: {values: [glad], renamed: {glad: happy}}\n");
    let both = ends(place.call(&["diff", "--from", &place.database.url, "--to", "p"]), 1);
    says(&both, &["error[not-renamed]", "'happy'", "both are there"]);
    run(&place.database.url, "drop type mood").expect("the type goes");
    let done = ends(columns("int", "{type: text, was: c}"), FINE);
    assert!(!done.stderr.contains("not-renamed"), "{}", done.stderr);
}

#[test]
fn a_saved_plan_is_run_as_it_is_and_refused_when_the_database_has_changed() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(server, "create type mood as enum ('glad', 'sad')");
    let from = place.database.url.clone();
    ends(place.call(&["plan", "--from", &from, "--to", "p", "--out", "plan.json"]), FINE);
    assert!(
        !place.read("plan.json").contains("postgres@/"),
        "the plan holds a connection string: {}",
        place.read("plan.json")
    );
    run(&from, "create table other (a int)").expect("a table");
    let stale = ends(place.call(&["apply", "plan.json", "--from", &from, "--yes"]), REFUSED);
    says(&stale, &["stale-plan", "trueup plan --out"]);
    assert!(place.database.rows("select from people").is_err(), "something was run");
    run(&from, "drop table other").expect("the table goes");
    ends(place.call(&["apply", "plan.json", "--from", &from]), REFUSED);
    ends(place.call(&["apply", "plan.json", "--from", &from, "--yes"]), FINE);
    ends(place.call(&["diff", "--from", &from, "--to", "p"]), FINE);
    let again = ends(place.call(&["apply", "plan.json", "--from", &from, "--yes"]), FINE);
    assert!(again.stdout.contains("already applied; nothing to do"), "{}", again.stdout);
    run(&from, "alter table people alter name drop not null").expect("somebody else's change");
    says(&ends(place.call(&["apply", "plan.json", "--from", &from, "--yes"]), REFUSED), &["stale-plan"]);
    for (name, text) in [("broken.json", "{"), ("other.json", "{\"a\": 1}"), ("missing.json", "")] {
        if !text.is_empty() {
            place.write(name, text);
        }
        let refused = ends(place.call(&["apply", name, "--from", &from, "--yes"]), 1);
        says(&refused, &[name]);
    }
}

/// What a project leaves open (the version of an extension) is as it is found afterwards.
#[test]
fn a_saved_plan_that_made_an_extension_says_that_it_is_done() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(server, "select 1");
    let from = place.database.url.clone();
    place.write("e/trueup.yaml", "version: 1\n");
    place.write("e/s.yaml", "extensions: {btree_gist: {}}\ntables: {t: {columns: {a: int}}}\n");
    ends(place.call(&["plan", "--from", &from, "--to", "e", "--out", "e.json"]), FINE);
    ends(place.call(&["apply", "e.json", "--from", &from, "--to", "e", "--yes"]), FINE);
    let again = ends(place.call(&["apply", "e.json", "--from", &from, "--to", "e", "--yes"]), FINE);
    assert!(again.stdout.contains("already applied; nothing to do"), "{}", again.stdout);
    run(&from, "alter table t alter a type bigint").expect("somebody else's change");
    says(&ends(place.call(&["apply", "e.json", "--from", &from, "--to", "e", "--yes"]), REFUSED), &["stale-plan"]);
}

#[test]
fn a_pull_says_who_else_has_granted() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(server, "create table g (a int, b int, id int generated always as identity)");
    let from = place.database.url.clone();
    let roles = "create role passes_on; create role \"gets it\"";
    run(&from, roles).expect("roles");
    let grants = "grant select on g to passes_on with grant option; grant update (b) on g to passes_on with grant option; \
                  grant usage on sequence g_id_seq to passes_on with grant option; \
                  set role passes_on; grant select, update (b) on g to \"gets it\"; \
                  grant usage on sequence g_id_seq to \"gets it\"";
    run(&from, grants).expect("grants");
    let pulled = ends(place.call(&["pull", "--from", &from, "--out", "granted"]), FINE);
    says(
        &pulled,
        &[
            "3 grants by another role than the owner",
            "select on table public.g to \"gets it\", granted by passes_on",
            "update on column public.g.b to \"gets it\", granted by passes_on",
            "usage on the sequence of column public.g.id to \"gets it\", granted by passes_on",
        ],
    );
    ends(place.call(&["diff", "--from", &from, "--to", "granted"]), FINE);
    run(&from, "drop table g; drop role passes_on; drop role \"gets it\"").expect("all goes");
}

#[test]
fn what_users_may_do_with_parts_of_an_extension_is_named() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(server, "create extension pgcrypto; create table t (a int)");
    let from = place.database.url.clone();
    let named = "is not modelled and is left alone";
    let pulled = ends(place.call(&["pull", "--from", &from, "--out", "before"]), FINE);
    assert!(!pulled.stderr.contains(named), "{}", pulled.stderr);

    run(&from, "revoke execute on function digest(text, text) from public").expect("less than the extension gives");
    let part = "1 of kind privilege on a part of an extension is not modelled and is left alone: \
                function digest(text,text) for public";
    says(&ends(place.call(&["pull", "--from", &from, "--out", "after"]), FINE), &[part]);
    says(&ends(place.call(&["diff", "--from", &from, "--to", "before"]), FINE), &[part]);

    let schema = "drop extension pgcrypto; create schema x; \
                  alter default privileges in schema x grant execute on functions to public; \
                  create extension pgcrypto schema x";
    run(&from, schema).expect("default privileges");
    let pulled = ends(place.call(&["pull", "--from", &from, "--out", "same"]), FINE);
    assert!(!pulled.stderr.contains(named), "PUBLIC may execute functions anyway: {}", pulled.stderr);
    let given = "drop extension pgcrypto; alter default privileges in schema x grant execute on functions to pg_monitor; \
                 create extension pgcrypto schema x";
    run(&from, given).expect("default privileges");
    let part = "of kind default privilege on a part of an extension is not modelled and is left alone: function x.";
    says(&ends(place.call(&["pull", "--from", &from, "--out", "given"]), FINE), &[part]);
}

/// The order of columns, and whether an heir has a column or check as its own as well, is no difference, and told of in any case.
#[test]
fn what_no_statement_changes_is_told() {
    let Some(server) = support::servers::server() else { return };
    let parent = "create table p (k int, constraint c check (k > 0));";
    let heir = "(k int, constraint c check (k > 0)) inherits (p)";
    let place = Place::new(server, &format!("create table t (a int, b int); {parent} create table h () inherits (p)"));
    let other = server.database();
    let (one, two) = (place.database.url.clone(), other.url.clone());
    run(&two, &format!("create table t (b int, a int); {parent} create table h {heir}")).expect("the same otherwise");
    for (name, wanted, found) in [("two", &two, &one), ("one", &one, &two)] {
        ends(place.call(&["pull", "--from", wanted, "--out", name]), FINE);
        let same = ends(place.call(&["diff", "--from", wanted, "--to", name]), FINE);
        assert!(same.stderr.is_empty(), "{}", same.stderr);
        for to in [name, wanted] {
            let diff = ends(place.call(&["diff", "--from", found, "--to", to]), FINE);
            let own = "as well as its parent's, or its parent's alone: public.h.c, public.h.k";
            says(&diff, &["another order than declared in public.t", own]);
        }
    }
}

/// Between two databases, what is said of the schema `public` counts like all else, on whichever side it is.
#[test]
fn what_two_databases_say_of_the_schema_public_is_compared() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(server, "create table t (a int)");
    let other = server.database();
    let (one, two) = (place.database.url.clone(), other.url.clone());
    run(&two, "create table t (a int)").expect("the same");
    ends(place.call(&["diff", "--from", &one, "--to", &two]), FINE);
    run(&two, "grant create on schema public to pg_monitor; comment on schema public is 'ours'").expect("more");
    let there = ["GRANT CREATE ON SCHEMA public TO pg_monitor", "COMMENT ON SCHEMA public IS 'ours'"];
    let back =
        ["REVOKE CREATE ON SCHEMA public FROM pg_monitor", "COMMENT ON SCHEMA public IS 'standard public schema'"];
    for (from, to, statements) in [(&one, &two, there), (&two, &one, back)] {
        let shown = ends(place.call(&["diff", "--from", from, "--to", to]), DIFFERS).stdout;
        assert!(statements.iter().all(|statement| shown.contains(statement)), "{shown}");
    }
}

/// Two databases are compared without a scratch server, too: what it would be asked is left out, and what then cannot be is refused.
#[test]
fn two_databases_need_no_scratch_server() {
    let Some(server) = support::servers::server() else { return };
    let table = "create table t (k int, x int) partition by list (k); create table t1 partition of t for values in (1); \
                 create index a on t (x);";
    let (place, other) = (Place::new(server, table), server.database());
    let (one, two) = (place.database.url.clone(), other.url.clone());
    run(&two, &format!("{table} alter index t1_x_idx rename to other")).expect("the same");
    let bare = |arguments: &[&str]| trueup_in(place.folder.path(), arguments);
    let nowhere = "postgres://postgres@127.0.0.1:1/none";
    let diff = ends(bare(&["diff", "--from", &one, "--to", &two, "--ephemeral", nowhere]), DIFFERS);
    says(&diff, &["part-names", "which stays"]);
    let call = ["apply", "--from", &one, "--to", &two, "--yes", "--allow", "all", "--ephemeral", nowhere];
    says(&ends(bare(&call), 1), &["which stays"]);
    ends(place.call(&["apply", "--from", &one, "--to", &two, "--yes"]), FINE);
    ends(bare(&["diff", "--from", &one, "--to", &two, "--ephemeral", nowhere]), FINE);
}

/// A plan that was begun is looked at again before the rest of it is run: what it is about may be in other use by now.
#[test]
fn a_saved_plan_that_was_begun_is_refused_when_what_is_left_has_changed() {
    let Some(server) = support::servers::server() else { return };
    let sql = format!("{SQL} alter table people add old int; insert into people values (1, 'a', 'sad', 7);");
    let place = Place::new(server, &sql);
    let from = place.database.url.clone();
    place.write("p/schema.yaml", &format!("{SCHEMA}      also: int\n"));
    let apply = |more: &[&str]| place.call(&[&["apply", "plan.json", "--from", &from, "--yes"], more].concat());
    ends(place.call(&["plan", "--from", &from, "--to", "p", "--out", "plan.json"]), FINE);
    says(&ends(apply(&[]), REFUSED), &["consent-missing", "people.old"]);
    ends(apply(&["--until", "expand"]), FINE);
    let nothing = ends(apply(&["--until", "expand"]), FINE);
    assert!(nothing.stdout.contains("Nothing to run in this phase; 1 step later"), "{}", nothing.stdout);
    run(&from, "alter table people alter old type text using 'in use again'").expect("somebody else's change");
    let stale = ends(apply(&["--allow", "data-loss,drop"]), REFUSED);
    says(&stale, &["stale-plan", "this plan was begun", "column public.people.old is no longer as it was"]);
    run(&from, "alter table people alter old type int using 7").expect("it is changed back");
    run(&from, "create index on people (old)").expect("an index that would go in silence");
    says(&ends(apply(&["--allow", "data-loss,drop"]), REFUSED), &["stale-plan", "column public.people.old"]);
    run(&from, "drop index people_old_idx").expect("it goes");
    // What is not touched by what is left is nobody's hindrance.
    run(&from, "create table other (a int); alter table people alter name drop not null").expect("other changes");
    ends(apply(&["--allow", "data-loss,drop"]), FINE);
    assert_eq!(place.database.rows("select id, also from people").expect("the table").len(), 1);
}

/// What changes between the reading of the database and the first step makes the plan be made again, under the lock.
#[test]
fn a_change_behind_the_back_of_apply_is_noticed() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(server, SQL);
    let from = place.database.url.clone();
    place.write("p/schema.yaml", &format!("{SCHEMA}      also: int\n"));
    let arguments = ["apply", "--from", &from, "--to", "p", "--allow", "drop", "--ephemeral", &place.scratch];
    let Some(mut child) = terminal(&place, &[], &arguments) else { return };
    let mut said = child.stdout.take().expect("a pipe");
    let mut until_asked = || {
        let mut text = Vec::new();
        while !text.ends_with(b"[y/N] ") {
            let mut byte = [0];
            assert_eq!(said.read(&mut byte).expect("it speaks"), 1, "{}", String::from_utf8_lossy(&text));
            text.push(byte[0]);
        }
        String::from_utf8_lossy(&text).into_owned()
    };
    let first = until_asked();
    assert!(first.contains("ADD COLUMN also") && first.contains("Apply this 1 step"), "{first}");
    // What is wanted, and something that is not.
    run(&from, "alter table people add also int; create index more on people (name)").expect("somebody else's change");
    child.stdin.as_mut().expect("a pipe").write_all(b"y\n").expect("it listens");
    let second = until_asked();
    assert!(
        second.contains("the plan is made again")
            && second.contains("DROP INDEX")
            && !second.contains("ADD COLUMN also"),
        "{second}"
    );
    child.stdin.as_mut().expect("a pipe").write_all(b"n\n").expect("it listens");
    child.wait().expect("it ends");
    assert!(place.database.rows("select also from people").is_ok());
}

/// What a plan would break and may not change is found while planning, and stops it before its first step.
/// What the owner of a view may not read fills no materialized view.
/// A column that tells partitions apart keeps its type; a value that the new type does not know stops the plan, and is shown.
/// What a run that was cut off left behind (a check that is not proved, an index that is not valid, a new form beside its old
/// one) is finished or taken away by the next one, also where what is not declared is kept.
#[test]
fn what_a_run_left_behind_is_finished_by_the_next() {
    let Some(server) = support::servers::server() else { return };
    let sql = "create table t (id int primary key, a int, b int);
        insert into t values (1, 7, 1), (2, 8, 1);
        alter table t add constraint ck check (a > 0), add constraint ck__trueup_new check (a > 5) not valid;
        alter table t add constraint trueup_a_not_null check (a is not null) not valid;
        alter table t add constraint fresh check (a < 100) not valid;
        create index t_b_idx on t (b); create index t_b_idx__trueup_new on t (b desc);";
    let after = "tables:\n  t:\n    columns: {id: int primary key, a: int not null, b: int}\n    constraints: {ck: check (a > 5), fresh: check (a < 100)}\n    indexes: {t_b_idx: (b desc), t_b_key: unique (b)}\n";
    for settings in ["", "undeclared: keep\n"] {
        let place = Place::new(server, sql);
        let from = place.database.url.clone();
        // An index that cannot be built stays behind as an invalid one.
        run(&from, "create unique index concurrently t_b_key on t (b)").expect_err("two rows have one value");
        run(&from, "update t set b = id; create table other (id int)").expect("rows are mended");
        place.write("p/trueup.yaml", &format!("version: 1\n{settings}"));
        place.write("p/schema.yaml", after);
        ends(place.call(&["apply", "--from", &from, "--to", "p", "--yes", "--allow", "data-loss,drop"]), FINE);
        ends(place.call(&["diff", "--from", &from, "--to", "p"]), FINE);
        let rows = place.database.rows(
            "select (select count(*) from pg_class where relname like '%trueup%') + (select count(*) from pg_constraint where conname like '%trueup%')
             + (select count(*) from pg_index where not indisvalid) + (select count(*) from pg_constraint where not convalidated)",
        );
        assert_eq!(rows.expect("the catalogs"), [[Some("0".to_owned())]], "{settings}");
    }
}

/// The script for the editor carries counts over as well, and does not carry them back when it is run again.
#[test]
fn numbers_go_on_by_the_script_for_the_editor_too() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(
        server,
        "create table a (id serial primary key, v int); create table b (id int generated always as identity primary key, v int);
         create table c (id int primary key, v int); insert into c values (7, 1);
         insert into a (v) select 1 from generate_series(1, 7); insert into b (v) select 1 from generate_series(1, 7);
         delete from a where id > 5; delete from b where id > 5",
    );
    let from = place.database.url.clone();
    place.write(
        "p/schema.yaml",
        "tables:\n  a: {columns: {id: int generated always as identity primary key, v: int}}\n  b: {columns: {id: serial primary key, v: int}}\n  c: {columns: {id: serial primary key, v: int}}\n",
    );
    ends(place.call(&["sql", "--from", &from, "--to", "p", "--for", "supabase-editor", "--out", "script.sql"]), FINE);
    let script = place.read("script.sql");
    run(&from, &script).expect("the script runs");
    run(&from, "insert into a (v) values (1); insert into b (v) values (1); insert into c (v) values (1); delete from c where id > 7")
        .expect("rows");
    run(&from, &script).expect("the script runs again");
    run(&from, "insert into c (v) values (1)").expect("a row");
    let rows = place.database.rows("select (select max(id) from a), (select max(id) from b), (select max(id) from c)");
    assert_eq!(rows.expect("the tables"), [["8", "8", "9"].map(|n| Some(n.to_owned()))]);
    ends(place.call(&["diff", "--from", &from, "--to", "p"]), FINE);
}

/// A project that does not say what it manages manages what it speaks of: nothing goes because nothing was said.
#[test]
fn a_schema_that_is_not_mentioned_is_left_alone() {
    let Some(server) = support::servers::server() else { return };
    let sql = format!(
        "{SQL} create schema reporting; create view reporting.v as select id from people; create type reporting.e as enum ('a');"
    );
    let place = Place::new(server, &sql);
    let diff = || place.call(&["diff", "--from", &place.database.url, "--to", "p"]);
    let said = ends(diff(), FINE);
    says(&said, &["info[unmentioned]", "schema reporting is left alone", "manage: {schemas: \"*\"}"]);
    place.write("p/trueup.yaml", "version: 1\nmanage: {schemas: \"*\"}\n");
    let all = ends(diff(), DIFFERS);
    assert!(all.stdout.contains("DROP VIEW reporting.v") && !all.stderr.contains("unmentioned"), "{}", all.report());
    place.write("p/trueup.yaml", "version: 1\nmanage: {schemas: [public]}\n");
    assert!(!ends(diff(), FINE).stderr.contains("unmentioned"), "it is said what is managed");
    place.write("p/trueup.yaml", "version: 1\n");
    place.write("p/more.yaml", "schema: reporting\nschemas: {reporting: }\nenums: {e: [a, b]}\n");
    let mentioned = ends(diff(), DIFFERS);
    assert!(mentioned.stdout.contains("DROP VIEW reporting.v"), "{}", mentioned.report());
}

#[test]
fn an_environment_that_is_guarded_has_to_be_named() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(server, "");
    let other = server.database();
    place.write(
        "p/trueup.yaml",
        "version: 1\nenvironments:\n  production: {url: \"${THE_DATABASE}\", confirm: true, lock_timeout: 300ms}\n  staging: {url: \"${THE_OTHER}\"}\n",
    );
    let url = place.database.url.clone();
    let variables = [("THE_DATABASE", url.as_str()), ("THE_OTHER", other.url.as_str())];
    let apply = |more: &[&str]| place.call_with(&variables, &[&["apply", "--to", "p"], more].concat());
    let untouched = || assert!(place.database.rows("select from people").is_err(), "something was run");
    for from in ["env:production", url.as_str()] {
        let refused = ends(apply(&["--from", from, "--yes"]), REFUSED);
        says(&refused, &["production has to be confirmed", "--yes is not enough", "--confirm production"]);
        let refused = ends(apply(&["--from", from, "--confirm", "staging", "--yes"]), REFUSED);
        says(&refused, &["--confirm names staging, but the database is the environment production"]);
        untouched();
    }
    let refused = ends(apply(&["--from", "env:staging", "--confirm", "production", "--yes"]), REFUSED);
    says(&refused, &["--confirm names production, but the database is the environment staging"]);
    ends(apply(&["--from", "env:staging", "--yes"]), FINE);
    untouched();
    // The environment's own limit on waiting: a lock that another has is asked for again and again, and then named.
    ends(apply(&["--from", "env:production", "--confirm", "production"]), FINE);
    ends(place.call_with(&variables, &["diff", "--from", "env:production", "--to", "p"]), FINE);
    let unset = ends(place.call(&["diff", "--from", "env:production", "--to", "p"]), 1);
    says(&unset, &["THE_DATABASE", "not set"]);
}

#[test]
fn the_lock_timeout_of_an_environment_holds() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(server, &format!("{SQL} alter table people drop column mood;"));
    place.write("p/trueup.yaml", "version: 1\nenvironments: {here: {url: \"${THE_DATABASE}\", lock_timeout: 70ms}}\nmanage: {schemas: [public]}\n");
    // An event trigger writes down what the session of the step has.
    let url = place.database.url.clone();
    let spy = "create schema hidden; create table hidden.seen (what text);
        create function hidden.note() returns event_trigger language plpgsql as $$begin
          insert into hidden.seen values (current_setting('lock_timeout'));
        end$$;
        create event trigger spy on ddl_command_start when tag in ('ALTER TABLE') execute function hidden.note();";
    run(&url, spy).expect("an event trigger");
    for (more, expected) in [(&[][..], "70ms"), (&["--lock-timeout", "90ms"], "90ms")] {
        let arguments = [&["apply", "--from", "env:here", "--to", "p", "--yes"], more].concat();
        ends(place.call_with(&[("THE_DATABASE", &url)], &arguments), FINE);
        assert_eq!(
            place.database.rows("select distinct what from hidden.seen").expect("rows"),
            [[Some(expected.to_owned())]]
        );
        run(&url, "truncate hidden.seen").expect("a superuser may");
        run(&url, "alter event trigger spy disable").expect("a superuser may");
        run(&url, "alter table people drop column mood").expect("a superuser may");
        run(&url, "alter event trigger spy enable").expect("a superuser may");
    }
}

/// Runs trueup on a terminal of its own (`script`), with what is typed there.
fn on_a_terminal(
    place: &Place<'_>,
    variables: &[(&str, &str)],
    arguments: &[&str],
    typed: &str,
) -> Option<(i32, String)> {
    let mut child = terminal(place, variables, arguments)?;
    // It may ask later: the terminal keeps what was typed.
    child.stdin.as_mut().expect("a pipe").write_all(typed.as_bytes()).expect("it listens");
    let output = child.wait_with_output().expect("it ends");
    Some((output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// Starts trueup on a terminal; nothing where none is to be had.
fn terminal(place: &Place<'_>, variables: &[(&str, &str)], arguments: &[&str]) -> Option<std::process::Child> {
    let inner = command(place.path(), variables, arguments);
    let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_string_lossy().replace('\'', "'\\''"));
    let mut line = quoted(inner.get_program());
    for argument in inner.get_args() {
        line.push_str(&format!(" {}", quoted(argument)));
    }
    let mut script = Command::new("script");
    script
        .args(["-qec", &line, "/dev/null"])
        .current_dir(place.path())
        .env_remove("DATABASE_URL")
        .envs(variables.iter().copied());
    let child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    if child.is_err() {
        println!("SKIPPED: `script` (util-linux) is not there to make a terminal");
    }
    child.ok()
}

#[test]
fn on_a_terminal_it_asks() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(server, "");
    place.write("p/trueup.yaml", "version: 1\nenvironments: {production: {url: \"${THE_DATABASE}\", confirm: true}}\n");
    let url = place.database.url.clone();
    let variables = [("THE_DATABASE", url.as_str())];
    let arguments = |more: &[&'static str]| -> Vec<String> {
        let mut all = ["apply", "--from", "env:production", "--to", "p", "--ephemeral", &place.scratch]
            .map(str::to_owned)
            .to_vec();
        all.extend(more.iter().map(|m| (*m).to_owned()));
        all
    };
    for (more, typed, status) in
        [(&[][..], "y\n", REFUSED), (&["--yes"], "staging\n", REFUSED), (&["--yes"], "production\n", FINE)]
    {
        let arguments = arguments(more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let Some((ended, said)) = on_a_terminal(&place, &variables, &arguments, typed) else { return };
        assert_eq!(ended, status, "{typed}: {said}");
        assert!(said.contains("Type production to go on"), "{said}");
        assert_eq!(place.database.rows("select from people").is_ok(), status == FINE, "{typed}: {said}");
    }
    let other = Place::new(server, "");
    for (typed, status) in [("n\n", REFUSED), ("y\n", FINE)] {
        let arguments = ["apply", "--from", &other.database.url, "--to", "p", "--ephemeral", &other.scratch];
        let Some((ended, said)) = on_a_terminal(&other, &[], &arguments, typed) else { return };
        assert_eq!(ended, status, "{typed}: {said}");
        assert!(said.contains("[y/N]"), "{said}");
    }
}

#[test]
fn init_pull_and_check() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(server, &format!("{SQL} insert into people values (1, 'a')"));
    let from = place.database.url.clone();
    ends(place.call(&["init", "fresh"]), FINE);
    assert!(place.path().join("fresh/trueup.yaml").is_file());
    ends(place.call(&["check", "--to", "fresh"]), FINE);
    ends(place.call(&["diff", "--from", "empty", "--to", "fresh"]), DIFFERS);
    let again = place.call(&["init", "fresh"]);
    assert_ne!(again.status, FINE, "it was overwritten: {}", again.report());
    ends(place.call(&["init", "--from", &from, "adopted"]), FINE);
    ends(place.call(&["diff", "--from", &from, "--to", "adopted"]), FINE);
    ends(place.call(&["pull", "--from", &from, "--out", "pulled"]), FINE);
    ends(place.call(&["diff", "--from", &from, "--to", "pulled"]), FINE);
    ends(place.call(&["pull", "--from", &from, "--out", "pulled.json"]), FINE);
    let snapshot: serde_json::Value = serde_json::from_str(&place.read("pulled.json")).expect("JSON");
    assert_eq!(snapshot["trueup_snapshot"], 1);
    ends(place.call(&["diff", "--from", "pulled.json", "--to", "pulled"]), FINE);
    let fine = ends(place.call(&["check", "--to", "p", "--format", "json"]), FINE);
    let json: serde_json::Value = serde_json::from_str(&fine.stdout).expect("JSON");
    assert_eq!(json["problems"].as_array().map(Vec::len), Some(0), "{json}");
    place.write("bad/s.yaml", "tables:\n  t:\n    colums: {}\n");
    let bad = ends(place.call(&["check", "--to", "bad", "--format", "json"]), 1);
    let json: serde_json::Value = serde_json::from_str(&bad.stdout).expect("JSON");
    let problem = &json["problems"][0];
    assert_eq!(
        (problem["code"].as_str(), problem["location"]["line"].as_u64()),
        (Some("unknown-key"), Some(3)),
        "{json}"
    );
    let github = ends(place.call(&["check", "--to", "bad", "--format", "github"]), 1);
    assert!(github.stdout.starts_with("::error file="), "{}", github.stdout);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(server, SQL);
    let many: String = (0..400).map(|i| format!("  t{i}:\n    columns: {{a: int}}\n")).collect();
    place.write("many/s.yaml", &format!("tables:\n{many}"));
    for (call, status) in [("diff", "2"), ("plan", "0")] {
        let line = format!(
            "\"{}\" {call} --from empty --to many --ephemeral '{}' 2>said | head -1; echo \"${{PIPESTATUS[0]}}\"",
            env!("CARGO_BIN_EXE_trueup"),
            place.scratch
        );
        let Ok(output) = Command::new("bash").args(["-c", &line]).current_dir(place.path()).output() else {
            println!("SKIPPED: no bash");
            return;
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said.lines().last(), Some(status), "{said}{}", place.read("said"));
        assert!(!place.read("said").contains("panicked"), "{}", place.read("said"));
    }
}

#[test]
fn a_project_may_have_no_search_path() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let place = Place::new(server, "create table t (id int primary key, a int); insert into t values (1, 1);");
    place.write("p/trueup.yaml", "version: 1\nsearch_path: []\n");
    place.write(
        "p/schema.yaml",
        "tables:\n  t: {columns: {id: int primary key, a: int, b: text}}\ninvariants:\n  positive: select * from public.t where a < 1\n",
    );
    let from = place.database.url.clone();
    let proved = ends(place.call(&["diff", "--from", &from, "--to", "p", "--prove"]), DIFFERS);
    assert!(proved.stdout.contains("Proved: applied to a clone"), "{}", proved.report());
    ends(place.call(&["apply", "--from", &from, "--to", "p", "--yes"]), FINE);
    ends(place.call(&["verify", "--from", &from, "--to", "p"]), FINE);
    place.database.load("update t set a = 0").expect("a row that the invariant does not allow");
    let broken = ends(place.call(&["verify", "--from", &from, "--to", "p"]), DIFFERS);
    assert!(broken.stdout.contains("positive"), "{}", broken.report());
}

#[test]
fn a_plan_is_proved_on_a_clone() {
    let Some(server) = support::servers::server() else { return };
    // Rows of a schema that is not managed are referred to; the referring rows are a part of a large table.
    let place = Place::new(
        server,
        "create schema other; create table other.users (id int primary key, pad text);
         insert into other.users select i, repeat('x', 200) from generate_series(1, 20000) i;
         create table human (id int generated always as identity primary key, title text, user_id int references other.users (id), pad text);
         insert into human (title, user_id, pad) select 't' || i, 20001 - i, repeat('x', 200) from generate_series(1, 20000) i;
         create view titles as select id, title from human;",
    );
    place.write("p/trueup.yaml", "version: 1\nmanage: {schemas: [public]}\n");
    let schema = |more: &str| {
        format!(
            "tables:\n  person:\n    was: human\n    columns:\n      id: int generated always as identity primary key\n      name: {{type: text, was: title}}\n      \
             user_id: int references other.users (id)\n      pad: text\n{more}    constraints: {{named: check (name <> '')}}\n\
             views:\n  titles: select id, name from person\ninvariants:\n  one more:\n    \
             violations: select 1 as missing where not exists (select from person where name = 'new')\n    \
             remedy: [\"insert into person (name, user_id) values ('new', 1)\"]\n"
        )
    };
    place.write("p/schema.yaml", &schema("      since: timestamptz not null default now()\n"));
    let from = place.database.url.clone();
    let prove = |call: &str| place.call(&[call, "--from", &from, "--to", "p", "--prove"]);
    let proved = ends(prove("diff"), DIFFERS);
    assert!(proved.stdout.contains("Proved: applied to a clone"), "{}", proved.stdout);
    let json = ends(place.call(&["plan", "--from", &from, "--to", "p", "--prove", "--format", "json"]), FINE).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let proof = &json["proof"];
    assert!(["ran", "converged", "rows_kept"].iter().all(|key| proof[key] == true), "{proof}");
    // What fails on the rows is said with the step and the server's reason.
    place.write("p/schema.yaml", &schema("      rank: int not null\n"));
    run(&from, "delete from human where id > 100").expect("a superuser may");
    run(&from, "vacuum full human").expect("a superuser may");
    for call in ["diff", "plan"] {
        let failed = ends(prove(call), 1);
        says(&failed, &["not-proved", "it does not run to its end", "VALIDATE CONSTRAINT", "is violated by some row"]);
    }
    assert_eq!(place.database.rows("select count(*) from human").expect("rows"), [[Some("100".to_owned())]]);
}
