//! What files are called in messages: by their paths, but for those of a git revision, which lie in a temporary folder that is
//! gone when somebody looks. These are called as git calls them, `REV:PATH`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::diagnostic::Source;

/// The folders that stand for something else, each with what stands before the paths within it.
static FOLDERS: Mutex<Vec<(PathBuf, String)>> = Mutex::new(Vec::new());

/// As long as it lives, files in a folder are called otherwise.
#[derive(Debug)]
pub struct Alias {
    folder: PathBuf,
}

impl Alias {
    /// What lies in `folder` is called `prefix` and its path within.
    pub fn new(folder: &Path, prefix: impl Into<String>) -> Self {
        FOLDERS.lock().unwrap_or_else(PoisonError::into_inner).push((folder.to_owned(), prefix.into()));
        Self { folder: folder.to_owned() }
    }
}

impl Drop for Alias {
    fn drop(&mut self) {
        FOLDERS.lock().unwrap_or_else(PoisonError::into_inner).retain(|(folder, _)| *folder != self.folder);
    }
}

/// The name of a file of a revision; `None` for others.
fn as_git_knows_it(path: &Path) -> Option<String> {
    let folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    let (within, prefix) =
        folders.iter().find_map(|(folder, prefix)| Some((path.strip_prefix(folder).ok()?, prefix)))?;
    // Git's paths have no `.` and no `..` in them.
    let mut parts: Vec<_> = Vec::new();
    for part in within.components() {
        match part {
            std::path::Component::Normal(name) => parts.push(name.to_string_lossy()),
            std::path::Component::ParentDir => _ = parts.pop(),
            _ => {}
        }
    }
    Some(format!("{prefix}{}", parts.join("/")))
}

/// What a file or folder is called.
pub fn shown(path: &Path) -> String {
    as_git_knows_it(path).unwrap_or_else(|| path.display().to_string())
}

/// The text of a file, to be pointed into.
pub fn source(path: &Path, text: impl Into<String>) -> Arc<Source> {
    match as_git_knows_it(path) {
        Some(name) => Arc::new(Source { name, text: text.into(), is_file: false }),
        None => Source::new(path.display().to_string(), text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_revision_are_called_as_git_calls_them() {
        let folder = Path::new("/nowhere/x1");
        let alias = Alias::new(folder, "base:sub/");
        assert_eq!(shown(&folder.join("db/a.yaml")), "base:sub/db/a.yaml");
        assert_eq!(shown(&folder.join("db/../b.sql")), "base:sub/b.sql");
        assert_eq!(shown(Path::new("/nowhere/x10/a")), "/nowhere/x10/a");
        assert!(!source(&folder.join("a"), "").is_file && source(Path::new("a"), "").is_file);
        drop(alias);
        assert_eq!(shown(&folder.join("a")), "/nowhere/x1/a");
    }
}
