//! `trueup pull`: writes any state as YAML, or as a snapshot.

use std::path::PathBuf;

use crate::core::diagnostic::Result;
use crate::engine::{self, PullTarget};
use crate::render::{clean_line, counted};

use super::Status;
use super::args::{FromArgs, GlobalArgs};
use super::output::Output;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to read.
    #[command(flatten)]
    pub from: FromArgs,
    /// Where to write it: a folder for YAML, a file ending in .json for a snapshot
    #[arg(long, value_name = "DIR|FILE.json")]
    pub out: PathBuf,
    /// Write over files that hold comments, tests, invariants and the like, which no database can give back
    #[arg(long)]
    pub overwrite: bool,
}

/// Runs it.
pub async fn run(args: &Args, global: &GlobalArgs, output: &Output) -> Result<Status> {
    let from = args.from.state()?;
    let json = args.out.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"));
    let target = if json { PullTarget::Json(args.out.clone()) } else { PullTarget::Dir(args.out.clone()) };
    let report = engine::pull(&from, &target, args.overwrite, &global.settings(Some(&from), None, output)?).await?;
    output.end_progress();
    output.diagnostics(&report.notes);
    let mut text = String::new();
    for file in &report.files {
        text.push_str(&format!("{}\n", clean_line(&file.display().to_string())));
    }
    output.result(&text)?;
    output.line(&format!("wrote {}", counted(report.files.len(), "file")));
    Ok(Status::Fine)
}
