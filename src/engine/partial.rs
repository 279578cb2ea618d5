//! Which part of a declared state has to be elaborated, when the rest is what the live database says already.
//!
//! What is declared word for word as the live database has it, in a context that has not changed either, means what it means
//! there. So only these are built in a scratch database:
//!
//! - whole objects (a table with all that belongs to it, a view, a routine) in which anything differs;
//! - what depends on them, by the live database's own records: its text is the same, its meaning may not be;
//! - what names something that comes into being: an unqualified name may now find that instead.
//!
//! Along with them goes what they need to stand on, which is read back but not taken over. Where it is not certain what a
//! difference may reach (extensions, kinds that are not listed here, renames), there is no part: all is elaborated.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rustc_hash::FxHashSet;

use crate::core::catalog::{Catalog, CatalogBuilder, Edge};
use crate::core::id::ObjectId;
use crate::declare::load::Declared;
use crate::declare::project::{Profile, Project};
use crate::declare::resolve::guesses;
use crate::engine::scope;
use crate::kinds::component::is_access;
use crate::kinds::sequence::SequenceOwner;
use crate::kinds::table::Table;
use crate::kinds::table::constraint::{Constraint, ConstraintType};
use crate::kinds::table::index::Index;
use crate::kinds::table::partition::{table_of, whole_of};
use crate::kinds::{KindTag, Mention, Mentions, Object};

/// The kinds of which it is known what their differences may reach.
const KNOWN: &[KindTag] = &[
    KindTag::Schema,
    KindTag::Enum,
    KindTag::Domain,
    KindTag::DomainConstraint,
    KindTag::Composite,
    KindTag::CompositeAttribute,
    KindTag::Sequence,
    KindTag::SequenceOwner,
    KindTag::Table,
    KindTag::Column,
    KindTag::Default,
    KindTag::Constraint,
    KindTag::Index,
    KindTag::Attachment,
    KindTag::IndexAttachment,
    KindTag::Inheritance,
    KindTag::ReplicaIdentity,
    KindTag::View,
    KindTag::MaterializedView,
    KindTag::ViewColumn,
    KindTag::Routine,
    KindTag::Trigger,
    KindTag::TriggerState,
    KindTag::Policy,
    KindTag::Comment,
];

/// Links between tables along which columns, constraints and defaults are handed down.
const FAMILY: &[KindTag] = &[KindTag::Attachment, KindTag::IndexAttachment, KindTag::Inheritance];

/// More than one in so many objects to elaborate, and finding out which costs more than it saves.
const WORTHWHILE: usize = 4;

/// The part of a declared state to elaborate.
pub struct Part {
    /// What is to be built: the part, and what it stands on.
    pub build: Catalog,
    /// What is taken over from it.
    pub fresh: Fresh,
}

/// What is taken from the elaborated part rather than from the live catalog.
#[derive(Debug, Default)]
pub struct Fresh {
    /// Objects taken with all that belongs to them.
    tops: FxHashSet<ObjectId>,
    /// Single objects within others, taken with what lies below them.
    objects: FxHashSet<ObjectId>,
}

impl Fresh {
    /// Whether an object is taken from the elaborated part.
    pub fn covers(&self, id: &ObjectId) -> bool {
        if self.tops.contains(id.top_str()) {
            return true;
        }
        if self.objects.is_empty() {
            return false;
        }
        let mut current = Some(id.as_str());
        while let Some(text) = current {
            if self.objects.contains(text) {
                return true;
            }
            current = text.rfind('/').map(|i| &text[..i]);
        }
        false
    }

    /// Takes the sequences along that come with the columns taken (those of serial ones): nothing declares them.
    pub fn take_sequences(&mut self, read: &Catalog, declared: &CatalogBuilder) {
        let owned = read.iter().filter_map(|(id, object)| Some((id.parent()?, SequenceOwner::of(object)?)));
        let came = owned.filter(|(sequence, owner)| self.covers(&owner.column) && declared.get(sequence).is_none());
        let came: Vec<ObjectId> = came.map(|(sequence, _)| sequence).collect();
        self.tops.extend(came);
    }

    /// Takes the parts of partitioned indexes and keys along that the server made: nothing declares them.
    pub fn take_parts(&mut self, read: &Catalog) {
        let attached = || read.iter().filter(|(id, _)| id.kind() == KindTag::IndexAttachment);
        // A part may have parts.
        loop {
            let came = attached().filter_map(|(id, _)| {
                let part = id.parent()?;
                let whole = whole_of(&part, read)?;
                (!self.covers(&part) && (self.covers(&whole) || self.covers(&table_of(&part, read)))).then_some(part)
            });
            let came: Vec<ObjectId> = came.collect();
            if came.is_empty() {
                return;
            }
            self.objects.extend(came);
        }
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.tops.is_empty() && self.objects.is_empty()
    }

    /// Every id of a catalog that it covers.
    pub fn within<'a>(&'a self, catalog: &'a Catalog) -> impl Iterator<Item = (&'a ObjectId, &'a Object)> + 'a {
        catalog.iter().filter(|(id, _)| self.covers(id))
    }
}

/// Which routines, whose bodies are texts and stay as they are, name something that comes into being: what runs such a routine waits
/// for that.
pub fn bodies_that_name_new(
    fresh: &Fresh,
    read: &Catalog,
    live: &Catalog,
    declared: &CatalogBuilder,
    path: &[String],
) -> Vec<(ObjectId, ObjectId)> {
    let is_new = |id: &ObjectId| !id.kind().is_component() && id.as_str() == id.top_str() && !live.contains(id);
    let new = fresh.within(read).map(|(id, _)| id).filter(|id| is_new(id));
    let names: BTreeSet<String> = new.map(|id| id.name().split('(').next().unwrap_or_default().to_owned()).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let mut mentions = Mentions::default();
    let mut names_new = |id: &ObjectId, object: &Object| {
        object.mentions(id, &mut mentions);
        let mut texts = mentions.texts.drain(..).filter_map(|mention| match mention {
            Mention::Body(_, text) => Some(text),
            _ => None,
        });
        texts.any(|text| names.iter().any(|name| text.contains(name.trim_matches('"'))))
    };
    let routines = live.iter().filter(|(id, object)| object.kind().info().signature && !fresh.covers(id));
    let found: Vec<(&ObjectId, &Object)> = routines.filter(|(id, object)| names_new(id, object)).collect();
    if found.is_empty() { Vec::new() } else { guesses(found.into_iter(), declared, live, path) }
}

/// The part of a declared state that has to be elaborated; `None` where that is all of it.
pub fn part(declared: &Declared, live: &Catalog, project: &Project) -> Option<Part> {
    let mut finder = Finder {
        declared: &declared.builder,
        live,
        project,
        changed: BTreeMap::new(),
        fresh: Fresh::default(),
        queue: VecDeque::new(),
    };
    finder.differences(declared)?;
    finder.dependents()?;
    let build = finder.build(&project.search_path);
    Some(Part { build, fresh: finder.fresh })
}

struct Finder<'a> {
    declared: &'a CatalogBuilder,
    live: &'a Catalog,
    project: &'a Project,
    /// Declared objects that the live database does not have just so.
    changed: BTreeMap<ObjectId, &'a Object>,
    fresh: Fresh,
    /// Objects whose dependents are still to be looked at.
    queue: VecDeque<ObjectId>,
}

impl<'a> Finder<'a> {
    fn small(&self, count: usize) -> Option<()> {
        (count * WORTHWHILE <= self.declared.len().max(100)).then_some(())
    }

    /// Objects that differ, with the whole of what they belong to; and what names one that is new.
    fn differences(&mut self, declared: &Declared) -> Option<()> {
        let (mut order, mut position) = (None::<&ObjectId>, 0);
        for (id, object) in self.declared.iter().filter(|(_, object)| !is_access(object.kind())) {
            let found = self.live.get(id);
            if found.is_none_or(|found| !found.changes(object).is_empty()) {
                self.changed.insert(id.clone(), object);
                continue;
            }
            // Nor are a type's attributes.
            if let (Object::CompositeAttribute(said), Some(Object::CompositeAttribute(attribute))) = (object, found)
                && said.position != attribute.position
            {
                self.changed.insert(id.clone(), object);
            }
            // Columns that stand in another order than declared are no difference, but are told of.
            if let (Object::Column(_), Some(Object::Column(column))) = (object, found) {
                let same_table = order.is_some_and(|last| last.parent_str() == id.parent_str());
                if same_table && column.position < position {
                    self.changed.insert(id.clone(), object);
                }
                (order, position) = (Some(id), column.position);
            }
        }
        self.small(self.changed.len())?;
        let archived = scope::archived(self.live, &declared.data);
        let gone = self.live.iter().filter(|(id, object)| {
            !is_access(object.kind())
                && self.declared.get(id).is_none()
                && scope::managed(id, self.project)
                && !scope::is_left_given(id, |id| self.declared.get(id).is_some())
                && !scope::is_archived(id, &archived, &declared.data)
                && !scope::follows(id, object, self.live, |id| self.declared.get(id).is_some())
        });
        let gone: Vec<&ObjectId> = gone.map(|(id, _)| id).collect();
        self.small(gone.len())?;
        if !self.changed.keys().chain(gone.iter().copied()).all(|id| KNOWN.contains(&id.kind())) {
            return None;
        }
        let mut tops: BTreeSet<ObjectId> =
            self.changed.keys().chain(gone).filter_map(|id| ObjectId::parse(id.top_str())).collect();
        // An index of a partitioned table has parts on all partitions, which come to be by themselves.
        let families: Vec<ObjectId> = tops.iter().filter_map(|id| self.family_of_index(id)).collect();
        tops.extend(families);
        let new: Vec<&ObjectId> = tops.iter().filter(|top| !self.live.contains(top)).collect();
        self.named(&new)?;
        tops.into_iter().for_each(|top| self.whole(top));
        Some(())
    }

    /// The table of an index, where it is partitioned or a partition.
    fn family_of_index(&self, id: &ObjectId) -> Option<ObjectId> {
        let index = [self.declared.get(id), self.live.get(id)].into_iter().flatten().find_map(Index::of)?;
        let table = &index.relation;
        let link = table.child(KindTag::Attachment, "");
        let partitioned =
            |object: Option<&Object>| object.and_then(Table::of).is_some_and(|t| t.partition_key.is_some());
        let in_family = partitioned(self.declared.get(table))
            || partitioned(self.live.get(table))
            || self.declared.get(&link).is_some()
            || self.live.contains(&link);
        in_family.then(|| table.clone())
    }

    /// Takes an object with all that belongs to it.
    fn whole(&mut self, top: ObjectId) {
        if self.fresh.tops.contains(&top) {
            return;
        }
        self.queue.push_back(top.clone());
        // In a schema lies everything; what belongs to it itself are comments, which differ or do not.
        if top.kind() != KindTag::Schema {
            self.queue.extend(self.live.below(&top).map(|(id, _)| id.clone()));
        }
        self.fresh.tops.insert(top);
    }

    fn single(&mut self, id: &ObjectId) {
        if !self.fresh.covers(id) && self.declared.get(id).is_some() {
            self.queue.push_back(id.clone());
            self.queue.extend(self.live.below(id).map(|(below, _)| below.clone()));
            self.fresh.objects.insert(id.clone());
        }
    }

    /// Whoever's texts hold a name that comes into being.
    fn named(&mut self, new: &[&ObjectId]) -> Option<()> {
        let mut names = BTreeSet::new();
        for id in new.iter().filter(|id| id.kind() != KindTag::Comment) {
            let name = id.name();
            let name = if id.kind().info().signature { name.split('(').next().unwrap_or_default() } else { &name };
            // A name with quotes in it is written in more than one way.
            if name.is_empty() || name.contains('"') {
                return None;
            }
            names.insert(name.to_owned());
        }
        if names.is_empty() {
            return Some(());
        }
        let mut mentions = Mentions::default();
        let mut found = Vec::new();
        for (id, object) in self.declared.iter().filter(|(_, object)| !is_access(object.kind())) {
            object.mentions(id, &mut mentions);
            // A list, since draining must not stop at the first hit.
            let hits = mentions.texts.drain(..).filter(|mention| names.iter().any(|name| may_name(mention, name)));
            if hits.count() > 0 && !self.changed.contains_key(id) {
                found.push(id);
            }
        }
        self.small(found.len())?;
        found.into_iter().for_each(|id| self.single(id));
        Some(())
    }

    /// What depends on what differs, on and on, as the live database has recorded it.
    fn dependents(&mut self) -> Option<()> {
        while let Some(id) = self.queue.pop_front() {
            for (dependent, edge) in self.live.dependents(&id) {
                // The body of a routine is a text: nothing about the routine is otherwise for what it names.
                if edge == Edge::Soft || self.fresh.covers(dependent) {
                    continue;
                }
                if FAMILY.contains(&dependent.kind()) {
                    self.whole(dependent.top());
                } else {
                    self.single(dependent);
                }
            }
            self.small(self.fresh.objects.len() + self.fresh.tops.len())?;
        }
        self.fresh.objects.iter().all(|id| KNOWN.contains(&id.kind())).then_some(())
    }

    /// The part with what it stands on.
    fn build(&self, search_path: &[String]) -> Catalog {
        let mut edges: BTreeMap<ObjectId, Vec<(ObjectId, Edge)>> = BTreeMap::new();
        for (from, to) in guesses(self.changed.iter().map(|(id, o)| (id, *o)), self.declared, self.live, search_path) {
            edges.entry(from).or_default().push((to, Edge::Soft));
        }
        for (from, to, edge) in self.declared.recorded().filter(|(from, ..)| self.changed.contains_key(from)) {
            edges.entry(from.clone()).or_default().push((to.clone(), *edge));
        }
        // Who hands down to a new heir hands down all it has: defaults and checks as well as columns.
        let family = edges.iter().filter(|(from, _)| FAMILY.contains(&from.kind()));
        let parents: BTreeSet<ObjectId> = family.flat_map(|(_, to)| to.iter().map(|(to, _)| to.top())).collect();
        let mut taken: BTreeSet<ObjectId> = BTreeSet::new();
        let mut queue: Vec<ObjectId> = self.changed.keys().cloned().collect();
        queue.extend(self.fresh.tops.iter().cloned());
        for id in self.fresh.tops.iter().filter(|id| id.kind() != KindTag::Schema).chain(&self.fresh.objects) {
            queue.push(id.clone());
            queue.extend(self.live.below(id).map(|(id, _)| id.clone()).filter(|id| self.declared.get(id).is_some()));
        }
        // What comes with an extension is no object of its own, so no edge leads there; and a schema is soon made.
        if !queue.is_empty() {
            let roots = self.declared.iter().filter(|(_, o)| matches!(o, Object::Extension(_) | Object::Schema(_)));
            queue.extend(roots.map(|(id, _)| id.clone()));
        }
        while let Some(id) = queue.pop() {
            if taken.contains(&id) || self.object(&id).is_none() {
                continue;
            }
            queue.extend(id.parent());
            match edges.get(&id) {
                Some(edges) => queue.extend(edges.iter().map(|(to, _)| to.clone())),
                None if self.changed.contains_key(&id) => {}
                None => {
                    let firm = self.live.dependencies(&id).filter(|(_, edge)| *edge == Edge::Hard);
                    queue.extend(firm.map(|(to, _)| to.clone()));
                }
            }
            if id.as_str() == id.top_str() && !self.fresh.tops.contains(&id) {
                queue.extend(self.context(&id, parents.contains(&id)));
            }
            taken.insert(id);
        }
        let mut builder = CatalogBuilder::new();
        for id in &taken {
            let Some(object) = self.object(id) else { continue };
            builder.put(id.clone(), object.clone());
            if let Some(place) = self.declared.location(id) {
                builder.locate(id, place.clone());
            }
            match edges.get(id) {
                Some(edges) => edges.iter().for_each(|(to, edge)| builder.depend(id, to, *edge)),
                None => self.live.dependencies(id).for_each(|(to, edge)| builder.depend(id, to, edge)),
            }
        }
        builder.finish_unchecked()
    }

    /// An object to build: as declared; of what is not managed, as it is there, unless a new scratch database has it.
    fn object(&self, id: &ObjectId) -> Option<&'a Object> {
        if is_access(id.kind()) {
            return None;
        }
        self.declared.get(id).or_else(|| {
            let there = !scope::managed(id, self.project)
                && !id.kind().is_component()
                && !scope::is_given(id)
                && (self.project.profile == Profile::Plain || !scope::is_platform(id));
            self.live.get(id).filter(|_| there)
        })
    }

    /// What an object that is only stood upon needs to be stood upon: a table its columns and keys, not what it demands of
    /// others (that would go on from foreign key to foreign key); all else, and who gains an heir, all of it.
    fn context(&self, top: &ObjectId, whole: bool) -> Vec<ObjectId> {
        if top.kind() == KindTag::Schema {
            return Vec::new();
        }
        let in_family = |id: &ObjectId| FAMILY.contains(&id.kind());
        let whole = whole
            || top.kind() != KindTag::Table
            || self.live.below(top).any(|(id, _)| in_family(id))
            || self.live.dependents(top).any(|(id, _)| in_family(id));
        let needed = |object: &Object| match object.kind() {
            KindTag::Policy | KindTag::Trigger => false,
            kind if kind.is_component() => false,
            KindTag::Column => true,
            KindTag::Constraint => {
                whole
                    || Constraint::of(object).is_some_and(|c| {
                        matches!(c.constraint_type, ConstraintType::PrimaryKey | ConstraintType::Unique)
                    })
            }
            KindTag::Index => whole || Index::of(object).is_some_and(|i| i.unique),
            _ => whole,
        };
        let mut found: Vec<ObjectId> =
            self.live.below(top).filter(|(_, object)| needed(object)).map(|(id, _)| id.clone()).collect();
        if whole && top.kind() == KindTag::Table {
            // A new partition gets its parts of the indexes.
            let of_it =
                |id: &&ObjectId| self.object(id).and_then(Index::of).is_some_and(|index| index.relation == *top);
            found.extend(self.live.dependents(top).map(|(id, _)| id).filter(of_it).cloned());
        }
        found
    }
}

/// Whether a text may hold a name, as a word of its own.
fn may_name(mention: &Mention, name: &str) -> bool {
    match mention {
        // Known exactly, whatever else there is.
        Mention::Object(_) => false,
        // What a body names is looked up when it runs.
        Mention::Body(..) => false,
        Mention::Relation(_, other) | Mention::Routine(_, other) => other == name,
        Mention::Type(text) | Mention::Expression(text) | Mention::Query(text) | Mention::Statement(text) => {
            let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
            text.match_indices(name).any(|(at, _)| {
                let (before, after) = (&text[..at], &text[at + name.len()..]);
                !before.chars().next_back().is_some_and(word) && !after.chars().next().is_some_and(word)
            })
        }
    }
}
