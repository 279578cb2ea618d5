//! What the kinds' DDL may ask about the plan it is part of.

use std::collections::BTreeSet;

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::step::{LockMode, Step};
use crate::kinds::{KindTag, Object};

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
    /// Major version of the server the plan is for.
    pub major: u32,
    /// Whether tables may be in use: indexes are then built concurrently, constraints validated later.
    pub online: bool,
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
