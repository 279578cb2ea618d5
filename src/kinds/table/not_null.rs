//! NOT NULL of a column: a property up to PostgreSQL 17, a constraint with a name from 18 on (`pg_constraint` of type `n`).

use serde::{Deserialize, Serialize};

use crate::core::id::ObjectId;
use crate::core::name::{Ident, ident};
use crate::core::step::{HazardKind, LockMode, Phase, Step, Transaction};
use crate::kinds::table::column::Column;
use crate::kinds::table::constraint::{Constraint, ConstraintType};
use crate::kinds::table::premise;
use crate::kinds::{Change, KindTag};
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
        (None, Some(new)) => not_null_steps(id, new, cx),
        (Some(_), None) => {
            let top = id.top();
            let mut step =
                Step::alter(id, format!("ALTER TABLE {table} ALTER COLUMN {} DROP NOT NULL", Ident(&column)))
                    .lock(LockMode::AccessExclusive, &top)
                    .hazard(HazardKind::Breaking, "code that relies on a value being there may meet NULL")
                    .rank(1);
            // A primary key holds its columns to it.
            let primary = |key: &ObjectId| {
                Constraint::get(cx.from, key).is_some_and(|c| c.constraint_type == ConstraintType::PrimaryKey)
            };
            let keys = cx.from.children(&top, KindTag::Constraint).map(|(key, _)| key);
            step.after.extend(keys.filter(|key| cx.is_dropped(key) && primary(key)).cloned());
            vec![step]
        }
        (Some(old), Some(new)) if new.not_valid && !old.not_valid && cx.major >= 18 => {
            let drop = Step::alter(id, format!("ALTER TABLE {table} ALTER COLUMN {} DROP NOT NULL", Ident(&column)));
            let mut steps = vec![drop.lock(LockMode::AccessExclusive, &id.top()).rank(1)];
            steps.extend(not_null_steps(id, new, cx));
            steps
        }
        (Some(old), Some(new)) => {
            let default = format!("{}_{column}_not_null", id.top().name());
            let (from, to) = (old.name.clone().unwrap_or_else(|| default.clone()), new.name.clone().unwrap_or(default));
            let mut steps = Vec::new();
            if from != to {
                steps.push(Step::alter(
                    id,
                    format!("ALTER TABLE {table} RENAME CONSTRAINT {} TO {}", Ident(&from), Ident(&to)),
                ));
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

/// SET NOT NULL on a table that may be in use: a validated CHECK lets PostgreSQL skip the scan under the exclusive lock.
pub(super) fn not_null_steps(id: &ObjectId, new: &NotNull, cx: &PlanContext<'_>) -> Vec<Step> {
    let table = id.top_sql();
    let column = ident(&id.name());
    // From 18 on it is a constraint with properties.
    let set = if cx.major >= 18 && *new != NotNull::default() {
        format!(
            "ALTER TABLE {table} ADD {}NOT NULL {column}{}{}",
            new.name.as_ref().map(|name| format!("CONSTRAINT {} ", Ident(name))).unwrap_or_default(),
            if new.no_inherit { " NO INHERIT" } else { "" },
            if new.not_valid { " NOT VALID" } else { "" }
        )
    } else {
        format!("ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL")
    };
    let top = id.top();
    if !cx.online || cx.is_new(&top) || (new.not_valid && cx.major >= 18) {
        return vec![cx.locked(Step::alter(id, set), LockMode::AccessExclusive, &top).rank(5)];
    }
    let check = ident(&crate::core::name::derived("trueup_", &id.name(), "_not_null"));
    vec![
        Step::alter(id, format!("ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID"))
            .lock(LockMode::AccessExclusive, &top)
            .phase(Phase::Contract)
            .hazard(HazardKind::Breaking, "writes without a value for it fail from here on")
            .premise(premise::not_null(id, cx))
            .rank(5),
        Step::alter(id, format!("ALTER TABLE {table} VALIDATE CONSTRAINT {check}"))
            .lock(LockMode::ShareUpdateExclusive, &top)
            .phase(Phase::Contract)
            .transaction(Transaction::Own)
            .rank(6),
        Step::alter(id, set).lock(LockMode::AccessExclusive, &top).phase(Phase::Contract).rank(7),
        Step::alter(id, format!("ALTER TABLE {table} DROP CONSTRAINT {check}"))
            .lock(LockMode::AccessExclusive, &top)
            .phase(Phase::Contract)
            .rank(7),
    ]
}
