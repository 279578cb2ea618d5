//! Asks a live database whether there is anything to do about its rows.

use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

use crate::core::diagnostic::{Diagnostic, Location, Result};
use crate::data::{Backfill, Data, Invariant};
use crate::kinds::ensure::{AND_MORE, SHOWN};
use crate::postgres::{Session, sql_error};

/// The query of some rows of another, each as a text: of one more than are shown. The alias is one that no column has.
pub(super) fn shown(query: &str) -> String {
    format!("SELECT \"the row\"::text FROM ({query}) \"the row\" LIMIT {}", SHOWN + 1)
}

/// What the rows say of an invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// Rows violate it; some of them.
    Violated(Vec<String>),
    /// It cannot be asked (what it names is not there yet): the server's words.
    Unknown(Box<Diagnostic>),
}

/// Asks one invariant.
///
/// # Errors
/// `connection-lost`; what no change of the schema can mend (a privilege that is missing).
pub async fn verdict(session: &Session, invariant: &Invariant) -> Result<Verdict> {
    Ok(match asked(session, &shown(&invariant.violations), &invariant.location).await? {
        Ok(rows) if rows.is_empty() => Verdict::Holds,
        Ok(mut rows) => {
            if rows.len() > SHOWN {
                rows.truncate(SHOWN);
                rows.push(AND_MORE.to_owned());
            }
            Verdict::Violated(rows)
        }
        Err(why) => Verdict::Unknown(why),
    })
}

/// The first value of each row of a query; or why it cannot be asked as yet.
async fn asked(session: &Session, sql: &str, place: &Location) -> Result<Result<Vec<String>>> {
    let error = match session.client.simple_query(sql).await {
        Ok(messages) => {
            let rows = messages.iter().filter_map(|m| match m {
                SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
                _ => None,
            });
            return Ok(Ok(rows.collect()));
        }
        Err(error) => error,
    };
    let final_states = [SqlState::INSUFFICIENT_PRIVILEGE, SqlState::SYNTAX_ERROR];
    let is_final = error.code().is_none_or(|code| final_states.contains(code));
    let problem = sql_error(error, None).or_at(Some(place));
    if is_final { Err(problem) } else { Ok(Err(problem)) }
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

/// Asks for all of a project's invariants and backfills. What cannot be asked (a column that is not there yet) is to be done; the
/// server's words are returned beside, with the invariant's name where it is one.
pub async fn pending(
    session: &Session,
    data: &Data,
    search_path: &[String],
) -> Result<(Pending, Vec<(Option<String>, Box<Diagnostic>)>)> {
    let path = crate::core::name::search_path(search_path);
    session.batch(&format!("SET search_path = {path}; SET row_security = off; SET statement_timeout = '60s'")).await?;
    let mut pending = Pending::default();
    let mut unknown = Vec::new();
    for invariant in &data.invariants {
        let verdict = verdict(session, invariant).await?;
        pending.invariants.push(verdict != Verdict::Holds);
        if let Verdict::Unknown(why) = verdict {
            unknown.push((Some(invariant.name.clone()), why));
        }
    }
    for backfill in &data.backfills {
        let mut answer = asked(session, &waiting(backfill), &backfill.location).await?;
        if answer.is_err() {
            // What it read may have gone once it was done. Where every row has a value, nothing waits for it any more.
            // So it does where there is no row, or no table yet.
            for query in [without_value(backfill), any_row(backfill), table_is_there(backfill)] {
                let other = asked(session, &query, &backfill.location).await?;
                if matches!(&other, Ok(rows) if rows.first().map(String::as_str) == Some("f")) {
                    answer = other;
                    break;
                }
            }
        }
        pending.backfills.push(!matches!(&answer, Ok(rows) if rows.first().map(String::as_str) == Some("f")));
        unknown.extend(answer.err().map(|why| (None, why)));
    }
    Ok((pending, unknown))
}

/// Whether a row has no value.
fn without_value(backfill: &Backfill) -> String {
    let (table, column) = (backfill.column.top(), crate::core::name::ident(&backfill.column.name()));
    format!("SELECT EXISTS (SELECT FROM {} WHERE {column} IS NULL)", table.sql())
}

/// Whether there is any row.
fn any_row(backfill: &Backfill) -> String {
    format!("SELECT EXISTS (SELECT FROM {})", backfill.column.top_sql())
}

/// Whether there can be any.
fn table_is_there(backfill: &Backfill) -> String {
    format!("SELECT pg_catalog.to_regclass({}) IS NOT NULL", crate::core::name::literal(&backfill.column.top_sql()))
}

/// Whether a row has no value and would get one.
fn waiting(backfill: &Backfill) -> String {
    let table = backfill.column.top();
    let from = backfill.from.as_ref().map(|f| format!(", {f}")).unwrap_or_default();
    format!("SELECT EXISTS (SELECT FROM {}{from} WHERE {})", table.sql(), backfill.waiting())
}
