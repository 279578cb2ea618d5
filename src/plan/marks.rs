//! What a plan takes for granted of the objects it touches, so that one that was saved, and perhaps begun, can be looked at again.
//!
//! The fingerprint of the whole state says whether a plan may be begun. Half-way the database is in neither of the plan's
//! states: then the objects of the steps that are left must be as they were when the plan was made.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Plan;
use crate::core::catalog::{Catalog, Edge};
use crate::core::id::ObjectId;
use crate::core::step::{Action, Step};
use crate::kinds::Object;

/// An object before and after a plan, each as a short hash; empty where it is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Where the plan starts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub before: String,
    /// Where it leads.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub after: String,
    /// The attributes that it leaves open there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<String>,
}

/// The objects that a plan touches.
pub type Marks = BTreeMap<ObjectId, Mark>;

/// The marks of all that a plan touches.
pub fn marks(plan: &Plan, from: &Catalog, to: &Catalog) -> Marks {
    let touched: BTreeSet<ObjectId> =
        plan.steps().flat_map(|step| touched(step, |id| [below(id, from), below(id, to)].concat())).collect();
    let ours = |id: &ObjectId| touched.contains(id);
    let lost = lost(plan.steps());
    let mark = |id: &ObjectId| {
        let open = to.get(id).map(Object::left_open).unwrap_or_default();
        Mark { before: hash(id, from, lost.contains(id), ours, &[]), after: hash(id, to, false, ours, &open), open }
    };
    touched.iter().map(|id| (id.clone(), mark(id))).filter(|(_, mark)| *mark != Mark::default()).collect()
}

/// What the steps that are left touch and is not as it was when the plan was made. `now` is what is; `done` and `begun` are
/// the indexes of steps that an earlier run finished, and began.
pub fn changed(plan: &Plan, now: &Catalog, done: &BTreeSet<usize>, begun: &BTreeSet<usize>) -> Vec<ObjectId> {
    let within = |id: &ObjectId| plan.objects.keys().filter(|other| other.is_within(id)).cloned().collect();
    let of = |step: &Step| touched(step, within);
    let mut settled: BTreeSet<ObjectId> = BTreeSet::new();
    let mut left = Vec::new();
    for (index, step) in plan.steps().enumerate() {
        if done.contains(&index) || begun.contains(&index) {
            settled.extend(of(step));
        } else if step.action == Action::Rename {
            // What it is called is what it will be called: nothing can be said of it under either name.
            settled.extend(of(step));
            settled.extend(step.creates.iter().chain(&step.destroys).flat_map(within));
        } else {
            left.push(step);
        }
    }
    let lost = lost(plan.steps());
    let ours = |id: &ObjectId| plan.objects.contains_key(id);
    let left: BTreeSet<ObjectId> = left.into_iter().flat_map(of).filter(|id| !settled.contains(id)).collect();
    left.into_iter()
        .filter(|id| {
            plan.objects.get(id).is_some_and(|mark| mark.before != hash(id, now, lost.contains(id), ours, &[]))
        })
        .collect()
}

/// Whether a state is the one that a plan leads to, as far as the plan touches it.
pub fn reached(plan: &Plan, now: &Catalog) -> bool {
    let differs = plan.objects.values().any(|mark| mark.before != mark.after);
    differs && plan.objects.iter().all(|(id, mark)| mark.after == hash(id, now, false, |_| true, &mark.open))
}

/// The objects of a step, and what comes or goes with them.
fn touched(step: &Step, below: impl Fn(&ObjectId) -> Vec<ObjectId>) -> Vec<ObjectId> {
    let mut all = vec![step.object.clone()];
    for id in step.creates.iter().chain(&step.destroys) {
        all.push(id.clone());
        all.extend(below(id));
    }
    all
}

/// What goes by the steps: with it goes what depends on it, also what came to do so since.
fn lost<'a>(steps: impl Iterator<Item = &'a Step>) -> BTreeSet<ObjectId> {
    steps.flat_map(|step| step.destroys.iter().cloned()).collect()
}

fn below(id: &ObjectId, catalog: &Catalog) -> Vec<ObjectId> {
    catalog.below(id).map(|(child, _)| child.clone()).collect()
}

fn hash(id: &ObjectId, catalog: &Catalog, lost: bool, ours: impl Fn(&ObjectId) -> bool, open: &[String]) -> String {
    let Some(object) = catalog.get(id) else { return String::new() };
    let mut text = object.essence(open);
    if lost {
        let others: BTreeSet<&ObjectId> =
            catalog.dependents(id).filter(|(d, edge)| *edge == Edge::Hard && !ours(d)).map(|(d, _)| d).collect();
        for other in others {
            text.push_str(&format!("\n<- {}", other.as_str()));
        }
    }
    Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
