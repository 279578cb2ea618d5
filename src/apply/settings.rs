//! The session's settings while a plan runs.

use std::time::Duration;

use super::{ApplyObserver, RunOptions};
use crate::core::diagnostic::Result;
use crate::core::meaning;
use crate::core::name::search_path;
use crate::core::step::{Step, Transaction};
use crate::core::versions;
use crate::plan::Plan;
use crate::postgres::Session;

/// Settings that are given back their own values after a run, besides those of [`meaning`].
const CHANGED: &[&str] = &[
    "search_path",
    "lock_timeout",
    "statement_timeout",
    "idle_in_transaction_session_timeout",
    "client_connection_check_interval",
    "check_function_bodies",
    "row_security",
    "default_transaction_isolation",
    "enable_seqscan",
    "random_page_cost",
    "jit",
];

/// A duration as settings in milliseconds take it; none means no limit.
pub(super) fn millis(limit: Option<Duration>) -> u128 {
    // 0 would mean no limit at all.
    limit.map_or(0, |l| l.as_millis().clamp(1, i32::MAX as u128))
}

/// Sets up the session.
pub(super) async fn enter(session: &Session, plan: &Plan, o: &RunOptions, observer: &dyn ApplyObserver) -> Result<()> {
    let path = if o.search_path.is_empty() { &plan.search_path } else { &o.search_path };
    // A client that is gone must not hold locks: its transaction ends a minute after its last statement.
    session
        .batch(&format!(
            "SET search_path = {}; SET lock_timeout = {}; SET statement_timeout = {}; \
             SET idle_in_transaction_session_timeout = '60s'; \
             SET default_transaction_isolation = 'read committed'; \
             SET client_min_messages = warning; SET check_function_bodies = off; {}",
            search_path(path),
            millis(Some(o.lock_timeout)),
            millis(o.statement_timeout),
            meaning::statements("SET"),
        ))
        .await?;
    if session.server_major() >= versions::TRANSACTION_TIMEOUT {
        session.batch("SET transaction_timeout = 0").await?;
    }
    // Not on every platform can the server notice that a client is gone.
    if session.batch("SET client_connection_check_interval = '1s'").await.is_err() {
        observer
            .note("the server cannot notice a lost client while a statement runs (client_connection_check_interval)");
    }
    // Statements that row security would filter are then errors, instead of quietly changing fewer rows.
    let _ = session.batch("SET row_security = off").await;
    session.take_notices();
    Ok(())
}

/// Gives the settings their own values back, as far as the connection still serves.
pub(super) async fn leave(session: &Session) {
    let mut sql = String::from("SET client_min_messages = notice");
    for name in CHANGED.iter().chain(meaning::MEANING.iter().map(|(name, _)| name)) {
        sql.push_str("; RESET ");
        sql.push_str(name);
    }
    if session.server_major() >= versions::TRANSACTION_TIMEOUT {
        sql.push_str("; RESET transaction_timeout");
    }
    let _ = session.batch(&sql).await;
}

/// What is set before a step, and set back behind it, within its transaction. What holds rows that its own query reads (a
/// materialized view) gets those that this query gives whenever it is refreshed: where it reads by way of a view whose owner
/// row security binds, those are the ones that the policies let through, and no error.
pub(crate) fn around(step: &Step) -> Option<(&'static str, &'static str)> {
    let reads = step.transaction != Transaction::None && step.object.kind().info().copies;
    reads.then_some(("SET LOCAL row_security = on", "SET LOCAL row_security = off"))
}
