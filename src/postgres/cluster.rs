//! A PostgreSQL server of our own: one cached cluster per installation, shared by the runs that need it.
//!
//! The cluster lives in the user's cache folder (for root, who may not run PostgreSQL, in a folder of the account that
//! runs it). It listens on a unix socket in a folder that nobody else may enter, and keeps nothing safe: fsync,
//! synchronous_commit and full_page_writes are off, since everything in it can be made again.
//!
//! Two lock files arrange the sharing. `users.lock` is held shared by every run as long as it uses the server; the
//! system gives it back even when a run is killed. `gate.lock` is held for the moment of starting or stopping. Whoever
//! leaves and can get `users.lock` for itself alone is the last, and stops the server. A server that was left
//! running by a run that was killed is used by the next run, which stops it in the end. A cluster that does not start
//! (a machine that lost power) is made anew.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use sha2::{Digest, Sha256};

use super::binaries::{Installation, command};
use super::conninfo::ConnInfo;
use super::environment::{Account, Environment};
use super::janitor;
use super::session::Session;
use crate::core::diagnostic::{Diagnostic, Result};

/// The superuser of the clusters.
pub(crate) const SUPERUSER: &str = "postgres";

/// The port names the socket; the folder is the cluster's own, so it can always be the same.
const PORT: u16 = 5432;

/// The longest path of a socket that all systems accept (`sun_path` is 104 bytes on macOS and 108 on Linux).
const MAX_SOCKET_PATH: usize = 103;

/// As long a new server may take to accept connections, and a lock to be had. Making a cluster on a slow machine is
/// what takes long.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often the socket is tried.
const POLL: Duration = Duration::from_millis(5);

/// Changes when the way clusters are made changes.
const LAYOUT: &str = "1";

/// Settings of the server, as `-c name=value`.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "jit=off",
    "max_connections=100",
    // One transaction can create thousands of tables.
    "max_locks_per_transaction=512",
    "shared_buffers=128MB",
    "max_wal_size=4GB",
    "checkpoint_timeout=1d",
    // CREATE PUBLICATION warns on any lower level.
    "wal_level=logical",
    "max_wal_senders=0",
    "max_logical_replication_workers=0",
    "max_parallel_workers_per_gather=0",
    "bgwriter_lru_maxpages=0",
    "logging_collector=off",
    "log_destination=stderr",
    // Failing statements are the jobs' own affair, and their text does not belong in a log.
    "log_min_messages=fatal",
    "log_min_error_statement=panic",
    "timezone=UTC",
    "log_timezone=UTC",
    "cluster_name=trueup",
];

/// A running server that this run uses. Dropping it stops the server when no other run uses it.
pub(crate) struct Cluster {
    folder: PathBuf,
    /// Held exclusively while starting.
    gate: Option<File>,
    /// Held shared while in use.
    users: File,
    /// The server, when this run started it.
    child: Mutex<Option<Child>>,
    /// How to reach the server's `postgres` database as its superuser.
    info: ConnInfo,
    /// Databases that were there when no other run used the server, seen before another could join: nobody's.
    pub leftovers: Vec<String>,
}

/// The account to run PostgreSQL as, when this process is root; none when we are not.
pub(crate) fn run_as() -> Result<Option<Account>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let named = ["postgres", "nobody"].iter().find_map(|name| Account::by_name(name));
    named.or_else(Account::first_ordinary).map(Some).ok_or_else(|| {
        Diagnostic::error("ephemeral", "PostgreSQL refuses to run as root, and there is no other account to run it as")
            .help("run trueup as an ordinary user, or add an account named postgres")
    })
}

impl Cluster {
    /// Starts the server of an installation, or joins it where it runs already, and connects to it.
    pub async fn start(
        installation: &Installation,
        cache: Option<&Path>,
        env: &Environment,
        run_as: Option<&Account>,
    ) -> Result<(Self, Session)> {
        let folder = cluster_folder(installation, cache, env, run_as)?;
        let gate = lock_file(&folder.join("gate.lock"))?;
        acquire(&gate, FlockOperation::NonBlockingLockExclusive, &folder).await?;
        let users = lock_file(&folder.join("users.lock"))?;
        // Nobody takes this lock exclusively without the gate, so it can be had.
        let alone = flock(&users, FlockOperation::NonBlockingLockExclusive).is_ok();
        acquire(&users, FlockOperation::NonBlockingLockShared, &folder).await?;
        let sockets = socket_folder(&folder, run_as)?;
        let info = ConnInfo::private(&sockets.to_string_lossy(), PORT, SUPERUSER, "postgres");
        let mut cluster =
            Self { folder, gate: Some(gate), users, child: Mutex::new(None), info, leftovers: Vec::new() };
        let session = cluster.bring_up(installation, &sockets, run_as).await;
        if let (true, Ok(session)) = (alone, &session) {
            cluster.leftovers = janitor::leftovers(session).await.unwrap_or_default();
        }
        // The gate opens when the file is closed.
        cluster.gate = None;
        session.map(|session| (cluster, session))
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    async fn bring_up(
        &mut self,
        installation: &Installation,
        sockets: &Path,
        run_as: Option<&Account>,
    ) -> Result<Session> {
        let socket = sockets.join(format!(".s.PGSQL.{PORT}"));
        if UnixStream::connect(&socket).is_ok() {
            // Left running by a run that was killed, or in use by another.
            if let Ok(session) = self.wait(Duration::from_secs(10)).await {
                return Ok(session);
            }
        }
        self.clear_stale(sockets).await;
        if self.folder.join("made").exists() {
            // Twice: backends of a killed server may take a moment to let go of the shared memory.
            for pause in [Duration::ZERO, Duration::from_millis(300)] {
                tokio::time::sleep(pause).await;
                self.spawn(installation, sockets, run_as)?;
                match self.wait(PATIENCE).await {
                    Ok(session) => return Ok(session),
                    Err(_) => self.abandon(),
                }
            }
        }
        self.make(installation, run_as)?;
        self.spawn(installation, sockets, run_as)?;
        self.wait(PATIENCE).await
    }

    /// Makes the cluster, in place of one that there may be.
    fn make(&self, installation: &Installation, run_as: Option<&Account>) -> Result<()> {
        let failed = |what: &str, why: String| {
            Diagnostic::error("ephemeral", format!("failed to {what} in {}", self.folder.display())).note(why)
        };
        let marker = self.folder.join("made");
        for path in [&marker, &self.data()] {
            let gone = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
            match gone {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(failed("clear the old cluster away", e.to_string()));
                }
                _ => {}
            }
        }
        let mut initdb = command(&installation.bin, "initdb", run_as);
        initdb.arg("-D").arg(self.data());
        initdb.args(["-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]);
        let output = initdb.output().map_err(|e| failed("run initdb", e.to_string()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(failed("make a cluster (initdb)", said.trim().to_owned()));
        }
        File::create(&marker).map_err(|e| failed("write the marker `made`", e.to_string()))?;
        Ok(())
    }

    fn spawn(&self, installation: &Installation, sockets: &Path, run_as: Option<&Account>) -> Result<()> {
        let failed = |e: io::Error| {
            Diagnostic::error("ephemeral", format!("failed to start {}", installation.bin.join("postgres").display()))
                .note(e.to_string())
        };
        let log = OpenOptions::new().create(true).write(true).truncate(true).open(self.log()).map_err(failed)?;
        let mut postgres = command(&installation.bin, "postgres", run_as);
        postgres.arg("-D").arg(self.data());
        let place = format!("unix_socket_directories={}", quote_list_element(sockets));
        for setting in SETTINGS.iter().copied().chain([place.as_str(), &format!("port={PORT}")]) {
            postgres.args(["-c", setting]);
        }
        postgres.stdout(Stdio::null()).stderr(log);
        // Ctrl-C at the terminal is for us, who stop the server in order.
        postgres.process_group(0);
        let child = postgres.spawn().map_err(failed)?;
        *self.child.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        Ok(())
    }

    /// Connects as soon as the server lets us.
    async fn wait(&self, patience: Duration) -> Result<Session> {
        let began = Instant::now();
        loop {
            match Session::connect(&self.info).await {
                Ok(session) => return Ok(session),
                Err(error) => {
                    let exited = self.exited();
                    if exited || began.elapsed() > patience {
                        let what = if exited {
                            "the ephemeral server ended as it started"
                        } else {
                            "the ephemeral server does not answer"
                        };
                        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
                        let lines: Vec<&str> = log.lines().collect();
                        let last = lines.get(lines.len().saturating_sub(8)..).unwrap_or_default().join("\n");
                        let error = Diagnostic::error("ephemeral", what).note(error.to_string());
                        return Err(if last.is_empty() { error } else { error.note(last) });
                    }
                }
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn exited(&self) -> bool {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        child.as_mut().is_some_and(|c| !matches!(c.try_wait(), Ok(None)))
    }

    /// The process id in `postmaster.pid`.
    fn postmaster(&self) -> Option<Pid> {
        let text = std::fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok().and_then(Pid::from_raw)
    }

    /// Whether a process is this cluster's server and not another that was given its id since.
    fn is_ours(&self, pid: Pid) -> bool {
        if test_kill_process(pid) == Err(rustix::io::Errno::SRCH) {
            return false;
        }
        match std::fs::read_link(format!("/proc/{}/cwd", pid.as_raw_nonzero())) {
            Ok(cwd) => self.data().canonicalize().is_ok_and(|data| data == cwd),
            // Without /proc the id has to do.
            Err(_) => !Path::new("/proc/self").exists(),
        }
    }

    /// Ends a server of this cluster that does not answer, and removes what one that was killed has left.
    async fn clear_stale(&self, sockets: &Path) {
        if let Some(pid) = self.postmaster().filter(|pid| self.is_ours(*pid)) {
            for signal in [Signal::QUIT, Signal::KILL] {
                let _ = kill_process(pid, signal);
                let began = Instant::now();
                while self.is_ours(pid) && began.elapsed() < Duration::from_secs(5) {
                    tokio::time::sleep(POLL).await;
                }
            }
        }
        // PostgreSQL would refuse to start where the id has been given to another process of the account.
        for file in [
            self.data().join("postmaster.pid"),
            sockets.join(format!(".s.PGSQL.{PORT}")),
            sockets.join(format!(".s.PGSQL.{PORT}.lock")),
        ] {
            let _ = std::fs::remove_file(file);
        }
    }

    /// Stops a server that was started here and did not serve.
    fn abandon(&self) {
        if let Some(mut child) = self.child.lock().unwrap_or_else(PoisonError::into_inner).take() {
            stop_child(&mut child);
        }
    }

    fn stop(&self) {
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut child) = child {
            stop_child(&mut child);
            return;
        }
        let Some(pid) = self.postmaster().filter(|pid| self.is_ours(*pid)) else { return };
        // The file goes with the server; the process may stay as a zombie until its parent looks.
        stop_process(pid, || self.postmaster() != Some(pid) || !self.is_ours(pid));
    }
}

/// The ways to stop a server, mildest first, and how long each is waited for. A fast shutdown (SIGINT) ends with a
/// checkpoint: some 15 ms more than an immediate one (SIGQUIT), but the next start needs no recovery and is 50 ms faster.
const STOPPING: &[(Signal, Duration)] = &[
    (Signal::INT, Duration::from_secs(2)),
    (Signal::QUIT, Duration::from_secs(2)),
    (Signal::KILL, Duration::from_secs(2)),
];

/// Signals a server until it is gone.
#[expect(clippy::disallowed_methods, reason = "runs in Drop, which cannot wait in any other way")]
fn stop_process(pid: Pid, mut is_gone: impl FnMut() -> bool) {
    for (signal, patience) in STOPPING {
        if is_gone() || kill_process(pid, *signal).is_err() {
            return;
        }
        let began = Instant::now();
        while !is_gone() && began.elapsed() < *patience {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn stop_child(child: &mut Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // `try_wait` also takes note of the end, so that no zombie is left, nor a signal sent to a reused id.
        stop_process(pid, || !matches!(child.try_wait(), Ok(None)));
    }
}

impl Drop for Cluster {
    /// Stops the server when this was the last user. Takes a few milliseconds; waits for a run that is just starting.
    fn drop(&mut self) {
        // A start that was given up half-way still holds the gate.
        let gate = match self.gate.take() {
            Some(gate) => gate,
            None => {
                let Ok(gate) = lock_file(&self.folder.join("gate.lock")) else { return };
                if flock(&gate, FlockOperation::LockExclusive).is_err() {
                    return;
                }
                gate
            }
        };
        if flock(&self.users, FlockOperation::NonBlockingLockExclusive).is_ok() {
            self.stop();
        } else if let Some(mut child) = self.child.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Others go on using it. When they stop it, its parent, which is this process, has to take note.
            std::thread::spawn(move || child.wait());
        }
        drop(gate);
    }
}

/// An element of a list setting, in double quotes so that commas and blanks mean themselves.
fn quote_list_element(path: &Path) -> String {
    format!("\"{}\"", path.to_string_lossy().replace('"', "\"\""))
}

fn lock_file(path: &Path) -> Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path).map_err(|e| {
        Diagnostic::error("ephemeral", format!("failed to open the lock file {}", path.display())).note(e.to_string())
    })
}

async fn acquire(file: &File, operation: FlockOperation, folder: &Path) -> Result<()> {
    let began = Instant::now();
    loop {
        match flock(file, operation) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) if began.elapsed() < PATIENCE => {
                tokio::time::sleep(POLL).await;
            }
            Err(e) => {
                return Err(Diagnostic::error(
                    "ephemeral",
                    format!("failed to lock the ephemeral server in {}", folder.display()),
                )
                .note(e.to_string())
                .help("is another trueup stuck while starting or stopping it?"));
            }
        }
    }
}

fn short_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(5).map(|b| format!("{b:02x}")).collect()
}

/// The folder of an installation's cluster, made where it is missing.
fn cluster_folder(
    installation: &Installation,
    cache: Option<&Path>,
    env: &Environment,
    run_as: Option<&Account>,
) -> Result<PathBuf> {
    let uid = run_as.map_or_else(|| rustix::process::geteuid().as_raw(), |a| a.uid);
    let own = format!("trueup-{uid}");
    let mut roots = Vec::new();
    match (cache, run_as) {
        (Some(cache), _) => roots.push(cache.to_path_buf()),
        // Root's own folders are closed to the account that runs the server.
        (None, Some(_)) => {}
        (None, None) => {
            let base = env.var("XDG_CACHE_HOME").filter(|v| v.starts_with('/')).map(PathBuf::from);
            roots.extend(base.or_else(|| env.in_home(".cache")).map(|base| base.join("trueup")));
        }
    }
    if cache.is_none() {
        roots.extend([Path::new("/var/tmp").join(&own), std::env::temp_dir().join(&own)]);
    }
    let bin = installation.bin.canonicalize().unwrap_or_else(|_| installation.bin.clone());
    let identity = short_hash(&format!("{LAYOUT}\n{}\n{}", bin.display(), installation.version));
    let name = format!("pg{}-{identity}", installation.major);
    let mut tried = Vec::new();
    for root in roots {
        match private_folder(&root, run_as).and_then(|()| private_folder(&root.join(&name), run_as)) {
            Ok(()) => return Ok(root.join(&name)),
            Err(why) => tried.push(format!("{}: {why}", root.display())),
        }
    }
    let mut error = Diagnostic::error("ephemeral", "there is no folder to keep the ephemeral server in");
    for line in tried {
        error = error.note(line);
    }
    Err(error.help("set XDG_CACHE_HOME to a folder that can be written"))
}

/// Where the socket goes: the cluster's folder, or where its path is too long one in the folder for temporary files.
fn socket_folder(folder: &Path, run_as: Option<&Account>) -> Result<PathBuf> {
    let fits = |folder: &Path| folder.join(format!(".s.PGSQL.{PORT}")).as_os_str().len() <= MAX_SOCKET_PATH;
    // A blank or comma would be in the way of nothing, but a path that is not UTF-8 cannot be passed on.
    if fits(folder) && folder.to_str().is_some() {
        return Ok(folder.to_path_buf());
    }
    let uid = run_as.map_or_else(|| rustix::process::geteuid().as_raw(), |a| a.uid);
    let name = format!("trueup-{uid}-{}", short_hash(&folder.to_string_lossy()));
    let mut why = "the path of the folder for temporary files is too long".to_owned();
    for root in [std::env::temp_dir(), PathBuf::from("/tmp")] {
        let short = root.join(&name);
        if fits(&short) {
            match private_folder(&short, run_as) {
                Ok(()) => return Ok(short),
                Err(e) => why = format!("{}: {e}", short.display()),
            }
        }
    }
    Err(Diagnostic::error("ephemeral", "there is no folder for the ephemeral server's socket").note(why))
}

/// Makes a folder that only its owner may enter, or sees to it that it is one: the server trusts whoever reaches its
/// socket, so a folder that somebody else put there must not be used.
fn private_folder(path: &Path, run_as: Option<&Account>) -> io::Result<()> {
    let owner = run_as.map_or_else(|| rustix::process::geteuid().as_raw(), |a| a.uid);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {
            if let Some(account) = run_as {
                std::os::unix::fs::chown(path, Some(account.uid), Some(account.gid))?;
            }
        }
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(e),
    }
    let meta = std::fs::symlink_metadata(path)?;
    // A folder that the user named may be open for reading; nobody else may write or, for the server, own it.
    if !meta.is_dir() || meta.uid() != owner || meta.mode() & 0o022 != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("it is not a folder that only user id {owner} may write to"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_others_are_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own");
        private_folder(&own, None).unwrap();
        private_folder(&own, None).unwrap();
        std::fs::set_permissions(&own, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        assert!(private_folder(&own, None).is_err());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/tmp", &link).unwrap();
        assert!(private_folder(&link, None).is_err());
    }

    #[test]
    fn socket_paths_stay_short() {
        let long = Path::new("/tmp").join("x".repeat(120));
        let folder = socket_folder(&long, None).unwrap();
        assert!(folder.join(".s.PGSQL.5432").as_os_str().len() <= MAX_SOCKET_PATH);
        std::fs::remove_dir(folder).unwrap();
    }
}
