//! What is dropped and was never declared: somebody made it in another way, so it is dropped only with consent.
//!
//! An object that is dropped and made again is not dropped. What another drop takes along (an index with its table) needs no word
//! of its own where that drop needs consent already.

use crate::core::id::ObjectId;
use crate::core::step::{Hazard, HazardKind, Step};
use crate::plan::context::PlanContext;
use crate::plan::drops::taker;
use crate::plan::{PlanOptions, bystanders};

/// Adds the hazard to the steps by which such objects are dropped.
pub fn mark(steps: &mut [Step], options: &PlanOptions, cx: &PlanContext<'_>) {
    for (id, why) in &options.undeclared {
        if !cx.is_dropped(id) || cx.is_new(id) {
            continue;
        }
        let hazard = |reason: String| Hazard::new(HazardKind::Drop, reason);
        if let Some(own) = steps.iter_mut().find(|step| step.destroys.contains(id) && step.object == *id) {
            own.hazards.push(hazard(why.clone()));
        } else if let Some(step) = dropping(steps, id, cx)
            && !step.needs_consent()
        {
            step.hazards.push(hazard(format!("{id} is dropped with it: {why}")));
        }
    }
}

/// The step that takes an object along.
fn dropping<'a>(steps: &'a mut [Step], id: &ObjectId, cx: &PlanContext<'_>) -> Option<&'a mut Step> {
    let provider = |id: &ObjectId| {
        let object = cx.from.get(id)?;
        let others = [object.provider(id, cx.from), object.taken_by(id, cx.from)];
        taker(id, cx).or_else(|| others.into_iter().flatten().find(|other| cx.is_dropped(other)))
    };
    // As deep as objects belong to each other; the bound guards against a broken catalog.
    let found = std::iter::successors(Some(id.clone()), provider)
        .take(16)
        .find(|other| steps.iter().any(|step| step.destroys.contains(other)))?;
    bystanders::dropping(steps, &found)
}

/// Whether the drop of an object is one for people: a default, a comment, a privilege, the state of a trigger is a property of
/// something else, and set back.
pub fn counts(id: &ObjectId) -> bool {
    let info = id.kind().info();
    !(info.component || info.inline || info.setting || id.written_name().is_empty())
}
