//! Columns in YAML: the fragment form `uuid not null default gen_random_uuid()`, and the mapping.

use std::collections::BTreeMap;

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::name::{Ident, qualified};
use crate::core::options::Options;
use crate::declare::context::DeclareContext;
use crate::kinds::common::WriteContext;
use crate::kinds::component::{comment, sequence_grant};
use crate::kinds::options::Holder;
use crate::kinds::table::Table;
use crate::kinds::table::column::{Column, Generated, Identity, NotNull};
use crate::kinds::table::constraint::{Constraint, ConstraintType};
use crate::kinds::table::declare::{Shorthand, add_column_constraints, in_parentheses, usual_name};
use crate::kinds::table::default::Default as ColumnDefault;
use crate::kinds::table::inheritance::parents;
use crate::kinds::table::partition::Attachment;
use crate::kinds::{KindTag, Object};
use crate::sql::{ColumnParts, GeneratedKind, IdentityKind};
use crate::yaml::{Definition, Fields, Key, KeyDoc, Node, Out, Shape};

/// How values are stored, in words.
pub(crate) const STORAGE: &[&str] = &["plain", "external", "extended", "main"];
/// How values are compressed.
pub(crate) const COMPRESSION: &[&str] = &["pglz", "lz4", DEFAULT];
const DEFAULT: &str = "default";

/// What `storage` or `compression` says, folded; none where it is what the type or the server has by default.
pub(crate) fn strategy_said(word: Option<&str>) -> Option<String> {
    word.map(str::to_lowercase).filter(|word| word != DEFAULT)
}

/// The keys of a column's mapping.
pub const DEFINITION: Definition = Definition {
    name: "columns",
    doc: "Columns of a table, in order.",
    scalar: Some("What follows the name in CREATE TABLE: `uuid not null references customers (id) on delete cascade`."),
    keys: &[
        KeyDoc { name: "type", doc: "The data type; may be a whole column definition.", shape: Shape::Sql },
        KeyDoc { name: "not_null", doc: "Whether NULL is refused.", shape: Shape::Boolean },
        KeyDoc {
            name: "not_valid",
            doc: "Whether the NOT NULL is for new rows only (NOT VALID, PostgreSQL 18).",
            shape: Shape::Boolean,
        },
        KeyDoc { name: "default", doc: "The default, an SQL expression.", shape: Shape::Sql },
        KeyDoc { name: "references", doc: "A foreign key: `customers (id) on delete cascade`.", shape: Shape::Sql },
        KeyDoc { name: "primary_key", doc: "Whether it is the primary key.", shape: Shape::Boolean },
        KeyDoc { name: "unique", doc: "Whether values are unique.", shape: Shape::Boolean },
        KeyDoc { name: "check", doc: "A check constraint's expression.", shape: Shape::Sql },
        KeyDoc { name: "collation", doc: "The collation.", shape: Shape::Sql },
        KeyDoc {
            name: "generated",
            doc: "The expression of a generated column, with `stored` or `virtual` behind it.",
            shape: Shape::Sql,
        },
        KeyDoc {
            name: "identity",
            doc: "`always` or `by default`, with sequence options in parentheses.",
            shape: Shape::Sql,
        },
        KeyDoc { name: "storage", doc: "How long values are stored.", shape: Shape::OneOf(STORAGE) },
        KeyDoc {
            name: "compression",
            doc: "The compression method: pglz or lz4; `default` says of an inherited column that it does not have its parent's.",
            shape: Shape::OneOf(COMPRESSION),
        },
        KeyDoc { name: "statistics", doc: "The statistics target.", shape: Shape::Integer },
        KeyDoc { name: "options", doc: "n_distinct, n_distinct_inherited.", shape: Shape::TextMap },
        KeyDoc {
            name: "inherited",
            doc: "Comes from a parent table; only what deviates is said here.",
            shape: Shape::Boolean,
        },
        KeyDoc { name: "comment", doc: "COMMENT ON COLUMN.", shape: Shape::Text },
        comment::SEQUENCE.key,
        comment::NOT_NULL.key,
        KeyDoc { name: "grants", doc: "Privileges on the column by role.", shape: Shape::Any },
        sequence_grant::KEY,
        KeyDoc { name: "was", doc: "The name the column had before.", shape: Shape::Name },
        KeyDoc {
            name: "using",
            doc: "How values are taken over when the type changes: an SQL expression of the old value, as behind USING. Of use as long as a database has the old type.",
            shape: Shape::Text,
        },
        KeyDoc {
            name: "backfill",
            doc: "Values for rows that exist already and have none.",
            shape: Shape::Ref("backfill"),
        },
    ],
};

/// Reads one column.
pub fn declare(table: &ObjectId, position: i32, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
    let id = table.child(KindTag::Column, &key.text);
    if let Some(text) = node.text() {
        return fragment(table, &id, position, key, text, node, cx).map(|_| ());
    }
    let fields = Fields::of(node, "a column", DEFINITION.keys)?;
    if let Some(text) = fields.sql("type")? {
        fragment(table, &id, position, key, text, fields.require("type")?, cx)?;
    } else if fields.bool("inherited")? == Some(true) {
        cx.add(id.clone(), Column { position, ..Column::default() }, &key.location)?;
    } else {
        return Err(Diagnostic::error("missing-key", format!("column {} needs a `type`", Ident(&key.text)))
            .at(key.location.clone()));
    }
    // The other keys are the same clauses, said one by one; each is parsed as part of a definition of its own.
    let mut clauses = String::new();
    for (name, before, after) in [
        ("references", " references ", ""),
        ("check", " check (", ")"),
        ("collation", " collate ", ""),
        ("identity", " generated ", ""),
    ] {
        if let Some(text) = fields.sql(name)? {
            let text = if name == "identity" { identity_clause(text) } else { text.to_owned() };
            clauses.push_str(&format!("{before}{text}{after}"));
        }
    }
    if let Some(text) = fields.sql("generated")? {
        let text = text.trim();
        let lower = text.to_ascii_lowercase();
        clauses.push_str(&if lower.ends_with("stored") || lower.ends_with("virtual") {
            format!(" generated always as {text}")
        } else {
            format!(" generated always as ({text}) stored")
        });
    }
    for (name, clause) in [("primary_key", " primary key"), ("unique", " unique")] {
        if fields.bool(name)?.unwrap_or(false) {
            clauses.push_str(clause);
        }
    }
    let parts = crate::sql::column(&key.text, &format!("integer{clauses}"))
        .map_err(|e| cx.syntax(&e, node, "column definition"))?;
    let default = cx.expression(&fields, "default")?;
    let not_null = fields.bool("not_null")?;
    let not_valid = fields.bool("not_valid")?.unwrap_or(false);
    let storage = fields.one_of("storage")?.map(str::to_owned);
    let compression = strategy_said(fields.one_of("compression")?);
    let statistics = fields.integer("statistics")?;
    let options = cx.options(&fields, "options", Holder::Column)?;
    let inherited = fields.bool("inherited")?.unwrap_or(false);
    if let Some(Object::Column(column)) = cx.builder.get_mut(&id) {
        let column = std::sync::Arc::make_mut(column);
        column.inherited = inherited;
        match not_null {
            Some(true) => _ = column.not_null.get_or_insert_with(NotNull::default),
            Some(false) => column.not_null = None,
            None => {}
        }
        if let Some(not_null) = column.not_null.as_mut().filter(|_| not_valid) {
            not_null.not_valid = true;
        }
        column.collation = parts.collation.as_ref().map(|p| p.text.clone()).or_else(|| column.collation.take());
        if let Some(identity) = identity(&parts)? {
            column.identity = Some(identity);
            column.not_null.get_or_insert_with(NotNull::default);
        }
        if let Some((expression, how)) = &parts.generated {
            column.generated =
                Some(Generated { expression: expression.text.clone(), stored: *how == GeneratedKind::Stored });
        }
        column.storage = storage.or_else(|| column.storage.take());
        column.compression = compression.or_else(|| column.compression.take());
        column.statistics = statistics;
        column.options = options;
    }
    if let Some(expression) = default {
        cx.add(id.child(KindTag::Default, ""), ColumnDefault { expression }, &key.location)?;
    }
    add_column_constraints(table, key, &parts.constraints, cx)?;
    if let Some(expression) = cx.expression(&fields, "using")? {
        cx.data.using.insert(id.clone(), expression);
    }
    if let Some(node) = fields.get("backfill") {
        crate::data::declare::backfill(&id, node, cx)?;
    }
    cx.was(&fields, &id)?;
    sequence_grant::declare(&fields, &id, cx)?;
    cx.components(&fields, &id)
}

fn identity_clause(text: &str) -> String {
    let (kind, options) = text.find('(').map_or((text, ""), |i| text.split_at(i));
    format!("{} as identity {options}", kind.trim())
}

fn identity(parts: &ColumnParts) -> Result<Option<Identity>> {
    let Some((kind, options)) = &parts.identity else { return Ok(None) };
    let mut identity = Identity { always: *kind == IdentityKind::Always, sequence: None, options: BTreeMap::new() };
    if let Some(options) = options {
        let parsed = crate::sql::sequence_options(&options.text).map_err(|e| {
            Diagnostic::error("sql-syntax", format!("the options of an identity column cannot be read: {}", e.message))
        })?;
        identity.sequence = parsed.sequence_name.as_deref().and_then(|parts| match parts {
            [schema, name] => Some((schema.clone(), name.clone())),
            _ => None,
        });
        let text = |n: Option<i64>| n.map(|n| n.to_string());
        for (key, value) in [
            ("START WITH", text(parsed.start)),
            ("INCREMENT BY", text(parsed.increment)),
            ("MINVALUE", text(parsed.min.flatten())),
            ("MAXVALUE", text(parsed.max.flatten())),
            ("CACHE", text(parsed.cache)),
            ("CYCLE", parsed.cycle.filter(|c| *c).map(|_| String::new())),
        ] {
            if let Some(value) = value {
                identity.options.insert(key.to_owned(), value);
            }
        }
    }
    Ok(Some(identity))
}

/// Reads the fragment form.
fn fragment(
    table: &ObjectId,
    id: &ObjectId,
    position: i32,
    key: &Key,
    text: &str,
    node: &Node,
    cx: &mut DeclareContext<'_>,
) -> Result<()> {
    if known(table, id, position, key, text, cx)? {
        return Ok(());
    }
    let parts = crate::sql::column(&key.text, text).map_err(|e| cx.syntax(&e, node, "column definition"))?;
    let identity = identity(&parts).map_err(|e| e.or_at(Some(&node.location)))?;
    let key_column = parts.constraints.iter().any(|c| c.constraint_type == crate::sql::ConstraintType::PrimaryKey);
    let not_null = match &parts.not_null {
        Some(name) => Some(NotNull { name: name.clone(), no_inherit: parts.not_null_no_inherit, ..NotNull::default() }),
        None if identity.is_some() || key_column || parts.is_serial.is_some() => Some(NotNull::default()),
        None => None,
    };
    let column = Column {
        position,
        type_name: crate::kinds::common::canonical_type_name(&parts.type_name.text),
        collation: parts.collation.as_ref().map(|p| p.text.clone()),
        not_null,
        identity,
        generated: parts
            .generated
            .as_ref()
            .map(|(e, how)| Generated { expression: e.text.trim().to_owned(), stored: *how == GeneratedKind::Stored }),
        storage: strategy_said(parts.storage.as_deref()),
        usual_storage: None,
        compression: strategy_said(parts.compression.as_deref()),
        statistics: None,
        options: Options::new(),
        inherited: false,
        behind_identity: None,
    };
    cx.add(id.clone(), column, &key.location)?;
    if let Some(default) = &parts.default {
        cx.add(
            id.child(KindTag::Default, ""),
            ColumnDefault { expression: default.text.trim().to_owned() },
            &key.location,
        )?;
    }
    add_column_constraints(table, key, &parts.constraints, cx)
}

/// A text that is word for word what the live catalog says is known, and need not be parsed.
fn known(
    table: &ObjectId,
    id: &ObjectId,
    position: i32,
    key: &Key,
    text: &str,
    cx: &mut DeclareContext<'_>,
) -> Result<bool> {
    let Some(live) = cx.live else { return Ok(false) };
    let Some(column) = Column::get(live, id) else { return Ok(false) };
    if cx.in_columns.as_ref().is_none_or(|(of, _)| of != table) {
        cx.in_columns = Some((table.clone(), shorthand(table, live)));
    }
    let included = cx.in_columns.as_ref().and_then(|(_, all)| all.get(id)).cloned().unwrap_or_default();
    if definition(id, column, &included, live) != text {
        return Ok(false);
    }
    let declared = Column {
        position,
        inherited: false,
        storage: None,
        usual_storage: None,
        compression: None,
        statistics: None,
        options: Options::new(),
        not_null: column.not_null.clone().map(|n| NotNull { not_valid: false, ..n }),
        ..column.clone()
    };
    cx.add(id.clone(), declared, &key.location)?;
    let default_id = id.child(KindTag::Default, "");
    if let Some(default) = ColumnDefault::get(live, &default_id) {
        cx.add(default_id, default.clone(), &key.location)?;
    }
    for constraint_id in included {
        if let Some(constraint) = Constraint::get(live, &constraint_id) {
            cx.add(
                constraint_id.clone(),
                Constraint { clustered: false, inherited: false, ..constraint.clone() },
                &key.location,
            )?;
            cx.unnamed.push(constraint_id);
        }
    }
    Ok(true)
}

/// The constraints of a table that are written in its columns' definitions: those of one column, with the name PostgreSQL would
/// choose and nothing more to say of them.
pub(super) fn shorthand(table: &ObjectId, catalog: &Catalog) -> Shorthand {
    const TYPES: [ConstraintType; 3] = [ConstraintType::PrimaryKey, ConstraintType::Unique, ConstraintType::ForeignKey];
    let plain: Vec<(&ObjectId, &Constraint)> = catalog
        .children(table, KindTag::Constraint)
        .filter_map(|(id, object)| Some((id, Constraint::of(object)?)))
        .filter(|(id, constraint)| {
            TYPES.contains(&constraint.constraint_type)
                && constraint.validated
                && constraint.enforced
                && constraint.options.is_empty()
                && constraint.tablespace.is_none()
                && !constraint.only
                && !constraint.clustered
                && !constraint.inherited
                && catalog.below(id).next().is_none()
        })
        .collect();
    let mut found = Shorthand::new();
    if plain.is_empty() {
        return found;
    }
    for (column, _) in catalog.children(table, KindTag::Column) {
        let name = column.name();
        let parentheses = in_parentheses(&name);
        for of in TYPES {
            let fits = |(id, constraint): &&(&ObjectId, &Constraint)| {
                let definition = &constraint.definition;
                constraint.constraint_type == of
                    && match of {
                        ConstraintType::PrimaryKey => definition.strip_prefix("PRIMARY KEY ") == Some(&parentheses),
                        ConstraintType::Unique => definition.strip_prefix("UNIQUE ") == Some(&parentheses),
                        _ => definition
                            .strip_prefix("FOREIGN KEY ")
                            .and_then(|rest| rest.strip_prefix(&*parentheses))
                            .is_some_and(|rest| rest.starts_with(" REFERENCES ")),
                    }
                    && **id == usual_name(table, &name, of, |_| false)
            };
            if let Some((id, _)) = plain.iter().find(fits) {
                found.entry(column.clone()).or_default().push((*id).clone());
            }
        }
    }
    found
}

/// The fragment form of a column.
fn definition(id: &ObjectId, column: &Column, included: &[ObjectId], catalog: &Catalog) -> String {
    let mut text = column.type_name.clone();
    if let Some(collation) = &column.collation {
        text.push_str(&format!(" collate {collation}"));
    }
    let key = included
        .iter()
        .filter_map(|c| Constraint::get(catalog, c))
        .any(|c| c.constraint_type == ConstraintType::PrimaryKey);
    if let Some(not_null) = &column.not_null {
        let implied = (key || column.identity.is_some()) && *not_null == NotNull::default();
        if !implied {
            if let Some(name) = &not_null.name {
                text.push_str(&format!(" constraint {}", Ident(name)));
            }
            text.push_str(" not null");
            if not_null.no_inherit {
                text.push_str(" no inherit");
            }
        }
    }
    if let Some(identity) = &column.identity {
        text.push_str(&format!(" generated {} as identity", if identity.always { "always" } else { "by default" }));
        let mut options: Vec<String> =
            identity.sequence.iter().map(|(s, n)| format!("sequence name {}", qualified(s, n))).collect();
        options.extend(
            identity
                .options
                .iter()
                .map(|(k, v)| if v.is_empty() { k.to_lowercase() } else { format!("{} {v}", k.to_lowercase()) }),
        );
        if !options.is_empty() {
            text.push_str(&format!(" ({})", options.join(" ")));
        }
    }
    if let Some(default) = ColumnDefault::get(catalog, &id.child(KindTag::Default, "")) {
        text.push_str(&format!(" default {}", default.expression));
    }
    if let Some(generated) = &column.generated {
        text.push_str(&format!(
            " generated always as ({}) {}",
            generated.expression,
            if generated.stored { "stored" } else { "virtual" }
        ));
    }
    for constraint_id in included {
        let Some(constraint) = Constraint::get(catalog, constraint_id) else { continue };
        let columns = in_parentheses(&id.name());
        let clause = constraint.clause(true);
        match constraint.constraint_type {
            ConstraintType::PrimaryKey => {
                text.push_str(&clause.replacen(&format!("PRIMARY KEY {columns}"), " primary key", 1))
            }
            ConstraintType::Unique => text.push_str(&clause.replacen(&format!("UNIQUE {columns}"), " unique", 1)),
            _ => text.push_str(&clause.replacen(&format!("FOREIGN KEY {columns} REFERENCES"), " references", 1)),
        }
    }
    text
}

/// All columns of a table, for writing. A partition whose columns are its parent's says none; a child table says its own.
pub(super) fn write_all(table: &ObjectId, in_columns: &Shorthand, cx: &WriteContext<'_>) -> Vec<(String, Out)> {
    let columns = Table::columns(table, cx.catalog);
    let above = parents(table, cx.catalog);
    let attached = cx.catalog.children(table, KindTag::Attachment).next().is_some();
    if are_parents(table, cx.catalog) {
        return Vec::new();
    }
    columns
        .into_iter()
        .filter_map(|(id, column)| {
            let included = in_columns.get(id).map_or(&[][..], Vec::as_slice);
            let mut entries = settings(column);
            let mut components = cx.components(id);
            components.extend(sequence_grant::write(id, cx));
            if column.inherited && !attached {
                // What the parent gives is not repeated; what deviates from it is said.
                let theirs = |p: &ObjectId| Column::get(cx.catalog, &p.child(KindTag::Column, &id.name()));
                if column.storage.is_none()
                    && let Some(usual) = above.iter().find_map(|p| theirs(p)?.usual_storage.as_ref())
                {
                    entries.push(("storage".to_owned(), Out::text(usual)));
                }
                if column.compression.is_none()
                    && above.iter().any(|p| theirs(p).is_some_and(|theirs| theirs.compression.is_some()))
                {
                    entries.push(("compression".to_owned(), Out::text(DEFAULT)));
                }
                let own = ColumnDefault::get(cx.catalog, &id.child(KindTag::Default, ""));
                let given = above.iter().find_map(|p| {
                    ColumnDefault::get(cx.catalog, &p.child(KindTag::Column, &id.name()).child(KindTag::Default, ""))
                });
                if own != given
                    && let Some(own) = own
                {
                    entries.push(("default".to_owned(), Out::text(&own.expression)));
                }
                let given =
                    above.iter().any(|p| theirs(p).is_some_and(|c| c.not_null.as_ref().is_some_and(|n| !n.no_inherit)));
                if column.not_null.is_some() && !given {
                    entries.push(("not_null".to_owned(), Out::Bool(true)));
                }
                entries.extend(components);
                entries.extend(included.iter().filter_map(|c| inherited_clause(c, cx.catalog)));
                if entries.is_empty() {
                    return None;
                }
                entries.insert(0, ("inherited".to_owned(), Out::Bool(true)));
                return Some((id.name().into_owned(), Out::Map(entries)));
            }
            let text = definition(id, column, included, cx.catalog);
            if entries.is_empty() && components.is_empty() {
                return Some((id.name().into_owned(), Out::block(text)));
            }
            entries.insert(0, ("type".to_owned(), Out::block(text)));
            entries.extend(components);
            Some((id.name().into_owned(), Out::Map(entries)))
        })
        .collect()
}

/// A key of a child table on an inherited column, as a key of the column's mapping.
fn inherited_clause(id: &ObjectId, catalog: &Catalog) -> Option<(String, Out)> {
    let constraint = Constraint::get(catalog, id)?;
    Some(match constraint.constraint_type {
        ConstraintType::PrimaryKey => ("primary_key".to_owned(), Out::Bool(true)),
        ConstraintType::Unique => ("unique".to_owned(), Out::Bool(true)),
        _ => ("references".to_owned(), Out::text(constraint.clause(true).split_once(" REFERENCES ")?.1)),
    })
}

fn settings(column: &Column) -> Vec<(String, Out)> {
    let mut entries = Vec::new();
    if column.not_null.as_ref().is_some_and(|n| n.not_valid) {
        entries.push(("not_valid".to_owned(), Out::Bool(true)));
    }
    if let Some(storage) = &column.storage {
        entries.push(("storage".to_owned(), Out::text(storage)));
    }
    if let Some(compression) = &column.compression {
        entries.push(("compression".to_owned(), Out::text(compression)));
    }
    if let Some(statistics) = column.statistics {
        entries.push(("statistics".to_owned(), Out::Int(i64::from(statistics))));
    }
    if !column.options.is_empty() {
        entries.push((
            "options".to_owned(),
            Out::FlowMap(column.options.iter().map(|(k, v)| (k.clone(), Out::text(v))).collect()),
        ));
    }
    entries
}

/// Whether a table is a partition whose columns are its parent's: same names, same order, same properties, nothing said of them.
pub(super) fn are_parents(table: &ObjectId, catalog: &Catalog) -> bool {
    let Some(attachment) = Attachment::get(catalog, &table.child(KindTag::Attachment, "")) else { return false };
    let (columns, theirs) = (Table::columns(table, catalog), Table::columns(&attachment.parent, catalog));
    let default = |id: &ObjectId| ColumnDefault::get(catalog, &id.child(KindTag::Default, ""));
    columns.len() == theirs.len()
        && columns.iter().zip(&theirs).all(|((id, column), (their_id, their))| {
            id.name() == their_id.name()
                && column.is_handed_down(id, their, their_id, catalog.origin.major)
                && default(id) == default(their_id)
                && catalog.below(id).all(|(c, _)| c.kind() == KindTag::Default)
        })
}
