//! The scripts that `trueup sql` writes, and how those for whom they are run them.
#![allow(clippy::disallowed_methods, reason = "a test waits for psql")]

use std::path::{Path, PathBuf};
use std::process::Command;

use super::servers::{Database, Server, describe, rows, run};
use super::trueup::{FINE, trueup};

/// The forms that start from a known state, and how each is run.
pub const FORMS: &[&str] = &["editor", "editor-files", "migration", "psql"];

/// The forms with which a case is tried: one that follows from its name, so that a new case changes none of the others'; all
/// where `TRUEUP_FORMS` is set.
pub fn forms_of(case: &Path, major: u32) -> Vec<&'static str> {
    if super::filter("TRUEUP_FORMS").is_some() {
        return FORMS.to_vec();
    }
    let turn =
        super::case::name(case).bytes().fold(major as usize, |n, byte| n.wrapping_mul(31).wrapping_add(byte.into()));
    FORMS.get(turn % FORMS.len()).copied().into_iter().collect()
}

/// A script as `trueup sql` writes it for a project.
pub fn sql(project: &Path, server: &Server, arguments: &[&str]) -> Result<String, String> {
    let (project, scratch) = (project.display().to_string(), server.scratch());
    let mut all = vec!["sql", "--to", &project, "--ephemeral", &scratch];
    all.extend(arguments);
    let run = trueup(&all);
    if run.status == FINE { Ok(run.stdout) } else { Err(format!("{}: {}", run.call, run.stderr)) }
}

/// Runs a script as the editor does: one string, one transaction. Its result table.
pub fn once(database: &Database, script: &str) -> Result<Vec<(String, String)>, String> {
    let found = rows(&database.url, script).map_err(|e| describe(&e))?;
    let row = |row: Vec<Option<String>>| match row.as_slice() {
        [Some(object), Some(state)] => Some((object.clone(), state.clone())),
        _ => None,
    };
    let table: Vec<(String, String)> = found.into_iter().filter_map(row).collect();
    if table.is_empty() { Err("the script ends without a table of results".to_owned()) } else { Ok(table) }
}

/// As [`once`], twice. The result table of the second run.
pub fn twice(database: &Database, script: &str) -> Result<Vec<(String, String)>, String> {
    once(database, script).map_err(|why| format!("the first run of the script: {why}"))?;
    once(database, script).map_err(|why| format!("the second run of the script: {why}"))
}

/// What is left to do that additions could do: what each difference is about, and the whole of it.
pub fn left(database: &Database, project: &Path) -> Result<Vec<(String, String)>, String> {
    let (project, scratch) = (project.display().to_string(), database.server.scratch());
    let run = trueup(&["diff", "--from", &database.url, "--to", &project, "--ephemeral", &scratch, "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).map_err(|e| format!("{e}: {}", run.report()))?;
    let differences = report["differences"].as_array().cloned().unwrap_or_default();
    let left = differences.iter().filter(|d| d["change"] != "dropped");
    Ok(left.map(|d| (d["object"].as_str().unwrap_or_default().to_owned(), d.to_string())).collect())
}

/// Nothing is left to do that additions could do.
pub fn nothing_left(database: &Database, project: &Path, what: &str) {
    let left = left(database, project).expect("a diff");
    assert!(left.is_empty(), "{what}: {left:#?}");
}

/// The files of a folder, by name.
pub fn numbered(folder: &Path) -> Vec<(String, String)> {
    let files = super::files_of(folder);
    files.into_iter().map(|(name, bytes)| (name, String::from_utf8_lossy(&bytes).into_owned())).collect()
}

/// Runs numbered files one after the other, each as one string.
pub fn run_files(database: &Database, files: &[(String, String)]) -> Result<(), String> {
    for (name, text) in files {
        if text.lines().any(|line| line.starts_with('\\')) {
            return Err(format!("{name} holds a psql command"));
        }
        run(&database.url, text).map_err(|e| format!("{name}: {}", describe(&e)))?;
    }
    Ok(())
}

/// psql of the machine, or of one of the servers.
pub fn psql() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let own = super::servers::installed().values().cloned();
    folders.unwrap_or_default().into_iter().chain(own).map(|folder| folder.join("psql")).find(|path| path.is_file())
}

/// What `trueup sql` writes in a form from what a database is: its files, by name.
pub fn written(database: &Database, project: &Path, form: &str) -> Result<Vec<(String, String)>, String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let out = folder.path().join("out");
    let (whom, out_name) = match form {
        "editor" => ("supabase-editor", out.join("one.sql")),
        "editor-files" => ("supabase-editor", out.clone()),
        "migration" => ("supabase-migration", out.clone()),
        _ => ("psql", out.join("one.sql")),
    };
    std::fs::create_dir_all(&out).map_err(|e| e.to_string())?;
    let out_name = out_name.display().to_string();
    sql(project, database.server, &["--from", &database.url, "--for", whom, "--out", &out_name])?;
    Ok(numbered(&out))
}

/// Has `trueup sql` write a form from what a database is, and runs it as it is run: a migration once, psql's stopped on the way
/// and begun anew, all but the migration once more.
pub fn emitted(database: &Database, project: &Path, form: &str) -> Result<(), String> {
    let files = match written(database, project, form) {
        // What cannot be one script says so, and what to do instead.
        Err(why) if form == "editor" && why.contains("one-file") && why.contains("--out DIR") => {
            return emitted(database, project, "editor-files");
        }
        written => written?,
    };
    match form {
        "psql" => through_psql(database, &files),
        "migration" => {
            for (name, _) in &files {
                let time = name.split_once('_').map(|(time, _)| time).unwrap_or_default();
                if time.len() != 14 || !time.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(format!("{name} does not begin with a time"));
                }
            }
            run_files(database, &files)?;
            // It is for running once. Run again, it is refused as a whole, or changes nothing.
            let (schema, rows) = (super::judge::text(database)?, database.row_counts());
            for (name, text) in &files {
                let _ = run(&database.url, text);
                if super::judge::text(database)? != schema || database.row_counts() != rows {
                    return Err(format!("{name}, run again, changed something"));
                }
            }
            Ok(())
        }
        _ => {
            // Stopped half-way, and begun anew from the first.
            run_files(database, &files[..files.len() / 2])?;
            run_files(database, &files).map_err(|why| format!("after half of the files: {why}"))?;
            run_files(database, &files).map_err(|why| format!("run again: {why}"))
        }
    }
}

/// Stopped behind the first transaction, and behind the second; then from its beginning to its end, and once more.
fn through_psql(database: &Database, files: &[(String, String)]) -> Result<(), String> {
    let Some(psql) = psql() else {
        println!("SKIPPED: psql was not found");
        return Ok(());
    };
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let run = |text: &str| {
        let path = folder.path().join("part.sql");
        std::fs::write(&path, text).map_err(|e| e.to_string())?;
        let mut command = Command::new(&psql);
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &database.url, "-f"]).arg(&path);
        let run = command.output().map_err(|e| e.to_string())?;
        if run.status.success() { Ok(()) } else { Err(format!("psql: {}", String::from_utf8_lossy(&run.stderr))) }
    };
    let (_, text) = files.first().ok_or("no script was written")?;
    let committed = "COMMIT;\n\\endif\n";
    for end in text.match_indices(committed).map(|(at, _)| at + committed.len()).take(2) {
        run(text.get(..end).unwrap_or_default()).map_err(|why| format!("as far as byte {end}: {why}"))?;
    }
    for round in ["after it was stopped", "again"] {
        run(text).map_err(|why| format!("{round}: {why}"))?;
    }
    Ok(())
}
