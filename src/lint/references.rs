//! References to things that are neither declared nor known.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::catalog::CatalogBuilder;
use crate::core::diagnostic::{Diagnostic, nearest};
use crate::core::id::ObjectId;
use crate::declare::project::{Profile, Project};
use crate::kinds::table::column_names_of;
use crate::kinds::table::constraint::Constraint;
use crate::kinds::{KindTag, Object};
use crate::verify::Test;

/// The declared tables.
struct Tables {
    /// Their columns.
    columns: BTreeMap<ObjectId, BTreeSet<String>>,
    /// Those that have no other columns than the declared ones.
    closed: BTreeSet<ObjectId>,
    /// Tables by their names without a schema.
    named: BTreeMap<String, Vec<ObjectId>>,
}

fn tables(builder: &CatalogBuilder) -> Tables {
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
    let named = columns.keys().fold(BTreeMap::<String, Vec<ObjectId>>::new(), |mut map, id| {
        map.entry(id.name().into_owned()).or_default().push(id.clone());
        map
    });
    Tables { columns, closed, named }
}

/// Columns and tables that constraints and tests name and that are not declared.
pub fn check(builder: &CatalogBuilder, tests: &[Test], project: &Project) -> Vec<Box<Diagnostic>> {
    let mut problems = Vec::new();
    let tables = tables(builder);
    let Tables { columns, closed, .. } = &tables;
    check_tests(builder, tests, &tables, project, &mut problems);
    for (id, object) in builder.iter() {
        let Object::Constraint(constraint) = object else { continue };
        let Some(table) = id.parent() else { continue };
        let at = |problem: Box<Diagnostic>| match builder.location(id).or_else(|| builder.location(&table)) {
            Some(place) => problem.at(place.clone()),
            None => problem,
        };
        for name in missing(&table, &constraint.columns, columns, closed) {
            let known = columns.get(&table).into_iter().flatten().map(String::as_str);
            problems.push(at(unknown_column(&table, name, known)));
        }
        check_reference(constraint, &tables, project, &mut |p| problems.push(at(p)));
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
    tables: &Tables,
    project: &Project,
    report: &mut dyn FnMut(Box<Diagnostic>),
) {
    let Some(target) = &constraint.references else { return };
    let Tables { columns, closed, .. } = tables;
    let schema = target.schema().unwrap_or_default();
    if columns.contains_key(target) {
        for name in missing(target, &column_names_of(&constraint.definition), columns, closed) {
            let known = columns.get(target).into_iter().flatten().map(String::as_str);
            report(unknown_column(target, name, known));
        }
        return;
    }
    if may_exist(&schema, project) {
        return;
    }
    let message = format!("foreign key refers to table {}, which is not declared", target.sql_path());
    report(tables.unknown(message, target).note("a table in a schema that the project does not manage may be referred to; name the managed schemas in trueup.yaml"));
}

/// What the project does not manage may exist all the same.
fn may_exist(schema: &str, project: &Project) -> bool {
    !project.manages(schema) || (project.profile == Profile::Supabase && schema == "extensions")
}

impl Tables {
    /// A problem with a table that is not declared, and those that may be meant.
    fn unknown(&self, message: String, table: &ObjectId) -> Box<Diagnostic> {
        let mut problem = Diagnostic::error("unknown-table", message);
        if let Some(elsewhere) = self.named.get(&*table.name()) {
            for id in elsewhere {
                problem = problem.help(format!("there is {}", id.sql_path()));
            }
        } else {
            for near in nearest(&table.name(), self.named.keys().map(String::as_str)) {
                problem = problem.help(format!("did you mean `{near}`?"));
            }
        }
        problem
    }
}

/// Tables and columns of rows that tests give, write or look for.
fn check_tests(
    builder: &CatalogBuilder,
    tests: &[Test],
    tables: &Tables,
    project: &Project,
    problems: &mut Vec<Box<Diagnostic>>,
) {
    for test in tests {
        let given = test.given.iter().map(|given| {
            let columns = given.rows.iter().flatten().map(|(column, _)| column.as_str()).collect();
            (&given.table, columns, &given.location)
        });
        let tried = test.expectations.iter().filter_map(|e| {
            let (table, columns) = e.attempt.names()?;
            Some((table, columns, &e.location))
        });
        for (table, names, place) in given.chain(tried) {
            let schema = table.schema().unwrap_or_default();
            let of_kind = |kind| builder.get(&ObjectId::in_schema(kind, &schema, &table.name())).is_some();
            if let Some(known) = tables.columns.get(table).filter(|_| tables.closed.contains(table)) {
                let unknown: BTreeSet<&str> = names.into_iter().filter(|name| !known.contains(*name)).collect();
                for name in unknown {
                    problems.push(unknown_column(table, name, known.iter().map(String::as_str)).at(place.clone()));
                }
            } else if ![KindTag::Table, KindTag::View, KindTag::MaterializedView].into_iter().any(of_kind)
                && !may_exist(&schema, project)
            {
                let message = format!("test `{}` names table {}, which is not declared", test.name, table.sql_path());
                problems.push(tables.unknown(message, table).at(place.clone()));
            }
        }
    }
}
