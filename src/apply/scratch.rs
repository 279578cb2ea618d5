//! Builds a state on a scratch database, as fast as possible: no journal, no locks, no care for anybody else.
//!
//! The order of the steps may rest on guesses (a function's body, a view that was not parsed). So what fails is put back
//! and tried again after the rest, for as long as that gets anywhere.

use std::fmt;

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use tokio_postgres::error::SqlState;

use super::settings::{MEANING, search_path};
use crate::core::diagnostic::Diagnostic;
use crate::core::id::ObjectId;
use crate::core::step::{Step, Transaction};
use crate::postgres::{Session, sql_error};

/// As many statements go to the server in one message.
const TOGETHER: usize = 100;

/// As many statements are on their way at a time where they are sent one by one.
const IN_FLIGHT: usize = 64;

/// A statement that the scratch server refuses.
#[derive(Clone, Debug)]
pub struct BuildError {
    /// Which of the given steps.
    pub step_index: usize,
    /// The object the step is for.
    pub object: ObjectId,
    /// What the server says, with the place in the step's statement.
    pub diagnostic: Box<Diagnostic>,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.diagnostic.message)
    }
}

impl std::error::Error for BuildError {}

type Failed = (usize, tokio_postgres::Error);

/// Runs the steps' statements, in order as far as possible.
///
/// # Errors
/// The first error that stays when no round gets any further; of several, one that does not just say that something is
/// missing, since what is missing may be what failed.
pub async fn build(session: &Session, steps: &[&Step], path: &[String]) -> Result<(), Box<BuildError>> {
    let Some(first) = steps.first() else { return Ok(()) };
    let settings = format!(
        "SET search_path = {}; SET lock_timeout = 0; SET statement_timeout = 0; SET client_min_messages = error; \
         SET synchronous_commit = off; SET jit = off; {MEANING}",
        search_path(path)
    );
    session
        .batch(&settings)
        .await
        .map_err(|diagnostic| Box::new(BuildError { step_index: 0, object: first.object.clone(), diagnostic }))?;
    let mut failed = Vec::new();
    for run in runs(steps) {
        let apart = match together(session, steps, &run).await {
            Ok(()) => continue,
            Err(()) => run,
        };
        one_by_one(session, steps, &apart, &mut failed).await;
    }
    while !failed.is_empty() {
        let again: Vec<usize> = failed.iter().map(|(i, _)| *i).collect();
        if failed.iter().any(|(_, error)| error.code().is_none()) {
            // The connection is gone.
            break;
        }
        failed.clear();
        one_by_one(session, steps, &again, &mut failed).await;
        if failed.len() == again.len() {
            break;
        }
    }
    let at = failed.iter().position(|(_, error)| !is_missing(error)).unwrap_or(0);
    if failed.is_empty() {
        return Ok(());
    }
    let (step_index, error) = failed.swap_remove(at);
    let Some(step) = steps.get(step_index) else { return Ok(()) };
    let diagnostic = sql_error(error, Some(&step.sql));
    Err(Box::new(BuildError { step_index, object: step.object.clone(), diagnostic }))
}

/// Whether an error says that something is not there (yet).
fn is_missing(error: &tokio_postgres::Error) -> bool {
    let missing = [
        SqlState::UNDEFINED_TABLE,
        SqlState::UNDEFINED_FUNCTION,
        SqlState::UNDEFINED_OBJECT,
        SqlState::UNDEFINED_COLUMN,
        SqlState::INVALID_SCHEMA_NAME,
        SqlState::INVALID_SCHEMA_DEFINITION,
    ];
    error.code().is_some_and(|code| missing.contains(code))
}

/// The steps in runs that may go in one message; what wants a transaction of its own goes alone.
fn runs(steps: &[&Step]) -> Vec<Vec<usize>> {
    let mut runs: Vec<Vec<usize>> = Vec::new();
    let mut open = false;
    for (i, step) in steps.iter().enumerate() {
        let shared = step.transaction == Transaction::Shared;
        match runs.last_mut() {
            Some(last) if open && shared && last.len() < TOGETHER => last.push(i),
            _ => runs.push(vec![i]),
        }
        open = shared;
    }
    runs
}

/// Sends a run in one message, which is one transaction.
async fn together(session: &Session, steps: &[&Step], run: &[usize]) -> Result<(), ()> {
    if run.len() < 2 {
        return Err(());
    }
    let mut sql = String::new();
    for step in run.iter().filter_map(|i| steps.get(*i)) {
        sql.push_str(&step.sql);
        // A statement may end in a comment.
        sql.push_str("\n;\n");
    }
    session.client.batch_execute(&sql).await.map_err(|_| ())
}

/// Sends statements each in its own transaction, without waiting for one before the next is sent.
async fn one_by_one(session: &Session, steps: &[&Step], which: &[usize], failed: &mut Vec<Failed>) {
    let mut which = which.iter().filter_map(|i| Some((*i, *steps.get(*i)?)));
    let mut on_their_way = FuturesOrdered::new();
    loop {
        while on_their_way.len() < IN_FLIGHT
            && let Some((i, step)) = which.next()
        {
            on_their_way.push_back(async move { (i, session.client.batch_execute(&step.sql).await) });
        }
        match on_their_way.next().await {
            None => return,
            Some((_, Ok(()))) => {}
            Some((i, Err(error))) => failed.push((i, error)),
        }
    }
}
