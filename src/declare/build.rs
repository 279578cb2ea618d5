//! Runs the steps of a plan on a scratch database: nobody else is there, so no locks, no journal.
//!
//! The order of a declared state rests on guesses. A statement that fails because something is not there yet is put back
//! and tried again after the others, until a round makes no progress; then its error is the project's.

use tokio_postgres::error::SqlState;

use crate::core::diagnostic::Diagnostic;
use crate::core::name::search_path as search_path_of;
use crate::core::step::{Step, Transaction};
use crate::postgres::{Session, sql_error};

/// Statements per transaction: a transaction's locks are kept in shared memory of limited size.
const CHUNK: usize = 200;

/// A step that could not be run.
#[derive(Debug)]
pub struct BuildError {
    /// Its place among the steps.
    pub index: usize,
    /// What the server said.
    pub diagnostic: Box<Diagnostic>,
}

/// Errors that say that something does not exist (yet).
fn is_missing(code: &SqlState) -> bool {
    [
        SqlState::UNDEFINED_TABLE,
        SqlState::UNDEFINED_FUNCTION,
        SqlState::UNDEFINED_OBJECT,
        SqlState::UNDEFINED_COLUMN,
        SqlState::INVALID_SCHEMA_NAME,
        SqlState::INVALID_FOREIGN_KEY,
        SqlState::DATATYPE_MISMATCH,
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
        SqlState::INVALID_OBJECT_DEFINITION,
        SqlState::WRONG_OBJECT_TYPE,
        SqlState::AMBIGUOUS_FUNCTION,
    ]
    .contains(code)
}

/// Runs the steps.
pub async fn build(session: &Session, steps: &[&Step], search_path: &[String]) -> Result<(), Box<BuildError>> {
    // A body may hold semicolons, which end the statement to a grammar that reads it otherwise: the server says, before anything
    // is run, that each statement is one.
    for (index, step) in steps.iter().enumerate().filter(|(_, step)| crate::sql::holds_semicolon(&step.sql)) {
        session.parses_as_one(&step.sql).await.map_err(|diagnostic| Box::new(BuildError { index, diagnostic }))?;
    }
    let mut path = search_path.to_vec();
    set_path(session, &path).await.map_err(|diagnostic| Box::new(BuildError { index: 0, diagnostic }))?;
    let mut left: Vec<usize> = (0..steps.len()).collect();
    loop {
        let before = left.len();
        let mut failed: Vec<(usize, Box<Diagnostic>)> = Vec::new();
        let mut chunk: Vec<usize> = Vec::new();
        let mut todo = left.into_iter().peekable();
        while let Some(index) = todo.next() {
            let step = steps[index];
            let alone = step.transaction == Transaction::None;
            if !alone {
                chunk.push(index);
            }
            if alone || chunk.len() >= CHUNK || todo.peek().is_none() {
                run_chunk(session, steps, &std::mem::take(&mut chunk), search_path, &mut path, &mut failed).await?;
            }
            if alone {
                run_one(session, step, index, search_path, &mut path, &mut failed).await?;
            }
        }
        if failed.is_empty() {
            return Ok(());
        }
        left = failed.iter().map(|(index, _)| *index).collect();
        left.sort_unstable();
        if left.len() == before {
            let (index, diagnostic) = failed.swap_remove(0);
            return Err(Box::new(BuildError { index, diagnostic }));
        }
    }
}

/// Many statements in one message; when one fails, they are run one by one.
async fn run_chunk(
    session: &Session,
    steps: &[&Step],
    chunk: &[usize],
    search_path: &[String],
    path: &mut Vec<String>,
    failed: &mut Vec<(usize, Box<Diagnostic>)>,
) -> Result<(), Box<BuildError>> {
    if chunk.is_empty() {
        return Ok(());
    }
    let mut sql = String::from("BEGIN;\n");
    let mut current = path.clone();
    for index in chunk {
        let wanted = path_of(steps[*index], search_path);
        if wanted != current {
            sql.push_str(&format!("SET search_path = {};\n", search_path_of(&wanted)));
            current = wanted;
        }
        sql.push_str(&steps[*index].sql);
        // On a line of its own: a text may end in a comment.
        sql.push_str("\n;\n");
    }
    sql.push_str("COMMIT");
    if session.client.batch_execute(&sql).await.is_ok() {
        *path = current;
        return Ok(());
    }
    let _ = session.client.batch_execute("ROLLBACK").await;
    for index in chunk {
        run_one(session, steps[*index], *index, search_path, path, failed).await?;
    }
    Ok(())
}

async fn run_one(
    session: &Session,
    step: &Step,
    index: usize,
    search_path: &[String],
    path: &mut Vec<String>,
    failed: &mut Vec<(usize, Box<Diagnostic>)>,
) -> Result<(), Box<BuildError>> {
    let wanted = path_of(step, search_path);
    if wanted != *path {
        set_path(session, &wanted).await.map_err(|diagnostic| Box::new(BuildError { index, diagnostic }))?;
        *path = wanted;
    }
    let Err(error) = session.client.batch_execute(&step.sql).await else { return Ok(()) };
    let missing = error.code().is_some_and(is_missing);
    let diagnostic = sql_error(error, Some(&step.sql));
    if missing {
        failed.push((index, diagnostic));
        Ok(())
    } else {
        Err(Box::new(BuildError { index, diagnostic }))
    }
}

/// Unqualified names in an object's texts mean the object's own schema first.
fn path_of(step: &Step, search_path: &[String]) -> Vec<String> {
    match step.object.schema() {
        Some(schema) if !search_path.iter().any(|s| *s == schema) && step.object.parent().is_some() => {
            std::iter::once(schema.into_owned()).chain(search_path.iter().cloned()).collect()
        }
        _ => search_path.to_vec(),
    }
}

async fn set_path(session: &Session, path: &[String]) -> Result<(), Box<Diagnostic>> {
    session
        .batch(&format!(
            "SET search_path = {}; SET check_function_bodies = off; SET client_min_messages = error",
            search_path_of(path)
        ))
        .await
}
