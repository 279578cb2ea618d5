//! What a statement may run besides what it names: a new column of a domain runs the domain's checks, these run functions, and the
//! bodies of functions run others and read tables.
//!
//! An object waits anyway for what it depends on itself. Here is what lies behind objects that this plan leaves as they are, and
//! behind the parts of types.

use std::collections::BTreeSet;

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::step::{Action, Step};
use crate::plan::context::PlanContext;

/// What the statement may run or read, at any depth. Nothing of what makes a table anew: there are no rows yet to run it over.
pub fn reached(step: &Step, cx: &PlanContext<'_>) -> BTreeSet<ObjectId> {
    let made: &[ObjectId] = if step.creates.is_empty() { std::slice::from_ref(&step.object) } else { &step.creates };
    // An index stands beside its table.
    let holder =
        |id: &ObjectId| cx.to.get(id).and_then(|object| object.belongs_to(id, cx.to)).unwrap_or_else(|| id.top());
    let runs = |id: &&ObjectId| {
        let of = holder(id).top();
        !cx.is_new(&of) || of.kind().info().copies
    };
    let mut reached = BTreeSet::new();
    if !matches!(step.action, Action::Create | Action::Alter) {
        return reached;
    }
    let mut queue: Vec<&ObjectId> = Vec::new();
    for id in made.iter().filter(runs) {
        // What an index becomes a part of later is not run when it is made.
        queue.extend(next(id, cx.to, |part| !part.kind().info().joins));
    }
    while let Some(id) = queue.pop() {
        if made.iter().any(|own| id.is_within(own)) || !reached.insert(id.clone()) {
            continue;
        }
        if id.kind().info().holds_rows() {
            // The columns of a table that a body reads may be new as well. What the table itself rests on is not run.
            let own = made.iter().any(|own| own.top() == *id);
            reached.extend(cx.to.below(id).map(|(part, _)| part).filter(|part| !own && cx.is_new(part)).cloned());
        } else {
            queue.extend(next(id, cx.to, |_| true));
        }
    }
    reached
}

/// What an object depends on, and those of its parts that count.
fn next<'a>(id: &ObjectId, catalog: &'a Catalog, counts: impl Fn(&ObjectId) -> bool) -> Vec<&'a ObjectId> {
    let info = id.kind().info();
    // What lies in a schema, or comes with an extension, is not run with it.
    if info.drops_empty || info.brings {
        return Vec::new();
    }
    let mut found: Vec<&ObjectId> = catalog.dependencies(id).map(|(on, _)| on).collect();
    if info.holds_rows() {
        return found;
    }
    if let Some((id, _)) = catalog.entry(id) {
        for (part, _) in catalog.below(id).filter(|(part, _)| counts(part)) {
            found.push(part);
            found.extend(catalog.dependencies(part).map(|(on, _)| on));
        }
    }
    found
}
