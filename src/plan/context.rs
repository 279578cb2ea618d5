//! What the kinds' DDL may ask about the plan it is part of.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::step::{LockMode, Step};
use crate::kinds::component::Decided;
use crate::kinds::{KindTag, Means, Object};

/// The two catalogs of a plan and what has been decided so far.
#[derive(Debug)]
pub struct PlanContext<'a> {
    /// What is.
    pub from: &'a Catalog,
    /// What should be.
    pub to: &'a Catalog,
    /// Objects that the plan brings into being (also those dropped before).
    pub created: BTreeSet<ObjectId>,
    /// Objects that the plan removes (also those created again).
    pub dropped: BTreeSet<ObjectId>,
    /// Objects written inside their parent's CREATE statement.
    pub folded: BTreeSet<ObjectId>,
    /// Columns that rows which exist already get values in: a default is for rows to come.
    pub filled: BTreeSet<ObjectId>,
    /// How values are taken over where a column's type changes, where the project says so.
    pub using: BTreeMap<ObjectId, String>,
    /// Major version of the server the plan is for.
    pub major: u32,
    /// Whether tables may be in use: indexes are then built concurrently, constraints validated later.
    pub online: bool,
    /// Of whom the project says what they may do, where the default privileges that the plan will meet are not known.
    pub unread: Option<&'a Decided>,
    /// The tables of which the project says whether row-level security is on; none where the wanted state says all there is to say.
    pub guarded: Option<&'a BTreeSet<ObjectId>>,
}

impl PlanContext<'_> {
    /// Whether the object comes into being in this plan (nobody else can be using it).
    pub fn is_new(&self, id: &ObjectId) -> bool {
        self.created.contains(id)
    }

    /// Whether the object is removed in this plan.
    pub fn is_dropped(&self, id: &ObjectId) -> bool {
        self.dropped.contains(id)
    }

    /// Whether the object is replaced by a new form that can be built beside the old one: what it rests on is the same before
    /// and after, or comes anew.
    pub fn can_build_beside(&self, id: &ObjectId) -> bool {
        let unchanged = |dependency: &ObjectId| {
            if self.is_dropped(dependency) {
                return false;
            }
            match (self.from.get(dependency), self.to.get(dependency)) {
                (Some(old), Some(new)) => old.means(new, dependency, self) < Means::AlterRebuilding,
                _ => true,
            }
        };
        self.online
            && self.is_dropped(id)
            && self.is_new(id)
            && self.from.dependencies(id).chain(self.to.dependencies(id)).all(|(d, _)| unchanged(d))
    }

    /// Adds the lock to a step, unless the relation is new in this plan.
    pub fn locked(&self, step: Step, mode: LockMode, relation: &ObjectId) -> Step {
        if self.is_new(relation) { step } else { step.lock(mode, relation) }
    }

    /// The children of one kind in the catalog that should be.
    pub fn children<'b>(
        &'b self,
        id: &'b ObjectId,
        kind: KindTag,
    ) -> impl Iterator<Item = (&'b ObjectId, &'b Object)> + 'b {
        self.to.children(id, kind)
    }
}
