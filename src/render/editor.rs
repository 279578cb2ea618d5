//! The form for the Supabase SQL editor: one script, run as one transaction, that may be run again from whatever state the
//! database is in. It ends in a table that says, object by object, what now holds.
//!
//! It adds and restates; it takes nothing away but what the plan drops. It holds no psql command and nothing that cannot run
//! in a transaction; what can only run alone, or has to be committed before it is used, stands in a numbered file of its own.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::meaning::MEANING;
use crate::core::name::{ident_list, literal};
use crate::core::step::{Action, Step, Transaction};
use crate::kinds::component::{Decided, decided};
use crate::kinds::{contradictions, ensure, holds, restated, said, uncommitted};
use crate::plan::Plan;

use super::{clean_line, result, statement};

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
    /// Renames, as statements that look themselves whether they are still to be done.
    pub renames: &'a [String],
    /// Statements that give enums the values that they lack, before those renames are done.
    pub values: &'a [String],
    /// Whether the script may meet any state.
    pub offline: bool,
    /// Of whom the project says what they may do.
    pub decided: &'a Decided,
    /// What the states are called.
    pub title: String,
}

/// One of the files that have to be run one after the other.
pub struct File {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub text: String,
}

/// What a script is made of, in the order in which it runs.
#[derive(Default)]
struct Parts {
    body: String,
    /// What demands something of all rows, and so comes after those were mended.
    late: String,
    /// What waits for that.
    last: String,
    made: BTreeSet<ObjectId>,
    waiting: BTreeSet<ObjectId>,
    /// Whether the last step was about rows.
    over_rows: bool,
}

/// What keeps it from being one script: it is run as one transaction, and a new value of an enum has to be committed before it is
/// used. A script that may meet any state asks for that itself.
pub fn too_early<'a>(editor: &Editor<'a>) -> Option<uncommitted::TooEarly<'a>> {
    if editor.offline { None } else { uncommitted::too_early(editor.plan.steps(), editor.from, editor.to) }
}

/// Writes all of it as one script.
pub fn render(editor: &Editor<'_>) -> String {
    let text = if editor.offline { any_state(editor, false) } else { known_state(editor, editor.plan.steps(), true) };
    format!(
        "-- Written by trueup for the Supabase SQL editor. Paste all of it and run it; it may be run again.\n-- {}\n\
         -- The editor runs it as one transaction: it is done as a whole, or not at all. The last thing it says is what now holds.\n\n{text}",
        clean_line(&editor.title)
    )
}

/// What stands at the head of a numbered file: its place among the others, and what to do where it fails.
fn place(n: usize, names: &[String], alone: bool, title: &str) -> String {
    let total = names.len();
    let mut out = format!("-- Written by trueup for the Supabase SQL editor: file {} of {total}.", n + 1);
    if total > 1 {
        out.push_str(" Run them in the order of their numbers, each by itself.");
    }
    let _ = write!(out, "\n-- {}\n", clean_line(title));
    let before = n.checked_sub(1).and_then(|n| names.get(n));
    out.push_str(&match (alone, before) {
        (true, Some(before)) => format!(
            "-- Paste it as it is, with nothing beside it: this statement cannot run in a transaction.\n\
             -- If it fails or is cut off, run {before} again, which clears away what is left of it, and then this file again.\n"
        ),
        (true, None) => "-- Paste it as it is, with nothing beside it: this statement cannot run in a transaction.\n".to_owned(),
        (false, _) => "-- The editor runs it as one transaction: if it fails, nothing of this file is done. Mend what the error names, and run this file\n\
                       -- again; those before it stay done, and may be run again as well.\n"
            .to_owned(),
    });
    match names.get(n + 1) {
        Some(next) => {
            let _ = writeln!(out, "-- Then: {next}");
        }
        None if total > 1 => out.push_str("-- It is the last one: what it says in the end is what now holds.\n"),
        None => {}
    }
    out.push('\n');
    out
}

/// Writes it as numbered files, each of which can be run as one transaction (or is one statement that runs outside of any).
pub fn files(editor: &Editor<'_>) -> Vec<File> {
    let mut texts: Vec<(&str, String)> = Vec::new();
    let steps = |steps: &mut Vec<&Step>| known_state(editor, std::mem::take(steps).into_iter(), false);
    if editor.offline {
        if !editor.values.is_empty() {
            let mut text = head(editor);
            text.push_str("-- PostgreSQL lets a new value of an enum be used only once it is committed.\n");
            editor.values.iter().for_each(|sql| statement(sql, &mut text));
            texts.push(("values", text));
        }
        texts.push(("schema", any_state(editor, true)));
    } else {
        let mut open: Vec<&Step> = Vec::new();
        for transaction in &editor.plan.transactions {
            let own = transaction.mode == Transaction::Own && !open.is_empty();
            if own && transaction.steps.iter().any(|s| s.action == Action::Alter) {
                texts.push(("steps", steps(&mut open)));
            }
            for step in &transaction.steps {
                // A batch is one statement here: the editor cannot commit in between.
                if transaction.mode != Transaction::None || step.batch.is_some() {
                    open.push(step);
                    if ensure::must_commit(step) {
                        texts.push(("steps", steps(&mut open)));
                    }
                    continue;
                }
                // What is left of it where it was cut off, and rows over which it would fail.
                let rows = editor.to.get(&step.object).and_then(|o| ensure::rows_fit(&step.object, o, editor.to));
                let first: Vec<String> = ensure::clear_remains(step).into_iter().chain(rows).collect();
                if !open.is_empty() || !first.is_empty() {
                    let mut text = steps(&mut open);
                    first.iter().for_each(|sql| statement(sql, &mut text));
                    texts.push(("steps", text));
                }
                let mut text = String::new();
                statement(&ensure::alone_again(step), &mut text);
                texts.push(("alone", text));
            }
        }
        texts.push(("result", known_state(editor, open.into_iter(), true)));
    }
    let digits = texts.len().to_string().len().max(2);
    let name = |(n, (word, _)): (usize, &(&str, String))| format!("{:0digits$}_{word}.sql", n + 1);
    let names: Vec<String> = texts.iter().enumerate().map(name).collect();
    let file = |(n, (word, text)): (usize, (&str, String))| File {
        name: names.get(n).cloned().unwrap_or_default(),
        text: place(n, &names, word == "alone", &editor.title) + &text,
    };
    texts.into_iter().enumerate().map(file).collect()
}

/// The settings, for the transaction.
fn head(editor: &Editor<'_>) -> String {
    let plan = editor.plan;
    let path = if plan.search_path.is_empty() { String::new() } else { ident_list(&plan.search_path) };
    let own = [
        ("search_path", path.as_str()),
        ("check_function_bodies", "off"),
        ("lock_timeout", "10s"),
        ("client_min_messages", "warning"),
        // The closing SELECT looks at every declared object. From some 300 tables on, PostgreSQL 15.20 compiles it, and the compilation
        // takes about as long as the query.
        ("jit", "off"),
    ];
    let all = own
        .iter()
        .chain(MEANING)
        .map(|(name, value)| format!("set_config({}, {}, true)", literal(name), literal(value)));
    format!("SELECT {};\n\n", all.collect::<Vec<_>>().join(",\n  "))
}

/// A step about rows. What row security would hide from it is an error, instead of fewer rows that are changed.
fn over_rows(step: &Step, sql: &str, out: &mut String) {
    out.push_str("SELECT set_config('row_security', 'off', true);\n");
    match step.label.as_ref().or(step.group.as_ref()).filter(|_| step.check.is_none()) {
        Some(name) => statement(&ensure::named(sql, name), out),
        None => statement(sql, out),
    }
    out.push_str("SELECT set_config('row_security', 'on', true);\n");
}

/// The script that may meet any state: additions only, and a stop where what is there contradicts them.
fn any_state(editor: &Editor<'_>, values_apart: bool) -> String {
    let mut parts = Parts::default();
    for step in editor.plan.steps() {
        parts.add(step, editor);
    }
    let mut rows = String::new();
    for step in editor.data {
        let sql = match ensure::while_there(step, editor.from) {
            Some(there) => ensure::when(&there, std::slice::from_ref(&step.sql)),
            None => step.sql.clone(),
        };
        over_rows(step, &sql, &mut rows);
    }
    let mut out = head(editor);
    if !editor.renames.is_empty() {
        out.push_str("-- What has another name now.\n");
        editor.renames.iter().for_each(|sql| statement(sql, &mut out));
        out.push('\n');
    }
    if let Some(sql) = restated::without_leftovers(editor.to) {
        out.push_str("-- What a run that was cut off left behind.\n");
        statement(&sql, &mut out);
        out.push('\n');
    }
    if let Some(sql) = contradictions::statement(editor.to, editor.plan.major) {
        out.push_str("-- What exists and contradicts what is declared stops the script here.\n");
        statement(&sql, &mut out);
    }
    if let Some(sql) = restated::make_logged(editor.to) {
        out.push_str("-- A table that survives a crash refers to none that does not.\n");
        statement(&sql, &mut out);
    }
    if !values_apart {
        for (id, object) in editor.to.iter() {
            let used: Vec<String> = ensure::enum_values(id, object)
                .into_iter()
                .filter(|v| v.is_used_in(&[&parts.body, &parts.late, &parts.last], &rows))
                .map(|v| v.value)
                .collect();
            if !used.is_empty()
                && let Some(sql) = contradictions::uncommitted_values(id, object, &used)
            {
                statement(&sql, &mut out);
            }
        }
    }
    out.push('\n');
    out.push_str(&parts.body);
    if !rows.is_empty() {
        out.push_str("\n-- Rows.\n");
        out.push_str(&rows);
        statement(uncommitted::CHECKED_NOW, &mut out);
    }
    out.push_str(&parts.late);
    out.push_str(&parts.last);
    out.push_str("\n-- What now holds.\n");
    out.push_str(&result::query(editor, true));
    out
}

/// Steps from a known state, written so that they may be run again.
fn known_state<'a>(editor: &Editor<'_>, steps: impl Iterator<Item = &'a Step>, last: bool) -> String {
    let mut parts = Parts::default();
    let mut out = head(editor);
    for step in steps {
        parts.add(step, editor);
    }
    out.push_str(&parts.body);
    out.push_str(&parts.late);
    out.push_str(&parts.last);
    if last {
        // What was built once more although its place is taken already.
        restated::without_leftovers(editor.to).iter().for_each(|sql| statement(sql, &mut out));
        out.push_str("\n-- What now holds.\n");
        out.push_str(&result::query(editor, false));
    }
    out
}

impl Parts {
    fn add(&mut self, step: &Step, editor: &Editor<'_>) {
        let is_over_rows = step.action == Action::Data;
        if self.over_rows && !is_over_rows {
            statement(uncommitted::CHECKED_NOW, &mut self.body);
        }
        self.over_rows = is_over_rows;
        match step.action {
            // What the project does not declare (a schema for what is archived) is written as it is.
            Action::Create if step.creates.iter().any(|id| editor.to.contains(id)) => {
                for (n, id) in step.creates.iter().enumerate() {
                    let Some(object) = editor.to.get(id).filter(|_| self.made.insert(id.clone())) else { continue };
                    let waits = editor.offline && ensure::after_rows(object);
                    if waits {
                        self.waiting.insert(id.clone());
                    }
                    let offline = |create: &[String]| {
                        let statements = ensure::ensure(id, object, create, editor.to);
                        said::unless_said(id, object, statements, create, editor.plan.major)
                    };
                    let statements = match n {
                        0 if !editor.offline => ensure::ensure_known(id, object, step, editor.to),
                        0 => offline(std::slice::from_ref(&step.sql)),
                        _ if editor.offline => offline(&alone(id, object, editor)),
                        _ => ensure::ensure(id, object, &alone(id, object, editor), editor.to),
                    };
                    // What is said of what waits, waits for that.
                    let follows = self.waiting.iter().any(|other| id != other && id.is_within(other));
                    let part = match editor.offline && (follows || ensure::after_all(id)) {
                        true => &mut self.last,
                        false if waits => &mut self.late,
                        false => &mut self.body,
                    };
                    if editor.offline {
                        restated::parts_follow(id, editor.to).iter().for_each(|sql| statement(sql, part));
                        let demanded = ensure::demanded(id, object, editor.to, editor.plan.major);
                        demanded.iter().for_each(|sql| statement(sql, part));
                    }
                    // What default privileges give with it is known of no state but one that was read.
                    let cleared = editor.decided.cleared(id, object, editor.to).filter(|_| editor.offline);
                    let around = cleared
                        .and_then(|sql| Some(decided::around_creation(&holds::there(id, object, editor.to)?, &sql)));
                    if let Some((before, _)) = &around {
                        statement(before, part);
                    }
                    statements.iter().for_each(|sql| statement(sql, part));
                    if let Some((_, after)) = &around {
                        statement(after, part);
                    }
                    if editor.offline {
                        let said = restated::restated(id, object, editor.plan.major);
                        said.now.iter().for_each(|sql| statement(sql, &mut self.body));
                        said.late.iter().for_each(|sql| statement(sql, &mut self.late));
                        let sql =
                            [ensure::not_null(id, object, editor.plan.major), ensure::identity(id, object, editor.to)];
                        // What is said of an identity's sequence waits for that.
                        if sql[1].is_some() {
                            self.waiting.insert(id.clone());
                        }
                        sql.iter().flatten().for_each(|sql| statement(sql, &mut self.late));
                    }
                }
            }
            _ => {
                let waits = self.waiting.iter().any(|id| step.object.is_within(id));
                let mut sql = ensure::again(step, editor.from, editor.to);
                if let Some(object) = editor.to.get(&step.object).filter(|_| editor.offline) {
                    sql = said::unless_altered(step, object, sql, editor.plan.major);
                }
                let out = if waits { &mut self.last } else { &mut self.body };
                if ensure::proves(step)
                    && let Some(object) = editor.to.get(&step.object)
                    && let Some(rows) = ensure::rows_fit(&step.object, object, editor.to)
                {
                    statement(&rows, out);
                }
                if step.action == Action::Data { over_rows(step, &sql, out) } else { statement(&sql, out) }
            }
        }
    }
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
        using: Default::default(),
        major: editor.plan.major,
        online: false,
        unread: None,
        guarded: None,
    };
    if object.kind().info().inline {
        return Vec::new();
    }
    object.create(id, &cx).into_iter().map(|s| s.sql).collect()
}
