//! What was done, step by step: the table `trueup.history`. It is dropped behind the last step of a plan; what outlives the run is in
//! [`super::declared`].
//!
//! A step in a transaction is recorded within that transaction, so "done" is committed with what it speaks of; one
//! outside is recorded as started, then as done or failed. Nothing decides by the journal what the state of the database
//! is; a *saved* plan that was cut off asks it which of its steps are done.
//!
//! The schema [`SCHEMA`] and all in it belong to the tool: they are no part of any catalog.

use std::collections::BTreeSet;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::ApplyObserver;
use super::trust::{self, Access};
use crate::core::diagnostic::Result;
use crate::core::name::literal;
use crate::core::step::{Step, Transaction};
use crate::plan::Plan;
use crate::postgres::Session;

/// The schema of the journal. It holds `history` with its sequence `history_id_seq` and its index `history_pkey`, and
/// `declared` with its index `declared_pkey`.
pub const SCHEMA: &str = "trueup";

/// The journal's table.
pub const TABLE: &str = "trueup.history";

pub(super) const CREATE_SCHEMA: &str = "\
CREATE SCHEMA trueup;
COMMENT ON SCHEMA trueup IS 'The journal of trueup: which steps of an unfinished plan were run, and what was declared at the last apply. Where \
it is dropped, what is no longer declared is dropped only with consent.';
";

const CREATE: &str = "\
CREATE TABLE IF NOT EXISTS trueup.history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run text NOT NULL,
    plan text NOT NULL,
    from_state text NOT NULL,
    step integer NOT NULL,
    sql_hash text NOT NULL,
    object text NOT NULL,
    phase text NOT NULL,
    status text NOT NULL CHECK (status IN ('started', 'done', 'failed')),
    sqlstate text,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    pid integer NOT NULL DEFAULT pg_catalog.pg_backend_pid(),
    role text NOT NULL DEFAULT CURRENT_USER
)";

const NAME: &str = "history";

/// Fails where the table has another shape than this version writes.
const PROBE: &str = "SELECT id, run, plan, from_state, step, sql_hash, object, phase, status, sqlstate, started_at, finished_at, pid, role \
     FROM ONLY trueup.history LIMIT 0";

/// The fingerprint of a plan: equal for equal plans.
pub fn plan_fingerprint(plan: &Plan) -> String {
    // Serialization to JSON fails only for maps with keys that are no text; a plan has none.
    hex(&serde_json::to_vec(plan).unwrap_or_default())
}

pub(super) fn sql_hash(step: &Step) -> String {
    hex(step.sql.as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// How far a plan got that was run before and not finished.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The indexes (from 0) of the steps that are done.
    pub done: BTreeSet<usize>,
    /// The indexes of steps outside a transaction that were begun, and of which it is not known how far they got.
    pub begun: BTreeSet<usize>,
}

/// How far a saved plan got; empty where it was never run, was finished, or another plan was run after it.
///
/// A caller that compares [`Plan::from`] with the state of the database does so only when this is empty: half-way, the
/// database is in neither of the plan's states.
///
/// # Errors
/// What the server says; a journal that is missing or out of reach is no error, but no progress.
pub async fn progress(session: &Session, plan: &Plan) -> Result<Progress> {
    if trust::objection(session, NAME, Access::Read).await.is_some() || session.rows(PROBE).await.is_err() {
        return Ok(Progress::default());
    }
    // Rows of this plan since the last row of any other.
    let fingerprint = literal(&plan_fingerprint(plan));
    let rows = session
        .rows(&format!(
            "SELECT step, sql_hash, status FROM ONLY trueup.history WHERE plan = {fingerprint} AND id > \
             coalesce((SELECT pg_catalog.max(id) FROM ONLY trueup.history WHERE plan <> {fingerprint}), 0) ORDER BY id"
        ))
        .await?;
    let hashes: Vec<String> = plan.steps().map(sql_hash).collect();
    let mut found = Progress::default();
    for row in &rows {
        let [Some(step), Some(hash), Some(status)] = row.as_slice() else { continue };
        let Ok(index) = step.parse::<usize>() else { continue };
        if hashes.get(index) == Some(hash) {
            match status.as_str() {
                "done" => found.done.insert(index),
                _ => found.begun.insert(index),
            };
        }
        if found.done.len() == hashes.len() {
            // It was finished; what follows is another run from the start.
            found = Progress::default();
        }
    }
    // What runs in a transaction was rolled back where it failed.
    let alone: Vec<bool> = plan.steps().map(|step| step.transaction == Transaction::None).collect();
    found.begun.retain(|index| !found.done.contains(index) && alone.get(*index) == Some(&true));
    Ok(found)
}

/// Removes the record of steps, where there is one; where that is refused, it stays: it harms nobody. The schema is removed with it
/// where nothing else is in it.
pub async fn remove(session: &Session) {
    let there = session.rows("SELECT pg_catalog.to_regclass('trueup.history') IS NOT NULL").await;
    if !there.is_ok_and(|rows| rows.first().and_then(|r| r.first()).and_then(Option::as_deref) == Some("t")) {
        return;
    }
    if session.batch("DROP TABLE trueup.history").await.is_err() {
        return;
    }
    let left = "SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                WHERE n.nspname = 'trueup'";
    if session.rows(left).await.is_ok_and(|rows| rows.is_empty()) {
        // Something else than a relation in it: the server refuses.
        let _ = session.batch("DROP SCHEMA trueup").await;
    }
}

/// What there is to record of a step that was run.
pub(super) struct Entry<'a> {
    pub(super) index: usize,
    pub(super) step: &'a Step,
    pub(super) took: Duration,
}

/// The journal of one run.
pub(super) struct Journal {
    run: String,
    plan: String,
    from: String,
}

impl Journal {
    /// Opens the journal, creating it where it is missing. Without the privilege to do so the run goes on without one.
    pub(super) async fn open(session: &Session, plan: &Plan, observer: &dyn ApplyObserver) -> Option<Self> {
        if let Some(objection) = trust::objection(session, NAME, Access::Write).await {
            observer.note(&format!("going on without a journal: {TABLE} is not written ({objection})"));
            return None;
        }
        if session.rows(PROBE).await.is_err() {
            // Somebody may have made the schema for a role that may not.
            let missing = session
                .rows("SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'trueup'")
                .await
                .is_ok_and(|rows| rows.is_empty());
            let schema = if missing { CREATE_SCHEMA } else { "" };
            let mut made = session.batch(&format!("BEGIN; {schema}{CREATE}")).await;
            if made.is_ok() {
                made = trust::close(session, NAME).await;
            }
            if made.is_ok() {
                made = session.batch("COMMIT").await;
            }
            if let Err(error) = made {
                let _ = session.batch("ROLLBACK").await;
                let why = error.message;
                observer.note(&format!("going on without a journal: {TABLE} cannot be created ({why})"));
                return None;
            }
            if let Err(error) = session.rows(PROBE).await {
                let why = error.message;
                observer.note(&format!("going on without a journal: {TABLE} is not as this version writes it ({why})"));
                return None;
            }
        }
        session.take_notices();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        let run = hex(format!("{now} {} {}", session.backend_pid(), std::process::id()).as_bytes())
            .chars()
            .take(16)
            .collect();
        Some(Self { run, plan: plan_fingerprint(plan), from: plan.from.clone() })
    }

    fn values(&self, entry: &Entry<'_>, status: &str, sqlstate: Option<&str>) -> String {
        let millis = entry.took.as_millis();
        let now = "pg_catalog.clock_timestamp()";
        format!(
            "({}, {}, {}, {}, {}, {}, {}, '{status}', {}, {now} - interval '{millis} milliseconds', {})",
            literal(&self.run),
            literal(&self.plan),
            literal(&self.from),
            entry.index,
            literal(&sql_hash(entry.step)),
            literal(entry.step.object.as_str()),
            literal(entry.step.phase.word()),
            sqlstate.map_or_else(|| "NULL".to_owned(), literal),
            if status == "started" { "NULL" } else { now },
        )
    }

    fn insert(values: &[String]) -> String {
        format!(
            "INSERT INTO trueup.history (run, plan, from_state, step, sql_hash, object, phase, status, sqlstate, started_at, finished_at) VALUES {}",
            values.join(", ")
        )
    }

    /// The statement that records steps as done.
    pub(super) fn done(&self, entries: &[Entry<'_>]) -> String {
        let values: Vec<String> = entries.iter().map(|e| self.values(e, "done", None)).collect();
        Self::insert(&values)
    }

    /// The statement that records a step as failed.
    pub(super) fn failed(&self, entry: &Entry<'_>, sqlstate: Option<&str>) -> String {
        Self::insert(&[self.values(entry, "failed", sqlstate)])
    }

    /// The statement that records a step outside a transaction as started.
    pub(super) fn started(&self, entry: &Entry<'_>) -> String {
        Self::insert(&[self.values(entry, "started", None)])
    }

    /// The statement that says how a started step ended.
    pub(super) fn ended(&self, index: usize, status: &str, sqlstate: Option<&str>) -> String {
        format!(
            "UPDATE trueup.history SET status = {}, sqlstate = {}, finished_at = pg_catalog.clock_timestamp() \
             WHERE run = {} AND step = {index} AND status = 'started'",
            literal(status),
            sqlstate.map_or_else(|| "NULL".to_owned(), literal),
            literal(&self.run),
        )
    }
}
