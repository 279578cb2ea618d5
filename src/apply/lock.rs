//! One run at a time: the advisory lock, the check that there is a session to hold it, and the end of a dropped run.

use std::time::{Duration, Instant};

use super::ApplyObserver;
use super::blockers;
use crate::core::diagnostic::{Diagnostic, Result};
use crate::postgres::{Canceller, Session};

/// The key of the lock, in the space of two numbers (`pg_locks`: `classid` and `objid` with `objsubid` 2). Advisory
/// locks are per database. The numbers spell `true` and `aply`.
pub const KEY: (i32, i32) = (0x7472_7565, 0x6170_6c79);

/// How often the lock is asked for.
const POLL: Duration = Duration::from_millis(500);

/// Refuses a session whose transactions do not all run in one backend, as behind a transaction pooler: locks and
/// settings of the session would be someone else's.
///
/// # Errors
/// `transaction-pooling`; what the server says.
pub async fn require_session(session: &Session) -> Result<()> {
    for _ in 0..2 {
        let rows = session.rows("BEGIN; SELECT pg_catalog.pg_backend_pid(); COMMIT").await?;
        if first(&rows) != Some(session.backend_pid()) {
            return Err(pooled());
        }
    }
    Ok(())
}

pub(super) fn pooled() -> Box<Diagnostic> {
    Diagnostic::refused("transaction-pooling", "the connection goes through a transaction pooler")
        .note("one transaction ran in another backend than the one before it, so that locks and settings of the session do not hold")
        .help("connect to the server itself, or to a pooler in session mode (Supabase: the direct host, or the session pooler on port 5432)")
}

pub(super) fn first(rows: &[Vec<Option<String>>]) -> Option<i32> {
    rows.first()?.first()?.as_deref()?.parse().ok()
}

/// Takes the lock, for as long as the session lives or until [`release`].
///
/// It polls: a session that *waits* for a lock holds a snapshot, and the CREATE INDEX CONCURRENTLY of the run that has the
/// lock would wait for that snapshot for ever.
///
/// # Errors
/// `already-applying` when another run still has it after `patience`; what the server says.
pub async fn acquire(session: &Session, patience: Duration, observer: &dyn ApplyObserver) -> Result<()> {
    let (class, object) = KEY;
    let sql = format!("SELECT pg_catalog.pg_try_advisory_lock({class}, {object})");
    let began = Instant::now();
    let mut said = false;
    loop {
        let rows = session.rows(&sql).await?;
        if rows.first().and_then(|r| r.first()).and_then(Option::as_deref) == Some("t") {
            return Ok(());
        }
        let holders = blockers::holders_of_key(session, KEY).await;
        if began.elapsed() >= patience {
            let mut error = Diagnostic::refused("already-applying", "another run is changing this database");
            for holder in holders {
                error = error.note(format!("it is {holder}"));
            }
            return Err(error.help("wait until it is done and run the command again; where it hangs, end it with pg_terminate_backend(pid)"));
        }
        if !said {
            said = true;
            let who = holders.first().map(|h| format!(": {h}")).unwrap_or_default();
            observer.note(&format!("waiting for another run to end{who}"));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until no other run has the lock, for as long as `patience`; `said` is called when there is something to wait for.
///
/// The server notices only after a while that a client is gone: until then, what it was told last goes on, and a plan made
/// meanwhile would start from a state that is about to change.
///
/// # Errors
/// What the server says.
pub async fn wait_for_others(session: &Session, patience: Duration, said: impl FnOnce()) -> Result<()> {
    let began = Instant::now();
    let mut said = Some(said);
    while began.elapsed() < patience && !blockers::holders_of_key(session, KEY).await.is_empty() {
        if let Some(say) = said.take() {
            say();
        }
        tokio::time::sleep(POLL / 5).await;
    }
    Ok(())
}

/// Gives the lock back, as far as the connection still serves.
pub async fn release(session: &Session) {
    let (class, object) = KEY;
    let _ = session.batch(&format!("SELECT pg_catalog.pg_advisory_unlock({class}, {object})")).await;
}

/// Cancels what the session is doing when dropped before [`CancelOnDrop::disarm`].
///
/// A server goes on with a statement whose client is gone. [`super::run()`] holds one of these, so that dropping its future
/// (Ctrl-C, a timeout) ends the statement too. Dropping waits for the request to be sent, five seconds at most.
pub struct CancelOnDrop {
    canceller: Option<Canceller>,
}

impl CancelOnDrop {
    /// A guard over a session.
    pub fn new(session: &Session) -> Self {
        Self { canceller: Some(session.canceller()) }
    }

    /// Nothing is running any more.
    pub fn disarm(mut self) {
        self.canceller = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let Some(canceller) = self.canceller.take() else { return };
        // The process may end right behind this, and the runtime with it: so not a task, but a thread that is waited for.
        let thread = std::thread::Builder::new().name("cancel".into()).spawn(move || {
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
                runtime.block_on(canceller.cancel());
            }
        });
        if let Ok(thread) = thread {
            let _ = thread.join();
        }
    }
}
