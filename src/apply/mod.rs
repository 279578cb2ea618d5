//! Runs a plan against a live server, with a lock, a journal, timeouts and retries; running again continues.
//!
//! - [`run()`]: the steps, transaction by transaction ([`mod@run`]), behind an advisory lock ([`lock`]), recorded in
//!   [`journal`].
//! - [`preflight()`]: what would stop it, found out before the first step ([`mod@preflight`]).
//!
//! Nothing here knows kinds: a step says itself which lock it takes, how it relates to transactions, how to see that it
//! was done and how to clean up after it.

mod batches;
mod blockers;
mod catalogs;
pub mod declared;
mod failure;
mod granting;
pub mod journal;
pub mod lock;
pub mod preflight;
mod premises;
mod rights;
mod rows;
pub mod run;
pub mod settings;
mod trust;

use std::time::Duration;

use crate::core::step::{Phase, Step};

pub use catalogs::seen;
pub use journal::{Progress, plan_fingerprint, progress};
pub use lock::{CancelOnDrop, wait_for_others};
pub use preflight::{hindered, preflight};
pub use premises::{Patience, count, premises};
pub use run::run;

/// How a plan is run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// How long one attempt waits for a lock. While it waits, others queue behind it, so this is also the longest that
    /// the plan makes anyone wait for nothing. Statements that make nobody wait (CREATE INDEX CONCURRENTLY) are exempt.
    pub lock_timeout: Duration,
    /// How often a transaction is tried whose locks are not to be had.
    pub lock_attempts: u32,
    /// How long one statement may run; statements during which reads and writes go on (VALIDATE, CREATE INDEX
    /// CONCURRENTLY) are exempt. `None`: as long as it takes, whatever the role's own setting is.
    pub statement_timeout: Option<Duration>,
    /// Stop behind this phase.
    pub until: Option<Phase>,
    /// The search path the steps' texts are to be read under; when empty, the plan's own.
    pub search_path: Vec<String>,
    /// Whether steps are recorded in [`journal::TABLE`].
    pub journal: bool,
    /// Whether the record of steps stays after the plan's last one; otherwise it is dropped. A plan that was stopped half-way, or
    /// until a phase, keeps it in any case.
    pub keep_journal: bool,
    /// The plan was saved and may have been run in part: steps that the journal has as done are passed over. Not for a
    /// plan that was just made from the state of the database, which has nothing in it that is done already.
    pub resume: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_secs(2),
            lock_attempts: 30,
            statement_timeout: None,
            until: None,
            search_path: Vec::new(),
            journal: true,
            keep_journal: true,
            resume: false,
        }
    }
}

/// What is told while a plan runs.
pub trait ApplyObserver: Send + Sync {
    /// A step begins: `index` from 0, of `total`. Said again where its transaction is tried again.
    fn step_started(&self, _index: usize, _total: usize, _step: &Step) {}

    /// A step's statement is done; it is committed with the rest of its transaction.
    fn step_finished(&self, _index: usize, _step: &Step, _took: Duration) {}

    /// A step waits for a lock in its `attempt`th attempt (from 1); `blockers` says who has it, a sentence each, and is
    /// empty where that cannot be found out.
    fn waiting_for_lock(&self, _step: &Step, _attempt: u32, _blockers: &[String]) {}

    /// So many rows were changed so far by a step that runs in batches.
    fn rows(&self, _step: &Step, _changed: u64) {}
    /// Something worth knowing, in a sentence.
    fn note(&self, _text: &str) {}
}

/// An observer that does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl ApplyObserver for Silent {}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunReport {
    /// Steps that are done, those included that were done by an earlier run.
    pub steps_done: usize,
    /// Transactions that were committed; a step outside a transaction counts as one.
    pub transactions: usize,
    /// Steps of the plan that are left, in phases behind [`RunOptions::until`].
    pub remaining: usize,
    /// How long it took.
    pub elapsed: Duration,
}
