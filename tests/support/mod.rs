//! What the end-to-end tests share: throw-away PostgreSQL servers, an independent judge, and trueup's command line.
//!
//! Nothing here uses trueup as a library: the tests see what a user sees, so that a mistake in reading a catalog cannot
//! hide itself by being made twice.

pub mod case;
pub mod catalog;
pub mod journey;
pub mod judge;
pub mod place;
pub mod scripts;
pub mod servers;
pub mod trueup;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many cases run at a time, each on its own databases; `TRUEUP_TEST_WORKERS` says otherwise.
pub fn workers() -> usize {
    std::env::var("TRUEUP_TEST_WORKERS").ok().and_then(|text| text.parse().ok()).unwrap_or(2).max(1)
}

/// Runs `work` over `items` on [`workers`] threads and returns the results in the order of the items.
///
/// `work` also gets the number of its worker (from 0), for what each worker has to itself.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(usize, &T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for worker in 0..workers().min(items.len()) {
            let (next, results, work) = (&next, &results, &work);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    let result = work(worker, item);
                    results.lock().expect("another case panicked").push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("a case panicked");
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// The folder of real schemas beside the project, or `None` (with a line that says so) where it is absent.
pub fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("TRUEUP_CORPUS")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"));
    // A worktree of the project may stand one folder deeper.
    let folder = [folder.clone(), Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus")]
        .into_iter()
        .find(|folder| folder.is_dir());
    if folder.is_none() {
        println!("SKIPPED: no folder of real schemas (../shared/corpus, or $TRUEUP_CORPUS)");
    }
    folder
}

/// The schemas that are to round-trip: our own (tests/schemas, whose names begin with the oldest major version they are for), and the
/// real ones where there are some. Each with its name and that version.
pub fn schemas(only: Option<&str>) -> Vec<(PathBuf, u32)> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas");
    let mut found: Vec<PathBuf> = [Some(own), corpus()]
        .into_iter()
        .flatten()
        .flat_map(|folder| std::fs::read_dir(folder).expect("the folder can be read").flatten())
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .filter(|path| passes(only, &path.display().to_string()))
        .collect();
    found.sort();
    let since = |path: &Path| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        name.split_once('-')?.0.parse().ok()
    };
    found.into_iter().map(|path| (path.clone(), since(&path).unwrap_or(0))).collect()
}

/// The value of a filter variable, when it is set and not empty.
pub fn filter(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|text| !text.is_empty())
}

/// Whether `name` passes a filter: one or more substrings, separated by `|`.
pub fn passes(filter: Option<&str>, name: &str) -> bool {
    filter.is_none_or(|filter| filter.split('|').any(|part| name.contains(part)))
}

/// Every file of a folder, by its path inside it, with its bytes; for comparing two folders.
pub fn files_of(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    fn walk(root: &Path, folder: &Path, found: &mut std::collections::BTreeMap<String, Vec<u8>>) {
        let Ok(entries) = std::fs::read_dir(folder) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
                found.insert(name, std::fs::read(&path).unwrap_or_default());
            }
        }
    }
    let mut found = std::collections::BTreeMap::new();
    walk(folder, folder, &mut found);
    found
}

/// The first lines of a text, for a report that must stay readable.
pub fn head(text: &str, lines: usize) -> String {
    let mut shown: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(lines + 1).collect();
    if shown.len() > lines {
        shown.pop();
        shown.push("…");
    }
    shown.join("\n")
}

/// The example projects in schema/ that are for a major version: all, but where the file `since` names a later one.
pub fn examples(major: u32) -> Vec<PathBuf> {
    let only = filter("TRUEUP_EXAMPLES");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .expect("schema/ can be read")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("trueup.yaml").is_file() && path.join("before.sql").is_file())
        .filter(|path| passes(only.as_deref(), &path.display().to_string()))
        .filter(|path| is_for(path, major))
        .collect();
    found.sort();
    found
}

/// Whether an example is for a major version; said where it is not.
pub fn is_for(example: &Path, major: u32) -> bool {
    let since = std::fs::read_to_string(example.join("since")).ok();
    let since: u32 = since.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    if since > major {
        println!("SKIPPED  {} on {major}: it is for {since} and later", example.display());
    }
    since <= major
}
