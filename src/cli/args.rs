//! Arguments that several commands share, and what they mean.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::step::{HazardKind, Phase};
use crate::engine::Settings;
use crate::postgres::{ConnInfo, EphemeralChoice};
use crate::state::StateSpec;

use super::output::Output;

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct GlobalArgs {
    /// PostgreSQL to try declared states on: URL, docker or docker:IMAGE, same-server, or auto
    #[arg(
        long,
        global = true,
        value_name = "WHERE",
        default_value = "auto",
        help_heading = "Options of every command"
    )]
    pub ephemeral: String,
    /// Colours
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Color::Auto, help_heading = "Options of every command")]
    pub color: Color,
    /// Say more on stderr
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Options of every command")]
    pub verbose: u8,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The state that is.
#[derive(Clone, Debug, Args)]
pub struct FromArgs {
    /// What is [default: $DATABASE_URL, or PGHOST, PGDATABASE, … as libpq reads them]
    #[arg(long, value_name = "STATE")]
    pub from: Option<String>,
}

impl FromArgs {
    /// The state given, or the one that the environment names.
    pub fn state(&self) -> Result<StateSpec> {
        if let Some(text) = &self.from {
            return StateSpec::parse(text);
        }
        if let Some(url) = std::env::var("DATABASE_URL").ok().filter(|url| !url.trim().is_empty()) {
            return StateSpec::parse(&url);
        }
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if ["PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGSERVICE", "PGUSER"].into_iter().any(set) {
            // A URL that says nothing takes everything from the environment.
            return StateSpec::parse("postgres://");
        }
        Err(Diagnostic::error("no-database", "no database is named")
            .note("neither --from nor DATABASE_URL nor any of PGHOST, PGDATABASE, PGSERVICE is set")
            .help("name one: --from postgres://user@host/database")
            .help("compare with an empty database: --from empty"))
    }
}

/// The state that should be.
#[derive(Clone, Debug, Args)]
pub struct ToArgs {
    /// What should be
    #[arg(long, value_name = "STATE", default_value = ".")]
    pub to: String,
}

impl ToArgs {
    /// The state given.
    pub fn state(&self) -> Result<StateSpec> {
        StateSpec::parse(&self.to)
    }
}

impl GlobalArgs {
    /// Settings for the engine, for a command about these states (what is, what should be).
    pub fn settings(&self, from: Option<&StateSpec>, to: Option<&StateSpec>, output: &Output) -> Result<Settings> {
        let project_dir = to.into_iter().chain(from).find_map(|state| match state {
            StateSpec::Project(path) => Some(folder_of(path)),
            _ => None,
        });
        let live = from.into_iter().chain(to).find_map(|state| match state {
            StateSpec::Live(info) => Some(&**info),
            _ => None,
        });
        Ok(Settings {
            project_dir: project_dir.unwrap_or_else(|| PathBuf::from(".")),
            ephemeral: ephemeral(&self.ephemeral, live)?,
            progress: Arc::clone(output.progress()),
            ..Settings::default()
        })
    }
}

/// What `--ephemeral` says; `live` is the database that `same-server` means the server of.
fn ephemeral(text: &str, live: Option<&ConnInfo>) -> Result<EphemeralChoice> {
    match text.trim() {
        "auto" => Ok(EphemeralChoice::Auto),
        "docker" => Ok(EphemeralChoice::Docker(None)),
        "same-server" => live.cloned().map(EphemeralChoice::SameServer).ok_or_else(|| {
            Diagnostic::error(
                "ephemeral",
                "--ephemeral same-server needs a live database given as a URL or key=value text",
            )
            .help("pass it as --from postgres://…, or name the server: --ephemeral postgres://…")
        }),
        text => match text.strip_prefix("docker:") {
            Some(image) if !image.is_empty() => Ok(EphemeralChoice::Docker(Some(image.to_owned()))),
            None if text.contains("://") || text.contains('=') => ConnInfo::parse(text).map(EphemeralChoice::Url),
            _ => Err(Diagnostic::error("ephemeral", format!("--ephemeral `{text}` is none of those there are"))
                .help("give a URL, docker, docker:IMAGE, same-server or auto")),
        },
    }
}

/// The folder a project stands in: itself, or the one that holds its file.
fn folder_of(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.to_path_buf();
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// What `--allow` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allow {
    /// Every hazard.
    All,
    /// One.
    Hazard(HazardKind),
}

impl ValueEnum for Allow {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: &[Allow] = &[
            Allow::Hazard(HazardKind::DataLoss),
            Allow::Hazard(HazardKind::Drop),
            Allow::Hazard(HazardKind::Rewrite),
            Allow::Hazard(HazardKind::Blocking),
            Allow::Hazard(HazardKind::Access),
            Allow::Hazard(HazardKind::Breaking),
            Allow::Hazard(HazardKind::Stale),
            Allow::All,
        ];
        ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Self::All => "all",
            Self::Hazard(kind) => kind.word(),
        }))
    }
}

/// What `--until` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Until {
    /// Old code is unaffected.
    Expand,
    /// Data moves.
    Migrate,
    /// All of it.
    Contract,
}

impl From<Until> for Phase {
    fn from(until: Until) -> Self {
        match until {
            Until::Expand => Self::Expand,
            Until::Migrate => Self::Migrate,
            Until::Contract => Self::Contract,
        }
    }
}

/// Reads a duration as PostgreSQL does: `500ms`, `2s`, `1min`; a bare number is milliseconds.
pub fn duration(text: &str) -> std::result::Result<Duration, String> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let number: u64 = digits.parse().map_err(|_| "a number and a unit is expected: 500ms, 2s, 1min".to_owned())?;
    let factor = match unit.trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        other => return Err(format!("unknown unit `{other}`: ms, s or min")),
    };
    number
        .checked_mul(factor)
        .filter(|ms| *ms <= i32::MAX as u64)
        .map(Duration::from_millis)
        .ok_or_else(|| "too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hazard_can_be_allowed() {
        assert_eq!(Allow::value_variants().len(), HazardKind::ALL.len() + 1);
    }

    #[test]
    fn ephemeral_servers() {
        assert!(matches!(ephemeral("auto", None), Ok(EphemeralChoice::Auto)));
        assert!(
            matches!(ephemeral("docker:postgres:16", None), Ok(EphemeralChoice::Docker(Some(i))) if i == "postgres:16")
        );
        assert!(matches!(ephemeral("postgres://localhost/x", None), Ok(EphemeralChoice::Url(_))));
        assert!(ephemeral("same-server", None).is_err() && ephemeral("dokcer", None).is_err());
    }

    #[test]
    fn durations() {
        assert_eq!(duration("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("500"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1min"), Ok(Duration::from_secs(60)));
        assert!(duration("s").is_err() && duration("1h").is_err() && duration("99999999999min").is_err());
    }
}
