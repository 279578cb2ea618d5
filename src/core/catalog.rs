//! The objects of one state and the edges between them.
//!
//! A [`Catalog`] is immutable and sorted; it is made by a [`CatalogBuilder`], whose `finish` is where the invariants
//! hold: ids are unique, every parent exists, no edge dangles.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rustc_hash::FxHashMap as HashMap;
use serde::{Deserialize, Serialize};

use super::diagnostic::{Diagnostic, Location, Result};
use super::id::ObjectId;
use crate::kinds::{KindTag, Object};

/// How firmly one object rests on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// Known: recorded in `pg_depend`, or true by construction.
    Hard,
    /// Guessed by parsing (function bodies, declared text). Wins nothing against a hard edge: it is dropped where it
    /// would close a cycle.
    Soft,
}

/// The objects of one state. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    objects: Arc<Vec<(ObjectId, Object)>>,
    index: Arc<HashMap<ObjectId, u32>>,
    /// (dependent, dependency), sorted; and the same the other way round.
    forward: Arc<Vec<(u32, u32, Edge)>>,
    backward: Arc<Vec<(u32, u32, Edge)>>,
    /// Where each declared object stands in the project; empty for a state read from a server.
    locations: Arc<HashMap<ObjectId, Location>>,
    /// The slots of objects that are there and no part of this catalog, sorted: where only a few are left out, sharing all
    /// is far cheaper than copying the others.
    hidden: Arc<[u32]>,
    /// Facts about the server or project the catalog comes from.
    pub origin: Origin,
}

/// The ids of a catalog's objects. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    index: Arc<HashMap<ObjectId, u32>>,
    hidden: Arc<[u32]>,
}

impl Ids {
    /// Whether the id is one of them.
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.index.get(id.as_str()).is_some_and(|slot| is_shown(&self.hidden, *slot))
    }

    /// Gives them up.
    pub(crate) fn let_go(self) {
        let_go(self.index.len(), self);
    }
}

/// Whether an object's slot is none of those that are hidden.
fn is_shown(hidden: &[u32], slot: u32) -> bool {
    hidden.is_empty() || hidden.binary_search(&slot).is_err()
}

/// Facts about where a catalog comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The server's major version; 0 where no server was asked.
    pub major: u32,
    /// The server's version as `server_version_num` has it; 0 where it is not known.
    #[serde(default)]
    pub number: u32,
    /// The role that read it (`current_user`).
    pub role: String,
    /// The owner of the database.
    pub database_owner: String,
    /// User objects that trueup does not model: kind in words, and name.
    pub unmodelled: Vec<(String, String)>,
    /// What such objects depend on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bystanders: Vec<Bystander>,
    /// What rests on such objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foundations: Vec<Foundation>,
    /// Options that are set on objects and are not known (`name of columns`): how many have one, and which the first is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown_options: BTreeMap<String, (usize, String)>,
}

/// An object of the catalog that rests on something which trueup does not model, and cannot be built without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foundation {
    /// The object of the catalog.
    pub object: ObjectId,
    /// What it rests on: kind in words, and name.
    pub what: String,
}

/// Something that trueup does not change, and that rests on an object of the catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bystander {
    /// What it is, in words.
    pub what: String,
    /// The object that it rests on.
    pub on: ObjectId,
    /// Whether it goes along in silence when that object goes; otherwise PostgreSQL refuses to let that go, or to retype it.
    pub goes_along: bool,
    /// Whether PostgreSQL takes it over by itself when that object changes its type, as it does with indexes and constraints.
    #[serde(default)]
    pub taken_over: bool,
    /// Whether it has an expression that names the type of rows: minor releases of November 2026 refuse to retype any part of such a
    /// row, and others leave the expression wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub names_row: bool,
}

impl Catalog {
    /// The number of objects.
    pub fn len(&self) -> usize {
        self.objects.len() - self.hidden.len()
    }

    /// Whether the two share their objects in memory: then nothing can differ.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.objects, &other.objects) && self.hidden == other.hidden
    }

    /// Whether there is no object.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All objects, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectId, &Object)> + '_ {
        self.since_slot(0)
    }

    /// The objects from a slot on.
    fn since_slot(&self, first: usize) -> impl Iterator<Item = (&ObjectId, &Object)> + '_ {
        let objects = self.objects[first..].iter().zip(first as u32..);
        objects.filter(|(_, slot)| is_shown(&self.hidden, *slot)).map(|((id, object), _)| (id, object))
    }

    /// The objects of this catalog that are not in another one.
    pub fn without<'a>(&'a self, other: &'a Self) -> Box<dyn Iterator<Item = (&'a ObjectId, &'a Object)> + 'a> {
        if Arc::ptr_eq(&self.objects, &other.objects) {
            let slots = other.hidden.iter().filter(|slot| is_shown(&self.hidden, **slot));
            return Box::new(slots.map(|slot| &self.objects[*slot as usize]).map(|(id, object)| (id, object)));
        }
        Box::new(self.iter().filter(|(id, _)| !other.contains(id)))
    }

    /// The place of an object among all that share memory with it; none for one that is no part of this catalog.
    fn slot(&self, id: &str) -> Option<u32> {
        self.index.get(id).copied().filter(|slot| is_shown(&self.hidden, *slot))
    }

    /// One object.
    pub fn get(&self, id: &ObjectId) -> Option<&Object> {
        self.entry(id).map(|(_, object)| object)
    }

    /// One object with its id, as this catalog has them in memory.
    pub fn entry(&self, id: &ObjectId) -> Option<&(ObjectId, Object)> {
        self.slot(id.as_str()).and_then(|slot| self.objects.get(slot as usize))
    }

    /// Whether an object exists.
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.slot(id.as_str()).is_some()
    }

    /// Room to note which objects were met; see [`Catalog::tick`].
    pub(crate) fn ticks(&self) -> Vec<AtomicBool> {
        self.objects.iter().map(|_| AtomicBool::new(false)).collect()
    }

    /// As [`Catalog::get`], noting that the object was met.
    pub(crate) fn tick(&self, id: &ObjectId, ticks: &[AtomicBool]) -> Option<&Object> {
        let slot = self.slot(id.as_str())? as usize;
        ticks.get(slot)?.store(true, Relaxed);
        self.objects.get(slot).map(|(_, object)| object)
    }

    /// The objects that were not met.
    pub(crate) fn unticked<'a>(
        &'a self,
        ticks: &'a [AtomicBool],
    ) -> impl Iterator<Item = (&'a ObjectId, &'a Object)> + 'a {
        let all = (0..).zip(self.objects.iter()).zip(ticks);
        all.filter(|((slot, _), ticked)| !ticked.load(Relaxed) && is_shown(&self.hidden, *slot))
            .map(|((_, (id, object)), _)| (id, object))
    }

    /// Everything below an object (children, their children, …), in order, without the object itself.
    pub fn below<'a>(&'a self, id: &'a ObjectId) -> impl Iterator<Item = (&'a ObjectId, &'a Object)> + 'a {
        let id_bytes = id.as_str().as_bytes();
        let start = self.objects.partition_point(|(other, _)| {
            let other = other.as_str().as_bytes();
            let common = other.len().min(id_bytes.len());
            // Compared with `id` followed by a slash.
            other[..common]
                .cmp(&id_bytes[..common])
                .then_with(|| other.get(common).map_or(Ordering::Less, |next| next.cmp(&b'/')))
                .is_lt()
        });
        self.since_slot(start).take_while(move |(other, _)| other.is_within(id))
    }

    /// The direct children of an object that are of one kind, in order of name.
    pub fn children<'a>(
        &'a self,
        id: &'a ObjectId,
        kind: KindTag,
    ) -> impl Iterator<Item = (&'a ObjectId, &'a Object)> + 'a {
        self.below(id).filter(move |(child, _)| child.kind() == kind && child.parent_str() == Some(id.as_str()))
    }

    /// The objects of one kind that have no parent, in order of name.
    pub fn roots(&self, kind: KindTag) -> impl Iterator<Item = (&ObjectId, &Object)> + '_ {
        let prefix = format!("{}:", kind.word());
        let start = self.objects.partition_point(|(id, _)| id.as_str() < prefix.as_str());
        self.since_slot(start)
            .take_while(move |(id, _)| id.as_str().starts_with(&prefix))
            .filter(|(id, _)| id.parent_str().is_none())
    }

    fn edges<'a>(
        &'a self,
        list: &'a [(u32, u32, Edge)],
        id: &ObjectId,
    ) -> impl Iterator<Item = (&'a ObjectId, Edge)> + 'a {
        let of = self.slot(id.as_str());
        let range = of.map_or(0..0, |i| {
            let start = list.partition_point(|e| e.0 < i);
            let end = list.partition_point(|e| e.0 <= i);
            start..end
        });
        let shown = list[range].iter().filter(|(_, other, _)| is_shown(&self.hidden, *other));
        shown.map(|(_, other, edge)| (&self.objects[*other as usize].0, *edge))
    }

    /// Dependent, dependency and strength, by their slots.
    fn shown_edges(&self) -> impl Iterator<Item = &(u32, u32, Edge)> + '_ {
        self.forward.iter().filter(|(a, b, _)| is_shown(&self.hidden, *a) && is_shown(&self.hidden, *b))
    }

    /// What an object depends on (its parent is not repeated here).
    pub fn dependencies<'a>(&'a self, id: &ObjectId) -> impl Iterator<Item = (&'a ObjectId, Edge)> + 'a {
        self.edges(&self.forward, id)
    }

    /// What depends on an object (its children are not repeated here).
    pub fn dependents<'a>(&'a self, id: &ObjectId) -> impl Iterator<Item = (&'a ObjectId, Edge)> + 'a {
        self.edges(&self.backward, id)
    }

    /// Where an object is declared.
    pub fn location(&self, id: &ObjectId) -> Option<&Location> {
        let mut current = Some(id.as_str());
        while let Some(text) = current {
            let hides = || self.index.get(text).is_some_and(|slot| !is_shown(&self.hidden, *slot));
            if let Some(location) = self.locations.get(text).filter(|_| !hides()) {
                return Some(location);
            }
            current = text.rfind('/').map(|i| &text[..i]);
        }
        None
    }

    /// A builder holding all of this catalog, to make a changed one.
    pub fn to_builder(&self) -> CatalogBuilder {
        let mut builder = CatalogBuilder::new();
        builder.origin = self.origin.clone();
        builder.copy(self, ObjectId::clone, |_| true);
        builder
    }

    /// A builder holding the part of the catalog that `keep` names, and the edges within it.
    pub fn builder_of(&self, keep: impl Fn(&ObjectId, &Object) -> bool) -> CatalogBuilder {
        let mut builder = CatalogBuilder::new();
        builder.origin = self.origin.clone();
        builder.copy(self, ObjectId::clone, |(id, object)| keep(id, object));
        builder
    }

    /// The ids of its objects, without the objects.
    pub fn ids(&self) -> Ids {
        Ids { index: self.index.clone(), hidden: self.hidden.clone() }
    }

    /// The part of the catalog that `keep` names. Edges to what is left out go with it.
    pub fn filtered(&self, keep: impl Fn(&ObjectId, &Object) -> bool) -> Self {
        let slots = self.objects.iter().zip(0..);
        let kept: Vec<bool> =
            slots.map(|((id, object), slot)| is_shown(&self.hidden, slot) && keep(id, object)).collect();
        let left_out = kept.iter().filter(|kept| !**kept).count();
        if left_out == self.hidden.len() {
            return self.clone();
        }
        if left_out <= FEW {
            let hidden = (0..).zip(&kept).filter(|(_, kept)| !**kept).map(|(slot, _)| slot).collect();
            return Self { hidden, ..self.clone() };
        }
        self.part(&kept)
    }

    /// A catalog that holds the objects in some slots and nothing else.
    fn part(&self, kept: &[bool]) -> Self {
        let mut place = vec![u32::MAX; kept.len()];
        let mut objects = Vec::with_capacity(kept.len());
        for (i, (id, object)) in self.objects.iter().enumerate().filter(|(i, _)| kept[*i]) {
            place[i] = objects.len() as u32;
            objects.push((id.clone(), object.clone()));
        }
        let index = objects.iter().enumerate().map(|(i, (id, _))| (id.clone(), i as u32)).collect();
        // What was in order stays so.
        let edges = |list: &[(u32, u32, Edge)]| {
            let moved = list.iter().map(|(a, b, edge)| (place[*a as usize], place[*b as usize], *edge));
            moved.filter(|(a, b, _)| *a != u32::MAX && *b != u32::MAX).collect::<Vec<_>>()
        };
        let (forward, backward) = (edges(&self.forward), edges(&self.backward));
        let locations = match self.locations.is_empty() {
            true => HashMap::default(),
            false => objects
                .iter()
                .filter_map(|(id, _)| Some((id.clone(), self.locations.get(id.as_str())?.clone())))
                .collect(),
        };
        Self {
            objects: Arc::new(objects),
            index: Arc::new(index),
            forward: Arc::new(forward),
            backward: Arc::new(backward),
            locations: Arc::new(locations),
            hidden: Arc::default(),
            origin: self.origin.clone(),
        }
    }

    /// The same catalog with some objects, and what lies below them, under other ids.
    pub fn renamed(&self, map: &BTreeMap<ObjectId, ObjectId>) -> Self {
        let new_id = |id: &ObjectId| {
            let longest = map.iter().filter(|(old, _)| id.is_within(old)).max_by_key(|(old, _)| old.as_str().len());
            longest.and_then(|(old, new)| id.rebase(old, new)).unwrap_or_else(|| id.clone())
        };
        let mut builder = CatalogBuilder::new();
        builder.origin = self.origin.clone();
        builder.copy(self, new_id, |_| true);
        builder.finish_unchecked()
    }

    /// The largest set within which everything `wanted` depends on is included, by edges and parents.
    pub fn closure(&self, wanted: impl IntoIterator<Item = ObjectId>) -> std::collections::BTreeSet<ObjectId> {
        let mut seen = std::collections::BTreeSet::new();
        let mut queue: Vec<ObjectId> = wanted.into_iter().collect();
        while let Some(id) = queue.pop() {
            if !self.contains(&id) || !seen.insert(id.clone()) {
                continue;
            }
            queue.extend(id.parent());
            queue.extend(self.dependencies(&id).map(|(d, _)| d.clone()));
        }
        seen
    }
}

/// Gathers objects and edges; [`CatalogBuilder::finish`] checks them.
#[derive(Debug, Default)]
pub struct CatalogBuilder {
    objects: Vec<(ObjectId, Object)>,
    index: HashMap<ObjectId, u32>,
    /// How many objects were taken out again: their slots stay, and have no entry in the index.
    removed: usize,
    edges: Vec<(u32, u32, Edge)>,
    pending: Vec<(ObjectId, ObjectId, Edge)>,
    locations: HashMap<ObjectId, Location>,
    /// See [`Catalog::origin`].
    pub origin: Origin,
}

impl CatalogBuilder {
    /// An empty builder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes room for so many objects.
    pub fn reserve(&mut self, objects: usize) {
        self.objects.reserve(objects);
        self.index.reserve(objects);
    }

    /// Adds the part of a catalog that `keep` names, under the ids that `called` gives.
    fn copy(
        &mut self,
        catalog: &Catalog,
        called: impl Fn(&ObjectId) -> ObjectId,
        keep: impl Fn(&(ObjectId, Object)) -> bool,
    ) {
        self.reserve(catalog.objects.len());
        let places = !catalog.locations.is_empty();
        let mut map = vec![u32::MAX; catalog.objects.len()];
        for (slot, both) in (0..).zip(catalog.objects.iter()) {
            if is_shown(&catalog.hidden, slot) && keep(both) {
                let (id, object) = both;
                let new = called(id);
                if places && let Some(location) = catalog.locations.get(id.as_str()) {
                    self.locations.insert(new.clone(), location.clone());
                }
                map[slot as usize] = self.insert(new, object.clone());
            }
        }
        for (from, to, edge) in catalog.shown_edges() {
            let (from, to) = (map[*from as usize], map[*to as usize]);
            if from != u32::MAX && to != u32::MAX {
                self.edges.push((from, to, *edge));
            }
        }
    }

    fn insert(&mut self, id: ObjectId, object: Object) -> u32 {
        let next = self.objects.len() as u32;
        match self.index.entry(id.clone()) {
            Entry::Occupied(at) => {
                self.objects[*at.get() as usize].1 = object;
                *at.get()
            }
            Entry::Vacant(free) => {
                free.insert(next);
                self.objects.push((id, object));
                next
            }
        }
    }

    /// Adds an object and returns its handle. An object of the same id is a duplicate: an error that names both places.
    pub fn add(&mut self, id: ObjectId, object: impl Into<Object>, location: Option<Location>) -> Result<u32> {
        let next = self.objects.len() as u32;
        let Entry::Vacant(free) = self.index.entry(id.clone()) else {
            let mut problem =
                Diagnostic::error("duplicate-object", format!("{id} is declared twice")).help("keep one of the two");
            if let Some(place) = location {
                problem = problem.at(place);
            }
            if let Some(first) = self.locations.get(&id) {
                problem = problem.related(first.clone(), "first declared here");
            }
            return Err(problem);
        };
        free.insert(next);
        if let Some(location) = location {
            self.locations.insert(id.clone(), location);
        }
        self.objects.push((id, object.into()));
        Ok(next)
    }

    /// Adds all of another builder; returns what both have.
    pub(crate) fn absorb(&mut self, mut other: Self) -> Vec<Box<Diagnostic>> {
        let mut problems = Vec::new();
        let mut place = vec![u32::MAX; other.objects.len()];
        self.reserve(other.len());
        self.locations.reserve(other.locations.len());
        let (objects, removed) = (std::mem::take(&mut other.objects), other.removed);
        for (slot, (id, object)) in objects.into_iter().enumerate() {
            if removed > 0 && other.index.get(&id).is_none_or(|at| *at as usize != slot) {
                continue;
            }
            let location = other.locations.get(&id).cloned();
            match self.add(id, object, location) {
                Ok(handle) => place[slot] = handle,
                Err(problem) => problems.push(problem),
            }
        }
        let moved = other.edges.iter().map(|(a, b, edge)| (place[*a as usize], place[*b as usize], *edge));
        self.edges.extend(moved.filter(|(a, b, _)| *a != u32::MAX && *b != u32::MAX));
        self.pending.append(&mut other.pending);
        problems
    }

    /// Adds an object, or puts it in the place of the one that has its id.
    pub fn put(&mut self, id: ObjectId, object: impl Into<Object>) -> u32 {
        self.insert(id, object.into())
    }

    /// Takes an object out again; its edges go with it.
    pub fn remove(&mut self, id: &ObjectId) {
        self.removed += usize::from(self.index.remove(id).is_some());
        self.locations.remove(id);
    }

    /// Records that `from` depends on `to`, by handles that `add` returned.
    pub fn edge(&mut self, from: u32, to: u32, edge: Edge) {
        if from != to {
            self.edges.push((from, to, edge));
        }
    }

    /// Records that `from` depends on `to`; either may be added later, or never (then the edge is left out).
    pub fn depend(&mut self, from: &ObjectId, to: &ObjectId, edge: Edge) {
        if from != to {
            self.pending.push((from.clone(), to.clone(), edge));
        }
    }

    /// The id behind a handle.
    pub fn id(&self, handle: u32) -> &ObjectId {
        &self.objects[handle as usize].0
    }

    /// The object behind a handle, to change.
    pub fn object_mut(&mut self, handle: u32) -> &mut Object {
        &mut self.objects[handle as usize].1
    }

    /// The number of objects.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is no object.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The ids of the objects, without the objects.
    pub fn into_ids(self) -> Ids {
        let Self { objects, index, edges, pending, locations, .. } = self;
        let_go(objects.len(), (objects, edges, pending, locations));
        Ids { index: Arc::new(index), hidden: Arc::default() }
    }

    /// The dependencies recorded by id so far: dependent, dependency, strength.
    pub fn recorded(&self) -> impl Iterator<Item = &(ObjectId, ObjectId, Edge)> + '_ {
        self.pending.iter()
    }

    /// An object already added.
    pub fn get(&self, id: &ObjectId) -> Option<&Object> {
        self.index.get(id.as_str()).map(|i| &self.objects[*i as usize].1)
    }

    /// An object already added, to change.
    pub fn get_mut(&mut self, id: &ObjectId) -> Option<&mut Object> {
        let i = *self.index.get(id.as_str())?;
        self.objects.get_mut(i as usize).map(|(_, object)| object)
    }

    /// All objects added so far.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectId, &Object)> + '_ {
        self.since_handle(0)
    }

    /// Whether something holds of all objects; asked on two threads where they are many.
    pub(crate) fn all(&self, holds: impl Fn(&ObjectId, &Object) -> bool + Sync) -> bool {
        let middle = self.objects.len() / 2;
        let half = |range: std::ops::Range<usize>| {
            self.objects[range.clone()]
                .iter()
                .zip(range)
                .all(|((id, object), slot)| !self.is_live(slot, id) || holds(id, object))
        };
        let (one, other) = beside(self.objects.len(), || half(0..middle), || half(middle..self.objects.len()));
        one && other
    }

    /// The object and all that were added after it, which is where those below it are; all objects where it is not there.
    pub fn since(&self, id: &ObjectId) -> impl Iterator<Item = (&ObjectId, &Object)> + '_ {
        self.since_handle(self.index.get(id).map_or(0, |handle| *handle as usize))
    }

    fn since_handle(&self, first: usize) -> impl Iterator<Item = (&ObjectId, &Object)> + '_ {
        let objects = self.objects.iter().enumerate().skip(first);
        objects.filter(|(i, (id, _))| self.is_live(*i, id)).map(|(_, (id, object))| (id, object))
    }

    /// Whether the object in a slot was not taken out again.
    fn is_live(&self, slot: usize, id: &ObjectId) -> bool {
        self.removed == 0 || self.index.get(id).is_some_and(|at| *at as usize == slot)
    }

    /// Where an object was declared.
    pub fn location(&self, id: &ObjectId) -> Option<&Location> {
        self.locations.get(id.as_str())
    }

    /// Notes where an object is declared.
    pub fn locate(&mut self, id: &ObjectId, location: Location) {
        self.locations.insert(id.clone(), location);
    }

    /// The catalog, after checking that every parent exists. A schema that is only a parent needs no object of its own.
    pub fn finish(self) -> Result<Catalog> {
        let (orphan, order) = beside(self.objects.len(), || self.orphan(), || self.order());
        if let Some(id) = orphan {
            let mut problem =
                Diagnostic::error("missing-parent", format!("{id} belongs to an object that does not exist"));
            if let Some(place) = self.locations.get(id) {
                problem = problem.at(place.clone());
            }
            return Err(problem);
        }
        Ok(self.finish_in(order))
    }

    /// An object whose parent is not there.
    fn orphan(&self) -> Option<&ObjectId> {
        // What is added together has the same parent.
        let mut last = "";
        let mut orphans = self.iter().map(|(id, _)| id).filter(|id| {
            let Some(parent) = id.parent_str().filter(|parent| *parent != last) else { return false };
            last = parent;
            let schema = parent.starts_with("schema:") && !parent.contains('/');
            !schema && !self.index.contains_key(parent)
        });
        orphans.next()
    }

    /// The slots of the objects in the order of their ids, without those that were taken out again.
    fn order(&self) -> Vec<u32> {
        let by_id = |one: &(&str, u32), other: &(&str, u32)| one.0.cmp(other.0);
        let slots = (0..self.objects.len() as u32).zip(&self.objects);
        let mut order: Vec<(&str, u32)> = slots
            .filter(|(slot, (id, _))| self.is_live(*slot as usize, id))
            .map(|(slot, (id, _))| (id.as_str(), slot))
            .collect();
        // A stable sort takes advantage of what is in order already: catalogs are mostly parts of others put together, and where
        // they are not, two halves that each thread has put in order.
        if order.len() >= MANY {
            let middle = order.len() / 2;
            let (one, other) = order.split_at_mut(middle);
            beside(MANY, || one.sort_by(by_id), || other.sort_by(by_id));
        }
        order.sort_by(by_id);
        order.into_iter().map(|(_, slot)| slot).collect()
    }

    /// The catalog, without the checks: parents may be missing (a policy on a table of the platform).
    pub fn finish_unchecked(self) -> Catalog {
        let order = self.order();
        self.finish_in(order)
    }

    fn finish_in(mut self, order: Vec<u32>) -> Catalog {
        let pending = std::mem::take(&mut self.pending);
        for (from, to, edge) in pending {
            if let (Some(from), Some(to)) = (self.index.get(&from), self.index.get(&to)) {
                self.edges.push((*from, *to, edge));
            }
        }
        let mut place = vec![u32::MAX; self.objects.len()];
        for (new, old) in order.iter().enumerate() {
            place[*old as usize] = new as u32;
        }
        let (objects, edges, mut index) = (self.objects, self.edges, self.index);
        let (objects, (forward, backward)) = beside(
            objects.len(),
            || {
                let mut slots: Vec<Option<(ObjectId, Object)>> = objects.into_iter().map(Some).collect();
                let objects: Vec<_> = order.iter().filter_map(|old| slots[*old as usize].take()).collect();
                index.values_mut().for_each(|handle| *handle = place[*handle as usize]);
                (objects, index)
            },
            || {
                let mut forward: Vec<_> =
                    edges.iter().map(|(a, b, e)| (place[*a as usize], place[*b as usize], *e)).collect();
                forward.retain(|(a, b, _)| *a != u32::MAX && *b != u32::MAX);
                forward.sort_unstable();
                // A hard edge sorts before a soft one between the same two, and is the one to keep.
                forward.dedup_by(|a, b| a.0 == b.0 && a.1 == b.1);
                let mut backward: Vec<_> = forward.iter().map(|(a, b, e)| (*b, *a, *e)).collect();
                backward.sort_unstable();
                (forward, backward)
            },
        );
        let (objects, index) = objects;
        Catalog {
            objects: Arc::new(objects),
            index: Arc::new(index),
            forward: Arc::new(forward),
            backward: Arc::new(backward),
            locations: Arc::new(self.locations),
            hidden: Arc::default(),
            origin: self.origin,
        }
    }
}

/// Up to so many objects are hidden in a catalog that has them, instead of making another without them.
const FEW: usize = 32;

/// From so many objects on, a second thread saves more than it costs.
pub(crate) const MANY: usize = 20_000;

/// Takes something of so many objects apart; where they are many, nobody waits for it.
fn let_go(objects: usize, what: impl Send + 'static) {
    if objects >= MANY {
        std::thread::spawn(move || drop(what));
    }
}

/// Two pieces of work; beside each other where there is much to do.
fn beside<A: Send, B>(objects: usize, one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B) -> (A, B) {
    if objects < MANY {
        return (one(), other());
    }
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        match one.join() {
            Ok(one) => (one, other),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// The form of a catalog in a snapshot file.
#[derive(Serialize, Deserialize)]
pub struct Snapshot {
    /// The version of this format.
    pub trueup_snapshot: u32,
    /// See [`Origin`].
    pub origin: Origin,
    /// The objects by id.
    pub objects: BTreeMap<ObjectId, Object>,
    /// Edges: dependent, dependency, strength.
    pub edges: Vec<(ObjectId, ObjectId, Edge)>,
}

impl From<&Catalog> for Snapshot {
    fn from(catalog: &Catalog) -> Self {
        let name = |i: &u32| catalog.objects[*i as usize].0.clone();
        Self {
            trueup_snapshot: 1,
            origin: catalog.origin.clone(),
            objects: catalog.iter().map(|(id, object)| (id.clone(), object.clone())).collect(),
            edges: catalog.shown_edges().map(|(a, b, e)| (name(a), name(b), *e)).collect(),
        }
    }
}

impl Snapshot {
    /// The catalog again.
    pub fn into_catalog(self) -> Result<Catalog> {
        let mut builder = CatalogBuilder::new();
        builder.origin = self.origin;
        for (id, mut object) in self.objects {
            crate::kinds::options::only_users(&id, &mut object, &mut builder.origin);
            builder.put(id, object);
        }
        for (from, to, edge) in &self.edges {
            builder.depend(from, to, *edge);
        }
        builder.finish()
    }
}

#[cfg(test)]
mod tests;
