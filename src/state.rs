//! States: where a catalog can be had, as they are named on the command line.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::places;
use crate::declare::project::FILE;
use crate::postgres::ConnInfo;

/// Where a catalog can be had.
#[derive(Clone, Debug)]
pub enum StateSpec {
    /// A live database.
    Live(Box<ConnInfo>),
    /// A folder or file of YAML.
    Project(PathBuf),
    /// A SQL file, or a folder of them, run in name order.
    Sql(PathBuf),
    /// A snapshot that `pull` wrote.
    Snapshot(PathBuf),
    /// A project or SQL files as of a git revision.
    Git {
        /// The revision.
        rev: String,
        /// The path within the repository, relative to the current folder; the current folder where it is not given.
        path: Option<PathBuf>,
    },
    /// An environment named in the project file.
    Environment(String),
    /// An empty database.
    Empty,
}

impl StateSpec {
    /// Reads a STATE.
    ///
    /// # Errors
    /// `state` where the text is neither a connection string nor an existing path.
    pub fn parse(text: &str) -> Result<Self> {
        if text == "empty" {
            return Ok(Self::Empty);
        }
        if let Some(name) = text.strip_prefix("env:") {
            return Ok(Self::Environment(name.to_owned()));
        }
        if let Some(rest) = text.strip_prefix("git:") {
            let (rev, path) = match rest.split_once(':') {
                Some((rev, path)) => (rev, Some(PathBuf::from(path))),
                None => (rest, None),
            };
            // A revision that begins with a dash would be read as an option.
            if rev.is_empty() || rev.starts_with('-') {
                return Err(Diagnostic::error("state", format!("`{text}` names no git revision"))
                    .help("git:REV or git:REV:PATH, e.g. git:origin/main"));
            }
            return Ok(Self::Git { rev: rev.to_owned(), path });
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Live(Box::new(ConnInfo::parse(text)?)));
        }
        let path = Path::new(text);
        if path.exists() {
            return of_path(path);
        }
        if text.contains('=') {
            return Ok(Self::Live(Box::new(ConnInfo::parse(text)?)));
        }
        Err(Diagnostic::error("state", format!("`{text}` is neither a file or folder that exists nor a connection string"))
            .help("a STATE is postgres://…, a libpq key=value string, a folder or .yaml file, a .sql file or folder, a .json snapshot, git:REV[:PATH], env:NAME or empty"))
    }
}

/// The state that a file or folder holds.
pub fn of_path(path: &Path) -> Result<StateSpec> {
    if path.is_dir() {
        if path.join(FILE).is_file() {
            return Ok(StateSpec::Project(path.to_owned()));
        }
        let holds = |extension: &str| {
            std::fs::read_dir(path)
                .is_ok_and(|mut d| d.any(|e| e.is_ok_and(|e| e.path().extension().is_some_and(|x| x == extension))))
        };
        return Ok(if holds("sql") && !holds("yaml") && !holds("yml") {
            StateSpec::Sql(path.to_owned())
        } else {
            StateSpec::Project(path.to_owned())
        });
    }
    match path.extension().and_then(|e| e.to_str()) {
        Some("yaml" | "yml") => Ok(StateSpec::Project(path.to_owned())),
        Some("sql") => Ok(StateSpec::Sql(path.to_owned())),
        Some("json") => Ok(StateSpec::Snapshot(path.to_owned())),
        _ => Err(Diagnostic::error("state", format!("{} is none of .yaml, .sql and .json", places::shown(path)))),
    }
}

impl fmt::Display for StateSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live(info) => write!(f, "{info}"),
            Self::Project(path) | Self::Sql(path) | Self::Snapshot(path) => f.write_str(&places::shown(path)),
            Self::Git { rev, path: Some(path) } => write!(f, "git:{rev}:{}", path.display()),
            Self::Git { rev, path: None } => write!(f, "git:{rev}"),
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::Empty => f.write_str("empty"),
        }
    }
}
