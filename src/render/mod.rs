//! Results as people and programs read them: one file per form. Pure: a [`Report`] in, a text out.
//!
//! What comes from a database or a file may hold anything, so each form makes it harmless in its own way: control
//! characters are shown rather than sent ([`clean`], [`clean_line`]), Markdown and HTML are escaped, and workflow commands cannot be
//! smuggled into a log.

pub mod diagnostic;
pub mod editor;
pub mod github;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod migration;
mod result;
pub mod sql;
pub mod text;
pub mod tree;

#[cfg(test)]
pub(crate) mod sample;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::core::catalog::Catalog;
use crate::core::diagnostic::Diagnostic;
use crate::core::id::ObjectId;
use crate::core::step::{HazardKind, LockMode, Phase};
use crate::diff::{ChangeKind, Difference};
use crate::engine::Proof;
use crate::plan::Plan;

/// Everything a comparison has to say. Borrowed, because the same one may be rendered more than once.
pub struct Report<'a> {
    /// The state that is, as shown to people (never with a password).
    pub from: String,
    /// The state that should be.
    pub to: String,
    /// What differs.
    pub differences: &'a [Difference],
    /// What would be done about it.
    pub plan: &'a Plan,
    /// Remarks and warnings.
    pub notes: &'a [Box<Diagnostic>],
    /// Whether the plan was proved, and how that ended.
    pub proof: Option<&'a Proof>,
    /// The state that should be, to say where an object is declared.
    pub declared: Option<&'a Catalog>,
    /// The state that is, to tell what a script that is run again has done already.
    pub live: Option<&'a Catalog>,
}

impl Report<'_> {
    /// The numbers of the summary line.
    pub fn summary(&self) -> Summary {
        Summary::of(self.differences, self.plan)
    }
}

/// The numbers of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Objects that come into being, without what comes with its parent.
    pub created: usize,
    /// Objects that change.
    pub altered: usize,
    /// Objects that get another name.
    pub renamed: usize,
    /// Objects that go, without what goes with its parent.
    pub dropped: usize,
    /// Steps of the plan.
    pub steps: usize,
    /// Transactions of the plan (a statement that runs outside of one counts as one).
    pub transactions: usize,
    /// Steps by phase.
    pub phases: BTreeMap<Phase, usize>,
    /// Steps by hazard.
    pub hazards: BTreeMap<HazardKind, usize>,
    /// Steps that need consent.
    pub need_consent: usize,
    /// The hazards that they need it for.
    pub consents: BTreeSet<HazardKind>,
    /// The strongest lock on a relation that exists already, and on which relation (the first to be so locked).
    pub lock: Option<(LockMode, ObjectId)>,
}

impl Summary {
    /// The words to consent to what needs consent, as `--allow` takes them.
    pub fn to_allow(&self) -> String {
        self.consents.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(",")
    }

    /// Counts.
    pub fn of(differences: &[Difference], plan: &Plan) -> Self {
        let tree = tree::Tree::new(differences);
        let count = |wanted: fn(&ChangeKind) -> bool| tree.shown().filter(|d| wanted(&d.change)).count();
        let mut phases = BTreeMap::new();
        let mut hazards = BTreeMap::new();
        let mut lock: Option<(LockMode, ObjectId)> = None;
        for step in plan.steps() {
            *phases.entry(step.phase).or_default() += 1;
            let mut kinds: Vec<_> = step.hazards.iter().map(|h| h.kind).collect();
            kinds.sort_unstable();
            kinds.dedup();
            for kind in kinds {
                *hazards.entry(kind).or_default() += 1;
            }
            if let Some((mode, on)) = &step.lock
                && lock.as_ref().is_none_or(|(strongest, _)| mode > strongest)
            {
                lock = Some((*mode, on.clone()));
            }
        }
        Self {
            created: count(|c| matches!(c, ChangeKind::Created)),
            altered: count(|c| matches!(c, ChangeKind::Altered { .. })),
            renamed: count(|c| matches!(c, ChangeKind::Renamed { .. })),
            dropped: count(|c| matches!(c, ChangeKind::Dropped)),
            steps: plan.steps().count(),
            transactions: plan.transactions.len(),
            phases,
            hazards,
            need_consent: plan.steps().filter(|step| step.needs_consent()).count(),
            consents: plan.steps().flat_map(|s| &s.hazards).filter(|h| h.needs_consent()).map(|h| h.kind).collect(),
            lock,
        }
    }

    /// Whether there is neither a difference nor a step.
    pub fn is_empty(&self) -> bool {
        self.created + self.altered + self.renamed + self.dropped + self.steps == 0
    }

    /// One line: `3 created, 1 altered, 0 dropped; 7 steps in 4 transactions (expand 5, contract 2); strongest lock …`.
    pub fn line(&self) -> String {
        if self.is_empty() {
            return "No differences.".to_owned();
        }
        let mut line = format!("{} created, {} altered, ", self.created, self.altered);
        if self.renamed > 0 {
            let _ = write!(line, "{} renamed, ", self.renamed);
        }
        let _ = write!(line, "{} dropped; ", self.dropped);
        if self.steps == 0 {
            line.push_str("nothing to run");
            return line;
        }
        let phases: Vec<_> = self.phases.iter().map(|(phase, n)| format!("{} {n}", phase.word())).collect();
        let _ = write!(
            line,
            "{} in {} ({})",
            counted(self.steps, "step"),
            counted(self.transactions, "transaction"),
            phases.join(", ")
        );
        match &self.lock {
            Some((mode, on)) => {
                let _ = write!(line, "; strongest lock {} on {}", mode.name(), clean_line(&on.sql_path()));
            }
            None => line.push_str("; no lock on anything that exists"),
        }
        line
    }
}

/// `1 step`, `2 steps`, `3 policies`.
pub fn counted(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {}", plural(noun)) }
}

fn plural(noun: &str) -> String {
    let consonant_y = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    match consonant_y {
        Some(stem) => format!("{stem}ies"),
        None if noun.ends_with(['x', 's']) || noun.ends_with("ch") => format!("{noun}es"),
        None => format!("{noun}s"),
    }
}

/// Whether a character would act on a terminal, or on the order in which text is read, rather than show itself.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200E}' | '\u{200F}' | '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn replaced(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| acts(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            c if !acts(c) || keep(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    Cow::Owned(out)
}

/// A text of several lines with nothing in it that acts on a terminal: such characters are written as `\u{1b}`.
pub fn clean(text: &str) -> Cow<'_, str> {
    // A carriage return before a line feed is an ordinary line end.
    match text.contains("\r\n") {
        true => Cow::Owned(replaced(&text.replace("\r\n", "\n"), |c| c == '\n' || c == '\t').into_owned()),
        false => replaced(text, |c| c == '\n' || c == '\t'),
    }
}

/// As [`clean`], for what has to stay on one line.
pub fn clean_line(text: &str) -> Cow<'_, str> {
    replaced(text, |_| false)
}

/// Adds a statement to a script, with its semicolon.
fn statement(sql: &str, out: &mut String) {
    let sql = sql.trim_end();
    out.push_str(sql);
    // A statement that ends in a line comment would swallow the semicolon.
    let last = sql.rsplit('\n').next().unwrap_or(sql);
    out.push_str(if last.contains("--") { "\n;\n" } else { ";\n" });
}

/// An object as people say it, on one line.
pub fn object(id: &ObjectId) -> String {
    clean_line(&id.to_string()).into_owned()
}

/// Escapes for HTML text and quoted attributes.
pub fn html_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A unified diff of two texts, with three lines of context and no file header.
pub fn unified(old: &str, new: &str) -> String {
    // Without a final line feed on both, the diff would say so instead of showing the text.
    let end = |text: &str| format!("{}\n", clean(text).trim_end_matches('\n'));
    let (old, new) = (end(old), end(new));
    let mut config = similar::TextDiff::configure();
    config.timeout(std::time::Duration::from_millis(500));
    let diff = config.diff_lines(old.as_str(), new.as_str());
    diff.unified_diff().context_radius(3).to_string()
}

/// Whether a change of this attribute is better shown as a diff of lines than as `old → new`.
pub fn is_long(old: &str, new: &str) -> bool {
    let lines = |text: &str| text.trim_end().contains('\n');
    lines(old) || lines(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_final_comment_does_not_swallow_the_semicolon() {
        let mut out = String::new();
        statement("SELECT 1 -- one", &mut out);
        assert_eq!(out, "SELECT 1 -- one\n;\n");
    }

    #[test]
    fn escapes_do_not_reach_the_terminal() {
        assert_eq!(clean_line("a\u{1b}[31mb\nc\u{202e}"), "a\\u{1b}[31mb\\nc\\u{202e}");
        assert_eq!(clean("a\r\nb\tc\u{9b}m"), "a\nb\tc\\u{9b}m");
        assert!(matches!(clean("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn nouns_are_counted() {
        assert_eq!(counted(1, "policy"), "1 policy");
        assert_eq!(counted(2, "policy"), "2 policies");
        assert_eq!(counted(0, "index"), "0 indexes");
        assert_eq!(counted(3, "key"), "3 keys");
    }

    #[test]
    fn the_summary_line() {
        let (differences, plan) = (sample::differences(), sample::plan());
        insta::assert_snapshot!(
            Summary::of(&differences, &plan).line(),
            @"4 created, 3 altered, 1 renamed, 2 dropped; 8 steps in 5 transactions (expand 5, migrate 1, contract 2); strongest lock ACCESS EXCLUSIVE on public.users"
        );
        assert_eq!(Summary::of(&[], &Plan::default()).line(), "No differences.");
    }
}
