//! Scratch databases: their names, which say whose they are, and the clearing away of those whose owner has died.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::process::Pid;
use sha2::{Digest, Sha256};

use super::session::Session;
use crate::core::diagnostic::Result;
use crate::core::name::ident;

/// What the names of scratch databases begin with.
const PREFIX: &str = "trueup_job_";

/// A process, so that its scratch databases can be told from those of another that has the same id by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner {
    /// The machine (or container): process ids of another mean nothing here.
    machine: u32,
    pid: u32,
    /// When the process was started, in this boot of the machine; 0 where that cannot be known.
    started: u32,
}

impl Owner {
    fn this_process() -> Self {
        let pid = std::process::id();
        Self { machine: machine(), pid, started: started(pid).unwrap_or(0) }
    }

    /// Whether the process is certainly gone. One on another machine never is, as far as can be told from here.
    fn is_gone(self) -> bool {
        if self.machine != machine() {
            return false;
        }
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return true };
        match rustix::process::test_kill_process(pid) {
            Err(rustix::io::Errno::SRCH) => true,
            // Alive: but is it the same process?
            _ => started(self.pid).is_some_and(|now| now != self.started),
        }
    }
}

/// A name for a new scratch database of this process.
pub(crate) fn new_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let owner = Owner::this_process();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{PREFIX}{:08x}_{}_{:08x}_{number}", owner.machine, owner.pid, owner.started)
}

/// Whose scratch database this is, if it is one.
fn owner_of(name: &str) -> Option<Owner> {
    let mut parts = name.strip_prefix(PREFIX)?.split('_');
    let mut next = |radix| u32::from_str_radix(parts.next()?, radix).ok();
    let owner = Owner { machine: next(16)?, pid: next(10)?, started: next(16)? };
    next(10)?;
    parts.next().is_none().then_some(owner)
}

/// Scratch databases of this process that it has no use for any more and did not drop.
static ABANDONED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Leaves a scratch database of this process to the next [`clear`].
pub(crate) fn abandon(name: String) {
    ABANDONED.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
}

/// All scratch databases on a server.
pub(crate) async fn all(admin: &Session) -> Result<Vec<String>> {
    let rows = admin.rows(&format!("select datname from pg_database where starts_with(datname, '{PREFIX}')")).await?;
    Ok(rows.into_iter().flatten().flatten().filter(|name| owner_of(name).is_some()).collect())
}

/// Drops scratch databases that nobody uses any more: those that this process abandoned, and those of processes that
/// are gone. Failing to is left for the next time.
pub(crate) async fn clear(admin: &Session) -> Result<()> {
    for name in all(admin).await? {
        let abandoned = ABANDONED.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
        if abandoned || owner_of(&name).is_some_and(Owner::is_gone) {
            let _ = drop(admin, &name).await;
        }
    }
    Ok(())
}

/// Drops a database, ending the sessions in it.
pub(crate) async fn drop(admin: &Session, name: &str) -> Result<()> {
    admin.batch(&drop_statement(name)).await
}

/// The statement that drops a database and ends the sessions in it.
pub(crate) fn drop_statement(name: &str) -> String {
    format!("drop database if exists {} with (force)", ident(name))
}

fn hash(parts: &[&[u8]]) -> u32 {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
        digest.update([0]);
    }
    digest.finalize().iter().take(4).fold(0, |value, byte| value << 8 | u32::from(*byte))
}

fn machine() -> u32 {
    let host = rustix::system::uname();
    // Containers share a kernel and can share a host name; their process ids are apart.
    let space =
        std::fs::read_link("/proc/self/ns/pid").map(|p| p.into_os_string().into_encoded_bytes()).unwrap_or_default();
    hash(&[host.nodename().to_bytes(), &space])
}

/// A number for the moment a process was started: from `/proc/PID/stat` (field 22) and the boot id.
fn started(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the command in parentheses and may hold anything; the third is next after the last one.
    let ticks = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?;
    let boot = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Some(hash(&[ticks.as_bytes(), &boot]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_their_owner() {
        let name = new_name();
        assert_eq!(owner_of(&name), Some(Owner::this_process()));
        assert!(name.len() <= crate::core::name::MAX_IDENTIFIER_BYTES);
        assert_ne!(name, new_name());
        for other in
            ["trueup_job_x", "trueup_job_00000000_1_00000000", "postgres", "trueup_job_00000000_1_00000000_1_x"]
        {
            assert_eq!(owner_of(other), None);
        }
    }

    #[test]
    fn the_living_are_told_from_the_dead() {
        let here = Owner::this_process();
        assert!(!here.is_gone());
        assert!(!Owner { machine: here.machine ^ 1, pid: u32::MAX / 2, ..here }.is_gone());
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        assert!(Owner { pid, ..here }.is_gone());
        if here.started != 0 {
            assert!(Owner { started: here.started ^ 1, ..here }.is_gone(), "the id was given to another process");
        }
    }
}
