//! Writes a catalog as the YAML files of a project.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Result};
use crate::declare::in_parallel;
use crate::declare::project::{FILE, Profile, Project, Undeclared};
use crate::kinds::common::WriteContext;
use crate::kinds::component::DefaultPrivilege;
use crate::kinds::write_top;
use crate::yaml::{Out, to_yaml};

/// The entries of one file, by top-level key.
type Section = BTreeMap<&'static str, Vec<(String, Out)>>;

/// The files of a project, by path relative to its folder. `is_written` says which default privileges are the project's to declare; the
/// others count when it is decided which privileges of objects need no word.
pub fn files(
    catalog: &Catalog,
    project: &Project,
    is_written: &dyn Fn(&DefaultPrivilege) -> bool,
) -> BTreeMap<PathBuf, String> {
    let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
    files.insert(PathBuf::from(FILE), to_yaml(&project_file(project)));
    let mut sections: BTreeMap<(String, String), Section> = BTreeMap::new();
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let tops: Vec<_> =
        catalog.iter().filter(|(id, object)| id.as_str() == id.top_str() && !object.kind().is_component()).collect();
    let written = in_parallel(&tops, |(id, object)| {
        let schema = id.schema().map(|s| s.into_owned()).unwrap_or_default();
        let cx = WriteContext { catalog, schema: if id.parent_str().is_none() { "public" } else { &schema } };
        write_top(id, object, &cx)
    });
    for ((id, _), written) in tops.iter().zip(written) {
        let Some((key, name, out)) = written else { continue };
        let schema = id.schema().map(|s| s.into_owned()).unwrap_or_default();
        let root = id.parent_str().is_none();
        let place = if root {
            (String::new(), "database".to_owned())
        } else if key == "tables" {
            (schema.clone(), unique(&format!("tables/{}", file_name(&id.name())), &schema, &mut taken))
        } else {
            (schema.clone(), key.to_owned())
        };
        sections.entry(place).or_default().entry(key).or_default().push((name, out));
    }
    for (table, out) in crate::kinds::table::declare::write_guests(catalog) {
        let schema = table.schema().map(|s| s.into_owned()).unwrap_or_default();
        let file = unique(&format!("tables/{}", file_name(&table.name())), &schema, &mut taken);
        let entry = (crate::core::name::ident(&table.name()), out);
        sections.entry((schema, file)).or_default().entry("tables").or_default().push(entry);
    }
    let privileges = crate::kinds::component::default_privilege::write_all(catalog, is_written);
    let texts = sections.into_iter().map(|((schema, file), keys)| {
        let mut entries = Vec::new();
        if !schema.is_empty() && schema != "public" {
            entries.push(("schema".to_owned(), Out::text(schema.as_str())));
        }
        entries.extend(keys.into_iter().map(|(key, values)| (key.to_owned(), Out::Map(values))));
        let dir =
            if schema.is_empty() { PathBuf::from("schema") } else { Path::new("schema").join(file_name(&schema)) };
        (dir.join(format!("{file}.yaml")), Out::Map(entries))
    });
    let texts: Vec<_> = texts.collect();
    files.extend(in_parallel(&texts, |(path, out)| (path.clone(), to_yaml(out))));
    if let Some(privileges) = privileges {
        files.insert(
            PathBuf::from("schema/default_privileges.yaml"),
            to_yaml(&Out::Map(vec![("default_privileges".to_owned(), privileges)])),
        );
    }
    files
}

fn project_file(project: &Project) -> Out {
    let mut entries = vec![("version".to_owned(), Out::Int(1))];
    if project.profile == Profile::Supabase {
        entries.push(("profile".to_owned(), Out::text("supabase")));
    }
    let mut manage = Vec::new();
    match &project.schemas {
        Some(schemas) => manage.push(("schemas".to_owned(), Out::flow(schemas.iter().cloned()))),
        None => manage.push(("schemas".to_owned(), Out::text("*"))),
    }
    if project.all_grants {
        manage.push(("grants".to_owned(), Out::text("all")));
    }
    if project.usual_names {
        manage.push(("names".to_owned(), Out::text("usual")));
    }
    entries.push(("manage".to_owned(), Out::FlowMap(manage)));
    if project.undeclared == Undeclared::Keep {
        entries.push(("undeclared".to_owned(), Out::text("keep")));
    }
    let usual: &[&str] = if project.profile == Profile::Supabase { &["public", "extensions"] } else { &["public"] };
    if project.search_path != usual {
        entries.push(("search_path".to_owned(), Out::flow(project.search_path.iter().cloned())));
    }
    Out::Map(entries)
}

/// A name as a file name: what file systems may not take, or fold together, becomes an underscore.
fn file_name(name: &str) -> String {
    let safe: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' })
        .take(100)
        .collect();
    if safe.is_empty() { "_".to_owned() } else { safe }
}

fn unique(name: &str, schema: &str, taken: &mut BTreeSet<String>) -> String {
    let mut candidate = name.to_owned();
    let mut n = 1;
    // Compared without case: some file systems do.
    while !taken.insert(format!("{schema}/{}", candidate.to_lowercase())) {
        n += 1;
        candidate = format!("{name}_{n}");
    }
    candidate
}

/// Writes the files into a folder. Anything else in the folder is left alone.
pub fn write(dir: &Path, files: &BTreeMap<PathBuf, String>) -> Result<Vec<PathBuf>> {
    let failed =
        |path: &Path, e: std::io::Error| Diagnostic::error("write", format!("failed to write {}: {e}", path.display()));
    let folders: BTreeSet<PathBuf> =
        files.keys().filter_map(|path| dir.join(path).parent().map(Path::to_owned)).collect();
    for folder in folders {
        std::fs::create_dir_all(&folder).map_err(|e| failed(&folder, e))?;
    }
    let files: Vec<_> = files.iter().collect();
    let written = in_parallel(&files, |(path, text)| {
        let path = dir.join(path);
        std::fs::write(&path, text).map_err(|e| failed(&path, e))?;
        Ok(path)
    });
    written.into_iter().collect()
}

/// What only a person writes, by its key: no database says it.
const HAND_WRITTEN: &[&str] = &["backfill", "invariants", "retired", "tests", "was"];

/// Lines of existing files that writing these would lose, though no database can give them back: comments, and keys that
/// say more than what is. Only of files whose text would change.
pub fn would_lose(dir: &Path, files: &BTreeMap<PathBuf, String>) -> Vec<(PathBuf, usize, String)> {
    let mut lost = Vec::new();
    for (path, text) in files {
        let path = dir.join(path);
        let Ok(before) = std::fs::read_to_string(&path) else { continue };
        if before == *text {
            continue;
        }
        let kept: BTreeSet<&str> = text.lines().map(str::trim).collect();
        for (number, line) in before.lines().enumerate() {
            let line = line.trim();
            let key = line.split_once(':').map(|(key, _)| key);
            let by_hand = line.starts_with('#')
                || key.is_some_and(|key| HAND_WRITTEN.contains(&key))
                || HAND_WRITTEN
                    .iter()
                    .any(|key| line.contains(&format!("{{{key}: ")) || line.contains(&format!(", {key}: ")));
            if by_hand && !kept.contains(line) {
                lost.push((path.clone(), number + 1, line.to_owned()));
            }
        }
    }
    lost
}

/// YAML files of an existing project that a new pull would not write.
pub fn leftover(dir: &Path, files: &BTreeMap<PathBuf, String>) -> Vec<PathBuf> {
    let keep: BTreeSet<PathBuf> = files.keys().map(|f| dir.join(f)).collect();
    crate::declare::load::files(dir).unwrap_or_default().into_iter().filter(|f| !keep.contains(f)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_person_writes_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let (same, changed) = (PathBuf::from("same.yaml"), PathBuf::from("changed.yaml"));
        std::fs::write(dir.path().join(&same), "# kept\n").unwrap();
        let before = "tables:\n  t:\n    # why\n    columns:\n      a: {type: int, was: b}\n      c: int\ntests: {}\n";
        std::fs::write(dir.path().join(&changed), before).unwrap();
        let files = BTreeMap::from([(same, "# kept\n".to_owned()), (changed, "tables: {}\n".to_owned())]);
        let lines: Vec<usize> = would_lose(dir.path(), &files).into_iter().map(|(_, line, _)| line).collect();
        assert_eq!(lines, [3, 5, 7]);
    }

    #[test]
    fn hostile_names_make_harmless_files() {
        assert_eq!(file_name("../a b"), "___a_b");
        let mut taken = BTreeSet::new();
        assert_eq!(unique("tables/A", "s", &mut taken), "tables/A");
        assert_eq!(unique("tables/a", "s", &mut taken), "tables/a_2");
    }
}
