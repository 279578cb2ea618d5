//! What rests on managed objects and is not in the comparison.

use std::collections::BTreeMap;

use crate::core::catalog::{Bystander, Catalog, Edge};
use crate::core::id::ObjectId;
use crate::engine::rename::rebased;

/// What rests on objects of `from` and is not itself in it: `whole` is all that the database holds, `renames` what has another
/// name in `from` already.
pub fn of(whole: &Catalog, from: &Catalog, renames: &[(ObjectId, ObjectId)]) -> Vec<Bystander> {
    let renames: BTreeMap<ObjectId, ObjectId> = renames.iter().cloned().collect();
    let mut found = whole.origin.bystanders.clone();
    if whole.len() != from.len() {
        let left_out: Box<dyn Iterator<Item = _>> = match renames.is_empty() {
            true => whole.without(from),
            false => Box::new(whole.iter().filter(|(id, _)| !from.contains(&rebased(id, &renames)))),
        };
        for (id, object) in left_out {
            if object.kind().is_component() || object.implied(id, whole) {
                continue;
            }
            // What lies within an object goes with it; what else it rests on may not.
            let parent = id.parent().map(|parent| (parent, true));
            let others = whole.dependencies(id).filter(|(_, edge)| *edge == Edge::Hard);
            let owner = object.belongs_to(id, whole).unwrap_or_else(|| id.clone()).top();
            let others = others.map(|(on, _)| (on.clone(), on.top() == owner));
            for (on, goes_along) in parent.into_iter().chain(others) {
                let taken_over = goes_along || object.kind().info().same_by_definition;
                found.push(Bystander { what: id.to_string(), on, goes_along, taken_over, names_row: false });
            }
        }
    }
    for bystander in &mut found {
        bystander.on = rebased(&bystander.on, &renames);
    }
    found.retain(|bystander| from.contains(&bystander.on));
    found
}
