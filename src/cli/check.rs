//! `trueup check`: everything that can be known without a database.

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::json;

use crate::core::diagnostic::{Result, Severity};
use crate::engine;
use crate::render::{counted, github, json as form};

use super::Status;
use super::args::{GlobalArgs, ToArgs};
use super::output::Output;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to check.
    #[command(flatten)]
    pub to: ToArgs,
    /// SQL files to check against the declared schema
    #[arg(value_name = "SQL FILE")]
    pub sql: Vec<PathBuf>,
    /// How to write what is found
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Forms of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// Annotations of a GitHub workflow.
    Github,
}

/// Runs it.
pub async fn run(args: &Args, global: &GlobalArgs, output: &Output) -> Result<Status> {
    let to = args.to.state()?;
    let report = engine::check(&to, &args.sql, &global.settings(None, Some(&to), output)?).await?;
    output.end_progress();
    let count = |severity: Severity| report.problems.iter().filter(|p| p.severity == severity).count();
    let errors = count(Severity::Error) + count(Severity::Refused);
    match args.format {
        Format::Json => {
            let problems = form::diagnostics(&report.problems);
            output.json(&json!({"trueup_report": form::VERSION, "objects": report.objects, "problems": problems}))?;
        }
        Format::Github => {
            let text: String = report.problems.iter().map(|p| github::annotation(p)).collect();
            output.result(&text)?;
        }
        Format::Text => {
            output.diagnostics(&report.problems);
            let warnings = count(Severity::Warning);
            let found = if errors + warnings == 0 {
                "no problems".to_owned()
            } else {
                format!("{}, {}", counted(errors, "error"), counted(warnings, "warning"))
            };
            output.result(&format!("{} checked: {found}\n", counted(report.objects, "object")))?;
        }
    }
    Ok(if errors > 0 { Status::Error } else { Status::Fine })
}
