//! What is said to a person when something is wrong: what, where, why, and what to do.
//!
//! The library never prints. Every error is a [`Diagnostic`], converted to text or JSON once, at the edge
//! (`cli::output`). Text completes the sentence "failed to …" or states the fact; it never contains a secret.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

/// The result of anything that can fail for a reason a person has to act upon.
pub type Result<T, E = Box<Diagnostic>> = std::result::Result<T, E>;

/// How grave a diagnostic is, and which exit status it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Said once; nothing is wrong.
    Info,
    /// Worth acting upon; nothing stops.
    Warning,
    /// The command cannot do what was asked (exit status 1).
    Error,
    /// Refused for safety: consent missing, stale plan, lock not to be had (exit status 3).
    Refused,
}

/// A text that diagnostics point into: a YAML file, a SQL file, or a statement.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The name shown before line and column: a path as the user knows it, or words such as `<sql>`.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// Whether it is a file under that name: neither a statement nor a file as of a git revision.
    pub is_file: bool,
}

impl Source {
    /// A source that can be shared by many locations.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        let name = name.into();
        let is_file = !name.starts_with('<');
        Arc::new(Self { name, text: text.into(), is_file })
    }

    /// The 1-based line and column (in characters) of a byte offset; offsets past the end mean the end.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |i| i + 1);
        (line, before[start..].chars().count() + 1)
    }
}

/// A place in a [`Source`].
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    /// The text pointed into.
    pub source: Arc<Source>,
    /// Byte offsets into it.
    pub span: Range<usize>,
}

impl Location {
    /// A location from a source and byte offsets; offsets past the end are cut to it.
    pub fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        let end = span.end.min(source.text.len());
        Self { source: Arc::clone(source), span: span.start.min(end)..end }
    }

    /// `file:line:column`.
    pub fn position(&self) -> String {
        let (line, column) = self.source.line_column(self.span.start);
        format!("{}:{line}:{column}", self.source.name)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.position())
    }
}

/// One thing that is wrong (or worth saying), for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How grave it is.
    pub severity: Severity,
    /// A stable code in kebab case, e.g. `unknown-key`; documented where the rule is.
    pub code: &'static str,
    /// What is wrong, in one sentence without a final stop.
    pub message: String,
    /// Where, when it is somewhere.
    pub location: Option<Location>,
    /// What stands at the location, said under the excerpt.
    pub label: Option<String>,
    /// Further places that matter, with what is to be said of each.
    pub related: Vec<(Location, String)>,
    /// Why: causes and facts, one sentence each.
    pub notes: Vec<String>,
    /// What to do about it, one sentence each.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// A diagnostic of a given severity.
    pub fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            severity,
            code,
            message: message.into(),
            location: None,
            label: None,
            related: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        })
    }

    /// An error: the command cannot go on.
    pub fn error(code: &'static str, message: impl Into<String>) -> Box<Self> {
        Self::new(Severity::Error, code, message)
    }

    /// A refusal for the sake of safety.
    pub fn refused(code: &'static str, message: impl Into<String>) -> Box<Self> {
        Self::new(Severity::Refused, code, message)
    }

    /// A warning.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Box<Self> {
        Self::new(Severity::Warning, code, message)
    }

    /// A remark.
    pub fn info(code: &'static str, message: impl Into<String>) -> Box<Self> {
        Self::new(Severity::Info, code, message)
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self: Box<Self>, location: Location) -> Box<Self> {
        self.location = Some(location);
        self
    }

    /// Says where, unless it is already known.
    #[must_use]
    pub fn or_at(mut self: Box<Self>, location: Option<&Location>) -> Box<Self> {
        if self.location.is_none() {
            self.location = location.cloned();
        }
        self
    }

    /// Says what stands at the location.
    #[must_use]
    pub fn label(mut self: Box<Self>, label: impl Into<String>) -> Box<Self> {
        self.label = Some(label.into());
        self
    }

    /// Points at another place that matters.
    #[must_use]
    pub fn related(mut self: Box<Self>, location: Location, what: impl Into<String>) -> Box<Self> {
        self.related.push((location, what.into()));
        self
    }

    /// Adds a reason.
    #[must_use]
    pub fn note(mut self: Box<Self>, note: impl Into<String>) -> Box<Self> {
        self.notes.push(note.into());
        self
    }

    /// Adds a way out.
    #[must_use]
    pub fn help(mut self: Box<Self>, help: impl Into<String>) -> Box<Self> {
        self.help.push(help.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    /// One line: `file:line:column: message`. The full form, with excerpts, is drawn by `cli::output`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            write!(f, "{}: ", location.position())?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Diagnostic {}

/// The names among `known` that a person may have meant by `given`, nearest first, three at most.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let folded = given.to_lowercase();
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&folded, &name.to_lowercase()), name))
        .filter(|(score, _)| *score >= 0.8)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Names in a sentence: the first `most` of them, and how many there are besides.
pub fn listed<T: AsRef<str>>(names: &[T], most: usize) -> String {
    let shown: Vec<&str> = names.iter().take(most).map(AsRef::as_ref).collect();
    let more = match names.len().saturating_sub(most) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters() {
        let source = Source::new("a.yaml", "één\nzwei");
        assert_eq!(source.line_column(0), (1, 1));
        assert_eq!(source.line_column("één\nz".len()), (2, 2));
        assert_eq!(source.line_column(1), (1, 1), "inside a character means its start");
        assert_eq!(source.line_column(1000), (2, 5));
    }

    #[test]
    fn nearest_names_come_nearest_first() {
        assert_eq!(nearest("colums", ["columns", "comment", "table"]), ["columns"]);
        assert!(nearest("zzz", ["columns"]).is_empty());
    }
}
