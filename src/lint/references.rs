//! References to things that are neither declared nor known.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::catalog::CatalogBuilder;
use crate::core::diagnostic::{Diagnostic, nearest};
use crate::core::id::ObjectId;
use crate::declare::project::{Profile, Project};
use crate::kinds::table::column_names_of;
use crate::kinds::table::constraint::Constraint;
use crate::kinds::{KindTag, Object};

/// Columns and tables that constraints and indexes name and that are not declared.
pub fn check(builder: &CatalogBuilder, project: &Project) -> Vec<Box<Diagnostic>> {
    let mut problems = Vec::new();
    let mut columns: BTreeMap<ObjectId, BTreeSet<String>> = BTreeMap::new();
    let mut closed: BTreeSet<ObjectId> = BTreeSet::new();
    let heirs: BTreeSet<&str> = builder
        .iter()
        .filter(|(id, _)| matches!(id.kind(), KindTag::Attachment | KindTag::Inheritance))
        .filter_map(|(id, _)| id.parent_str())
        .collect();
    for (id, object) in builder.iter() {
        if let Object::Table(table) = object {
            // Typed tables, partitions and children have columns that are not said.
            let whole = table.of_type.is_none() && !heirs.contains(id.as_str());
            if whole {
                closed.insert(id.clone());
            }
            columns.entry(id.clone()).or_default();
        }
        if id.kind() == KindTag::Column
            && let Some(table) = id.parent()
        {
            columns.entry(table).or_default().insert(id.name().into_owned());
        }
    }
    let tables: BTreeMap<String, Vec<ObjectId>> = columns.keys().fold(BTreeMap::new(), |mut map, id| {
        map.entry(id.name().into_owned()).or_insert_with(Vec::new).push(id.clone());
        map
    });
    for (id, object) in builder.iter() {
        let Object::Constraint(constraint) = object else { continue };
        let Some(table) = id.parent() else { continue };
        let at = |problem: Box<Diagnostic>| match builder.location(id).or_else(|| builder.location(&table)) {
            Some(place) => problem.at(place.clone()),
            None => problem,
        };
        for name in missing(&table, &constraint.columns, &columns, &closed) {
            let known = columns.get(&table).into_iter().flatten().map(String::as_str);
            problems.push(at(unknown_column(&table, name, known)));
        }
        check_reference(constraint, &columns, &closed, &tables, project, &mut |p| problems.push(at(p)));
    }
    problems
}

fn missing<'a>(
    table: &ObjectId,
    names: &'a [String],
    columns: &BTreeMap<ObjectId, BTreeSet<String>>,
    closed: &BTreeSet<ObjectId>,
) -> Vec<&'a String> {
    let Some(known) = columns.get(table).filter(|_| closed.contains(table)) else { return Vec::new() };
    names.iter().filter(|n| !known.contains(*n)).collect()
}

fn unknown_column<'a>(table: &ObjectId, name: &str, known: impl Iterator<Item = &'a str>) -> Box<Diagnostic> {
    let mut problem = Diagnostic::error("unknown-column", format!("table {} has no column {name}", table.sql_path()));
    for near in nearest(name, known) {
        problem = problem.help(format!("did you mean `{near}`?"));
    }
    problem
}

fn check_reference(
    constraint: &Constraint,
    columns: &BTreeMap<ObjectId, BTreeSet<String>>,
    closed: &BTreeSet<ObjectId>,
    tables: &BTreeMap<String, Vec<ObjectId>>,
    project: &Project,
    report: &mut dyn FnMut(Box<Diagnostic>),
) {
    let Some(target) = &constraint.references else { return };
    let schema = target.schema().unwrap_or_default();
    if columns.contains_key(target) {
        for name in missing(target, &column_names_of(&constraint.definition), columns, closed) {
            let known = columns.get(target).into_iter().flatten().map(String::as_str);
            report(unknown_column(target, name, known));
        }
        return;
    }
    // What the project does not manage may exist all the same.
    if !project.manages(&schema) || (project.profile == Profile::Supabase && schema == "extensions") {
        return;
    }
    let mut problem = Diagnostic::error(
        "unknown-table",
        format!("foreign key refers to table {}, which is not declared", target.sql_path()),
    );
    if let Some(elsewhere) = tables.get(&*target.name()) {
        for id in elsewhere {
            problem = problem.help(format!("there is {}", id.sql_path()));
        }
    } else {
        for near in nearest(&target.name(), tables.keys().map(String::as_str)) {
            problem = problem.help(format!("did you mean `{near}`?"));
        }
    }
    report(problem.note("a table in a schema that the project does not manage may be referred to; name the managed schemas in trueup.yaml"));
}
