//! Runs that are cut off: killed where the journal is written, killed between batches.

use std::path::Path;
use std::process::{Child, Stdio};

use super::support::judge::{Options, judge};
use super::support::servers::{Database, Server, run as execute, server};
use super::support::trueup::{FINE, command};
use super::{apply, example, in_parallel, loaded, on, one, until};

/// Starts `apply` and does not wait for it.
pub(super) fn start(database: &Database, project: &str, more: &[&str]) -> Child {
    let scratch = database.server.scratch();
    let mut arguments = vec!["apply", "--yes", "--from", &database.url, "--to", project, "--ephemeral", &scratch];
    arguments.extend(more);
    command(Path::new(env!("CARGO_TARGET_TMPDIR")), &[], &arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the trueup binary of this build starts")
}

/// A row that the run cannot get past until the gate is opened.
pub(super) struct Gate<'a> {
    database: &'a Database<'a>,
    holder: std::thread::JoinHandle<()>,
}

impl<'a> Gate<'a> {
    pub(super) fn at_row(database: &'a Database<'a>, table: &str, id: u32) -> Self {
        let (url, sql) = (
            database.url.clone(),
            // It ends when another session lets it: an advisory lock that the opener takes.
            format!(
                "set application_name = 'gate'; begin; select from {table} where id = {id} for update; select pg_sleep(600)"
            ),
        );
        let holder = std::thread::spawn(move || {
            let _ = execute(&url, &sql);
        });
        let gate = Self { database, holder };
        until("the gate is closed", || {
            one(
                database,
                "select count(*) from pg_stat_activity where application_name = 'gate' and wait_event = 'PgSleep' and datname = current_database()",
            ) == "1"
        });
        gate
    }

    /// Waits until the run stands before the gate.
    pub(super) fn reached(&self, child: &mut Child) {
        until("the run comes to the gate", || {
            assert!(child.try_wait().expect("the child is ours").is_none(), "it ended before it came to the gate");
            one(
                self.database,
                "select count(*) > 0 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
            ) == "t"
        });
    }

    pub(super) fn open(self) {
        let _ = one(
            self.database,
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'gate' and datname = current_database()",
        );
        let _ = self.holder.join();
    }
}

/// A journal that holds the run when it is written for the n-th time. It has the shape of the one that a run makes.
fn pause_at(database: &Database, n: u32) {
    let history = "create schema trueup;
        create table trueup.history (id bigint generated always as identity primary key, run text not null, plan text not null,
          from_state text not null, step integer not null, sql_hash text not null, object text not null, phase text not null,
          status text not null check (status in ('started', 'done', 'failed')), sqlstate text, started_at timestamptz not null,
          finished_at timestamptz, pid integer not null default pg_catalog.pg_backend_pid(), role text not null default current_user);
        create schema pause; create sequence pause.n;
  create function pause.wait() returns trigger language plpgsql as $$
        begin
          if nextval('pause.n') = current_setting('pause.at')::int then perform pg_sleep(600); end if;
          return new;
        end $$;
        create trigger wait before insert or update on trueup.history for each statement execute function pause.wait();";
    execute(&database.url, history).expect("a journal");
    let name = one(database, "select current_database()");
    execute(&database.url, &format!("alter database {name} set pause.at = {n}")).expect("a setting");
}

/// Kills a run where the journal is written for the n-th time; whether it came so far.
fn kill_at_journal(database: &Database, project: &str, n: u32, more: &[&str]) -> bool {
    pause_at(database, n);
    let mut child = start(database, project, more);
    let mut ended = None;
    until("the run pauses or ends", || {
        ended = child.try_wait().expect("the child is ours");
        ended.is_some()
            || one(
                database,
                "select count(*) > 0 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()",
            ) == "t"
    });
    if let Some(status) = ended {
        assert!(status.success(), "{n}: {status}");
        return false;
    }
    child.kill().expect("it is killed");
    let _ = child.wait();
    true
}

/// The archive's tables carry the date of the day.
const UNDATE: &str = "do $$ declare t record; begin
    for t in select relname from pg_class where relkind = 'r' and relnamespace = to_regnamespace('archive') loop
      execute format('alter table archive.%I rename to %I', t.relname, regexp_replace(t.relname, '[0-9]{8}$', 'date'));
    end loop; end $$; drop schema if exists pause cascade";

/// An example, gone through without interruption.
pub(super) fn uninterrupted<'a>(server: &'a Server, name: &str, more: &[&str]) -> Database<'a> {
    let folder = example(name);
    let before = std::fs::read_to_string(folder.join("before.sql")).expect("before.sql");
    let database = loaded(server, &before);
    let run = apply(&database, &folder.display().to_string(), more);
    assert_eq!(run.status, FINE, "{}", run.report());
    claims_hold(&database, name);
    execute(&database.url, UNDATE).expect("the archive has no date");
    database
}

fn claims_hold(database: &Database, name: &str) {
    let claims = std::fs::read_to_string(example(name).join("expect.sql")).expect("expect.sql");
    for claim in database.rows(&claims).expect("the claims can be asked") {
        assert_eq!(claim.last().and_then(Option::as_deref), Some("t"), "{claim:?}");
    }
}

/// Runs again, and compares with the database where nothing happened.
fn finish_and_compare(database: &Database, name: &str, at: &str, more: &[&str], expected: &Database) {
    let project = example(name).display().to_string();
    let run = apply(database, &project, more);
    assert_eq!(run.status, FINE, "{at}: {}", run.report());
    let verify = on(database, &project, &["verify"]);
    assert_eq!(verify.status, FINE, "{at}: {}", verify.report());
    claims_hold(database, name);
    execute(&database.url, UNDATE).expect("the archive has no date");
    let verdict = judge(expected, database, Options::default()).expect("two dumps");
    assert!(verdict.same(), "{at}: {}", verdict.report());
    assert_eq!(database.row_counts(), expected.row_counts(), "{at}");
}

/// Kills the example at every n-th place where the journal is written.
fn killed_everywhere(name: &str, every: usize, more: &[&str]) {
    let Some(server) = server() else { return };
    let expected = uninterrupted(server, name, more);
    let folder = example(name);
    let before = std::fs::read_to_string(folder.join("before.sql")).expect("before.sql");
    // How often the journal is written, the last time when nothing more is held.
    let points: Vec<u32> = (1..200).step_by(every).collect();
    let (next, end) = (std::sync::atomic::AtomicUsize::new(0), std::sync::atomic::AtomicBool::new(false));
    let killed = in_parallel(&[0; 2], |_, _| {
        let mut killed = 0;
        while !end.load(std::sync::atomic::Ordering::SeqCst) {
            let at = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let n = *points.get(at).expect("the plan has fewer steps than that");
            let database = loaded(server, &before);
            if kill_at_journal(&database, &folder.display().to_string(), n, more) {
                killed += 1;
            } else {
                end.store(true, std::sync::atomic::Ordering::SeqCst);
            }
            finish_and_compare(&database, name, &format!("killed at {n}"), more, &expected);
        }
        killed
    });
    let killed: usize = killed.into_iter().sum();
    println!("{name}: killed at {killed} places");
    assert!(killed >= 4, "killed at {killed} places only");
}

#[test]
fn leads_killed_anywhere_end_the_same() {
    killed_everywhere("leads", 2, &[]);
}

#[test]
fn profiles_killed_anywhere_end_the_same() {
    killed_everywhere("profiles", 3, &["--allow", "data-loss,drop"]);
}

#[test]
fn leads_killed_between_batches_end_the_same() {
    let Some(server) = server() else { return };
    let expected = uninterrupted(server, "leads", &[]);
    let project = example("leads").display().to_string();
    let before = std::fs::read_to_string(example("leads").join("before.sql")).expect("before.sql");
    for id in [1, 2_001, 50_001, 99_999] {
        let database = loaded(server, &before);
        // A row that is locked would hold up the new column, too.
        let expanded = apply(&database, &project, &["--until", "expand"]);
        assert_eq!(expanded.status, FINE, "{}", expanded.report());
        let gate = Gate::at_row(&database, "leads_master", id);
        let mut child = start(&database, &project, &[]);
        gate.reached(&mut child);
        child.kill().expect("it is killed");
        let _ = child.wait();
        let linked = one(&database, "select count(*) from leads_master where customer_id is not null");
        let linked: u32 = linked.parse().expect("a number");
        gate.open();
        assert!(linked < 90_000 && (linked > 0) == (id > 1_000), "{linked} of 90,000 are linked before {id}");
        finish_and_compare(&database, "leads", &format!("killed before {id}"), &[], &expected);
    }
}
