//! The cases of tests/cases once more, by way of the scripts that `trueup sql` writes.
//!
//! * The offline script, which only adds, is run from `before`. It ends in the state that is declared, but for what it would have to
//!   take away; or it says in its table of results what is not so; or it stops, and has changed nothing. Never does it
//!   leave a thing undone in silence. A case's file `offline` has words that one of its errors or its table must contain; without
//!   one, a stop has to be one of those that are foreseen.
//! * Each form that starts from what the database is ends in what is declared. A case is tried with one of the forms, which
//!   follows from its name; `TRUEUP_FORMS=all` tries each with all of them.
//!
//! * States that people come to by hand are finished, or named with what mends them.
//!
//! `TRUEUP_CASES=text|text` and `TRUEUP_MAJOR=18` as in tests/cases.rs.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use support::case::{self, before, cases_on_versions, read};
use support::scripts::{self, FORMS, forms_of};
use support::servers::{Server, describe, run, server_of};
use support::trueup::trueup;

/// Runs `work` for each case that has a server, and reports what failed.
fn each(work: &[(u32, PathBuf, String)], one: impl Fn(&Server, &Path, &str) -> Result<String, String> + Sync) {
    let results = support::in_parallel(work, |_, (major, case, form)| {
        // Which version is missing has been said.
        server_of(*major).map(|server| one(server, case, form)).transpose()
    });
    let mut failed = 0;
    for ((major, case, form), result) in work.iter().zip(&results) {
        let name = case::name(case);
        match result {
            Ok(Some(how)) => println!("ok       {name} on {major} as {form}: {how}"),
            Ok(None) => println!("SKIPPED  {name} on {major}"),
            Err(why) => {
                failed += 1;
                println!("FAILED   {name} on {major} as {form}\n  {why}");
            }
        }
    }
    assert_eq!(failed, 0, "{failed} of {} fail", work.len());
}

#[test]
fn the_offline_script_leaves_nothing_undone_in_silence() {
    let work: Vec<_> =
        cases_on_versions().into_iter().map(|(major, case)| (major, case, "offline".to_owned())).collect();
    each(&work, |server, case, _| offline(server, case));
}

/// What the stops that the script holds itself say: it was foreseen, and nobody has to read PostgreSQL's own words.
const FORESEEN: &[&str] = &["Nothing has been changed.", "This script has changed nothing."];

/// Why scripts cannot do what a case asks for yet, where they cannot; `apply` does.
fn beyond_scripts(case: &Path) -> Option<String> {
    Some(format!("NOT TRIED: {}", read(case, "no_scripts")?.trim()))
}

fn offline(server: &Server, case: &Path) -> Result<String, String> {
    if let Some(why) = beyond_scripts(case) {
        return Ok(why);
    }
    let database = before(server, case)?;
    let project = case.join("after.yaml");
    let script = scripts::sql(&project, server, &["--offline", "--for", "supabase-editor"])?;
    let words = read(case, "offline");
    let told = |said: &str| match words.iter().flat_map(|text| text.lines()).find(|word| !said.contains(word)) {
        Some(missing) => Err(format!("it does not say `{missing}`: {said}")),
        None => Ok(()),
    };
    let (schema, rows) = (support::judge::text(&database)?, database.row_counts());
    if let Err(error) = run(&database.url, &script) {
        let code = error.code().map(|code| code.code().to_owned()).unwrap_or_default();
        let said = describe(&error);
        told(&said)?;
        let hint = error.as_db_error().and_then(|e| e.hint()).unwrap_or_default();
        if !FORESEEN.iter().any(|words| hint.contains(words)) {
            return Err(format!("{code}: {said}"));
        }
        if support::judge::text(&database)? != schema || database.row_counts() != rows {
            return Err("the script stopped, yet something changed".to_owned());
        }
        return Ok(format!("stops: {}", support::head(&said, 1)));
    }
    let table = scripts::twice(&database, &script)?;
    let open: Vec<&(String, String)> = table.iter().filter(|(_, state)| state != "ok").collect();
    told(&format!("{open:?}"))?;
    let lost = rows.iter().find(|(table, before)| database.row_counts().get(*table).is_some_and(|now| now < *before));
    if let Some((table, _)) = lost
        && !read(case, "loses").is_some_and(|text| text.lines().any(|line| line.trim() == table))
    {
        return Err(format!("{table} has lost rows"));
    }
    // A part is told with its whole: a default with its column.
    let is_told = |about: &str| {
        open.iter().any(|(object, _)| object.split_once(' ').is_some_and(|(_, path)| about.contains(path)))
    };
    let silent: Vec<String> =
        scripts::left(&database, &project)?.into_iter().filter(|(about, _)| !is_told(about)).map(|(_, d)| d).collect();
    if !silent.is_empty() {
        return Err(format!("not said, and yet to be done: {}", silent.join("\n  ")));
    }
    Ok(if open.is_empty() { "converges".to_owned() } else { format!("says {open:?}") })
}

#[test]
fn every_form_of_every_case_runs() {
    let work: Vec<_> = cases_on_versions()
        .into_iter()
        .flat_map(|(major, case)| {
            let forms = forms_of(&case, major);
            forms.into_iter().map(move |form| (major, case.clone(), form.to_owned()))
        })
        .collect();
    each(&work, known);
}

fn known(server: &Server, case: &Path, form: &str) -> Result<String, String> {
    if let Some(why) = beyond_scripts(case) {
        return Ok(why);
    }
    let database = before(server, case)?;
    let project = case.join("after.yaml");
    let schema = support::judge::text(&database)?;
    if let Some(words) = read(case, "stops") {
        // What PostgreSQL would refuse on the way whatever the rows are is not written; for their rows, scripts stop on the way.
        let rows = database.row_counts();
        let Err(why) = scripts::emitted(&database, &project, form) else { return Err("a script ran".to_owned()) };
        if why.contains("no script was written") {
            let missing = words.lines().find(|word| !why.contains(word));
            return missing
                .map_or(Ok(format!("{form}: is not written")), |word| Err(format!("not said: `{word}`: {why}")));
        }
        let of_rows = ["violated by some row", "contains null values", "invalid input syntax for type"]
            .iter()
            .copied()
            // What is asked of the rows is said as it is before `apply`; a script stops at the first of it.
            .chain(words.lines())
            .any(|words| why.contains(words));
        let same = of_rows
            && database.row_counts() == rows
            && (form != "editor" || support::judge::text(&database)? == schema);
        return if same { Ok(format!("{form}: stops: {}", support::head(&why, 1))) } else { Err(why) };
    }
    if let Err(why) = scripts::emitted(&database, &project, form) {
        // One script is one transaction, in which a new value of an enum cannot be used; numbered files can.
        if form == "editor" && why.contains("unsafe use of new value") && support::judge::text(&database)? == schema {
            return known(server, case, "editor-files");
        }
        return Err(why);
    }
    let (project, scratch) = (project.display().to_string(), server.scratch());
    let diff = trueup(&["diff", "--from", &database.url, "--to", &project, "--ephemeral", &scratch]);
    if !diff.fine() {
        return Err(format!("diff is not empty afterwards: {} {}", support::head(&diff.stdout, 12), diff.report()));
    }
    for query in
        pg_query::split_with_scanner(&read(case, "expect.sql").unwrap_or_default()).map_err(|e| e.to_string())?
    {
        let found = database.rows(query).map_err(|error| format!("{error} in: {query}"))?;
        if found.is_empty() || found.iter().flatten().any(|value| value.as_deref() != Some("t")) {
            return Err(format!("expected true, got {found:?}: {}", query.trim()));
        }
    }
    Ok(form.to_owned())
}

/// States that people come to by hand: the example, what was done to its database, what the script says where it stops, and what
/// mends that. Where it says nothing, it converges.
const BY_HAND: &[(&str, &str, &str, &str)] = &[
    ("whatsapp", "alter table conversations add unread_count integer not null default 7", "", ""),
    (
        "whatsapp",
        "alter table conversations add unread_count integer not null default 0 constraint odd check (unread_count >= 0)",
        "",
        "",
    ),
    ("whatsapp", "create type channel as enum ('whatsapp'); create type sender as enum ()", "", ""),
    ("whatsapp", "alter table conversations add region text not null default 'north', add extra integer", "", ""),
    (
        "romashka",
        "alter table conversations add constraint by_another_name check (status in ('open', 'waiting', 'closed'))",
        "",
        "",
    ),
    (
        "romashka",
        "create policy \"businesses manage their own conversations\" on conversations for select using (true)",
        "",
        "",
    ),
    ("romashka", "create view conversation_overview as select id, user_id from conversations", "", ""),
    (
        "romashka",
        "alter table messages alter body drop not null; \
         alter table conversations alter status drop default, alter status drop not null",
        "",
        "",
    ),
    (
        "romashka",
        "update conversations set status = 'lost' where channel = 'web'",
        "the check conversations_status_known of public.conversations does not hold in 1 row",
        "update conversations set status = 'closed' where status = 'lost'",
    ),
    (
        "romashka",
        "alter table conversations add customer_id uuid; update conversations set customer_id = gen_random_uuid()",
        "the foreign key conversations_customer_id_fkey of public.conversations finds nothing in customer_profiles for 3 rows",
        "update conversations set customer_id = null",
    ),
    (
        "romashka",
        "alter table messages add external_id text; update messages set external_id = 'SM1'",
        "the unique index messages_external_id_idx of public.messages is to be unique, and is repeated for 1 value",
        "update messages set external_id = null",
    ),
    (
        "romashka",
        "alter table conversations alter status drop not null; update conversations set status = null where channel = 'web'",
        "column public.conversations.status is to be NOT NULL and has rows without a value",
        "update conversations set status = 'open' where status is null",
    ),
    (
        "romashka",
        "create table customer_profiles (id uuid primary key default gen_random_uuid(), user_id uuid not null, legacy text not null)",
        "mending rows for \"every conversation with an email has a customer (1 of 2)\": null value in column \"legacy\"",
        "alter table customer_profiles alter legacy drop not null",
    ),
    (
        "profiles",
        "alter table carts add profile_id uuid default gen_random_uuid()",
        "the foreign key carts_profile_id_fkey of public.carts finds nothing in profiles for 200 rows",
        "alter table carts drop column profile_id",
    ),
    (
        "leads",
        "alter table leads_master add customer_id text",
        "column public.leads_master.customer_id is text, declared is bigint",
        "alter table leads_master drop column customer_id",
    ),
];

#[test]
fn what_people_left_by_hand_is_finished_or_named() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    let cases: Vec<_> =
        BY_HAND.iter().filter(|(example, ..)| support::is_for(&schema.join(example), server.major)).collect();
    let mut written = BTreeMap::new();
    for (example, ..) in &cases {
        let script = || scripts::sql(&schema.join(example), server, &["--offline", "--for", "supabase-editor"]);
        written.entry(*example).or_insert_with(|| script().expect("the script is written"));
    }
    let results = support::in_parallel(&cases, |_, (example, by_hand, message, mend)| {
        finished(server, &schema.join(example), &written[example], (by_hand, message, mend))
    });
    let wrong: Vec<String> = cases
        .iter()
        .zip(results)
        .filter_map(|((example, by_hand, ..), result)| result.err().map(|why| format!("{example}, {by_hand}: {why}")))
        .collect();
    assert!(wrong.is_empty(), "{} of {} fail:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn finished(
    server: &Server,
    example: &Path,
    script: &str,
    (by_hand, message, mend): (&str, &str, &str),
) -> Result<(), String> {
    let database = before(server, example)?;
    run(&database.url, by_hand).map_err(|e| describe(&e))?;
    let rows = database.row_counts();
    if !message.is_empty() {
        let schema = support::judge::text(&database)?;
        for _ in 0..2 {
            let error = run(&database.url, script).err().ok_or("the script did not stop")?;
            let hint = error.as_db_error().and_then(|e| e.hint()).unwrap_or_default();
            let said = describe(&error);
            if !said.contains(message) || !FORESEEN.iter().any(|words| hint.contains(words)) {
                return Err(format!("the script says: {said} ({hint})"));
            }
            if support::judge::text(&database)? != schema || database.row_counts() != rows {
                return Err("the script stopped, yet something changed".to_owned());
            }
        }
        run(&database.url, mend).map_err(|e| describe(&e))?;
    }
    scripts::twice(&database, script)?;
    let table = scripts::once(&database, script).map_err(|why| format!("the third run: {why}"))?;
    if let Some(wrong) = table.iter().find(|(_, state)| state != "ok") {
        return Err(format!("the result table says {wrong:?}"));
    }
    let now = database.row_counts();
    if let Some((table, n)) = rows.iter().find(|(table, n)| now.get(*table).is_none_or(|now| now < n)) {
        return Err(format!("{table} had {n} rows and has {:?}", now.get(table)));
    }
    let left = scripts::left(&database, example)?;
    if left.is_empty() { Ok(()) } else { Err(format!("still to be done: {left:?}")) }
}

/// What PostgreSQL prints, and what a literal means, depends on settings that a database or a role may have.
#[test]
fn settings_of_the_database_change_nothing() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let yaml = "tables:\n  t:\n    columns:\n      id: int primary key\n      \
                at: timestamptz not null default '2024-02-01 00:00:00+00'\n      \
                d: {type: date, backfill: \"'03/02/2024'\"}\n    \
                constraints:\n      t_new: check (at > '2024-01-01 00:00:00+00')\n    \
                indexes:\n      t_at_idx: (id) where at > '2024-06-01 00:00:00+00'\n";
    std::fs::write(folder.path().join("trueup.yaml"), "version: 1\n").expect("a file");
    std::fs::write(folder.path().join("schema.yaml"), yaml).expect("a file");
    let settings = "do $$ declare setting text; begin
          foreach setting in array array['timezone = ''America/New_York''', 'datestyle = ''SQL, DMY''', 'intervalstyle = iso_8601'] loop
            execute format('alter database %I set %s', current_database(), setting);
          end loop;
        end $$;
        create table t (id int primary key); insert into t values (1)";
    for form in FORMS.iter().chain(&["offline"]) {
        let database = server.database();
        database.load(settings).expect("before");
        if *form == "offline" {
            let script =
                scripts::sql(folder.path(), server, &["--offline", "--for", "supabase-editor"]).expect("the script");
            let table = scripts::twice(&database, &script).expect("the script runs");
            assert!(table.iter().all(|(_, state)| state == "ok"), "{table:?}");
        } else {
            scripts::emitted(&database, folder.path(), form).unwrap_or_else(|why| panic!("{form}: {why}"));
        }
        scripts::nothing_left(&database, folder.path(), form);
        let day = database.rows("select d = date '2024-03-02' from t").expect("a row");
        assert_eq!(day, [[Some("t".to_owned())]], "{form}: the month comes first, as it does for apply");
    }
}
