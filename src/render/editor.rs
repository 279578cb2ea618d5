//! The form for the Supabase SQL editor: one script, run as one transaction, that may be run again from whatever state the
//! database is in. It ends in a table that says, object by object, what now holds.
//!
//! It adds and restates; it takes nothing away but what the plan drops. It holds no psql command and nothing that cannot run
//! in a transaction.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::name::{ident_list, literal};
use crate::core::step::{Action, Step};
use crate::kinds::ensure;
use crate::plan::Plan;

use super::clean_line;

/// What the script is made from.
pub struct Editor<'a> {
    /// What is; empty for an offline script.
    pub from: &'a Catalog,
    /// What should be.
    pub to: &'a Catalog,
    /// The way from an empty database to what should be (offline), or from what is.
    pub plan: &'a Plan,
    /// Steps about rows, for a script that may meet any state.
    pub data: &'a [Step],
    /// What the states are called.
    pub title: String,
}

/// Writes the script.
pub fn render(editor: &Editor<'_>) -> String {
    let plan = editor.plan;
    let mut out = String::from(
        "-- Written by trueup for the Supabase SQL editor. Paste all of it and run it; it may be run again.\n",
    );
    let _ = writeln!(out, "-- {}", clean_line(&editor.title));
    out.push_str("-- The editor runs it as one transaction: it is done as a whole, or not at all.\n\n");
    let path = if plan.search_path.is_empty() { String::new() } else { ident_list(&plan.search_path) };
    for (name, value) in [
        ("search_path", path.as_str()),
        ("check_function_bodies", "off"),
        ("lock_timeout", "10s"),
        ("client_min_messages", "warning"),
    ] {
        let _ = writeln!(out, "SELECT set_config({}, {}, true);", literal(name), literal(value));
    }
    let mut made: BTreeSet<ObjectId> = BTreeSet::new();
    let mut types = Vec::new();
    let mut body = String::new();
    let mut late = String::new();
    for step in plan.steps() {
        let said: Vec<ObjectId> = if step.creates.is_empty() { Vec::new() } else { step.creates.clone() };
        match step.action {
            Action::Create if !said.is_empty() => {
                for (n, id) in said.iter().enumerate() {
                    let Some(object) = editor.to.get(id).filter(|_| made.insert(id.clone())) else { continue };
                    let create = if n == 0 { vec![step.sql.clone()] } else { alone(id, object, editor) };
                    for sql in ensure::ensure(id, object, &create, editor.to) {
                        statement(&sql, &mut body);
                    }
                    types.extend(ensure::declared_type(id, object));
                    if let Some(sql) = ensure::not_null(id, object) {
                        statement(&sql, &mut late);
                    }
                }
            }
            Action::Drop | Action::Rename => {
                let there = editor.from.get(&step.object).and_then(|o| ensure::exists(&step.object, o));
                match there {
                    Some(there) => statement(&ensure::when(&there, std::slice::from_ref(&step.sql)), &mut body),
                    None => statement(&step.sql, &mut body),
                }
            }
            _ => statement(&step.sql, &mut body),
        }
    }
    if !types.is_empty() {
        out.push_str("\n-- What exists and contradicts what is declared stops the script here.\n");
        statement(&ensure::contradictions(&types), &mut out);
    }
    out.push('\n');
    out.push_str(&body);
    if !editor.data.is_empty() {
        out.push_str("\n-- Rows.\n");
        for step in editor.data {
            statement(&step.sql, &mut out);
        }
    }
    out.push_str(&late);
    out.push_str("\n-- What now holds.\n");
    out.push_str(&result(editor.to));
    out
}

/// The statements of an object that the step of another brings along.
fn alone(id: &ObjectId, object: &crate::kinds::Object, editor: &Editor<'_>) -> Vec<String> {
    let cx = crate::plan::context::PlanContext {
        from: editor.from,
        to: editor.to,
        created: [id.clone()].into_iter().collect(),
        dropped: BTreeSet::new(),
        folded: BTreeSet::new(),
        filled: BTreeSet::new(),
        major: editor.plan.major,
        online: false,
    };
    if object.kind().info().inline {
        return Vec::new();
    }
    object.create(id, &cx).into_iter().map(|s| s.sql).collect()
}

fn statement(sql: &str, out: &mut String) {
    let sql = sql.trim_end();
    out.push_str(sql);
    let last = sql.rsplit('\n').next().unwrap_or(sql);
    out.push_str(if last.contains("--") { "\n;\n" } else { ";\n" });
}

/// One query, one row per object.
fn result(to: &Catalog) -> String {
    let mut rows = Vec::new();
    for (id, object) in to.iter().filter(|(id, o)| !id.kind().is_component() && !o.kind().info().inline) {
        let (Some(there), Some(holds)) = (ensure::exists(id, object), ensure::holds(id, object)) else { continue };
        rows.push(format!("  ({}, {there}, {holds})", literal(&id.to_string())));
    }
    if rows.is_empty() {
        return "SELECT 'nothing is declared' AS object, 'ok' AS state;\n".to_owned();
    }
    format!(
        "SELECT object, CASE WHEN holds THEN 'ok' WHEN there THEN 'differs' ELSE 'missing' END AS state\nFROM (VALUES\n{}\n) AS v (object, there, holds)\nORDER BY holds, object;\n",
        rows.join(",\n")
    )
}
