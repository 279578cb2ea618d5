//! Statements that make sure of an object, whatever is there already: for scripts that are pasted, and pasted again.
//!
//! Where PostgreSQL has IF NOT EXISTS or OR REPLACE, they are said; elsewhere a DO block asks the catalog. What exists is never
//! taken away; where it contradicts what is declared, the script says so or stops.

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::name::{Ident, dollar_quoted, literal, qualified};
use crate::kinds::table::column::Column;
use crate::kinds::table::default::Default;
use crate::kinds::{KindTag, Object};

fn regclass(name: &str) -> String {
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
        Object::Routine(_) => format!("to_regprocedure({}) IS NOT NULL", literal(&id.sql())),
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

fn index_name(id: &ObjectId) -> String {
    qualified(&id.schema().unwrap_or_default(), &id.name())
}

fn inherits(child: &str, parent: &str) -> String {
    format!(
        "EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = {} AND inhparent = {})",
        regclass(child),
        regclass(parent)
    )
}

/// An SQL expression that is true when the object is there and is as declared, as far as that can be asked shortly.
pub fn holds(id: &ObjectId, object: &Object) -> Option<String> {
    let name = literal(&id.name());
    Some(match object {
        Object::Column(column) => {
            let not_null = if column.not_null.is_some() { " AND attnotnull" } else { "" };
            format!(
                "EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = {} AND attname = {name} AND NOT attisdropped \
                 AND format_type(atttypid, atttypmod) = {}{not_null})",
                regclass(&id.top_sql()),
                literal(&column.type_name)
            )
        }
        Object::Constraint(constraint) => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = {} AND conname = {name} AND pg_get_constraintdef(oid) = {})",
            regclass(&id.top_sql()),
            literal(&constraint.clause(constraint.validated))
        ),
        Object::Table(table) => {
            let rls = if table.rls { " AND relrowsecurity" } else { "" };
            format!("EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = {}{rls})", regclass(&id.sql()))
        }
        Object::Index(_) => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_index WHERE indexrelid = {} AND indisvalid)",
            regclass(&id.sql())
        ),
        _ => exists(id, object)?,
    })
}

/// A DO block that runs statements where a condition holds.
pub fn when(condition: &str, statements: &[String]) -> String {
    let body: String = statements.iter().map(|s| format!("    EXECUTE {};\n", literal(s))).collect();
    format!("DO {}", dollar_quoted(&format!("\nBEGIN\n  IF {condition} THEN\n{body}  END IF;\nEND\n")))
}

/// Statements that make sure of an object. `create` are the statements that would bring it into being where nothing is.
pub fn ensure(id: &ObjectId, object: &Object, create: &[String], catalog: &Catalog) -> Vec<String> {
    let first = create.first().map(String::as_str).unwrap_or_default();
    let after = |prefix: &str, with: &str| first.strip_prefix(prefix).map(|rest| format!("{with}{rest}"));
    let rest = || create.iter().skip(1).cloned();
    let replaced = match object {
        Object::Schema(_) => after("CREATE SCHEMA ", "CREATE SCHEMA IF NOT EXISTS ")
            .map(|s| s.replace("IF NOT EXISTS IF NOT EXISTS", "IF NOT EXISTS")),
        Object::Table(table) if table.logged => after("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS "),
        Object::Table(_) => after("CREATE UNLOGGED TABLE ", "CREATE UNLOGGED TABLE IF NOT EXISTS "),
        Object::Sequence(_) => after("CREATE SEQUENCE ", "CREATE SEQUENCE IF NOT EXISTS "),
        Object::MaterializedView(_) => after("CREATE MATERIALIZED VIEW ", "CREATE MATERIALIZED VIEW IF NOT EXISTS "),
        Object::Index(index) if index.unique => after("CREATE UNIQUE INDEX ", "CREATE UNIQUE INDEX IF NOT EXISTS "),
        Object::Index(_) => after("CREATE INDEX ", "CREATE INDEX IF NOT EXISTS "),
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
        return std::iter::once(statement).chain(rest()).collect();
    }
    match object {
        Object::Enum(kind) => {
            let mut statements = guarded(id, object, create);
            let mut previous: Option<&String> = None;
            for value in &kind.values {
                let place = previous.map(|p| format!(" AFTER {}", literal(p))).unwrap_or_default();
                statements.push(format!("ALTER TYPE {} ADD VALUE IF NOT EXISTS {}{place}", id.sql(), literal(value)));
                previous = Some(value);
            }
            statements
        }
        Object::Column(column) => column_statements(id, column, catalog),
        Object::Policy(_) => {
            // A policy cannot be replaced; inside the one transaction of the script nobody sees the gap.
            let mut statements = vec![format!("DROP POLICY IF EXISTS {} ON {}", Ident(&id.name()), id.top_sql())];
            statements.extend(create.iter().cloned());
            statements
        }
        _ if exists(id, object).is_some() => guarded(id, object, create),
        _ => create.to_vec(),
    }
}

fn guarded(id: &ObjectId, object: &Object, create: &[String]) -> Vec<String> {
    match exists(id, object) {
        Some(there) if !create.is_empty() => vec![when(&format!("NOT ({there})"), create)],
        _ => create.to_vec(),
    }
}

/// The column, if a table that is there already lacks it. NOT NULL waits for the rows ([`not_null`]).
fn column_statements(id: &ObjectId, column: &Column, catalog: &Catalog) -> Vec<String> {
    let default = Default::get(catalog, &id.child(KindTag::Default, ""));
    let mut plain = column.clone();
    if default.is_none() && column.identity.is_none() && column.generated.is_none() {
        plain.not_null = None;
    }
    vec![format!("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {}", id.top_sql(), plain.definition(id, default))]
}

/// What a script has to compare before it changes anything: a column's table, name and declared type, as a row of VALUES.
pub fn declared_type(id: &ObjectId, object: &Object) -> Option<String> {
    let Object::Column(column) = object else { return None };
    Some(format!(
        "({}, {}, {}, {})",
        literal(&id.top_sql()),
        literal(&id.name()),
        literal(&column.type_name),
        literal(&id.sql_path())
    ))
}

/// Stops a script where a column is there with another type than declared; `rows` come from [`declared_type`].
pub fn contradictions(rows: &[String]) -> String {
    let body = format!(
        "\nDECLARE\n  wrong text := (\n    SELECT string_agg(format('column %s is %s, declared is %s', d.path, format_type(a.atttypid, a.atttypmod), d.type), E'\\n')\n    FROM (VALUES\n      {}\n    ) AS d (relation, name, type, path)\n    \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = to_regclass(d.relation) AND a.attname = d.name AND NOT a.attisdropped\n    WHERE format_type(a.atttypid, a.atttypmod) <> d.type);\nBEGIN\n  \
         IF wrong IS NOT NULL THEN\n    RAISE EXCEPTION USING ERRCODE = 'datatype_mismatch', MESSAGE = wrong, \
         HINT = 'Nothing has been changed. Change the declaration, or the type of the column, and run again.';\n  END IF;\nEND\n",
        rows.join(",\n      ")
    );
    format!("DO {}", dollar_quoted(&body))
}

/// SET NOT NULL, once no row is without a value; otherwise the script stops and names rows.
pub fn not_null(id: &ObjectId, object: &Object) -> Option<String> {
    let Object::Column(column) = object else { return None };
    column.not_null.as_ref()?;
    let (table, name) = (id.top_sql(), Ident(&id.name()).to_string());
    let body = format!(
        "\nDECLARE\n  found text[];\nBEGIN\n  IF EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = {} AND attname = {} AND NOT attisdropped AND NOT attnotnull) THEN\n    \
         found := ARRAY(SELECT t::text FROM {table} t WHERE t.{name} IS NULL LIMIT 10);\n    IF found <> '{{}}' THEN\n      \
         RAISE EXCEPTION USING ERRCODE = 'not_null_violation', MESSAGE = {}, DETAIL = array_to_string(found, E'\\n'), HINT = 'Nothing has been changed. Give these rows a value (backfill), and run again.';\n    END IF;\n    \
         EXECUTE {};\n  END IF;\nEND\n",
        regclass(&table),
        literal(&id.name()),
        literal(&format!("column {} is to be NOT NULL and has rows without a value", id.sql_path())),
        literal(&format!("ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL")),
    );
    Some(format!("DO {}", dollar_quoted(&body)))
}
