//! Tables whose rows other tables hold as values of a column: of the table's row type, or of a type that is made of it.
//!
//! PostgreSQL rewrites no value inside a value. So it refuses what would rewrite the rows of such a table, and a column's change of
//! type even where it would not: what holds no data is made again around that, and for the rest the refusal is foreseen.

use std::collections::BTreeSet;

use crate::core::catalog::{Catalog, Edge};
use crate::core::id::ObjectId;
use crate::core::step::Step;
use crate::kinds::KindTag;
use crate::kinds::table::column::Column;
use crate::kinds::table::default::Default;
use crate::kinds::table::inheritance::all_heirs;
use crate::kinds::types::domain::Domain;
use crate::plan::context::PlanContext;

/// The table, and all that a statement for it goes down to.
fn family(table: &ObjectId, catalog: &Catalog) -> BTreeSet<ObjectId> {
    all_heirs(table, catalog).into_iter().chain([table.clone()]).collect()
}

/// What holds values of the row type of a table, or of one of its heirs: columns of tables, and materialized views.
fn holders(table: &ObjectId, catalog: &Catalog) -> BTreeSet<ObjectId> {
    let mut found = BTreeSet::new();
    let mut types = family(table, catalog);
    let mut queue: Vec<ObjectId> = types.iter().cloned().collect();
    while let Some(of) = queue.pop() {
        for (id, edge) in catalog.dependents(&of).filter(|(id, _)| !id.is_within(&of)) {
            let whole = id.top();
            match (id.kind(), whole.kind()) {
                _ if edge != Edge::Hard => {}
                (KindTag::Column, _) => {
                    found.insert(id.clone());
                }
                (KindTag::ViewColumn, KindTag::MaterializedView) => {
                    found.insert(whole);
                }
                // What is made of the type may itself be held.
                (KindTag::Domain | KindTag::CompositeAttribute | KindTag::ViewColumn, _) => {
                    queue.extend(Some(whole).filter(|made| types.insert(made.clone())));
                }
                _ => {}
            }
        }
    }
    found
}

/// Whether anything holds values of the row type of a table.
pub(crate) fn is_held(table: &ObjectId, catalog: &Catalog) -> bool {
    !holders(table, catalog).is_empty()
}

/// The materialized views that a change of a column is refused for: they are made again.
pub(super) fn in_the_way(table: &ObjectId, cx: &PlanContext<'_>) -> Vec<ObjectId> {
    let views = holders(table, cx.from).into_iter().filter(|id| id.kind() == KindTag::MaterializedView);
    views.filter(|view| cx.to.contains(view)).collect()
}

/// Whether a column that is added to a table gets a value in its rows, or is looked at there.
pub(crate) fn fills(column: &Column, id: &ObjectId, has_default: bool, catalog: &Catalog) -> bool {
    has_default || column.generated.is_some() || column.identity.is_some() || is_checked(id, catalog)
}

/// Whether a column that is new, or that was `old`, calls for a statement that is refused while something holds rows of its table.
pub(super) fn rewrites(new: &Column, id: &ObjectId, old: Option<&Column>, cx: &PlanContext<'_>) -> bool {
    match old {
        Some(old) => {
            let stored = new.generated.as_ref().is_some_and(|generated| generated.stored);
            let computed = stored && old.generated != new.generated;
            computed || old.type_name != new.type_name || old.collation != new.collation
        }
        None => {
            let default = Default::get(cx.to, &id.child(KindTag::Default, "")).filter(|_| !cx.filled.contains(id));
            fills(new, id, default.is_some(), cx.to)
        }
    }
}

/// Whether a column is of a domain that demands something of its values, or of one that is based on such a domain.
fn is_checked(id: &ObjectId, catalog: &Catalog) -> bool {
    catalog.dependencies(id).any(|(of, _)| {
        Domain::get(catalog, of).is_some_and(|domain| {
            domain.not_null
                || catalog.children(of, KindTag::DomainConstraint).next().is_some()
                || is_checked(of, catalog)
        })
    })
}

/// A statement that the server refuses while something holds rows of the table. What holds them no more goes before, what is
/// to hold them comes afterwards.
pub(super) fn while_not_held(mut step: Step, table: &ObjectId, cx: &PlanContext<'_>) -> Step {
    let holders_of = |catalog| holders(table, catalog).into_iter();
    step.after.extend(holders_of(cx.from).filter(|id| cx.is_dropped(id)));
    step.before.extend(holders_of(cx.to).filter(|id| cx.is_new(id)));
    let held: Vec<String> = holders_of(cx.from).filter(|id| !cx.is_dropped(id)).map(|id| id.sql_path()).collect();
    if held.is_empty() {
        return step;
    }
    let verb = if held.len() == 1 { "holds" } else { "hold" };
    let why = format!("{} {verb} rows of {} inside of values", held.join(", "), table.sql_path());
    let given = Default::get(cx.to, &step.object.child(KindTag::Default, "")).is_some();
    let help = match given && cx.is_new(&step.object) {
        true => "declare a `backfill` for the new column: it is then added empty, and filled afterwards".to_owned(),
        false => format!(
            "PostgreSQL rewrites no rows inside of values: have them held in another form meanwhile (jsonb, a composite type), or add another \
             column to {} and move the values over",
            table.sql_path()
        ),
    };
    step.hindered(why, help)
}
