//! Names of NOT NULL constraints (from PostgreSQL 18 on) that a table has from its parents.
//!
//! A partition that was a table before it was attached keeps the names that its NOT NULL constraints had. PostgreSQL renames no
//! constraint that is inherited (`cannot rename inherited constraint`); renaming the parent's renames those of its heirs along, and
//! fails where one of them has another name. So a name that cannot be had is no difference, but is told of.

use std::collections::BTreeMap;

use crate::core::catalog::Catalog;
use crate::core::diagnostic::Diagnostic;
use crate::core::id::ObjectId;
use crate::core::name::Ident;
use crate::core::versions;
use crate::kinds::table::column::Column;
use crate::kinds::table::inheritance::{all_heirs, origins};
use crate::kinds::table::not_null::usual_name;
use crate::kinds::{KindTag, Object};

/// How many of them are told by name.
const SHOWN: usize = 10;

/// The column of which another one has its NOT NULL, in the one catalog and in the other.
pub(super) fn origin(column: &ObjectId, from: &Catalog, to: &Catalog) -> Option<ObjectId> {
    let hands_down = |origin: &ObjectId, catalog: &Catalog| {
        Column::get(catalog, origin).and_then(|c| c.not_null.as_ref()).is_some_and(|not_null| !not_null.no_inherit)
    };
    let before = origins(column, from);
    origins(column, to)
        .into_iter()
        .find(|origin| before.contains(origin) && hands_down(origin, from) && hands_down(origin, to))
}

pub(super) fn name_in(column: &ObjectId, catalog: &Catalog) -> Option<String> {
    Some(Column::get(catalog, column)?.not_null.as_ref()?.name_of(column))
}

struct Names<'a> {
    from: &'a Catalog,
    to: &'a Catalog,
    /// Whether what is not named is to have the name that PostgreSQL would choose, so that another one is worth telling.
    usual: bool,
    found: BTreeMap<ObjectId, String>,
}

impl Names<'_> {
    /// The name that the NOT NULL of a column has when the plan is done.
    fn of(&mut self, column: &ObjectId) -> Option<String> {
        if let Some(found) = self.found.get(column) {
            return Some(found.clone());
        }
        let (old, wanted) = (name_in(column, self.from)?, name_in(column, self.to)?);
        let name = match origin(column, self.from, self.to) {
            Some(origin) if name_in(&origin, self.from)? == old => self.of(&origin)?,
            Some(_) => old,
            None if old != wanted && self.is_in_the_way(column, &old) => old,
            None => wanted,
        };
        self.found.insert(column.clone(), name.clone());
        Some(name)
    }

    /// Whether a name is nobody's choice.
    fn is_unsaid(&self, column: &ObjectId) -> bool {
        let is_usual = Column::get(self.to, column).and_then(|c| c.not_null.as_ref()).is_some_and(|n| n.name.is_none());
        let as_origin = |origin: ObjectId| name_in(&origin, self.to) == name_in(column, self.to);
        !self.usual && (is_usual || origin(column, self.from, self.to).is_some_and(as_origin))
    }

    /// Whether a table that inherits, and goes on to, has its NOT NULL under another name.
    fn is_in_the_way(&self, column: &ObjectId, name: &str) -> bool {
        heirs(column, self.from).iter().any(|heir| {
            origin(heir, self.from, self.to).is_some() && name_in(heir, self.from).is_some_and(|own| own != name)
        })
    }
}

fn heirs(column: &ObjectId, catalog: &Catalog) -> Vec<ObjectId> {
    all_heirs(&column.top(), catalog).iter().map(|table| table.child(KindTag::Column, &column.name())).collect()
}

/// The columns that are not declared, being as their parents hand them down, but for the name of their NOT NULL.
pub(crate) fn unsaid(to: &Catalog, is_declared: impl Fn(&ObjectId) -> bool) -> Vec<ObjectId> {
    if to.origin.major < versions::NAMED_NOT_NULL {
        return Vec::new();
    }
    let inherited =
        to.iter().filter(|(_, object)| Column::of(object).is_some_and(|c| c.inherited && c.not_null.is_some()));
    let deviates = |column: &ObjectId| {
        origin(column, to, to).is_some_and(|origin| name_in(&origin, to) != name_in(column, to)) && !is_declared(column)
    };
    inherited.map(|(id, _)| id).filter(|id| deviates(id)).cloned().collect()
}

/// The wanted state with the names that can be had, and what is told of those that cannot (`unsaid`: those of these columns).
/// `usual`: what is not named is to have the name that PostgreSQL would choose.
pub(crate) fn kept(
    from: &Catalog,
    to: Catalog,
    unsaid: &[ObjectId],
    usual: bool,
) -> (Catalog, Option<Box<Diagnostic>>) {
    let (to, mut told) = renamed(from, to, usual);
    let kept = |id: &ObjectId| name_in(id, from) == name_in(id, &to);
    told.extend(unsaid.iter().filter(|id| kept(id)).filter_map(|id| Some((id.clone(), name_in(id, from)?))));
    if told.is_empty() {
        return (to, None);
    }
    let shown = told.iter().take(SHOWN).map(|(id, name)| format!("{} of {}", Ident(name), id.sql_path()));
    let mut shown = shown.collect::<Vec<_>>().join(", ");
    if let Some(more) = told.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        shown.push_str(&format!(" and {more} more"));
    }
    let note = Diagnostic::info("not-null-name", format!("NOT NULL constraints keep their names: {shown}"));
    let why = "PostgreSQL renames no constraint that is inherited, and none whose heirs have it under another name";
    (to, Some(note.note(why)))
}

fn renamed(from: &Catalog, to: Catalog, usual: bool) -> (Catalog, BTreeMap<ObjectId, String>) {
    let mut told = BTreeMap::new();
    let differ = |id: &ObjectId, object: &Object| {
        let name = |object: &Object| Column::of(object)?.not_null.as_ref()?.name.clone();
        object.kind() == KindTag::Column && from.get(id).is_some_and(|old| name(old) != name(object))
    };
    if from.origin.major < versions::NAMED_NOT_NULL || from.is_same(&to) {
        return (to, told);
    }
    let differing: Vec<ObjectId> = to.iter().filter(|(id, o)| differ(id, o)).map(|(id, _)| id.clone()).collect();
    if differing.is_empty() {
        return (to, told);
    }
    let mut names = Names { from, to: &to, usual, found: BTreeMap::new() };
    for column in differing {
        for column in heirs(&column, from).iter().chain([&column]) {
            names.of(column);
        }
    }
    let found: Vec<(ObjectId, String, bool)> =
        names.found.iter().map(|(id, name)| (id.clone(), name.clone(), names.is_unsaid(id))).collect();
    let mut builder = to.to_builder();
    for (id, name, is_unsaid) in found {
        if name_in(&id, &to).as_ref() == Some(&name) {
            continue;
        }
        if let Some(Object::Column(column)) = builder.get_mut(&id)
            && let Some(not_null) = &mut std::sync::Arc::make_mut(column).not_null
        {
            // What a server that knows no such names was asked about has none.
            told.extend((not_null.name.is_some() && !is_unsaid).then(|| (id.clone(), name.clone())));
            not_null.name = (name != usual_name(&id)).then_some(name);
        }
    }
    (builder.finish_unchecked(), told)
}
