//! `trueup plan`: the ordered steps, shown or saved.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::core::diagnostic::Result;
use crate::engine;
use crate::render;

use super::Status;
use super::args::{FromArgs, GlobalArgs, ToArgs};
use super::diff::{proved, report};
use super::output::Output;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What is.
    #[command(flatten)]
    pub from: FromArgs,
    /// What should be.
    #[command(flatten)]
    pub to: ToArgs,
    /// Write to a file; as .json it can be given to `trueup apply`
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// How to write it [default: by the ending of --out, else text]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Apply the plan to a clone first, and say whether it converges and keeps the rows
    #[arg(long)]
    pub prove: bool,
}

/// Forms of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs and for `trueup apply`; docs/json.md describes it.
    Json,
    /// A script for psql.
    Sql,
    /// A comment on a pull request.
    Markdown,
    /// One page that needs nothing else.
    Html,
}

impl Format {
    /// The form that a file's name asks for.
    fn by_name(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "sql" => Some(Self::Sql),
            "md" | "markdown" => Some(Self::Markdown),
            "html" | "htm" => Some(Self::Html),
            _ => None,
        }
    }
}

/// Runs it.
pub async fn run(args: &Args, global: &GlobalArgs, output: &Output) -> Result<Status> {
    let (from, to) = (args.from.state()?, args.to.state()?);
    let mut settings = global.settings(Some(&from), Some(&to), output)?;
    settings.prove = args.prove;
    let found = engine::compare(&from, &to, &settings).await?;
    output.end_progress();
    let report = report(&from, &to, &found);
    let format = args.format.or_else(|| args.out.as_deref().and_then(Format::by_name)).unwrap_or(Format::Text);
    if args.out.is_some() || matches!(format, Format::Text | Format::Sql) {
        output.diagnostics(&found.notes);
    }
    proved(&found)?;
    let paint = if args.out.is_some() { render::text::Paint::new(false) } else { output.paint() };
    let text = match format {
        Format::Text => render::text::render(&report, paint),
        Format::Json => render::json::text(&render::json::render(&report)),
        Format::Sql => render::sql::render(&report, settings.lock_timeout),
        Format::Markdown => render::markdown::render(&report),
        Format::Html => render::html::render(&report),
    };
    match &args.out {
        Some(path) => {
            output.line(&report.summary().line());
            output.file(path, &text)?;
        }
        None if format == Format::Sql => output.sql(&text)?,
        None => output.result(&text)?,
    }
    Ok(Status::Fine)
}
