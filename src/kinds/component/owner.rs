//! Owners (ALTER … OWNER TO).

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::name::Ident;
use crate::core::step::{HazardKind, LockMode, Step};
use crate::kinds::sequence::SequenceOwner;
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag};
use crate::plan::context::PlanContext;

attributes! {
    /// The owner of its parent object.
    pub struct Owner {
        /// The role.
        role: String => Alter(change_owner),
    }
}

impl Owner {
    /// The id of the ownership of an object.
    pub fn id(target: &ObjectId) -> ObjectId {
        target.child(KindTag::Owner, "")
    }

    /// `OWNER TO`; nothing for a sequence that a column owns, for it follows its table (and PostgreSQL refuses to part them).
    fn step(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Option<Step> {
        let parent = id.parent()?;
        if parent.kind() == KindTag::Sequence && cx.to.children(&parent, KindTag::SequenceOwner).next().is_some() {
            return None;
        }
        let mut step = Step::alter(id, format!("ALTER {} OWNER TO {}", super::address(id, cx), Ident(&self.role)));
        if parent.kind() == KindTag::Sequence {
            step.after.push(SequenceOwner::id(&parent));
        }
        if super::object_type(parent.kind()) == Some('r') {
            // A sequence can be attached only to a table of its own owner, and then moves with the table.
            let columns = cx.to.children(&parent, KindTag::Column);
            let attached = columns.flat_map(|(c, _)| cx.to.dependents(c)).map(|(d, _)| d);
            let along =
                |d: &&ObjectId| SequenceOwner::get(cx.to, d).is_some_and(|attached| attached.moves_with_table(d, cx));
            step.requires.extend(attached.filter(along).cloned());
            // One that is attached no more would move along until it is detached.
            let columns = cx.from.children(&parent, KindTag::Column);
            let detached = columns.flat_map(|(c, _)| cx.from.dependents(c)).map(|(d, _)| d);
            let stays = |d: &&ObjectId| d.kind() == KindTag::SequenceOwner && !cx.is_dropped(&d.top());
            step.after.extend(detached.filter(stays).cloned());
            step = cx.locked(step, LockMode::AccessExclusive, &parent);
        }
        if !cx.is_new(&parent) {
            step = step.hazard(HazardKind::Access, format!("{} gets every right over the object", self.role));
        }
        Some(step)
    }

    /// Whether making this object the owner of its parent takes a statement: not where the role that creates the parent is it.
    pub(super) fn needs_step(&self, id: &ObjectId, cx: &PlanContext<'_>) -> bool {
        self.role != cx.from.origin.role && self.step(id, cx).is_some()
    }
}

/// The object whose owner is an object's: a column has that of its relation, a sequence that a column owns that of the table.
pub(super) fn holder(id: &ObjectId, catalog: &Catalog) -> ObjectId {
    match id.kind() {
        KindTag::Column | KindTag::ViewColumn => id.top(),
        KindTag::Sequence => {
            let attached =
                catalog.children(id, KindTag::SequenceOwner).find_map(|(_, object)| SequenceOwner::of(object));
            attached.map_or_else(|| id.clone(), |attached| attached.column.top())
        }
        _ => id.clone(),
    }
}

/// Whether an object gets another owner in the plan than the role that creates it, or than it had. The old owner becomes the new one
/// throughout the access list: what is granted to either of them before that is lost.
pub(super) fn changes(id: &ObjectId, cx: &PlanContext<'_>) -> bool {
    let holder = holder(id, cx.to);
    let owner = Owner::id(&holder);
    let Some(wanted) = Owner::get(cx.to, &owner) else { return false };
    let so_far = match cx.is_new(&holder) {
        true => Some(&cx.from.origin.role),
        false => Owner::get(cx.from, &owner).map(|owner| &owner.role),
    };
    so_far.is_some_and(|role| *role != wanted.role)
}

/// Changing the owner renames the old one to the new one in the privileges as well, so what the two should have is stated
/// again in the same go.
fn change_owner(change: &Change<'_, Owner>) -> Vec<Step> {
    let mut steps: Vec<Step> = change.new.step(change.id, change.cx).into_iter().collect();
    if let Some(parent) = change.id.parent() {
        steps.extend(super::grant::after_owner_change(&parent, &change.old.role, &change.new.role, change.cx));
    }
    for (rank, step) in steps.iter_mut().enumerate() {
        step.rank = step.rank.max(u8::try_from(rank).unwrap_or(u8::MAX));
    }
    steps
}

impl Kind for Owner {
    const INFO: KindInfo = KindInfo { component: true, everywhere: true, ..KindInfo::new("owner", "owner of") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        id.parent().map(|p| p.sql_path()).unwrap_or_default()
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        if !self.needs_step(id, cx) {
            return Vec::new();
        }
        let made = |step: Step| Step { action: crate::core::step::Action::Create, creates: vec![id.clone()], ..step };
        self.step(id, cx).map(made).into_iter().collect()
    }

    /// An object always has an owner; one that is declared no longer stays as it is.
    fn drop(&self, _id: &ObjectId, _cx: &PlanContext<'_>) -> Vec<Step> {
        Vec::new()
    }

    /// Every object has one.
    fn implied(&self, _id: &ObjectId, _catalog: &Catalog) -> bool {
        true
    }

    fn rename(&self, _old: &ObjectId, _new: &ObjectId) -> Vec<Step> {
        Vec::new()
    }
}
