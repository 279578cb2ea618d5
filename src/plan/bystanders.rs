//! What rests on objects that a plan drops or retypes, and is not the plan's to change: objects of kinds that are not modelled, of
//! schemas that are not managed, undeclared ones that are kept.
//!
//! PostgreSQL takes some of it along in silence (a rule with its view), and refuses the statement for the rest. Either is said
//! before the first step.

use std::collections::BTreeSet;

use crate::core::catalog::Bystander;
use crate::core::id::ObjectId;
use crate::core::step::{Action, Hazard, HazardKind, Hindrance, Step};
use crate::kinds::Means;
use crate::plan::context::PlanContext;
use crate::plan::rebuild::Work;

const HELP: &str = "it is not this project's to change (not modelled, not managed, or not declared): declare it, or take it out of the \
     way by hand and put it back afterwards";

/// Notes with the steps what is lost by them and what they are refused for.
pub fn mark(steps: &mut [Step], bystanders: &[Bystander], work: &Work, cx: &PlanContext<'_>) {
    let goes = |id: &ObjectId| cx.dropped.contains(id) || work.swapped.iter().any(|swapped| id.is_within(swapped));
    let mut lost: BTreeSet<&str> = BTreeSet::new();
    for Bystander { what, on, .. } in bystanders.iter().filter(|b| b.goes_along && goes(&b.on)) {
        if lost.insert(what)
            && let Some(step) = dropping(steps, on)
        {
            let reason = format!("{what} goes along, and is not made again: trueup does not model it");
            step.hazards.push(Hazard::new(HazardKind::DataLoss, reason));
        }
    }
    for Bystander { what, on, taken_over, .. } in
        bystanders.iter().filter(|b| !b.goes_along && !lost.contains(b.what.as_str()))
    {
        let retyped = work.altered.get(on) == Some(&Means::AlterRebuilding) || work.reattached.contains(on);
        let step = if goes(on) {
            dropping(steps, on)
        } else if retyped && !taken_over {
            steps.iter_mut().find(|step| step.object == *on && step.action == Action::Alter)
        } else {
            continue;
        };
        let hindrance = Hindrance { why: format!("{what} depends on it"), help: HELP.to_owned() };
        if let Some(step) = step
            && !step.hindered_by.contains(&hindrance)
        {
            step.hindered_by.push(hindrance);
        }
    }
    for Bystander { what, on, .. } in bystanders.iter().filter(|b| b.names_row && !goes(&b.on)) {
        let retypes = |step: &Step| {
            let id = &step.object;
            id.parent().as_ref() == Some(on)
                && (step.retypes_row || work.swapped.contains(id) || work.reattached.contains(id))
        };
        let help = format!(
            "a release that does not refuse it leaves the expression of {what} wrong: drop {what} by hand, and create it again afterwards"
        );
        if let Some(step) = steps.iter_mut().find(|step| retypes(step))
            && !step.hindered_by.iter().any(|found| found.why.starts_with(what))
        {
            step.hindered_by.push(Hindrance { why: format!("{what} names the type of its rows"), help });
        }
    }
}

/// The step by which an object goes: its own, or that of what takes it along.
fn dropping<'a>(steps: &'a mut [Step], id: &ObjectId) -> Option<&'a mut Step> {
    let mut current = Some(id.clone());
    while let Some(id) = current {
        if let Some(found) = steps.iter().position(|step| step.destroys.contains(&id)) {
            return steps.get_mut(found);
        }
        current = id.parent();
    }
    None
}
