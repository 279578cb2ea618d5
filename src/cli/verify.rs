//! `trueup verify`: does the live database hold what is declared, invariants included.

use std::fmt::Write as _;

use clap::ValueEnum;
use serde_json::json;

use crate::core::diagnostic::Result;
use crate::engine::{self, VerifyReport};
use crate::kinds::ensure::AND_MORE;
use crate::render::text::{self, Paint};
use crate::render::{clean_line, counted, json as form};

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
}

/// Forms of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Runs it.
pub async fn run(args: &Args, global: &GlobalArgs, output: &Output) -> Result<Status> {
    let (from, to) = (args.from.state()?, args.to.state()?);
    let report = engine::verify(&from, &to, &global.settings(Some(&from), Some(&to), output)?).await?;
    output.end_progress();
    match args.format {
        Format::Json => {
            let invariants: Vec<_> = report
                .invariants
                .iter()
                .map(|(name, holds, violations)| {
                    let rows: Vec<_> = violations.iter().filter(|row| *row != AND_MORE).collect();
                    json!({"name": name, "holds": holds, "violations": rows})
                })
                .collect();
            output.json(&json!({
                "trueup_report": form::VERSION,
                "holds": holds(&report),
                "differences": form::differences(&report.differences, None),
                "invariants": invariants,
                "notes": form::diagnostics(&report.notes),
            }))?;
        }
        Format::Text => {
            output.diagnostics(&report.notes);
            output.result(&draw(&report, output.paint()))?;
        }
    }
    Ok(if holds(&report) { Status::Fine } else { Status::Differences })
}

fn holds(report: &VerifyReport) -> bool {
    report.differences.is_empty() && report.invariants.iter().all(|(_, holds, _)| *holds)
}

fn draw(report: &VerifyReport, paint: Paint) -> String {
    let mut out = String::new();
    if !report.differences.is_empty() {
        text::differences(report.differences.as_slice(), paint, &mut out);
        out.push('\n');
    }
    for (name, holds, violations) in &report.invariants {
        let name = clean_line(name);
        let line =
            if *holds { paint.green(format!("holds     {name}")) } else { paint.red(format!("violated  {name}")) };
        let _ = writeln!(out, "{line}");
        for violation in violations {
            let _ = writeln!(out, "            {}", clean_line(violation));
        }
    }
    let violated = report.invariants.iter().filter(|(_, holds, _)| !holds).count();
    let schema = match report.differences.len() {
        0 => "The schema is as declared".to_owned(),
        n => counted(n, "difference"),
    };
    let invariants = match (report.invariants.len(), violated) {
        (0, _) => String::new(),
        (n, 0) => format!("; {} held", counted(n, "invariant")),
        (n, v) => format!("; {v} of {} violated", counted(n, "invariant")),
    };
    let _ = writeln!(out, "{schema}{invariants}.");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_holds() {
        let mut report = VerifyReport { differences: vec![], invariants: vec![], notes: vec![] };
        assert_eq!(draw(&report, Paint::new(false)), "The schema is as declared.\n");
        report.invariants.push(("every lead has a customer".to_owned(), false, vec!["id 7".to_owned()]));
        assert_eq!(
            draw(&report, Paint::new(false)),
            "violated  every lead has a customer\n            id 7\nThe schema is as declared; 1 of 1 invariant violated.\n"
        );
        assert!(!holds(&report));
    }
}
