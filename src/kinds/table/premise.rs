//! What NOT NULL, checks, keys, unique indexes and domains take for granted of rows that exist already, as queries.
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
use crate::kinds::table::default::Default as ColumnDefault;
use crate::kinds::table::index::Index;
use crate::kinds::table::inheritance::all_heirs;
use crate::kinds::table::partition::Attachment;
use crate::kinds::table::type_change::{changes_where, fails_where, resolved};
use crate::kinds::types::composite::CompositeAttribute;
use crate::kinds::types::domain::Domain;
use crate::kinds::types::domain_constraint::DomainConstraint;
use crate::kinds::{KindTag, Object};
use crate::plan::context::PlanContext;
use crate::sql::lexer::{closing, tokens};
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
        // Each row against each other one is too much to ask whenever a script is run.
        Object::Constraint(new) if !new.inherited && new.constraint_type != ConstraintType::Exclusion => {
            constraint(new, id, &cx)
        }
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
            others: Vec::new(),
        }
    } else {
        Premise {
            violations: format!("SELECT NULL::text FROM {rows} t WHERE t.{name} IS NULL"),
            fact: format!("the column {name} of {of} is to be NOT NULL, and it is NULL in"),
            noun: "row".to_owned(),
            help: format!("declare a `backfill` of {name} for the rows that exist already, or mend them first"),
            columns: vec![id.name().into_owned()],
            table,
            others: Vec::new(),
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
        others: Vec::new(),
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
        others: Vec::new(),
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
        others: Vec::new(),
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
                others: Vec::new(),
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
                others: Vec::new(),
            })
        }
        ConstraintType::Exclusion => exclusion(new, id, cx),
        _ => None,
    }
}

/// An exclusion constraint: no two rows that exclude each other.
fn exclusion(new: &Constraint, id: &ObjectId, cx: &PlanContext<'_>) -> Option<Premise> {
    let (table, parts) = (id.top(), elements(&new.definition)?);
    // Rows are told apart by where they are stored, which only a table itself says.
    let rows = rows_of(&table, cx);
    if rows != table.sql() {
        return None;
    }
    let (mut values, mut excludes) = (Vec::new(), Vec::new());
    for (at, part) in parts.iter().enumerate() {
        let (value, operator) = excluded(part)?;
        values.push(format!("{value} AS v{at}"));
        excludes.push(format!("a.v{at} {operator} b.v{at}"));
    }
    let filter = new.predicate.as_ref().map(|p| format!(" WHERE {p}")).unwrap_or_default();
    let all = format!("(SELECT tableoid AS place, ctid AS row, {} FROM {rows} t{filter})", values.join(", "));
    let shown: Vec<String> = (0..values.len()).map(|at| format!("a.v{at}")).collect();
    Some(Premise {
        violations: format!(
            "SELECT pg_catalog.concat_ws(', ', {}) FROM {all} a WHERE EXISTS (SELECT FROM {all} b WHERE (a.place, a.row) <> (b.place, b.row) AND {})",
            shown.join(", "),
            excludes.join(" AND ")
        ),
        fact: format!("the exclusion constraint {} of {} does not hold in", ident(&id.name()), table.sql()),
        noun: "row".to_owned(),
        help: mend(),
        columns: new.columns.clone(),
        table,
        others: Vec::new(),
    })
}

/// What stands in the brackets of an index or an exclusion constraint, one by one.
fn elements(definition: &str) -> Option<Vec<&str>> {
    let all = tokens(definition).ok()?;
    let open = all.iter().position(|token| token.is_mark(definition, "("))?;
    let close = closing(definition, &all, open)?;
    let (mut list, mut at) = (Vec::new(), open + 1);
    let mut start = all.get(at)?.start;
    while at < close {
        if all[at].is_mark(definition, ",") {
            list.push(definition.get(start..all[at].start)?.trim());
            start = all.get(at + 1)?.start;
        }
        at = if all[at].is_mark(definition, "(") { closing(definition, &all, at)? + 1 } else { at + 1 };
    }
    list.push(definition.get(start..all[close].start)?.trim());
    Some(list)
}

/// The value and the operator of an element of an exclusion constraint: `lower(a) WITH =`; nothing where a class or a collation is said.
fn excluded(element: &str) -> Option<(String, String)> {
    let all = tokens(element).ok()?;
    let with = all.iter().rposition(|token| token.is(element, "with"))?;
    let operator = element.get(all.get(with + 1)?.start..)?.to_owned();
    Some((plain_value(element.get(..all.get(with)?.start)?)?, operator))
}

/// The value of an element of an index, without what is said of its order; nothing where a class or a collation is said.
fn plain_value(element: &str) -> Option<String> {
    let value = parse_one(&format!("CREATE INDEX ON t ({element})"), |node| match node {
        NodeEnum::IndexStmt(index) => match index.index_params.first().and_then(|param| param.node.as_ref()) {
            Some(NodeEnum::IndexElem(e)) if e.opclass.is_empty() && e.collation.is_empty() => Some(()),
            _ => None,
        },
        _ => None,
    });
    value.ok()??;
    let order = ["asc", "desc", "nulls", "first", "last"];
    let all = tokens(element).ok()?;
    let last = all.iter().rposition(|token| !order.iter().any(|word| token.is(element, word)))?;
    Some(element.get(..all[last].end)?.trim().to_owned())
}

/// A unique index of expressions: no two rows with the same values.
fn unique_expressions(new: &Index, id: &ObjectId, cx: &PlanContext<'_>) -> Option<Premise> {
    // A script asks for columns alone: the statement itself changes nothing where it fails.
    if std::ptr::eq(cx.from, cx.to) {
        return None;
    }
    let values: Vec<String> = elements(&new.definition)?.into_iter().map(plain_value).collect::<Option<_>>()?;
    let mut conditions: Vec<String> = new.predicate.iter().map(|p| format!("({p})")).collect();
    if !new.definition.contains("NULLS NOT DISTINCT") {
        conditions.extend(values.iter().map(|value| format!("{value} IS NOT NULL")));
    }
    let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let values = values.join(", ");
    Some(Premise {
        violations: format!(
            "SELECT pg_catalog.concat_ws(', ', {values}) FROM {} t{filter} GROUP BY {values} HAVING pg_catalog.count(*) > 1",
            rows_of(&new.relation, cx)
        ),
        fact: format!(
            "the unique index {} of {} is to be unique, and is repeated for",
            ident(&id.name()),
            new.relation.sql()
        ),
        noun: "value".to_owned(),
        help: mend(),
        columns: Vec::new(),
        table: new.relation.clone(),
        others: Vec::new(),
    })
}

/// A unique index: no two rows with the same values.
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
    .ok()?;
    let Some(columns) = columns else { return unique_expressions(new, id, cx) };
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
        others: Vec::new(),
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

/// The domain that a column, or another domain, is of.
pub(super) fn domain_of<'a>(
    type_name: &str,
    of: &ObjectId,
    catalog: &'a Catalog,
) -> Option<(&'a ObjectId, &'a Domain)> {
    let is_named = |id: &ObjectId| id.sql() == type_name || ident(&id.name()) == type_name;
    let mut domains =
        catalog.dependencies(of).filter_map(|(id, _)| Domain::get(catalog, id).map(|domain| (id, domain)));
    domains.find(|(id, _)| is_named(id))
}

/// The condition under which a domain, as it is declared, refuses a value; nothing where it refuses none, or that cannot be asked yet.
pub(super) fn refused(domain: &ObjectId, value: &str, cx: &PlanContext<'_>) -> Option<String> {
    let declared = Domain::get(cx.to, domain)?;
    let typed = format!("({value})::{}", resolved(&declared.type_name, domain, cx.to));
    let mut conditions = Vec::new();
    if let Some((base, _)) = domain_of(&declared.type_name, domain, cx.to) {
        conditions.extend(refused(base, value, cx));
    }
    if declared.not_null {
        conditions.push(format!("{value} IS NULL"));
    }
    for (id, object) in cx.to.below(domain) {
        let Some(constraint) = DomainConstraint::of(object).filter(|_| stands(id, cx)) else { continue };
        conditions.push(format!("NOT ({})", about(&constraint.check, &typed)?));
    }
    (!conditions.is_empty()).then(|| conditions.join(" OR "))
}

/// Whether all that a check of a domain uses is there already, as it is to be.
fn stands(id: &ObjectId, cx: &PlanContext<'_>) -> bool {
    let same = |d: &ObjectId| {
        !cx.is_new(d) && cx.from.get(d).zip(cx.to.get(d)).is_some_and(|(old, new)| old.changes(new).is_empty())
    };
    let attributes = |catalog: &Catalog, d: &ObjectId| -> Vec<(ObjectId, CompositeAttribute)> {
        let found = catalog.below(d).map(|(id, object)| (id.clone(), CompositeAttribute::of(object).cloned()));
        found.filter_map(|(id, attribute)| Some((id, attribute?))).collect()
    };
    let parts = |d: &ObjectId| attributes(cx.from, d) == attributes(cx.to, d);
    cx.to.dependencies(id).all(|(d, _)| Domain::get(cx.to, d).is_some() || (same(d) && parts(d)))
}

/// A domain's check, said of a value in place of `VALUE`.
fn about(check: &str, value: &str) -> Option<String> {
    let tokens = tokens(check).ok()?;
    let (mut text, mut end) = (String::new(), 0);
    for (at, token) in tokens.iter().enumerate() {
        let is_part = at > 0 && tokens[at - 1].is_mark(check, ".");
        let has_more = tokens.get(at + 1).is_some_and(|next| next.is_mark(check, ".") || next.is_mark(check, "("));
        if token.is(check, "value") && !is_part && !has_more {
            text.push_str(check.get(end..token.start)?);
            text.push_str(&format!("({value})"));
            end = token.end;
        }
    }
    text.push_str(check.get(end..)?);
    Some(text)
}

/// A new column of a domain, without a default: no row, where the domain refuses NULL.
pub(super) fn of_new_column(column: &Column, id: &ObjectId, cx: &PlanContext<'_>) -> Option<Premise> {
    let table = id.top();
    let (domain, _) = domain_of(&column.type_name, id, cx.to)?;
    let is_given = column.generated.is_some()
        || column.identity.is_some()
        || ColumnDefault::get(cx.to, &id.child(KindTag::Default, "")).is_some()
        || has_default(domain, cx.to);
    if !cx.online || cx.is_new(&table) || !cx.from.contains(&table) || is_given || cx.filled.contains(id) {
        return None;
    }
    let (name, of, typed) = (ident(&id.name()), table.sql(), domain.sql_path());
    Some(Premise {
        violations: format!("SELECT NULL::text FROM {} t WHERE {}", rows_of(&table, cx), refused(domain, "NULL", cx)?),
        fact: format!(
            "the new column {name} of {of} is of the domain {typed}, which refuses NULL, it has no default, and the table holds"
        ),
        noun: "row".to_owned(),
        help: format!("give {name} or the domain a default"),
        columns: vec![id.name().into_owned()],
        table,
        others: Vec::new(),
    })
}

fn has_default(domain: &ObjectId, catalog: &Catalog) -> bool {
    Domain::get(catalog, domain).is_some_and(|found| {
        found.default.is_some()
            || domain_of(&found.type_name, domain, catalog).is_some_and(|(base, _)| has_default(base, catalog))
    })
}

/// A check that a domain gets: no value of its columns that it refuses.
pub(crate) fn of_check(id: &ObjectId, cx: &PlanContext<'_>) -> Option<Premise> {
    let domain = id.top();
    let check = cx.to.get(id).and_then(DomainConstraint::of).filter(|_| stands(id, cx))?;
    let base = resolved(&Domain::get(cx.to, &domain)?.type_name, &domain, cx.to);
    let fact = format!("the check {} of the domain {} does not hold of", ident(&id.name()), domain.sql_path());
    of_values(&domain, fact, cx, |value| Some(format!("NOT ({})", about(&check.check, &format!("{value}::{base}"))?)))
}

/// NOT NULL that a domain gets: no NULL in its columns.
pub(crate) fn of_not_null(domain: &ObjectId, cx: &PlanContext<'_>) -> Option<Premise> {
    let fact = format!("the domain {} is to refuse NULL, which is in", domain.sql_path());
    of_values(domain, fact, cx, |value| Some(format!("{value} IS NULL")))
}

fn of_values(
    domain: &ObjectId,
    fact: String,
    cx: &PlanContext<'_>,
    violates: impl Fn(&str) -> Option<String>,
) -> Option<Premise> {
    let mut columns = Vec::new();
    let mut queue = vec![domain.clone()];
    while let Some(of) = queue.pop() {
        for (user, _) in cx.from.dependents(&of) {
            let stays = |type_name: &str| {
                Column::get(cx.to, user).is_some_and(|column| column.type_name == type_name)
                    && !cx.is_dropped(user)
                    && !cx.is_new(user)
            };
            if let Some(column) = Column::get(cx.from, user) {
                let is_direct = domain_of(&column.type_name, user, cx.from).is_some();
                columns.extend((is_direct && stays(&column.type_name)).then(|| user.clone()));
            } else if Domain::get(cx.from, user).is_some() {
                queue.push(user.clone());
            }
        }
    }
    columns.sort();
    columns.dedup();
    // A parent's rows without those of its child tables, whose columns are asked themselves.
    let ask = |column: &ObjectId| {
        let name = ident(&column.name());
        Some(format!("SELECT {name}::text FROM ONLY {} t WHERE {}", column.top().sql(), violates(&name)?))
    };
    let asked: Vec<String> = columns.iter().map(ask).collect::<Option<_>>()?;
    let mut tables: Vec<ObjectId> = columns.iter().map(ObjectId::top).collect();
    tables.dedup();
    let table = tables.first().filter(|_| cx.online)?.clone();
    let named: Vec<String> = columns.iter().map(ObjectId::sql_path).collect();
    Some(Premise {
        violations: asked.join(" UNION ALL "),
        fact: format!("{fact} {}:", named.join(", ")),
        noun: "value".to_owned(),
        help: mend(),
        columns: Vec::new(),
        table,
        others: tables.split_off(1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_from_their_definition() {
        let found = elements("EXCLUDE USING gist (lower(a, ',') WITH =, r WITH OPERATOR(pg_catalog.&&))");
        assert_eq!(found, Some(vec!["lower(a, ',') WITH =", "r WITH OPERATOR(pg_catalog.&&)"]));
        let pair = |value: &str, operator: &str| Some((value.to_owned(), operator.to_owned()));
        assert_eq!(excluded("lower(a, ',') WITH ="), pair("lower(a, ',')", "="));
        assert_eq!(excluded("a inet_ops WITH ="), None);
        assert_eq!(plain_value("((a + b)) DESC NULLS LAST").as_deref(), Some("((a + b))"));
    }

    #[test]
    fn a_reference_is_read_from_its_definition() {
        let read = reference("FOREIGN KEY (a, \"B b\") REFERENCES s.\"T\"(x, y) ON DELETE CASCADE");
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(read, Some(("s.\"T\"".to_owned(), words(&["a", "B b"]), words(&["x", "y"]))));
    }

    #[test]
    fn a_check_is_said_of_a_value() {
        let said = |check: &str| about(check, "t.a");
        assert_eq!(said("VALUE > 0").as_deref(), Some("(t.a) > 0"));
        assert_eq!(said("(VALUE).value <> 'VALUE'").as_deref(), Some("((t.a)).value <> 'VALUE'"));
        assert_eq!(said("value(\"VALUE\") = VALUE").as_deref(), Some("value(\"VALUE\") = (t.a)"));
    }
}
