//! Renames: `was:` in the project, in place on the server.
//!
//! [`pending`] says which renames are still to be done. What they change in the texts that mention an old name, PostgreSQL alone
//! knows: [`read_back`] has it say so. The comparison then starts from the state that the rename steps lead to, and the steps
//! take their place among the others of the plan ([`Renaming`]).

pub(crate) mod extensions;
mod pending;
mod read_back;

use std::collections::{BTreeMap, BTreeSet};

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Location, Result};
use crate::core::id::ObjectId;
use crate::core::name::{Ident, derived};
use crate::core::step::{HazardKind, LockMode, Step};
use crate::data::Data;
use crate::engine::load::Workplace;
use crate::kinds::table::partition::whole_of;
use crate::kinds::types::enums::Enum;
use crate::kinds::{KindTag, Object, ensure, restated};
use crate::plan::{Renaming, share_name};

/// `was:` declarations, new id to old.
pub type Renames = BTreeMap<ObjectId, (ObjectId, Location)>;

/// Enum values with another name: enum and new value, old value.
pub type ValueRenames = BTreeMap<(ObjectId, String), String>;

/// A state after its renames.
#[derive(Debug, Default)]
pub struct Renamed {
    /// The state.
    pub catalog: Catalog,
    /// How to get there, in order.
    pub renamings: Vec<Renaming>,
    /// Old id to new, of all that was renamed or came along, in turn.
    pub maps: Vec<BTreeMap<ObjectId, ObjectId>>,
    /// What was renamed: old id, new id.
    pub pairs: Vec<(ObjectId, ObjectId)>,
}

/// What is declared about names.
pub struct Declared<'a> {
    /// Objects.
    pub renames: &'a Renames,
    /// Values of enums.
    pub values: &'a ValueRenames,
    /// What is declared about rows: an object that is retired is not one that a rename forgot.
    pub data: &'a Data,
    /// Extensions that move to another schema.
    pub moved: &'a [extensions::Move],
}

/// Applies those renames that are still to be done. Also says which new routines take the place of one with other arguments:
/// that is no rename, since PostgreSQL knows them as two.
///
/// # Errors
/// Where it cannot be known whether a rename has been done.
pub async fn apply(
    from: &Catalog,
    to: &Catalog,
    declared: &Declared<'_>,
    place: &mut Workplace<'_>,
) -> Result<(Option<Renamed>, BTreeMap<ObjectId, ObjectId>)> {
    let found = pending::pending(from, to, declared)?;
    place.add_notes(found.notes);
    let mut moves = Moves {
        from,
        to,
        done: BTreeMap::new(),
        pairs: Vec::new(),
        renamings: declared.moved.iter().map(extensions::Move::renaming).collect(),
        moved: declared.moved,
    };
    for due in &found.due {
        moves.rename(&due.live, Some(&due.old_name), &due.new);
    }
    moves.owned();
    let live = |id: &ObjectId| before(id, &moves.done);
    for (id, old, new) in pending::values(from, to, declared.values, &live)? {
        let Some(Object::Enum(found)) = to.get(id) else { continue };
        moves.renamings.push(Renaming {
            steps: vec![value_step(found, id, old, new)],
            old: id.clone(),
            new: id.clone(),
            heirs: Vec::new(),
            value: Some((old.to_owned(), new.to_owned())),
        });
    }
    Ok((moves.finish(place).await?, found.replaced))
}

/// Gives objects the names that others have which are the same otherwise (new id to old).
pub async fn by_definition(
    from: &Catalog,
    to: &Catalog,
    found: &BTreeMap<ObjectId, ObjectId>,
    place: &mut Workplace<'_>,
) -> Result<Option<Renamed>> {
    let mut moves = Moves { from, to, done: BTreeMap::new(), pairs: Vec::new(), renamings: Vec::new(), moved: &[] };
    let due: Vec<(ObjectId, ObjectId)> = found.iter().map(|(new, old)| (old.clone(), new.clone())).collect();
    // What has such a name yet and is to have none of them goes later, with the index that it is a part of.
    for (_, new) in due.iter().filter(|(_, new)| from.contains(new) && due.iter().all(|(old, _)| old != new)) {
        moves.step_aside(new);
    }
    moves.rename_in_order(due);
    moves.owned();
    moves.finish(place).await
}

/// All declared renames as statements that look themselves whether they are still to be done: what had the old name is there, and
/// nothing has the new one. Where both are there and one of them is not declared, they stop the script.
///
/// # Errors
/// `not-renamed` where names are exchanged.
pub fn statements(to: &Catalog, declared: &Declared<'_>) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for (new, old) in pending::all_in_order(to, declared.renames)? {
        let Some(object) = to.get(new) else { continue };
        let (Some(was), Some(is)) = (ensure::exists(old, object), ensure::exists(new, object)) else { continue };
        if !to.contains(old) && !declared.data.retires(old) {
            let message = format!("{new} is declared to have been {old}, and both are there");
            all.push(ensure::stop_when(&format!("{was} AND {is}"), &message, BOTH));
        }
        let sql: Vec<String> = steps(object, old, new, &|_| false).into_iter().map(|s| s.sql).collect();
        if let Some(schema) = new.parent().filter(|schema| {
            schema.kind() == KindTag::Schema
                && old.parent().as_ref() != Some(schema)
                && !declared.renames.contains_key(schema)
        }) {
            all.push(format!("CREATE SCHEMA IF NOT EXISTS {}", Ident(&schema.name())));
        }
        all.push(ensure::when(&format!("{was} AND NOT {is}"), &sql));
    }
    // What a column counts with is looked for under the name that follows from the column's.
    let is_renamed = |column: &ObjectId| {
        std::iter::successors(Some(column.clone()), ObjectId::parent).any(|id| declared.renames.contains_key(&id))
    };
    let mut counters = Vec::new();
    for (id, object) in to.iter() {
        let counter = match object {
            Object::Column(column) => column.identity_sequence(id).map(|sequence| (id.clone(), sequence)),
            _ if object.kind().info().holds_data && id.top() == *id => {
                object.belongs_to(id, to).map(|column| (column, id.clone()))
            }
            _ => None,
        };
        counters.extend(counter.filter(|(column, _)| is_renamed(column)));
    }
    all.extend(restated::counters_follow(&counters));
    all.extend(restated::not_nulls_follow(to, &is_renamed));
    let renames: BTreeMap<ObjectId, ObjectId> =
        declared.renames.iter().map(|(new, (old, _))| (new.clone(), old.clone())).collect();
    let tables = renames.keys().filter(|id| id.kind() == KindTag::Table).cloned().collect();
    all.extend(restated::keys_follow(to, &tables));
    all.extend(restated::view_columns_follow(to, &renames));
    for ((id, new), old) in declared.values {
        if let Some(Object::Enum(found)) = to.get(id) {
            let (was, is) = (ensure::has_value(id, old), ensure::has_value(id, new));
            let message = format!("'{new}' of {id} is declared to have been '{old}', and both are there");
            all.push(ensure::stop_when(&format!("{was} AND {is}"), &message, BOTH));
            all.push(ensure::when(&format!("{was} AND NOT {is}"), &[found.rename_value(id, old, new).sql]));
        }
    }
    Ok(all)
}

/// Statements that give enums the values that they lack, whether the declared renames are done or not.
pub fn new_values(to: &Catalog, declared: &Declared<'_>) -> Vec<String> {
    let renamed: BTreeMap<ObjectId, ObjectId> =
        declared.renames.iter().map(|(new, (old, _))| (old.clone(), new.clone())).collect();
    let enums =
        to.iter().filter_map(|(id, object)| if let Object::Enum(found) = object { Some((id, found)) } else { None });
    enums
        .map(|(id, found)| {
            let old = before(id, &renamed);
            let was = |value: &String| declared.values.get(&(id.clone(), value.clone())).map(String::as_str);
            let values: Vec<Option<&str>> = found.values.iter().map(was).collect();
            ensure::missing_values_before_renames(&[id, &old], &found.values, &values)
        })
        .collect()
}

/// What to do where both names are there.
const BOTH: &str = "Nothing has been changed. If the rename is done, take `was` (or the entry under `renamed`) out; if it is not, drop or rename what has the new name.";

/// Renames as they are gathered.
struct Moves<'a> {
    from: &'a Catalog,
    to: &'a Catalog,
    /// Old id to new, also of what comes along without a statement of its own.
    done: BTreeMap<ObjectId, ObjectId>,
    pairs: Vec<(ObjectId, ObjectId)>,
    renamings: Vec<Renaming>,
    moved: &'a [extensions::Move],
}

impl Moves<'_> {
    /// Renames what has the id `old` in the state that is. `named` is the old name as declared.
    fn rename(&mut self, old: &ObjectId, named: Option<&str>, new: &ObjectId) {
        let Some(object) = self.from.get(old) else { return };
        let current = match (rebased(old, &self.done), named) {
            // The types in its name have been renamed before.
            (current, Some(name)) if old.kind().info().signature => {
                current.parent().map_or(current, |parent| parent.child(old.kind(), name))
            }
            (current, _) => current,
        };
        let taken = |id: &ObjectId| self.from.contains(id) && !self.done.contains_key(id);
        let mut steps = if current == *new { Vec::new() } else { steps(object, &current, new, &taken) };
        for step in &mut steps {
            step.done_when = done_when(object, &step.object, new);
        }
        let mut own = None;
        if !steps.is_empty() {
            self.renamings.push(Renaming { steps, old: current, new: new.clone(), heirs: Vec::new(), value: None });
            own = Some(self.renamings.len() - 1);
        }
        self.pairs.push((old.clone(), new.clone()));
        self.done.insert(old.clone(), new.clone());
        let heirs = self.heirs(old, new);
        if let Some(renaming) = own.and_then(|i| self.renamings.get_mut(i)) {
            renaming.heirs = heirs;
        }
        if old.parent() != new.parent() && old.parent().is_some_and(|p| p.kind() == KindTag::Schema) {
            self.belongings(old, new);
        }
    }

    /// PostgreSQL renames in the heirs what they have from their parents.
    fn heirs(&mut self, old: &ObjectId, new: &ObjectId) -> Vec<ObjectId> {
        let mut heirs = Vec::new();
        let (from, mut queue) = (self.from, vec![old.clone()]);
        while let Some(origin) = queue.pop() {
            let same = from.iter().filter(|(id, _)| id.kind() == origin.kind() && id.name() == origin.name());
            for (id, _) in same.filter(|(id, object)| object.provider(id, from).as_ref() == Some(&origin)) {
                if let Some(parent) = id.parent()
                    && !self.done.contains_key(id)
                {
                    let heir = rebased(&parent, &self.done).child(id.kind(), &new.name());
                    self.done.insert(id.clone(), heir.clone());
                    heirs.push(heir);
                    queue.push(id.clone());
                }
            }
        }
        heirs
    }

    /// What belongs to a relation and lies beside it (its indexes, the sequences of its columns) goes to another schema with it.
    fn belongings(&mut self, old: &ObjectId, new: &ObjectId) {
        let Some(schema) = new.parent() else { return };
        for (id, object) in self.from.iter().filter(|(id, _)| id.parent() == old.parent() && *id != old) {
            if object.belongs_to(id, self.from).is_some_and(|owner| owner.is_within(old)) && !self.done.contains_key(id)
            {
                self.done.insert(id.clone(), schema.child(id.kind(), &id.name()));
            }
        }
    }

    /// What a column counts with has a name that follows from the column's, unless it was chosen: it gets the one that is
    /// declared, and goes on counting.
    fn owned(&mut self) {
        let (from, to) = (self.from, self.to);
        let counts = |id: &ObjectId, object: &Object| object.kind().info().holds_data && id.top() == *id;
        let owner_in = |catalog: &Catalog, id: &ObjectId| catalog.get(id).and_then(|o| o.belongs_to(id, catalog));
        // Under which column each is, by the names afterwards; what has its declared name is let alone.
        let mut old_of: BTreeMap<(ObjectId, KindTag), Vec<ObjectId>> = BTreeMap::new();
        let mut settled: BTreeSet<ObjectId> = BTreeSet::new();
        for (id, _) in from.iter().filter(|(id, object)| counts(id, object)) {
            let Some(owner) = owner_in(from, id).map(|owner| rebased(&owner, &self.done)) else { continue };
            let now = rebased(id, &self.done);
            if self.done.contains_key(id) && now.parent() == id.parent() || owner_in(to, &now) == Some(owner.clone()) {
                settled.insert(now);
            } else {
                old_of.entry((owner, id.kind())).or_default().push(id.clone());
            }
        }
        if old_of.is_empty() {
            return;
        }
        let mut due: Vec<(ObjectId, ObjectId)> = Vec::new();
        for (id, _) in to.iter().filter(|(id, object)| counts(id, object) && !settled.contains(*id)) {
            if let Some(owner) = owner_in(to, id)
                && let Some([old]) = old_of.get(&(owner, id.kind())).map(Vec::as_slice)
                // Where either name stays with what has it, another one counts from now on: no rename.
                && (!to.contains(&rebased(old, &self.done)) || owner_in(to, &rebased(old, &self.done)).is_some())
                && (!from.contains(id) || self.done.contains_key(id) || old_of.values().flatten().any(|o| o == id))
            {
                due.push((old.clone(), id.clone()));
            }
        }
        self.rename_in_order(due);
    }

    /// Renames (old id, new id) each when its name is free. What exchanges names keeps them: it is made anew then; but for the
    /// parts of partitioned indexes and keys, which cannot be.
    fn rename_in_order(&mut self, mut due: Vec<(ObjectId, ObjectId)>) {
        loop {
            let has_it = |new: &ObjectId| due.iter().any(|(old, _)| share_name(&rebased(old, &self.done), new));
            if let Some(free) = due.iter().position(|(_, new)| !has_it(new)) {
                let (old, new) = due.remove(free);
                self.rename(&old, None, &new);
                continue;
            }
            let is_aside = |old: &ObjectId| self.done.contains_key(old);
            let part = due.iter().find(|(old, _)| !is_aside(old) && whole_of(old, self.from).is_some());
            let Some(old) = part.map(|(old, _)| old.clone()) else { return };
            self.step_aside(&old);
        }
    }

    /// Gives a part of a partitioned index or key a name in passing.
    fn step_aside(&mut self, id: &ObjectId) {
        let (Some(whole), Some(parent)) = (whole_of(id, self.from), id.parent()) else { return };
        self.rename(id, None, &parent.child(id.kind(), &derived("", &id.name(), "__trueup_old")));
        self.pairs.retain(|(old, _)| old != id);
        // Afterwards something else has its name.
        let is_due = ensure::inherits(&ensure::index_name(id), &ensure::index_name(&whole));
        if let Some(first) = self.renamings.last_mut().and_then(|renaming| renaming.steps.first_mut()) {
            first.done_when = Some(format!("SELECT NOT {is_due}"));
        }
    }

    async fn finish(self, place: &mut Workplace<'_>) -> Result<Option<Renamed>> {
        if self.renamings.is_empty() {
            return Ok(None);
        }
        let (catalog, map) = read_back::read_back(&self, place).await?;
        Ok(Some(Renamed { catalog, renamings: self.renamings, maps: vec![map], pairs: self.pairs }))
    }
}

/// True once a step towards a new name is done, or cannot be: for scripts that are run again.
fn done_when(object: &Object, old: &ObjectId, new: &ObjectId) -> Option<String> {
    let (was, is) = (ensure::exists(old, object)?, ensure::exists(new, object)?);
    Some(format!("SELECT {is} OR NOT ({was})"))
}

/// Gives a value of an enum another name.
fn value_step(found: &Enum, id: &ObjectId, old: &str, new: &str) -> Step {
    let has = |value| ensure::has_value(id, value);
    found.rename_value(id, old, new).done_when(format!("SELECT {} OR NOT {}", has(new), has(old)))
}

/// The statements that give an object another name, another schema, or both.
fn steps(object: &Object, old: &ObjectId, new: &ObjectId, taken: &dyn Fn(&ObjectId) -> bool) -> Vec<Step> {
    let (Some(here), Some(there)) = (old.parent(), new.parent()) else { return object.rename(old, new) };
    if here == there {
        return object.rename(old, new);
    }
    let (name, kind) = (new.name(), new.kind());
    let moved = there.child(kind, &old.name());
    if old.name() == name {
        vec![set_schema(object, old, &there)]
    } else if !taken(&moved) {
        let mut steps = vec![set_schema(object, old, &there)];
        steps.extend(object.rename(&moved, new));
        steps
    } else {
        let free = [here.child(kind, &name), here.child(kind, &format!("{name}__trueup_new"))];
        let Some(aside) = free.iter().find(|id| !taken(id)) else { return Vec::new() };
        let mut steps = object.rename(old, aside);
        steps.push(set_schema(object, aside, &there));
        let arrived = there.child(kind, &aside.name());
        if arrived != *new {
            steps.extend(object.rename(&arrived, new));
        }
        steps
    }
}

/// `ALTER … SET SCHEMA`.
fn set_schema(object: &Object, id: &ObjectId, schema: &ObjectId) -> Step {
    let step = Step::rename(id, format!("ALTER {} SET SCHEMA {}", object.address(id), Ident(&schema.name())))
        .hazard(HazardKind::Breaking, "code that looks for it in its old schema fails");
    if id.kind().info().is_relation() { step.lock(LockMode::AccessExclusive, id) } else { step }
}

/// The id before renames of what it lies in.
fn before(id: &ObjectId, map: &BTreeMap<ObjectId, ObjectId>) -> ObjectId {
    let same = map.iter().filter(|(_, new)| id.is_within(new)).max_by_key(|(_, new)| new.as_str().len());
    same.and_then(|(old, new)| id.rebase(new, old)).unwrap_or_else(|| id.clone())
}

/// An id after the renames.
pub(crate) fn rebased(id: &ObjectId, map: &BTreeMap<ObjectId, ObjectId>) -> ObjectId {
    // A child's own rename is under its parent's old name; so the longest match is taken.
    let mut current = Some(id.clone());
    while let Some(ancestor) = current {
        if let Some(new) = map.get(&ancestor) {
            return id.rebase(&ancestor, new).unwrap_or_else(|| id.clone());
        }
        current = ancestor.parent();
    }
    id.clone()
}
