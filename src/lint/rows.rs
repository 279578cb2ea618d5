//! The names in queries of violations, remedies and backfills, and what `retired` requires.

use std::collections::BTreeSet;

use crate::core::catalog::CatalogBuilder;
use crate::core::diagnostic::Diagnostic;
use crate::data::Data;
use crate::declare::project::Project;
use crate::lint::declared::{key_of, names_of, within};
use crate::lint::explain::Finding;
use crate::lint::names::Shape;
use crate::lint::scope::Variables;
use crate::lint::script::Checker;
use crate::sql::parse::{on_parser_thread, statements};
use crate::sql::tree::Value;
use crate::yaml::Node;

/// A statement about rows.
struct Text<'a> {
    sql: String,
    written: &'a Node,
    /// Whose it is, for people.
    of: String,
}

/// What is wrong with what a project says of rows, each problem at its place in the YAML.
pub fn check(builder: &CatalogBuilder, project: &Project, data: &Data) -> Vec<Box<Diagnostic>> {
    let mut problems: Vec<Box<Diagnostic>> = data.unknown_requirements().collect();
    let mut checker = names_of(builder, project);
    // What is on its way out may still be there.
    for retired in &data.retired_tables {
        if builder.get(&retired.id).is_none() {
            checker.names.put(key_of(&retired.id), Shape::open());
        }
    }
    for retired in &data.retired_columns {
        let Some(table) = retired.id.parent() else { continue };
        checker.names.change(&key_of(&table), |shape| shape.columns.push(retired.id.name().into_owned()));
    }
    let texts = texts(data);
    let given: Vec<String> = texts.iter().map(|text| text.sql.clone()).collect();
    let Ok(found) =
        on_parser_thread(move || given.iter().map(|sql| of_statement(&mut checker, sql)).collect::<Vec<_>>())
    else {
        return problems;
    };
    for (text, findings) in texts.iter().zip(found) {
        for finding in findings {
            let place = within(text.written, &text.sql, &finding.span).unwrap_or_else(|| text.written.place());
            problems.push(finding.diagnostic(Some(place)).note(format!("in {}", text.of)));
        }
    }
    let mut seen = BTreeSet::new();
    problems.retain(|p| seen.insert((p.location.as_ref().map(|l| l.position()), p.message.clone())));
    problems
}

fn texts(data: &Data) -> Vec<Text<'_>> {
    let mut texts = Vec::new();
    for invariant in &data.invariants {
        let of = format!("invariant {}", invariant.name);
        texts.push(Text { sql: invariant.violations.clone(), written: &invariant.written, of: of.clone() });
        for remedy in &invariant.remedy {
            texts.push(Text { sql: remedy.sql.clone(), written: &remedy.written, of: format!("the remedy of {of}") });
        }
    }
    for backfill in &data.backfills {
        let of = format!("the backfill of {}", backfill.column);
        texts.push(Text { sql: backfill.statement(), written: &backfill.written, of });
    }
    texts
}

fn of_statement(checker: &mut Checker, sql: &str) -> Vec<Finding> {
    let Ok(list) = statements(sql) else { return Vec::new() };
    let none = Variables::default();
    list.iter().flat_map(|tree| checker.statement(sql, Value::of(tree).field("stmt"), &none)).collect()
}
