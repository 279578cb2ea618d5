//! The cases of tests/cases once more, by way of the scripts that `trueup sql` writes.
//!
//! * The offline script, which only adds, is run from `before`. It ends in the state that is declared, but for what it would have to
//!   take away; or it says in its table of results what is not so; or it stops, and has changed nothing. Never does it
//!   leave a thing undone in silence. A case's file `offline` has words that one of its errors or its table must contain; without
//!   one, a stop has to be one of those that are foreseen.
//! * Each form that starts from what the database is ends in what is declared. A case is tried with one of the forms, which takes
//!   turns; `TRUEUP_FORMS=all` tries each with all of them.
//!
//! `TRUEUP_CASES=text|text` and `TRUEUP_MAJOR=18` as in tests/cases.rs.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use std::path::{Path, PathBuf};

use support::scripts::{self, FORMS};
use support::servers::{Database, Server, describe, run, server_of};
use support::trueup::trueup;

/// The cases, each with the versions it is for.
fn cases() -> Vec<(u32, PathBuf)> {
    let cases = support::cases();
    let majors = |case: &Path| -> Vec<u32> {
        let listed =
            read(case, "majors").map(|text| text.lines().filter_map(|line| line.trim().parse().ok()).collect());
        listed.unwrap_or_else(|| vec![support::servers::major()])
    };
    cases.iter().flat_map(|case| majors(case).into_iter().map(move |major| (major, case.clone()))).collect()
}

fn read(case: &Path, name: &str) -> Option<String> {
    std::fs::read_to_string(case.join(name)).ok()
}

fn before<'a>(server: &'a Server, case: &Path) -> Result<Database<'a>, String> {
    let database = server.database();
    match read(case, "before.sql") {
        Some(sql) => database.load(&sql).map_err(|why| format!("before.sql: {why}"))?,
        None => {
            let (project, scratch) = (case.join("before.yaml").display().to_string(), server.ephemeral());
            let run = trueup(&["apply", "--from", &database.url, "--to", &project, "--yes", "--ephemeral", &scratch]);
            if !run.fine() {
                return Err(run.report());
            }
        }
    }
    Ok(database)
}

/// Runs `work` for each case that has a server, and reports what failed.
fn each(work: &[(u32, PathBuf, String)], one: impl Fn(&Server, &Path, &str) -> Result<String, String> + Sync) {
    let results = support::in_parallel(work, |_, (major, case, form)| {
        // Which version is missing has been said.
        server_of(*major).map(|server| one(server, case, form)).transpose()
    });
    let mut failed = 0;
    for ((major, case, form), result) in work.iter().zip(&results) {
        let name = case.file_name().unwrap_or_default().to_string_lossy();
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
    let work: Vec<_> = cases().into_iter().map(|(major, case)| (major, case, "offline".to_owned())).collect();
    each(&work, |server, case, _| offline(server, case));
}

/// What the script's author foresaw: the codes of the stops that it holds itself.
const FORESEEN: &[&str] = &["42804", "55000", "23502"];

fn offline(server: &Server, case: &Path) -> Result<String, String> {
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
        if words.is_none() && !FORESEEN.contains(&code.as_str()) {
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
    let all = support::filter("TRUEUP_FORMS").is_some();
    let cases = cases().into_iter().enumerate();
    let work: Vec<_> = cases
        .flat_map(|(n, (major, case))| {
            let forms: Vec<&str> = if all { FORMS.to_vec() } else { vec![FORMS[n % FORMS.len()]] };
            forms.into_iter().map(move |form| (major, case.clone(), form.to_owned()))
        })
        .collect();
    each(&work, known);
}

fn known(server: &Server, case: &Path, form: &str) -> Result<String, String> {
    let database = before(server, case)?;
    let project = case.join("after.yaml");
    let schema = support::judge::text(&database)?;
    if let Err(why) = scripts::emitted(&database, &project, form) {
        // One script is one transaction, in which a new value of an enum cannot be used; numbered files can.
        if form == "editor" && why.contains("unsafe use of new value") && support::judge::text(&database)? == schema {
            return known(server, case, "editor-files");
        }
        return Err(why);
    }
    let (project, scratch) = (project.display().to_string(), server.ephemeral());
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
