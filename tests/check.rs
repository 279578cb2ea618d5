//! `trueup check` over SQL files: `tests/check/*.sql` against the project in `tests/check/schema`. Beside each stands what
//! it says (`.txt`); files called `valid-…` must pass. `TRUEUP_BLESS=1` writes what is said now.
//!
//! And the rule above all: no false alarm. The real schemas of `../shared/corpus`, as scripts on an empty project.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let files = sql_files(&corpus);
    if files.is_empty() {
        println!("skipped: there is no {}", corpus.display());
        return;
    }
    let project = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(project.path().join("trueup.yaml"), "version: 1\n").expect("a project file");
    std::fs::write(project.path().join("schema.yaml"), "schema: public\n").expect("a schema file");
    for file in files {
        let output = check(project.path(), ".", &file);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}\n{said}", file.display());
    }
}
