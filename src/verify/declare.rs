//! `tests` in YAML.

use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::name::literal;
use crate::declare::context::DeclareContext;
use crate::kinds::KindTag;
use crate::verify::{Attempt, Expectation, Given, Outcome, RowValues, Test};
use crate::yaml::{Definition, Fields, Key, KeyDoc, Node, Shape, Value};

/// The keys of a test.
pub const TEST: Definition = Definition {
    name: "tests",
    doc: "What roles must see and do and must not.",
    scalar: None,
    keys: &[
        KeyDoc { name: "given", doc: "Rows that are there: table to a list of rows.", shape: Shape::Any },
        KeyDoc { name: "as", doc: "Who it is: `role` and `claims`.", shape: Shape::Ref("as") },
        KeyDoc { name: "expect", doc: "What must be so: a list.", shape: Shape::ListOf(&Shape::Ref("expect")) },
    ],
};

/// The keys of `as`.
pub const AS: Definition = Definition {
    name: "as",
    doc: "Who a test runs as.",
    scalar: Some("The role."),
    keys: &[
        KeyDoc { name: "role", doc: "The role.", shape: Shape::Name },
        KeyDoc { name: "claims", doc: "The JWT claims.", shape: Shape::Any },
    ],
};

/// The keys of an expectation.
pub const EXPECT: Definition = Definition {
    name: "expect",
    doc: "One thing that must be so.",
    scalar: None,
    keys: &[
        KeyDoc { name: "select", doc: "Read this table.", shape: Shape::Name },
        KeyDoc { name: "insert", doc: "Insert into this table.", shape: Shape::Name },
        KeyDoc { name: "update", doc: "Update this table.", shape: Shape::Name },
        KeyDoc { name: "delete", doc: "Delete from this table.", shape: Shape::Name },
        KeyDoc { name: "sql", doc: "Run this statement.", shape: Shape::Sql },
        KeyDoc { name: "row", doc: "The row to insert.", shape: Shape::Any },
        KeyDoc { name: "set", doc: "What to set.", shape: Shape::Any },
        KeyDoc { name: "where", doc: "Which rows: column to value.", shape: Shape::Any },
        KeyDoc { name: "sees", doc: "The keys of exactly the rows that are seen.", shape: Shape::TextList },
        KeyDoc { name: "rows", doc: "How many rows are seen or changed.", shape: Shape::Integer },
        KeyDoc { name: "denied", doc: "Whether it is refused for lack of privileges.", shape: Shape::Boolean },
    ],
};

/// Reads one test.
pub fn test(key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
    let fields = Fields::of(node, "a test", TEST.keys)?;
    let mut given = Vec::new();
    for (table, rows) in fields.map("given")? {
        let id = cx.id(KindTag::Table, table)?;
        let rows = rows.as_list("the rows of a table")?.iter().map(row).collect::<Result<Vec<_>>>()?;
        given.push(Given { table: id, rows, location: table.location.clone() });
    }
    let (mut role, mut claims) = (None, "{}".to_owned());
    if let Some(node) = fields.get("as") {
        if let Some(text) = node.text() {
            role = Some(text.to_owned());
        } else {
            let who = Fields::of(node, "`as`", AS.keys)?;
            role = who.name("role")?.map(str::to_owned);
            if let Some(node) = who.get("claims") {
                claims = json(node).to_string();
            }
        }
    }
    let mut expectations = Vec::new();
    for item in fields.list("expect")? {
        expectations.push(expectation(item, cx)?);
    }
    if expectations.is_empty() {
        return Err(
            Diagnostic::error("empty-test", format!("test `{}` expects nothing", key.text)).at(key.location.clone())
        );
    }
    cx.tests.push(Test { name: key.text.clone(), given, role, claims, expectations, location: key.location.clone() });
    Ok(())
}

fn expectation(node: &Node, cx: &DeclareContext<'_>) -> Result<Expectation> {
    let fields = Fields::of(node, "an expectation", EXPECT.keys)?;
    let table = |key: &'static str| -> Result<Option<ObjectId>> {
        let Some(name) = fields.name(key)? else { return Ok(None) };
        let (schema, name) = cx.qualified(name, node)?;
        Ok(Some(ObjectId::in_schema(KindTag::Table, &schema, &name)))
    };
    let values = |key: &'static str| fields.get(key).map(row).transpose().map(Option::unwrap_or_default);
    let mut attempts = Vec::new();
    if let Some(id) = table("select")? {
        attempts.push(Attempt::Select(id, values("where")?));
    }
    if let Some(id) = table("insert")? {
        attempts.push(Attempt::Insert(id, values("row")?));
    }
    if let Some(id) = table("update")? {
        fields.require("set")?;
        attempts.push(Attempt::Update(id, values("set")?, values("where")?));
    }
    if let Some(id) = table("delete")? {
        attempts.push(Attempt::Delete(id, values("where")?));
    }
    if let Some(sql) = fields.sql("sql")? {
        attempts.push(Attempt::Sql(sql.to_owned()));
    }
    let (Some(attempt), 1) = (attempts.pop(), attempts.len() + 1) else {
        return Err(Diagnostic::error(
            "expectation",
            "an expectation is one of select, insert, update, delete and sql",
        )
        .at(node.place()));
    };
    let outcome = match (fields.text_list("sees")?, fields.integer::<u64>("rows")?, fields.bool("denied")?) {
        (Some(keys), None, None) => Outcome::Sees(keys.into_iter().map(str::to_owned).collect()),
        (None, Some(rows), None) => Outcome::Rows(rows),
        (None, None, Some(true)) => Outcome::Denied,
        (None, None, Some(false) | None) => Outcome::Succeeds,
        _ => {
            return Err(
                Diagnostic::error("expectation", "an expectation has one of sees, rows and denied").at(node.place())
            );
        }
    };
    if matches!(outcome, Outcome::Sees(_)) && !matches!(attempt, Attempt::Select(..)) {
        return Err(Diagnostic::error("expectation", "`sees` goes with `select`").at(node.place()));
    }
    Ok(Expectation { attempt, outcome, location: node.place() })
}

/// A row: column to value, as SQL literals.
fn row(node: &Node) -> Result<RowValues> {
    Ok(node.as_map("a row")?.iter().map(|(key, value)| (key.text.clone(), sql_literal(value))).collect())
}

fn sql_literal(node: &Node) -> String {
    match &node.value {
        Value::Null => "NULL".to_owned(),
        Value::Text { text, .. } => literal(text),
        _ => literal(&json(node).to_string()),
    }
}

fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null | Value::File(_) => serde_json::Value::Null,
        // Plain numbers and booleans are such in JSON; what is quoted is a text.
        Value::Text { text, plain: true } => serde_json::from_str(text)
            .ok()
            .filter(|v: &serde_json::Value| v.is_number() || v.is_boolean())
            .unwrap_or_else(|| text.clone().into()),
        Value::Text { text, .. } => text.clone().into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(entries) => {
            entries.iter().map(|(k, v)| (k.text.clone(), json(v))).collect::<serde_json::Map<_, _>>().into()
        }
    }
}
