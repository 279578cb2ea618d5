//! The HTML form: one page that needs nothing else, light or dark as the reader's system is.

use std::fmt::Write as _;

use crate::core::diagnostic::Severity;
use crate::core::step::Step;
use crate::diff::{ChangeKind, Difference};

use super::markdown::first_line;
use super::text::transaction_title;
use super::tree::{Group, Tree, mark, part};
use super::{Report, clean_line, html_escape as e, is_long, object, unified};

/// Renders the page.
pub fn render(report: &Report<'_>) -> String {
    let mut out = String::from("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str(
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Plan · trueup</title>\n",
    );
    let _ = write!(out, "<style>\n{}</style>\n</head>\n<body>\n", include_str!("page.css"));
    head(report, &mut out);
    notes(report, &mut out);
    if !report.differences.is_empty() {
        out.push_str("<h2>Differences</h2>\n<ul class=\"tree\">\n");
        let tree = Tree::new(report.differences);
        for (top, group) in tree.groups() {
            let own = group.own.map_or('~', |d| mark(&d.change));
            let _ = write!(out, "<li>{}", item(own, &object(top), &group.with(top)));
            if let Some(own) = group.own {
                changes(own, &mut out);
            }
            parts(top, group, &mut out);
            out.push_str("</li>\n");
        }
        out.push_str("</ul>\n");
    }
    if !report.plan.is_empty() {
        steps(report, &mut out);
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn head(report: &Report<'_>, out: &mut String) {
    let summary = report.summary();
    let _ = writeln!(
        out,
        "<h1>Plan</h1>\n<div class=\"soft\"><code>{}</code> → <code>{}</code></div>",
        e(&report.from),
        e(&report.to)
    );
    if !summary.is_empty() {
        out.push_str("<div class=\"cards\">\n");
        let mut card = |class: &str, n: usize, what: &str| {
            let _ = writeln!(out, "<div class=\"card\"><b class=\"{class}\">{n}</b>{what}</div>");
        };
        card("add", summary.created, "created");
        card("mod", summary.altered + summary.renamed, "altered");
        card("del", summary.dropped, "dropped");
        card("", summary.steps, "steps");
        card("", summary.transactions, "transactions");
        out.push_str("</div>\n");
    }
    let _ = writeln!(out, "<p>{}</p>", e(&summary.line()));
    if summary.need_consent > 0 {
        let _ = writeln!(
            out,
            "<div class=\"banner del\">{} only with consent (<code>--allow {}</code>).</div>",
            if summary.need_consent == 1 {
                "1 step runs".to_owned()
            } else {
                format!("{} steps run", summary.need_consent)
            },
            summary.to_allow()
        );
    }
    if let Some(proof) = report.proof {
        let (class, verdict) = if proof.holds() { ("add", "Proved") } else { ("del", "Not proved") };
        let text = format!("{verdict}: {}.", proof.words());
        let details: Vec<_> = proof.details.iter().map(|d| format!("<br>{}", e(d))).collect();
        let _ = writeln!(out, "<div class=\"banner {class}\">{text}{}</div>", details.join(""));
    }
}

fn notes(report: &Report<'_>, out: &mut String) {
    for note in report.notes {
        let class = match note.severity {
            Severity::Info | Severity::Warning => "mod",
            Severity::Error | Severity::Refused => "del",
        };
        let place = note.location.as_ref().map_or(String::new(), |l| format!(" <code>{}</code>", e(&l.position())));
        let more: Vec<_> =
            note.notes.iter().chain(&note.help).map(|t| format!("<br><span class=\"soft\">{}</span>", e(t))).collect();
        let _ = writeln!(out, "<div class=\"banner {class}\">{}{place}{}</div>", e(&note.message), more.join(""));
    }
}

fn item(mark: char, name: &str, with: &str) -> String {
    let class = match mark {
        '+' => "add",
        '-' => "del",
        _ => "mod",
    };
    let with = if with.is_empty() { String::new() } else { format!(" <span class=\"soft\">({})</span>", e(with)) };
    format!("<code class=\"{class}\">{mark} {}</code>{with}", e(name))
}

fn parts(top: &crate::core::id::ObjectId, group: &Group<'_>, out: &mut String) {
    if group.parts.is_empty() {
        return;
    }
    out.push_str("<ul>\n");
    for difference in &group.parts {
        let _ = write!(
            out,
            "<li>{}",
            item(mark(&difference.change), &part(&difference.id, top), &group.with(&difference.id))
        );
        changes(difference, out);
        out.push_str("</li>\n");
    }
    out.push_str("</ul>");
}

fn changes(difference: &Difference, out: &mut String) {
    match &difference.change {
        ChangeKind::Renamed { from } => {
            let _ = write!(out, " <span class=\"soft\">was {}</span>", e(&clean_line(&from.name())));
        }
        ChangeKind::Altered { attributes } => {
            for change in attributes {
                let name = e(&change.label());
                if is_long(&change.old, &change.new) {
                    let _ = write!(out, "<div>{name}</div><pre class=\"diff\">");
                    for line in unified(&change.old, &change.new).lines() {
                        let class = match line.as_bytes().first() {
                            Some(b'+') => "add",
                            Some(b'-') => "del",
                            Some(b'@') => "soft",
                            _ => "",
                        };
                        let _ = writeln!(out, "<span class=\"{class}\">{}</span>", e(line));
                    }
                    out.push_str("</pre>");
                } else {
                    let (old, new) = (e(&clean_line(&change.old)), e(&clean_line(&change.new)));
                    let _ = write!(
                        out,
                        "<div>{name}: <code class=\"del\">{old}</code> → <code class=\"add\">{new}</code></div>"
                    );
                }
            }
        }
        ChangeKind::Created | ChangeKind::Dropped => {}
    }
}

fn steps(report: &Report<'_>, out: &mut String) {
    out.push_str("<h2>Steps</h2>\n<table>\n<tr><th></th><th>Statement</th><th>Lock</th><th>Hazards</th></tr>\n");
    let mut number = 0;
    for (i, transaction) in report.plan.transactions.iter().enumerate() {
        let _ =
            writeln!(out, "<tr class=\"group\"><td colspan=\"4\">{}</td></tr>", transaction_title(i + 1, transaction));
        for step in &transaction.steps {
            number += 1;
            row(number, step, out);
        }
    }
    out.push_str("</table>\n");
}

fn row(number: usize, step: &Step, out: &mut String) {
    let _ = write!(out, "<tr><td class=\"n\">{number}</td><td>");
    let (first, whole) = (first_line(step), step.sql.trim_end());
    if first == whole {
        let _ = write!(out, "<pre>{}</pre>", e(whole));
    } else {
        let _ = write!(
            out,
            "<details><summary><code>{}</code></summary><pre>{}</pre></details>",
            e(&clean_line(&first)),
            e(whole)
        );
    }
    out.push_str("</td><td class=\"lock\">");
    if let Some((mode, on)) = &step.lock {
        let _ = write!(out, "{}<br>{}", mode.name(), e(&clean_line(&on.sql_path())));
    }
    out.push_str("</td><td>");
    for hazard in &step.hazards {
        let class = if hazard.needs_consent() { "del" } else { "mod" };
        let _ = write!(out, "<span class=\"tag {class}\">{}</span> {}<br>", hazard.label(), e(&hazard.reason));
    }
    out.push_str("</td></tr>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn html() {
        let text = sample::with(render);
        assert!(!text.contains("<rows>"));
        // The style sheet is its own file and would only hide the page.
        let page = text.replace(include_str!("page.css"), "…\n");
        sample::snapshots(|| insta::assert_snapshot!("plan-html", page));
    }
}
