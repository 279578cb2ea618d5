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
use crate::kinds::{KindTag, Object};
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
    match object {
        // A routine that only takes or returns such values is no hindrance.
        Object::Routine(routine) if is_table => {
            [Some(&routine.arguments), routine.sql_body.as_ref()].into_iter().flatten().any(|text| casts_to(text, of))
        }
        Object::Routine(routine) => routine.sql_body.is_some() || routine.has_defaults(),
        Object::View(view) => !is_table || casts_to(&view.query, of),
        Object::MaterializedView(view) => !is_table || casts_to(&view.query, of),
        Object::Policy(policy) => {
            let texts = [&policy.using, &policy.check];
            !is_table || texts.into_iter().flatten().any(|text| casts_to(text, of))
        }
        // A check and an index are built beside their old form, which is of no use here; the server refuses the change beneath them.
        Object::Default(_) | Object::Trigger(_) => true,
        _ => false,
    }
}

/// What has an expression that names the row type, or an array, a domain or a composite type that is made of it.
pub(crate) fn users(of: &ObjectId, catalog: &Catalog) -> BTreeSet<ObjectId> {
    let mut found = BTreeSet::new();
    let mut types = BTreeSet::from([of.clone()]);
    let mut queue = vec![of.clone()];
    while let Some(of) = queue.pop() {
        for (id, edge) in catalog.dependents(&of).filter(|(id, _)| !id.is_within(&of)) {
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

/// What is to be created again around a change of the type of an attribute or a column.
pub(crate) fn in_the_way(of: &ObjectId, cx: &PlanContext<'_>) -> Vec<ObjectId> {
    users(of, cx.from).into_iter().filter(|id| cx.to.contains(id)).collect()
}

/// The change itself, behind the drop of what is in its way and before that is created again.
pub(crate) fn between(mut step: Step, of: &ObjectId, cx: &PlanContext<'_>) -> Step {
    step.after.extend(users(of, cx.from).into_iter().filter(|id| cx.is_dropped(id)));
    step.before.extend(users(of, cx.to).into_iter().filter(|id| cx.is_new(id)));
    step
}
