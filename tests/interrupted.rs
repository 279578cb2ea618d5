//! An apply that is cut off in the middle of a step, in every way there is: the server ends the session, the network goes, the
//! disk is full, ctrl-C, kill -9. The database is then consistent, and the same command again goes on from there.
//!
//! The step hangs at a gate: an event trigger that waits until a row says that it is open. So nothing depends on how fast
//! anything is.
#![allow(clippy::print_stdout, clippy::disallowed_methods, dead_code)]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rustix::process::Signal;
use support::servers::{Database, Server, rows, run, until};
use support::trueup::{Run, Running, start, trueup};

/// Three transactions: a table, an index of another, and a check of its rows. The index's step hangs at the gate.
const PROJECT: &str = "tables:\n  \
    people:\n    columns: {id: int primary key, age: int}\n    constraints: {grown: check (age > 0)}\n    indexes: {people_age: (age)}\n  \
    pets:\n    columns: {id: int primary key}\n";

const BEFORE: &str = "create table people (id int primary key, age int);
    insert into people select i, i from generate_series(1, 100) i;
    create schema hidden;
    create table hidden.gate (open bool);
    create function hidden.wait() returns event_trigger language plpgsql as $$begin
      while not exists (select from hidden.gate where open) loop perform pg_sleep(0.02); end loop;
    end$$;
    create event trigger gate on ddl_command_start when tag in ('CREATE INDEX') execute function hidden.wait();";

/// Whether a session of trueup hangs at the gate, or has nothing left to do with the database.
const AT_THE_GATE: &str = "select exists (select from pg_stat_activity a where a.datname = current_database()
    and a.application_name = 'trueup' and a.query ilike 'create index%' and a.state = 'active' and a.wait_event = 'PgSleep')";
const GONE: &str = "select not exists (select from pg_stat_activity a where a.datname = current_database() and a.application_name = 'trueup')";

struct Case<'a> {
    database: Database<'a>,
    folder: tempfile::TempDir,
    scratch: String,
}

impl<'a> Case<'a> {
    fn new(server: &'a Server, project: &str) -> Self {
        let database = server.database();
        database.load(BEFORE).expect("the database can be made");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("trueup.yaml"), "version: 1\nmanage: {schemas: [public]}\n").expect("a file");
        std::fs::write(folder.path().join("schema.yaml"), project).expect("a file");
        Self { database, folder, scratch: server.scratch() }
    }

    fn arguments<'b>(&'b self, command: &'b str, from: &'b str) -> Vec<&'b str> {
        let mut arguments = vec![command, "--from", from, "--ephemeral", &self.scratch];
        if command == "apply" {
            arguments.push("--yes");
        }
        arguments
    }

    /// Starts an apply and returns when it hangs at the gate.
    fn hanging(&self, from: &str) -> Running {
        let running = start(self.folder.path(), &[], &self.arguments("apply", from));
        until(&self.database.url, "apply hangs at the gate", AT_THE_GATE);
        running
    }

    fn open(&self) {
        run(&self.database.url, "insert into hidden.gate values (true)").expect("the gate opens");
    }

    /// What the cut-off run committed is there, what it did not is not, and the rows are.
    fn is_consistent(&self) {
        let query = "select to_regclass('pets') is not null
            and not exists (select from pg_index i join pg_class c on c.oid = i.indexrelid where c.relname = 'people_age' and i.indisvalid)
            and (select count(*) from people) = 100";
        until(&self.database.url, "what was committed is there, the rest is not", query);
    }

    /// Opens the gate and runs the command again: it finishes.
    fn goes_on(&self) {
        self.open();
        let again = support::trueup::trueup_in(self.folder.path(), &self.arguments("apply", &self.database.url));
        assert_eq!(again.status, 0, "{}", again.report());
        let verify = support::trueup::trueup_in(self.folder.path(), &self.arguments("verify", &self.database.url));
        assert_eq!(verify.status, 0, "{}", verify.report());
        assert_eq!(
            self.database.rows("select count(*), to_regclass('trueup.journal') is null from people").expect("rows"),
            [[Some("100".to_owned()), Some("t".to_owned())]]
        );
    }
}

fn says(run: &Run, words: &[&str]) {
    for word in words {
        assert!(run.stderr.contains(word), "`{word}` is missing: {}", run.stderr);
    }
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}

#[test]
fn a_session_that_the_server_ends() {
    let Some(server) = support::servers::server() else { return };
    let case = Case::new(server, PROJECT);
    let running = case.hanging(&case.database.url);
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'create index%'";
    run(&case.database.url, end).expect("a superuser may");
    let run = running.wait();
    assert_eq!(run.status, 1, "{}", run.report());
    says(&run, &["connection-lost", "people_age", "pg_terminate_backend", "running the command again continues"]);
    case.is_consistent();
    case.goes_on();
}

#[test]
fn control_c() {
    let Some(server) = support::servers::server() else { return };
    let case = Case::new(server, PROJECT);
    let running = case.hanging(&case.database.url);
    running.signal(Signal::INT);
    let run = running.wait();
    assert_eq!(run.status, 130, "{}", run.report());
    says(&run, &["interrupted", "running the same command again goes on"]);
    until(&case.database.url, "the statement ends with the command", GONE);
    case.is_consistent();
    case.goes_on();
}

#[test]
fn kill_9() {
    let Some(server) = support::servers::server() else { return };
    let case = Case::new(server, PROJECT);
    let running = case.hanging(&case.database.url);
    running.signal(Signal::KILL);
    assert_eq!(running.wait().status, -1);
    // The server notices that its client is gone (client_connection_check_interval).
    until(&case.database.url, "the statement ends when its client is gone", GONE);
    case.is_consistent();
    case.goes_on();
}

#[test]
fn a_disk_that_is_full() {
    let Some(server) = support::servers::server() else { return };
    let case = Case::new(server, PROJECT);
    case.open();
    let full = "create function hidden.full() returns event_trigger language plpgsql as $$begin
          raise exception 'could not extend file \"base/5/16403\": No space left on device' using errcode = '53100';
        end$$;
        create event trigger full_disk on ddl_command_start when tag in ('CREATE INDEX') execute function hidden.full()";
    run(&case.database.url, full).expect("an event trigger");
    let arguments = case.arguments("apply", &case.database.url);
    let failed = support::trueup::trueup_in(case.folder.path(), &arguments);
    assert_eq!(failed.status, 1, "{}", failed.report());
    says(
        &failed,
        &[
            "No space left on device",
            "SQLSTATE 53100",
            "the server's disk is full",
            "make room",
            "running the command again continues",
        ],
    );
    case.is_consistent();
    run(&case.database.url, "drop event trigger full_disk").expect("there is room again");
    case.goes_on();
}

/// A network between trueup and a server on a unix socket, that can be cut.
struct Network {
    port: u16,
    streams: Arc<Mutex<Vec<(TcpStream, UnixStream)>>>,
    cut: Arc<AtomicBool>,
}

impl Network {
    fn to(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (streams, cut) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (known, is_cut) = (Arc::clone(&streams), Arc::clone(&cut));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = UnixStream::connect(&socket) else { continue };
                let (Ok(c), Ok(s)) = (client.try_clone(), server.try_clone()) else { continue };
                known.lock().expect("no panic").push((c, s));
                let (Ok(c), Ok(s)) = (client.try_clone(), server.try_clone()) else { continue };
                std::thread::spawn(move || pass(client, s));
                std::thread::spawn(move || pass(server, c));
            }
        });
        Self { port, streams, cut }
    }

    fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        for (client, server) in self.streams.lock().expect("no panic").iter() {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
    }
}

fn pass(mut from: impl Read, mut to: impl Write) {
    let mut buffer = [0; 8192];
    while let Ok(n) = from.read(&mut buffer) {
        if n == 0 || to.write_all(buffer.get(..n).unwrap_or_default()).is_err() {
            break;
        }
    }
}

#[test]
fn a_network_that_goes() {
    let Some(server) = support::servers::server() else { return };
    let case = Case::new(server, PROJECT);
    let answer = rows(
        &case.database.url,
        "select current_database(), current_setting('unix_socket_directories'), current_setting('port')",
    )
    .expect("rows");
    let [Some(name), Some(folder), Some(port)] = answer.first().map(Vec::as_slice).unwrap_or_default() else {
        panic!("no answer");
    };
    let network = Network::to(Path::new(folder).join(format!(".s.PGSQL.{port}")));
    let url = format!("postgres://postgres:s3cret@127.0.0.1:{}/{name}", network.port);
    let running = case.hanging(&url);
    network.cut();
    let run = running.wait();
    assert_eq!(run.status, 1, "{}", run.report());
    says(&run, &["connection-lost", "people_age", "running the command again continues"]);
    assert!(!format!("{}{}", run.stdout, run.stderr).contains("s3cret"), "a password was shown");
    until(&case.database.url, "the statement ends when its client is gone", GONE);
    case.is_consistent();
    case.goes_on();
}

#[test]
fn a_saved_plan_goes_on_where_it_was_cut_off() {
    let Some(server) = support::servers::server() else { return };
    let case = Case::new(server, PROJECT);
    let plan = case.folder.path().join("plan.json").display().to_string();
    let made = trueup(&[
        "plan",
        "--from",
        &case.database.url,
        "--to",
        &case.folder.path().display().to_string(),
        "--out",
        &plan,
        "--ephemeral",
        &case.scratch,
    ]);
    assert_eq!(made.status, 0, "{}", made.report());
    let arguments = ["apply", &plan, "--from", &case.database.url, "--yes"];
    let running = start(case.folder.path(), &[], &arguments);
    until(&case.database.url, "apply hangs at the gate", AT_THE_GATE);
    running.signal(Signal::KILL);
    running.wait();
    until(&case.database.url, "the statement ends when its client is gone", GONE);
    case.is_consistent();
    case.open();
    let again = support::trueup::trueup_in(case.folder.path(), &arguments);
    assert_eq!(again.status, 0, "{}", again.report());
    says(&again, &["going on with a plan"]);
    case.goes_on();
}
