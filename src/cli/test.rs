//! `trueup test`: the declared policy and data tests.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::json;

use crate::core::diagnostic::Result;
use crate::engine::{self, TestReport};
use crate::render::text::Paint;
use crate::render::{clean_line, counted, junit};
use crate::state::StateSpec;

use super::Status;
use super::args::{GlobalArgs, ToArgs};
use super::output::Output;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run on a live database, in transactions that are rolled back; default: on a scratch server
    #[arg(long, value_name = "STATE")]
    pub from: Option<String>,
    /// What should be, with its tests.
    #[command(flatten)]
    pub to: ToArgs,
    /// Drop and weaken each policy in turn, and say which changes no test notices
    #[arg(long)]
    pub mutate: bool,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write to a file
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
}

/// Forms of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// JUnit XML, for CI.
    Junit,
}

/// Runs it.
pub async fn run(args: &Args, global: &GlobalArgs, output: &Output) -> Result<Status> {
    let to = args.to.state()?;
    let from = args.from.as_deref().map(StateSpec::parse).transpose()?;
    let settings = global.settings(from.as_ref(), Some(&to), output)?;
    let report = engine::test(&to, from.as_ref(), args.mutate, &settings).await?;
    output.end_progress();
    output.diagnostics(&report.notes);
    let text = match args.format {
        Format::Junit => junit::render(&report.results, &report.mutants),
        Format::Json => {
            let tests: Vec<_> = report.results.iter().map(|r| json!({"name": r.name, "passed": r.failures.is_empty(), "failures": r.failures, "seconds": r.seconds})).collect();
            let mutants: Vec<_> =
                report.mutants.iter().map(|m| json!({"what": m.what, "noticed_by": m.noticed_by})).collect();
            format!(
                "{:#}\n",
                json!({"trueup_report": crate::render::json::VERSION, "tests": tests, "mutants": mutants})
            )
        }
        Format::Text => draw(&report, output.paint()),
    };
    match &args.out {
        Some(path) => output.file(path, &text)?,
        None => output.result(&text)?,
    }
    let passed =
        report.results.iter().all(|r| r.failures.is_empty()) && report.mutants.iter().all(|m| !m.noticed_by.is_empty());
    Ok(if passed { Status::Fine } else { Status::Differences })
}

fn draw(report: &TestReport, paint: Paint) -> String {
    let mut out = String::new();
    for result in &report.results {
        let name = clean_line(&result.name);
        let line = if result.failures.is_empty() {
            paint.green(format!("passed  {name}"))
        } else {
            paint.red(format!("failed  {name}"))
        };
        let _ = writeln!(out, "{line}");
        for failure in &result.failures {
            let _ = writeln!(out, "          {}", clean_line(failure));
        }
    }
    for mutant in &report.mutants {
        let what = clean_line(&mutant.what);
        let line = if mutant.noticed_by.is_empty() {
            paint.red(format!("unnoticed  {what}"))
        } else {
            format!("noticed    {what}  ({})", counted(mutant.noticed_by.len(), "test"))
        };
        let _ = writeln!(out, "{line}");
    }
    let failed = report.results.iter().filter(|r| !r.failures.is_empty()).count();
    let _ = writeln!(out, "{} passed, {failed} failed", report.results.len() - failed);
    let unnoticed = report.mutants.iter().filter(|m| m.noticed_by.is_empty()).count();
    if !report.mutants.is_empty() {
        let _ = writeln!(out, "{unnoticed} of {} went unnoticed", counted(report.mutants.len(), "change"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::{Mutant, TestResult};

    #[test]
    fn says_what_failed_and_what_went_unnoticed() {
        let report = TestReport {
            results: vec![TestResult {
                name: "a".to_owned(),
                failures: vec!["x.yaml:1:1: no".to_owned()],
                seconds: 0.0,
            }],
            mutants: vec![Mutant { what: "policy p dropped".to_owned(), noticed_by: vec![] }],
            notes: Vec::new(),
        };
        assert_eq!(
            draw(&report, Paint::new(false)),
            "failed  a\n          x.yaml:1:1: no\nunnoticed  policy p dropped\n0 passed, 1 failed\n1 of 1 change went unnoticed\n"
        );
    }
}
