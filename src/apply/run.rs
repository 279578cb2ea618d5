//! Runs the transactions of a plan, one after the other.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

use super::failure::{Failure, is_lost, is_retryable};
use super::journal::{self, Entry, Journal};
use super::lock::{self, CancelOnDrop};
use super::rows::Rows;
use super::settings::{self, millis};
use super::{ApplyObserver, RunOptions, RunReport, blockers};
use crate::core::diagnostic::Result;
use crate::core::step::{LockMode, Step, Transaction};
use crate::plan::{Plan, PlanTransaction};
use crate::postgres::{Session, sql_error};

/// How long a statement that makes nobody wait may itself wait: CREATE INDEX CONCURRENTLY waits for every transaction of
/// the database that is older than it, and one that gives up leaves an invalid index behind.
const PATIENT: Duration = Duration::from_secs(600);

/// How often such a statement is tried.
const PATIENT_ATTEMPTS: u32 = 3;

/// How long the removal of what a failed statement left behind may wait.
const CLEANUP: Duration = Duration::from_secs(30);

/// The pause before the second attempt; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Runs a plan. Running it, or a newly made one, again after a failure continues where it stopped.
///
/// Each transaction of the plan is one on the server. One whose locks are not to be had within
/// [`RunOptions::lock_timeout`] is rolled back, and tried again after a pause. Dropping the future cancels what the server
/// is doing; the session should then be dropped too.
///
/// The run holds the lock of [`lock`]. A caller who compares the database with [`Plan::from`] takes it before
/// ([`lock::acquire`]) and releases it behind the run: the lock counts how often the session has it.
///
/// # Errors
/// `step-failed`: a step failed; the diagnostic says which, what is committed, and what to do. `lock-not-available`,
/// `already-applying`, `transaction-pooling`: refused. `connection-lost`: the connection or the server went away.
pub async fn run(session: &Session, plan: &Plan, o: &RunOptions, observer: &dyn ApplyObserver) -> Result<RunReport> {
    let began = Instant::now();
    let all = plan.steps().count();
    // Phases only ever rise in a plan.
    let wanted: Vec<&PlanTransaction> =
        plan.transactions.iter().take_while(|t| o.until.is_none_or(|until| t.phase <= until)).collect();
    let total = wanted.iter().map(|t| t.steps.len()).sum();
    if total == 0 {
        return Ok(RunReport { remaining: all, elapsed: began.elapsed(), ..RunReport::default() });
    }
    let guard = CancelOnDrop::new(session);
    let result = locked(session, plan, &wanted, total, o, observer).await;
    guard.disarm();
    let (steps_done, transactions) = result?;
    Ok(RunReport { steps_done, transactions, remaining: all - total, elapsed: began.elapsed() })
}

async fn locked(
    session: &Session,
    plan: &Plan,
    wanted: &[&PlanTransaction],
    total: usize,
    o: &RunOptions,
    observer: &dyn ApplyObserver,
) -> Result<(usize, usize)> {
    lock::require_session(session).await?;
    lock::acquire(session, o.lock_timeout.saturating_mul(o.lock_attempts), observer).await?;
    let result = async {
        settings::enter(session, plan, o, observer).await?;
        let done = if o.resume { journal::progress(session, plan).await?.done } else { Default::default() };
        if !done.is_empty() {
            observer.note(&format!(
                "going on with a plan of which {} of {} steps are done",
                done.len(),
                plan.steps().count()
            ));
        }
        let journal = if o.journal { Journal::open(session, plan, observer).await } else { None };
        let mut runner = Runner {
            session,
            o,
            observer,
            journal,
            total,
            committed: 0,
            transactions: 0,
            watcher: None,
            may_watch: true,
            changed: BTreeMap::new(),
            violated: false,
        };
        let mut rows = Rows::new(wanted);
        let mut index = 0;
        for transaction in wanted {
            let first = index;
            index += transaction.steps.len();
            let all = transaction.steps.iter().enumerate().map(|(i, s)| (first + i, s));
            let steps: Vec<(usize, &Step)> = all.filter(|(i, _)| !done.contains(i)).collect();
            runner.committed += transaction.steps.len() - steps.len();
            let steps: Vec<(usize, &Step)> = steps.into_iter().filter(|(_, step)| rows.allow(step)).collect();
            match (transaction.mode, steps.as_slice()) {
                (_, []) => {}
                (Transaction::None, alone) => {
                    for (index, step) in alone {
                        runner.alone(*index, step).await?;
                    }
                }
                (_, [(index, step)]) if step.check.is_some() => runner.check(*index, step, &mut rows).await?,
                (mode, together) => runner.together(mode, together).await?,
            }
        }
        if let Some(problem) = rows.problem(runner.committed, total) {
            return Err(problem);
        }
        // An earlier run may have left one that this one did not need.
        if !o.keep_journal && wanted.len() == plan.transactions.len() {
            journal::remove(session).await;
        }
        Ok((runner.committed, runner.transactions))
    }
    .await;
    settings::leave(session).await;
    lock::release(session).await;
    result
}

/// Where an attempt at a transaction failed.
enum Stop {
    /// Not in the backend that has the lock.
    Elsewhere,
    /// In a step, or in BEGIN before it.
    Step(usize, tokio_postgres::Error),
    /// While the journal was written.
    Journal(tokio_postgres::Error),
    /// At COMMIT.
    Commit(tokio_postgres::Error),
}

pub(super) struct Runner<'a> {
    pub(super) session: &'a Session,
    pub(super) o: &'a RunOptions,
    pub(super) observer: &'a dyn ApplyObserver,
    journal: Option<Journal>,
    total: usize,
    pub(super) committed: usize,
    pub(super) transactions: usize,
    /// Another session, to see from there whom this one waits for.
    watcher: Option<Session>,
    may_watch: bool,
    /// Rows that the statements of a group changed when they were last run.
    pub(super) changed: BTreeMap<String, u64>,
    /// A check that found rows which are not as they should be: that is no failure of the run.
    pub(super) violated: bool,
}

impl Runner<'_> {
    /// Runs steps in one transaction, as often as it takes to get its locks.
    pub(super) async fn together(&mut self, mode: Transaction, steps: &[(usize, &Step)]) -> Result<()> {
        let mut attempt = 1;
        loop {
            let mut blockers = Vec::new();
            let began = Instant::now();
            let stop = match self.attempt(steps, attempt, &mut blockers).await {
                Ok(()) => {
                    self.committed += steps.len();
                    self.transactions += 1;
                    return Ok(());
                }
                Err(stop) => stop,
            };
            // Fails only where the connection is gone, which has its own error already.
            let _ = self.session.batch("ROLLBACK").await;
            let (at, at_commit, error) = match stop {
                Stop::Elsewhere => return Err(lock::pooled()),
                Stop::Journal(error) if !is_lost(&error) && !is_retryable(&error) => {
                    self.journal = None;
                    self.observer.note(&format!("going on without a journal: {}", sql_error(error, None).message));
                    continue;
                }
                Stop::Step(at, error) => (at, false, error),
                Stop::Journal(error) | Stop::Commit(error) => (steps.len() - 1, true, error),
            };
            let Some(&(index, step)) = steps.get(at) else { return Err(sql_error(error, None)) };
            if is_retryable(&error) {
                let seen = !blockers.is_empty();
                if !seen {
                    blockers = blockers::holders(self.session, step).await;
                }
                if attempt < self.o.lock_attempts {
                    if !seen {
                        self.observer.waiting_for_lock(step, attempt, &blockers);
                    }
                    tokio::time::sleep(pause(attempt)).await;
                    attempt += 1;
                    continue;
                }
            }
            self.record_failure(&Entry { index, step, took: began.elapsed() }, &error).await;
            self.violated = step.check.is_some() && error.code() == Some(&SqlState::CHECK_VIOLATION);
            if self.violated {
                return Err(super::rows::violation(step, error));
            }
            return Err(self.failure(index, step, mode, at_commit, error, attempt, blockers).diagnose());
        }
    }

    async fn attempt(
        &mut self,
        steps: &[(usize, &Step)],
        attempt: u32,
        blockers: &mut Vec<String>,
    ) -> Result<(), Stop> {
        let begun = self.session.client.simple_query("BEGIN; SELECT pg_catalog.pg_backend_pid()").await;
        let begun = begun.map_err(|e| Stop::Step(0, e))?;
        if !begun.iter().any(|m| matches!(m, SimpleQueryMessage::Row(row) if row.get(0).and_then(|t| t.parse().ok()) == Some(self.session.backend_pid()))) {
            return Err(Stop::Elsewhere);
        }
        let mut entries = Vec::new();
        let mut limited = true;
        for (at, &(index, step)) in steps.iter().enumerate() {
            self.observer.step_started(index, self.total, step);
            let began = Instant::now();
            if self.o.statement_timeout.is_some() && limited == lets_others_work(step) {
                limited = !limited;
                let limit = if limited { millis(self.o.statement_timeout) } else { 0 };
                let set = self.session.client.batch_execute(&format!("SET LOCAL statement_timeout = {limit}")).await;
                set.map_err(|e| Stop::Step(at, e))?;
            }
            let (before, behind) = settings::around(step).unzip();
            if let Some(set) = before {
                self.session.client.batch_execute(set).await.map_err(|e| Stop::Step(at, e))?;
            }
            if let Some(ask) = step.asked_under_lock() {
                self.execute(step, &ask, attempt, blockers).await.map_err(|e| Stop::Step(at, e))?;
            }
            let rows = self.execute(step, &step.sql, attempt, blockers).await.map_err(|e| Stop::Step(at, e))?;
            if let Some(set) = behind {
                self.session.client.batch_execute(set).await.map_err(|e| Stop::Step(at, e))?;
            }
            self.count_rows(step, rows);
            let took = began.elapsed();
            self.say_warnings();
            self.observer.step_finished(index, step, took);
            entries.push(Entry { index, step, took });
        }
        if let Some(journal) = &self.journal {
            self.session.client.batch_execute(&journal.done(&entries)).await.map_err(Stop::Journal)?;
        }
        self.session.client.batch_execute("COMMIT").await.map_err(Stop::Commit)
    }

    /// Runs a step that cannot run inside a transaction block.
    pub(super) async fn alone(&mut self, index: usize, step: &Step) -> Result<()> {
        let pid = self.session.rows("SELECT pg_catalog.pg_backend_pid()").await?;
        if lock::first(&pid) != Some(self.session.backend_pid()) {
            return Err(lock::pooled());
        }
        self.observer.step_started(index, self.total, step);
        let began = Instant::now();
        if self.is_done(step).await? {
            self.observer.note(&format!("{} is done already", step.object));
            let entry = Entry { index, step, took: Duration::ZERO };
            let record = self.journal.as_ref().map(|j| j.done(&[entry]));
            self.record(record).await;
        } else {
            let record = self.journal.as_ref().map(|j| j.started(&Entry { index, step, took: Duration::ZERO }));
            self.record(record).await;
            self.until_done(index, step).await?;
            let record = self.journal.as_ref().map(|j| j.ended(index, "done", None));
            self.record(record).await;
        }
        self.committed += 1;
        self.transactions += 1;
        self.say_warnings();
        self.observer.step_finished(index, step, began.elapsed());
        Ok(())
    }

    /// Tries a step outside a transaction, as often as it makes sense.
    async fn until_done(&mut self, index: usize, step: &Step) -> Result<()> {
        let attempts = self.o.lock_attempts.clamp(1, PATIENT_ATTEMPTS);
        let mut attempt = 1;
        loop {
            let mut blockers = Vec::new();
            let error = match self.try_alone(step, attempt, &mut blockers).await {
                Ok(()) => return self.set_limits(self.o.lock_timeout, self.o.statement_timeout).await,
                Err(error) => error,
            };
            let lost = is_lost(&error);
            if !lost && is_retryable(&error) && attempt < attempts {
                if blockers.is_empty() {
                    self.observer.waiting_for_lock(step, attempt, &blockers);
                }
                tokio::time::sleep(pause(attempt)).await;
                attempt += 1;
                continue;
            }
            if !lost {
                self.clean_up(step).await;
                let state = error.code().map(|c| c.code().to_owned());
                let record = self.journal.as_ref().map(|j| j.ended(index, "failed", state.as_deref()));
                self.record(record).await;
            }
            let mut failure = self.failure(index, step, Transaction::None, false, error, attempt, blockers);
            failure.lock_timeout = PATIENT;
            return Err(failure.diagnose());
        }
    }

    async fn try_alone(
        &mut self,
        step: &Step,
        attempt: u32,
        blockers: &mut Vec<String>,
    ) -> Result<(), tokio_postgres::Error> {
        let limits = format!("SET lock_timeout = {}; SET statement_timeout = 0", millis(Some(PATIENT)));
        self.session.client.batch_execute(&limits).await?;
        // Not done, but something of that name may be there from an attempt that was cut off: an invalid index.
        if let (Some(cleanup), Some(_)) = (&step.cleanup, &step.done_when) {
            match self.execute(step, cleanup, attempt, blockers).await {
                Err(error) if is_lost(&error) || is_retryable(&error) => return Err(error),
                // Nothing to clean up, or not by us: the statement itself will say.
                Err(_) => {}
                // The cleanup of some steps brings them to their end.
                Ok(_) if self.is_done(step).await.unwrap_or(false) => return Ok(()),
                Ok(_) => {}
            }
        }
        if let Some(batch) = &step.batch {
            // Rows are locked by others for short; a batch gives way like any other transaction.
            let limits = format!("SET lock_timeout = {}", millis(Some(self.o.lock_timeout)));
            self.session.client.batch_execute(&limits).await?;
            let rows = self.batches(step, batch, blockers).await?;
            self.count_rows(step, rows);
            return Ok(());
        }
        self.execute(step, &step.sql, attempt, blockers).await.map(|_| ())
    }

    fn count_rows(&mut self, step: &Step, rows: u64) {
        if let (Some(group), None) = (&step.group, &step.check) {
            *self.changed.entry(group.clone()).or_default() += rows;
        }
    }

    async fn is_done(&self, step: &Step) -> Result<bool> {
        let Some(query) = &step.done_when else { return Ok(false) };
        let rows = self.session.rows(query).await?;
        Ok(rows.first().and_then(|r| r.first()).and_then(Option::as_deref) == Some("t"))
    }

    /// Removes what a failed step left behind, if the server lets us; otherwise the next run does it.
    async fn clean_up(&self, step: &Step) {
        let Some(cleanup) = &step.cleanup else { return };
        let limits = self.set_limits(CLEANUP, Some(PATIENT)).await;
        let cleaned = match limits {
            Ok(()) => self.session.batch(cleanup).await,
            Err(error) => Err(error),
        };
        if let Err(error) = cleaned {
            let why = error.message;
            self.observer
                .note(&format!("what is left of {} could not be removed ({why}); the next run does it", step.object));
        }
        let _ = self.set_limits(self.o.lock_timeout, self.o.statement_timeout).await;
    }

    async fn set_limits(&self, lock: Duration, statement: Option<Duration>) -> Result<()> {
        let (lock, statement) = (millis(Some(lock)), millis(statement));
        self.session.batch(&format!("SET lock_timeout = {lock}; SET statement_timeout = {statement}")).await
    }

    /// Runs a statement, and looks from another session whom it waits for when it takes long. Returns how many rows it changed.
    async fn execute(
        &mut self,
        step: &Step,
        sql: &str,
        attempt: u32,
        blockers: &mut Vec<String>,
    ) -> Result<u64, tokio_postgres::Error> {
        let session = self.session;
        let mut statement = pin!(session.client.simple_query(sql));
        let mut wait = (self.o.lock_timeout / 2).clamp(Duration::from_millis(20), Duration::from_secs(1));
        loop {
            tokio::select! {
                biased;
                result = &mut statement => return result.map(|messages| rows_changed(&messages)),
                () = tokio::time::sleep(wait) => {}
            }
            let found = self.whom_for().await;
            if !found.is_empty() && found != *blockers {
                self.observer.waiting_for_lock(step, attempt, &found);
                *blockers = found;
            }
            wait = Duration::from_secs(2);
        }
    }

    async fn whom_for(&mut self) -> Vec<String> {
        if self.watcher.is_none() && self.may_watch {
            // An idle session in READ COMMITTED holds no snapshot, so nothing waits for it. Where there is no connection to
            // be had, the names are done without.
            let connecting = tokio::time::timeout(Duration::from_secs(2), Session::connect(self.session.info()));
            self.watcher = connecting.await.ok().and_then(Result::ok);
            self.may_watch = self.watcher.is_some();
        }
        let Some(watcher) = &self.watcher else { return Vec::new() };
        let asking = blockers::blocking(watcher, self.session.backend_pid());
        tokio::time::timeout(Duration::from_secs(2), asking).await.unwrap_or_default()
    }

    fn say_warnings(&self) {
        for notice in self.session.take_notices() {
            self.observer.note(&format!("{}: {}", notice.severity, notice.message));
        }
    }

    /// Writes into the journal outside of any transaction of the plan; without success, the run goes on without it.
    async fn record(&mut self, sql: Option<String>) {
        let Some(sql) = sql else { return };
        if let Err(error) = self.session.batch(&sql).await {
            self.journal = None;
            self.observer.note(&format!("going on without a journal: {}", error.message));
        }
    }

    async fn record_failure(&mut self, entry: &Entry<'_>, error: &tokio_postgres::Error) {
        if is_lost(error) {
            return;
        }
        let sql = self.journal.as_ref().map(|j| j.failed(entry, error.code().map(|c| c.code())));
        self.record(sql).await;
    }

    #[expect(clippy::too_many_arguments, reason = "one place that gathers what a report needs")]
    fn failure<'s>(
        &self,
        index: usize,
        step: &'s Step,
        mode: Transaction,
        at_commit: bool,
        error: tokio_postgres::Error,
        attempts: u32,
        blockers: Vec<String>,
    ) -> Failure<'s> {
        let (total, committed, lock_timeout) = (self.total, self.committed, self.o.lock_timeout);
        Failure { index, total, step, mode, at_commit, error, committed, attempts, blockers, lock_timeout }
    }
}

/// How many rows a statement changed, by what the server said at its end.
pub(super) fn rows_changed(messages: &[SimpleQueryMessage]) -> u64 {
    messages.iter().map(|m| if let SimpleQueryMessage::CommandComplete(n) = m { *n } else { 0 }).sum()
}

/// Whether reads and writes go on while a step runs (VALIDATE, batches of rows), so that it may take its time.
fn lets_others_work(step: &Step) -> bool {
    step.lock.as_ref().is_some_and(|(mode, _)| *mode <= LockMode::ShareUpdateExclusive)
}

/// The pause behind an attempt: it doubles, and is spread so that several who wait do not come back all at once.
pub(super) fn pause(attempt: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
    // The clock's low digits are random enough for this.
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    longest.mul_f64(0.5 + f64::from(nanos % 1000) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        assert!(pause(1) <= FIRST_PAUSE * 2);
        assert!(pause(60) >= LONGEST_PAUSE / 2);
        assert!(pause(60) <= LONGEST_PAUSE * 2);
    }
}
