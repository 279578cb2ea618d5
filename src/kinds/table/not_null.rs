//! NOT NULL of a column: a property up to PostgreSQL 17, a constraint with a name from 18 on (`pg_constraint` of type `n`).

use serde::{Deserialize, Serialize};

use crate::core::id::ObjectId;
use crate::core::name::{Ident, ident, literal};
use crate::core::step::{HazardKind, LockMode, Phase, Step, Transaction};
use crate::core::versions;
use crate::kinds::common::generated_name;
use crate::kinds::component::comment;
use crate::kinds::table::column::Column;
use crate::kinds::table::column_type::is_carried;
use crate::kinds::table::constraint::{Constraint, ConstraintType};
use crate::kinds::table::inheritance::{bonds_that_go, heirs, origins};
use crate::kinds::table::not_null_names::{name_in, origin};
use crate::kinds::table::premise;
use crate::kinds::{Change, KindTag, ensure};
use crate::plan::context::PlanContext;

/// A NOT NULL constraint. Up to PostgreSQL 17 it has no properties.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotNull {
    /// The constraint's name (18), where it is not the one PostgreSQL chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// NO INHERIT (18).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_inherit: bool,
    /// NOT VALID (18).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_valid: bool,
}

impl NotNull {
    /// The constraint's name (18), for a column.
    pub(crate) fn name_of(&self, column: &ObjectId) -> String {
        self.name.clone().unwrap_or_else(|| usual_name(column))
    }
}

/// The name that PostgreSQL chooses for the NOT NULL constraint of a column (18).
pub(crate) fn usual_name(column: &ObjectId) -> String {
    generated_name(&[&column.top().name(), &column.name()], "not_null")
}

/// What a change of a column's NOT NULL takes.
pub(super) fn alter_not_null(change: &Change<'_, Column>) -> Vec<Step> {
    let mut steps = change_not_null(change);
    // A partition or child must have it before it is attached; afterwards its name is the parent's to change.
    let top = change.id.top();
    let attachments = [KindTag::Attachment, KindTag::Inheritance]
        .into_iter()
        .flat_map(|kind| change.cx.to.children(&top, kind).map(|(id, _)| id.clone()))
        .filter(|id| change.cx.is_new(id))
        .collect::<Vec<_>>();
    if change.new.not_null.is_some() {
        for step in &mut steps {
            step.before.extend(attachments.iter().cloned());
        }
    }
    steps
}

fn change_not_null(change: &Change<'_, Column>) -> Vec<Step> {
    let (id, cx) = (change.id, change.cx);
    let table = id.top_sql();
    let column = id.name();
    match (&change.old.not_null, &change.new.not_null) {
        // A parent's statement goes down to its heirs.
        (None, Some(_)) if is_carried(change, |old, new| !hands_down(old) && hands_down(new)) => own_beside(change),
        (None, Some(new)) => not_null_steps(id, new, cx),
        (Some(_), None) => drop_not_null(change),
        (Some(old), Some(new)) if new.not_valid && !old.not_valid && cx.major >= versions::NAMED_NOT_NULL => {
            let drop = Step::alter(id, format!("ALTER TABLE {table} ALTER COLUMN {} DROP NOT NULL", Ident(&column)));
            let mut steps = vec![drop.lock(LockMode::AccessExclusive, &id.top()).rank(1)];
            steps.extend(not_null_steps(id, new, cx));
            steps.extend(comment::of_not_null_again(id, cx).map(|step| step.rank(7)));
            steps
        }
        (Some(old), Some(new)) => {
            let (from, to) = (old.name_of(id), new.name_of(id));
            let mut steps = Vec::new();
            // That of a parent is renamed with all that its heirs have of it.
            if from != to && origin(id, cx.from, cx.to).is_none() {
                let done = format!(
                    "SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = to_regclass({}) AND conname = {})",
                    literal(&table),
                    literal(&to)
                );
                let sql = format!("ALTER TABLE {table} RENAME CONSTRAINT {} TO {}", Ident(&from), Ident(&to));
                let mut step = Step::alter(id, sql).done_when(done);
                // What is inherited cannot be renamed.
                step.after = bonds_that_go(&id.top(), cx);
                step.before = tables_that_get_the_name(&id.top(), &from, cx);
                steps.push(step);
            }
            if old.not_valid && !new.not_valid {
                steps.push(
                    Step::alter(id, format!("ALTER TABLE {table} VALIDATE CONSTRAINT {}", Ident(&to)))
                        .lock(LockMode::ShareUpdateExclusive, &id.top())
                        .transaction(Transaction::Own),
                );
            }
            if old.no_inherit != new.no_inherit {
                let clause = if new.no_inherit { "NO INHERIT" } else { "INHERIT" };
                steps.push(Step::alter(id, format!("ALTER TABLE {table} ALTER CONSTRAINT {} {clause}", Ident(&to))));
            }
            steps
        }
        (None, None) => Vec::new(),
    }
}

/// The tables to be created of whose NOT NULL constraints one is to have a name that another gives up. PostgreSQL gives no NOT NULL
/// a name that a constraint of the same schema has: it would number the new one (`t_id_not_null1`).
fn tables_that_get_the_name(gives_up: &ObjectId, name: &str, cx: &PlanContext<'_>) -> Vec<ObjectId> {
    let gets = |id: &&ObjectId| {
        id.kind() == KindTag::Column
            && id.schema() == gives_up.schema()
            && cx.created.contains(&id.top())
            && name_in(id, cx.to).is_some_and(|new| new == name)
    };
    cx.created.iter().filter(gets).map(ObjectId::top).collect()
}

/// From 18 on, a child table that has the column of its own has its NOT NULL of its own as well: it outlives the bond. What it
/// has from its parent becomes its own when it is set once more.
fn own_beside(change: &Change<'_, Column>) -> Vec<Step> {
    let (id, cx) = (change.id, change.cx);
    let is_child = cx.to.children(&id.top(), KindTag::Inheritance).next().is_some();
    if cx.major < versions::NAMED_NOT_NULL || change.new.inherited || !is_child {
        return Vec::new();
    }
    let sql = format!("ALTER TABLE {} ALTER COLUMN {} SET NOT NULL", id.top_sql(), Ident(&id.name()));
    let mut step = Step::alter(id, sql).lock(LockMode::AccessExclusive, &id.top()).phase(Phase::Contract).rank(8);
    step.requires = origins(id, cx.to);
    vec![step]
}

/// DROP NOT NULL goes down to partitions, also to those that keep theirs; other heirs are left alone.
fn drop_not_null(change: &Change<'_, Column>) -> Vec<Step> {
    let (id, cx) = (change.id, change.cx);
    let (top, name) = (id.top(), id.name());
    if is_carried(change, |old, new| old.not_null.is_some() && new.not_null.is_none())
        && cx.from.children(&top, KindTag::Attachment).next().is_some()
    {
        return Vec::new();
    }
    let partitioned = super::Table::get(cx.from, &top).is_some_and(|t| t.partition_key.is_some());
    let only = if partitioned || heirs(&top, cx.from).is_empty() { "" } else { "ONLY " };
    let mut step =
        Step::alter(id, format!("ALTER TABLE {only}{} ALTER COLUMN {} DROP NOT NULL", id.top_sql(), Ident(&name)))
            .lock(LockMode::AccessExclusive, &top)
            .hazard(HazardKind::Breaking, "code that relies on a value being there may meet NULL")
            .rank(1);
    // A primary key holds its columns to it.
    let primary =
        |key: &ObjectId| Constraint::get(cx.from, key).is_some_and(|c| c.constraint_type == ConstraintType::PrimaryKey);
    let keys = cx.from.children(&top, KindTag::Constraint).map(|(key, _)| key);
    step.after.extend(keys.filter(|key| cx.is_dropped(key) && primary(key)).cloned());
    // From 18 on, an heir's own goes only when it is the parent's no more.
    step.requires = origins(id, cx.from);
    let mut steps = vec![step];
    let keeps = |heir: &ObjectId| {
        [cx.from, cx.to].iter().all(|c| Column::get(c, heir).is_some_and(|column| column.not_null.is_some()))
    };
    if partitioned {
        for heir in heirs(&top, cx.from).iter().map(|t| t.child(KindTag::Column, &name)).filter(keeps) {
            let sql = format!("ALTER TABLE {} ALTER COLUMN {} SET NOT NULL", heir.top_sql(), Ident(&name));
            steps.push(Step::alter(id, sql).lock(LockMode::AccessExclusive, &heir.top()).rank(2));
            steps.extend(comment::of_not_null_again(&heir, cx).map(|step| step.rank(3)));
        }
    }
    steps
}

/// Whether the tables that inherit from the column's table get its NOT NULL with it.
fn hands_down(column: &Column) -> bool {
    column.not_null.as_ref().is_some_and(|n| !n.no_inherit)
}

/// What is left to be said of a new column that came with a statement of its table or of a parent: NOT VALID, which no definition
/// says, and a NOT NULL that the parents do not hand down.
pub(super) fn of_heir(column: &Column, id: &ObjectId, origins: &[ObjectId], cx: &PlanContext<'_>) -> Vec<Step> {
    let Some(own) = &column.not_null else { return Vec::new() };
    let top = id.top();
    let given = origins.iter().any(|origin| Column::get(cx.to, origin).is_some_and(hands_down));
    // INHERITS says nothing of the columns that it brings; everything else defines them.
    let defined = !column.inherited
        || (cx.is_new(&top) && cx.to.children(&top, KindTag::Inheritance).next().is_none())
        || origins.is_empty();
    if (given && column.inherited) || (defined && !own.not_valid) {
        return Vec::new();
    }
    let mut steps = not_null_steps(id, own, cx);
    for step in &mut steps {
        step.requires.extend(origins.iter().cloned());
    }
    steps
}

/// SET NOT NULL on a table that may be in use: a validated CHECK lets PostgreSQL skip the scan under the exclusive lock.
pub(super) fn not_null_steps(id: &ObjectId, new: &NotNull, cx: &PlanContext<'_>) -> Vec<Step> {
    let table = id.top_sql();
    let column = ident(&id.name());
    // From 18 on it is a constraint with properties. PostgreSQL does not choose a name that a new heir has already.
    let handed_down = !heirs(&id.top(), cx.to).is_empty();
    let set = if cx.major >= versions::NAMED_NOT_NULL && (handed_down || *new != NotNull::default()) {
        let name = new.name.clone().or_else(|| handed_down.then(|| usual_name(id)));
        format!(
            "ALTER TABLE {table} ADD {}NOT NULL {column}{}{}",
            name.map(|name| format!("CONSTRAINT {} ", Ident(&name))).unwrap_or_default(),
            if new.no_inherit { " NO INHERIT" } else { "" },
            if new.not_valid { " NOT VALID" } else { "" }
        )
    } else {
        format!("ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL")
    };
    let top = id.top();
    if !cx.online || cx.is_new(&top) || (new.not_valid && cx.major >= versions::NAMED_NOT_NULL) {
        return vec![cx.locked(Step::alter(id, set), LockMode::AccessExclusive, &top).rank(5)];
    }
    let name = crate::core::name::derived("trueup_", &id.name(), "_not_null");
    let check = ident(&name);
    let relation = ensure::regclass(&table);
    let set_already = format!(
        "SELECT attnotnull FROM pg_catalog.pg_attribute WHERE attrelid = {relation} AND attname = {}",
        literal(&id.name())
    );
    let there = format!(
        "EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = {relation} AND conname = {})",
        literal(&name)
    );
    let gone = format!("SELECT NOT {there}");
    vec![
        Step::alter(id, format!("ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID"))
            .lock(LockMode::AccessExclusive, &top)
            .phase(Phase::Contract)
            .hazard(HazardKind::Breaking, "writes without a value for it fail from here on")
            .premise(premise::not_null(id, cx))
            .done_when(set_already.replacen("attnotnull", &format!("attnotnull OR {there}"), 1))
            // Where a run that was cut off left one.
            .after(&top.child(KindTag::Constraint, &name))
            .rank(5),
        Step::alter(id, format!("ALTER TABLE {table} VALIDATE CONSTRAINT {check}"))
            .done_when(&*gone)
            .lock(LockMode::ShareUpdateExclusive, &top)
            .phase(Phase::Contract)
            .transaction(Transaction::Own)
            .rank(6),
        Step::alter(id, set)
            .done_when(set_already)
            .lock(LockMode::AccessExclusive, &top)
            .phase(Phase::Contract)
            .rank(7),
        Step::alter(id, format!("ALTER TABLE {table} DROP CONSTRAINT {check}"))
            .done_when(gone)
            .lock(LockMode::AccessExclusive, &top)
            .phase(Phase::Contract)
            .rank(7),
    ]
}
