//! Typed tables (CREATE TABLE … OF): while a table is of a type, neither the columns of the one nor the attributes of the other can
//! be changed, except by a CASCADE over all tables of the type. So the table is let go before, changed as any other table, and
//! becomes one of the type again afterwards.

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::name::literal;
use crate::core::step::{LockMode, Step};
use crate::kinds::table::Table;
use crate::kinds::types::composite::CompositeAttribute;
use crate::kinds::{KindTag, ensure};
use crate::plan::context::PlanContext;

/// What stands for a table's being of its type, among what steps remove and bring.
fn bond(table: &ObjectId) -> ObjectId {
    table.child(KindTag::Inheritance, " of type")
}

/// The type that a table is of.
fn type_of(table: &ObjectId, catalog: &Catalog) -> Option<ObjectId> {
    Table::get(catalog, table)?.of_type.as_ref()?;
    catalog.dependencies(table).map(|(id, _)| id).find(|id| id.kind() == KindTag::Composite).cloned()
}

/// Whether what a type is made of changes, while the type stays.
fn changes(of: &ObjectId, cx: &PlanContext<'_>) -> bool {
    changed_attributes(of, cx).next().is_some()
}

/// The attributes of a type that come, go or change.
fn changed_attributes<'a>(of: &'a ObjectId, cx: &'a PlanContext<'_>) -> impl Iterator<Item = &'a ObjectId> {
    let said = |catalog: &'a Catalog, id: &ObjectId| {
        CompositeAttribute::get(catalog, id).map(|attribute| (&attribute.type_name, &attribute.collation))
    };
    let all = [cx.from, cx.to].into_iter().flat_map(|catalog| catalog.children(of, KindTag::CompositeAttribute));
    let stays = !cx.is_dropped(of) && !cx.is_new(of);
    all.map(|(id, _)| id).filter(move |id| stays && said(cx.from, id) != said(cx.to, id))
}

/// Whether a table that stays is let go by its type, for a while or for good.
fn is_let_go(table: &ObjectId, cx: &PlanContext<'_>) -> bool {
    let stays = !cx.is_dropped(table) && !cx.is_new(table);
    let Some(old) = type_of(table, cx.from).filter(|_| stays) else { return false };
    type_of(table, cx.to).as_ref() != Some(&old) || changes(&old, cx)
}

/// Whether a table that stays becomes one of a type, again or anew.
fn is_bound(table: &ObjectId, cx: &PlanContext<'_>) -> bool {
    let stays = !cx.is_dropped(table) && !cx.is_new(table);
    let Some(new) = type_of(table, cx.to).filter(|_| stays) else { return false };
    type_of(table, cx.from).as_ref() != Some(&new) || changes(&new, cx)
}

/// A statement that changes the columns of a table, which it can only while the table is of no type.
pub(super) fn while_free(mut step: Step, table: &ObjectId, cx: &PlanContext<'_>) -> Step {
    if is_let_go(table, cx) {
        step.after.push(bond(table));
    }
    if is_bound(table, cx) {
        step.before.push(bond(table));
    }
    step
}

/// The statements that let a table go from its type and make it one of its type, as far as there is anything to do.
pub(super) fn steps(table: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
    let bond = bond(table);
    let is = |condition: String| {
        Some(format!("SELECT {condition} FROM pg_catalog.pg_class WHERE oid = {}", ensure::regclass(&table.sql())))
    };
    let alter = |clause: &str| {
        let step = Step::alter(table, format!("ALTER TABLE {} {clause}", table.sql()));
        step.lock(LockMode::AccessExclusive, table)
    };
    let mut steps = Vec::new();
    if is_let_go(table, cx) {
        let mut step = alter("NOT OF");
        step.destroys.push(bond.clone());
        step.done_when = is("reloftype = 0".to_owned());
        steps.push(step);
    }
    if let Some(of) = Table::get(cx.to, table).and_then(|t| t.of_type.as_ref()).filter(|_| is_bound(table, cx)) {
        let mut step = alter(&format!("OF {of}")).rank(8);
        step.creates.push(bond);
        step.requires.extend(type_of(table, cx.to));
        step.done_when = is(format!("reloftype = to_regtype({})", literal(of)));
        steps.push(step);
    }
    steps
}

/// A statement that changes an attribute of a type, between those that let the tables of the type go and take them up again. These
/// come with the first such attribute, since there is none of the table itself to come with.
pub(crate) fn around(attribute: &ObjectId, steps: Vec<Step>, cx: &PlanContext<'_>) -> Vec<Step> {
    let of = attribute.top();
    let tables = [cx.from, cx.to].into_iter().flat_map(|catalog| {
        let users = catalog.dependents(&of).map(|(id, _)| id).filter(|id| id.kind() == KindTag::Table);
        users.filter(|id| type_of(id, catalog).as_ref() == Some(&of)).cloned()
    });
    let tables: std::collections::BTreeSet<ObjectId> = tables.collect();
    let first = changed_attributes(&of, cx).min() == Some(attribute);
    let mut all = Vec::new();
    for step in steps {
        all.push(tables.iter().fold(step, |step, table| while_free(step, table, cx)));
    }
    for table in tables.iter().filter(|table| first && type_of(table, cx.from) == type_of(table, cx.to)) {
        all.extend(self::steps(table, cx));
    }
    all
}
