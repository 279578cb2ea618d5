//! Statistics targets of the expressions that an index is over: `ALTER INDEX … ALTER COLUMN n SET STATISTICS`.
//!
//! An index has them, and an exclusion constraint by way of its index (`pg_attribute.attstattarget` of the index; `pg_dump` prints
//! the latter since the minor releases of November 2026). PostgreSQL forgets them where it builds an index anew because the type of
//! a column changes.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::step::Step;
use crate::introspect::Row;
use crate::kinds::KindTag;
use crate::kinds::table::column_settings::RANK;
use crate::kinds::table::constraint::Constraint;
use crate::kinds::table::index::Index;
use crate::kinds::table::inheritance::origins;
use crate::plan::context::PlanContext;
use crate::yaml::{Fields, KeyDoc, Out, Shape};

/// By the number of the index's column, from 1; each from 0 to 10000.
pub type Targets = BTreeMap<i32, i32>;

/// Where they are declared.
pub(super) const KEY: KeyDoc = KeyDoc {
    name: "statistics",
    doc: "Statistics targets of expression columns, by their number.",
    shape: Shape::TextMap,
};

/// What a row's column `statistics` says: `{1=500,3=100}`.
///
/// # Errors
/// A column that is missing.
pub(super) fn read(row: &Row<'_>) -> Result<Targets> {
    let entries = row.options("statistics")?.into_iter();
    Ok(entries.filter_map(|(number, target)| Some((number.parse().ok()?, target.parse().ok()?))).collect())
}

/// What a mapping declares.
///
/// # Errors
/// `statistics`: a key or a value that is no number.
pub(super) fn declared(fields: &Fields<'_>) -> Result<Targets> {
    let number = |(key, target): (&crate::yaml::Key, &str)| match (key.text.parse(), target.parse()) {
        (Ok(number), Ok(target)) => Ok((number, target)),
        _ => {
            Err(Diagnostic::error("statistics", "`statistics` maps column numbers to targets").at(key.location.clone()))
        }
    };
    fields.text_map(KEY.name)?.into_iter().map(number).collect()
}

/// The entry of a mapping, where there is something to say.
pub(super) fn written(targets: &Targets) -> Option<(String, Out)> {
    let entries = targets.iter().map(|(number, target)| (number.to_string(), Out::text(target.to_string())));
    (!targets.is_empty()).then(|| (KEY.name.to_owned(), Out::FlowMap(entries.collect())))
}

/// The statements, as changes of `id`, after which the index (as SQL) has the new targets.
pub(super) fn steps(id: &ObjectId, index: &str, old: &Targets, new: &Targets) -> Vec<Step> {
    let numbers: BTreeSet<_> = new.keys().chain(old.keys()).collect();
    let differing = numbers.into_iter().filter(|number| new.get(number) != old.get(number));
    let set = |number: &i32| {
        let target = new.get(number).copied().unwrap_or(-1);
        Step::alter(id, format!("ALTER INDEX {index} ALTER COLUMN {number} SET STATISTICS {target}")).rank(2)
    };
    differing.map(set).collect()
}

/// What has to be said again behind a change of a column's type or expression, which builds the indexes over it anew.
pub(super) fn again(column: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
    let mut found = Vec::new();
    for (dependent, _) in cx.from.dependents(column).filter(|(dependent, _)| !cx.is_dropped(dependent)) {
        let targets = match dependent.kind() {
            KindTag::Index => Index::get(cx.to, dependent).map(|index| (dependent.sql(), &index.statistics)),
            KindTag::Constraint => {
                Constraint::get(cx.to, dependent).map(|c| (super::constraint::index_sql(dependent), &c.statistics))
            }
            _ => None,
        };
        for mut step in
            targets.map_or_else(Vec::new, |(index, targets)| steps(column, &index, &Targets::new(), targets))
        {
            // A parent's statement builds those of its descendants anew, too.
            step.requires = origins(column, cx.to);
            found.push(step.rank(RANK));
        }
    }
    found
}
