//! The psql form: a script for `psql -X -f`, which stops at the first error and can be run again from its beginning: it passes
//! over the transactions that were committed, as far as something that they bring or take away tells so.

use std::fmt::Write as _;
use std::time::Duration;

use crate::core::id::ObjectId;
use crate::core::meaning;
use crate::core::name::{literal, search_path};
use crate::core::step::{Action, Step, Transaction};
use crate::kinds::ensure;
use crate::plan::{PlanTransaction, share_name};

use super::{Report, clean_line, statement};

/// Writes the script. `lock_timeout` bounds how long a statement waits for a lock; steps that cannot run in a transaction are
/// exempt, because they wait for old snapshots too and one that is cut off leaves an invalid index.
pub fn render(report: &Report<'_>, lock_timeout: Duration) -> String {
    let plan = report.plan;
    let mut out = header(report);
    if plan.is_empty() {
        return out;
    }
    let timeout = literal(&format!("{}ms", lock_timeout.as_millis()));
    out.push_str("\\set ON_ERROR_STOP on\n");
    let _ = writeln!(out, "SET lock_timeout = {timeout};");
    out.push_str("SET statement_timeout = 0;\nSET idle_in_transaction_session_timeout = 0;\n");
    let path = search_path(&plan.search_path);
    let _ = writeln!(out, "SET search_path = {path};\nSET check_function_bodies = off;");
    let _ = writeln!(out, "{};", meaning::statements("SET").replace("; ", ";\n"));
    let total = plan.steps().count();
    let mut number = 0;
    for transaction in &plan.transactions {
        let block = transaction.mode != Transaction::None;
        out.push('\n');
        let done = if block { committed(transaction, report) } else { None };
        if let Some(done) = &done {
            pass_over(&format!("{} to {}", number + 1, number + transaction.steps.len()), done, &mut out);
        }
        if block {
            out.push_str("BEGIN;\n");
        }
        for step in &transaction.steps {
            number += 1;
            comment(number, total, step, &mut out);
            if block {
                within(number, step, done.is_some(), report, &mut out);
            } else {
                alone(number, step, &timeout, report, &mut out);
            }
        }
        if block {
            out.push_str("COMMIT;\n");
        }
        if done.is_some() {
            out.push_str("\\endif\n");
        }
    }
    out
}

/// An SQL expression that is true once a transaction was committed: that all is there which only it brings, and all gone which
/// only it takes away. None where it only alters: that can mostly be said again.
fn committed(transaction: &PlanTransaction, report: &Report<'_>) -> Option<String> {
    let (live, declared) = (report.live?, report.declared?);
    // What has the name until it is freed, by a rename or because it goes, says nothing.
    let freed = |id: &ObjectId| {
        report.plan.steps().any(|step| match step.action {
            Action::Rename => share_name(&step.object, id) || id.is_within(&step.object),
            _ => step.destroys.iter().any(|gone| gone == id || share_name(gone, id)),
        })
    };
    // The sequence of an identity column has a name, too, and is no object of its own.
    let counts = |id: &ObjectId| ensure::is_counter(id, live) || ensure::is_counter(id, declared);
    let once = |of: &dyn Fn(&Step) -> bool| report.plan.steps().filter(|step| of(step)).count() == 1;
    let signs = transaction.steps.iter().filter_map(|step| {
        let id = &step.object;
        match step.action {
            Action::Create if !live.contains(id) && !freed(id) && !counts(id) && once(&|s| s.creates.contains(id)) => {
                ensure::is_there(id, declared.get(id)?)
            }
            Action::Drop if !declared.contains(id) && !counts(id) && once(&|s| s.destroys.contains(id)) => {
                ensure::is_there(id, live.get(id)?).map(|there| format!("NOT {there}"))
            }
            _ => None,
        }
    });
    let signs: Vec<String> = signs.collect();
    (!signs.is_empty()).then(|| format!("SELECT {}", signs.join("\n  AND ")))
}

/// A step within a transaction that may have been committed already; `told`: something says so of all of it.
fn within(number: usize, step: &Step, told: bool, report: &Report<'_>, out: &mut String) {
    let done = done(step, report);
    if let Some(done) = &done {
        pass_over(&number.to_string(), done, out);
    }
    match (report.live, report.declared) {
        (Some(live), Some(declared)) if step.action == Action::Rename || ensure::must_commit(step) || !told => {
            match declared.get(&step.object).filter(|_| step.action == Action::Create) {
                Some(object) => {
                    let made = ensure::ensure_known(&step.object, object, step, declared);
                    made.iter().for_each(|sql| statement(sql, out));
                }
                None => statement(&ensure::again(step, live, declared), out),
            }
        }
        _ => {
            ensure::asked_before(step).iter().for_each(|ask| statement(ask, out));
            statement(&step.sql, out);
        }
    }
    if done.is_some() {
        out.push_str("\\endif\n");
    }
}

/// A query that is true once a step was done. A step about rows that reads what the plan takes away later was, once that is gone.
fn done(step: &Step, report: &Report<'_>) -> Option<String> {
    if step.done_when.is_some() {
        return step.done_when.clone();
    }
    let (live, declared) = (report.live?, report.declared?);
    let leaving = step.uses.iter().any(|id| !declared.contains(id));
    leaving.then(|| ensure::while_there(step, live)).flatten().map(|there| format!("SELECT NOT ({there})"))
}

/// The head of what is passed over where it was done already.
fn pass_over(steps: &str, done: &str, out: &mut String) {
    let _ = writeln!(out, "SELECT coalesce((\n{}\n), false) AS trueup_done \\gset", done.trim_end());
    let _ = writeln!(out, "\\if :trueup_done\n\\echo 'step {steps}: done already'\n\\else");
}

fn header(report: &Report<'_>) -> String {
    let plan = report.plan;
    let mut out = String::from("-- Written by trueup. Run with: psql -X -f FILE\n");
    let _ = writeln!(out, "-- from: {}", clean_line(&report.from));
    let _ = writeln!(out, "-- to:   {}", clean_line(&report.to));
    if !plan.from.is_empty() {
        let _ = writeln!(out, "-- fingerprint of the state it starts from: {}", clean_line(&plan.from));
    }
    if plan.major > 0 {
        let _ = writeln!(out, "-- for PostgreSQL {}", plan.major);
    }
    let _ = writeln!(out, "-- {}", report.summary().line());
    out
}

fn comment(number: usize, total: usize, step: &Step, out: &mut String) {
    let _ = write!(out, "-- {number}/{total} {}", step.phase.word());
    if let Some((mode, on)) = &step.lock {
        let _ = write!(out, "; {} on {}", mode.name(), clean_line(&on.sql_path()));
    }
    out.push('\n');
    for hazard in &step.hazards {
        let _ = writeln!(out, "-- {}: {}", hazard.label().to_uppercase(), clean_line(&hazard.reason));
    }
}

/// A step outside a transaction: passed over where it was done already, its remains cleared away where it was cut off.
fn alone(number: usize, step: &Step, timeout: &str, report: &Report<'_>, out: &mut String) {
    let done = done(step, report);
    if let Some(done) = &done {
        pass_over(&number.to_string(), done, out);
    }
    out.push_str("SET lock_timeout = 0;\n");
    if let Some(cleanup) = &step.cleanup {
        statement(cleanup, out);
    }
    statement(&step.sql, out);
    let _ = writeln!(out, "SET lock_timeout = {timeout};");
    if done.is_some() {
        out.push_str("\\endif\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn psql_script() {
        let text = sample::with(|r| render(r, Duration::from_secs(2)));
        sample::snapshots(|| insta::assert_snapshot!("plan-psql", text));
    }

    #[test]
    fn nothing_to_do_is_a_script_of_comments() {
        let text = sample::with_nothing(|r| render(r, Duration::from_secs(2)));
        assert!(text.lines().all(|l| l.starts_with("--")) && text.contains("-- No differences."), "{text}");
    }
}
