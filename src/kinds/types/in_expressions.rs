//! Expressions that name a row type, be it of a composite type or of a table.
//!
//! What has been compiled for the old form of the type would read the new one. From the minor releases of November 2026 on, PostgreSQL
//! refuses to change the type of an attribute or of a column while there is such an expression anywhere (seen on 15.20 and 17.12);
//! before, it lets the stored expression be wrong (seen on 15.18: it is printed with the old constants). So on every version, what
//! has the expression is dropped before and created again after.

use std::collections::BTreeSet;

use crate::core::catalog::{Catalog, Edge};
use crate::core::id::ObjectId;
use crate::core::name::{Ident, ident};
use crate::core::step::Step;
use crate::kinds::table::Table;
use crate::kinds::{KindTag, Means, Object};
use crate::plan::context::PlanContext;

/// Whether a text names the row type of a table in a cast; the name of the table alone is not that of the type.
fn casts_to(text: &str, table: &ObjectId) -> bool {
    let name = ident(&table.name());
    let qualified = table.schema().map(|schema| format!("::{}.{name}", Ident(&schema)));
    text.contains(&format!("::{name}")) || qualified.is_some_and(|qualified| text.contains(&qualified))
}

/// Whether an object that depends on a type has an expression that names it.
fn names(object: &Object, of: &ObjectId) -> bool {
    let is_table = of.kind() == KindTag::Table;
    let casts = |text: &String| !is_table || casts_to(text, of);
    match object {
        // A routine that only takes or returns such values is no hindrance.
        Object::Routine(routine) if is_table => {
            [Some(&routine.arguments), routine.sql_body.as_ref()].into_iter().flatten().any(|text| casts_to(text, of))
        }
        Object::Routine(routine) => routine.sql_body.is_some() || routine.has_defaults(),
        Object::View(view) => casts(&view.query),
        Object::MaterializedView(view) => casts(&view.query),
        Object::Policy(policy) => [&policy.using, &policy.check].into_iter().flatten().any(casts),
        Object::Default(_) | Object::Trigger(_) => true,
        // What is inherited is dropped and created with what it is inherited from.
        Object::Constraint(constraint) => {
            !constraint.inherited
                && [Some(&constraint.definition), constraint.predicate.as_ref()].into_iter().flatten().any(casts)
        }
        Object::DomainConstraint(constraint) => casts(&constraint.check),
        Object::Index(index) => [Some(&index.definition), index.predicate.as_ref()].into_iter().flatten().any(casts),
        // It holds nothing that is not computed again.
        Object::Column(column) => column.generated.as_ref().is_some_and(|generated| casts(&generated.expression)),
        _ => false,
    }
}

/// What has an expression that names the row type, or an array, a domain or a composite type that is made of it.
pub(crate) fn users(of: &ObjectId, catalog: &Catalog) -> BTreeSet<ObjectId> {
    let mut found = BTreeSet::new();
    let mut types = BTreeSet::from([of.clone()]);
    let mut queue = vec![of.clone()];
    while let Some(of) = queue.pop() {
        // An attribute that is read of a value of the type is named without the type.
        let attributes = catalog.children(&of, KindTag::CompositeAttribute).map(|(attribute, _)| attribute);
        let all = std::iter::once(&of).chain(attributes).flat_map(|named| catalog.dependents(named));
        for (id, edge) in all.filter(|(id, _)| !id.is_within(&of)) {
            if edge != Edge::Hard {
                continue;
            }
            match id.kind() {
                KindTag::Domain | KindTag::CompositeAttribute => {
                    queue.extend(Some(id.top()).filter(|made| types.insert(made.clone())));
                }
                _ if catalog.get(id).is_some_and(|object| names(object, &of)) => {
                    found.insert(id.clone());
                }
                _ => {}
            }
        }
    }
    found
}

/// Whether the type of an attribute or a column changes on which an expression of the object rests: while its old form is there, the
/// change is refused, so the new form cannot be built beside it.
pub(crate) fn is_in_the_way(id: &ObjectId, cx: &PlanContext<'_>) -> bool {
    let is_changed = |of: &ObjectId| {
        cx.from.below(of).any(|(child, old)| match (old, cx.to.get(child)) {
            (Object::CompositeAttribute(old), Some(Object::CompositeAttribute(new))) => {
                old.type_name != new.type_name || old.collation != new.collation
            }
            (Object::Column(_), Some(new)) => old.means(new, child, cx) >= Means::AlterRebuilding,
            _ => false,
        })
    };
    let mut seen = BTreeSet::new();
    let mut queue = vec![id.clone()];
    while let Some(next) = queue.pop() {
        for (on, _) in cx.from.dependencies(&next) {
            let on = if on.kind() == KindTag::CompositeAttribute { on.top() } else { on.clone() };
            if !matches!(on.kind(), KindTag::Table | KindTag::Composite | KindTag::Domain) || !seen.insert(on.clone()) {
                continue;
            }
            if is_changed(&on) && users(&on, cx.from).contains(id) {
                return true;
            }
            if on.kind() != KindTag::Table {
                queue.extend(cx.from.below(&on).map(|(child, _)| child.clone()));
                queue.push(on);
            }
        }
    }
    false
}

/// A partitioned table whose key names the type.
fn key_on(of: &ObjectId, cx: &PlanContext<'_>) -> Option<ObjectId> {
    let is_key = |id: &&ObjectId| {
        let key = Table::get(cx.from, id).and_then(|table| table.partition_key.as_deref());
        key.is_some_and(|key| casts_to(key, of)) && !cx.is_dropped(id)
    };
    cx.from.dependents(of).map(|(id, _)| id).find(is_key).cloned()
}

/// What is to be created again around a change of the type of an attribute or a column.
pub(crate) fn in_the_way(of: &ObjectId, cx: &PlanContext<'_>) -> Vec<ObjectId> {
    users(of, cx.from).into_iter().filter(|id| cx.to.contains(id)).collect()
}

/// The change itself, behind the drop of what is in its way and before that is created again.
pub(crate) fn between(mut step: Step, of: &ObjectId, cx: &PlanContext<'_>) -> Step {
    step.retypes_row = true;
    step.after.extend(users(of, cx.from).into_iter().filter(|id| cx.is_dropped(id)));
    step.before.extend(users(of, cx.to).into_iter().filter(|id| cx.is_new(id)));
    match key_on(of, cx) {
        Some(table) => step.hindered(
            format!("the partition key of {table} names the type, and a partition key cannot be changed"),
            "create another type, and another partitioned table that uses it",
        ),
        None => step,
    }
}
