//! `trueup init`: starts a project.

use std::path::PathBuf;

use crate::core::diagnostic::Result;
use crate::engine;
use crate::render::counted;
use crate::state::StateSpec;

use super::Status;
use super::args::GlobalArgs;
use super::output::Output;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Adopt what exists in this state
    #[arg(long, value_name = "STATE")]
    pub from: Option<String>,
    /// Where to start it
    #[arg(default_value = ".")]
    pub dir: PathBuf,
}

/// Runs it.
pub async fn run(args: &Args, global: &GlobalArgs, output: &Output) -> Result<Status> {
    let from = args.from.as_deref().map(StateSpec::parse).transpose()?;
    let settings = global.settings(from.as_ref(), Some(&StateSpec::Project(args.dir.clone())), output)?;
    let report = engine::init(from.as_ref(), &args.dir, &settings).await?;
    output.end_progress();
    output.diagnostics(&report.notes);
    let mut text = String::new();
    for file in &report.files {
        text.push_str(&format!("{}\n", crate::render::clean_line(&file.display().to_string())));
    }
    output.result(&text)?;
    output.line(&format!("wrote {}; next: `trueup diff`", counted(report.files.len(), "file")));
    Ok(Status::Fine)
}
