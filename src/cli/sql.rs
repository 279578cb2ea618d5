//! `trueup sql`: the plan as a script.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::core::diagnostic::{Diagnostic, Result};
use crate::engine;
use crate::render;
use crate::state::StateSpec;

use super::Status;
use super::args::{FromArgs, GlobalArgs, ToArgs};
use super::diff::report;
use super::output::Output;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What is.
    #[command(flatten)]
    pub from: FromArgs,
    /// Connect to no live database: the script starts from an empty one
    #[arg(long, conflicts_with = "from")]
    pub offline: bool,
    /// What should be.
    #[command(flatten)]
    pub to: ToArgs,
    /// Who is to run it
    #[arg(long = "for", value_enum, value_name = "WHO")]
    pub whom: Whom,
    /// Write to a file
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
}

/// What runs the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Whom {
    /// `psql -X -f`
    Psql,
    /// The Supabase SQL editor: one transaction, may be run again, ends in a table of what holds
    SupabaseEditor,
    /// A timestamped file for supabase/migrations
    SupabaseMigration,
}

/// Runs it.
pub async fn run(args: &Args, global: &GlobalArgs, output: &Output) -> Result<Status> {
    let from = if args.offline { StateSpec::Empty } else { args.from.state()? };
    let to = args.to.state()?;
    let mut settings = global.settings(Some(&from), Some(&to), output)?;
    // Both Supabase forms run inside one transaction.
    settings.online = args.whom == Whom::Psql;
    let found = engine::compare(&from, &to, &settings).await?;
    output.end_progress();
    output.diagnostics(&found.notes);
    let report = report(&from, &to, &found);
    let text = match args.whom {
        Whom::Psql => render::sql::render(&report, settings.lock_timeout),
        Whom::SupabaseEditor => {
            let data =
                if args.offline { engine::all_data_steps(&found, &report.plan.search_path)? } else { Vec::new() };
            render::editor::render(&render::editor::Editor {
                from: &found.from,
                to: &found.to,
                plan: report.plan,
                data: &data,
                title: format!("{} -> {}", report.from, report.to),
            })
        }
        Whom::SupabaseMigration => render::migration::render(report.plan, &format!("{} -> {}", report.from, report.to)),
    };
    if args.whom == Whom::SupabaseMigration {
        let dir = args.out.clone().unwrap_or_else(|| PathBuf::from("supabase/migrations"));
        let path = if dir.extension().is_some_and(|e| e == "sql") {
            dir
        } else {
            dir.join(render::migration::file_name(&jiff::Timestamp::now().strftime("%Y%m%d%H%M%S").to_string()))
        };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)
                .map_err(|e| Diagnostic::error("write", format!("failed to create {}: {e}", parent.display())))?;
        }
        output.file(&path, &text)?;
        return Ok(Status::Fine);
    }
    match &args.out {
        Some(path) => output.file(path, &text)?,
        None => output.sql(&text)?,
    }
    Ok(Status::Fine)
}
