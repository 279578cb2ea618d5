//! Types that a schema defines: enums, domains with their constraints, composites with their attributes.

pub mod composite;
pub mod domain;
pub mod domain_constraint;
pub mod enums;
pub(crate) mod fragment;
pub(crate) mod in_expressions;
#[cfg(test)]
pub(crate) mod testing;

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::name::ident;
use crate::core::step::{HazardKind, LockMode, Step};
use crate::kinds::KindTag;
use crate::kinds::table::column::Column;
use crate::plan::context::PlanContext;
use crate::yaml::{KeyDoc, Shape};

/// The key `owner`.
pub(crate) const OWNER: KeyDoc = KeyDoc { name: "owner", doc: "The role that owns it.", shape: Shape::Name };
/// The key `grants` of a type.
pub(crate) const USAGE: KeyDoc = KeyDoc {
    name: "grants",
    doc: "Role to privileges: usage. Of the roles that the project names, those not listed have none.",
    shape: Shape::MapOf(&Shape::TextList),
};
/// The key `was` of a type.
pub(crate) const WAS: KeyDoc =
    KeyDoc { name: "was", doc: "The name it had before, in the same schema unless qualified.", shape: Shape::Name };

/// A collation as the catalog says it (SQL text) from what stands in YAML: `C` and `en-x-icu` are names as they are,
/// what is quoted or qualified is SQL.
pub(crate) fn collation_from_yaml(text: &str) -> String {
    let text = text.trim();
    if text.contains(['"', '.']) { text.to_owned() } else { ident(text) }
}

/// The reverse of [`collation_from_yaml`].
pub(crate) fn collation_to_yaml(sql: &str) -> &str {
    let bare = sql.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(sql);
    if collation_from_yaml(bare) == sql { bare } else { sql }
}

/// The tables of the state that is which have a column that depends on a type, in order of id.
pub(crate) fn tables_using(id: &ObjectId, cx: &PlanContext<'_>) -> Vec<ObjectId> {
    let mut tables: Vec<_> =
        cx.from.dependents(id).filter(|(user, _)| user.kind() == KindTag::Column).map(|(user, _)| user.top()).collect();
    tables.dedup();
    tables
}

/// The columns that hold values of a type in the state that is: as themselves, or within another composite type or a domain.
pub(crate) fn columns_holding(id: &ObjectId, cx: &PlanContext<'_>) -> Vec<ObjectId> {
    let mut found = std::collections::BTreeSet::new();
    let mut seen = std::collections::BTreeSet::new();
    let mut queue = vec![id.clone()];
    while let Some(holder) = queue.pop() {
        if !seen.insert(holder.clone()) {
            continue;
        }
        for (user, _) in cx.from.dependents(&holder) {
            match user.kind() {
                KindTag::Column => {
                    found.insert(user.clone());
                }
                KindTag::CompositeAttribute | KindTag::Domain => queue.push(user.top()),
                _ => {}
            }
        }
    }
    found.into_iter().collect()
}

/// Whether values of a domain are stored inside others, in arrays or in composite types, before the plan or after it. There the
/// server cannot check them, and refuses to change what it demands of the domain.
pub(crate) fn is_held_within(domain: &ObjectId, cx: &PlanContext<'_>) -> bool {
    [cx.from, cx.to].into_iter().any(|catalog| is_held_in(domain, catalog))
}

fn is_held_in(domain: &ObjectId, catalog: &Catalog) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    let mut queue = vec![(domain.clone(), false)];
    while let Some((holder, within)) = queue.pop() {
        if !seen.insert((holder.clone(), within)) {
            continue;
        }
        for (user, _) in catalog.dependents(&holder) {
            match user.kind() {
                KindTag::Column => {
                    let array = Column::get(catalog, user).is_some_and(|column| column.type_name.ends_with("[]"));
                    if within || array {
                        return true;
                    }
                    // The table's own row type.
                    queue.push((user.top(), true));
                }
                KindTag::CompositeAttribute => queue.push((user.top(), true)),
                KindTag::Domain => queue.push((user.top(), within)),
                _ => {}
            }
        }
    }
    false
}

/// Says of a step that it makes the server read all rows of the tables that use a type, and which lock they are under.
pub(crate) fn scanning(step: Step, id: &ObjectId, mode: LockMode, cx: &PlanContext<'_>) -> Step {
    let tables = tables_using(id, cx);
    let Some(first) = tables.first() else { return step };
    let names: Vec<_> = tables.iter().map(ObjectId::sql).collect();
    step.lock(mode, first)
        .hazard(HazardKind::Blocking, format!("writers wait while the rows of {} are checked", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collations_survive_both_ways() {
        for (yaml, sql) in [("C", "\"C\""), ("en-x-icu", "\"en-x-icu\""), ("app.folded", "app.folded"), ("ucs", "ucs")]
        {
            assert_eq!(collation_from_yaml(yaml), sql);
            assert_eq!(collation_to_yaml(sql), yaml);
        }
        for sql in ["\"de_DE.utf8\"", "pg_catalog.\"default\"", "\"A\".\"B\"", "\"a\"\"b\""] {
            assert_eq!(collation_from_yaml(collation_to_yaml(sql)), sql);
        }
    }
}
