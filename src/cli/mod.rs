//! The command line: reads arguments, calls the engine, writes results to stdout and all else to stderr.
//!
//! Nothing happens before the arguments are read, so that `--help` answers at once. One file per command; each has its
//! arguments and a `run` that returns a [`Status`] or a diagnostic.

pub mod apply;
pub mod args;
pub mod check;
pub mod diff;
pub mod init;
pub mod output;
pub mod plan;
pub mod progress;
pub mod pull;
pub mod sql;
pub mod test;
pub mod verify;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::core::diagnostic::{Diagnostic, Result, Severity};
use crate::render::github;
use args::GlobalArgs;
use output::Output;

/// Bring a PostgreSQL database into exact agreement with a schema declared in YAML
#[derive(Debug, Parser)]
#[command(name = "trueup", version, arg_required_else_help = true, max_term_width = 100, after_help = AFTER)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
}

const AFTER: &str = "\
A STATE is one of
  postgres://…, postgresql://…, key=value …   a live database, as libpq reads it
  DIR or FILE.yaml                            a YAML project
  FILE.sql or a DIR of .sql files             run in the order of their names
  FILE.json                                   a snapshot written by `trueup pull`
  git:REV or git:REV:PATH                     any of the above at a git revision
  env:NAME                                    an environment named in trueup.yaml
  empty                                       an empty database

Exit status: 0 fine, 1 error, 2 differences found, 3 refused for safety, 130 interrupted";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a project: trueup.yaml and schema/; with --from it adopts what exists
    Init(init::Args),
    /// Write any state as a YAML project, or as a snapshot
    Pull(pull::Args),
    /// Check the project, or SQL files against it, without a database
    Check(check::Args),
    /// Show what differs, and the plan; exit status 2 when something does
    Diff(diff::Args),
    /// Show or save the ordered steps with their locks, hazards and phases
    Plan(plan::Args),
    /// Run the plan; can be run again after it was interrupted
    Apply(apply::Args),
    /// Write the plan as a SQL script
    Sql(sql::Args),
    /// Say whether the database holds what is declared, invariants included
    Verify(verify::Args),
    /// Run the declared policy and data tests
    Test(test::Args),
}

/// How a command ended. The number is the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done, or nothing to do.
    Fine = 0,
    /// It could not be done.
    Error = 1,
    /// Something differs.
    Differences = 2,
    /// Refused for safety.
    Refused = 3,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

/// Parses the arguments, runs the command, reports; the whole program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(problem) => {
            // A closed pipe is the only way for this to fail, and then there is nobody to tell.
            let _ = problem.print();
            // Not clap's own 2, which here means "differences found".
            return if problem.use_stderr() { Status::Error } else { Status::Fine }.into();
        }
    };
    let output = Output::new(cli.global.color, cli.global.verbose > 0, cli.command.json());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            output.diagnostic(&Diagnostic::error("runtime", format!("cannot start: {e}")));
            return Status::Error.into();
        }
    };
    let end = runtime.block_on(async {
        tokio::select! {
            biased;
            signal = interrupted() => Err(signal),
            end = run(&cli, &output) => Ok(end),
        }
    });
    output.end_progress();
    // Threads that read a file or wait for an answer on the terminal are not waited for.
    runtime.shutdown_timeout(Duration::from_millis(500));
    match end {
        Ok(Ok(status)) => status.into(),
        Ok(Err(problem)) => {
            output.diagnostic(&problem);
            if cli.command.annotates() {
                // Where stdout is closed, stderr has said it.
                let _ = output.result(&github::annotation(&problem));
            }
            if problem.severity == Severity::Refused { Status::Refused } else { Status::Error }.into()
        }
        Err(signal) => {
            output.line("interrupted; what was committed stays, and running the same command again goes on from there");
            ExitCode::from(signal)
        }
    }
}

async fn run(cli: &Cli, output: &Output) -> Result<Status> {
    let global = &cli.global;
    match &cli.command {
        Command::Init(args) => init::run(args, global, output).await,
        Command::Pull(args) => pull::run(args, global, output).await,
        Command::Check(args) => check::run(args, global, output).await,
        Command::Diff(args) => diff::run(args, global, output).await,
        Command::Plan(args) => plan::run(args, global, output).await,
        Command::Apply(args) => apply::run(args, global, output).await,
        Command::Sql(args) => sql::run(args, global, output).await,
        Command::Verify(args) => verify::run(args, global, output).await,
        Command::Test(args) => test::run(args, global, output).await,
    }
}

impl Command {
    /// Whether diagnostics are to be JSON too.
    fn json(&self) -> bool {
        match self {
            Self::Check(args) => args.format == check::Format::Json,
            Self::Diff(args) => args.format == diff::Format::Json,
            Self::Plan(args) => args.format == Some(plan::Format::Json),
            Self::Verify(args) => args.format == verify::Format::Json,
            Self::Test(args) => args.format == test::Format::Json,
            Self::Init(_) | Self::Pull(_) | Self::Apply(_) | Self::Sql(_) => false,
        }
    }

    /// Whether an error is to be an annotation of a GitHub workflow too.
    fn annotates(&self) -> bool {
        match self {
            Self::Check(args) => args.format == check::Format::Github,
            Self::Diff(args) => args.format == diff::Format::Github,
            _ => false,
        }
    }
}

/// Waits for ctrl-C (130) or for being asked to end (143). Dropping the command's future then closes its connections.
async fn interrupted() -> u8 {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut term) = signal(SignalKind::terminate()) {
            return tokio::select! {
                _ = tokio::signal::ctrl_c() => 130,
                _ = term.recv() => 143,
            };
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        // Signals cannot be had; the system's own handling stays.
        std::future::pending::<()>().await;
    }
    130
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help() {
        let mut all = Cli::command().term_width(100).render_long_help().to_string();
        for name in ["init", "pull", "check", "diff", "plan", "apply", "sql", "verify"] {
            let problem = Cli::try_parse_from(["trueup", name, "--help"]).unwrap_err();
            all.push_str(&format!("\n=== trueup {name} ===\n\n{problem}"));
        }
        sample::snapshots(|| insta::assert_snapshot!("help", all));
    }

    #[test]
    fn allow_takes_a_list() {
        let cli = Cli::try_parse_from(["trueup", "apply", "--allow", "data-loss,rewrite"]).unwrap();
        let Command::Apply(args) = cli.command else { panic!("not apply") };
        assert_eq!(args.allowed().len(), 2);
        assert!(Cli::try_parse_from(["trueup", "apply", "--allow", "everything"]).is_err());
    }
}
