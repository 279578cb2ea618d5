//! The proof of a plan: applied to a clone of the state it starts from, it must lead to the state it promises, and keep the
//! rows.
//!
//! The clone has the shape of the whole state, of what the project does not manage as far as the rest refers to it, and
//! sample rows ([`super::sample`]). Rows cut out of large tables may lack what a backfill looks for; a plan that fails on
//! such rows is tried once more without any, and the proof says so.

use std::collections::BTreeMap;

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::step::{Action, Step, Transaction};
use crate::declare::elaborate::make_roles;
use crate::declare::project::Profile;
use crate::declare::{build, refused};
use crate::diff::diff;
use crate::engine::draw_sample::{self, Sample};
use crate::engine::load::Workplace;
use crate::engine::{majors, project_state, scope, words};
use crate::introspect::introspect;
use crate::kinds::KindTag;
use crate::plan::needs::roles_named;
use crate::plan::{Plan, PlanOptions, plan as make_plan};
use crate::postgres::{ConnInfo, Ephemeral, Session, sql_error};
use crate::state::StateSpec;

/// What the proof found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Whether the plan ran on the clone to its end.
    pub ran: bool,
    /// Whether the clone is in the promised state afterwards.
    pub converged: bool,
    /// Whether the rows are there afterwards.
    pub rows_kept: bool,
    /// What is not as it should be, and what was tried.
    pub details: Vec<String>,
    /// Why the clone could not be built, so that the plan was not even tried.
    pub unbuilt: Option<Box<Diagnostic>>,
}

impl Proof {
    /// Whether the plan is proved.
    pub fn holds(&self) -> bool {
        self.ran && self.converged && self.rows_kept
    }

    /// What came out, in words.
    pub fn words(&self) -> String {
        if self.unbuilt.is_some() {
            return "no clone could be built to apply it to".to_owned();
        }
        format!("applied to a clone, {}", self.outcome())
    }

    fn outcome(&self) -> &'static str {
        match (self.ran, self.converged, self.rows_kept) {
            (false, ..) => "it does not run to its end",
            (_, false, _) => "differences remain",
            (_, _, false) => "rows are missing afterwards",
            _ => "nothing differs afterwards and the rows are still there",
        }
    }
}

/// What is to be proved.
pub struct Case<'a> {
    /// The state that is, with what the project does not manage.
    pub whole: &'a Catalog,
    /// The part of it that the project is to judge.
    pub found: &'a Catalog,
    /// That part, after renames and without what is kept; the plan's other steps start from it.
    pub from: &'a Catalog,
    /// What should be.
    pub to: &'a Catalog,
    /// How to get there, renames first.
    pub plan: &'a Plan,
    /// Old ids and new ones.
    pub renames: &'a [(ObjectId, ObjectId)],
}

/// Why an attempt ended.
enum Attempt {
    /// It is decided.
    Decided(Proof),
    /// A step failed, as one sentence, over rows that are part of a table only.
    RowsMissing(String),
}

/// Builds the clone, runs the plan on it, and compares.
pub async fn prove(source: &StateSpec, case: &Case<'_>, place: &mut Workplace<'_>) -> Result<Proof> {
    place.settings.progress.stage("proving the plan on a clone");
    let live = place.connection(source)?;
    match attempt(case, live.as_ref(), place).await? {
        Attempt::Decided(proof) => Ok(proof),
        Attempt::RowsMissing(why) => {
            let Attempt::Decided(mut proof) = attempt(case, None, place).await? else {
                return Ok(Proof { details: vec![why], ..Proof::default() });
            };
            proof.details.push(format!("proved without rows, since those of the sample did not suffice: {why}"));
            Ok(proof)
        }
    }
}

async fn attempt(case: &Case<'_>, live: Option<&ConnInfo>, place: &mut Workplace<'_>) -> Result<Attempt> {
    let ephemeral = place.ephemeral().await?;
    let scratch = ephemeral.create_database().await?;
    let session = scratch.connect().await?;
    let mut roles = Vec::new();
    let result = in_clone(case, live, &session, &ephemeral, place, &mut roles).await;
    drop(session);
    let dropped = scratch.drop().await;
    ephemeral.forget_roles(&roles).await;
    let attempt = result?;
    dropped?;
    Ok(attempt)
}

async fn in_clone(
    case: &Case<'_>,
    live: Option<&ConnInfo>,
    session: &Session,
    ephemeral: &Ephemeral,
    place: &Workplace<'_>,
    roles: &mut Vec<String>,
) -> Result<Attempt> {
    let path = &place.project.search_path;
    let mut proof = Proof { rows_kept: true, ..Proof::default() };
    let base = introspect(session, path).await?;
    let mut target = clone_of(case, &base, place);
    let is_another = majors::differ(case.whole, ephemeral);
    if is_another {
        let (clone, live) = (ephemeral.major(), case.whole.origin.major);
        proof.details.push(format!("the clone is PostgreSQL {clone}, and the plan is for {live}"));
        target = majors::buildable(target, ephemeral);
    }
    let made = make_plan(&base, &target, &PlanOptions::new(session.server_major(), false, path))?;
    let steps: Vec<&Step> = made.steps().collect();
    let all: Vec<&Step> = steps.iter().copied().chain(case.plan.steps()).collect();
    make_roles(session, roles_named(&all), roles).await?;
    if let Err(error) = build::build(session, &steps, path).await {
        let mut why = error.diagnostic;
        if let Some(step) = steps.get(error.index) {
            why = match refused::unmodelled(&step.object, &case.whole.origin, case.whole, &why) {
                Some(why) => why,
                None => {
                    let mut why = refused::on_scratch(why, &step.sql, ephemeral);
                    why.message = format!("{}: {}", step.object, why.message);
                    why
                }
            };
        }
        proof.details.push(format!("the clone could not be built: {}", why.message));
        proof.unbuilt = Some(why);
        return Ok(Attempt::Decided(proof));
    }
    let sample = match live {
        Some(info) => draw_sample::copy(session, info).await?,
        None => Sample::default(),
    };
    proof.details.extend(sample.notes.iter().cloned());
    let majors = (if is_another { case.whole.origin.major } else { ephemeral.major() }, ephemeral.major());
    if let Err((why, about_rows)) = run(session, case.plan, path, majors).await? {
        if about_rows && sample.partial {
            return Ok(Attempt::RowsMissing(why));
        }
        proof.details.push(why);
        return Ok(Attempt::Decided(proof));
    }
    proof.ran = true;
    let after = introspect(session, path).await?;
    let after = after.filtered(|id, _| case.to.contains(id) || case.from.contains(id));
    let after = match is_another {
        true => majors::compared(case.to, &after, case.whole.origin.major, ephemeral, &place.project).await?,
        false => after,
    };
    // Owners are the live server's: in the clone all belongs to one role.
    let differences: Vec<_> = diff(&after, case.to).into_iter().filter(|d| d.id.kind() != KindTag::Owner).collect();
    proof.converged = differences.is_empty();
    proof.details.extend(differences.iter().map(|d| format!("still differs: {}", d.id)));
    let renames: BTreeMap<ObjectId, ObjectId> = case.renames.iter().cloned().collect();
    // A remedy may say that rows go.
    let removes = case.plan.steps().any(|s| s.action == Action::Data && s.sql.to_ascii_lowercase().contains("delete"));
    for (table, count) in &sample.rows {
        let table = super::rename::rebased(table, &renames);
        if !case.to.contains(&table) {
            continue;
        }
        let now = draw_sample::count(session, &table).await?;
        if now < *count {
            proof.rows_kept &= removes;
            proof.details.push(format!("{} had {count} sample rows and has {now}", table.sql_path()));
        }
    }
    Ok(Attempt::Decided(proof))
}

/// What the clone is to be: what every database begins with, the state, and what it rests on.
fn clone_of(case: &Case<'_>, base: &Catalog, place: &Workplace<'_>) -> Catalog {
    let needed = project_state::with_parts(case.whole, case.found.iter().map(|(id, _)| id.clone()).collect());
    let outside = |id: &ObjectId| {
        needed.contains(id)
            && !id.kind().is_component()
            && !scope::is_given(id)
            // The scratch database of a platform's profile holds the platform's objects already.
            && (place.project.profile == Profile::Plain || !scope::is_platform(id))
    };
    // What new objects are given to whom is as it is there, and not as a new database of the platform has it.
    let default = |id: &ObjectId| id.kind() == KindTag::DefaultPrivilege;
    let part = case.whole.filtered(|id, _| case.found.contains(id) || outside(id) || default(id));
    let mut builder = base.to_builder();
    for (id, _) in base.iter().filter(|(id, _)| default(id)) {
        builder.remove(id);
    }
    for (id, object) in part.iter().filter(|(id, _)| id.kind() != KindTag::Owner) {
        builder.put(id.clone(), object.clone());
    }
    for (id, _) in part.iter() {
        for (dependency, edge) in part.dependencies(id) {
            builder.depend(id, dependency, edge);
        }
    }
    builder.finish_unchecked()
}

/// Runs the plan's transactions as they are, but for names that are keywords to the clone's major version (the latter one). A step
/// that fails is told in a sentence, with whether it failed over rows.
async fn run(
    session: &Session,
    plan: &Plan,
    path: &[String],
    (of, by): (u32, u32),
) -> Result<std::result::Result<(), (String, bool)>> {
    session
        .batch(&format!(
            "SET search_path = {}; SET check_function_bodies = off; SET row_security = off",
            crate::core::name::search_path(path)
        ))
        .await?;
    for transaction in &plan.transactions {
        let together = transaction.mode != Transaction::None;
        if together {
            session.batch("BEGIN").await?;
        }
        for step in &transaction.steps {
            let (before, behind) = crate::apply::settings::around(step).unzip();
            let sql = words::in_quotes(&step.sql, of, by);
            let sql = sql.as_deref().unwrap_or(&step.sql);
            for sql in [before, Some(sql), behind].into_iter().flatten() {
                if let Err(error) = session.client.batch_execute(sql).await {
                    return Ok(Err(failure(step, error)));
                }
            }
        }
        // What is deferred fails here.
        if together && let Err(error) = session.client.batch_execute("COMMIT").await {
            let Some(last) = transaction.steps.last() else { continue };
            return Ok(Err(failure(last, error)));
        }
    }
    Ok(Ok(()))
}

fn failure(step: &Step, error: tokio_postgres::Error) -> (String, bool) {
    // Data exceptions, violated constraints, and what a check raises.
    let about_rows =
        error.code().is_some_and(|code| ["22", "23", "P0"].iter().any(|class| code.code().starts_with(class)));
    let error = sql_error(error, None);
    let mut text = format!("`{}` failed: {}", step.shown().lines().next().unwrap_or_default(), error.message);
    if let Some(detail) = error.notes.iter().find(|note| !note.starts_with("SQLSTATE")) {
        text.push_str(&format!(" ({detail})"));
    }
    (text, about_rows)
}
