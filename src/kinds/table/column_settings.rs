//! What is said of a column besides its definition, by ALTER COLUMN … SET: storage, compression, statistics, options.
//!
//! These are each table's own: a child table gets none of them with its parent's statement, but for the storage and the
//! compression that the parent has at that moment.

use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::core::name::Ident;
use crate::core::options::Options;
use crate::core::step::{LockMode, Step};
use crate::core::versions;
use crate::introspect::Row;
use crate::kinds::Change;
use crate::kinds::table::column::Column;
use crate::kinds::table::inheritance::origins;
use crate::kinds::table::{options_change, targets};
use crate::plan::context::PlanContext;

/// What a row's column says of how values are stored.
///
/// # Errors
/// A column that is missing.
pub(crate) fn storage(row: &Row<'_>, column: &'static str) -> Result<Option<String>> {
    let strategy = |s: &str| match s {
        "p" => "plain",
        "e" => "external",
        "m" => "main",
        _ => "extended",
    };
    Ok(row.opt(column)?.map(strategy).map(str::to_owned))
}

/// What a row's column `compression` says of how values are compressed.
///
/// # Errors
/// A column that is missing.
pub(crate) fn compression(row: &Row<'_>) -> Result<Option<String>> {
    Ok(match row.char("compression")? {
        'p' => Some("pglz".to_owned()),
        'l' => Some("lz4".to_owned()),
        _ => None,
    })
}

/// The strategy to name for a column that is to have `storage`, or what its type has, where that is known.
pub(crate) fn strategy(storage: Option<&str>, usual: Option<&str>, major: u32) -> String {
    // DEFAULT is a word of 16; before that the type's own strategy has to be named, and where it is known it always can be.
    let usual = usual.unwrap_or(if major < versions::STORAGE_DEFAULT { "extended" } else { "default" });
    storage.unwrap_or(usual).to_uppercase()
}

/// Behind the change of the type, which sets storage and compression back.
pub(super) const RANK: u8 = 3;

fn set(id: &ObjectId, clause: &str, cx: &PlanContext<'_>) -> Step {
    let sql = format!("ALTER TABLE ONLY {} ALTER COLUMN {} {clause}", id.top_sql(), Ident(&id.name()));
    let mut step = cx.locked(Step::alter(id, sql), LockMode::ShareUpdateExclusive, &id.top()).rank(RANK);
    // The parent's change of type sets storage and compression back here, too.
    step.requires = origins(id, cx.to);
    step
}

fn set_storage(id: &ObjectId, new: &Column, usual: Option<&str>, cx: &PlanContext<'_>) -> Step {
    let strategy = strategy(new.storage.as_deref(), usual, cx.major);
    let mut step = set(id, &format!("SET STORAGE {strategy}"), cx);
    if let Some(lock) = &mut step.lock {
        lock.0 = LockMode::AccessExclusive;
    }
    step
}

fn set_compression(id: &ObjectId, new: &Column, cx: &PlanContext<'_>) -> Step {
    let mut step = set(id, &format!("SET COMPRESSION {}", new.compression.as_deref().unwrap_or("default")), cx);
    if let Some(lock) = &mut step.lock {
        lock.0 = LockMode::AccessExclusive;
    }
    step
}

fn set_options(id: &ObjectId, old: &Column, new: &Column, cx: &PlanContext<'_>) -> Vec<Step> {
    options_change(&old.options, &new.options).iter().map(|clause| set(id, clause, cx)).collect()
}

/// All that is said of a new column.
pub(super) fn of_new(id: &ObjectId, column: &Column, cx: &PlanContext<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    // Whether the column has its parent's storage depends on which was first; so it is said in any case.
    let parents: Vec<&Column> = origins(id, cx.to).iter().filter_map(|origin| Column::get(cx.to, origin)).collect();
    let usual = parents.iter().find_map(|parent| parent.usual_storage.as_deref());
    if column.storage.is_some() || parents.iter().any(|parent| parent.storage.is_some()) {
        steps.push(set_storage(id, column, usual, cx));
    }
    let as_parents = || parents.iter().any(|parent| parent.compression == column.compression);
    let parents_only = column.compression.is_none() && parents.iter().any(|parent| parent.compression.is_some());
    // What is inherited is not written in CREATE TABLE.
    if parents_only || column.compression.is_some() && column.inherited && !as_parents() {
        steps.push(set_compression(id, column, cx));
    }
    if let Some(target) = column.statistics {
        steps.push(set(id, &format!("SET STATISTICS {target}"), cx));
    }
    let none = Column { options: Options::new(), ..Column::default() };
    steps.extend(set_options(id, &none, column, cx));
    steps
}

/// What a change of the type sets back.
pub(super) fn again(id: &ObjectId, column: &Column, cx: &PlanContext<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    if column.storage.is_some() {
        steps.push(set_storage(id, column, None, cx));
    }
    if column.compression.is_some() {
        steps.push(set_compression(id, column, cx));
    }
    steps.extend(targets::again(id, cx));
    steps
}

fn is_retyped(change: &Change<'_, Column>) -> bool {
    change.old.type_name != change.new.type_name || change.old.collation != change.new.collation
}

pub(super) fn alter_storage(change: &Change<'_, Column>) -> Vec<Step> {
    if is_retyped(change) {
        return Vec::new();
    }
    vec![set_storage(change.id, change.new, change.old.usual_storage.as_deref(), change.cx)]
}

pub(super) fn alter_compression(change: &Change<'_, Column>) -> Vec<Step> {
    if is_retyped(change) { Vec::new() } else { vec![set_compression(change.id, change.new, change.cx)] }
}

pub(super) fn alter_statistics(change: &Change<'_, Column>) -> Vec<Step> {
    let target = change.new.statistics.unwrap_or(-1);
    vec![set(change.id, &format!("SET STATISTICS {target}"), change.cx)]
}

pub(super) fn alter_options(change: &Change<'_, Column>) -> Vec<Step> {
    set_options(change.id, change.old, change.new, change.cx)
}
