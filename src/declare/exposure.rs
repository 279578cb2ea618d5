//! Whether the platform of the Supabase profile opens new tables and functions of `public` to the roles of its API.
//!
//! Hosted projects have not done so since 30 October 2026. A project may say otherwise, in trueup.yaml or for the Supabase CLI
//! (`supabase/config.toml`). The local stack of that CLI takes an unset key as true (3.1.0), hosted projects do not: so what was
//! assumed is said where it matters.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use crate::core::diagnostic::{Diagnostic, Location, Result, Source};
use crate::core::places;
use crate::declare::project::{FILE, Project};

/// The key, in trueup.yaml and in the section `[api]` of the CLI's file.
pub const KEY: &str = "auto_expose_new_tables";

/// The CLI's file, from the folder of a repository.
pub const CONFIG: &str = "supabase/config.toml";

/// Whether new tables and functions are open, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// Whether they are.
    pub is_on: bool,
    /// The file that says so; none where none does.
    pub said_by: Option<PathBuf>,
}

impl Exposure {
    /// What a project says. `migrations` is the folder of a state of SQL files.
    ///
    /// # Errors
    /// `supabase-config`: the CLI's file cannot be read, or says neither true nor false.
    pub fn of(project: &Project, migrations: Option<&Path>) -> Result<Self> {
        if let Some(is_on) = project.auto_expose_new_tables {
            return Ok(Self { is_on, said_by: Some(project.dir.join(FILE)) });
        }
        for path in candidates(&project.dir, migrations) {
            if path.is_file() {
                let text = std::fs::read_to_string(&path).map_err(|e| {
                    Diagnostic::error("supabase-config", format!("failed to read {}: {e}", places::shown(&path)))
                })?;
                let is_on = read(&places::source(&path, text), |name| std::env::var(name).ok())?;
                return Ok(Self { is_on: is_on.unwrap_or(false), said_by: is_on.map(|_| path) });
            }
        }
        Ok(Self { is_on: false, said_by: None })
    }

    /// What was assumed, for people.
    pub fn note(&self) -> Box<Diagnostic> {
        let what = match self.is_on {
            true => {
                "new tables, functions and sequences of public are taken to be open to anon, authenticated and service_role"
            }
            false => {
                "new tables, functions and sequences of public are taken to be closed to anon, authenticated and service_role"
            }
        };
        let why = match &self.said_by {
            Some(path) => format!("as {} says ({KEY}: {})", places::shown(path), self.is_on),
            None => "as in hosted projects since 30 October 2026".to_owned(),
        };
        let note = Diagnostic::info("new-tables", format!("{what}, {why}"));
        match self.said_by {
            Some(_) => note,
            None => note
                .note("the local stack of the Supabase CLI may open them where its config.toml does not set the key")
                .help(format!("to have it otherwise: `{KEY}: true` in {FILE}, or under [api] in {CONFIG}")),
        }
    }
}

/// Where the CLI's file may be: beside the migrations; in the project's folder, or in the one above.
fn candidates(project: &Path, migrations: Option<&Path>) -> Vec<PathBuf> {
    let beside = migrations.into_iter().filter_map(|path| std::path::absolute(path).ok());
    let beside = beside.filter_map(|path| {
        let folder = if path.is_dir() { path.as_path() } else { path.parent()? };
        (folder.file_name()? == "migrations").then(|| folder.with_file_name("config.toml"))
    });
    let project = std::path::absolute(project).unwrap_or_else(|_| project.to_owned());
    let above = project.parent().map(|dir| dir.join(CONFIG));
    beside.chain([project.join(CONFIG)]).chain(above).collect()
}

/// The key's value; none where it is not set. `env(NAME)` is a variable of the environment, as for the CLI.
fn read(source: &std::sync::Arc<Source>, variable: impl Fn(&str) -> Option<String>) -> Result<Option<bool>> {
    let wrong = |what: String, span: Option<Range<usize>>| {
        let problem = Diagnostic::error("supabase-config", what);
        match span {
            Some(span) => problem.at(Location::new(source, span)),
            None => problem.note(format!("in {}", source.name)),
        }
    };
    let config = DeTable::parse(&source.text).map_err(|e| wrong(format!("no TOML: {}", e.message()), e.span()))?;
    let api = config.get_ref().get("api").and_then(|api| api.get_ref().as_table());
    let Some(value) = api.and_then(|api| api.get(KEY)) else { return Ok(None) };
    let neither = || wrong(format!("`{KEY}` is neither true nor false"), Some(value.span()));
    let text = match value.get_ref() {
        DeValue::Boolean(value) => return Ok(Some(*value)),
        DeValue::String(text) => text.trim(),
        _ => return Err(neither()),
    };
    let name = text.strip_prefix("env(").and_then(|rest| rest.strip_suffix(')')).ok_or_else(neither)?;
    match variable(name).as_deref().map(str::trim) {
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        _ => Err(neither().note(format!("the variable {name} says neither"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Option<bool>> {
        read(&Source::new("config.toml", text), |name| (name == "OPEN").then(|| "true".to_owned()))
    }

    #[test]
    fn the_key_is_read_as_the_cli_reads_it() {
        assert_eq!(of("project_id = \"a\"\n[db]\nmajor_version = 17\n").unwrap(), None);
        assert_eq!(of("[api]\nenabled = true\n# auto_expose_new_tables = true\n").unwrap(), None);
        assert_eq!(of("[api]\nauto_expose_new_tables = true\n").unwrap(), Some(true));
        assert_eq!(of("api.auto_expose_new_tables = false\n").unwrap(), Some(false));
        assert_eq!(of("[api]\nauto_expose_new_tables = \"env(OPEN)\"\n").unwrap(), Some(true));
        for wrong in
            ["[api]\nauto_expose_new_tables = \"env(OTHER)\"\n", "[api]\nauto_expose_new_tables = 1\n", "[api\n"]
        {
            assert_eq!(of(wrong).unwrap_err().code, "supabase-config", "{wrong}");
        }
    }

    #[test]
    fn trueup_yaml_comes_before_the_cli_s_file() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("app");
        std::fs::create_dir_all(dir.join("supabase/migrations")).unwrap();
        let mut project = Project::bare(&dir);
        assert_eq!(Exposure::of(&project, None).unwrap(), Exposure { is_on: false, said_by: None });
        std::fs::write(dir.join(CONFIG), "[api]\nauto_expose_new_tables = true\n").unwrap();
        assert!(Exposure::of(&project, None).unwrap().is_on);
        let elsewhere = Project::bare(folder.path().join("app/schema"));
        assert!(Exposure::of(&elsewhere, None).unwrap().is_on);
        let migrations = dir.join("supabase/migrations");
        assert!(Exposure::of(&Project::bare("/nowhere/at/all"), Some(&migrations)).unwrap().is_on);
        project.auto_expose_new_tables = Some(false);
        let said = Exposure::of(&project, None).unwrap();
        assert!(!said.is_on && said.said_by.is_some_and(|path| path.ends_with(FILE)));
    }
}
