//! `invariants`, `retired` and `backfill` in YAML.

use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::data::{Backfill, BatchBy, Invariant, Remedy, Retired, Target};
use crate::declare::context::DeclareContext;
use crate::kinds::KindTag;
use crate::sql::StatementClass;
use crate::yaml::{Definition, Fields, Key, KeyDoc, Node, Shape};

/// Rows of a batch where none are said.
const ROWS: u32 = 5000;

/// The keys of an invariant.
pub const INVARIANT: Definition = Definition {
    name: "invariants",
    doc: "What must hold of the rows.",
    scalar: Some("The query of the violations; must return no row."),
    keys: &[
        KeyDoc { name: "violations", doc: "A query; must return no row.", shape: Shape::Sql },
        KeyDoc {
            name: "remedy",
            doc: "A statement, or a list of statements, that mend violations; run in order.",
            shape: Shape::Any,
        },
        KeyDoc {
            name: "before",
            doc: "What must wait: `table.column not null`, `table.column`, `table.constraint`, `table`.",
            shape: Shape::TextList,
        },
    ],
};

/// The keys of one statement of a remedy.
pub const REMEDY: Definition = Definition {
    name: "remedy",
    doc: "A statement of a remedy.",
    scalar: Some("The statement."),
    keys: &[
        KeyDoc { name: "sql", doc: "The statement.", shape: Shape::Sql },
        KeyDoc { name: "batch", doc: "How it is cut into batches.", shape: Shape::Ref("batch") },
    ],
};

/// The keys of a batch.
pub const BATCH: Definition = Definition {
    name: "batch",
    doc: "How a statement is cut into batches by a key.",
    scalar: None,
    keys: &[
        KeyDoc { name: "table", doc: "The table whose rows are taken batch by batch.", shape: Shape::Name },
        KeyDoc {
            name: "by",
            doc: "The key, a unique column or several; default the primary key.",
            shape: Shape::TextList,
        },
        KeyDoc { name: "rows", doc: "Rows of a batch, at the most; default 5000.", shape: Shape::Integer },
    ],
};

/// The keys of a backfill.
pub const BACKFILL: Definition = Definition {
    name: "backfill",
    doc: "Values of a column for rows that exist already and have none.",
    scalar: Some("The expression."),
    keys: &[
        KeyDoc { name: "set", doc: "The expression.", shape: Shape::Sql },
        KeyDoc { name: "from", doc: "Other tables, as in UPDATE … FROM.", shape: Shape::Sql },
        KeyDoc { name: "where", doc: "Which rows match.", shape: Shape::Sql },
        KeyDoc { name: "by", doc: "The batch key; default the primary key.", shape: Shape::TextList },
        KeyDoc {
            name: "rows",
            doc: "Rows of a batch, at the most (default 5000), or `all` for one statement.",
            shape: Shape::Text,
        },
    ],
};

/// The keys of `retired`.
pub const RETIRED: Definition = Definition {
    name: "retired",
    doc: "What is on its way out; removed in the contract phase.",
    scalar: None,
    keys: &[
        KeyDoc { name: "columns", doc: "Columns, as `table.column`.", shape: Shape::MapOf(&Shape::Ref("retirement")) },
        KeyDoc { name: "tables", doc: "Tables.", shape: Shape::MapOf(&Shape::Ref("retirement")) },
    ],
};

/// The keys of one retirement.
pub const RETIREMENT: Definition = Definition {
    name: "retirement",
    doc: "How something is retired.",
    scalar: None,
    keys: &[
        KeyDoc { name: "requires", doc: "Invariants that must hold before.", shape: Shape::TextList },
        KeyDoc {
            name: "archive",
            doc: "The schema that a table is moved to, with the date behind its name.",
            shape: Shape::Name,
        },
    ],
};

/// Reads one invariant.
pub fn invariant(key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
    cx.data.is_free(&key.text, &key.location)?;
    if let Some(text) = node.text() {
        let violations = query(text, node, cx)?;
        cx.data.invariants.push(Invariant {
            name: key.text.clone(),
            violations,
            remedy: Vec::new(),
            before: Vec::new(),
            written: node.clone(),
            location: key.location.clone(),
        });
        return Ok(());
    }
    let fields = Fields::of(node, "an invariant", INVARIANT.keys)?;
    let place = fields.require("violations")?;
    let violations = query(fields.require_sql("violations")?, place, cx)?;
    let mut remedies = Vec::new();
    match fields.get("remedy") {
        None => {}
        Some(node) => match node.items() {
            Some(items) => {
                for item in items {
                    remedies.push(remedy(item, cx)?);
                }
            }
            None => remedies.push(remedy(node, cx)?),
        },
    }
    let mut before = Vec::new();
    for (text, place) in items(&fields, "before")? {
        before.push(target(text, place, cx)?);
    }
    cx.data.invariants.push(Invariant {
        name: key.text.clone(),
        violations,
        remedy: remedies,
        before,
        written: place.clone(),
        location: key.location.clone(),
    });
    Ok(())
}

/// The texts of a list, or the one text, each with its node.
fn items<'a>(fields: &Fields<'a>, key: &'static str) -> Result<Vec<(&'a str, &'a Node)>> {
    let texts = fields.text_list(key)?.unwrap_or_default();
    let Some(node) = fields.get(key) else { return Ok(Vec::new()) };
    let nodes: Vec<&Node> = node.items().map_or_else(|| vec![node], |items| items.iter().collect());
    Ok(texts.into_iter().zip(nodes).collect())
}

fn query(text: &str, node: &Node, cx: &mut DeclareContext<'_>) -> Result<String> {
    let query = cx.read(crate::sql::query_of_any_major(text), node, "query")?;
    if query.modifies {
        return Err(Diagnostic::error("not-a-query", "the query of an invariant must not change rows").at(node.place()));
    }
    let query = query.text.text;
    let asked = query.clone();
    let always = crate::sql::parse::on_parser_thread(move || super::shape::always_a_row(&asked)).ok().flatten();
    if let Some(why) = always {
        return Err(Diagnostic::error("always-violated", "this query returns a row whatever the rows are")
            .at(node.place())
            .note(format!("{why}; an invariant holds when its query returns no row"))
            .help("select what is wrong: `select id from … where …`")
            .help(
                "to demand something of a count, say so behind HAVING: `select count(*) from … having count(*) > 10`",
            ));
    }
    Ok(query)
}

fn remedy(node: &Node, cx: &mut DeclareContext<'_>) -> Result<Remedy> {
    if let Some(text) = node.text() {
        let sql = statement(text, node)?;
        return Ok(Remedy { sql, batch: None, written: node.clone(), location: node.place() });
    }
    let fields = Fields::of(node, "a statement of a remedy", REMEDY.keys)?;
    let written = fields.require("sql")?;
    let sql = statement(fields.require_sql("sql")?, written)?;
    let batch = fields.get("batch").map(|node| batch_by(node, cx)).transpose()?;
    Ok(Remedy { sql, batch, written: written.clone(), location: written.place() })
}

fn batch_by(node: &Node, cx: &DeclareContext<'_>) -> Result<BatchBy> {
    let fields = Fields::of(node, "a batch", BATCH.keys)?;
    let (schema, table) = cx.qualified(fields.require_text("table")?, node)?;
    Ok(BatchBy {
        table: ObjectId::in_schema(KindTag::Table, &schema, &table),
        by: key_columns(&fields)?,
        rows: rows(fields.integer("rows")?, node)?.unwrap_or(ROWS),
        location: fields.get("by").unwrap_or(node).place(),
    })
}

fn key_columns(fields: &Fields<'_>) -> Result<Vec<String>> {
    Ok(fields.text_list("by")?.unwrap_or_default().into_iter().map(str::to_owned).collect())
}

fn rows(given: Option<i64>, node: &Node) -> Result<Option<u32>> {
    match given {
        None => Ok(None),
        Some(n) => match u32::try_from(n) {
            Ok(n) if n > 0 => Ok(Some(n)),
            _ => Err(Diagnostic::error("rows", "`rows` is the number of rows of a batch, at least 1").at(node.place())),
        },
    }
}

/// Exactly one statement that changes rows.
fn statement(text: &str, node: &Node) -> Result<String> {
    let script = crate::sql::split_statements(text).map_err(|e| {
        Diagnostic::error("sql-syntax", e.message.clone()).at(node.place_of(e.offset.map_or(0..0, |o| o..o + 1)))
    })?;
    match script.statements.as_slice() {
        [one] if matches!(one.kind, StatementClass::Data | StatementClass::Query) => Ok(one.text.to_owned()),
        [_] => Err(Diagnostic::error(
            "not-a-remedy",
            "a remedy is an INSERT, UPDATE, DELETE or MERGE (or a SELECT of a function)",
        )
        .at(node.place())),
        [] => Err(Diagnostic::error("not-a-remedy", "a remedy is a statement").at(node.place())),
        _ => Err(Diagnostic::error("not-a-remedy", "each statement of a remedy is an item of its own")
            .at(node.place())
            .help("write a list: one statement per item")),
    }
}

fn target(text: &str, node: &Node, cx: &DeclareContext<'_>) -> Result<Target> {
    let lower = text.trim().to_ascii_lowercase();
    let name = if lower.ends_with(" not null") { &text.trim()[..lower.len() - " not null".len()] } else { text.trim() };
    Ok(Target { candidates: candidates(name, node, cx)?, location: node.place() })
}

/// What `a.b` may mean: the column or constraint b of table a; what `a` may mean: a table.
fn candidates(name: &str, node: &Node, cx: &DeclareContext<'_>) -> Result<Vec<ObjectId>> {
    let parts = crate::sql::name_parts(name)
        .ok_or_else(|| Diagnostic::error("name", format!("`{name}` is no name")).at(node.place()))?;
    let table = |schema: &str, table: &str| ObjectId::in_schema(KindTag::Table, schema, table);
    let inside =
        |table: ObjectId, name: &str| vec![table.child(KindTag::Column, name), table.child(KindTag::Constraint, name)];
    Ok(match parts.as_slice() {
        [a] => vec![table(&cx.schema, a)],
        [a, b] => {
            let mut found = inside(table(&cx.schema, a), b);
            found.push(table(a, b));
            found
        }
        [a, b, c] => inside(table(a, b), c),
        _ => {
            return Err(Diagnostic::error("name", format!("`{name}` is no name of a table, column or constraint"))
                .at(node.place()));
        }
    })
}

/// Reads `backfill` of a column.
pub fn backfill(column: &ObjectId, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
    let location = node.place();
    if let Some(text) = node.text() {
        let set = cx.read(crate::sql::expression_of_any_major(text), node, "expression")?.text;
        let column = column.clone();
        cx.data.backfills.push(Backfill {
            column,
            set,
            from: None,
            condition: None,
            by: Vec::new(),
            rows: Some(ROWS),
            written: node.clone(),
            location,
        });
        return Ok(());
    }
    let fields = Fields::of(node, "a backfill", BACKFILL.keys)?;
    fields.require("set")?;
    let set = cx.expression(&fields, "set")?.unwrap_or_default();
    let condition = cx.expression(&fields, "where")?;
    let from = fields.sql("from")?.map(|text| text.trim().to_owned());
    if let (Some(from), Some(place)) = (&from, fields.get("from")) {
        crate::sql::query(&format!("SELECT FROM {from}")).map_err(|e| {
            let error =
                crate::sql::SyntaxError { offset: e.offset.and_then(|o| o.checked_sub("SELECT FROM ".len())), ..e };
            cx.syntax(&error, place, "list of tables")
        })?;
    }
    let rows = match fields.text("rows")? {
        None => Some(ROWS),
        Some("all") => None,
        Some(number) => rows(Some(number.parse().unwrap_or(0)), node)?,
    };
    cx.data.backfills.push(Backfill {
        column: column.clone(),
        set,
        from,
        condition,
        by: key_columns(&fields)?,
        rows,
        written: node.clone(),
        location,
    });
    Ok(())
}

/// Reads `retired`.
pub fn retired(node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
    let fields = Fields::of(node, "`retired`", RETIRED.keys)?;
    for (key, node) in fields.map("columns")? {
        let id = candidates(&key.text, node, cx)?.into_iter().find(|id| id.kind() == KindTag::Column);
        let Some(id) = id else {
            return Err(Diagnostic::error("name", format!("`{}` is no column; write table.column", key.text))
                .at(key.location.clone()));
        };
        let retirement = retirement(id, key, node)?;
        if retirement.archive.is_some() {
            return Err(Diagnostic::error("archive", "only tables are archived").at(key.location.clone()));
        }
        cx.data.retired_columns.push(retirement);
    }
    for (key, node) in fields.map("tables")? {
        let (schema, name) = cx.name(key)?;
        let retirement = retirement(ObjectId::in_schema(KindTag::Table, &schema, &name), key, node)?;
        cx.data.retired_tables.push(retirement);
    }
    Ok(())
}

fn retirement(id: ObjectId, key: &Key, node: &Node) -> Result<Retired> {
    let location = key.location.clone();
    if node.is_null() {
        return Ok(Retired { id, archive: None, requires: Vec::new(), location });
    }
    let fields = Fields::of(node, "a retirement", RETIREMENT.keys)?;
    let requires = items(&fields, "requires")?;
    Ok(Retired {
        id,
        archive: fields.name("archive")?.map(str::to_owned),
        requires: requires.into_iter().map(|(name, node)| (name.to_owned(), node.place())).collect(),
        location,
    })
}
