//! `trueup diff`: what differs, and the plan.

use clap::ValueEnum;

use crate::core::diagnostic::{Diagnostic, Result};
use crate::engine::{self, Comparison, Proof};
use crate::render::{self, Report};
use crate::state::StateSpec;

use super::Status;
use super::args::{FromArgs, GlobalArgs, ToArgs};
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
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Apply the plan to a clone first, and say whether it converges and keeps the rows
    #[arg(long)]
    pub prove: bool,
}

/// Forms of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs; docs/json.md describes it.
    Json,
    /// A script for psql.
    Sql,
    /// A comment on a pull request.
    Markdown,
    /// Annotations of a GitHub workflow, then Markdown.
    Github,
}

/// Runs it.
pub async fn run(args: &Args, global: &GlobalArgs, output: &Output) -> Result<Status> {
    let (from, to) = (args.from.state()?, args.to.state()?);
    let mut settings = global.settings(Some(&from), Some(&to), output)?;
    settings.prove = args.prove;
    let found = engine::compare(&from, &to, &settings).await?;
    output.end_progress();
    let report = report(&from, &to, &found);
    // The other forms hold the notes themselves.
    if matches!(args.format, Format::Text | Format::Sql) {
        output.diagnostics(&found.notes);
    }
    match args.format {
        Format::Text => output.result(&render::text::render(&report, output.paint()))?,
        Format::Json => output.json(&render::json::render(&report))?,
        Format::Sql => output.sql(&render::sql::render(&report, settings.lock_timeout))?,
        Format::Markdown => output.result(&render::markdown::render(&report))?,
        Format::Github => output.result(&render::github::render(&report))?,
    }
    proved(&found)?;
    let status = if report.summary().is_empty() { Status::Fine } else { Status::Differences };
    // The process is about to end: taking large catalogs apart piece by piece would only take time.
    std::mem::forget(found);
    Ok(status)
}

/// A comparison as the forms take it.
pub fn report<'a>(from: &StateSpec, to: &StateSpec, found: &'a Comparison) -> Report<'a> {
    Report {
        from: from.to_string(),
        to: to.to_string(),
        differences: &found.differences,
        plan: &found.plan,
        notes: &found.notes,
        proof: found.proof.as_ref(),
        declared: Some(&found.to),
        live: Some(&found.from),
    }
}

/// An error where a proof was asked for and failed.
pub fn proved(found: &Comparison) -> Result<()> {
    match &found.proof {
        Some(Proof { unbuilt: Some(why), .. }) => {
            let mut problem = why.clone();
            problem.message = format!("the plan could not be proved, as no clone could be built: {}", problem.message);
            problem.code = "not-proved";
            Err(problem.help("without --prove, the plan is shown without that proof"))
        }
        Some(proof) if !proof.holds() => {
            let mut problem = Diagnostic::error("not-proved", format!("the plan is not proved: {}", proof.words()));
            for detail in &proof.details {
                problem = problem.note(detail.clone());
            }
            Err(problem.help("do not apply this plan; please report it, with the two states"))
        }
        _ => Ok(()),
    }
}
