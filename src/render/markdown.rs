//! The Markdown form, for a comment on a pull request: numbers first, a table of steps, the rest to be unfolded.

use std::fmt::Write as _;

use crate::core::diagnostic::Severity;
use crate::core::step::Step;
use crate::diff::ChangeKind;

use super::tree::{Tree, mark, part};
use super::{Report, clean, clean_line, counted, is_long, object, unified};

/// GitHub takes comments of up to 65,536 characters; what is longer is cut where it can be.
const MOST: usize = 60_000;

/// Renders the report.
pub fn render(report: &Report<'_>) -> String {
    let summary = report.summary();
    let mut out = String::from("### Schema changes\n\n");
    if !summary.is_empty() {
        let _ = writeln!(out, "{} → {}\n", code(&report.from), code(&report.to));
    }
    let _ = writeln!(out, "**{}**", escape(&summary.line()));
    if summary.need_consent > 0 {
        let _ =
            writeln!(out, "\n⛔ {} only with consent: `--allow {}`.", runs(summary.need_consent), summary.to_allow());
    }
    if let Some(proof) = report.proof {
        let (sign, verdict) = if proof.holds() { ("✅", "Proved") } else { ("❌", "Not proved") };
        let _ = writeln!(out, "\n{sign} {verdict}: {}.", proof.words());
        for detail in &proof.details {
            let _ = writeln!(out, "- {}", escape(detail));
        }
    }
    notes(report, &mut out);
    if !report.plan.is_empty() {
        steps(report, &mut out);
    }
    if !report.differences.is_empty() {
        differences(report, &mut out);
    }
    if !report.plan.is_empty() {
        sql(report, &mut out);
    }
    out
}

fn notes(report: &Report<'_>, out: &mut String) {
    if report.notes.is_empty() {
        return;
    }
    out.push('\n');
    for note in report.notes {
        let sign = match note.severity {
            Severity::Info => "ℹ️",
            Severity::Warning => "⚠️",
            Severity::Error | Severity::Refused => "❌",
        };
        let place = note.location.as_ref().map_or(String::new(), |l| format!(" ({})", code(&l.position())));
        let _ = writeln!(out, "- {sign} {}{place}", escape(&note.message));
        for help in &note.help {
            let _ = writeln!(out, "  - {}", escape(help));
        }
    }
}

fn runs(steps: usize) -> String {
    format!("{} {}", counted(steps, "step"), if steps == 1 { "runs" } else { "run" })
}

fn steps(report: &Report<'_>, out: &mut String) {
    out.push_str("\n| # | Phase | Step | Lock | Hazards |\n| ---: | --- | --- | --- | --- |\n");
    for (i, step) in report.plan.steps().enumerate() {
        if out.len() > MOST / 2 {
            let _ = writeln!(out, "\n… and {} more.", counted(report.plan.steps().count() - i, "step"));
            return;
        }
        let lock = step
            .lock
            .as_ref()
            .map_or(String::new(), |(mode, on)| format!("{} on {}", mode.name(), cell(&on.sql_path())));
        let hazards: Vec<_> =
            step.hazards.iter().map(|h| format!("**{}**: {}", h.label(), escape(&h.reason))).collect();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {lock} | {} |",
            i + 1,
            step.phase.word(),
            cell(&first_line(step)),
            hazards.join("<br>")
        );
    }
}

/// The start of a statement, on one line.
pub(super) fn first_line(step: &Step) -> String {
    let shown = step.shown();
    let one: String = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    match one.char_indices().nth(100) {
        Some((at, _)) => format!("{}…", &one[..at]),
        None => one,
    }
}

fn differences(report: &Report<'_>, out: &mut String) {
    let mut text = String::new();
    let tree = Tree::new(report.differences);
    for (top, group) in tree.groups() {
        let own = group.own.map_or('~', |d| mark(&d.change));
        let with = match group.with(top) {
            with if with.is_empty() => with,
            with => format!(" ({with})"),
        };
        let _ = writeln!(text, "{} {}{with}", diff_mark(own), object(top));
        for difference in group.own.iter().chain(&group.parts) {
            if difference.id != *top {
                let _ = writeln!(text, "{}   {}", diff_mark(mark(&difference.change)), part(&difference.id, top));
            }
            match &difference.change {
                ChangeKind::Altered { attributes } => {
                    for change in attributes {
                        let name = change.label();
                        if is_long(&change.old, &change.new) {
                            let _ = write!(text, "      {name}:\n{}", unified(&change.old, &change.new));
                        } else {
                            let _ = writeln!(
                                text,
                                "      {name}: {} → {}",
                                clean_line(&change.old),
                                clean_line(&change.new)
                            );
                        }
                    }
                }
                ChangeKind::Renamed { from } => {
                    let _ = writeln!(text, "      was {}", clean_line(&from.name()));
                }
                ChangeKind::Created | ChangeKind::Dropped => {}
            }
        }
    }
    details("Differences", "diff", &text, out);
}

/// `!` is what a `diff` block colours as a change.
fn diff_mark(mark: char) -> char {
    if mark == '~' { '!' } else { mark }
}

fn sql(report: &Report<'_>, out: &mut String) {
    let mut text = String::new();
    for (i, step) in report.plan.steps().enumerate() {
        let _ = writeln!(text, "-- {}\n{};\n", i + 1, clean(step.sql.trim_end()));
    }
    details("SQL", "sql", text.trim_end(), out);
}

fn details(title: &str, language: &str, text: &str, out: &mut String) {
    let room = MOST.saturating_sub(out.len());
    let mut end = text.len().min(room);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let cut = if end < text.len() { "\n… (cut)" } else { "" };
    let text = format!("{}{cut}", text[..end].trim_end());
    let fence = fence(&text);
    let _ =
        write!(out, "\n<details>\n<summary>{title}</summary>\n\n{fence}{language}\n{text}\n{fence}\n\n</details>\n");
}

/// A fence longer than any run of backticks in the text.
fn fence(text: &str) -> String {
    "`".repeat((longest_run(text) + 1).max(3))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A code span.
fn code(text: &str) -> String {
    let text = clean_line(text);
    let ticks = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// A code span within a table, where a bar would end the cell even inside of code.
fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

/// Plain text: nothing in it is markup, mentions nobody and refers to no issue.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean_line(text).chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            '#' => out.push_str("&#35;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn markdown() {
        let text = sample::with(render);
        sample::snapshots(|| insta::assert_snapshot!("plan-markdown", text));
    }

    #[test]
    fn names_cannot_break_out() {
        assert_eq!(cell("a`b|c"), "``a`b\\|c``");
        assert_eq!(escape("<b>@you #1 [x](y)"), "&lt;b&gt;&#64;you &#35;1 \\[x\\](y)");
        assert_eq!(fence("x ```` y"), "`````");
    }
}
