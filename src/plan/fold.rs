//! Which new objects are written inside their parent's CREATE statement: a default, a key, a check.
//!
//! An object may be folded when nothing it depends on needs the parent first. Two parents that would come to wait for each
//! other are kept apart: objects already folded count as part of their parent's statement.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::id::ObjectId;
use crate::plan::context::PlanContext;

/// Fills the context's `folded`.
pub fn fold(cx: &mut PlanContext<'_>) {
    let candidates: Vec<ObjectId> = cx
        .created
        .iter()
        .filter(|id| id.parent().is_some_and(|p| cx.created.contains(&p) || cx.created.contains(&id.top())))
        .filter(|id| cx.to.get(id).is_some_and(|o| o.folds(id, cx)))
        .cloned()
        .collect();
    let mut members: BTreeMap<ObjectId, Vec<ObjectId>> = BTreeMap::new();
    for id in candidates {
        let group = statement(&id, cx);
        if !needs(&id, &group, cx, &members) {
            members.entry(group).or_default().push(id.clone());
            cx.folded.insert(id);
        }
    }
}

/// The object whose statement a new object would be part of: the outermost ancestor that is new.
fn statement(id: &ObjectId, cx: &PlanContext<'_>) -> ObjectId {
    let top = id.top();
    if cx.created.contains(&top) { top } else { id.parent().unwrap_or(top) }
}

/// Whether what `id` depends on needs `group` to exist first.
fn needs(id: &ObjectId, group: &ObjectId, cx: &PlanContext<'_>, members: &BTreeMap<ObjectId, Vec<ObjectId>>) -> bool {
    let mut seen: BTreeSet<ObjectId> = BTreeSet::new();
    let mut queue: Vec<ObjectId> = Vec::new();
    let outside = |d: &ObjectId| !d.is_within(group) && cx.created.contains(d);
    queue.extend(cx.to.dependencies(id).map(|(d, _)| d.clone()).filter(outside));
    while let Some(next) = queue.pop() {
        let next = if cx.created.contains(&next.top()) { next.top() } else { next };
        if next == *group {
            return true;
        }
        if !seen.insert(next.clone()) {
            continue;
        }
        let inside = members.get(&next).into_iter().flatten().cloned();
        let inline = cx
            .to
            .below(&next)
            .filter(|(_, o)| o.kind().info().holds_data || o.kind().info().inline)
            .map(|(c, _)| c.clone());
        for part in inside.chain(inline).chain([next.clone()]) {
            for (dependency, _) in cx.to.dependencies(&part) {
                if dependency.is_within(group) {
                    return true;
                }
                if cx.created.contains(dependency) {
                    queue.push(dependency.clone());
                }
            }
        }
    }
    false
}
