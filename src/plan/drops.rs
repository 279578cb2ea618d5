//! Which objects need no statement to go, because another object takes them along.
//!
//! A table takes its columns, keys, indexes and triggers with it. Where two things that are dropped hold each other (two tables
//! with foreign keys on each other, a table whose check calls a function that takes its rows), neither can go first: what ties
//! them is dropped by name before.

use std::collections::HashMap;

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::core::catalog::Edge;
use crate::core::id::ObjectId;
use crate::plan::context::PlanContext;

/// What is dropped, as wholes: each object under the outermost dropped one that takes it along.
pub struct Drops<'a, 'b> {
    cx: &'a PlanContext<'b>,
    /// For each whole, the number of the group of wholes that hold each other.
    groups: HashMap<ObjectId, usize>,
}

impl<'a, 'b> Drops<'a, 'b> {
    /// Groups what the plan drops.
    pub fn new(cx: &'a PlanContext<'b>) -> Self {
        let mut graph: DiGraph<ObjectId, ()> = DiGraph::new();
        let mut nodes: HashMap<ObjectId, NodeIndex> = HashMap::new();
        for id in &cx.dropped {
            let whole = whole(id, cx);
            for (dependency, edge) in cx.from.dependencies(id) {
                if edge != Edge::Hard || !cx.dropped.contains(dependency) {
                    continue;
                }
                let other = self::whole(dependency, cx);
                if other != whole {
                    let mut node =
                        |id: &ObjectId| *nodes.entry(id.clone()).or_insert_with(|| graph.add_node(id.clone()));
                    let (a, b) = (node(&whole), node(&other));
                    graph.update_edge(a, b, ());
                }
            }
        }
        let mut groups = HashMap::new();
        for (number, members) in tarjan_scc(&graph).into_iter().enumerate() {
            groups.extend(members.into_iter().map(|node| (graph[node].clone(), number)));
        }
        Self { cx, groups }
    }

    /// Whether another drop takes the object along: that of what it belongs to, or of what provides it.
    pub fn goes_with_another(&self, id: &ObjectId) -> bool {
        let cx = self.cx;
        let Some(object) = cx.from.get(id) else { return false };
        // What is let go before its provider goes stays, and has to be dropped itself.
        let provider = object.provider(id, cx.from).filter(|p| !lets_go(&id.top(), &p.top(), cx));
        if [provider, object.taken_by(id, cx.from)].iter().flatten().any(|p| cx.dropped.contains(p)) {
            return true;
        }
        if taker(id, cx).is_none() {
            return false;
        }
        if object.kind().info().component {
            return true;
        }
        let whole = whole(id, cx);
        !cx.from.dependencies(id).any(|(dependency, edge)| {
            let other = || self::whole(dependency, cx);
            edge == Edge::Hard && cx.dropped.contains(dependency) && self.hold_each_other(&whole, &other())
        })
    }

    fn hold_each_other(&self, a: &ObjectId, b: &ObjectId) -> bool {
        a != b && self.groups.get(a).is_some_and(|group| self.groups.get(b) == Some(group))
    }
}

/// Whether what ties an object to another one is a part of it that goes, while the object itself stays: a table is tied to its
/// parent by its inheritance.
pub fn lets_go(object: &ObjectId, other: &ObjectId, cx: &PlanContext<'_>) -> bool {
    let ties = |part: &ObjectId| cx.dropped.contains(part) && cx.from.dependencies(part).any(|(d, _)| d == other);
    object != other && !cx.dropped.contains(object) && cx.from.below(object).any(|(part, _)| ties(part))
}

/// The dropped object whose statement removes this one, too.
pub fn taker(id: &ObjectId, cx: &PlanContext<'_>) -> Option<ObjectId> {
    cx.from
        .get(id)
        .and_then(|o| o.belongs_to(id, cx.from))
        .or_else(|| id.parent())
        .filter(|owner| cx.dropped.contains(owner))
        .filter(|owner| id.kind().is_component() || !owner.kind().info().drops_empty)
}

/// The outermost dropped object that takes this one along.
fn whole(id: &ObjectId, cx: &PlanContext<'_>) -> ObjectId {
    let mut current = id.clone();
    // Ownership is a tree a few levels deep; the bound guards against a broken catalog.
    for _ in 0..16 {
        match taker(&current, cx) {
            Some(owner) => current = owner,
            None => break,
        }
    }
    current
}
