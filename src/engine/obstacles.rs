//! What a plan for a live database says of the rows and of the server while it is only shown: what it loses, and what would stop it
//! before its first step.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::apply::preflight::OF_THE_ROLE;
use crate::apply::{Patience, count, preflight, premises};
use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Severity};
use crate::core::id::ObjectId;
use crate::core::step::{HazardKind, Step};
use crate::plan::Plan;
use crate::postgres::Session;

/// Says of each step where what it does is declared.
pub(super) fn locate(plan: &mut Plan, to: &Catalog) {
    let place = |id: &ObjectId| {
        std::iter::successors(Some(id.clone()), ObjectId::parent).find_map(|id| to.location(&id).cloned())
    };
    for step in plan.transactions.iter_mut().flat_map(|t| &mut t.steps).filter(|step| step.location.is_none()) {
        step.location = place(&step.object);
    }
}

/// Takes the hazard from steps that might change values and, by what the rows are now, change none. That no such values come in
/// until they run is taken for granted, and asked once more before the first step. A step keeps its hazard where that is not known:
/// the rows cannot be asked in time, or the plan itself changes them before.
pub(super) async fn weigh(session: &Session, plan: &mut Plan) {
    let (began, patience) = (Instant::now(), Patience::TO_SHOW);
    let mut nothing_lost = BTreeSet::new();
    for (index, step) in plan.steps().enumerate() {
        if let Some(loses) = step.loses.as_ref().filter(|_| began.elapsed() < patience.all)
            && count(session, plan, loses, patience).await == Some(0)
        {
            nothing_lost.insert(index);
        }
    }
    let steps = plan.transactions.iter_mut().flat_map(|t| &mut t.steps).enumerate();
    for (_, step) in steps.filter(|(index, _)| nothing_lost.contains(index)) {
        keep(step);
    }
}

/// No value is changed. What comes in meanwhile must not be cut in silence: without USING, PostgreSQL refuses what is too long.
fn keep(step: &mut Step) {
    if let Some(at) = step.sql.rfind(" USING ") {
        let head = &step.sql[..at];
        let cuts = [" TYPE character varying(", " TYPE character(", " TYPE bit varying("];
        if head.ends_with(')') && cuts.iter().any(|of| head.contains(of)) {
            step.sql.truncate(at);
        }
    }
    step.hazards.retain(|hazard| hazard.kind != HazardKind::DataLoss);
    step.premise = step.loses.take();
    // A statement without USING refuses a value that does not fit. With USING, it rounds or cuts the value in silence.
    step.asks_again = step.sql.contains(" USING ");
}

/// What would stop the plan at once, whoever ran it.
pub(super) async fn of(session: &Session, plan: &Plan) -> Vec<Box<Diagnostic>> {
    let mut found = preflight(session, plan, None).await.unwrap_or_default();
    // What stands in the way is known without the server, and said already.
    found.retain(|p| p.severity >= Severity::Error && !OF_THE_ROLE.contains(&p.code) && p.code != "in-the-way");
    let (violated, unanswered) = premises(session, plan, None, Patience::TO_SHOW).await;
    found.extend(violated);
    if unanswered > 0 {
        let steps = if unanswered == 1 { "1 step takes".to_owned() } else { format!("{unanswered} steps take") };
        found.push(
            Diagnostic::info("rows-not-asked", format!("whether the rows are as {steps} for granted is not known"))
                .note("the tables are large or locked, or may not be read by this role; `apply` asks again"),
        );
    }
    found
}
