//! What is said when a step fails: which, why, what became of the rest, what to do.

use std::time::Duration;

use tokio_postgres::error::SqlState;

use crate::core::diagnostic::{Diagnostic, Severity};
use crate::core::step::{Action, Step, Transaction};
use crate::postgres::sql_error;

/// A step that failed, and where in the run.
pub(super) struct Failure<'a> {
    /// Its index, from 0.
    pub(super) index: usize,
    /// Of how many.
    pub(super) total: usize,
    pub(super) step: &'a Step,
    /// How its transaction was run.
    pub(super) mode: Transaction,
    /// Whether it was the COMMIT that failed.
    pub(super) at_commit: bool,
    pub(super) error: tokio_postgres::Error,
    /// Steps that are committed.
    pub(super) committed: usize,
    /// Attempts made at its locks, and who had them.
    pub(super) attempts: u32,
    pub(super) blockers: Vec<String>,
    pub(super) lock_timeout: Duration,
}

/// Whether trying again may help: nothing is wrong with the statement.
pub(super) fn is_retryable(error: &tokio_postgres::Error) -> bool {
    let Some(db) = error.as_db_error() else { return false };
    // Two sessions that change one catalog row (GRANT, CREATE OR REPLACE FUNCTION): an internal error by its code.
    crate::postgres::session::is_retryable(db.code()) || db.message() == "tuple concurrently updated"
}

/// Whether the connection serves no more.
pub(super) fn is_lost(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        None => true,
        Some(code) => [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW].contains(code),
    }
}

impl Failure<'_> {
    pub(super) fn diagnose(self) -> Box<Diagnostic> {
        let code = self.error.code().cloned();
        let lost = is_lost(&self.error);
        let retried = is_retryable(&self.error);
        let (number, total, object) = (self.index + 1, self.total, &self.step.object);
        let cause = sql_error(self.error, Some(&self.step.sql));
        let place = format!("step {number} of {total} ({object})");
        let mut error = if code == Some(SqlState::LOCK_NOT_AVAILABLE) {
            let seconds = self.lock_timeout.as_secs_f32();
            let attempts = self.attempts;
            Diagnostic::refused("lock-not-available", format!("{place} did not get its lock"))
                .note(format!("{attempts} attempts were made, each waiting {seconds} s"))
        } else if retried {
            Diagnostic::refused("lock-not-available", format!("{place} failed: {}", cause.message))
                .note(format!("{} attempts were made", self.attempts))
        } else if lost {
            Diagnostic::error("connection-lost", format!("{place} was cut off: {}", cause.message))
        } else {
            Diagnostic::error("step-failed", format!("{place} failed: {}", cause.message))
        };
        for blocker in &self.blockers {
            error = error.note(format!("the lock is held by {blocker}"));
        }
        match cause.location {
            Some(location) if !self.at_commit => error = error.at(location),
            _ => error = error.note(format!("the statement is: {}", excerpt(&self.step.sql))),
        }
        error.related = cause.related;
        // Of a statement that was put together from what is declared, the place in it says more.
        if let Some(place) = self.step.location.as_ref().filter(|_| self.step.action == Action::Data) {
            let in_statement = error.location.replace(place.clone());
            error.related.extend(in_statement.map(|location| (location, "in the statement that was run".to_owned())));
        }
        error.notes.extend(cause.notes);
        error.help.extend(cause.help);
        error = explain(error, code.as_ref(), self.step);
        error = error.note(match (self.mode, lost, self.at_commit) {
            (Transaction::None, true, _) => {
                "it runs outside a transaction: the next run finds out how far it got".to_owned()
            }
            (Transaction::None, false, _) => {
                "it runs outside a transaction: what it left behind was removed, or is by the next run".to_owned()
            }
            (_, true, true) => {
                "the connection ended at COMMIT: whether the server committed, the next run finds out".to_owned()
            }
            _ => "its transaction was rolled back".to_owned(),
        });
        error = error.note(match self.committed {
            0 => "nothing was committed before it".to_owned(),
            1 => "1 step was committed before it".to_owned(),
            n => format!("{n} steps were committed before it"),
        });
        let again = "running the command again continues from there";
        error.help(match error_severity(&code, lost) {
            Severity::Refused => format!("end what holds the lock, or wait until there is less going on; {again}"),
            _ if lost => again.to_owned(),
            _ => format!("once the cause is mended, {again}"),
        })
    }
}

fn error_severity(code: &Option<SqlState>, lost: bool) -> Severity {
    match code {
        Some(code) if !lost && crate::postgres::session::is_retryable(code) => Severity::Refused,
        _ => Severity::Error,
    }
}

/// Causes that have a way out.
fn explain(error: Box<Diagnostic>, code: Option<&SqlState>, step: &Step) -> Box<Diagnostic> {
    let Some(code) = code else {
        return error
            .help("is the server still there, and the network? a pooler or a firewall may also end long connections");
    };
    match code.code() {
        "57P01" | "57P02" | "57P03" => error
            .note("the server is shutting down or restarting, or the session was ended by pg_terminate_backend")
            .help("wait until the server is back"),
        "57P05" | "25P03" => error.note("the session was idle for too long"),
        "53100" => {
            error.note("the server's disk is full").help("make room on the server's disk, or give it a larger one")
        }
        "53200" => error.note("the server is out of memory, or of room for locks (max_locks_per_transaction)"),
        "57014" => {
            if error.message.contains("statement timeout") {
                error.help("a longer statement timeout lets it finish; look at why it takes so long first")
            } else {
                error.note("somebody cancelled it")
            }
        }
        "42501" => {
            let object = step.object.top();
            error.help(format!("connect as the owner of {object}, or as a role that is a member of the owner"))
        }
        "25006" => error
            .note("the session can only read: the server is a standby, or default_transaction_read_only is on")
            .help("connect to the primary server"),
        "42P07" | "42710" | "42701" | "42723" | "42P06" => error
            .note("the database is no longer as it was when the plan was made: something of this name exists already")
            .help("make the plan again"),
        "42P01" | "42703" | "42704" | "42883" | "3F000" => {
            error.help("where the plan is not from just now, make it again: the database may have changed since")
        }
        "23502" | "23503" | "23505" | "23514" | "23P01" => error
            .note("rows that exist do not fit what is declared")
            .help("mend these rows, or declare a backfill for them"),
        "0A000" => error.note("this server cannot do that in this form"),
        _ => error,
    }
}

/// The beginning of a statement, in one line.
pub(super) fn excerpt(sql: &str) -> String {
    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(160) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
