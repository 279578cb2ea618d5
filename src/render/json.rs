//! The JSON form; `docs/json.md` describes it. Keys are only ever added within a version.

use serde_json::{Map, Value, json};

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Location, Severity};
use crate::diff::{ChangeKind, Difference};

use super::{Report, Summary};

/// The version of the structure, in the key `trueup_report`.
pub const VERSION: u32 = 1;

/// A whole comparison.
pub fn render(report: &Report<'_>) -> Value {
    let mut all = json!({
        "trueup_report": VERSION,
        "from": report.from,
        "to": report.to,
        "summary": summary(&report.summary()),
        "differences": differences(report.differences, report.declared),
        "plan": serde_json::to_value(report.plan).unwrap_or(Value::Null),
        "notes": diagnostics(report.notes),
    });
    if let (Some(proof), Some(map)) = (report.proof, all.as_object_mut()) {
        let proof = json!({
            "ran": proof.ran,
            "converged": proof.converged,
            "rows_kept": proof.rows_kept,
            "details": proof.details,
        });
        map.insert("proof".to_owned(), proof);
    }
    all
}

fn summary(summary: &Summary) -> Value {
    let phases: Map<String, Value> = summary.phases.iter().map(|(k, n)| (k.word().to_owned(), json!(n))).collect();
    let hazards: Map<String, Value> = summary.hazards.iter().map(|(k, n)| (k.word().to_owned(), json!(n))).collect();
    json!({
        "created": summary.created,
        "altered": summary.altered,
        "renamed": summary.renamed,
        "dropped": summary.dropped,
        "steps": summary.steps,
        "transactions": summary.transactions,
        "phases": phases,
        "hazards": hazards,
        "need_consent": summary.need_consent,
        "strongest_lock": summary.lock.as_ref().map(|(mode, on)| json!({"mode": mode.name(), "on": on})),
        "line": summary.line(),
    })
}

/// Differences, each with where its object is declared when that is known.
pub fn differences(differences: &[Difference], declared: Option<&Catalog>) -> Vec<Value> {
    differences
        .iter()
        .map(|difference| {
            let mut map = Map::new();
            map.insert("id".to_owned(), json!(difference.id));
            map.insert("object".to_owned(), json!(difference.id.to_string()));
            if let Some(of) = &difference.of {
                map.insert("of".to_owned(), json!(of));
            }
            let change = match &difference.change {
                ChangeKind::Created => "created",
                ChangeKind::Dropped => "dropped",
                ChangeKind::Altered { attributes } => {
                    map.insert("attributes".to_owned(), json!(attributes));
                    "altered"
                }
                ChangeKind::Renamed { from } => {
                    map.insert("renamed_from".to_owned(), json!(from));
                    "renamed"
                }
            };
            map.insert("change".to_owned(), json!(change));
            if let Some(place) = declared.and_then(|c| c.location(&difference.id)) {
                map.insert("location".to_owned(), location(place));
            }
            Value::Object(map)
        })
        .collect()
}

/// Diagnostics.
pub fn diagnostics(all: &[Box<Diagnostic>]) -> Vec<Value> {
    all.iter().map(|d| diagnostic(d)).collect()
}

/// One diagnostic.
pub fn diagnostic(d: &Diagnostic) -> Value {
    let severity = match d.severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
        Severity::Refused => "refused",
    };
    let related: Vec<_> =
        d.related.iter().map(|(place, what)| json!({"location": location(place), "message": what})).collect();
    json!({
        "severity": severity,
        "code": d.code,
        "message": d.message,
        "location": d.location.as_ref().map(location),
        "label": d.label,
        "related": related,
        "notes": d.notes,
        "help": d.help,
    })
}

fn location(place: &Location) -> Value {
    let (line, column) = place.source.line_column(place.span.start);
    let (end_line, end_column) = place.source.line_column(place.span.end);
    json!({"file": place.source.name, "line": line, "column": column, "end_line": end_line, "end_column": end_column})
}

/// The text of a value, indented, with a final line feed; whatever acts on a terminal is written as `\uXXXX`.
pub fn text(value: &Value) -> String {
    escaped(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// As [`text`], on one line.
pub fn line(value: &Value) -> String {
    escaped(&value.to_string())
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        // Below U+0020 only the line feeds of the layout are left; above, such characters stand only within strings.
        if c != '\n' && super::acts(c) {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn json() {
        let text = sample::with(|r| text(&render(r)));
        sample::snapshots(|| insta::assert_snapshot!("plan-json", text));
    }

    #[test]
    fn the_plan_in_it_can_be_read_back() {
        let value: Value = serde_json::from_str(&sample::with(|r| text(&render(r)))).unwrap();
        let plan: crate::plan::Plan = serde_json::from_value(value["plan"].clone()).unwrap();
        assert_eq!(plan, sample::plan());
    }

    #[test]
    fn nothing_acts_on_the_terminal() {
        let value = json!({"a": "\u{9b}31m\u{202e}\u{1b}\u{7f}"});
        assert_eq!(line(&value), "{\"a\":\"\\u009b31m\\u202e\\u001b\\u007f\"}\n");
        assert_eq!(serde_json::from_str::<Value>(&line(&value)).unwrap(), value);
    }
}
