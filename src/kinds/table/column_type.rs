//! The statements that change a column's type; what such a change does to the values is in [`super::type_change`].

use crate::core::name::{Ident, ident, literal};
use crate::core::step::{HazardKind, LockMode, Phase, Step};
use crate::kinds::Change;
use crate::kinds::table::column::{Column, of_column};
use crate::kinds::table::inheritance::origins;
use crate::kinds::table::type_cast::{Way, way};
use crate::kinds::table::type_change::{is_free, is_implicit, is_lossless, may_fail, may_lose};
use crate::kinds::table::{column_settings, column_steps, premise, row_type, typed};
use crate::kinds::types::in_expressions;

/// Whether the statement for a parent's column changes this one as well: in `from` and `to` the parent is one, and its column
/// changes `in_this`.
pub(super) fn is_carried(change: &Change<'_, Column>, in_this: impl Fn(&Column, &Column) -> bool) -> bool {
    let (id, cx) = (change.id, change.cx);
    let before = origins(id, cx.from);
    origins(id, cx.to).iter().filter(|origin| before.contains(origin)).any(|origin| {
        match (Column::get(cx.from, origin), Column::get(cx.to, origin)) {
            (Some(old), Some(new)) => !cx.is_new(origin) && in_this(old, new),
            _ => false,
        }
    })
}

fn is_type_carried(change: &Change<'_, Column>) -> bool {
    is_carried(change, |old, new| old.type_name != new.type_name || old.collation != new.collation)
}

pub(super) fn alter_type(change: &Change<'_, Column>) -> Vec<Step> {
    let (old, new, id) = (change.old, change.new, change.id);
    // A type that is rebuilt beside the old one: the column is moved over to its new type already.
    let moved = change.cx.from.dependencies(id).any(|(d, _)| change.cx.is_new(d) && !change.cx.is_dropped(d));
    if moved {
        return Vec::new();
    }
    if is_type_carried(change) {
        return column_settings::again(id, new, change.cx);
    }
    let mut sql = format!("ALTER TABLE {} ALTER COLUMN {} TYPE {}", id.top_sql(), Ident(&id.name()), new.type_name);
    if let Some(collation) = &new.collation {
        sql.push_str(&format!(" COLLATE {collation}"));
    }
    let said = change.cx.using.get(id);
    let mut unsaid = None;
    if let Some(expression) = said {
        sql.push_str(&format!(" USING {expression}"));
    } else if !is_implicit(&old.type_name, &new.type_name) && old.type_name != new.type_name {
        match way(&ident(&id.name()), &old.type_name, &new.type_name, id, change.cx) {
            Way::By(expression) => sql.push_str(&format!(" USING {expression}")),
            // PostgreSQL refuses the statement without it.
            Way::Unsaid(why) => unsaid = Some(why),
        }
    }
    // What only takes more than before, and is read as before, is what new code has to find.
    let widens = is_free(&old.type_name, &new.type_name)
        && is_lossless(&old.type_name, &new.type_name, id, change.cx)
        && old.collation == new.collation;
    let phase = if widens { Phase::Expand } else { Phase::Contract };
    let mut step = Step::alter(id, sql).lock(LockMode::AccessExclusive, &id.top()).phase(phase);
    // USING speaks of the old type.
    let done = of_column(id, &format!("format_type(atttypid, atttypmod) = {}", literal(&new.type_name)));
    step.asked_while = Some(format!("NOT coalesce(({done}), false)"));
    step.done_when = Some(done);
    if !is_free(&old.type_name, &new.type_name) {
        step = step.hazard(
            HazardKind::Rewrite,
            format!("every row of {} is rewritten while nobody can read it", id.top().sql_path()),
        );
    }
    if said.is_some() {
        let what = format!("the values of {} become what `using` makes of them", id.sql_path());
        step = step.hazard(HazardKind::DataLoss, what);
    } else if !is_lossless(&old.type_name, &new.type_name, id, change.cx) {
        step = step.hazard(HazardKind::DataLoss, may_lose(id, &old.type_name, &new.type_name));
    }
    if said.is_none() && may_fail(&old.type_name, &new.type_name) {
        step = step.hazard(
            HazardKind::Breaking,
            format!(
                "it fails where a value of {} is no {}; code that takes it for a text fails afterwards",
                id.sql_path(),
                new.type_name
            ),
        );
    }
    if let Some(why) = &unsaid {
        let help = "say beside its `type` how the values are taken over: `using: <expression of the old value>`";
        step = step.hindered(format!("there is no cast from {} to {}: {why}", old.type_name, new.type_name), help);
    }
    if said.is_none() && unsaid.is_none() {
        step = step.premise(premise::cast(id, &old.type_name, &new.type_name, change.cx));
        if step.needs_consent() {
            step.loses = premise::losing_cast(id, &old.type_name, &new.type_name, change.cx);
        }
    }
    step.after = column_steps::defaults_of_heirs(id, change.cx);
    let step = row_type::while_not_held(step.rank(2), &id.top(), change.cx);
    let step = in_expressions::between(step, &id.top(), change.cx);
    let mut steps = vec![typed::while_free(step, &id.top(), change.cx)];
    steps.extend(column_settings::again(id, new, change.cx));
    steps
}

pub(super) fn alter_collation(change: &Change<'_, Column>) -> Vec<Step> {
    // The type's own statement carries the collation, too.
    if change.old.type_name != change.new.type_name {
        return Vec::new();
    }
    let new = change.new;
    if is_type_carried(change) {
        return column_settings::again(change.id, new, change.cx);
    }
    let collation = new.collation.clone().unwrap_or_else(|| "pg_catalog.\"default\"".to_owned());
    let sql = format!(
        "ALTER TABLE {} ALTER COLUMN {} TYPE {} COLLATE {collation}",
        change.id.top_sql(),
        Ident(&change.id.name()),
        new.type_name
    );
    let table = change.id.top();
    let step = Step::alter(change.id, sql)
        .lock(LockMode::AccessExclusive, &table)
        .hazard(HazardKind::Blocking, "indexes of the column are rebuilt while nobody can read the table")
        .rank(2);
    let step = in_expressions::between(row_type::while_not_held(step, &table, change.cx), &table, change.cx);
    let mut steps = vec![typed::while_free(step, &table, change.cx)];
    steps.extend(column_settings::again(change.id, new, change.cx));
    steps
}
