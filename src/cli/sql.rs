//! `trueup sql`: the plan as a script.

use std::path::{Path, PathBuf};

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
    /// Write to a file; for the Supabase forms also to a folder, in which what cannot share a transaction has a numbered file of its own
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
    let into = args.out.as_deref().filter(|path| path.extension().is_none_or(|e| e != "sql"));
    // Both Supabase forms run inside one transaction, but for what stands in a file of its own.
    settings.online = args.whom == Whom::Psql || args.whom == Whom::SupabaseEditor && into.is_some() && !args.offline;
    settings.any_state = args.offline && args.whom == Whom::SupabaseEditor;
    let found = engine::compare(&from, &to, &settings).await?;
    output.end_progress();
    output.diagnostics(&found.notes);
    let report = report(&from, &to, &found);
    if report.plan.steps().any(|step| !step.hindered_by.is_empty()) {
        // What is in the way has been said. Of a script that is no one transaction, half would be done.
        return Err(Diagnostic::error("no-script", "no script was written: PostgreSQL would refuse it on the way")
            .help("see to what is in the way first"));
    }
    let title = match args.offline && args.whom == Whom::SupabaseEditor {
        true => format!("From whatever is there to {}", report.to),
        false => format!("From {} to {}", report.from, report.to),
    };
    let text = match args.whom {
        Whom::Psql => render::sql::render(&report, settings.lock_timeout),
        Whom::SupabaseEditor => {
            let any = if args.offline { Some(engine::any_state(&found, &report.plan.search_path)?) } else { None };
            let editor = render::editor::Editor {
                from: any.as_ref().map_or(&found.from, |a| &a.from),
                to: &found.to,
                plan: report.plan,
                data: any.as_ref().map_or(&[], |a| &a.data),
                renames: any.as_ref().map_or(&[], |a| &a.renames),
                values: any.as_ref().map_or(&[], |a| &a.values),
                offline: args.offline,
                decided: &found.decided,
                title,
            };
            if let Some(folder) = into {
                let files = render::editor::files(&editor);
                return write_all(folder, files.into_iter().map(|f| (f.name, f.text)).collect(), output);
            }
            if let Some(early) = render::editor::too_early(&editor) {
                return Err(no_single_file(&early.words(), "the SQL editor runs a script as one transaction")
                    .or_at(found.to.location(&early.by.object))
                    .help("have numbered files written, and run them one after the other: --out DIR"));
            }
            render::editor::render(&editor)
        }
        Whom::SupabaseMigration => {
            let now = jiff::Timestamp::now();
            let files = render::migration::render(report.plan, &title);
            let Some(folder) = into.or(args.out.is_none().then_some(Path::new("supabase/migrations"))) else {
                return one_migration(args, files, output);
            };
            let mut named = Vec::new();
            for (n, text) in files.into_iter().enumerate() {
                // The CLI runs files in the order of their names.
                let time = now + jiff::SignedDuration::from_secs(i64::try_from(n).unwrap_or(0));
                named.push((render::migration::file_name(&time.strftime("%Y%m%d%H%M%S").to_string()), text));
            }
            return write_all(folder, named, output);
        }
    };
    match &args.out {
        Some(path) => output.file(path, &text)?,
        None => output.sql(&text)?,
    }
    Ok(Status::Fine)
}

/// An error for what cannot be one file.
fn no_single_file(what: &str, who: &str) -> Box<Diagnostic> {
    Diagnostic::error("one-file", what)
        .note(format!("{who}, and PostgreSQL lets a new value of an enum be used only once it is committed"))
}

fn write_all(folder: &Path, files: Vec<(String, String)>, output: &Output) -> Result<Status> {
    std::fs::create_dir_all(folder)
        .map_err(|e| Diagnostic::error("write", format!("failed to create {}: {e}", folder.display())))?;
    for (name, text) in files {
        output.file(&folder.join(name), &text)?;
    }
    Ok(Status::Fine)
}

fn one_migration(args: &Args, mut files: Vec<String>, output: &Output) -> Result<Status> {
    let Some(path) = &args.out else { return Ok(Status::Fine) };
    if files.len() > 1 {
        let what = format!("the migration takes {} files, not one", files.len());
        return Err(no_single_file(&what, "the Supabase CLI runs each file as one transaction")
            .help("give a folder: --out supabase/migrations"));
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)
            .map_err(|e| Diagnostic::error("write", format!("failed to create {}: {e}", parent.display())))?;
    }
    output.file(path, &files.pop().unwrap_or_default())?;
    Ok(Status::Fine)
}
