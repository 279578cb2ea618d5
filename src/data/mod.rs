//! Rows as part of the desired state: invariants and their remedies, backfills of columns, what is retired.
//!
//! Nothing is remembered as having been done. Whether there is anything to do is asked of the rows, when the plan is made;
//! so running again is always safe, and a run that was cut off continues.

pub mod batch;
pub mod declare;
pub mod evaluate;
mod shape;
pub mod steps;

use serde::{Deserialize, Serialize};

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Location, Result, nearest};
use crate::core::id::ObjectId;
use crate::yaml::Node;

/// Everything that a project declares about rows.
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// What must hold of the rows.
    pub invariants: Vec<Invariant>,
    /// Values for rows that exist already.
    pub backfills: Vec<Backfill>,
    /// How values are taken over where a column's type changes: the expression behind USING.
    pub using: std::collections::BTreeMap<ObjectId, String>,
    /// Columns on their way out.
    pub retired_columns: Vec<Retired>,
    /// Tables on their way out.
    pub retired_tables: Vec<Retired>,
}

/// A query that must return no row, and how to make it so.
#[derive(Clone, Debug)]
pub struct Invariant {
    /// Its name.
    pub name: String,
    /// The query.
    pub violations: String,
    /// Statements that mend violations, in order.
    pub remedy: Vec<Remedy>,
    /// What must wait for it: `table.column not null`, a column, a constraint, a table.
    pub before: Vec<Target>,
    /// The query as it stands in the file.
    pub written: Node,
    /// Where it is declared.
    pub location: Location,
}

/// One statement of a remedy.
#[derive(Clone, Debug)]
pub struct Remedy {
    /// The statement.
    pub sql: String,
    /// How it is cut into batches.
    pub batch: Option<BatchBy>,
    /// The statement as it stands in the file.
    pub written: Node,
    /// Where it is declared.
    pub location: Location,
}

/// How a statement is cut into batches.
#[derive(Clone, Debug)]
pub struct BatchBy {
    /// The table whose rows are taken batch by batch.
    pub table: ObjectId,
    /// The key, unqualified; empty for the primary key.
    pub by: Vec<String>,
    /// Rows of a batch, at the most.
    pub rows: u32,
    /// Where it is declared.
    pub location: Location,
}

/// Values of a column for rows that exist already.
#[derive(Clone, Debug)]
pub struct Backfill {
    /// The column.
    pub column: ObjectId,
    /// The expression.
    pub set: String,
    /// Other tables it takes values from, as in UPDATE … FROM.
    pub from: Option<String>,
    /// Which rows match.
    pub condition: Option<String>,
    /// The batch key; empty for the primary key.
    pub by: Vec<String>,
    /// Rows of a batch, at the most; `None` for all rows in one statement.
    pub rows: Option<u32>,
    /// It as it stands in the file.
    pub written: Node,
    /// Where it is declared.
    pub location: Location,
}

/// An object that the contract phase removes.
#[derive(Clone, Debug)]
pub struct Retired {
    /// The object.
    pub id: ObjectId,
    /// The schema that a table is moved to, rather than dropped.
    pub archive: Option<String>,
    /// Invariants that must hold before.
    pub requires: Vec<(String, Location)>,
    /// Where it is declared.
    pub location: Location,
}

/// Something of the plan that an invariant comes before.
#[derive(Clone, Debug)]
pub struct Target {
    /// A table, a column or a constraint: the first that exists.
    pub candidates: Vec<ObjectId>,
    /// Where it is named.
    pub location: Location,
}

/// A statement cut at the place where the range of a batch goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The table whose keys are walked.
    pub table: ObjectId,
    /// The key's columns.
    pub key: Vec<String>,
    /// The name or alias by which the statement calls the table.
    pub alias: String,
    /// Rows of a batch, at the most.
    pub rows: u32,
    /// The statement up to the range, which begins with WHERE or AND.
    pub before: String,
    /// What follows the range.
    pub after: String,
}

impl Data {
    /// Whether there is nothing to do about rows.
    pub fn is_empty(&self) -> bool {
        self.invariants.is_empty()
            && self.backfills.is_empty()
            && self.retired_columns.is_empty()
            && self.retired_tables.is_empty()
    }

    /// Whether no invariant has a name yet that is declared somewhere.
    pub(crate) fn is_free(&self, name: &str, location: &Location) -> Result<()> {
        match self.invariants.iter().find(|invariant| invariant.name == name) {
            None => Ok(()),
            Some(first) => Err(Diagnostic::error("duplicate-object", format!("invariant `{name}` is declared twice"))
                .at(location.clone())
                .related(first.location.clone(), "first declared here")),
        }
    }

    /// Adds what was declared elsewhere in the same project; returns what both have.
    pub(crate) fn absorb(&mut self, other: Self) -> Vec<Box<Diagnostic>> {
        let mut problems = Vec::new();
        for invariant in other.invariants {
            match self.is_free(&invariant.name, &invariant.location) {
                Ok(()) => self.invariants.push(invariant),
                Err(problem) => problems.push(problem),
            }
        }
        self.backfills.extend(other.backfills);
        self.using.extend(other.using);
        self.retired_columns.extend(other.retired_columns);
        self.retired_tables.extend(other.retired_tables);
        problems
    }

    /// Whether an object is retired, or part of what is.
    pub fn retires(&self, id: &ObjectId) -> bool {
        self.retired_columns.iter().chain(&self.retired_tables).any(|r| id.is_within(&r.id))
    }

    /// Whether an invariant was only asked for what has been retired, all of which is gone.
    pub fn is_about_retired(&self, invariant: &str, from: &Catalog) -> bool {
        let requires = |r: &&Retired| r.requires.iter().any(|(name, _)| name == invariant);
        let mut about = self.retired_columns.iter().chain(&self.retired_tables).filter(requires).peekable();
        about.peek().is_some() && about.all(|r| !from.contains(&r.id))
    }

    /// What `requires` names that is no invariant.
    pub fn unknown_requirements(&self) -> impl Iterator<Item = Box<Diagnostic>> + '_ {
        let required = self.retired_columns.iter().chain(&self.retired_tables).flat_map(|r| &r.requires);
        let unknown = required.filter(|(name, _)| !self.invariants.iter().any(|i| i.name == *name));
        unknown.map(|(name, place)| {
            let known = self.invariants.iter().map(|i| i.name.as_str());
            let mut problem = Diagnostic::error("unknown-invariant", format!("`requires` names no invariant: {name}"))
                .at(place.clone());
            let near = nearest(name, known);
            if near.is_empty() {
                problem = problem.help("declare it under `invariants`, or take it out of `requires`");
            }
            for near in near {
                problem = problem.help(format!("did you mean `{near}`?"));
            }
            problem
        })
    }

    /// Whether a schema is where retired tables are moved to.
    pub fn archives_in(&self, schema: &str) -> bool {
        self.retired_tables.iter().any(|r| r.archive.as_deref() == Some(schema))
    }

    /// The schema that a retired table is archived in.
    pub fn archive(&self, id: &ObjectId) -> Option<&str> {
        self.retired_tables.iter().find(|r| r.id == *id).and_then(|r| r.archive.as_deref())
    }

    /// Whether an object is what an earlier run archived: `archive.customers_20261121`.
    pub fn is_archived(&self, id: &ObjectId) -> bool {
        let top = id.top();
        let (Some(schema), name) = (top.schema(), top.name()) else { return false };
        self.retired_tables
            .iter()
            .any(|r| r.archive.as_deref() == Some(&*schema) && belongs_to_archive(&name, &r.id.name()))
    }
}

/// Whether a name begins with an archived table's name and a date: its indexes and sequences do not, and are found by their table.
fn belongs_to_archive(name: &str, table: &str) -> bool {
    name.strip_prefix(table)
        .and_then(|rest| rest.strip_prefix('_'))
        .is_some_and(|date| date.len() >= 8 && date.bytes().all(|b| b.is_ascii_digit() || b == b'_'))
}
