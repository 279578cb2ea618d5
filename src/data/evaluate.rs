//! Asks a live database whether there is anything to do about its rows.

use crate::core::diagnostic::Result;
use crate::data::{Backfill, Data, Invariant};
use crate::postgres::Session;

/// As many violating rows are shown.
pub const SHOWN: usize = 10;

/// What the rows say of an invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// Rows violate it; some of them.
    Violated(Vec<String>),
    /// It cannot be asked (what it names is not there yet); the server's words.
    Unknown(String),
}

/// Asks one invariant.
pub async fn verdict(session: &Session, invariant: &Invariant) -> Verdict {
    match session.rows(&format!("SELECT v::text FROM ({}) v LIMIT {SHOWN}", invariant.violations)).await {
        Ok(rows) if rows.is_empty() => Verdict::Holds,
        Ok(rows) => Verdict::Violated(rows.into_iter().filter_map(|r| r.into_iter().next().flatten()).collect()),
        Err(error) => Verdict::Unknown(error.message),
    }
}

/// The names of the invariants and the columns of the backfills for which there is something to do.
#[derive(Clone, Debug, Default)]
pub struct Pending {
    /// For each invariant, in order: whether its remedy is needed.
    pub invariants: Vec<bool>,
    /// For each backfill, in order: whether rows wait for it.
    pub backfills: Vec<bool>,
}

impl Pending {
    /// Nothing, for a database without rows.
    pub fn none(data: &Data) -> Self {
        Self { invariants: vec![false; data.invariants.len()], backfills: vec![false; data.backfills.len()] }
    }

    /// Everything, for a database that cannot be asked.
    pub fn all(data: &Data) -> Self {
        Self::since(data, &Data::default())
    }

    /// What an earlier declaration did not ask for yet: for rows that cannot be asked, because there is only that declaration.
    /// What it asked for is taken to hold where it is in force.
    pub fn since(data: &Data, earlier: &Data) -> Self {
        let asked = |new: &Invariant| earlier.invariants.iter().any(|old| old.violations == new.violations);
        let filled =
            |new: &Backfill| earlier.backfills.iter().any(|old| old.column == new.column && old.set == new.set);
        Self {
            invariants: data.invariants.iter().map(|i| !asked(i)).collect(),
            backfills: data.backfills.iter().map(|b| !filled(b)).collect(),
        }
    }
}

/// Asks for all of a project's invariants and backfills. What cannot be asked (a column that is not there yet) is to be done.
pub async fn pending(session: &Session, data: &Data, search_path: &[String]) -> Result<Pending> {
    let path = if search_path.is_empty() { "''".to_owned() } else { crate::core::name::ident_list(search_path) };
    session.batch(&format!("SET search_path = {path}; SET row_security = off; SET statement_timeout = '60s'")).await?;
    let mut pending = Pending::default();
    for invariant in &data.invariants {
        pending.invariants.push(verdict(session, invariant).await != Verdict::Holds);
    }
    for backfill in &data.backfills {
        let answer = session.rows(&waiting(backfill)).await;
        pending.backfills.push(!matches!(answer, Ok(rows) if rows.first().and_then(|r| r.first().cloned().flatten()).as_deref() == Some("f")));
    }
    Ok(pending)
}

/// Whether a row has no value and would get one.
fn waiting(backfill: &Backfill) -> String {
    let table = backfill.column.top();
    let from = backfill.from.as_ref().map(|f| format!(", {f}")).unwrap_or_default();
    format!("SELECT EXISTS (SELECT FROM {}{from} WHERE {})", table.sql(), backfill.waiting())
}
