//! `trueup check` over SQL files: `tests/check/*.sql` against the project in `tests/check/schema`. Beside each stands what
//! it says (`.txt`); files called `valid-…` must pass. `TRUEUP_BLESS=1` writes what is said now.
//!
//! And the rule above all: no false alarm. The real schemas of `../shared/corpus`, as scripts on an empty project and pulled as
//! YAML; and for each `valid-…` file PostgreSQL itself says that it is.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::trueup::trueup;

fn check(folder: &Path, project: &str, file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trueup"))
        .current_dir(folder)
        .args(["check", "--to", project])
        .arg(file)
        .env("NO_COLOR", "1")
        .output()
        .expect("trueup runs")
}

fn sql_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path());
    let mut files: Vec<PathBuf> = entries.filter(|p| p.extension().is_some_and(|e| e == "sql")).collect();
    files.sort();
    files
}

#[test]
fn every_file_is_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check");
    for file in sql_files(&folder) {
        let name = PathBuf::from(file.file_name().unwrap_or_default());
        let output = check(&folder, "schema", &name);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if name.display().to_string().starts_with("valid-") {
            assert!(output.status.success(), "{}: a false alarm\n{said}", name.display());
            continue;
        }
        let expected = file.with_extension("txt");
        if std::env::var_os("TRUEUP_BLESS").is_some() {
            std::fs::write(&expected, &said).expect("the snapshot can be written");
        }
        assert_eq!(said, std::fs::read_to_string(&expected).unwrap_or_default(), "{}", name.display());
        assert_eq!(output.status.code(), Some(1), "{}", name.display());
    }
}

#[test]
fn real_schemas_raise_no_false_alarm() {
    let Some(corpus) = support::corpus() else { return };
    let files = sql_files(&corpus);
    assert!(!files.is_empty(), "there is no SQL in {}", corpus.display());
    let project = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(project.path().join("trueup.yaml"), "version: 1\n").expect("a project file");
    std::fs::write(project.path().join("schema.yaml"), "schema: public\n").expect("a schema file");
    for file in files {
        let output = check(project.path(), ".", &file);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}\n{said}", file.display());
    }
}

/// Pulled, the same schemas are checked as YAML: views, policies, bodies, triggers and all.
#[test]
fn real_schemas_raise_no_false_alarm_as_yaml() {
    let (Some(corpus), Some(server)) = (support::corpus(), support::servers::server()) else { return };
    let files = sql_files(&corpus);
    let results = support::in_parallel(&files, |_, file| {
        let database = server.database();
        let sql = String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()).into_owned();
        if let Err(why) = database.load(&sql) {
            println!("SKIPPED: {} does not load into PostgreSQL {}: {why}", file.display(), server.major);
            return Ok(());
        }
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let out = folder.path().join("pulled").display().to_string();
        let pull = trueup(&["pull", "--from", &database.url, "--out", &out]);
        if !pull.fine() {
            return Err(pull.report());
        }
        let run = trueup(&["check", "--to", &out]);
        if run.fine() { Ok(()) } else { Err(format!("{}: {}", file.display(), run.report())) }
    });
    let wrong: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), files.len(), wrong.join("\n"));
}

/// PostgreSQL is the judge of what must pass, and of what must not.
#[test]
fn postgresql_agrees() {
    let Some(server) = support::servers::server() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check");
    let (project, scratch) = (folder.join("schema").display().to_string(), server.scratch());
    let mut wrong = Vec::new();
    for file in sql_files(&folder) {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let judged = ["valid-tricky", "invalid-tricky"].iter().any(|part| name.starts_with(part));
        if !judged {
            continue;
        }
        let database = server.database();
        let apply = trueup(&["apply", "--from", &database.url, "--to", &project, "--yes", "--ephemeral", &scratch]);
        assert!(apply.fine(), "{}", apply.report());
        let sql = std::fs::read_to_string(&file).expect("a file");
        // One statement to a line.
        for statement in sql.lines().filter(|line| !line.trim().is_empty()) {
            // Each by itself and taken back, so that one that is refused says nothing about the next.
            let run = support::servers::run_all(&database.url, &["begin", statement, "rollback"]);
            let refused = run.as_ref().err().and_then(|e| e.code()).map(|code| code.code().to_owned());
            // Undefined column, table, function-like field; ambiguous and invalid references.
            let by_name =
                refused.as_deref().is_some_and(|c| matches!(c, "42703" | "42P01" | "42P10" | "42702" | "42P09"));
            match (name.starts_with("valid"), &run) {
                (true, Err(why)) => wrong.push(format!("{name}: {statement}: {}", support::servers::describe(why))),
                (false, Ok(())) => wrong.push(format!("{name}: PostgreSQL accepts {statement}")),
                (false, Err(why)) if !by_name => {
                    wrong.push(format!("{name}: {statement}: {}", support::servers::describe(why)));
                }
                _ => {}
            }
        }
        if name.starts_with("invalid") {
            // Every statement is reported.
            let said = String::from_utf8_lossy(&check(&folder, "schema", Path::new(&name)).stderr).into_owned();
            let reported = said.lines().filter(|line| line.starts_with("error[")).count();
            let all = sql.lines().filter(|line| !line.trim().is_empty()).count();
            if reported < all {
                wrong.push(format!("{name}: {reported} findings in {all} statements"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The write-up about migration 015: `api_keys` has no customer_id, and reaches customers through api_clients.
#[test]
fn the_wrong_join_of_the_credits_example_is_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let explained = |said: &str, place: &str| {
        for part in [
            "error[unknown-column]: api_keys has no column customer_id",
            place,
            "foreign-key path api_keys → api_clients → customers",
            "join it: `join api_clients ac on ac.id = ak.api_client_id`, then write `ac.customer_id`",
        ] {
            assert!(said.contains(part), "`{part}` is not in:\n{said}");
        }
        assert_eq!(said.lines().filter(|line| line.starts_with("error[")).count(), 1, "{said}");
    };
    let migration = "schema/credits/migrations/015_add_credits_to_customer_stats.sql";
    let sql = std::fs::read_to_string(root.join(migration)).expect("the migration");
    let join = "LEFT JOIN api_keys ak ON c.id = ak.customer_id";
    let line = sql.lines().position(|l| l == join).expect("the wrong join") + 1;
    let output = check(root, "schema/credits", Path::new(migration));
    assert_eq!(output.status.code(), Some(1));
    explained(&String::from_utf8_lossy(&output.stderr), &format!("015_add_credits_to_customer_stats.sql:{line}:33"));

    // The same join in the view of the YAML.
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("schema")).expect("a folder");
    for name in ["trueup.yaml", "schema/tables.yaml", "schema/views.yaml"] {
        let text = std::fs::read_to_string(root.join("schema/credits").join(name)).expect("a file");
        let anchor = "left join customer_credits cc on c.id = cc.customer_id";
        let text = text.replace(anchor, &format!("{anchor}\n      left join api_keys ak on c.id = ak.customer_id"));
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    let run = trueup(&["check", "--to", &folder.path().display().to_string()]);
    assert_eq!(run.status, 1, "{}", run.report());
    explained(&run.stderr, "views.yaml:15:39");
}
