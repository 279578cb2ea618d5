//! What NOT NULL, checks, keys and unique indexes take for granted of rows that exist already, as queries.
//!
//! Only what can be asked in the state before the plan: not of columns that the plan adds or whose type it changes, nor of
//! what uses a function that it changes.

use std::collections::BTreeSet;

use pg_query::NodeEnum;
use pg_query::protobuf::Node;

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::name::{Ident, dollar_quoted, ident, literal, qualified};
use crate::core::step::{Premise, Step};
use crate::kinds::ensure::{COLUMNS_FIRST, CONSTRAINT_TEXT, SHOWN, found_rows, regclass};
use crate::kinds::table::Table;
use crate::kinds::table::bound;
use crate::kinds::table::column::Column;
use crate::kinds::table::constraint::{Constraint, ConstraintType};
use crate::kinds::table::index::Index;
use crate::kinds::table::inheritance::all_heirs;
use crate::kinds::table::partition::Attachment;
use crate::kinds::table::type_change::{changes_where, fails_where};
use crate::kinds::{KindTag, Object};
use crate::plan::context::PlanContext;
use crate::sql::parse::parse_one;

/// What an object takes for granted of the rows, to be asked once all that it uses is as declared.
fn once_declared(id: &ObjectId, object: &Object, to: &Catalog) -> Option<Premise> {
    let none = BTreeSet::new;
    let cx = PlanContext {
        from: to,
        to,
        created: none(),
        dropped: none(),
        folded: none(),
        filled: none(),
        using: Default::default(),
        major: to.origin.major,
        online: true,
        unread: None,
        guarded: None,
    };
    match object {
        Object::Constraint(new) if !new.inherited => constraint(new, id, &cx),
        Object::Index(new) => unique_index(new, id, &cx),
        _ => None,
    }
}

/// Whether the rows can be asked already: the table is there, and all that the object uses is as it will be.
fn can_be_asked(id: &ObjectId, table: &ObjectId, cx: &PlanContext<'_>) -> bool {
    let same = |d: &ObjectId| match (Column::get(cx.from, d), Column::get(cx.to, d)) {
        (Some(old), Some(new)) => old.type_name == new.type_name && !cx.is_new(d),
        _ => {
            d.is_within(table) && d.kind() != KindTag::Column
                || cx.from.get(d).zip(cx.to.get(d)).is_some_and(|(old, new)| old.changes(new).is_empty())
        }
    };
    cx.online
        && cx.from.contains(table)
        && !cx.is_new(table)
        && cx.to.dependencies(id).all(|(d, _)| d == table || d.kind() == KindTag::Table || same(d))
}

/// What to read of a table: the rows of those of its descendants that leave it, or are dropped, are not asked.
fn rows_of(table: &ObjectId, cx: &PlanContext<'_>) -> String {
    let stay = all_heirs(table, cx.to);
    let leaves = |heir: &ObjectId| !stay.contains(heir) || cx.is_dropped(heir);
    let leaving: Vec<String> = all_heirs(table, cx.from)
        .iter()
        .filter(|heir| leaves(heir))
        .map(|heir| format!("to_regclass({})", literal(&heir.sql())))
        .collect();
    match leaving.is_empty() {
        true => table.sql(),
        false => format!(
            "(SELECT * FROM {} WHERE tableoid::regclass <> ALL (ARRAY[{}]::regclass[])) AS",
            table.sql(),
            leaving.join(", ")
        ),
    }
}

fn have(columns: &[String], table: &ObjectId, cx: &PlanContext<'_>) -> bool {
    columns.iter().all(|name| {
        let id = table.child(KindTag::Column, name);
        cx.from.contains(&id) && !cx.is_new(&id)
    })
}

/// NOT NULL on a column: no row without a value.
pub(super) fn not_null(id: &ObjectId, cx: &PlanContext<'_>) -> Option<Premise> {
    let table = id.top();
    if !cx.online || cx.is_new(&table) || !cx.from.contains(&table) {
        return None;
    }
    let (name, of, rows) = (ident(&id.name()), table.sql(), rows_of(&table, cx));
    Some(if cx.is_new(id) {
        Premise {
            violations: format!("SELECT NULL::text FROM {rows} t"),
            fact: format!("the new column {name} of {of} is NOT NULL and has no default, and the table holds"),
            noun: "row".to_owned(),
            help: format!("give {name} a default, or a `backfill` that says what the rows get that exist already"),
            columns: vec![id.name().into_owned()],
            table,
        }
    } else {
        Premise {
            violations: format!("SELECT NULL::text FROM {rows} t WHERE t.{name} IS NULL"),
            fact: format!("the column {name} of {of} is to be NOT NULL, and it is NULL in"),
            noun: "row".to_owned(),
            help: format!("declare a `backfill` of {name} for the rows that exist already, or mend them first"),
            columns: vec![id.name().into_owned()],
            table,
        }
    })
}

/// Another type of a column: no value that cannot be taken over.
pub(super) fn cast(id: &ObjectId, old: &str, new: &str, cx: &PlanContext<'_>) -> Option<Premise> {
    let table = id.top();
    // A script that is one transaction asks as well: PostgreSQL does not say of which column the value is.
    if cx.is_new(&table) || !cx.from.contains(&table) {
        return None;
    }
    let (name, of) = (ident(&id.name()), table.sql());
    let fails = fails_where(old, new, id, cx)?;
    Some(Premise {
        violations: format!("SELECT {name}::text FROM {} t WHERE {fails}", rows_of(&table, cx)),
        fact: format!("the column {name} of {of} is to be of type {new}, which cannot take over"),
        noun: "value".to_owned(),
        help: mend(),
        columns: vec![id.name().into_owned()],
        table,
    })
}

/// Another type of a column that may not keep all values: those that it changes, or cannot take over.
pub(super) fn losing_cast(id: &ObjectId, old: &str, new: &str, cx: &PlanContext<'_>) -> Option<Premise> {
    let table = id.top();
    // It is asked of a script that is one transaction as well: nothing else in it would stop a value that is rounded.
    if cx.is_new(&table) || !cx.from.contains(&table) {
        return None;
    }
    let (name, of) = (ident(&id.name()), table.sql());
    // A text that is taken over, and written as the new type writes it, is the same.
    let of_text = || {
        let fails = fails_where(old, new, id, cx).filter(|_| old == "text" || old.starts_with("character varying"))?;
        Some(format!("CASE WHEN {fails} THEN true ELSE {name}::text <> {name}::{new}::text END"))
    };
    let changes = changes_where(&name, old, new).or_else(of_text)?;
    Some(Premise {
        violations: format!("SELECT {name}::text FROM {} t WHERE {changes}", rows_of(&table, cx)),
        fact: format!("the column {name} of {of} is to be of type {new}, which does not keep"),
        noun: "value".to_owned(),
        help: "make the plan anew and say --allow data-loss, or mend these rows first".to_owned(),
        columns: vec![id.name().into_owned()],
        table,
    })
}

/// A partition: no row of its own that lies outside of its bound, or, of a new one, no row of the default partition that lies inside.
pub(super) fn bound(id: &ObjectId, new: &Attachment, cx: &PlanContext<'_>) -> Option<Premise> {
    let (table, parent) = (id.top(), &new.parent);
    let key = Table::get(cx.from, parent).filter(|_| cx.online && !cx.is_new(parent))?.partition_key.as_deref()?;
    let outside = bound::outside(&new.bound, key, &parent.sql())?;
    let what = format!("the partition {} of {} is to hold {}", table.sql(), parent.sql(), new.bound);
    let (of, filter, fact) = if cx.from.contains(&table) && !cx.is_new(&table) {
        (table, outside, format!("{what}, which leaves out"))
    } else {
        let default = |catalog: &Catalog, id: &ObjectId| {
            Attachment::get(catalog, id).is_some_and(|a| a.parent == *parent && a.bound == "DEFAULT")
        };
        let both = |id: &ObjectId| default(cx.from, id) && default(cx.to, id) && !cx.is_dropped(&id.top());
        let found = cx.from.dependents(parent).map(|(id, _)| id).find(|id| both(id))?.top();
        let fact = format!("{what}, of which the default partition {} holds", found.sql());
        (found, format!("NOT coalesce({outside}, true)"), fact)
    };
    Some(Premise {
        violations: format!("SELECT t::text FROM {} t WHERE {filter}", of.sql()),
        fact,
        noun: "row".to_owned(),
        help: "in one transaction: detach the partitions whose bounds change, move the rows that do not fit (WITH moved AS (DELETE FROM … \
               RETURNING *) INSERT INTO …), and attach them with their new bounds; then run again"
            .to_owned(),
        columns: Vec::new(),
        table: of,
    })
}

/// A constraint: no row that violates it.
pub(super) fn constraint(new: &Constraint, id: &ObjectId, cx: &PlanContext<'_>) -> Option<Premise> {
    let table = id.top();
    if !new.validated || !new.enforced || !can_be_asked(id, &table, cx) || !have(&new.columns, &table, cx) {
        return None;
    }
    let (of, name) = (table.sql(), ident(&id.name()));
    match new.constraint_type {
        ConstraintType::Check => {
            let expression = new.definition.strip_prefix("CHECK ")?;
            let only = if new.no_inherit { "ONLY " } else { "" };
            Some(Premise {
                violations: match only {
                    "" => format!("SELECT t::text FROM {} t WHERE NOT {expression}", rows_of(&table, cx)),
                    only => format!("SELECT t::text FROM {only}{of} t WHERE NOT {expression}"),
                },
                fact: format!("the check {name} of {of} does not hold in"),
                noun: "row".to_owned(),
                help: mend(),
                columns: new.columns.clone(),
                table,
            })
        }
        ConstraintType::PrimaryKey | ConstraintType::Unique if !new.definition.contains("WITHOUT OVERLAPS") => {
            let distinct = !new.definition.contains("NULLS NOT DISTINCT");
            Some(unique(&table, &format!("the key {name}"), &new.columns, distinct, None, cx))
        }
        ConstraintType::ForeignKey if !new.definition.contains("PERIOD ") => {
            let (other, own, keys) = reference(&new.definition)?;
            if new.references.as_ref().is_some_and(|r| cx.is_new(r)) {
                return None;
            }
            let shown = own.iter().map(|c| format!("c.{}", Ident(c))).collect::<Vec<_>>();
            let there = shown.iter().map(|c| format!("{c} IS NOT NULL")).collect::<Vec<_>>().join(" AND ");
            let equal =
                shown.iter().zip(&keys).map(|(c, k)| format!("p.{} = {c}", Ident(k))).collect::<Vec<_>>().join(" AND ");
            Some(Premise {
                violations: format!(
                    "SELECT pg_catalog.concat_ws(', ', {}) FROM {} c WHERE {there} AND NOT EXISTS (SELECT FROM {other} p WHERE {equal})",
                    shown.join(", "),
                    rows_of(&table, cx)
                ),
                fact: format!("the foreign key {name} of {of} finds nothing in {other} for"),
                noun: "row".to_owned(),
                help: mend(),
                columns: new.columns.clone(),
                table,
            })
        }
        _ => None,
    }
}

/// A unique index of plain columns: no two rows with the same values.
pub(super) fn unique_index(new: &Index, id: &ObjectId, cx: &PlanContext<'_>) -> Option<Premise> {
    if !new.unique || !can_be_asked(id, &new.relation, cx) {
        return None;
    }
    let statement = format!("CREATE UNIQUE INDEX ON t {}", new.definition);
    let columns = parse_one(&statement, |node| match node {
        NodeEnum::IndexStmt(index) => index
            .index_params
            .iter()
            .map(|param| match &param.node {
                Some(NodeEnum::IndexElem(e)) if e.expr.is_none() && e.opclass.is_empty() && e.collation.is_empty() => {
                    Some(e.name.clone())
                }
                _ => None,
            })
            .collect::<Option<Vec<String>>>(),
        _ => None,
    })
    .ok()??;
    if !have(&columns, &new.relation, cx) {
        return None;
    }
    let distinct = !new.definition.contains("NULLS NOT DISTINCT");
    let name = format!("the unique index {}", ident(&id.name()));
    Some(unique(&new.relation, &name, &columns, distinct, new.predicate.as_deref(), cx))
}

fn unique(
    table: &ObjectId,
    what: &str,
    columns: &[String],
    nulls_distinct: bool,
    predicate: Option<&str>,
    cx: &PlanContext<'_>,
) -> Premise {
    let (of, rows, plain) = (table.sql(), rows_of(table, cx), columns.to_vec());
    let columns: Vec<String> = columns.iter().map(|c| ident(c)).collect();
    let mut conditions: Vec<String> = predicate.map(|p| format!("({p})")).into_iter().collect();
    if nulls_distinct {
        conditions.extend(columns.iter().map(|c| format!("{c} IS NOT NULL")));
    }
    let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let columns = columns.join(", ");
    Premise {
        violations: format!(
            "SELECT pg_catalog.concat_ws(', ', {columns}) FROM {rows} t{filter} GROUP BY {columns} HAVING pg_catalog.count(*) > 1"
        ),
        fact: format!("{what} of {of} is to be unique, and is repeated for"),
        noun: "value".to_owned(),
        help: mend(),
        columns: plain,
        table: table.clone(),
    }
}

/// Stops a script where rows do not fit what is about to be demanded of them, and shows some of them. PostgreSQL names one at most.
pub(crate) fn rows_fit(id: &ObjectId, object: &Object, catalog: &Catalog) -> Option<String> {
    let premise = once_declared(id, object, catalog)?;
    let done = match object {
        Object::Constraint(constraint) => format!(
            "SELECT FROM pg_catalog.pg_constraint WHERE conrelid = {} AND convalidated AND {CONSTRAINT_TEXT} = {}",
            regclass(&id.top_sql()),
            literal(&constraint.clause(true))
        ),
        _ => format!("SELECT FROM pg_catalog.pg_index WHERE indexrelid = {} AND indisvalid", regclass(&id.sql())),
    };
    Some(stop_over_rows(&premise, &format!("NOT EXISTS ({done})")))
}

/// What is asked before a step that does not create its object: under its lock, or while that is yet to be done.
pub(crate) fn asked_before(step: &Step) -> Option<String> {
    step.asked_under_lock().or_else(|| Some(stop_over_rows(step.premise.as_ref()?, step.asked_while.as_ref()?)))
}

fn stop_over_rows(premise: &Premise, condition: &str) -> String {
    let body = format!(
        "{COLUMNS_FIRST}DECLARE\n  found text[];\n  n bigint;\nBEGIN\n  IF {condition} THEN\n    \
         found := ARRAY(SELECT left(v, 200) FROM ({0}) AS q (v) LIMIT {5});\n    IF found <> '{{}}' THEN\n      n := (SELECT count(*) FROM ({0}) AS q (v));\n      \
         RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = {1} || CASE n WHEN 1 THEN {2} ELSE n || {3} END,\n        \
         DETAIL = {6}, HINT = {4};\n    END IF;\n  END IF;\nEND\n",
        premise.violations,
        literal(&format!("{} ", premise.fact)),
        literal(&format!("1 {}", premise.noun)),
        literal(&format!(" {}s", premise.noun)),
        literal(&format!("This script has changed nothing. You can {}; then run it again.", premise.help)),
        SHOWN + 1,
        found_rows(),
    );
    format!("DO {}", dollar_quoted(&body))
}

fn mend() -> String {
    "mend these rows first, or declare an invariant whose remedy mends them (`before` names what must wait for it)"
        .to_owned()
}

/// The table that a foreign key refers to, its own columns and those that it refers to.
fn reference(definition: &str) -> Option<(String, Vec<String>, Vec<String>)> {
    let names = |nodes: &[Node]| -> Option<Vec<String>> {
        nodes
            .iter()
            .map(|n| match &n.node {
                Some(NodeEnum::String(s)) => Some(s.sval.clone()),
                _ => None,
            })
            .collect()
    };
    parse_one(&format!("ALTER TABLE t ADD CONSTRAINT x {definition}"), move |node| {
        let NodeEnum::AlterTableStmt(alter) = node else { return None };
        let Some(NodeEnum::AlterTableCmd(command)) = alter.cmds.first()?.node.as_ref() else { return None };
        let Some(NodeEnum::Constraint(found)) = command.def.as_ref()?.node.as_ref() else { return None };
        let table = found.pktable.as_ref()?;
        let name = if table.schemaname.is_empty() {
            ident(&table.relname)
        } else {
            qualified(&table.schemaname, &table.relname)
        };
        let (own, keys) = (names(&found.fk_attrs)?, names(&found.pk_attrs)?);
        (own.len() == keys.len() && !own.is_empty()).then_some((name, own, keys))
    })
    .ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_from_its_definition() {
        let read = reference("FOREIGN KEY (a, \"B b\") REFERENCES s.\"T\"(x, y) ON DELETE CASCADE");
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(read, Some(("s.\"T\"".to_owned(), words(&["a", "B b"]), words(&["x", "y"]))));
    }
}
