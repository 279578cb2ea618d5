//! What is dropped and was never declared: somebody made it in another way, so it is dropped only with consent.
//!
//! An object that is dropped and made again is not dropped. What another drop takes along (an index with its table) needs no word
//! of its own where that drop needs consent already.

use std::collections::HashMap;

use crate::core::id::ObjectId;
use crate::core::step::{Hazard, HazardKind, Step};
use crate::plan::PlanOptions;
use crate::plan::context::PlanContext;
use crate::plan::drops::taker;

/// As deep as objects belong to each other, and more: the bound guards against a broken catalog.
const DEPTH: usize = 16;

/// Adds the hazard to the steps by which such objects are dropped.
pub fn mark(steps: &mut [Step], options: &PlanOptions, cx: &PlanContext<'_>) {
    if options.undeclared.is_empty() {
        return;
    }
    // The first step that destroys an object, and the object's own where that is another one.
    let (mut first, mut own): (HashMap<ObjectId, usize>, HashMap<ObjectId, usize>) = Default::default();
    for (at, step) in steps.iter().enumerate() {
        for id in &step.destroys {
            first.entry(id.clone()).or_insert(at);
            if *id == step.object {
                own.entry(id.clone()).or_insert(at);
            }
        }
    }
    for (id, why) in &options.undeclared {
        if !cx.is_dropped(id) || cx.is_new(id) {
            continue;
        }
        let hazard = |reason: String| Hazard::new(HazardKind::Drop, reason);
        if let Some(step) = own.get(id).and_then(|at| steps.get_mut(*at)) {
            step.hazards.push(hazard(why.clone()));
        } else if let Some(step) = dropping(id, &first, cx).and_then(|at| steps.get_mut(at))
            && !step.needs_consent()
        {
            step.hazards.push(hazard(format!("{id} is dropped with it: {why}")));
        }
    }
}

/// The step that takes an object along.
fn dropping(id: &ObjectId, first: &HashMap<ObjectId, usize>, cx: &PlanContext<'_>) -> Option<usize> {
    let provider = |id: &ObjectId| {
        let object = cx.from.get(id)?;
        let others = [object.provider(id, cx.from), object.taken_by(id, cx.from)];
        taker(id, cx).or_else(|| others.into_iter().flatten().find(|other| cx.is_dropped(other)))
    };
    std::iter::successors(Some(id.clone()), provider).take(DEPTH).find_map(|other| first.get(&other).copied())
}

/// Whether the drop of an object is one for people: a default, a comment, a privilege, the state of a trigger is a property of
/// something else, and set back.
pub fn counts(id: &ObjectId) -> bool {
    let info = id.kind().info();
    !(info.component || info.inline || info.setting || id.written_name().is_empty())
}
