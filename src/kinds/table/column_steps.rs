//! Statements about a column that take more than a line: dropping it where tables inherit it, moving it to a rebuilt type.

use std::collections::BTreeSet;

use crate::core::id::ObjectId;
use crate::core::name::{Ident, ident, literal};
use crate::core::step::{HazardKind, LockMode, Phase, Step};
use crate::kinds::table::Table;
use crate::kinds::table::column::{Column, of_column};
use crate::kinds::table::column_settings;
use crate::kinds::table::inheritance::{self, Inheritance};
use crate::kinds::table::type_change::{is_lossless, may_lose};
use crate::kinds::table::{partition, premise, row_type, typed};
use crate::kinds::{Kind, KindTag};
use crate::plan::context::PlanContext;

/// Drops a column. Where a table that inherits it keeps it as its own, the drop goes from table to table
/// (`ALTER TABLE ONLY … DROP COLUMN` leaves the heirs' columns as their own), so that no value is lost unseen.
pub(super) fn drop(column: &Column, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
    let heirs = heirs(id, cx);
    // What is dropped only to be added again is so in the child tables as well.
    let kept = heirs.iter().any(|heir| cx.to.contains(heir) && !cx.is_dropped(heir));
    let mut step = one(column, id, if kept { "ONLY " } else { "" });
    step.after = inheritance::bonds_that_go(&id.top(), cx);
    let mut steps = vec![typed::while_free(step, &id.top(), cx)];
    if kept {
        for heir in heirs.iter().filter(|heir| !cx.to.contains(heir) && !cx.is_dropped(&heir.top())) {
            let mut step = one(column, heir, "ONLY ");
            step.object = id.clone();
            steps.push(step.rank(1));
        }
    }
    steps
}

fn one(column: &Column, id: &ObjectId, only: &str) -> Step {
    let step = Step::drop(id, format!("ALTER TABLE {only}{} DROP COLUMN {}", id.top_sql(), Ident(&id.name())))
        .lock(LockMode::AccessExclusive, &id.top());
    if column.generated.is_some() {
        step.hazard(HazardKind::Breaking, "code that reads the column fails")
    } else {
        step.hazard(HazardKind::DataLoss, format!("all values of {} are lost", id.sql_path()))
    }
}

/// The columns that tables have by inheritance from this one, at any depth.
fn heirs(id: &ObjectId, cx: &PlanContext<'_>) -> Vec<ObjectId> {
    let name = id.name();
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut queue = vec![id.top()];
    while let Some(parent) = queue.pop() {
        for (dependent, _) in cx.from.dependents(&parent) {
            if Inheritance::get(cx.from, dependent).is_none_or(|i| i.parent != parent) || !seen.insert(dependent.top())
            {
                continue;
            }
            let column = dependent.top().child(KindTag::Column, &name);
            if Column::get(cx.from, &column).is_some_and(|c| c.provider(&column, cx.from).is_some()) {
                found.push(column);
                queue.push(dependent.top());
            }
        }
    }
    found
}

/// The defaults that the same column has in tables which inherit it: a change of the type reaches them, and they are out of its
/// way where they are made again.
pub(super) fn defaults_of_heirs(id: &ObjectId, cx: &PlanContext<'_>) -> Vec<ObjectId> {
    let name = id.name();
    let tables = inheritance::all_heirs(&id.top(), cx.from);
    let defaults = tables.iter().map(|table| table.child(KindTag::Column, &name).child(KindTag::Default, ""));
    defaults.filter(|default| cx.is_dropped(default)).collect()
}

/// Moves a column over to the type that was rebuilt beside its old one.
pub(super) fn reattach(column: &Column, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
    let through = if column.type_name.ends_with("[]") { "text[]" } else { "text" };
    let name = ident(&id.name());
    let to = &column.type_name;
    let sql = format!("ALTER TABLE {} ALTER COLUMN {name} TYPE {to} USING {name}::{through}::{to}", id.top_sql());
    let rewrite = format!("every row of {} is rewritten while nobody can read it", id.top().sql_path());
    let mut step = Step::alter(id, sql)
        .lock(LockMode::AccessExclusive, &id.top())
        .hazard(HazardKind::Rewrite, rewrite)
        .phase(Phase::Contract)
        .rank(2);
    step.after = defaults_of_heirs(id, cx);
    // A table that has become a partition meanwhile is no more to be changed by itself.
    step.done_when = Some(of_column(id, &format!("format_type(atttypid, atttypmod) = {}", literal(to))));
    step = row_type::while_not_held(unless_partition_key(step, id, cx), &id.top(), cx);
    let old = Column::get(cx.from, id).map_or(to, |old| &old.type_name);
    if !is_lossless(old, to, id, cx) {
        step = step.hazard(HazardKind::DataLoss, may_lose(id, old, to));
    }
    let mut steps = vec![step.premise(premise::cast(id, old, to, cx))];
    steps.extend(column_settings::again(id, column, cx));
    steps
}

/// Says that a column cannot be moved over, where rows are told apart by it: its type is rebuilt for a reason that has nothing to do
/// with the table, which is not to be rebuilt for it. (Where its own type is declared to be another one, the table is:
/// [`Kind::rebuilds`].)
fn unless_partition_key(step: Step, id: &ObjectId, cx: &PlanContext<'_>) -> Step {
    let table = id.top();
    let key = Table::get(cx.from, &table).and_then(|table| table.partition_key.as_deref());
    if !key.is_some_and(|key| partition::key_reads(key, &id.name())) {
        return step;
    }
    step.hindered(
        format!("it is in the partition key of {}", table.sql_path()),
        "declare a second table that is partitioned by the new type, move the rows over, and drop the first one",
    )
}
