//! End-to-end cases as data: `tests/cases/<kind>--<case>/`.
//!
//! | file | is |
//! | --- | --- |
//! | `before.sql` or `before.yaml` | what is, with rows where they matter |
//! | `after.yaml` | what should be |
//! | `expect.sql` | queries, each of which returns only `true` afterwards |
//! | `expect.txt` | lines that appear in the output of `trueup plan` (white space counts once) |
//! | `expect-18.txt` | the same from that major version on, instead of `expect.txt` |
//! | `said` | what `trueup plan` says beside the plan, on its standard error (a text per line) |
//! | `args` | more arguments for `apply`, separated by white space |
//! | `refused` | `apply` without `args` must exit 3 and change nothing, and name each line of this file |
//! | `stops` | `apply` with `args` must stop before its first step (exit 1), change nothing, and name each line of this file; nothing else is tried |
//! | `reversible` | the way back to `before` is tried too |
//! | `keeps_names` | unnamed constraints keep the names that `before` gave them (or attributes their order), so that it is not the state built anew |
//! | `keeps_names-18` | the same from that major version on; the file says why |
//! | `keeps_defaults` | default privileges of `before` that the project does not declare stay, so that it is not the state built anew |
//! | `no_scripts` | why `trueup sql` cannot do it yet; tests/scripts.rs then says so and does not try it |
//! | `loses` | tables (one per line) that may lose rows |
//! | `majors` | the major versions it is for (one per line), where it is not for all; it runs on each that is installed |
//!
//! `TRUEUP_CASES=text|text` runs only those, `TRUEUP_CASES_PART=2/3` every third of them from the second one on. `TRUEUP_MAJOR=18` runs those for 18 on 18, and no others; a folder of binaries in
//! `TRUEUP_PG_BIN` does so for that server. `TRUEUP_SCRATCH=15` (or a folder of binaries) tries out what is declared on that version.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use std::path::Path;

use support::case::{self, apply, before, read};
use support::judge::{Options, judge};
use support::servers::{Database, Server, server_of};
use support::trueup::{ERROR, REFUSED, trueup};

#[test]
fn every_case_holds() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let work = case::cases_on_versions();
    let results = support::in_parallel(&work, |_, (major, case)| {
        if *major == server.major {
            return Ok(Some(run(server, case)?));
        }
        // Which version is missing has been said.
        server_of(*major).map(|server| run(server, case)).transpose()
    });
    let mut failed = 0;
    for ((major, case), result) in work.iter().zip(&results) {
        let name = case::name(case);
        let name = if *major == server.major { name } else { format!("{name} on {major}") };
        match result {
            Ok(Some(())) => println!("ok       {name}"),
            Ok(None) => println!("SKIPPED  {name}"),
            Err(why) => {
                failed += 1;
                println!("FAILED   {name}\n  {why}");
            }
        }
    }
    assert_eq!(failed, 0, "{failed} of {} cases fail", work.len());
}

/// A file of the case, or the one that holds instead of it from a major version on.
fn since(case: &Path, name: &str, suffix: &str, major: u32) -> Option<String> {
    let newer = (15..=major).rev().find_map(|since| read(case, &format!("{name}-{since}{suffix}")));
    newer.or_else(|| read(case, &format!("{name}{suffix}")))
}

fn run(server: &Server, case: &Path) -> Result<(), String> {
    let database = before(server, case)?;
    let after = case.join("after.yaml").display().to_string();
    let scratch = server.scratch();
    let more = read(case, "args").unwrap_or_default();
    let more: Vec<&str> = more.split_whitespace().collect();
    let rows = database.row_counts();
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();

    if let Some(expected) = since(case, "expect", ".txt", server.major) {
        let plan = trueup(&["plan", "--from", &database.url, "--to", &after, "--ephemeral", &scratch]);
        let output = squeezed(&plan.stdout);
        for line in expected.lines().filter(|line| !line.trim().is_empty()) {
            if !output.contains(&squeezed(line)) {
                return Err(format!("the plan does not say `{}`: {}", line.trim(), support::head(&plan.stdout, 30)));
            }
        }
    }
    if let Some(expected) = read(case, "said") {
        let plan = trueup(&["plan", "--from", &database.url, "--to", &after, "--ephemeral", &scratch]);
        let output = squeezed(&plan.stderr);
        if let Some(line) = expected.lines().find(|line| !output.contains(&squeezed(line))) {
            return Err(format!("it is not said `{line}`: {}", plan.report()));
        }
    }
    if let Some(words) = read(case, "refused") {
        let untouched = before(server, case)?;
        let refused = apply(&database, &after, &[]);
        if refused.status != REFUSED {
            return Err(format!("exit {REFUSED} (refused) was expected: {}", refused.report()));
        }
        for word in words.lines().filter(|line| !line.is_empty()) {
            if !refused.stderr.contains(word) {
                return Err(format!("the refusal does not name `{word}`: {}", refused.report()));
            }
        }
        let verdict = judge(&untouched, &database, Options::default())?;
        if !verdict.same() || database.row_counts() != rows {
            return Err(format!("refused, yet something changed: {}", verdict.report()));
        }
    }

    if let Some(words) = read(case, "stops") {
        let untouched = before(server, case)?;
        let stopped = apply(&database, &after, &more);
        let told = |word: &str| stopped.stderr.contains(word);
        if stopped.status != ERROR || !told("nothing has been changed") {
            return Err(format!("exit {ERROR} before the first step was expected: {}", stopped.report()));
        }
        if let Some(word) = words.lines().find(|word| !told(word)) {
            return Err(format!("it does not name `{word}`: {}", stopped.report()));
        }
        let verdict = judge(&untouched, &database, Options::default())?;
        return match verdict.same() && database.row_counts() == rows {
            true => Ok(()),
            false => Err(format!("stopped, yet something changed: {}", verdict.report())),
        };
    }
    apply(&database, &after, &more).must()?;
    settled(&database, &after)?;
    let may_lose = read(case, "loses").unwrap_or_default();
    for (table, before) in &rows {
        let now = database.row_counts().get(table).copied();
        if now.is_some_and(|now| now < *before) && !may_lose.lines().any(|line| line.trim() == table) {
            return Err(format!("{table} had {before} rows and has {}", now.unwrap_or(0)));
        }
    }
    if let Some(expected) = read(case, "expect.sql") {
        for query in pg_query::split_with_scanner(&expected).map_err(|error| error.to_string())? {
            let found = database.rows(query).map_err(|error| format!("{error} in: {query}"))?;
            if found.is_empty() || found.iter().flatten().any(|value| value.as_deref() != Some("t")) {
                return Err(format!("expected true, got {found:?}: {}", query.trim()));
            }
        }
    }
    if ["keeps_names", "keeps_defaults"].iter().any(|file| since(case, file, "", server.major).is_some()) {
        return Ok(());
    }
    // What the migration made is what building it anew makes.
    let anew = server.database();
    apply(&anew, &after, &[]).must()?;
    let verdict = judge(&anew, &database, Options { ignore_column_order: true, fixpoint: true })?;
    if !verdict.same() {
        return Err(format!("migrated and built anew are different: {}", verdict.report()));
    }
    if case.join("reversible").exists() {
        way_back(&database, case).map_err(|why| format!("on the way back: {why}"))?;
    }
    Ok(())
}

fn settled(database: &Database, project: &str) -> Result<(), String> {
    let scratch = database.server.scratch();
    let diff = trueup(&["diff", "--from", &database.url, "--to", project, "--ephemeral", &scratch]);
    if diff.fine() {
        return Ok(());
    }
    Err(format!(
        "diff is not empty afterwards (exit {}): {} {}",
        diff.status,
        support::head(&diff.stdout, 12),
        diff.report()
    ))
}

/// From `after` to `before`, by a project pulled from a database that never left it.
fn way_back(database: &Database, case: &Path) -> Result<(), String> {
    let origin = before(database.server, case)?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let project = folder.path().join("project").display().to_string();
    trueup(&["pull", "--from", &origin.url, "--out", &project]).must()?;
    apply(database, &project, &["--allow", "all"]).must()?;
    settled(database, &project)?;
    let verdict = judge(&origin, database, Options { ignore_column_order: true, fixpoint: true })?;
    if verdict.same() { Ok(()) } else { Err(verdict.report()) }
}
