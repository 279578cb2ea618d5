//! `apply` and `verify`.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::apply::declared::{self, Declared, Record};
use crate::apply::{ApplyObserver, Patience, RunOptions, lock, preflight, premises, run};
use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Result, Severity};
use crate::core::id::ObjectId;
use crate::core::step::{HazardKind, Phase, Step};
use crate::data::evaluate::{Verdict, verdict};
use crate::diff::Difference;
use crate::engine::load::Workplace;
use crate::engine::{Settings, compare, memory, scope};
use crate::plan::{Plan, fingerprint, marks};
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
    /// What the catalogs looked like when the plan was made or last compared with them ([`crate::apply::seen`]).
    pub seen: Option<String>,
    /// The steps (by index) that an earlier run of the saved plan has done.
    pub done: BTreeSet<usize>,
    /// What is to be recorded as declared: known of a plan that was just made, and of a saved one that starts from the state that is.
    pub declared: Option<Declared>,
}

/// How a database stands towards a saved plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In the state that the plan starts from.
    Start,
    /// An earlier run did these steps (by index); what the others are about is as it was.
    Begun(BTreeSet<usize>),
    /// In the state that the plan leads to.
    Finished,
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
            Some(info) => preflight(&Session::connect(&info).await?, plan, None).await,
            None => Ok(Vec::new()),
        }
    };
    asked.await.unwrap_or_default().into_iter().filter(|found| found.code == "rows-lost").collect()
}

/// The steps of a plan that need consent and do not have it.
pub fn unconsented<'a>(plan: &'a Plan, options: &ApplyOptions) -> Vec<&'a Step> {
    plan.steps()
        .enumerate()
        .filter(|(index, _)| !options.done.contains(index))
        .map(|(_, step)| step)
        .filter(|s| options.until.is_none_or(|until| s.phase <= until))
        .filter(|s| s.hazards.iter().any(|h| h.needs_consent() && !options.allow.contains(&h.kind)))
        .collect()
}

/// The refusal of steps that nobody consented to; `lost` says of how many rows each is about.
fn consent_missing(missing: &[&Step], options: &ApplyOptions, lost: &[Box<Diagnostic>]) -> Box<Diagnostic> {
    let (verb, steps) = if missing.len() == 1 { ("needs", "1 step") } else { ("need", "steps") };
    let count = if missing.len() == 1 { String::new() } else { format!("{} ", missing.len()) };
    let mut problem = Diagnostic::refused("consent-missing", format!("nothing was run: {count}{steps} {verb} consent"));
    let mut words = Vec::new();
    for step in missing {
        for hazard in step.hazards.iter().filter(|h| h.needs_consent() && !options.allow.contains(&h.kind)) {
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
    lock::acquire(&session, settings.lock_patience(), observer).await?;
    let result = locked(&session, target, plan, options, settings, observer, &mut place).await;
    lock::release(&session).await;
    result
}

async fn locked(
    session: &Session,
    target: &StateSpec,
    plan: &Plan,
    options: &ApplyOptions,
    settings: &Settings,
    observer: &dyn ApplyObserver,
    place: &mut Workplace<'_>,
) -> Result<ApplyReport> {
    // Looked at again under the lock: somebody may have changed something since, and be it another run of this very plan.
    let seen = crate::apply::seen(session).await?;
    let same = options.seen.as_ref() == Some(&seen);
    let mut options = options.clone();
    if let Some(saved) = &options.saved_plan {
        let (standing, now) = standing(session, saved, target, place, same).await?;
        match standing {
            Standing::Start => {
                options.done.clear();
                options.declared = now.and_then(|now| declared_by(saved, &now)).or(options.declared);
            }
            Standing::Begun(done) => options.done = done,
            Standing::Finished => return Ok(ApplyReport::default()),
        }
    } else if !same {
        refuse_changed(plan, target, place).await?;
    }
    let begun = !options.done.is_empty();
    for remark in &may_begin(session, plan, &options, begun).await? {
        observer.note(&remark.message);
    }
    if plan.transactions.len() > 1 {
        // From now on some of it is there, and this run may be cut off.
        remember(session, plan, &options, false, observer).await;
    }
    let run_options = RunOptions {
        lock_timeout: settings.lock_timeout,
        lock_attempts: settings.lock_attempts,
        until: options.until,
        search_path: plan.search_path.clone(),
        // What runs in one transaction is done or not done; there is nothing to remember of it.
        journal: plan.transactions.len() > 1,
        keep_journal: false,
        resume: options.saved_plan.is_some(),
        ..RunOptions::default()
    };
    let report = run(session, plan, &run_options, observer).await?;
    remember(session, plan, &options, report.remaining == 0, observer).await;
    Ok(ApplyReport {
        steps_done: report.steps_done,
        transactions: report.transactions,
        elapsed: report.elapsed,
        remaining_steps: report.remaining,
    })
}

fn declared_by(saved: &Plan, state: &Catalog) -> Option<Declared> {
    saved.declares.as_ref().map(|declares| memory::of_plan(declares, state))
}

/// Records what is declared; where the plan is not at its end, with what was declared before.
async fn remember(
    session: &Session,
    plan: &Plan,
    options: &ApplyOptions,
    is_whole: bool,
    observer: &dyn ApplyObserver,
) {
    let scope = options.declared.as_ref().map(|d| &d.scope).or(plan.declares.as_ref().map(|d| &d.scope));
    let Some(scope) = scope else { return };
    let declared = match (&options.declared, is_whole) {
        (Some(declared), true) => declared.clone(),
        // A saved plan that was begun: its first run has recorded all that it declares, beside what was declared before.
        (None, false) => return,
        (declared, _) => match (declared::read(session, scope).await, declared) {
            (Record::Found(before), Some(declared)) => declared.with(&before),
            (Record::Found(mut before), None) => {
                let less = plan.declares.iter().flat_map(|declares| &declares.less);
                less.for_each(|id| _ = before.remove(id));
                Declared::new(scope, &before)
            }
            (_, Some(declared)) => declared.clone(),
            (_, None) => return,
        },
    };
    if let Err(error) = declared::write(session, &declared).await {
        observer.note(&not_remembered(&error));
    }
}

fn not_remembered(error: &Diagnostic) -> String {
    let (table, why) = (declared::TABLE, &error.message);
    format!("what is declared is not recorded, so dropping it will need consent: {table} cannot be written ({why})")
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
        preflight(session, plan, options.until).await?.into_iter().partition(|p| p.severity >= Severity::Error);
    let missing = unconsented(plan, options);
    if !missing.is_empty() {
        return Err(consent_missing(&missing, options, &lost));
    }
    if !begun {
        errors.extend(premises(session, plan, options.until, Patience::TO_RUN).await.0);
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
    may_begin(&session, plan, options, !options.done.is_empty()).await.map(|_| ())
}

/// How a database stands towards a saved plan, with what an apply has to know of it ([`ApplyOptions`]).
#[derive(Clone, Debug)]
pub struct Stood {
    /// How it stands.
    pub standing: Standing,
    /// What its catalogs looked like meanwhile.
    pub seen: Option<String>,
    /// What the plan declares, where it starts from here.
    pub declared: Option<Declared>,
}

/// How a database stands towards a saved plan.
///
/// # Errors
/// `stale-plan`, a refusal, where it is in no state that the plan could be run from; what the server says.
pub async fn stands(target: &StateSpec, to: &StateSpec, saved: &Plan, settings: &Settings) -> Result<Stood> {
    let mut place = Workplace::new(target, to, settings)?;
    let Some(info) = place.connection(target)? else {
        return Ok(Stood { standing: Standing::Start, seen: None, declared: None });
    };
    let session = Session::connect(&info).await?;
    lock::wait_for_others(&session, settings.lock_patience(), || ()).await?;
    let seen = crate::apply::seen(&session).await?;
    let (standing, now) = standing(&session, saved, target, &mut place, false).await?;
    let declared = match (&standing, now) {
        (Standing::Start, Some(now)) => declared_by(saved, &now),
        _ => None,
    };
    Ok(Stood { standing, seen: Some(seen), declared })
}

/// See [`Standing`]; with all that is managed, where the plan starts from there. `known`: nothing in the catalogs has changed since
/// this was last asked.
async fn standing(
    session: &Session,
    saved: &Plan,
    target: &StateSpec,
    place: &mut Workplace<'_>,
    known: bool,
) -> Result<(Standing, Option<Catalog>)> {
    let crate::apply::Progress { done, begun } = crate::apply::progress(session, saved).await?;
    let is_begun = !done.is_empty() || !begun.is_empty();
    if known {
        return Ok((if is_begun { Standing::Begun(done) } else { Standing::Start }, None));
    }
    let now = managed_now(saved, target, place).await?;
    if is_begun {
        let changed = marks::changed(saved, &now, &done, &begun);
        return if changed.is_empty() { Ok((Standing::Begun(done), None)) } else { Err(changed_since(&changed)) };
    }
    let (whole, found) = (saved.state.as_deref().unwrap_or_default(), fingerprint(&now));
    if found == whole {
        return Ok((Standing::Start, Some(now)));
    }
    if marks::reached(saved, &now) {
        return Ok((Standing::Finished, None));
    }
    Err(Diagnostic::refused(STALE, "the database is not in the state that this plan was made for")
        .note(format!("the plan starts from {}, the database is at {}", short(whole), short(&found)))
        .help("make the plan again: trueup plan --out plan.json"))
}

/// A saved plan is for one state, and half-way for one state of what is left to do; another one may need other steps.
fn changed_since(changed: &[ObjectId]) -> Box<Diagnostic> {
    const SHOWN: usize = 5;
    let mut problem = Diagnostic::refused(
        STALE,
        "this plan was begun, and what is left of it is about something that has changed since it was made",
    );
    for id in changed.iter().take(SHOWN) {
        problem = problem.note(format!("{id} is no longer as it was"));
    }
    if let Some(more) = changed.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        problem = problem.note(format!("and {more} more"));
    }
    problem.help("make the plan again, from where the database is now: trueup plan --out plan.json")
}

/// A plan that was just made, and from under which the state was changed before it had the lock.
async fn refuse_changed(plan: &Plan, target: &StateSpec, place: &mut Workplace<'_>) -> Result<()> {
    let now = managed_now(plan, target, place).await?;
    if plan.state.as_deref() == Some(&fingerprint(&now)) {
        return Ok(());
    }
    Err(Diagnostic::refused(STALE, "the database was changed after this plan was made")
        .note("nothing has been changed by this run")
        .help("run the command again: the plan is then made from what is there now"))
}

/// The code of a plan that is not for the state that the database is in.
pub const STALE: &str = "stale-plan";

/// All that the project manages, as it is now and as it was looked at for a plan.
async fn managed_now(plan: &Plan, target: &StateSpec, place: &mut Workplace<'_>) -> Result<Catalog> {
    place.project.search_path.clone_from(&plan.search_path);
    if plan.schemas.is_some() {
        place.project.schemas.clone_from(&plan.schemas);
    }
    let loaded = place.load_from(target).await?;
    Ok(loaded.catalog.filtered(|id, _| scope::managed(id, &place.project)))
}

fn short(fingerprint: &str) -> &str {
    fingerprint.get(..12).unwrap_or(fingerprint)
}

/// Where nothing is left to do (or nothing yet: `is_whole`), what is declared is recorded all the same, and what a run that was cut
/// off behind its last step left of its journal is removed. The result says what could not be.
///
/// # Errors
/// What the server says when it is connected to.
pub async fn finish(
    target: &StateSpec,
    to: &StateSpec,
    plan: &Plan,
    options: &ApplyOptions,
    is_whole: bool,
    settings: &Settings,
) -> Result<Option<Box<Diagnostic>>> {
    let place = Workplace::new(target, to, settings)?;
    let Some(info) = place.connection(target)? else { return Ok(None) };
    let session = Session::connect(&info).await?;
    let told = Told::default();
    if lock::acquire(&session, Duration::ZERO, &crate::apply::Silent).await.is_ok() {
        remember(&session, plan, options, is_whole, &told).await;
        if is_whole {
            crate::apply::journal::remove(&session).await;
        }
        lock::release(&session).await;
    }
    let told = told.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(told.map(|text| Diagnostic::info("not-recorded", text)))
}

/// Keeps the last thing that it is told.
#[derive(Default)]
struct Told(std::sync::Mutex<Option<String>>);

impl ApplyObserver for Told {
    fn note(&self, text: &str) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(text.to_owned());
    }
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
    let mut comparison = compare(from, to, settings).await?;
    let place = Workplace::new(from, to, settings)?;
    let mut invariants = Vec::new();
    if let Some(info) = place.connection(from)? {
        let session = Session::connect(&info).await?;
        comparison.notes.extend(crate::verify::advisories::advice(&session).await?);
        session
            .batch(&format!(
                "SET search_path = {}; SET row_security = off",
                crate::core::name::search_path(&place.project.search_path)
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
