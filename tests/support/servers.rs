//! Throw-away PostgreSQL servers.
//!
//! A server is a cluster in a temporary folder, reached over a unix socket only, with trust and without durability.
//! PostgreSQL refuses to run as root, so as root it runs as `postgres` or `nobody`.
//!
//! **A server does not outlive its test.** It runs under a small shell that waits for the end of its standard input, a
//! pipe whose other end only the test process holds. However that process ends (also by kill -9), the kernel closes the pipe,
//! and the shell stops the server and removes the folder. So a server may live in a `static`, which Rust never drops.
#![allow(clippy::disallowed_methods, reason = "a test waits for processes and connects without the library")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

/// What a test says when there is no PostgreSQL to run on.
const MISSING: &str = "no PostgreSQL server binaries (initdb, postgres) of the needed major version were found in \
     $TRUEUP_PG_BIN, /usr/lib/postgresql/*/bin, /usr/pgsql-*/bin, or <home>/<major>/bin of $TRUEUP_PG_HOMES; \
     install the package postgresql-15 (Debian), postgresql15-server (Red Hat) or set $TRUEUP_PG_BIN";

/// The major version the tests run on where nothing asks for another.
pub const DEFAULT_MAJOR: u32 = 15;

/// The major version of this run: `TRUEUP_MAJOR`, or the default.
pub fn major() -> u32 {
    std::env::var("TRUEUP_MAJOR").ok().and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_MAJOR)
}

/// Whether this run asks for one server, by its version or by its folder.
pub fn is_asked_for() -> bool {
    ["TRUEUP_MAJOR", "TRUEUP_PG_BIN"].iter().any(|name| std::env::var_os(name).is_some())
}

/// Folders with PostgreSQL binaries, in order of preference.
pub fn bin_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("TRUEUP_PG_BIN").map(PathBuf::from).into_iter().collect();
    let mut below = |parent: &Path, prefix: &str, exact: bool| {
        let mut found: Vec<PathBuf> = std::fs::read_dir(parent)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                name.starts_with(prefix) && (exact || name.len() > prefix.len())
            })
            .map(|entry| entry.path().join("bin"))
            .collect();
        found.sort();
        folders.extend(found);
    };
    below(Path::new("/usr/lib/postgresql"), "", true);
    below(Path::new("/usr"), "pgsql-", false);
    let homes = std::env::var("TRUEUP_PG_HOMES").unwrap_or_else(|_| "/var/cache/trueup/postgres:/opt/pgs".into());
    for home in homes.split(':').filter(|home| !home.is_empty()) {
        below(Path::new(home), "", true);
    }
    folders
}

/// The major version of a PostgreSQL program, from `--version`.
pub fn major_of(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The folders that hold a server, by major version.
pub fn installed() -> &'static BTreeMap<u32, PathBuf> {
    static FOUND: OnceLock<BTreeMap<u32, PathBuf>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let mut found = BTreeMap::new();
        for folder in bin_folders() {
            if folder.join("initdb").is_file()
                && let Some(major) = major_of(&folder.join("postgres"))
            {
                found.entry(major).or_insert(folder);
            }
        }
        found
    })
}

/// The unprivileged user that runs the server when the test runs as root.
fn unprivileged() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    ["postgres", "nobody"].iter().find_map(|name| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

fn as_unprivileged(command: &mut Command) -> &mut Command {
    if let Some((user, group)) = unprivileged() {
        command.uid(user).gid(group);
    }
    command
}

/// The folder for clusters: the shared memory of the machine where it has room for them, otherwise the temporary folder.
///
/// A test creates and drops a database every few hundred milliseconds, of 300 files each. ext4 does not use an inode again for five seconds
/// after its file was removed, and looks for another one through all of these: a third of the time of a whole run.
fn place_of_clusters() -> PathBuf {
    const MEMORY: &str = "/dev/shm";
    /// What the servers of all tests that run at once may need: some ten of 200 MB each.
    const ROOM: u64 = 2 << 30;
    let has_room = rustix::fs::statvfs(MEMORY).is_ok_and(|found| found.f_bavail * found.f_frsize >= ROOM)
        && rustix::fs::access(MEMORY, rustix::fs::Access::WRITE_OK).is_ok();
    if has_room { MEMORY.into() } else { std::env::temp_dir() }
}

/// A running throw-away server.
pub struct Server {
    /// Its major version.
    pub major: u32,
    socket: PathBuf,
    port: u16,
    supervisor: Mutex<Child>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(child) = self.supervisor.get_mut() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

/// The server of this run's major version, or `None` with a line that says what to install.
pub fn server() -> Option<&'static Server> {
    server_of(major())
}

/// The server of a major version that all tests of this process share; `None` (said in a line) where there is none.
pub fn server_of(major: u32) -> Option<&'static Server> {
    match installed().get(&major) {
        Some(bin) => server_in(bin),
        None => {
            println!("SKIPPED: PostgreSQL {major}: {MISSING}");
            None
        }
    }
}

/// The server with the binaries of a folder that all tests of this process share; `None` (said in a line) where it does not start.
fn server_in(bin: &Path) -> Option<&'static Server> {
    static SERVERS: OnceLock<Mutex<BTreeMap<PathBuf, Option<&'static Server>>>> = OnceLock::new();
    let mut servers = SERVERS.get_or_init(Mutex::default).lock().expect("another test failed to start a server");
    *servers.entry(bin.to_owned()).or_insert_with(|| match Server::start_in(bin) {
        Ok(server) => Some(Box::leak(Box::new(server))),
        Err(why) => {
            println!("SKIPPED: {}: {why}", bin.display());
            None
        }
    })
}

/// The server that `TRUEUP_SCRATCH` names, by its major version or by the folder of its binaries. A name for which there is
/// no server fails the test: a run that asks for two servers must not pass on one.
fn other_scratch() -> Option<&'static Server> {
    let wanted = std::env::var("TRUEUP_SCRATCH").ok().filter(|text| !text.is_empty())?;
    let found = match wanted.parse() {
        Ok(major) => server_of(major),
        Err(_) => server_in(Path::new(&wanted)),
    };
    Some(found.unwrap_or_else(|| panic!("TRUEUP_SCRATCH={wanted}: there is no such server")))
}

impl Server {
    /// Starts a cluster of its own; it ends with the value or with the process.
    pub fn start(major: u32) -> Result<Server, String> {
        Server::start_in(installed().get(&major).ok_or(MISSING)?)
    }

    /// As [`Server::start`], with the binaries of a folder.
    fn start_in(bin: &Path) -> Result<Server, String> {
        let major = major_of(&bin.join("postgres")).ok_or_else(|| format!("{}: no postgres", bin.display()))?;
        let home = tempfile::Builder::new()
            .prefix("trueup-test-")
            .tempdir_in(place_of_clusters())
            .map_err(|error| format!("no temporary folder: {error}"))?
            .keep();
        let socket = home.join("socket");
        std::fs::create_dir(&socket).map_err(|error| error.to_string())?;
        if let Some((user, group)) = unprivileged() {
            for folder in [&home, &socket] {
                chown(folder, Some(user), Some(group)).map_err(|error| error.to_string())?;
            }
        }
        // Other users (the one trueup runs as) must reach the socket.
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())?;

        let data = home.join("data");
        let made =
            as_unprivileged(Command::new(bin.join("initdb")).args(["--no-sync", "-A", "trust", "-U", "postgres"]))
                .args(["-E", "UTF8", "--locale", "C", "-D"])
                .arg(&data)
                .current_dir(&home)
                .stdin(Stdio::null())
                .output()
                .map_err(|error| format!("initdb does not start: {error}"))?;
        if !made.status.success() {
            let _ = std::fs::remove_dir_all(&home);
            return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr).trim()));
        }

        // The port only names the socket file, so it need not be free.
        let port = 5432;
        let settings = [
            format!("unix_socket_directories={}", socket.display()),
            format!("port={port}"),
            "listen_addresses=".into(),
            "fsync=off".into(),
            "synchronous_commit=off".into(),
            "full_page_writes=off".into(),
            "max_connections=60".into(),
            "max_locks_per_transaction=512".into(),
            "shared_buffers=128MB".into(),
            "autovacuum=off".into(),
            "jit=off".into(),
            // More would fill the memory that the cluster may be in; a database that is copied or dropped makes a checkpoint anyway.
            "max_wal_size=512MB".into(),
            "checkpoint_timeout=1h".into(),
            "wal_level=logical".into(),
            "logging_collector=off".into(),
        ];
        let mut script = String::from("\"$1\" -D \"$2\"");
        for setting in &settings {
            let _ = write!(script, " -c '{setting}'");
        }
        script.push_str(" </dev/null >\"$3/log\" 2>&1 &\nserver=$!\ncat >/dev/null\nkill -QUIT $server\nwait $server\nrm -rf \"$3\"\n");
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).arg("supervisor").arg(bin.join("postgres")).arg(&data).arg(&home);
        // Its own process group: an interrupt from the keyboard must reach the test, not the shell that cleans up after it.
        command.process_group(0).current_dir(&home).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = as_unprivileged(&mut command).spawn().map_err(|error| format!("sh does not start: {error}"))?;
        let server = Server { major, socket, port, supervisor: Mutex::new(child) };
        let deadline = Instant::now() + Duration::from_secs(30);
        while let Err(error) = run(&server.url("postgres"), "select 1") {
            if Instant::now() > deadline {
                let log = std::fs::read_to_string(home.join("log")).unwrap_or_default();
                return Err(format!("the server does not answer: {error}\n{log}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// How to reach a database of this server; what trueup gets as `--from` and the like.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@/{database}?host={}&port={}", self.socket.display(), self.port)
    }

    /// Where trueup may create scratch databases on this server (`--ephemeral`).
    pub fn ephemeral(&self) -> String {
        self.url("postgres")
    }

    /// Where trueup may create scratch databases: on this server, or on the one that `TRUEUP_SCRATCH` names for the run's major version.
    pub fn scratch(&self) -> String {
        self.other_scratch().unwrap_or(self).ephemeral()
    }

    /// The server that `TRUEUP_SCRATCH` names for the run's major version.
    pub fn other_scratch(&self) -> Option<&'static Server> {
        // A test that goes over the versions takes others by itself, for which that server may be too old.
        if self.major == major() { other_scratch() } else { None }
    }

    /// A new, empty database under a name of its own; dropped with the value.
    pub fn database(&self) -> Database<'_> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        // With fsync off, copying files is the faster strategy on a new cluster (35 ms against 50).
        let strategy = if self.major >= 15 { " strategy file_copy" } else { "" };
        let sql = format!("create database {name} template template0{strategy}");
        retrying(|| run(&self.ephemeral(), &sql)).expect("a throw-away database can be created");
        Database { server: self, url: self.url(&name), name }
    }

    /// Removes what a case left behind in the cluster (roles, databases that are not ours) and names the databases.
    ///
    /// Only for a server that nothing else uses at the moment.
    pub fn sweep(&self) -> Vec<String> {
        let left = rows(&self.ephemeral(), "select datname from pg_database where oid >= 16384").unwrap_or_default();
        let left: Vec<String> = left.into_iter().flatten().flatten().collect();
        for name in &left {
            let _ = run(&self.ephemeral(), &format!("drop database {} with (force)", quoted(name)));
        }
        let roles = rows(&self.ephemeral(), "select rolname from pg_roles where oid >= 16384").unwrap_or_default();
        for role in roles.into_iter().flatten().flatten() {
            let _ = run(&self.ephemeral(), &format!("drop role {}", quoted(&role)));
        }
        left
    }
}

/// A throw-away database.
pub struct Database<'a> {
    /// The server it is on.
    pub server: &'a Server,
    /// How to reach it.
    pub url: String,
    name: String,
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        let drop = format!("drop database {} with (force)", self.name);
        if run(&self.server.ephemeral(), &drop).is_err() {
            // A database with subscriptions cannot be dropped.
            let found = rows(
                &self.url,
                "select subname from pg_subscription s join pg_database d on d.oid = s.subdbid \
                 where d.datname = current_database()",
            );
            for name in found.unwrap_or_default().into_iter().flatten().flatten() {
                let name = quoted(&name);
                let _ = run(&self.url, &format!("alter subscription {name} disable"));
                let _ = run(&self.url, &format!("alter subscription {name} set (slot_name = none)"));
                let _ = run(&self.url, &format!("drop subscription {name}"));
            }
            let _ = run(&self.server.ephemeral(), &drop);
        }
    }
}

impl Database<'_> {
    /// Runs a whole SQL file, as psql would: what only psql understands is left out, a role that exists already is no error.
    ///
    /// Roles that the file names and nobody created are created: some fixtures take them for granted.
    /// First as one string, which is fast; where that fails (CREATE INDEX CONCURRENTLY, an enum value used where it was added),
    /// statement by statement in one session.
    pub fn load(&self, sql: &str) -> Result<(), String> {
        let sql: String = sql.lines().filter(|line| !line.starts_with('\\')).fold(String::new(), |mut text, line| {
            text.push_str(line);
            text.push('\n');
            text
        });
        if sql.trim().is_empty() {
            return Ok(());
        }
        // One missing role is reported at a time.
        for _ in 0..10 {
            match retrying(|| run(&self.url, &sql)) {
                Ok(()) => return Ok(()),
                Err(error) => match missing_role(&error) {
                    Some(role) => drop(run(&self.url, &format!("create role {}", quoted(role)))),
                    None => break,
                },
            }
        }
        let statements = pg_query::split_with_scanner(&sql).map_err(|error| error.to_string())?;
        block_on(async {
            let client = connect(&self.url).await.map_err(|error| describe(&error))?;
            for statement in statements {
                match client.simple_query(statement).await {
                    Ok(_) => {}
                    Err(error) if error.code() == Some(&SqlState::DUPLICATE_OBJECT) && creates_role(statement) => {}
                    Err(error) => {
                        let start: String = statement.trim().chars().take(80).collect();
                        return Err(format!("{} in: {}", describe(&error), start.replace('\n', " ")));
                    }
                }
            }
            Ok(())
        })
    }

    /// The rows of a query, every value as text.
    pub fn rows(&self, query: &str) -> Result<Vec<Vec<Option<String>>>, String> {
        rows(&self.url, query).map_err(|error| describe(&error))
    }

    /// How many rows each table holds, by its qualified name.
    pub fn row_counts(&self) -> BTreeMap<String, u64> {
        let tables = self
            .rows(
                "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                 where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'trueup') \
                 and not c.relispartition order by 1",
            )
            .unwrap_or_default();
        let names: Vec<String> = tables.into_iter().flatten().flatten().collect();
        if names.is_empty() {
            return BTreeMap::new();
        }
        let parts: Vec<String> = names.iter().map(|name| format!("(select count(*) from {name})")).collect();
        // The number of target columns is limited; real schemas have more tables than that.
        let mut counts = BTreeMap::new();
        for (names, parts) in names.chunks(500).zip(parts.chunks(500)) {
            let values = self.rows(&format!("select {}", parts.join(", "))).unwrap_or_default();
            let values =
                values.into_iter().flatten().map(|value| value.and_then(|text| text.parse().ok()).unwrap_or(0));
            counts.extend(names.iter().cloned().zip(values));
        }
        counts
    }
}

/// The role of a `role "x" does not exist`.
fn missing_role(error: &tokio_postgres::Error) -> Option<&str> {
    error.as_db_error()?.message().strip_prefix("role \"")?.strip_suffix("\" does not exist")
}

fn creates_role(statement: &str) -> bool {
    let text = statement.to_ascii_lowercase();
    text.contains("create role") || text.contains("create user") || text.contains("create group")
}

/// An identifier in double quotes, whatever it holds.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// An error of the server with its detail, which says more than the client's own words.
pub fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => match db.detail() {
            Some(detail) => format!("{} ({detail})", db.message()),
            None => db.message().to_string(),
        },
        None => format!("{error}: {:?}", std::error::Error::source(error).map(ToString::to_string)),
    }
}

/// Repeats what failed because another session of the same cluster was doing the same at that moment.
fn retrying<T>(work: impl Fn() -> Result<T, tokio_postgres::Error>) -> Result<T, tokio_postgres::Error> {
    let mut tries = 0;
    loop {
        match work() {
            Err(error) if tries < 5 && is_collision(&error) => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(30 * tries));
            }
            result => return result,
        }
    }
}

fn is_collision(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|db| {
        db.message().contains("concurrently updated")
            || (db.code() == &SqlState::UNIQUE_VIOLATION && db.message().contains("pg_"))
            || db.code() == &SqlState::OBJECT_IN_USE
    })
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let build = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().expect("a runtime")
    };
    RUNTIME.get_or_init(build).block_on(work)
}

async fn connect(url: &str) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Runs SQL in a session of its own.
pub fn run(url: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
    block_on(async { connect(url).await?.batch_execute(sql).await })
}

/// Runs one statement after the other in one session until `next` gives none, and tells `took` how long each took.
pub fn in_one_session(url: &str, mut next: impl FnMut() -> Option<String>, mut took: impl FnMut(Duration)) {
    let Ok(client) = block_on(connect(url)) else { return };
    while let Some(sql) = next() {
        let began = Instant::now();
        if block_on(client.batch_execute(&sql)).is_err() {
            return;
        }
        took(began.elapsed());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Runs strings one after the other in one session.
pub fn run_all(url: &str, all: &[&str]) -> Result<(), tokio_postgres::Error> {
    block_on(async {
        let client = connect(url).await?;
        for sql in all {
            client.batch_execute(sql).await?;
        }
        Ok(())
    })
}

/// The rows of a query in a session of its own, every value as text.
pub fn rows(url: &str, query: &str) -> Result<Vec<Vec<Option<String>>>, tokio_postgres::Error> {
    block_on(async {
        let messages = connect(url).await?.simple_query(query).await?;
        let found = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|i| row.get(i).map(String::from)).collect()),
            _ => None,
        });
        Ok(found.collect())
    })
}

/// Waits until a query gives `t`; panics when that takes longer than anything should.
pub fn until(url: &str, what: &str, query: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let found = rows(url, query).ok().and_then(|rows| rows.into_iter().flatten().next().flatten());
        if found.as_deref() == Some("t") {
            return;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
