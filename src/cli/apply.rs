//! `trueup apply`: runs a plan, after showing it and asking.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::step::{HazardKind, Phase, Step};
use crate::declare::project::Project;
use crate::engine::{self, ApplyOptions, Settings, Standing};
use crate::plan::Plan;
use crate::postgres::ConnInfo;
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
    /// The name of the environment to change, where trueup.yaml demands that it be confirmed; in place of typing it
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
    /// Consent to steps with these hazards
    #[arg(long, value_enum, value_name = "HAZARD", value_delimiter = ',')]
    pub allow: Vec<Allow>,
    /// Stop after this phase
    #[arg(long, value_enum, value_name = "PHASE")]
    pub until: Option<Until>,
    /// How long a statement may wait for a lock before it is tried again: 500ms, 2s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub lock_timeout: Option<Duration>,
    /// How often a transaction is tried whose locks are not to be had [default: 30]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub lock_attempts: Option<u32>,
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
    let project = Project::read(&settings.project_dir)?;
    let environment = environment_of(&from, &project)?;
    // What the command line says wins over what the project file says of the environment.
    let named = environment.and_then(|name| project.environments.get(name)).and_then(|e| e.lock_timeout);
    settings.wait_for_others = true;
    settings.lock_timeout = args.lock_timeout.or(named).unwrap_or(settings.lock_timeout);
    settings.lock_attempts = args.lock_attempts.unwrap_or(settings.lock_attempts);
    let guarded = environment.filter(|name| project.environments.get(*name).is_some_and(|e| e.confirm));
    refuse_other_environment(args, environment)?;
    let target = Target { args, from: &from, to: &to, settings: &settings, guarded };
    // Somebody may change the database between the reading and the first step: then the plan is made from what is there now.
    for _ in 1..ATTEMPTS {
        match once(&target, output).await {
            Err(stale) if stale.code == engine::STALE && args.plan.is_none() => {
                output.end_progress();
                output.line("The database was changed meanwhile: the plan is made again.");
            }
            result => return result,
        }
    }
    once(&target, output).await
}

/// How often a plan is made that finds its database changed when it is about to run.
const ATTEMPTS: u32 = 5;

/// What is to be changed, and how.
struct Target<'a> {
    args: &'a Args,
    from: &'a StateSpec,
    to: &'a StateSpec,
    settings: &'a Settings,
    /// The environment that has to be named.
    guarded: Option<&'a str>,
}

/// Makes or reads the plan, asks, and runs it.
async fn once(target: &Target<'_>, output: &Output) -> Result<Status> {
    let &Target { args, from, to, settings, guarded } = target;
    let mut options = ApplyOptions { allow: args.allowed(), until: args.until.map(Phase::from), ..Default::default() };
    let plan = match &args.plan {
        Some(path) => {
            let plan = read(path)?;
            show_saved(&plan, output)?;
            if !plan.is_empty() {
                let engine::Stood { standing, seen, declared } = engine::stands(from, to, &plan, settings).await?;
                (options.seen, options.declared) = (seen, declared);
                match standing {
                    Standing::Start => {}
                    Standing::Begun(done) => options.done = done,
                    Standing::Finished => {
                        finish(target, &plan, &options, true, output).await?;
                        output.result("This plan is already applied; nothing to do.\n")?;
                        return Ok(Status::Fine);
                    }
                }
            }
            options.saved_plan = Some(plan.clone());
            plan
        }
        None => {
            let found = engine::compare(from, to, settings).await?;
            output.end_progress();
            output.diagnostics(&found.notes);
            output.result(&render::text::render(&report(from, to, &found), output.paint()))?;
            (options.seen, options.declared) = (found.seen, found.declared);
            found.plan
        }
    };
    if plan.is_empty() {
        finish(target, &plan, &options, true, output).await?;
        return Ok(Status::Fine);
    }
    let left: Vec<&Step> =
        plan.steps().enumerate().filter(|(index, _)| !options.done.contains(index)).map(|(_, step)| step).collect();
    let now: Vec<&Step> = left.iter().copied().filter(|s| options.until.is_none_or(|until| s.phase <= until)).collect();
    if now.is_empty() {
        finish(target, &plan, &options, false, output).await?;
        output.result(&format!("Nothing to run in this phase; {} later.\n", counted(left.len(), "step")))?;
        return Ok(Status::Fine);
    }
    if let Err(mut refused) = consent(&now, &options.allow) {
        let lost = engine::losses(from, to, &plan, settings).await;
        refused.notes.extend(lost.into_iter().map(|remark| remark.message));
        return Err(refused);
    }
    if asks(args, guarded) {
        if !output.can_ask() {
            return Err(nobody_to_ask(guarded));
        }
        // What would stop it is said before anybody is asked; the run looks again.
        engine::ready(from, to, &plan, &options, settings).await?;
        let question = format!("Apply {} to {from}?", these(now.len()));
        let agreed = match guarded {
            Some(name) => {
                let typed = output.ask_for(&format!("{question} Type {name} to go on:")).await;
                typed == name
            }
            None => output.ask(&question).await,
        };
        if !agreed {
            return Err(Diagnostic::refused("not-confirmed", "nothing was run"));
        }
    }
    let observer = Steps::new(output);
    let done = engine::apply(from, to, &plan, &options, settings, &observer).await?;
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

async fn finish(
    target: &Target<'_>,
    plan: &Plan,
    options: &ApplyOptions,
    is_whole: bool,
    output: &Output,
) -> Result<()> {
    let &Target { from, to, settings, .. } = target;
    if let Some(why) = engine::finish(from, to, plan, options, is_whole, settings).await? {
        output.diagnostics(&[why]);
    }
    Ok(())
}

fn these(n: usize) -> String {
    if n == 1 { "this 1 step".to_owned() } else { format!("these {n} steps") }
}

fn remain(n: usize) -> String {
    if n == 1 { "1 step remains".to_owned() } else { format!("{n} steps remain") }
}

/// The environment that a database is: the one named, or one with the same place in its URL.
fn environment_of<'a>(from: &StateSpec, project: &'a Project) -> Result<Option<&'a str>> {
    match from {
        StateSpec::Environment(name) => {
            // An unknown one is an error with the nearest known.
            project.environment_url(name)?;
            Ok(project.environments.get_key_value(name).map(|(name, _)| name.as_str()))
        }
        StateSpec::Live(info) => Ok(project.environments.keys().map(String::as_str).find(|name| {
            // One whose variables are not set here cannot be compared.
            let url = project.environment_url(name).ok();
            url.and_then(|url| ConnInfo::parse(&url).ok()).is_some_and(|other| other.is_same_place(info))
        })),
        _ => Ok(None),
    }
}

/// Whether the person at the terminal is asked. `guarded` is the environment that has to be named.
fn asks(args: &Args, guarded: Option<&str>) -> bool {
    match guarded {
        Some(name) => args.confirm.as_deref() != Some(name),
        None => !args.yes,
    }
}

/// Refuses to change another database than the one that was confirmed.
fn refuse_other_environment(args: &Args, environment: Option<&str>) -> Result<()> {
    let Some(confirmed) = args.confirm.as_deref().filter(|name| environment != Some(*name)) else { return Ok(()) };
    let what = match environment {
        Some(name) => format!("the environment {name}"),
        None => "no environment of trueup.yaml".to_owned(),
    };
    Err(Diagnostic::refused(
        "not-confirmed",
        format!("nothing was run: --confirm names {confirmed}, but the database is {what}"),
    ))
}

fn nobody_to_ask(guarded: Option<&str>) -> Box<Diagnostic> {
    match guarded {
        Some(name) => {
            Diagnostic::refused("not-confirmed", format!("nothing was run: the environment {name} has to be confirmed"))
                .note("trueup.yaml says so (`confirm: true`): --yes is not enough, and there is no terminal to ask on")
                .help(format!("if that is the database you mean: --confirm {name}"))
        }
        None => Diagnostic::refused("not-confirmed", "nothing was run: there is no terminal to ask on")
            .help("pass --yes to run without being asked"),
    }
}

/// Refuses when a step would lose something nobody consented to. Runs before anything else does.
fn consent(steps: &[&Step], allow: &[HazardKind]) -> Result<()> {
    let missing = |step: &&&Step| step.hazards.iter().any(|h| h.needs_consent() && !allow.contains(&h.kind));
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
        for hazard in step.hazards.iter().filter(|h| h.needs_consent() && !allow.contains(&h.kind)) {
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
