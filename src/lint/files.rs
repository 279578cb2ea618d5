//! SQL files, checked against what is declared and what they create themselves.

use std::sync::Arc;

use crate::core::diagnostic::{Diagnostic, Location, Source};
use crate::lint::explain::Finding;
use crate::lint::scope::Variables;
use crate::lint::script::Checker;
use crate::lint::skipped;
use crate::sql::parse::{on_parser_thread, statements};
use crate::sql::tree::Value;
use crate::sql::{StatementClass, split_statements};

/// What is wrong with files of SQL that run one after the other.
pub fn check(files: Vec<Arc<Source>>, checker: Checker) -> Vec<Box<Diagnostic>> {
    on_parser_thread(move || run(&files, checker)).unwrap_or_default()
}

fn run(files: &[Arc<Source>], mut checker: Checker) -> Vec<Box<Diagnostic>> {
    let mut problems: Vec<(usize, Finding)> = Vec::new();
    // Bodies that are declared are not the files' concern.
    checker.bodies.clear();
    for (index, source) in files.iter().enumerate() {
        let found = file(&source.text, index, &mut checker);
        problems.extend(found.into_iter().map(|f| (index, f)));
    }
    let bodies = std::mem::take(&mut checker.bodies);
    for body in bodies {
        let found = body.check(&mut checker);
        for mut finding in found {
            let base = body.base.clone().unwrap_or(0..0);
            finding.span =
                (base.start + finding.span.start).min(base.end)..(base.start + finding.span.end).min(base.end);
            problems.push((body.owner, finding));
        }
    }
    problems.sort_by_key(|(index, finding)| (*index, finding.span.start));
    let place = |index: usize, finding: &Finding| files.get(index).map(|s| Location::new(s, finding.span.clone()));
    problems
        .into_iter()
        .map(|(index, finding)| {
            let at = place(index, &finding);
            finding.diagnostic(at)
        })
        .collect()
}

/// Problems of one file; offsets are those of the file.
fn file(text: &str, index: usize, checker: &mut Checker) -> Vec<Finding> {
    let syntax = |message: &str, at: usize| Finding::new("sql-syntax", message.to_owned(), text, at);
    let script = match split_statements(text) {
        Ok(script) => script,
        Err(error) => return vec![syntax(&error.message, error.offset.unwrap_or(0))],
    };
    let mut found = Vec::new();
    let includes = |range: &std::ops::Range<usize>| {
        let line = text.get(range.clone()).unwrap_or_default();
        ["\\i ", "\\ir ", "\\include", "\\gexec"].iter().any(|c| line.contains(c))
    };
    // What another file or a computed statement makes is not seen.
    checker.names.wild |= script.skipped.iter().any(includes);
    for statement in &script.statements {
        let start = statement.span.start;
        if statement.kind == StatementClass::Cluster {
            continue;
        }
        let trees = match statements(statement.text) {
            Ok(trees) => trees,
            Err(error) => {
                let mut finding = Finding::unreadable(statement.text, &error, error.message.clone());
                finding.span = finding.span.start + start..finding.span.end + start;
                let was_wild = checker.names.wild;
                skipped::heed(statement.text, &mut checker.names);
                let note = match checker.names.wild && !was_wild {
                    true => {
                        "the statement is skipped; what it would do is not known, so nothing that comes after it is checked"
                    }
                    false => "the statement is skipped",
                };
                finding.notes.push(note.to_owned());
                found.push(finding);
                continue;
            }
        };
        checker.origin = (index, start);
        for tree in &trees {
            let tree = Value::of(tree);
            let own = checker.statement(statement.text, tree.field("stmt"), &Variables::default());
            found.extend(own.into_iter().map(|mut f| {
                f.span = f.span.start + start..f.span.end + start;
                f
            }));
        }
    }
    found
}
