//! The form for `supabase/migrations`: a timestamped file of plain statements, run once, in order, by the Supabase CLI.

use std::fmt::Write as _;

use crate::core::meaning;
use crate::core::name::search_path;
use crate::core::step::{Action, Step};
use crate::kinds::{ensure, uncommitted};
use crate::plan::Plan;

use super::{clean_line, statement};

/// The file's name, from a time such as `20261121093000`.
pub fn file_name(timestamp: &str) -> String {
    format!("{timestamp}_trueup.sql")
}

/// Writes the files: one, but where what a step adds can be used only once it is committed.
pub fn render(plan: &Plan, title: &str) -> Vec<String> {
    let mut head = format!("-- Written by trueup: {}\n", clean_line(title));
    if plan.is_empty() {
        head.push_str("-- No differences.\n");
        return vec![head];
    }
    head.push_str(
        "-- The Supabase CLI runs this file once, as one transaction, and remembers that it did. Nothing in it asks whether it was run\n\
         -- already: what was run by hand is to be marked (`supabase migration repair --status applied`, and the time in the file's name).\n\
         -- A script that may be run again is written by `trueup sql --for supabase-editor`.\n",
    );
    let path = search_path(&plan.search_path);
    let settings = format!(
        "SET search_path = {path};\nSET check_function_bodies = off;\nSET lock_timeout = '10s';\n{};\n",
        meaning::statements("SET").replace("; ", ";\n")
    );
    let _ = writeln!(head, "{settings}");
    let reset: String = settings
        .lines()
        .filter_map(|line| line.strip_prefix("SET ")?.split_once(" = "))
        .map(|(name, _)| format!("RESET {name};\n"))
        .collect();
    let mut files = Vec::new();
    let mut out = String::new();
    let steps: Vec<&Step> = plan.steps().collect();
    for (n, step) in steps.iter().enumerate() {
        let follows_rows =
            n.checked_sub(1).and_then(|n| steps.get(n)).is_some_and(|before| before.action == Action::Data);
        if follows_rows && step.action != Action::Data {
            statement(uncommitted::CHECKED_NOW, &mut out);
        }
        for hazard in &step.hazards {
            let _ = writeln!(out, "-- {}: {}", hazard.label(), clean_line(&hazard.reason));
        }
        ensure::asked_before(step).iter().for_each(|ask| statement(ask, &mut out));
        statement(&step.sql, &mut out);
        let next = steps.get(n + 1);
        if next.is_none() || ensure::must_commit(step) && next.is_some_and(|s| !ensure::must_commit(s)) {
            files.push(format!("{head}{}\n{reset}", std::mem::take(&mut out)));
        }
    }
    files
}
