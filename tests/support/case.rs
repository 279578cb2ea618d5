//! The cases of tests/cases: where they are, and what stands in their files. tests/cases.rs says what each file means.

use std::path::{Path, PathBuf};

use super::servers::{Database, Server, is_asked_for, major};
use super::trueup::{Run, trueup};
use super::{filter, passes};

/// Those that `TRUEUP_CASES` lets through, in the order of their names; of these every third from the second one on where
/// `TRUEUP_CASES_PART` is `2/3`.
pub fn cases() -> Vec<PathBuf> {
    let only = filter("TRUEUP_CASES");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .expect("tests/cases can be read")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && passes(only.as_deref(), &path.display().to_string()))
        .collect();
    found.sort();
    let part = std::env::var("TRUEUP_CASES_PART").unwrap_or_else(|_| "1/1".into());
    let (first, every) = part.split_once('/').expect("TRUEUP_CASES_PART is like 2/3");
    let number =
        |text: &str| text.parse::<usize>().ok().filter(|number| *number > 0).expect("TRUEUP_CASES_PART is like 2/3");
    found.into_iter().skip(number(first) - 1).step_by(number(every)).collect()
}

/// As [`cases`], each once for every major version that it runs on.
pub fn cases_on_versions() -> Vec<(u32, PathBuf)> {
    cases().into_iter().flat_map(|case| majors(&case).into_iter().map(move |major| (major, case.clone()))).collect()
}

/// The name of a case, which is that of its folder.
pub fn name(case: &Path) -> String {
    case.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// One of its files.
pub fn read(case: &Path, name: &str) -> Option<String> {
    std::fs::read_to_string(case.join(name)).ok()
}

/// The major versions that a case runs on. Where the run asks for one server, that is its version or none.
pub fn majors(case: &Path) -> Vec<u32> {
    let major = major();
    let Some(text) = read(case, "majors") else { return vec![major] };
    let listed = text.lines().filter_map(|line| line.trim().parse().ok());
    listed.filter(|listed| !is_asked_for() || *listed == major).collect()
}

/// Applies a project to a database.
pub fn apply(database: &Database, project: &str, more: &[&str]) -> Run {
    let scratch = database.server.scratch();
    let mut arguments = vec!["apply", "--from", &database.url, "--to", project, "--yes", "--ephemeral", &scratch];
    arguments.extend(more);
    trueup(&arguments)
}

/// A new database in the state that a case (or an example) starts from.
pub fn before<'a>(server: &'a Server, case: &Path) -> Result<Database<'a>, String> {
    let database = server.database();
    match read(case, "before.sql") {
        Some(sql) => database.load(&sql).map_err(|why| format!("before.sql: {why}"))?,
        None => drop(apply(&database, &case.join("before.yaml").display().to_string(), &[]).must()?),
    }
    Ok(database)
}
