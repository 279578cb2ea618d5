//! Asks the kinds for the statements.

use std::collections::BTreeMap;

use std::collections::BTreeSet;

use crate::core::catalog::{Catalog, Edge};
use crate::core::id::ObjectId;
use crate::core::step::{Action, Phase, Step};
use crate::kinds::Object;
use crate::kinds::ensure::{exists, is_changed};
use crate::plan::context::PlanContext;
use crate::plan::drops::Drops;
use crate::plan::rebuild::Work;

/// All steps, in no order yet.
pub fn emit(work: &Work, cx: &PlanContext<'_>, archive: &BTreeMap<ObjectId, Vec<Step>>) -> Vec<Step> {
    let mut steps = Vec::new();
    let drops = Drops::new(cx);
    for id in &cx.dropped {
        if let Some(instead) = archive.get(id) {
            steps.extend(instead.iter().cloned());
            continue;
        }
        if let Some(object) = cx.from.get(id)
            && !object.kind().info().inline
            && !drops.goes_with_another(id)
        {
            steps.extend(object.drop(id, cx).into_iter().map(|step| soften(along(step, id, cx), cx)));
        }
    }
    for id in &work.swapped {
        swap(id, cx, &mut steps);
    }
    for id in &cx.created {
        let Some(object) = cx.to.get(id) else { continue };
        let provided = is_provided(id, object, cx.to, |p| cx.created.contains(p));
        if object.kind().info().inline || cx.folded.contains(id) || provided {
            continue;
        }
        let mut made = object.create(id, cx);
        made.first_mut().into_iter().for_each(|step| step.hazards.extend(crate::kinds::component::opened(id, cx)));
        steps.extend(made);
        steps.extend(crate::kinds::component::after_create(id, object, cx));
    }
    for id in &work.reattached {
        if let Some(object) = cx.to.get(id) {
            let follows = object.follows(id, cx).is_some_and(|leader| work.reattached.contains(&leader));
            steps.extend(object.reattach(id, cx).into_iter().skip(usize::from(follows)));
        }
    }
    for id in work.altered.keys() {
        if let (Some(old), Some(new)) = (cx.from.get(id), cx.to.get(id)) {
            let provided = is_provided(id, new, cx.to, |p| work.altered.contains_key(p));
            if !provided {
                steps.extend(old.alter(new, id, cx));
            }
        }
    }
    for step in &mut steps {
        let object = cx.to.get(&step.object).or_else(|| cx.from.get(&step.object));
        if let Some(object) = object {
            step.after.extend(object.bonds_before(&step.object, cx));
        }
    }
    without_repeats(steps)
}

/// Whether the statement of another object leaves nothing to do for this one.
fn is_provided(id: &ObjectId, object: &Object, catalog: &Catalog, has_step: impl Fn(&ObjectId) -> bool) -> bool {
    !object.kind().info().provided_in_part && object.provider(id, catalog).is_some_and(|p| has_step(&p))
}

/// What the statement of another object brings along (a partition's attachment, a table's parents) is not made again.
fn without_repeats(mut steps: Vec<Step>) -> Vec<Step> {
    let brought: BTreeSet<ObjectId> =
        steps.iter().flat_map(|step| step.creates.iter().filter(|id| **id != step.object)).cloned().collect();
    let repeated = |step: &Step| {
        step.action == Action::Create && step.creates.contains(&step.object) && brought.contains(&step.object)
    };
    steps.retain(|step| !repeated(step));
    steps
}

/// What goes because what it rests on goes (the index of a column) does not go before: code that still uses the one is not to
/// lose the other.
fn along(step: Step, id: &ObjectId, cx: &PlanContext<'_>) -> Step {
    let goes = |d: &ObjectId| cx.is_dropped(d) && !cx.is_new(d) && !d.is_within(id);
    if cx.from.dependencies(id).any(|(d, edge)| edge == Edge::Hard && goes(d)) {
        step.phase(Phase::Contract)
    } else {
        step
    }
}

/// A drop that only makes room for the same object to be made again loses nothing, unless it holds data.
fn soften(mut step: Step, cx: &PlanContext<'_>) -> Step {
    if cx.created.contains(&step.object) && !cx.from.get(&step.object).is_some_and(|o| o.kind().info().holds_data) {
        step.hazards.retain(|h| !h.needs_consent());
    }
    step
}

/// The old object steps aside under another name, and goes when nothing uses it any more.
fn swap(id: &ObjectId, cx: &PlanContext<'_>, steps: &mut Vec<Step>) {
    let (Some(object), Some(parent)) = (cx.from.get(id), id.parent()) else { return };
    let aside = parent.child(id.kind(), &crate::core::name::derived("", &id.name(), "__trueup_old"));
    let is_aside = exists(&aside, object);
    // Or has gone since.
    let is_new = is_changed(id, cx.from, cx.to, cx.major);
    let is_done: Vec<&str> = is_aside.iter().chain(&is_new).map(String::as_str).collect();
    for mut step in object.rename(id, &aside) {
        step.done_when = Some(format!("SELECT {}", is_done.join(" OR "))).filter(|_| !is_done.is_empty());
        step.action = Action::Drop;
        step.phase = Phase::Contract;
        step.destroys.push(id.clone());
        step.hazards.clear();
        steps.push(step);
    }
    for mut step in object.drop(&aside, cx) {
        // What a type holds moves over in the steps of its columns; what nothing can move over is lost.
        let lost = object.kind().info().holds_data;
        step.hazards.retain(|hazard| lost && hazard.needs_consent());
        step.requires.push(id.clone());
        step.rank = u8::MAX;
        step.done_when = is_aside.as_ref().map(|is_aside| format!("SELECT NOT ({is_aside})"));
        step.action = Action::Alter;
        step.object = id.clone();
        step.destroys = vec![aside.clone()];
        steps.push(step);
    }
}
