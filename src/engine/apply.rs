//! `apply` and `verify`.

use std::time::Duration;

use crate::apply::{ApplyObserver, RunOptions, lock, preflight, premises, run};
use crate::core::diagnostic::{Diagnostic, Result, Severity};
use crate::core::step::{HazardKind, Phase, Step};
use crate::data::evaluate::{Verdict, verdict};
use crate::diff::Difference;
use crate::engine::load::Workplace;
use crate::engine::{Settings, compare, scope};
use crate::plan::{Plan, fingerprint};
use crate::postgres::Session;
use crate::state::StateSpec;

/// What an apply may do.
#[derive(Clone, Debug, Default)]
pub struct ApplyOptions {
    /// Hazards consented to.
    pub allow: Vec<HazardKind>,
    /// The last phase to run.
    pub until: Option<Phase>,
    /// The plan to run, where one was saved; it must start from the state that is.
    pub saved_plan: Option<Plan>,
}

/// What an apply did.
#[derive(Clone, Debug, Default)]
pub struct ApplyReport {
    /// Steps run.
    pub steps_done: usize,
    /// Transactions they ran in.
    pub transactions: usize,
    /// How long it took.
    pub elapsed: Duration,
    /// Steps of later phases, left for later.
    pub remaining_steps: usize,
}

/// How many rows a plan loses, by what the live database holds now; nothing where that cannot be asked.
pub async fn losses(target: &StateSpec, to: &StateSpec, plan: &Plan, settings: &Settings) -> Vec<Box<Diagnostic>> {
    let asked = async {
        let place = Workplace::new(target, to, settings)?;
        match place.connection(target)? {
            Some(info) => preflight(&Session::connect(&info).await?, plan).await,
            None => Ok(Vec::new()),
        }
    };
    asked.await.unwrap_or_default().into_iter().filter(|found| found.code == "rows-lost").collect()
}

/// The steps of a plan that need consent and do not have it.
pub fn unconsented<'a>(plan: &'a Plan, options: &ApplyOptions) -> Vec<&'a Step> {
    plan.steps()
        .filter(|s| options.until.is_none_or(|until| s.phase <= until))
        .filter(|s| s.hazards.iter().any(|h| h.kind.needs_consent() && !options.allow.contains(&h.kind)))
        .collect()
}

/// The refusal of steps that nobody consented to; `lost` says of how many rows each is about.
fn consent_missing(missing: &[&Step], options: &ApplyOptions, lost: &[Box<Diagnostic>]) -> Box<Diagnostic> {
    let (verb, steps) = if missing.len() == 1 { ("needs", "1 step") } else { ("need", "steps") };
    let count = if missing.len() == 1 { String::new() } else { format!("{} ", missing.len()) };
    let mut problem = Diagnostic::refused("consent-missing", format!("nothing was run: {count}{steps} {verb} consent"));
    let mut words = Vec::new();
    for step in missing {
        for hazard in step.hazards.iter().filter(|h| h.kind.needs_consent() && !options.allow.contains(&h.kind)) {
            let word = hazard.kind.word();
            problem = problem.note(format!("{word}: {}: {}", step.object, hazard.reason));
            if !words.contains(&word) {
                words.push(word);
            }
        }
    }
    for remark in lost {
        problem = problem.note(remark.message.clone());
    }
    problem.help(format!("if that is what you want: --allow {}", words.join(",")))
}

/// Runs a plan against a live database.
pub async fn apply(
    target: &StateSpec,
    to: &StateSpec,
    plan: &Plan,
    options: &ApplyOptions,
    settings: &Settings,
    observer: &dyn ApplyObserver,
) -> Result<ApplyReport> {
    let mut place = Workplace::new(target, to, settings)?;
    let Some(info) = place.connection(target)? else {
        return Err(Diagnostic::error("apply", format!("{target} is no live database"))
            .help("`apply` changes a live database: --from postgres://…"));
    };
    let session = Session::connect(&info).await?;
    // From here to the last step the database is nobody else's to change.
    lock::require_session(&session).await?;
    lock::acquire(&session, settings.lock_timeout.saturating_mul(LOCK_ATTEMPTS), observer).await?;
    let result = locked(&session, target, plan, options, settings, observer, &mut place).await;
    lock::release(&session).await;
    result
}

/// How often a run asks for the lock of a transaction, and as long it waits for another run to end.
pub(super) const LOCK_ATTEMPTS: u32 = 30;

async fn locked(
    session: &Session,
    target: &StateSpec,
    plan: &Plan,
    options: &ApplyOptions,
    settings: &Settings,
    observer: &dyn ApplyObserver,
    place: &mut Workplace<'_>,
) -> Result<ApplyReport> {
    let begun = match &options.saved_plan {
        Some(saved) => !crate::apply::progress(session, saved).await?.done.is_empty(),
        None => false,
    };
    if let Some(saved) = options.saved_plan.as_ref().filter(|_| !begun) {
        refuse_stale(saved, target, place).await?;
    }
    for remark in &may_begin(session, plan, options, begun).await? {
        observer.note(&remark.message);
    }
    let run_options = RunOptions {
        lock_timeout: settings.lock_timeout,
        until: options.until,
        search_path: plan.search_path.clone(),
        // What runs in one transaction is done or not done; there is nothing to remember of it.
        journal: plan.transactions.len() > 1,
        keep_journal: false,
        resume: options.saved_plan.is_some(),
        ..RunOptions::default()
    };
    let report = run(session, plan, &run_options, observer).await?;
    Ok(ApplyReport {
        steps_done: report.steps_done,
        transactions: report.transactions,
        elapsed: report.elapsed,
        remaining_steps: report.remaining,
    })
}

/// Whether a plan could begin: the refusal or the error that stops it, with all that would; else what it loses.
///
/// `begun`: an earlier run has done a part of it, and what it took for granted of the rows is no longer what it was.
async fn may_begin(
    session: &Session,
    plan: &Plan,
    options: &ApplyOptions,
    begun: bool,
) -> Result<Vec<Box<Diagnostic>>> {
    let (mut errors, lost): (Vec<_>, Vec<_>) =
        preflight(session, plan).await?.into_iter().partition(|p| p.severity >= Severity::Error);
    let missing = unconsented(plan, options);
    if !missing.is_empty() {
        return Err(consent_missing(&missing, options, &lost));
    }
    if !begun {
        errors.extend(premises(session, plan, options.until).await);
    }
    let mut errors = errors.into_iter();
    let Some(mut problem) = errors.next() else { return Ok(lost) };
    for other in errors {
        problem.notes.push(format!("also: {}", other.message));
        for help in other.help {
            if !problem.help.contains(&help) {
                problem.help.push(help);
            }
        }
    }
    Err(problem.note("nothing has been changed"))
}

/// Asks what would stop a plan before anybody is asked whether to run it. [`apply`] asks again, under the lock.
///
/// # Errors
/// As [`apply`], before its first step.
pub async fn ready(
    target: &StateSpec,
    to: &StateSpec,
    plan: &Plan,
    options: &ApplyOptions,
    settings: &Settings,
) -> Result<()> {
    let place = Workplace::new(target, to, settings)?;
    let Some(info) = place.connection(target)? else { return Ok(()) };
    let session = Session::connect(&info).await?;
    let begun = match &options.saved_plan {
        Some(saved) => !crate::apply::progress(&session, saved).await?.done.is_empty(),
        None => false,
    };
    may_begin(&session, plan, options, begun).await.map(|_| ())
}

/// A saved plan is for one state; another one may need other steps.
async fn refuse_stale(saved: &Plan, target: &StateSpec, place: &mut Workplace<'_>) -> Result<()> {
    place.project.search_path.clone_from(&saved.search_path);
    let loaded = place.load_from(target).await?;
    let now = fingerprint(&loaded.catalog.filtered(|id, _| scope::managed(id, &place.project)));
    let whole = saved.state.as_deref().unwrap_or_default();
    if now != whole {
        return Err(Diagnostic::refused("stale-plan", "the database is not in the state that this plan was made for")
            .note(format!("the plan starts from {}, the database is at {}", short(whole), short(&now)))
            .help("make the plan again: trueup plan --out plan.json"));
    }
    Ok(())
}

fn short(fingerprint: &str) -> &str {
    fingerprint.get(..12).unwrap_or(fingerprint)
}

/// Where nothing is left to do, a run that was cut off behind its last step may have left its journal.
pub async fn finish(target: &StateSpec, to: &StateSpec, settings: &Settings) -> Result<()> {
    let place = Workplace::new(target, to, settings)?;
    let Some(info) = place.connection(target)? else { return Ok(()) };
    let session = Session::connect(&info).await?;
    if lock::acquire(&session, Duration::ZERO, &crate::apply::Silent).await.is_ok() {
        crate::apply::journal::remove(&session).await;
        lock::release(&session).await;
    }
    Ok(())
}

/// Whether a live database holds what is declared.
#[derive(Debug, Default)]
pub struct VerifyReport {
    /// What differs.
    pub differences: Vec<Difference>,
    /// Invariants: name, whether it holds, the rows that violate it.
    pub invariants: Vec<(String, bool, Vec<String>)>,
    /// What is worth knowing besides.
    pub notes: Vec<Box<Diagnostic>>,
}

/// Compares without planning to change anything.
pub async fn verify(from: &StateSpec, to: &StateSpec, settings: &Settings) -> Result<VerifyReport> {
    let comparison = compare(from, to, settings).await?;
    let place = Workplace::new(from, to, settings)?;
    let mut invariants = Vec::new();
    if let Some(info) = place.connection(from)?
        && !comparison.data.invariants.is_empty()
    {
        let session = Session::connect(&info).await?;
        session
            .batch(&format!(
                "SET search_path = {}; SET row_security = off",
                crate::core::name::ident_list(&place.project.search_path)
            ))
            .await?;
        for invariant in &comparison.data.invariants {
            let (holds, rows) = match verdict(&session, invariant).await? {
                Verdict::Holds => (true, Vec::new()),
                Verdict::Violated(rows) => (false, rows),
                // What it spoke of has been retired and is gone.
                Verdict::Unknown(_) if comparison.data.is_about_retired(&invariant.name, &comparison.from) => continue,
                Verdict::Unknown(why) => (false, vec![format!("cannot be asked: {}", why.message)]),
            };
            invariants.push((invariant.name.clone(), holds, rows));
        }
    }
    Ok(VerifyReport { differences: comparison.differences, invariants, notes: comparison.notes })
}
