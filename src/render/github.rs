//! The form for a GitHub workflow: annotations (workflow commands), then Markdown.

use std::borrow::Cow;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::core::diagnostic::{Diagnostic, Location, Severity};

use super::{Report, clean, markdown};

/// Renders the report.
pub fn render(report: &Report<'_>) -> String {
    let mut out = String::new();
    for note in report.notes {
        out.push_str(&annotation(note));
    }
    for (id, step) in report.plan.steps().map(|s| (&s.object, s)) {
        let place = report.declared.and_then(|c| c.location(id));
        for hazard in &step.hazards {
            let message = format!("{id}: {}", hazard.reason);
            out.push_str(&command("warning", place, &hazard.label(), &message));
        }
    }
    out.push_str(&guarded(&markdown::render(report)));
    out
}

/// A diagnostic as a workflow command, with a final line feed.
pub fn annotation(d: &Diagnostic) -> String {
    let level = match d.severity {
        Severity::Info => "notice",
        Severity::Warning => "warning",
        Severity::Error | Severity::Refused => "error",
    };
    let mut message = d.message.clone();
    for line in d.label.iter().chain(&d.notes).chain(&d.help) {
        message.push('\n');
        message.push_str(line);
    }
    command(level, d.location.as_ref(), d.code, &message)
}

fn command(level: &str, place: Option<&Location>, title: &str, message: &str) -> String {
    let mut out = format!("::{level} ");
    let mut message = Cow::Borrowed(message);
    match place {
        Some(place) if place.source.is_file => {
            let (line, column) = place.source.line_column(place.span.start);
            let _ = write!(out, "file={},line={line},col={column},", property(&place.source.name));
        }
        // The workflow has no such file: an annotation of the file of that name would point at another line.
        Some(place) => message = Cow::Owned(format!("{}: {message}", place.position())),
        None => {}
    }
    let _ = writeln!(out, "title={}::{}", property(title), data(&message));
    out
}

fn data(text: &str) -> String {
    clean(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A runner obeys any line of a log that looks like a command. Where a text has such a line, commands are
/// switched off around it, with a token that the text cannot contain.
fn guarded(text: &str) -> String {
    let commands = text.lines().any(|l| l.trim_start().starts_with("::") || l.contains("##["));
    if !commands {
        return text.to_owned();
    }
    let token: String = Sha256::digest(text.as_bytes()).iter().take(16).map(|b| format!("{b:02x}")).collect();
    format!("::stop-commands::{token}\n{text}::{token}::\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn github() {
        let text = sample::with(render);
        sample::snapshots(|| insta::assert_snapshot!("plan-github", text));
    }

    #[test]
    fn commands_cannot_be_smuggled_in() {
        assert!(guarded("a\n ::set-env name=x::y\n").starts_with("::stop-commands::"));
        assert_eq!(guarded("a ::b\n"), "a ::b\n");
        assert_eq!(command("warning", None, "a:b", "x\n::error::y%"), "::warning title=a%3Ab::x%0A::error::y%25\n");
    }
}
