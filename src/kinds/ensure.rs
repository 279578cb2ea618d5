//! Statements that make sure of an object, whatever is there already: for scripts that are pasted, and pasted again.
//!
//! Where PostgreSQL has IF NOT EXISTS or OR REPLACE, they are said; elsewhere a DO block asks the catalog. What exists is never
//! taken away; where it contradicts what is declared, the script says so or stops.

use std::collections::BTreeSet;

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::name::{Ident, beside, dollar_quoted, literal, qualified};
use crate::core::step::{Action, Step, Transaction};
use crate::core::versions;
use crate::kinds::component::comment;
use crate::kinds::options::Holder;
use crate::kinds::sequence::Sequence;
use crate::kinds::table::Table;
use crate::kinds::table::column::Column;
use crate::kinds::table::constraint::ConstraintType;
use crate::kinds::table::default::Default;
use crate::kinds::table::inheritance::{heirs, origins};
use crate::kinds::table::options_sql;
use crate::kinds::table::partition::has_attached_children;
pub(crate) use crate::kinds::table::premise::{asked_before, rows_fit};
use crate::kinds::table::row_type;
use crate::kinds::{KindTag, Object, holds, said, table};

pub(crate) fn regclass(name: &str) -> String {
    format!("to_regclass({})", literal(name))
}

/// An SQL expression that is true when the object is there; nothing for what can simply be stated again.
pub fn exists(id: &ObjectId, object: &Object) -> Option<String> {
    let name = literal(&id.name());
    let table = || regclass(&id.top_sql());
    Some(match object {
        Object::Schema(_) => format!("EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = {name})"),
        Object::Extension(_) => format!("EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = {name})"),
        Object::Enum(_) | Object::Domain(_) | Object::Composite(_) => {
            format!("to_regtype({}) IS NOT NULL", literal(&id.sql()))
        }
        Object::Sequence(_) | Object::Table(_) | Object::View(_) | Object::MaterializedView(_) | Object::Index(_) => {
            format!("{} IS NOT NULL", regclass(&id.sql()))
        }
        Object::Column(_) | Object::CompositeAttribute(_) => {
            format!(
                "EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = {} AND attname = {name} AND NOT attisdropped)",
                table()
            )
        }
        Object::Constraint(_) => {
            format!("EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = {} AND conname = {name})", table())
        }
        Object::DomainConstraint(_) => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE contypid = to_regtype({}) AND conname = {name})",
            literal(&id.top_sql())
        ),
        Object::Routine(_) => once_types_are_there(id, &format!("to_regprocedure({}) IS NOT NULL", literal(&id.sql()))),
        Object::Trigger(_) => {
            format!(
                "EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = {} AND tgname = {name} AND NOT tgisinternal)",
                table()
            )
        }
        Object::Policy(_) => {
            format!("EXISTS (SELECT FROM pg_catalog.pg_policy WHERE polrelid = {} AND polname = {name})", table())
        }
        Object::Attachment(attachment) => inherits(&id.top_sql(), &attachment.parent.sql()),
        Object::Inheritance(inheritance) => inherits(&id.top_sql(), &inheritance.parent.sql()),
        Object::IndexAttachment(attachment) => inherits(&index_name(&id.parent()?), &index_name(&attachment.parent)),
        _ => return None,
    })
}

/// A question about a routine, behind one for the types of its arguments: up to 15, a type that is not there is an error.
pub(crate) fn once_types_are_there(routine: &ObjectId, question: &str) -> String {
    let name = routine.name();
    let types = crate::kinds::routine::split_types(crate::kinds::routine::argument_types(&name));
    let types: BTreeSet<String> = types
        .iter()
        .filter(|t| !t.trim().is_empty())
        .map(|t| format!("to_regtype({}) IS NULL", literal(t.trim())))
        .collect();
    match types.is_empty() {
        true => question.to_owned(),
        false => {
            let missing = types.into_iter().collect::<Vec<_>>().join(" OR ");
            format!("(CASE WHEN {missing} THEN false ELSE {question} END)")
        }
    }
}

/// Whether an identity column counts with a sequence of this name.
pub fn is_counter(id: &ObjectId, catalog: &Catalog) -> bool {
    id.kind() == KindTag::Sequence
        && catalog.iter().any(
            |(column, object)| matches!(object, Object::Column(c) if c.identity_sequence(column).as_ref() == Some(id)),
        )
}

/// As [`exists`], where something of another kind may have taken the name since.
pub fn is_there(id: &ObjectId, object: &Object) -> Option<String> {
    let kinds = match object {
        Object::Table(_) => "r, p",
        Object::View(_) => "v",
        Object::MaterializedView(_) => "m",
        Object::Sequence(_) => "S",
        // A key may have taken the place of an index, under the same name.
        Object::Index(_) => {
            return Some(format!(
                "EXISTS (SELECT FROM pg_catalog.pg_index WHERE indexrelid = {} AND NOT {})",
                regclass(&id.sql()),
                of_key("indexrelid")
            ));
        }
        _ => return exists(id, object),
    };
    Some(format!(
        "EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = {} AND relkind = ANY ('{{{kinds}}}'))",
        regclass(&id.sql())
    ))
}

/// What tells an object that can be dropped from one that took its name since, and belongs to another: what a partition got from its
/// table when it was attached, or the index of a key.
fn is_its_own(id: &ObjectId, object: &Object) -> Option<String> {
    let (table, name) = (regclass(&id.top_sql()), literal(&id.name()));
    Some(match object {
        Object::Trigger(_) => {
            format!(
                "EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = {table} AND tgname = {name} AND tgparentid = 0)"
            )
        }
        Object::Constraint(_) => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = {table} AND conname = {name} AND coninhcount = 0)"
        ),
        Object::Index(_) => format!("NOT {}", of_key(&regclass(&id.sql()))),
        _ => return None,
    })
}

/// An SQL expression that is true where an index is that of a key or an exclusion constraint.
pub(crate) fn of_key(index: &str) -> String {
    format!("EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conindid = {index} AND contype IN ('p', 'u', 'x'))")
}

/// True once what has an object's name is its new form; `None` where that cannot be told from the old one. A type that is the same
/// by itself is told by its constraints or attributes.
pub fn is_changed(id: &ObjectId, from: &Catalog, to: &Catalog, major: u32) -> Option<String> {
    let changed = |id: &ObjectId| {
        let told = |catalog: &Catalog| holds::holds(id, catalog.get(id)?, catalog, major);
        told(to).filter(|new| told(from).as_ref() != Some(new))
    };
    changed(id).or_else(|| {
        let is_part = |kind: KindTag| matches!(kind, KindTag::DomainConstraint | KindTag::CompositeAttribute);
        let parts = to.below(id).map(|(part, _)| part).filter(|part| is_part(part.kind()));
        let parts: Vec<String> = parts.filter_map(changed).collect();
        (!parts.is_empty()).then(|| parts.join(" AND "))
    })
}

pub(crate) fn index_name(id: &ObjectId) -> String {
    qualified(&id.schema().unwrap_or_default(), &id.name())
}

pub(crate) fn inherits(child: &str, parent: &str) -> String {
    format!(
        "EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = {} AND inhparent = {})",
        regclass(child),
        regclass(parent)
    )
}

/// The text of a constraint without what VALIDATE mends.
pub(crate) const CONSTRAINT_TEXT: &str = "regexp_replace(pg_get_constraintdef(oid), ' NOT VALID$', '')";

/// The text of an index without what says nothing about what it holds: the usual method, ONLY, storage parameters.
pub(crate) const INDEX_TEXT: &str = "replace(replace(CASE WHEN c.reloptions IS NULL THEN pg_get_indexdef(c.oid) ELSE \
     regexp_replace(pg_get_indexdef(c.oid), E' WITH \\\\([^)]*\\\\)', '') END, ' ON ONLY ', ' ON '), ' USING btree ', ' ')";

pub(crate) fn labels(values: &[String]) -> String {
    format!("ARRAY[{}]::text[]", values.iter().map(|v| literal(v)).collect::<Vec<_>>().join(", "))
}

/// A DO block that runs statements where a condition holds.
pub fn when(condition: &str, statements: &[String]) -> String {
    let body: String = statements.iter().map(|s| format!("    EXECUTE {};\n", literal(s))).collect();
    format!("DO {}", dollar_quoted(&format!("\nBEGIN\n  IF {condition} THEN\n{body}  END IF;\nEND\n")))
}

/// A DO block that stops a script where a condition holds.
pub fn stop_when(condition: &str, message: &str, hint: &str) -> String {
    let body = format!(
        "\nBEGIN\n  IF {condition} THEN\n    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = {}, HINT = {};\n  END IF;\nEND\n",
        literal(message),
        literal(hint)
    );
    format!("DO {}", dollar_quoted(&body))
}

/// Statements that make sure of an object. `create` are the statements that would bring it into being where nothing is.
pub fn ensure(id: &ObjectId, object: &Object, create: &[String], catalog: &Catalog) -> Vec<String> {
    let first = create.first().map(String::as_str).unwrap_or_default();
    let part = id.child(KindTag::Attachment, "");
    if let (Object::Table(_), Some(Object::Attachment(part))) = (object, catalog.get(&part))
        && first.contains(" PARTITION OF ")
    {
        let done = format!("{} IS NOT NULL", regclass(&id.sql()));
        let (made, rest) = create.split_at(1);
        let made = as_partition(id, &part.parent, &done, made);
        return std::iter::once(made).chain(rest.iter().cloned()).collect();
    }
    let after = |prefix: &str, with: &str| first.strip_prefix(prefix).map(|rest| format!("{with}{rest}"));
    let rest = || create.iter().skip(1).cloned();
    let replaced = match object {
        Object::Schema(_) => after("CREATE SCHEMA ", "CREATE SCHEMA IF NOT EXISTS ")
            .map(|s| s.replace("IF NOT EXISTS IF NOT EXISTS", "IF NOT EXISTS")),
        Object::Table(table) if table.logged => after("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS "),
        Object::Table(_) => after("CREATE UNLOGGED TABLE ", "CREATE UNLOGGED TABLE IF NOT EXISTS "),
        Object::Sequence(_) => after("CREATE SEQUENCE ", "CREATE SEQUENCE IF NOT EXISTS "),
        Object::MaterializedView(_) => after("CREATE MATERIALIZED VIEW ", "CREATE MATERIALIZED VIEW IF NOT EXISTS "),
        Object::Routine(_) | Object::View(_) => {
            if first.starts_with("CREATE OR REPLACE ") {
                Some(first.to_owned())
            } else {
                after("CREATE ", "CREATE OR REPLACE ")
            }
        }
        Object::Trigger(trigger) if !trigger.constraint => {
            if first.starts_with("CREATE OR REPLACE ") {
                Some(first.to_owned())
            } else {
                after("CREATE TRIGGER ", "CREATE OR REPLACE TRIGGER ")
            }
        }
        _ => None,
    };
    if let Some(statement) = replaced {
        let mut statements: Vec<String> = std::iter::once(statement).chain(rest()).collect();
        if let Object::Trigger(_) = object {
            // OR REPLACE makes no plain trigger of a constraint trigger.
            let other = format!(
                "EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = {} AND tgname = {} AND tgconstraint <> 0 AND NOT tgisinternal)",
                regclass(&id.top_sql()),
                literal(&id.name())
            );
            statements.insert(0, when(&other, &[format!("DROP TRIGGER {} ON {}", Ident(&id.name()), id.top_sql())]));
        }
        if let Object::Table(table) = object
            && !table.options.is_empty()
        {
            let holder = Holder::table(table.access_method.as_deref());
            let set = format!("ALTER TABLE {} SET ({})", id.sql(), options_sql(&table.options));
            statements.push(when(&format!("NOT {}", said::options_of(&id.sql(), holder, &table.options)), &[set]));
        }
        return statements;
    }
    match object {
        Object::Enum(kind) => {
            let mut statements = guarded(id, object, create, catalog);
            statements.push(missing_values(id, &kind.values));
            statements
        }
        Object::Index(index) if !index.only => {
            let mut statements = vec![when(&invalid_index(id), &[format!("DROP INDEX {}", id.sql())])];
            statements.extend(rows_fit(id, object, catalog));
            statements.extend(guarded(id, object, create, catalog));
            statements
        }
        Object::Constraint(constraint) => {
            let mut statements: Vec<String> = rows_fit(id, object, catalog).into_iter().collect();
            statements.extend(match table::is_between_unlogged(id, constraint, catalog) {
                // What is to be UNLOGGED, and is not, is left as it is: after a crash it would be empty.
                true => {
                    let what =
                        format!("the foreign key {} of {} cannot be created", Ident(&id.name()), id.top().sql_path());
                    let lacking = holds::there(id, object, catalog).map(|there| format!("NOT ({there})"));
                    let lacking = lacking.unwrap_or_else(|| "true".to_owned());
                    vec![attempted(&lacking, create, "invalid_table_definition", &what, BY_APPLY)]
                }
                false => guarded(id, object, create, catalog),
            });
            // The rows of a partition or child table may violate what is NOT VALID for its parent: whether they do is not declared.
            if constraint.validated && constraint.enforced && !table::comes_unproved(id, object, catalog) {
                let (table, name) = (id.top_sql(), id.name());
                let unproved = format!(
                    "EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = {} AND conname = {} AND NOT convalidated)",
                    regclass(&table),
                    literal(&name)
                );
                let validate = format!("ALTER TABLE {table} VALIDATE CONSTRAINT {}", Ident(&name));
                statements.push(when(&unproved, &[validate]));
            }
            statements
        }
        Object::Column(column) => column_statements(id, object, column, catalog),
        Object::Policy(_) => {
            // A policy cannot be replaced; inside the one transaction of the script nobody sees the gap.
            let mut statements = vec![format!("DROP POLICY IF EXISTS {} ON {}", Ident(&id.name()), id.top_sql())];
            statements.extend(create.iter().cloned());
            statements
        }
        Object::Trigger(_) => {
            // Nor can a constraint trigger.
            let mut statements = vec![format!("DROP TRIGGER IF EXISTS {} ON {}", Ident(&id.name()), id.top_sql())];
            statements.extend(create.iter().cloned());
            statements
        }
        Object::Comment(_) => match comment::has_other_name(id, catalog) {
            Some(other) => vec![when(&format!("NOT ({other})"), create)],
            None => create.to_vec(),
        },
        Object::Attachment(attachment) => {
            let done = inherits(&id.top_sql(), &attachment.parent.sql());
            vec![as_partition(&id.top(), &attachment.parent, &done, create)]
        }
        Object::Inheritance(inheritance) => {
            let parent = &inheritance.parent;
            let todo = format!("NOT {}", inherits(&id.top_sql(), &parent.sql()));
            let what = format!("table {} cannot inherit from {}", id.top().sql_path(), parent.sql_path());
            vec![attempted(&todo, create, "datatype_mismatch OR wrong_object_type", &what, BY_APPLY)]
        }
        Object::IndexAttachment(attachment) => {
            let Some(index) = id.parent() else { return create.to_vec() };
            let (part, whole) = (index_name(&index), index_name(&attachment.parent));
            let what = format!("index {part} cannot become a part of {whole}");
            let foreseen =
                "object_not_in_prerequisite_state OR invalid_object_definition OR wrong_object_type OR undefined_table";
            vec![attempted(&format!("NOT {}", inherits(&part, &whole)), create, foreseen, &what, BY_APPLY)]
        }
        Object::SequenceOwner(owner) => {
            let (sequence, column) = (id.top().sql_path(), owner.column.sql_path());
            let what = format!("sequence {sequence} cannot belong to {column}");
            let hint = "give the table and the sequence one owner (ALTER … OWNER TO), or have `trueup apply` do it";
            let belongs = said::belongs(id, &owner.column);
            vec![attempted(&format!("NOT {belongs}"), create, "object_not_in_prerequisite_state", &what, hint)]
        }
        Object::DomainConstraint(_) => match exists(id, object) {
            Some(there) => {
                let what = format!("the check {} cannot be added to domain {}", Ident(&id.name()), id.top().sql_path());
                vec![attempted(&format!("NOT {there}"), create, "feature_not_supported", &what, BY_APPLY)]
            }
            None => create.to_vec(),
        },
        _ if exists(id, object).is_some() => guarded(id, object, create, catalog),
        _ => create.to_vec(),
    }
}

/// Makes a table a partition, unless that is done. What stands in the way is mended by no addition: another partition that takes
/// the same rows, rows that lie elsewhere, columns that the whole has not.
fn as_partition(table: &ObjectId, parent: &ObjectId, done: &str, create: &[String]) -> String {
    let hint = format!(
        "detach or move what is in the way (ALTER TABLE {} DETACH PARTITION …), or have `trueup apply` do it",
        parent.sql()
    );
    let what = format!("table {} cannot become a partition of {}", table.sql_path(), parent.sql_path());
    let foreseen = "invalid_object_definition OR wrong_object_type OR check_violation OR datatype_mismatch";
    attempted(&format!("NOT ({done})"), create, foreseen, &what, &hint)
}

/// Runs statements where a condition holds. Errors that are foreseen, since what is there may be in the way of what is declared, say
/// what was to be done, and what to do.
pub(crate) fn attempted(condition: &str, statements: &[String], foreseen: &str, what: &str, hint: &str) -> String {
    let body = format!(
        "\nBEGIN\n  IF {condition} THEN\n{}  END IF;\nEXCEPTION WHEN {foreseen} THEN\n  \
         RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = {} || SQLERRM,\n    HINT = {};\nEND\n",
        statements.iter().map(|s| format!("    EXECUTE {};\n", literal(s))).collect::<String>(),
        literal(&format!("{what}: ")),
        literal(&format!("Nothing has been changed. This script takes nothing away: {hint}, and run again."))
    );
    format!("DO {}", dollar_quoted(&body))
}

/// Runs a statement about rows. Where it fails, the error says for what it was run: PostgreSQL names a constraint at most.
pub fn named(sql: &str, name: &str) -> String {
    let body = format!(
        "\nDECLARE\n  why text;\nBEGIN\n  EXECUTE {};\nEXCEPTION WHEN OTHERS THEN\n  GET STACKED DIAGNOSTICS why = PG_EXCEPTION_DETAIL;\n  \
         RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = {} || SQLERRM, DETAIL = why,\n    \
         HINT = 'This script has changed nothing. Mend the rows, or what is declared about them, and run it again.';\nEND\n",
        literal(sql),
        literal(&format!("mending rows for \"{name}\": "))
    );
    format!("DO {}", dollar_quoted(&body))
}

/// The head of a PL/pgSQL body that holds a query about the user's tables: a name that a column and a variable have is the column's.
/// Every body has a variable called FOUND.
pub(crate) const COLUMNS_FIRST: &str = "\n#variable_conflict use_column\n";

/// As many rows that are wrong are shown.
pub(crate) const SHOWN: usize = 10;

/// The rows of the array `found`, which holds one more than are shown where there are more.
pub(crate) fn found_rows() -> String {
    format!(
        "array_to_string(found[:{SHOWN}], E'\\n') || CASE WHEN array_length(found, 1) > {SHOWN} THEN E'\\n{AND_MORE}' ELSE '' END"
    )
}

/// What stands for the rows that are not shown.
pub(crate) const AND_MORE: &str = "… and more";

/// What `trueup apply` can do where additions cannot.
pub(crate) const BY_APPLY: &str = "have `trueup apply` do it";

/// Whether a step proves what was demanded of new rows only so far.
pub fn proves(step: &Step) -> bool {
    step.object.kind() == KindTag::Constraint && step.sql.contains(" VALIDATE CONSTRAINT ")
}

/// What a primary key demands of its columns, where a table with partitions is to get it alone: its heirs' columns are not made
/// NOT NULL along with it.
pub fn demanded(id: &ObjectId, object: &Object, catalog: &Catalog, major: u32) -> Vec<String> {
    let Object::Constraint(key) = object else { return Vec::new() };
    if key.constraint_type != ConstraintType::PrimaryKey || heirs(&id.top(), catalog).is_empty() {
        return Vec::new();
    }
    let columns = key.columns.iter().map(|name| id.top().child(KindTag::Column, name));
    columns.filter_map(|column| not_null(&column, catalog.get(&column)?, major)).collect()
}

/// As [`ensure`], for a step from a known state: what it says is what is to be done, only that it may have been done already.
pub fn ensure_known(id: &ObjectId, object: &Object, step: &Step, catalog: &Catalog) -> Vec<String> {
    let create = std::slice::from_ref(&step.sql);
    match object {
        Object::Column(_) => vec![added_once(id, object, &step.sql, catalog)],
        // VALIDATE is a step of its own, in a later transaction. What has the same demand may be what is to take its place.
        Object::Constraint(_) => {
            let rows = if step.sql.ends_with(" NOT VALID") { None } else { rows_fit(id, object, catalog) };
            let made = exists(id, object).map(|there| when(&format!("NOT {there}"), create));
            rows.into_iter().chain(made).collect()
        }
        // What it has yet to do may be pending in the transaction.
        Object::Trigger(trigger) if trigger.constraint => guarded(id, object, create, catalog),
        _ => ensure(id, object, create, catalog),
    }
}

fn guarded(id: &ObjectId, object: &Object, create: &[String], catalog: &Catalog) -> Vec<String> {
    match holds::there(id, object, catalog) {
        Some(there) if !create.is_empty() => vec![when(&format!("NOT ({there})"), create)],
        _ => create.to_vec(),
    }
}

/// The statement that adds a column, where it may have been added already.
fn added_once(id: &ObjectId, object: &Object, add: &str, catalog: &Catalog) -> String {
    // A table of a type and a partition are asked first: they take no such statement, not even for a column that they have.
    let typed = Table::get(catalog, &id.top()).is_some_and(|table| table.of_type.is_some());
    let is_partition = catalog.children(&id.top(), KindTag::Attachment).next().is_some();
    match exists(id, object).filter(|_| typed || is_partition) {
        Some(there) => when(&format!("NOT {there}"), &[add.to_owned()]),
        None => add.replacen(" ADD COLUMN ", " ADD COLUMN IF NOT EXISTS ", 1),
    }
}

/// The column, if a table that is there already lacks it. NOT NULL waits for the rows ([`not_null`]).
fn column_statements(id: &ObjectId, object: &Object, column: &Column, catalog: &Catalog) -> Vec<String> {
    let default = Default::get(catalog, &id.child(KindTag::Default, ""));
    let mut plain = column.clone();
    // A table with heirs cannot be given an identity column; it is made one later ([`identity`]).
    if !heirs(&id.top(), catalog).is_empty() {
        plain.identity = None;
    }
    if default.is_none() && plain.identity.is_none() && column.generated.is_none() {
        plain.not_null = None;
    }
    let add = format!("ALTER TABLE {} ADD COLUMN {}", id.top_sql(), plain.definition(id, default));
    // IF NOT EXISTS is refused on another's table, also for a column that it has. What is an heir already has it from its parent,
    // or gets it with that.
    let of_parents = origins(id, catalog);
    let of_parents = of_parents.iter().map(|origin| inherits(&id.top_sql(), &origin.top_sql()));
    let lacking: Vec<String> =
        exists(id, object).into_iter().chain(of_parents).map(|there| format!("NOT {there}")).collect();
    let lacking = lacking.join(" AND ");
    vec![match row_type::fills(&plain, id, default.is_some(), catalog) && row_type::is_held(&id.top(), catalog) {
        true => {
            let what = format!("column {} cannot be added", id.sql_path());
            let hint = "add the column by hand without a default or an expression, fill it";
            attempted(&lacking, &[add], "feature_not_supported", &what, hint)
        }
        false => when(&lacking, &[add]),
    }]
}

/// True where a cut-off CREATE INDEX CONCURRENTLY left an index that nothing uses. One of a partitioned table merely lacks parts.
fn invalid_index(id: &ObjectId) -> String {
    format!(
        "EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE c.oid = {} AND c.relkind = 'i' AND NOT i.indisvalid)",
        regclass(&id.sql())
    )
}

/// Adds the values that an enum lacks, each in its place among those that are there.
pub(crate) fn missing_values(id: &ObjectId, values: &[String]) -> String {
    missing_values_before_renames(&[id], values, &vec![None; values.len()])
}

/// As [`missing_values`], where renames are yet to come: the type has one of several names, and a value may still have its old one.
/// Nothing where the type is not there.
pub(crate) fn missing_values_before_renames(names: &[&ObjectId], values: &[String], old: &[Option<&str>]) -> String {
    let names: Vec<String> = names.iter().map(|id| id.sql()).collect();
    let old: Vec<String> = old.iter().map(|value| value.map_or_else(|| "NULL".to_owned(), literal)).collect();
    let body = format!(
        "\nDECLARE\n  wanted text[] := {};\n  was text[] := ARRAY[{}]::text[];\n  name text := (SELECT n FROM unnest({}) WITH ORDINALITY u (n, i) JOIN pg_catalog.pg_type t ON t.oid = to_regtype(n) AND t.typtype = 'e' ORDER BY i LIMIT 1);\n  \
         found text[] := ARRAY(SELECT enumlabel::text FROM pg_catalog.pg_enum WHERE enumtypid = to_regtype(name) ORDER BY enumsortorder);\n  \
         place text;\nBEGIN\n  FOR i IN 1..CASE WHEN name IS NULL THEN 0 ELSE coalesce(array_length(wanted, 1), 0) END LOOP\n    \
         CONTINUE WHEN wanted[i] = ANY (found);\n    IF was[i] = ANY (found) THEN\n      wanted[i] := was[i];\n      CONTINUE;\n    END IF;\n    \
         IF i > 1 THEN\n      place := format(' AFTER %L', wanted[i - 1]);\n    ELSE\n      \
         place := (SELECT format(' BEFORE %L', f) FROM unnest(wanted, was) WITH ORDINALITY u (w, o, n) JOIN unnest(found) f ON f IN (w, o) ORDER BY n LIMIT 1);\n    END IF;\n    \
         EXECUTE format('ALTER TYPE %s ADD VALUE %L%s', name, wanted[i], coalesce(place, ''));\n  END LOOP;\nEND\n",
        labels(values),
        old.join(", "),
        labels(&names),
    );
    format!("DO {}", dollar_quoted(&body))
}

/// Whether what is said of a part of an object waits until all else is done: the part comes once no row is in its way.
pub fn after_all(id: &ObjectId) -> bool {
    comment::is_on_not_null(id)
}

/// Whether an object waits for the rows to be mended: what demands something of all of them.
pub fn after_rows(object: &Object) -> bool {
    use crate::kinds::table::constraint::ConstraintType;
    match object {
        Object::Constraint(constraint) => matches!(
            constraint.constraint_type,
            ConstraintType::Check | ConstraintType::ForeignKey | ConstraintType::Exclusion
        ),
        Object::DomainConstraint(_) => true,
        _ => false,
    }
}

/// Whether what a step brings can be used only once it is committed: a new value of an enum.
pub fn must_commit(step: &Step) -> bool {
    step.action == Action::Alter && step.object.kind() == KindTag::Enum && step.transaction == Transaction::Own
}

/// A value of an enum, and how a script may use it.
pub struct EnumValue {
    /// The value.
    pub value: String,
    /// As a constant of the type.
    constants: Vec<String>,
}

impl EnumValue {
    /// Whether statements of ours, as PostgreSQL writes constants, or statements as people write them use the value.
    pub fn is_used_in(&self, ours: &[&str], theirs: &str) -> bool {
        // Inside EXECUTE the quotes are doubled.
        let doubled = |text: &str| text.replace('\'', "''");
        let found = |text: &str, constant: &str| text.contains(constant) || text.contains(&doubled(constant));
        ours.iter().any(|text| self.constants.iter().any(|c| found(text, c))) || found(theirs, &literal(&self.value))
    }
}

/// The values that an enum has.
pub fn enum_values(id: &ObjectId, object: &Object) -> Vec<EnumValue> {
    let Object::Enum(kind) = object else { return Vec::new() };
    let names = [id.sql(), Ident(&id.name()).to_string()];
    let values = kind.values.iter().map(|value| EnumValue {
        value: value.clone(),
        constants: names.iter().map(|name| format!("{}::{name}", literal(value))).collect(),
    });
    values.collect()
}

/// True where an enum is there and has a value.
pub fn has_value(id: &ObjectId, value: &str) -> String {
    let (name, value) = (literal(&id.sql()), literal(value));
    format!("EXISTS (SELECT FROM pg_catalog.pg_enum WHERE enumtypid = to_regtype({name}) AND enumlabel = {value})")
}

/// A step that brings nothing into being, written so that it may be run again. `from` is the state it was planned for, `to` the
/// one that it leads to.
pub fn again(step: &Step, from: &Catalog, to: &Catalog) -> String {
    let sql = again_by_itself(step, from, to);
    asked_before(step).map_or(sql.clone(), |ask| format!("{ask};\n{sql}"))
}

fn again_by_itself(step: &Step, from: &Catalog, to: &Catalog) -> String {
    let guarded = |condition: &str| when(condition, std::slice::from_ref(&step.sql));
    let kind = step.object.kind();
    if must_commit(step) {
        let sql = step.sql.replacen(" ADD VALUE ", " ADD VALUE IF NOT EXISTS ", 1);
        return match &step.done_when {
            Some(done) => when(&format!("NOT coalesce(({done}), false)"), &[sql]),
            None => sql,
        };
    }
    if kind == KindTag::Constraint
        && let Some(wanted) = constraint_again(step, from, to)
    {
        return guarded(&wanted);
    }
    match (step.action, &step.done_when) {
        (_, Some(done)) if step.transaction != Transaction::None => guarded(&format!("NOT coalesce(({done}), false)")),
        (Action::Drop | Action::Rename, Some(done)) => guarded(&format!("NOT coalesce(({done}), false)")),
        (Action::Drop | Action::Rename, None) => {
            // What is said of another object goes with that.
            let whole = std::iter::successors(Some(step.object.clone()), ObjectId::parent);
            let droppable = |id: &ObjectId, object: &Object| match step.action {
                Action::Drop => is_its_own(id, object),
                _ => None,
            };
            let there = whole.into_iter().find_map(|id| {
                let object = from.get(&id)?;
                let there = is_there(&id, object)?;
                Some(droppable(&id, object).map_or(there.clone(), |own| format!("{there} AND {own}")))
            });
            // With a partitioned index go its parts, also those that were made before, for its new form.
            let new_form = || is_changed(&step.object, from, to, to.origin.major);
            let renewed = Some(&step.object).filter(|id| has_attached_children(id, to)).and_then(|_| new_form());
            match there.map(|there| renewed.map_or(there.clone(), |new| format!("{there} AND NOT {new}"))) {
                Some(there) => guarded(&there),
                None => step.sql.clone(),
            }
        }
        (Action::Data, _) => match while_there(step, from) {
            Some(there) => guarded(&there),
            None => step.sql.clone(),
        },
        _ => step.sql.clone(),
    }
}

/// When a step about a constraint is still to be done. A new form may be built beside the old one, and takes its place then.
fn constraint_again(step: &Step, from: &Catalog, to: &Catalog) -> Option<String> {
    let (table, name) = (regclass(&step.object.top_sql()), step.object.name());
    let aside = beside(&name);
    let named = |name: &str, more: &str| {
        let name = literal(name);
        format!("EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = {table} AND conname = {name}{more})")
    };
    let demand = |catalog: &Catalog| match catalog.get(&step.object) {
        Some(Object::Constraint(constraint)) => Some(literal(&constraint.printed(true))),
        _ => None,
    };
    let (old, demand) = (demand(from), demand(to));
    let says = |word: &str, name: &str| step.sql.contains(&format!(" {word} CONSTRAINT {}", Ident(name)));
    let is_new = |demand: &String| named(&name, &format!(" AND {CONSTRAINT_TEXT} = {demand}"));
    if says("ADD", &aside) {
        let taken = demand.as_ref().map(|demand| format!(" AND NOT {}", is_new(demand)));
        return Some(format!("NOT {}{}", named(&aside, ""), taken.unwrap_or_default()));
    }
    if says("ADD", &name) {
        return Some(format!("NOT {}", named(&name, "")));
    }
    if says("VALIDATE", &aside) {
        return Some(named(&aside, ""));
    }
    // The old form; what has the name by then is the new one. What is made again as it was tells nothing.
    let demand = demand.filter(|demand| step.action == Action::Drop && old.as_ref() != Some(demand))?;
    Some(named(&name, &format!(" AND {CONSTRAINT_TEXT} <> {demand}")))
}

/// The condition under which a step about rows can be run: what it reads and is on its way out must still be there.
pub fn while_there(step: &Step, from: &Catalog) -> Option<String> {
    let read = step.uses.iter().filter(|id| step.sql.contains(&*id.name()));
    let there: BTreeSet<String> = read.filter_map(|id| exists(id, from.get(id)?)).collect();
    (!there.is_empty()).then(|| there.into_iter().collect::<Vec<_>>().join(" AND "))
}

/// What removes the remains of a step that was cut off outside a transaction.
pub fn clear_remains(step: &Step) -> Option<String> {
    let (cleanup, done) = (step.cleanup.as_ref()?, step.done_when.as_ref()?);
    // Nothing runs concurrently inside a block.
    let sql = cleanup.replacen("DROP INDEX CONCURRENTLY ", "DROP INDEX ", 1);
    Some(when(&format!("NOT coalesce(({done}), false)"), &[sql]))
}

/// A statement that runs alone, outside any transaction, written so that it may be run again.
pub fn alone_again(step: &Step) -> String {
    for (words, with) in [
        ("CREATE INDEX CONCURRENTLY ", "CREATE INDEX CONCURRENTLY IF NOT EXISTS "),
        ("CREATE UNIQUE INDEX CONCURRENTLY ", "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "),
        ("DROP INDEX CONCURRENTLY ", "DROP INDEX CONCURRENTLY IF EXISTS "),
    ] {
        if let Some(rest) = step.sql.strip_prefix(words)
            && !rest.starts_with("IF ")
        {
            return format!("{with}{rest}");
        }
    }
    step.sql.clone()
}

/// GENERATED AS IDENTITY for a column that is there without; an existing identity of the other sort is restated.
pub fn identity(id: &ObjectId, object: &Object, catalog: &Catalog) -> Option<String> {
    let Object::Column(column) = object else { return None };
    let identity = column.identity.as_ref()?;
    // A partition has its parent's.
    if catalog.children(&id.top(), KindTag::Attachment).next().is_some() {
        return None;
    }
    let (table, name) = (id.top_sql(), Ident(&id.name()).to_string());
    let is = |condition: &str| {
        format!(
            "EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = {} AND attname = {} AND NOT attisdropped AND {condition})",
            regclass(&table),
            literal(&id.name())
        )
    };
    let words = if identity.always { "ALWAYS" } else { "BY DEFAULT" };
    let counter = Sequence::of_identity(&column.type_name, identity);
    let same = is(&format!(
        "attidentity = '{}' AND EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_sequence s ON s.seqrelid = d.objid \
         WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = attrelid AND d.refobjsubid = attnum \
         AND d.deptype = 'i' AND {})",
        if identity.always { "a" } else { "d" },
        said::counts_as(&counter)
    ));
    let body = format!(
        "\nDECLARE\n  fits boolean;\nBEGIN\n  IF {} THEN\n    EXECUTE {};\n    EXECUTE {};\n  ELSIF {} THEN\n    \
         EXECUTE format('SELECT is_called OR last_value BETWEEN {} AND {} FROM %s', pg_get_serial_sequence({}, {})) INTO fits;\n    \
         EXECUTE {} || CASE WHEN fits THEN '' ELSE ' RESTART' END;\n  END IF;\nEND\n",
        is("attidentity = ''"),
        literal(&format!("ALTER TABLE {table} ALTER COLUMN {name} ADD {}", identity.clause())),
        // Numbers that are taken are not given again.
        literal(&format!(
            "SELECT setval(pg_get_serial_sequence({}, {}), max({name})) FROM {table} HAVING max({name}) IS NOT NULL",
            literal(&table),
            literal(&id.name())
        )),
        format_args!("NOT {same}"),
        counter.min,
        counter.max,
        literal(&table),
        literal(&id.name()),
        literal(&format!("ALTER TABLE {table} ALTER COLUMN {name} SET GENERATED {words} {}", identity.all_options())),
    );
    Some(format!("DO {}", dollar_quoted(&body)))
}

/// SET NOT NULL, once no row is without a value; otherwise the script stops and names rows.
pub fn not_null(id: &ObjectId, object: &Object, major: u32) -> Option<String> {
    let Object::Column(column) = object else { return None };
    let own = column.not_null.as_ref()?;
    let (table, name) = (id.top_sql(), Ident(&id.name()).to_string());
    let body = format!(
        "{COLUMNS_FIRST}DECLARE\n  found text[];\nBEGIN\n  IF EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = {} AND attname = {} AND NOT attisdropped AND NOT attnotnull) THEN\n    \
         found := ARRAY(SELECT t::text FROM {table} t WHERE t.{name} IS NULL LIMIT {});\n    IF found <> '{{}}' THEN\n      \
         RAISE EXCEPTION USING ERRCODE = 'not_null_violation', MESSAGE = {}, DETAIL = {}, HINT = 'Nothing has been changed. Give these rows a value (backfill), and run again.';\n    END IF;\n    \
         EXECUTE {};\n  END IF;\nEND\n",
        regclass(&table),
        literal(&id.name()),
        SHOWN + 1,
        literal(&format!("column {} is to be NOT NULL and has rows without a value", id.sql_path())),
        found_rows(),
        // PostgreSQL does not choose a name that a new heir has already.
        literal(&match major >= versions::NAMED_NOT_NULL {
            true => format!("ALTER TABLE {table} ADD CONSTRAINT {} NOT NULL {name}", Ident(&own.name_of(id))),
            false => format!("ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL"),
        }),
    );
    Some(format!("DO {}", dollar_quoted(&body)))
}
