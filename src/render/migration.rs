//! The form for `supabase/migrations`: a timestamped file of plain statements, run once, in order, by the Supabase CLI.

use std::fmt::Write as _;

use crate::core::name::ident_list;
use crate::plan::Plan;

use super::clean_line;

/// The file's name, from a time such as `20261121093000`.
pub fn file_name(timestamp: &str) -> String {
    format!("{timestamp}_trueup.sql")
}

/// Writes the file.
pub fn render(plan: &Plan, title: &str) -> String {
    let mut out = format!("-- Written by trueup: {}\n", clean_line(title));
    if plan.is_empty() {
        out.push_str("-- No differences.\n");
        return out;
    }
    let path = if plan.search_path.is_empty() { "''".to_owned() } else { ident_list(&plan.search_path) };
    let _ = writeln!(out, "SET search_path = {path};\nSET check_function_bodies = off;\nSET lock_timeout = '10s';\n");
    for step in plan.steps() {
        for hazard in &step.hazards {
            let _ = writeln!(out, "-- {}: {}", hazard.kind.word(), clean_line(&hazard.reason));
        }
        let sql = step.sql.trim_end();
        out.push_str(sql);
        out.push_str(if sql.rsplit('\n').next().unwrap_or(sql).contains("--") { "\n;\n" } else { ";\n" });
    }
    out.push_str("\nRESET search_path;\nRESET check_function_bodies;\nRESET lock_timeout;\n");
    out
}
