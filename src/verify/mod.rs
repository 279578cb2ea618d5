//! Declared tests of policies and data: rows given, a role and its claims, what it must see and do and must not.

pub mod advisories;
pub mod declare;
pub mod run;

use crate::core::diagnostic::Location;
use crate::core::id::ObjectId;

/// One declared test.
#[derive(Clone, Debug)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// Rows that are there.
    pub given: Vec<Given>,
    /// The role it runs as; the connecting one where none is said.
    pub role: Option<String>,
    /// The JWT claims, as JSON.
    pub claims: String,
    /// What must be so.
    pub expectations: Vec<Expectation>,
    /// Where it is declared.
    pub location: Location,
}

/// Rows of a table that a test begins with.
#[derive(Clone, Debug)]
pub struct Given {
    /// The table.
    pub table: ObjectId,
    /// Its rows.
    pub rows: Vec<RowValues>,
    /// Where it is named.
    pub location: Location,
}

/// Columns and SQL literals of a row.
pub type RowValues = Vec<(String, String)>;

/// One thing that must be so.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// What is tried.
    pub attempt: Attempt,
    /// What must come of it.
    pub outcome: Outcome,
    /// Where it is declared.
    pub location: Location,
}

/// What is tried.
#[derive(Clone, Debug)]
pub enum Attempt {
    /// Rows of a table are read; conditions as column and literal.
    Select(ObjectId, RowValues),
    /// A row is inserted.
    Insert(ObjectId, RowValues),
    /// Rows are changed: what is set, which rows.
    Update(ObjectId, RowValues, RowValues),
    /// Rows are deleted.
    Delete(ObjectId, RowValues),
    /// Any statement.
    Sql(String),
}

impl Attempt {
    /// The table that it is about, and the columns that it names.
    pub fn names(&self) -> Option<(&ObjectId, Vec<&str>)> {
        match self {
            Self::Select(table, row) | Self::Insert(table, row) | Self::Delete(table, row) => {
                Some((table, row.iter().map(|(column, _)| column.as_str()).collect()))
            }
            Self::Update(table, set, row) => {
                Some((table, set.iter().chain(row).map(|(column, _)| column.as_str()).collect()))
            }
            Self::Sql(_) => None,
        }
    }
}

/// What must come of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Exactly the rows with these keys are seen.
    Sees(Vec<String>),
    /// So many rows are seen or changed.
    Rows(u64),
    /// It is refused for lack of privileges (SQLSTATE 42501).
    Denied,
    /// It succeeds.
    Succeeds,
}

/// What came of one test.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TestResult {
    /// The test's name.
    pub name: String,
    /// What was not as it must be; empty where it passed.
    pub failures: Vec<String>,
    /// Seconds it took.
    pub seconds: f64,
}

/// A policy that was dropped or weakened, and the tests that did not notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// What was done.
    pub what: String,
    /// The tests that failed because of it.
    pub noticed_by: Vec<String>,
}
