//! The text form: differences grouped and marked `+ - ~`, then the plan, then one line of numbers.

use std::fmt::Write as _;

use crate::core::id::ObjectId;
use crate::core::step::{Step, Transaction};
use crate::diff::{ChangeKind, Difference};
use crate::engine::Proof;
use crate::plan::{Plan, PlanTransaction};

use super::tree::{Group, Tree, mark, part};
use super::{Report, Summary, clean, clean_line, counted, is_long, object, unified};

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    color: bool,
}

impl Paint {
    /// With ANSI escapes or without.
    pub const fn new(color: bool) -> Self {
        Self { color }
    }

    fn sgr(self, code: &str, text: impl std::fmt::Display) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_string() }
    }

    /// What comes.
    pub fn green(self, text: impl std::fmt::Display) -> String {
        self.sgr("32", text)
    }

    /// What goes, or hurts.
    pub fn red(self, text: impl std::fmt::Display) -> String {
        self.sgr("31", text)
    }

    /// What changes, or is worth a look.
    pub fn yellow(self, text: impl std::fmt::Display) -> String {
        self.sgr("33", text)
    }

    /// What is beside the point.
    pub fn dim(self, text: impl std::fmt::Display) -> String {
        self.sgr("2", text)
    }

    /// Headings.
    pub fn bold(self, text: impl std::fmt::Display) -> String {
        self.sgr("1", text)
    }

    fn by_mark(self, mark: char, text: impl std::fmt::Display) -> String {
        match mark {
            '+' => self.green(text),
            '-' => self.red(text),
            _ => self.yellow(text),
        }
    }
}

/// The whole report: differences, plan, proof, summary. Notes are diagnostics and go elsewhere.
pub fn render(report: &Report<'_>, paint: Paint) -> String {
    let mut out = String::new();
    let summary = report.summary();
    if !summary.is_empty() {
        let heading = format!("{} -> {}", clean_line(&report.from), clean_line(&report.to));
        let _ = writeln!(out, "{}\n", paint.dim(heading));
    }
    differences(report.differences, paint, &mut out);
    if !report.plan.is_empty() {
        if !report.differences.is_empty() {
            out.push('\n');
        }
        plan(report.plan, paint, &mut out);
        out.push('\n');
    } else if !report.differences.is_empty() {
        out.push('\n');
    }
    if let Some(proof) = report.proof {
        let _ = writeln!(out, "{}", proof_line(proof, paint));
        for detail in &proof.details {
            let _ = writeln!(out, "  {}", clean_line(detail));
        }
    }
    let _ = writeln!(out, "{}", paint.bold(summary.line()));
    out.push_str(&consent(&summary, paint));
    out
}

fn proof_line(proof: &Proof, paint: Paint) -> String {
    if proof.holds() {
        paint.green(format!("Proved: {}.", proof.words()))
    } else {
        paint.red(format!("Not proved: {}.", proof.words()))
    }
}

fn consent(summary: &Summary, paint: Paint) -> String {
    match summary.need_consent {
        0 => String::new(),
        n => {
            let verb = if n == 1 { "needs" } else { "need" };
            format!(
                "{}\n",
                paint.red(format!("{} {verb} consent: see `!!` above and `apply --allow`.", counted(n, "step")))
            )
        }
    }
}

/// The differences.
pub fn differences(differences: &[Difference], paint: Paint, out: &mut String) {
    let tree = Tree::new(differences);
    let mut schema = None;
    for (top, group) in tree.groups() {
        let here = top.schema().map(|s| s.into_owned());
        if schema.as_ref() != Some(&here) {
            if schema.is_some() {
                out.push('\n');
            }
            let heading = here.as_ref().map_or("database".to_owned(), |s| format!("schema {}", clean_line(s)));
            let _ = writeln!(out, "{}", paint.bold(heading));
            schema = Some(here);
        }
        draw_group(top, group, paint, out);
    }
}

fn draw_group(top: &ObjectId, group: &Group<'_>, paint: Paint, out: &mut String) {
    match group.own {
        Some(own) => line(1, own, &object(top), group, paint, out),
        None => {
            let _ = writeln!(out, "  {} {}", paint.yellow('~'), object(top));
        }
    }
    for difference in &group.parts {
        line(3, difference, &part(&difference.id, top), group, paint, out);
    }
}

fn line(depth: usize, difference: &Difference, name: &str, group: &Group<'_>, paint: Paint, out: &mut String) {
    let pad = "  ".repeat(depth);
    let sign = mark(&difference.change);
    let with = match group.with(&difference.id) {
        with if with.is_empty() => with,
        with => format!("  {}", paint.dim(format!("({with})"))),
    };
    let renamed = match &difference.change {
        ChangeKind::Renamed { from } => format!("  {}", paint.dim(format!("(was {})", clean_line(&from.name())))),
        _ => String::new(),
    };
    let _ = writeln!(out, "{pad}{}{renamed}{with}", paint.by_mark(sign, format!("{sign} {name}")));
    let ChangeKind::Altered { attributes } = &difference.change else { return };
    for change in attributes {
        let label = change.label();
        if is_long(&change.old, &change.new) {
            let _ = writeln!(out, "{pad}    {label}:");
            for text in unified(&change.old, &change.new).lines() {
                let text = match text.as_bytes().first() {
                    Some(b'+') => paint.green(text),
                    Some(b'-') => paint.red(text),
                    Some(b'@') => paint.dim(text),
                    _ => text.to_owned(),
                };
                let _ = writeln!(out, "{pad}      {text}");
            }
        } else {
            let value =
                |text: &str| if text.is_empty() { "''".to_owned() } else { clean_line(text.trim_end()).into_owned() };
            let (old, new) = (paint.red(value(&change.old)), paint.green(value(&change.new)));
            let _ = writeln!(out, "{pad}    {label}: {old} → {new}");
        }
    }
}

/// What is said above the steps that run together.
pub fn transaction_title(number: usize, transaction: &PlanTransaction) -> String {
    let how = match transaction.mode {
        Transaction::None => ", outside a transaction",
        Transaction::Own => ", on its own",
        Transaction::Shared => "",
    };
    format!("transaction {number}, {}{how}", transaction.phase.word())
}

/// The plan: numbered steps, grouped by transaction.
pub fn plan(plan: &Plan, paint: Paint, out: &mut String) {
    let _ = writeln!(out, "{}", paint.bold("Plan"));
    let width = plan.steps().count().to_string().len().max(2);
    let mut number = 0;
    for (i, transaction) in plan.transactions.iter().enumerate() {
        let _ = writeln!(out, "  {}", paint.dim(transaction_title(i + 1, transaction)));
        for step in &transaction.steps {
            number += 1;
            draw_step(number, width, step, paint, out);
        }
    }
}

fn draw_step(number: usize, width: usize, step: &Step, paint: Paint, out: &mut String) {
    let pad = " ".repeat(width + 6);
    for (i, text) in clean(step.shown().trim_end()).lines().enumerate() {
        if i == 0 {
            let _ = writeln!(out, "    {number:>width$}  {text}");
        } else {
            let _ = writeln!(out, "{}", format!("{pad}{text}").trim_end());
        }
    }
    if let Some((mode, on)) = &step.lock {
        let _ = writeln!(out, "{pad}{}", paint.dim(format!("lock: {} on {}", mode.name(), clean_line(&on.sql_path()))));
    }
    for hazard in &step.hazards {
        let said = format!("{}: {}", hazard.label(), clean_line(&hazard.reason));
        let said =
            if hazard.needs_consent() { paint.red(format!("!! {said}")) } else { paint.yellow(format!("!  {said}")) };
        let _ = writeln!(out, "{pad}{said}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::render::sample;

    #[test]
    fn text() {
        let text = sample::with(|r| render(r, Paint::new(false)));
        assert!(!text.contains('\u{1b}'));
        sample::snapshots(|| insta::assert_snapshot!("plan-text", text));
        assert_eq!(sample::with_nothing(|r| render(r, Paint::new(false))), "No differences.\n");
    }

    #[test]
    fn colours_are_the_only_escapes() {
        let text = sample::with(|r| render(r, Paint::new(true)));
        let codes: std::collections::BTreeSet<&str> =
            text.split('\u{1b}').skip(1).filter_map(|s| s.split('m').next()).collect();
        assert_eq!(codes.into_iter().collect::<Vec<_>>(), ["[0", "[1", "[2", "[31", "[32", "[33"]);
    }

    #[test]
    fn a_failed_proof_is_said() {
        let proof = Proof {
            ran: true,
            converged: false,
            rows_kept: true,
            details: vec!["column public.t.c remains".to_owned()],
            ..Proof::default()
        };
        let text = sample::with_nothing(|r| {
            render(&Report { proof: Some(&proof), from: r.from.clone(), to: r.to.clone(), ..*r }, Paint::new(false))
        });
        assert!(text.starts_with("Not proved: applied to a clone, differences remain.\n  column public.t.c remains\n"));
    }
}
