//! Which objects are created, dropped, altered — and which are rebuilt because what they rest on is.
//!
//! PostgreSQL refuses to drop or retype what others depend on, and CASCADE would take them along in silence. So what stands
//! in the way is dropped by name before and made again after, with everything said of it: its comment, its privileges.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::catalog::Edge;
use crate::core::id::ObjectId;
use crate::diff::{ChangeKind, Difference};
use crate::kinds::Means;
use crate::plan::context::PlanContext;
use crate::plan::drops::lets_go;

/// What is to be done, besides the sets in the context.
#[derive(Debug, Default)]
pub struct Work {
    /// Objects changed in place.
    pub altered: BTreeMap<ObjectId, Means>,
    /// Objects rebuilt beside the old one.
    pub swapped: BTreeSet<ObjectId>,
    /// Objects that hold data and move over to a swapped type.
    pub reattached: BTreeSet<ObjectId>,
}

/// Fills the context's `created` and `dropped`, and says what is altered.
pub fn expand(differences: &[Difference], cx: &mut PlanContext<'_>) -> Work {
    let mut work = Work::default();
    let mut queue: Vec<ObjectId> = Vec::new();
    for difference in differences {
        let id = &difference.id;
        let others = cx.to.get(id).map(|object| object.rebuilds(id, cx.from.get(id), cx));
        for other in others.into_iter().flatten() {
            if other.kind().info().swaps {
                work.altered.insert(other.clone(), Means::Swap);
                queue.push(other);
            } else {
                replace(&other, cx, &mut queue);
            }
        }
        match &difference.change {
            ChangeKind::Created => {
                cx.created.insert(id.clone());
            }
            ChangeKind::Dropped => {
                cx.dropped.insert(id.clone());
                queue.push(id.clone());
            }
            ChangeKind::Altered { .. } | ChangeKind::Renamed { .. } => {
                if let (Some(old), Some(new)) = (cx.from.get(id), cx.to.get(id)) {
                    match old.means(new, id, cx) {
                        Means::Nothing => {}
                        Means::Replace => replace(id, cx, &mut queue),
                        means => {
                            let all = work.altered.entry(id.clone()).or_insert(means);
                            *all = means.max(*all);
                            queue.push(id.clone());
                        }
                    }
                }
            }
        }
    }
    let mut seen = BTreeSet::new();
    while let Some(id) = queue.pop() {
        let dropped = cx.dropped.contains(&id);
        let means = if work.reattached.contains(&id) {
            Means::AlterRebuilding
        } else {
            work.altered.get(&id).copied().unwrap_or(Means::Nothing)
        };
        if !seen.insert((id.clone(), dropped, means)) {
            continue;
        }
        if dropped {
            drop_dependents(&id, cx, &mut work, &mut queue);
        } else {
            match means {
                Means::AlterRebuilding => rebuild_dependents(&id, cx, &mut queue, &mut work),
                Means::Swap => {
                    work.altered.remove(&id);
                    work.swapped.insert(id.clone());
                    cx.created.insert(id.clone());
                    let below: Vec<_> = cx.to.below(&id).map(|(c, _)| c.clone()).collect();
                    for child in below {
                        cx.created.insert(child);
                    }
                    swap_dependents(&id, cx, &mut work, &mut queue);
                }
                _ => {}
            }
        }
    }
    work.altered.retain(|id, _| !cx.dropped.contains(id) && !cx.created.contains(id));
    work
}

/// Marks an object, and all that belongs to it, to be dropped and created.
fn replace(id: &ObjectId, cx: &mut PlanContext<'_>, queue: &mut Vec<ObjectId>) {
    if !cx.dropped.insert(id.clone()) {
        return;
    }
    if cx.to.contains(id) {
        cx.created.insert(id.clone());
    }
    queue.push(id.clone());
}

/// The dependents of an object that a recorded dependency ties to it.
fn hard_dependents(id: &ObjectId, cx: &PlanContext<'_>) -> Vec<ObjectId> {
    cx.from.dependents(id).filter(|(_, edge)| *edge == Edge::Hard).map(|(d, _)| d.clone()).collect()
}

fn drop_dependents(id: &ObjectId, cx: &mut PlanContext<'_>, work: &mut Work, queue: &mut Vec<ObjectId>) {
    // What belongs to it goes with it, and comes again with it.
    let below: Vec<_> = cx.from.below(id).map(|(c, _)| c.clone()).collect();
    for child in below {
        replace(&child, cx, queue);
    }
    if cx.created.contains(id) {
        let below: Vec<_> = cx.to.below(id).map(|(c, _)| c.clone()).collect();
        cx.created.extend(below);
    }
    let dependents = hard_dependents(id, cx);
    // The parts of a partitioned index go with it, whatever becomes of them; but for those whose table leaves before.
    for part in dependents.iter().filter_map(ObjectId::parent) {
        if cx.from.get(&part).and_then(|o| o.taken_along_by(&part, cx)).is_some_and(|whole| whole == *id) {
            replace(&part, cx, queue);
        }
    }
    for dependent in dependents {
        if cx.dropped.contains(&dependent) || dependent.is_within(id) || !cx.to.contains(&dependent) {
            continue;
        }
        // Changed in place so that it no longer needs what is dropped: the change comes first, and nothing is in the way.
        let freed = work.altered.get(&dependent).is_some_and(|m| *m != Means::Nothing)
            && !cx.to.dependencies(&dependent).any(|(d, _)| d == id);
        let let_go = lets_go(&dependent, id, cx) && !cx.to.dependencies(&dependent).any(|(d, _)| d == id);
        if freed || let_go {
            continue;
        }
        if cx.from.get(&dependent).is_some_and(|o| !o.kind().info().holds_data || o.reattach(&dependent, cx).is_empty())
        {
            replace(&dependent, cx, queue);
        } else if !cx.to.dependencies(&dependent).any(|(d, _)| d == id) || cx.created.contains(id) {
            // It holds data: it is moved over, not rebuilt.
            if cx
                .from
                .get(&dependent)
                .map(|o| o.changes(cx.to.get(&dependent).unwrap_or(o)).is_empty())
                .unwrap_or(false)
            {
                replace(&dependent, cx, queue);
            }
        }
    }
}

fn rebuild_dependents(id: &ObjectId, cx: &mut PlanContext<'_>, queue: &mut Vec<ObjectId>, _work: &mut Work) {
    let children: Vec<_> = cx.from.below(id).map(|(c, _)| c.clone()).collect();
    for dependent in hard_dependents(id, cx).into_iter().chain(children) {
        if cx.dropped.contains(&dependent) {
            continue;
        }
        let stays = cx
            .from
            .get(&dependent)
            .is_none_or(|o| o.survives_rebuild() && (!o.kind().info().inline || dependent.is_within(id)));
        if !stays {
            replace(&dependent, cx, queue);
        }
    }
}

fn swap_dependents(id: &ObjectId, cx: &mut PlanContext<'_>, work: &mut Work, queue: &mut Vec<ObjectId>) {
    for dependent in hard_dependents(id, cx) {
        if cx.dropped.contains(&dependent) || dependent.is_within(id) {
            continue;
        }
        let Some(object) = cx.from.get(&dependent) else { continue };
        if object.kind().info().holds_data && !object.reattach(&dependent, cx).is_empty() {
            if cx.to.contains(&dependent) && work.reattached.insert(dependent.clone()) {
                queue.push(dependent);
            }
        } else if object.kind().info().swaps && cx.to.contains(&dependent) {
            // It is rebuilt beside its old form as well: what holds its values moves over.
            work.altered.insert(dependent.clone(), Means::Swap);
            queue.push(dependent);
        } else if !(object.kind().info().component || object.kind().info().inline) {
            // What names the type itself (a literal in a check or in the condition of an index) names the old one for ever.
            replace(&dependent, cx, queue);
        }
    }
}
