//! The commands as docs/commands.md promises them, through the binary, against real servers: states in every form,
//! results in every form, refusals, environments.
#![allow(clippy::print_stdout, clippy::disallowed_methods, dead_code)]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use support::servers::{Database, Server, run};
use support::trueup::{DIFFERS, FINE, REFUSED, Run, command, trueup_in, trueup_with};

const SCHEMA: &str = "enums:\n  mood: [glad, sad]\ntables:\n  people:\n    columns:\n      id: int primary key\n      name: text not null\n      mood: {type: mood, default: \"'glad'\"}\n";
const SQL: &str = "create type mood as enum ('glad', 'sad');
create table people (id int primary key, name text not null, mood mood default 'glad');";

/// A project in a folder, with the database that it declares.
struct Place<'a> {
    folder: tempfile::TempDir,
    database: Database<'a>,
    scratch: String,
}

impl<'a> Place<'a> {
    fn new(server: &'a Server, sql: &str) -> Self {
        let database = server.database();
        database.load(sql).expect("the database can be made");
        let place = Self { folder: tempfile::tempdir().expect("a folder"), database, scratch: server.ephemeral() };
        place.write("p/trueup.yaml", "version: 1\n");
        place.write("p/schema.yaml", SCHEMA);
        place
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    /// Runs trueup in the folder, with the scratch server named.
    fn call(&self, arguments: &[&str]) -> Run {
        self.call_with(&[], arguments)
    }

    fn call_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
        trueup_with(self.path(), variables, &[arguments, &["--ephemeral", &self.scratch]].concat())
    }

    fn git(&self, arguments: &[&str]) {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"];
        let done =
            Command::new("git").args(identity).args(arguments).current_dir(self.path()).output().expect("git runs");
        assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

#[track_caller]
fn ends(run: Run, status: i32) -> Run {
    assert_eq!(run.status, status, "{}", run.report());
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    run
}

#[track_caller]
fn says(run: &Run, words: &[&str]) {
    for word in words {
        assert!(run.stderr.contains(word), "`{word}` is missing: {}", run.stderr);
    }
}

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
    says(&refused, &["consent-missing", "data-loss", "2 rows of table public.gone are lost", "--allow data-loss"]);
    says(&ends(apply(&["--yes", "--allow", "rewrite,blocking"]), REFUSED), &["consent-missing"]);
    says(&ends(apply(&["--allow", "data-loss"]), REFUSED), &["no terminal", "--yes"]);
    // What would be lost comes in the contract phase; nothing before it is to be done.
    let later = ends(apply(&["--yes", "--until", "migrate"]), FINE);
    assert!(later.stdout.contains("Nothing to run in this phase"), "{}", later.stdout);
    assert!(place.database.rows("select from gone").is_ok_and(|rows| rows.len() == 2), "something was run");
    ends(apply(&["--yes", "--allow", "data-loss"]), FINE);
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
    let swapped = ends(columns("{type: text, was: b}", "{type: int, was: a}"), DIFFERS);
    says(&swapped, &["warning[not-renamed]", "the database has", "schema.yaml:5"]);
    let again = ends(columns("int", "{type: text, was: a}"), FINE);
    says(&again, &["warning[not-renamed]"]);
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
    says(&ends(place.call(&["apply", "plan.json", "--from", &from, "--yes"]), REFUSED), &["stale-plan"]);
    for (name, text) in [("broken.json", "{"), ("other.json", "{\"a\": 1}"), ("missing.json", "")] {
        if !text.is_empty() {
            place.write(name, text);
        }
        let refused = ends(place.call(&["apply", name, "--from", &from, "--yes"]), 1);
        says(&refused, &[name]);
    }
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
    use std::io::Write as _;
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
    let Ok(mut child) = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn() else {
        println!("SKIPPED: `script` (util-linux) is not there to make a terminal");
        return None;
    };
    // It may ask later: the terminal keeps what was typed.
    child.stdin.as_mut().expect("a pipe").write_all(typed.as_bytes()).expect("it listens");
    let output = child.wait_with_output().expect("it ends");
    Some((output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned()))
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
