//! The states that git revisions hold.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::places::Alias;
use crate::declare::exposure;
use crate::state::{StateSpec, of_path};

/// The files of a revision, in a temporary folder that is there as long as this is.
#[derive(Debug)]
pub struct Checkout {
    folder: tempfile::TempDir,
    _alias: Alias,
}

/// Endings of the files that states are made of.
const ENDINGS: &[&str] = &[".yaml", ".yml", ".sql", ".json"];

struct Git<'a> {
    rev: &'a str,
}

impl Git<'_> {
    fn failed(&self, what: &str) -> Box<Diagnostic> {
        Diagnostic::error("git", format!("failed to read git revision {}: {what}", self.rev))
            .help("is this a git repository, and does the revision exist here? (git fetch)")
    }

    fn run(&self, args: &[&str]) -> Result<Vec<u8>> {
        let output = std::process::Command::new("git").args(args).output().map_err(|e| self.failed(&e.to_string()))?;
        match output.status.success() {
            true => Ok(output.stdout),
            false => Err(self.failed(String::from_utf8_lossy(&output.stderr).trim())),
        }
    }

    /// Writes a file, given by its path relative to the current folder, below another folder.
    fn write(&self, name: &str, folder: &Path) -> Result<Vec<u8>> {
        let content = self.run(&["show", &format!("{}:./{name}", self.rev)])?;
        let target = folder.join(name);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent).map_err(|e| self.failed(&e.to_string()))?;
        }
        std::fs::write(&target, &content).map_err(|e| self.failed(&e.to_string()))?;
        Ok(content)
    }
}

/// Writes the files of a git revision into a temporary folder: those of the endings that states have, and what these include.
fn checkout(rev: &str, path: Option<&Path>) -> Result<Checkout> {
    let git = Git { rev };
    let folder = tempfile::tempdir().map_err(|e| git.failed(&e.to_string()))?;
    let within = path.map(|p| p.display().to_string()).unwrap_or_else(|| ".".to_owned());
    // Names relative to the current folder, NUL-separated, so that no name needs quoting.
    let listing = git.run(&["ls-tree", "-r", "-z", "--name-only", rev, "--", &within])?;
    let mut included = BTreeSet::new();
    for name in listing.split(|b| *b == 0).filter(|n| !n.is_empty()) {
        let name = String::from_utf8_lossy(name).into_owned();
        let wanted = ENDINGS.iter().any(|ending| name.ends_with(ending));
        if !wanted || Path::new(&name).components().any(|c| !matches!(c, Component::Normal(_))) {
            continue;
        }
        let content = git.write(&name, folder.path())?;
        if name.ends_with(".yaml") || name.ends_with(".yml") {
            included.extend(includes(Path::new(&name), &String::from_utf8_lossy(&content)));
        }
    }
    for name in included.iter().filter(|name| !folder.path().join(name).exists()) {
        // What is not there is told of where it is included.
        let _ = git.write(name, folder.path());
    }
    // The platform's settings as the revision has them, beside its migrations or a project.
    for config in within_reach(&within) {
        let _ = git.write(&config, folder.path());
    }
    // Git knows files by their paths from the top of the repository.
    let prefix = git.run(&["rev-parse", "--show-prefix"])?;
    let prefix = format!("{rev}:{}", String::from_utf8_lossy(&prefix).trim_end_matches('\n'));
    Ok(Checkout { _alias: Alias::new(folder.path(), prefix), folder })
}

/// Where the file of the Supabase CLI may be, for a state at a path: in the folder of that name above it or beside it.
fn within_reach(path: &str) -> BTreeSet<String> {
    let path: PathBuf = Path::new(path).components().filter(|part| matches!(part, Component::Normal(_))).collect();
    let of = |folder: &Path| [folder.join("supabase/config.toml"), folder.join("config.toml")];
    let all = path.ancestors().flat_map(of).filter(|file| file.ends_with(exposure::CONFIG));
    all.map(|file| file.display().to_string()).collect()
}

/// The files that a YAML file may include (`!file path`), by their paths relative to the current folder.
fn includes(file: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, tag) in text.match_indices("!file") {
        let rest = text[at + tag.len()..].trim_start_matches([' ', '\t']);
        let name = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => rest[1..].split(quote).next().unwrap_or_default(),
            _ => rest.split(['\n', '\r', ',', '}', ']', '#']).next().unwrap_or_default().trim_end(),
        };
        let mut path = PathBuf::new();
        let inside = file.parent().unwrap_or(Path::new("")).join(name);
        let is_inside = inside.components().all(|part| match part {
            Component::Normal(part) => {
                path.push(part);
                true
            }
            Component::CurDir => true,
            Component::ParentDir => path.pop(),
            Component::RootDir | Component::Prefix(_) => false,
        });
        if is_inside && !name.is_empty() {
            found.push(path.display().to_string());
        }
    }
    found
}

/// The state that a git revision holds, and its files as long as they are needed.
pub fn at_revision(rev: &str, path: Option<&Path>) -> Result<(Checkout, StateSpec)> {
    let files = checkout(rev, path)?;
    let inner = path.map_or_else(|| files.folder.path().to_owned(), |path| files.folder.path().join(path));
    if !inner.exists() {
        let path = path.unwrap_or(Path::new("."));
        return Err(Diagnostic::error("git", format!("revision {rev} has no {}", path.display())));
    }
    let state = of_path(&inner)?;
    Ok((files, state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn included_files_are_found() {
        let text = "a: !file b/x.sql\nc: {body: !file ../y.py, d: e}\nf: !file 'z z.txt'\ng: !file /etc/x\nh: !file ../../../x\n";
        assert_eq!(includes(Path::new("db/s/a.yaml"), text), ["db/s/b/x.sql", "db/y.py", "db/s/z z.txt"]);
    }
}
