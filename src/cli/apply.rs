//! `trueup apply`: runs a plan, after showing it and asking.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::step::{HazardKind, Phase, Step};
use crate::declare::project::Project;
use crate::engine::{self, ApplyOptions};
use crate::plan::Plan;
use crate::render::{self, Summary, counted, object};
use crate::state::StateSpec;

use super::Status;
use super::args::{Allow, FromArgs, GlobalArgs, ToArgs, Until, duration};
use super::diff::report;
use super::output::Output;
use super::progress::{Steps, time};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A plan saved by `trueup plan --out`; refused when the database has changed since
    #[arg(value_name = "PLAN.json")]
    pub plan: Option<PathBuf>,
    /// The database to change.
    #[command(flatten)]
    pub from: FromArgs,
    /// What should be.
    #[command(flatten)]
    pub to: ToArgs,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Consent to steps with these hazards
    #[arg(long, value_enum, value_name = "HAZARD", value_delimiter = ',')]
    pub allow: Vec<Allow>,
    /// Stop after this phase
    #[arg(long, value_enum, value_name = "PHASE")]
    pub until: Option<Until>,
    /// How long a statement may wait for a lock before it is tried again: 500ms, 2s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub lock_timeout: Option<Duration>,
}

impl Args {
    /// The hazards that are consented to.
    pub fn allowed(&self) -> Vec<HazardKind> {
        let mut all = Vec::new();
        for allow in &self.allow {
            match allow {
                Allow::All => all.extend_from_slice(HazardKind::ALL),
                Allow::Hazard(kind) => all.push(*kind),
            }
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Runs it.
pub async fn run(args: &Args, global: &GlobalArgs, output: &Output) -> Result<Status> {
    let (from, to) = (args.from.state()?, args.to.state()?);
    if !matches!(from, StateSpec::Live(_) | StateSpec::Environment(_)) {
        return Err(Diagnostic::error("not-live", format!("{from} cannot be changed: it is no live database"))
            .help("name a database: --from postgres://user@host/database, or --from env:NAME"));
    }
    let mut settings = global.settings(Some(&from), Some(&to), output)?;
    // What the command line says wins over what the project file says of the environment.
    let named = match &from {
        StateSpec::Environment(name) => {
            Project::read(&settings.project_dir)?.environments.get(name).and_then(|e| e.lock_timeout)
        }
        _ => None,
    };
    settings.lock_timeout = args.lock_timeout.or(named).unwrap_or(settings.lock_timeout);
    let mut options = ApplyOptions { allow: args.allowed(), until: args.until.map(Phase::from), saved_plan: None };
    let plan = match &args.plan {
        Some(path) => {
            let plan = read(path)?;
            show_saved(&plan, output)?;
            options.saved_plan = Some(plan.clone());
            plan
        }
        None => {
            let found = engine::compare(&from, &to, &settings).await?;
            output.end_progress();
            output.diagnostics(&found.notes);
            output.result(&render::text::render(&report(&from, &to, &found), output.paint()))?;
            found.plan
        }
    };
    if plan.is_empty() {
        return Ok(Status::Fine);
    }
    let now: Vec<&Step> = plan.steps().filter(|s| options.until.is_none_or(|until| s.phase <= until)).collect();
    if now.is_empty() {
        output.result(&format!("Nothing to run in this phase; {} later.\n", counted(plan.steps().count(), "step")))?;
        return Ok(Status::Fine);
    }
    if let Err(mut refused) = consent(&now, &options.allow) {
        let lost = engine::losses(&from, &to, &plan, &settings).await;
        refused.notes.extend(lost.into_iter().map(|remark| remark.message));
        return Err(refused);
    }
    if !args.yes {
        let question = format!("Apply {} to {from}?", these(now.len()));
        match output.ask(&question).await {
            Some(true) => {}
            Some(false) => return Err(Diagnostic::refused("not-confirmed", "nothing was run")),
            None => {
                return Err(Diagnostic::refused("not-confirmed", "nothing was run: there is no terminal to ask on")
                    .help("pass --yes to run without being asked"));
            }
        }
    }
    let observer = Steps::new(output);
    let done = engine::apply(&from, &to, &plan, &options, &settings, &observer).await?;
    output.end_progress();
    let mut text = format!(
        "Applied {} in {} ({}).\n",
        counted(done.steps_done, "step"),
        counted(done.transactions, "transaction"),
        time(done.elapsed)
    );
    if done.remaining_steps > 0 {
        text.push_str(&format!("{} in later phases.\n", remain(done.remaining_steps)));
    }
    output.result(&text)?;
    Ok(Status::Fine)
}

fn these(n: usize) -> String {
    if n == 1 { "this 1 step".to_owned() } else { format!("these {n} steps") }
}

fn remain(n: usize) -> String {
    if n == 1 { "1 step remains".to_owned() } else { format!("{n} steps remain") }
}

/// Refuses when a step would lose something nobody consented to. Runs before anything else does.
fn consent(steps: &[&Step], allow: &[HazardKind]) -> Result<()> {
    let missing = |step: &&&Step| step.hazards.iter().any(|h| h.kind.needs_consent() && !allow.contains(&h.kind));
    let refused: Vec<_> = steps.iter().filter(missing).collect();
    if refused.is_empty() {
        return Ok(());
    }
    let verb = if refused.len() == 1 { "needs" } else { "need" };
    let mut problem = Diagnostic::refused(
        "consent-missing",
        format!("nothing was run: {} {verb} consent", counted(refused.len(), "step")),
    );
    let mut kinds = Vec::new();
    for step in refused {
        for hazard in step.hazards.iter().filter(|h| h.kind.needs_consent() && !allow.contains(&h.kind)) {
            problem = problem.note(format!("{}: {}: {}", hazard.kind.word(), object(&step.object), hazard.reason));
            if !kinds.contains(&hazard.kind.word()) {
                kinds.push(hazard.kind.word());
            }
        }
    }
    Err(problem.help(format!("if that is what you want: --allow {}", kinds.join(","))))
}

fn show_saved(plan: &Plan, output: &Output) -> Result<()> {
    let mut text = String::new();
    if !plan.is_empty() {
        render::text::plan(plan, output.paint(), &mut text);
        text.push('\n');
    }
    let summary = Summary::of(&[], plan);
    text.push_str(&if plan.is_empty() { summary.line() } else { counted(summary.steps, "step") });
    text.push('\n');
    output.result(&text)
}

/// Reads a saved plan: what `plan --out FILE.json` writes, or the plan in it alone.
fn read(path: &Path) -> Result<Plan> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|e| Diagnostic::error("cannot-read", format!("cannot read the plan {shown}: {e}")))?;
    parse(&text).map_err(|why| {
        Diagnostic::error("no-plan", format!("{shown} is no plan"))
            .note(why)
            .help("write one with `trueup plan --out plan.json`")
    })
}

fn parse(text: &str) -> std::result::Result<Plan, String> {
    let mut value: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    if let Some(plan) = value.get_mut("plan") {
        value = plan.take();
    }
    let plan: Plan = serde_json::from_value(value).map_err(|e| e.to_string())?;
    // 0 is a plan that was never made: the one of a comparison that found nothing.
    if plan.trueup_plan > 1 {
        return Err(format!("its format is version {}; this trueup reads version 1", plan.trueup_plan));
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::diagnostic::{Drawing, draw};
    use crate::render::sample;

    #[test]
    fn a_saved_plan_is_read_in_either_form() {
        let report = sample::with(|r| render::json::text(&render::json::render(r)));
        assert_eq!(parse(&report), Ok(sample::plan()));
        assert_eq!(parse(&serde_json::to_string(&sample::plan()).unwrap()), Ok(sample::plan()));
        assert!(parse("{}").is_err() && parse("[").is_err());
    }

    #[test]
    fn losses_need_consent() {
        let plan = sample::plan();
        let steps: Vec<&Step> = plan.steps().collect();
        assert!(consent(&steps, &[HazardKind::DataLoss]).is_ok());
        assert!(consent(&steps[..steps.len() - 1], &[]).is_ok());
        let refused = consent(&steps, &[HazardKind::Blocking]).unwrap_err();
        let drawn = draw(&refused, Drawing { color: false, width: 100 });
        sample::snapshots(|| insta::assert_snapshot!("consent-missing", drawn));
    }
}
