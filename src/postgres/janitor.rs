//! The work on a server of our own that nobody should wait for: keeping spare databases ready, dropping used ones,
//! clearing away what killed runs have left.
//!
//! CREATE DATABASE and DROP DATABASE take some 30 ms each. So a run takes a spare that an earlier run has made, by
//! renaming it (1 ms), and makes the next while it is busy; and what is dropped last need not be waited for, since the
//! next run drops it in passing. A thread with a runtime of its own, so that it depends on no other runtime being
//! there or free.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::conninfo::ConnInfo;
use super::session::Session;
use super::{scratch, supabase};
use crate::core::diagnostic::Result;
use crate::core::name::{ident, literal};
use crate::core::versions;

/// What the names of spare databases begin with.
const SPARE: &str = "trueup_spare_";

/// As many spares are kept ready of each template: a plan that is proved needs two databases.
const SPARES: usize = 2;

/// A database that is no longer needed is often the run's last act: so long the end of the run is waited for before
/// it is dropped.
const LINGER: Duration = Duration::from_millis(50);

/// An advisory lock in the `postgres` database: one janitor makes spares at a time. The number is arbitrary.
const REPLENISH_LOCK: i64 = 0x7472_7565_7571;

enum Task {
    Replenish(Template),
    Drop(String),
}

/// What a scratch database begins as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Template {
    /// Empty: `template0`.
    Plain,
    /// With [`supabase::PRELUDE`].
    Supabase,
}

impl Template {
    /// The database to copy.
    pub fn database(self) -> String {
        match self {
            Self::Plain => "template0".to_owned(),
            Self::Supabase => supabase::template_name(),
        }
    }

    fn spare_prefix(self) -> String {
        format!("{SPARE}{}_", self.database())
    }

    /// The statement that makes a database from it.
    pub fn create(self, name: &str, major: u32) -> String {
        // Copying files needs checkpoints, which cost little without fsync: less than the WAL of copying blocks.
        let strategy = if major >= versions::DATABASE_STRATEGY { " strategy file_copy" } else { "" };
        format!("create database {} template {} encoding 'UTF8'{strategy}", ident(name), ident(&self.database()))
    }
}

#[derive(Default)]
struct State {
    /// The run is about to end.
    leaving: AtomicBool,
    /// A spare is being made: interrupted, it would have to be made again, and short runs would never have one.
    making: AtomicBool,
}

/// The thread. Dropping it waits for a spare that is being made, and leaves everything else to a later run.
pub(crate) struct Janitor {
    tasks: Option<Sender<Task>>,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

impl Janitor {
    /// Begins, with clearing away what is left on the server; `found` as in [`leftovers`].
    pub fn start(info: ConnInfo, found: Vec<String>) -> Self {
        let (tasks, queue) = channel();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let thread =
            std::thread::Builder::new().name("janitor".to_owned()).spawn(move || work(&info, &found, &queue, &shared));
        Self { tasks: Some(tasks), state, thread: thread.ok() }
    }

    /// Sees to it that spares are there.
    pub fn replenish(&self, template: Template) {
        self.send(Task::Replenish(template));
    }

    /// Drops a database at leisure.
    pub fn drop_database(&self, name: &str) {
        self.send(Task::Drop(name.to_owned()));
    }

    fn send(&self, task: Task) {
        if let Some(tasks) = &self.tasks
            && let Err(unsent) = tasks.send(task)
            && let Task::Drop(name) = unsent.0
        {
            scratch::abandon(name);
        }
    }
}

impl Drop for Janitor {
    #[expect(clippy::disallowed_methods, reason = "Drop cannot wait in any other way")]
    fn drop(&mut self) {
        self.state.leaving.store(true, Ordering::SeqCst);
        self.tasks = None;
        // Not joined: what it does besides ends with the server, and goes on by itself where others keep the server.
        while self.state.making.load(Ordering::SeqCst) && self.thread.as_ref().is_some_and(|t| !t.is_finished()) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Nothing here is reported: a server without spares or with a database too many is only slower.
fn work(info: &ConnInfo, found: &[String], queue: &Receiver<Task>, state: &State) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let leaving = || state.leaving.load(Ordering::SeqCst);
    let mut session: Option<Session> = None;
    // The first request comes at once; clearing away can wait until it is served.
    let mut cleared = false;
    let mut doomed: Vec<String> = Vec::new();
    loop {
        let task = queue.recv_timeout(LINGER);
        let idle = match task {
            Ok(Task::Replenish(template)) => {
                state.making.store(true, Ordering::SeqCst);
                if !leaving() {
                    let _ = runtime.block_on(replenish(&mut session, info, template, &leaving));
                }
                state.making.store(false, Ordering::SeqCst);
                false
            }
            Ok(Task::Drop(name)) => {
                doomed.push(name);
                false
            }
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        if idle && !cleared && !leaving() {
            cleared = true;
            let _ = runtime.block_on(async {
                let admin = connected(&mut session, info).await?;
                clear_leftovers(admin, found).await;
                scratch::clear(admin).await
            });
        }
        while idle && !leaving() {
            let Some(name) = doomed.pop() else { break };
            if runtime.block_on(async { scratch::drop(connected(&mut session, info).await?, &name).await }).is_err() {
                scratch::abandon(name);
            }
        }
    }
    doomed.into_iter().for_each(scratch::abandon);
}

async fn connected<'a>(session: &'a mut Option<Session>, info: &ConnInfo) -> Result<&'a Session> {
    match session {
        Some(session) => Ok(session),
        None => Ok(session.insert(Session::connect(info).await?)),
    }
}

async fn replenish(
    session: &mut Option<Session>,
    info: &ConnInfo,
    template: Template,
    leaving: &impl Fn() -> bool,
) -> Result<()> {
    let admin = connected(session, info).await?;
    let locked = admin.rows(&format!("select pg_try_advisory_lock({REPLENISH_LOCK})")).await?;
    if locked.into_iter().flatten().flatten().next().as_deref() != Some("t") {
        return Ok(());
    }
    let made = async {
        let there = spares(admin, template).await?;
        let mut free =
            (0..SPARES * 2).map(|n| format!("{}{n}", template.spare_prefix())).filter(|n| !there.contains(n));
        for _ in there.len()..SPARES {
            match free.next() {
                // A spare less is no reason to keep the run from ending, but one is.
                Some(name) if !leaving() => admin.batch(&template.create(&name, admin.server_major())).await?,
                _ => break,
            }
        }
        Ok(())
    };
    let outcome = made.await;
    admin.batch(&format!("select pg_advisory_unlock({REPLENISH_LOCK})")).await?;
    outcome
}

/// What earlier runs have left on a server that no other run uses: their scratch databases, and the template and the
/// spares of another version's prelude. To be asked while no other run can begin to use the server, since what such a
/// run makes looks the same.
pub(crate) async fn leftovers(admin: &Session) -> Result<Vec<String>> {
    let sql = format!(
        "select datname from pg_database where starts_with(datname, {})
         or starts_with(datname, {spare}) and not starts_with(datname, {plain}) and not starts_with(datname, {now})",
        literal(supabase::TEMPLATE_PREFIX),
        spare = literal(SPARE),
        plain = literal(&Template::Plain.spare_prefix()),
        now = literal(&Template::Supabase.spare_prefix()),
    );
    let mut found = scratch::all(admin).await?;
    found.extend(admin.rows(&sql).await?.into_iter().flatten().flatten());
    found.retain(|name| *name != supabase::template_name());
    Ok(found)
}

/// Drops what [`leftovers`] found. What cannot be dropped is found again by a later run.
async fn clear_leftovers(admin: &Session, found: &[String]) {
    for name in found {
        if name.starts_with(supabase::TEMPLATE_PREFIX) {
            let _ = admin.batch(&format!("alter database {} is_template false", ident(name))).await;
        }
        let _ = scratch::drop(admin, name).await;
    }
}

async fn spares(admin: &Session, template: Template) -> Result<Vec<String>> {
    let prefix = literal(&template.spare_prefix());
    let sql = format!("select datname from pg_database where starts_with(datname, {prefix}) and datconnlimit <> -2");
    Ok(admin.rows(&sql).await?.into_iter().flatten().flatten().collect())
}

/// Takes a spare database by giving it a new name; false when there is none to be had.
pub(crate) async fn claim(admin: &Session, template: Template, name: &str) -> Result<bool> {
    for spare in spares(admin, template).await? {
        // Another run may be faster.
        if admin.batch(&format!("alter database {} rename to {}", ident(&spare), ident(name))).await.is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}
