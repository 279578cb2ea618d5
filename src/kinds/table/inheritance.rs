//! Table inheritance (`pg_inherits`; INHERITS): each parent of a table is an object of its own.

use std::collections::BTreeSet;

use crate::core::catalog::{Catalog, Edge};
use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::core::step::{LockMode, Phase, Step};
use crate::introspect::{Reader, Row};
use crate::kinds::common::Introspect;
use crate::kinds::table::constraint::ConstraintType;
use crate::kinds::table::partition::Attachment;
use crate::kinds::{Attribute, Kind, KindInfo, KindTag, Mention, Mentions, Object};
use crate::plan::context::PlanContext;

attributes! {
    /// That a table inherits from another.
    pub struct Inheritance {
        /// The parent table.
        parent: ObjectId => Replace,
        /// Its place among the parents.
        position: i32 => Ignore,
    }
}

/// The tables that a table inherits from, or is a partition of.
pub fn parents(table: &ObjectId, catalog: &Catalog) -> Vec<ObjectId> {
    let mut found: Vec<_> = catalog
        .children(table, KindTag::Inheritance)
        .filter_map(|(_, o)| Inheritance::of(o))
        .map(|i| i.parent.clone())
        .collect();
    found.extend(
        catalog.children(table, KindTag::Attachment).filter_map(|(_, o)| Attachment::of(o)).map(|a| a.parent.clone()),
    );
    found
}

/// The links by which a table inherits from others, or is a partition, and that go.
pub(crate) fn links_that_go(table: &ObjectId, cx: &PlanContext<'_>) -> Vec<ObjectId> {
    let links = [KindTag::Inheritance, KindTag::Attachment].into_iter().flat_map(|kind| cx.from.children(table, kind));
    links.map(|(link, _)| link.clone()).filter(|link| cx.is_dropped(link)).collect()
}

/// Whether what a parent gets now comes down to a table: it is an heir already, and stays one.
pub(crate) fn is_heir_already(table: &ObjectId, parent: &ObjectId, cx: &PlanContext<'_>) -> bool {
    parents(table, cx.from).contains(parent)
        && !links_that_go(table, cx).iter().any(|link| {
            Inheritance::get(cx.from, link).is_some_and(|i| i.parent == *parent)
                || Attachment::get(cx.from, link).is_some_and(|a| a.parent == *parent)
        })
}

/// The columns of this name in the tables that the column's table inherits from, or is a partition of.
pub(crate) fn origins(column: &ObjectId, catalog: &Catalog) -> Vec<ObjectId> {
    let (Some(table), name) = (column.parent(), column.name()) else { return Vec::new() };
    parents(&table, catalog)
        .into_iter()
        .map(|parent| parent.child(KindTag::Column, &name))
        .filter(|column| catalog.contains(column))
        .collect()
}

/// As [`origins`], also in the tables that those tables have them from.
pub(crate) fn all_origins(column: &ObjectId, catalog: &Catalog) -> Vec<ObjectId> {
    on_all_levels(column, |column| origins(column, catalog))
}

/// What `next` leads to, and what that leads to, and so on; each once, the nearest first.
fn on_all_levels(first: &ObjectId, next: impl Fn(&ObjectId) -> Vec<ObjectId>) -> Vec<ObjectId> {
    let mut found = next(first);
    let mut seen: BTreeSet<ObjectId> = found.iter().cloned().collect();
    let mut at = 0;
    while let Some(id) = found.get(at) {
        at += 1;
        let further = next(id);
        found.extend(further.into_iter().filter(|id| seen.insert(id.clone())));
    }
    found
}

/// The bonds of a table to its parents, and those of its heirs to it, that go. What is dropped from either table is dropped when
/// they are gone: what is inherited cannot be dropped by itself, and what is not any more is not dropped along.
pub(crate) fn bonds_that_go(table: &ObjectId, cx: &PlanContext<'_>) -> Vec<ObjectId> {
    let is_bond = |id: &&ObjectId| id.kind().info().bond && cx.is_dropped(id);
    // An heir that goes itself waits for what it is tied by to others, and not the other way round.
    let stays = |id: &&ObjectId| !cx.is_dropped(&id.top());
    let of_heirs = cx.from.dependents(table).map(|(id, _)| id).filter(is_bond).filter(stays);
    links_that_go(table, cx).into_iter().chain(of_heirs.cloned()).collect()
}

/// The bonds that go for good of all descendants of a table, and of the table itself and its ancestors: what a table hands down from
/// then on is not for a table that leaves it, and what that table gets for itself is refused as long as it has not left. A table that
/// is dropped needs not leave before.
pub(crate) fn bonds_before(table: &ObjectId, cx: &PlanContext<'_>) -> Vec<ObjectId> {
    let ancestors = on_all_levels(table, |table| parents(table, cx.from));
    let tables = all_heirs(table, cx.from).into_iter().chain(ancestors).chain([table.clone()]);
    let leaving = tables.filter(|table| !cx.is_dropped(table)).flat_map(|table| links_that_go(&table, cx));
    leaving.filter(|link| !cx.is_new(link)).collect()
}

/// The tables that inherit from a table, or are its partitions, directly.
pub(crate) fn heirs(table: &ObjectId, catalog: &Catalog) -> Vec<ObjectId> {
    catalog
        .dependents(table)
        .filter(|(id, _)| {
            Inheritance::get(catalog, id).is_some_and(|i| i.parent == *table)
                || Attachment::get(catalog, id).is_some_and(|a| a.parent == *table)
        })
        .map(|(id, _)| id.top())
        .collect()
}

/// As [`heirs`], also those of the heirs, on all levels.
pub(crate) fn all_heirs(table: &ObjectId, catalog: &Catalog) -> Vec<ObjectId> {
    on_all_levels(table, |table| heirs(table, catalog))
}

/// Whether a column or check is there because a parent has it, and for no other reason (`attislocal`, `conislocal`); nothing for what
/// is neither.
pub fn from_parents_alone(object: &Object) -> Option<bool> {
    match object {
        Object::Column(column) => Some(column.inherited),
        Object::Constraint(constraint) if constraint.constraint_type == ConstraintType::Check => {
            Some(constraint.inherited)
        }
        _ => None,
    }
}

impl Kind for Inheritance {
    const INFO: KindInfo = KindInfo { setting: true, bond: true, ..KindInfo::new("inheritance", "inheritance") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("TABLE {}", id.top_sql())
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let table = id.top();
        // The table must have the parent's columns, of the same types and as NOT NULL, which may come late.
        let mut step = Step::create(id, format!("ALTER TABLE {} INHERIT {}", table.sql(), self.parent.sql()))
            .lock(LockMode::AccessExclusive, &table)
            .phase(Phase::Contract);
        step.requires.push(self.parent.clone());
        // What the parent loses is not asked of the child.
        step.after.extend(
            cx.from.children(&self.parent, KindTag::Column).map(|(c, _)| c).filter(|c| cx.is_dropped(c)).cloned(),
        );
        // The parents count in the order in which they come, and each wants its checks to be there.
        step.requires.extend(cx.to.children(&table, KindTag::Inheritance).filter_map(|(other, object)| {
            let before = Inheritance::of(object)?.position < self.position;
            (before && cx.is_new(other)).then(|| other.clone())
        }));
        step.requires.extend(
            cx.to
                .children(&table, KindTag::Constraint)
                .filter(|(own, _)| {
                    cx.is_new(own) && cx.to.contains(&self.parent.child(KindTag::Constraint, &own.name()))
                })
                .map(|(own, _)| own.clone()),
        );
        for (column, _) in cx.to.children(&self.parent, KindTag::Column) {
            step.requires.push(column.clone());
            step.requires.push(table.child(KindTag::Column, &column.name()));
        }
        vec![step.rank(1)]
    }

    fn drop(&self, id: &ObjectId, _cx: &PlanContext<'_>) -> Vec<Step> {
        let table = id.top();
        vec![
            Step::drop(id, format!("ALTER TABLE {} NO INHERIT {}", table.sql(), self.parent.sql()))
                .lock(LockMode::AccessExclusive, &table),
        ]
    }

    fn after_renames(&self, id: &ObjectId, now: &dyn Fn(&ObjectId) -> ObjectId) -> Option<(ObjectId, Self)> {
        let parent = now(&self.parent);
        Some((id.parent()?.child(id.kind(), &parent.sql()), Self { parent, ..self.clone() }))
    }

    fn mentions(&self, _id: &ObjectId, out: &mut Mentions) {
        out.add(Mention::Object(self.parent.clone()));
    }
}

/// How a bond to a parent is called that is no table of the user's.
pub(super) const OUTSIDE: &str = "inheritance from a foreign or an extension's table";

/// Takes note of a parent that is not in the catalog: what the table has from it counts as its own.
pub(super) fn parent_left_out(kind: &str, table: &ObjectId, parent: &str, out: &mut Reader) {
    out.left_out(kind, &format!("{} from {parent}", table.sql_path()));
    let own: Vec<ObjectId> =
        out.builder.since(table).map(|(id, _)| id).filter(|id| id.is_within(table)).cloned().collect();
    for id in own {
        match out.builder.get_mut(&id) {
            Some(Object::Column(column)) => std::sync::Arc::make_mut(column).inherited = false,
            Some(Object::Constraint(constraint)) => std::sync::Arc::make_mut(constraint).inherited = false,
            _ => {}
        }
    }
}

impl Introspect for Inheritance {
    const QUERY: &'static str = include_str!("inheritance.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let Some(table) = out.at("pg_class", row.number("relation")?, 0).cloned() else { return Ok(()) };
        let Some(handle) = out.handle("pg_class", row.number("parent")?, 0) else {
            parent_left_out(OUTSIDE, &table, row.text("parent_name")?, out);
            return Ok(());
        };
        let parent = out.builder.id(handle).clone();
        let id = table.child(KindTag::Inheritance, &parent.sql());
        let own = out.builder.put(id, Self { parent, position: row.number("position")? });
        out.depend(own, handle, Edge::Hard);
        Ok(())
    }
}
