//! Runs plans against a throw-away server: locks, retries, failures half-way, resumption, the journal.

#![expect(clippy::print_stdout, reason = "a test that cannot run says so")]

use std::sync::Mutex;
use std::time::{Duration, Instant};

use trueup::apply::{self, ApplyObserver, RunOptions, Silent};
use trueup::core::id::ObjectId;
use trueup::core::step::{HazardKind, LockMode, Phase, Step, Transaction};
use trueup::declare::build::build;
use trueup::kinds::KindTag;
use trueup::plan::{Plan, PlanTransaction};
use trueup::postgres::ephemeral::{Ephemeral, EphemeralOptions, ScratchDatabase};
use trueup::postgres::{ConnInfo, Session};

/// What an observer was told.
#[derive(Default)]
struct Told {
    blockers: Mutex<Vec<String>>,
    notes: Mutex<Vec<String>>,
    finished: Mutex<Vec<usize>>,
}

impl ApplyObserver for Told {
    fn step_finished(&self, index: usize, _step: &Step, _took: Duration) {
        self.finished.lock().expect("no panic").push(index);
    }

    fn waiting_for_lock(&self, _step: &Step, _attempt: u32, blockers: &[String]) {
        self.blockers.lock().expect("no panic").extend_from_slice(blockers);
    }

    fn note(&self, text: &str) {
        self.notes.lock().expect("no panic").push(text.to_owned());
    }
}

/// A database of its own with a table `t` of two rows, or `None` where there is no PostgreSQL to run on.
async fn database() -> Option<(Ephemeral, ScratchDatabase, Session)> {
    let server = match Ephemeral::start(&EphemeralOptions::default()).await {
        Ok(server) => server,
        Err(error) => {
            println!("SKIPPED: {error}");
            return None;
        }
    };
    let database = server.create_database().await.expect("a database can be made");
    let session = database.connect().await.expect("it can be reached");
    session.batch("create table public.t (a int); insert into t values (1), (1)").await.expect("a table");
    Some((server, database, session))
}

async fn connect(info: &ConnInfo) -> Session {
    Session::connect(info).await.expect("the database can be reached")
}

fn table(name: &str) -> ObjectId {
    ObjectId::in_schema(KindTag::Table, "public", name)
}

fn add_column(column: &str) -> Step {
    let t = table("t");
    Step::alter(&t.child(KindTag::Column, column), format!("ALTER TABLE public.t ADD COLUMN {column} int"))
        .lock(LockMode::AccessExclusive, &t)
}

fn index(unique: bool) -> Step {
    let id = ObjectId::in_schema(KindTag::Index, "public", "t_a_idx");
    let unique = if unique { "UNIQUE " } else { "" };
    let mut step = Step::create(&id, format!("CREATE {unique}INDEX CONCURRENTLY t_a_idx ON public.t (a)"))
        .lock(LockMode::ShareUpdateExclusive, &table("t"))
        .transaction(Transaction::None)
        .done_when("SELECT coalesce((SELECT indisvalid FROM pg_catalog.pg_index WHERE indexrelid = to_regclass('public.t_a_idx')), false)");
    step.cleanup = Some("DROP INDEX CONCURRENTLY IF EXISTS public.t_a_idx".into());
    step
}

fn plan(transactions: Vec<Vec<Step>>) -> Plan {
    let transactions = transactions
        .into_iter()
        .map(|steps| {
            let first = steps.first().expect("a step");
            PlanTransaction { mode: first.transaction, phase: first.phase, steps }
        })
        .collect();
    Plan { trueup_plan: 1, search_path: vec!["public".into()], transactions, ..Plan::default() }
}

fn quick() -> RunOptions {
    RunOptions { lock_timeout: Duration::from_millis(300), lock_attempts: 3, ..RunOptions::default() }
}

async fn one(session: &Session, query: &str) -> String {
    let rows = session.rows(query).await.expect("the query runs");
    rows.first().and_then(|r| r.first()).cloned().flatten().unwrap_or_default()
}

/// Waits for something to be so, as long as a slow machine may need; what comes after finds out when it never is.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_so().await && began.elapsed() < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many statements that hold `pg_sleep` a backend runs at the moment.
fn sleeping(pid: i32) -> String {
    format!("select count(*) from pg_stat_activity where state = 'active' and wait_event = 'PgSleep' and pid = {pid}")
}

const COLUMNS: &str = "select string_agg(attname, ',' order by attnum) from pg_attribute where attrelid = 'public.t'::regclass and attnum > 0";

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_held_names_its_holder_and_refuses() {
    let Some((_server, database, session)) = database().await else { return };
    let other = connect(database.info()).await;
    other.batch("set application_name = 'reports'; begin; select * from public.t").await.expect("it reads");
    let told = Told::default();
    let error =
        apply::run(&session, &plan(vec![vec![add_column("b")]]), &quick(), &told).await.expect_err("the lock is held");
    assert_eq!(error.code, "lock-not-available");
    assert!(
        error.notes.iter().any(|n| n.contains("application reports") && n.contains("idle in transaction")),
        "{error:?}"
    );
    assert!(error.help.iter().any(|h| h.contains("running the command again")), "{error:?}");
    assert!(told.blockers.lock().expect("no panic").iter().all(|b| b.contains("reports")));
    assert_eq!(one(&session, COLUMNS).await, "a");
    assert_eq!(one(&session, "show lock_timeout").await, "0", "the session has its own settings back");
    assert_eq!(one(&session, "select string_agg(status || sqlstate, ',') from trueup.history").await, "failed55P03");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_given_back_is_got_by_a_later_attempt() {
    let Some((_server, database, session)) = database().await else { return };
    let other = connect(database.info()).await;
    other.batch("begin; select * from public.t").await.expect("it reads");
    let told = Told::default();
    let options = RunOptions { lock_attempts: 1000, ..quick() };
    let plan = plan(vec![vec![add_column("b")]]);
    let (report, ()) = tokio::join!(apply::run(&session, &plan, &options, &told), async {
        until(async || !told.blockers.lock().expect("no panic").is_empty()).await;
        other.batch("commit").await.expect("it commits");
    });
    assert_eq!(report.expect("it gets the lock").steps_done, 1);
    assert!(!told.blockers.lock().expect("no panic").is_empty());
    assert_eq!(one(&session, COLUMNS).await, "a,b");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_leaves_what_was_committed_and_a_saved_plan_goes_on() {
    let Some((_server, _database, session)) = database().await else { return };
    let check =
        Step::alter(&table("t"), "ALTER TABLE public.t ADD CONSTRAINT c CHECK (a > 1)").transaction(Transaction::Own);
    let plan = plan(vec![vec![add_column("b")], vec![add_column("c"), check]]);
    let error = apply::run(&session, &plan, &quick(), &Silent).await.expect_err("a row violates the check");
    assert_eq!(error.code, "step-failed");
    assert!(error.message.starts_with("step 3 of 3"), "{}", error.message);
    assert!(error.notes.iter().any(|n| n == "1 step was committed before it"), "{error:?}");
    assert!(error.notes.iter().any(|n| n == "its transaction was rolled back"), "{error:?}");
    assert_eq!(one(&session, COLUMNS).await, "a,b");
    let history = "select string_agg(step || status, ',' order by id) from trueup.history";
    assert_eq!(one(&session, history).await, "0done,2failed");

    session.batch("update public.t set a = 2").await.expect("the rows are mended");
    let told = Told::default();
    let report = apply::run(&session, &plan, &RunOptions { resume: true, ..quick() }, &told).await.expect("it goes on");
    assert_eq!((report.steps_done, report.transactions), (3, 1));
    assert_eq!(*told.finished.lock().expect("no panic"), [1, 2]);
    assert_eq!(one(&session, history).await, "0done,2failed,1done,2done");
    assert!(apply::progress(&session, &plan).await.expect("a journal").done.is_empty(), "a finished plan starts anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_index_is_removed_on_failure_and_rebuilt_by_the_next_run() {
    let Some((_server, _database, session)) = database().await else { return };
    let exists = "select to_regclass('public.t_a_idx') is not null";
    let plan = plan(vec![vec![index(true)]]);
    let error = apply::run(&session, &plan, &quick(), &Silent).await.expect_err("the rows are not unique");
    assert_eq!(error.code, "step-failed");
    assert_eq!(one(&session, exists).await, "f", "nothing invalid is left");
    assert_eq!(one(&session, "select status || sqlstate from trueup.history").await, "failed23505");

    // As a run leaves it that was cut off.
    session
        .batch("create unique index concurrently t_a_idx on public.t (a)")
        .await
        .expect_err("the rows are not unique");
    assert_eq!(one(&session, exists).await, "t");
    session.batch("delete from public.t where ctid = '(0,1)'").await.expect("the rows are mended");
    apply::run(&session, &plan, &quick(), &Silent).await.expect("the index is built");
    let valid = "select indisvalid from pg_index where indexrelid = 'public.t_a_idx'::regclass";
    assert_eq!(one(&session, valid).await, "t");

    let told = Told::default();
    apply::run(&session, &plan, &quick(), &told).await.expect("it is there already");
    assert!(told.notes.lock().expect("no panic").iter().any(|n| n.contains("done already")));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_index_builds_outwait_the_lock_timeout() {
    let Some((_server, database, session)) = database().await else { return };
    let other = connect(database.info()).await;
    other.batch("begin; insert into public.t values (5)").await.expect("it writes");
    let told = Told::default();
    let plan = plan(vec![vec![index(false)]]);
    let options = quick();
    let (report, ()) = tokio::join!(apply::run(&session, &plan, &options, &told), async {
        until(async || !told.blockers.lock().expect("no panic").is_empty()).await;
        tokio::time::sleep(options.lock_timeout * 3).await;
        other.batch("commit").await.expect("it commits");
    });
    report.expect("the index is built");
    assert!(!told.blockers.lock().expect("no panic").is_empty(), "whom it waits for is said");
    assert_eq!(one(&session, "select status from trueup.history").await, "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn phases_stop_where_asked() {
    let Some((_server, _database, session)) = database().await else { return };
    let drop = Step::drop(&table("t"), "DROP TABLE public.t");
    let plan = plan(vec![vec![add_column("b")], vec![drop]]);
    let report = apply::run(&session, &plan, &RunOptions { until: Some(Phase::Expand), ..quick() }, &Silent)
        .await
        .expect("it runs");
    assert_eq!((report.steps_done, report.remaining), (1, 1));
    assert_eq!(one(&session, COLUMNS).await, "a,b");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_at_a_time() {
    let Some((_server, database, session)) = database().await else { return };
    let other = connect(database.info()).await;
    apply::lock::acquire(&other, Duration::ZERO, &Silent).await.expect("the lock is free");
    let plan = plan(vec![vec![add_column("b")]]);
    let error = apply::run(&session, &plan, &quick(), &Silent).await.expect_err("another has the lock");
    assert_eq!(error.code, "already-applying");
    let pid = format!("pid {}", other.backend_pid());
    assert!(error.notes.iter().any(|n| n.contains(&pid)), "{error:?}");
    apply::lock::release(&other).await;
    apply::run(&session, &plan, &quick(), &Silent).await.expect("the lock is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_run_ends_its_statement() {
    let Some((_server, database, session)) = database().await else { return };
    let slow = plan(vec![vec![Step::data(&table("t"), "SELECT pg_catalog.pg_sleep(60)")]]);
    let options = quick();
    let other = connect(database.info()).await;
    tokio::select! {
        _ = apply::run(&session, &slow, &options, &Silent) => panic!("it is still running"),
        () = until(async || one(&other, &sleeping(session.backend_pid())).await == "1") => {}
    }
    let asleep = sleeping(session.backend_pid());
    until(async || one(&other, &asleep).await == "0").await;
    assert_eq!(one(&other, &asleep).await, "0", "the statement goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_privileges_there_is_no_journal() {
    let Some((_server, database, session)) = database().await else { return };
    let role = format!("apply_{}", session.backend_pid());
    session
        .batch(&format!(
            "create role {role}; alter table public.t owner to {role}; grant create on schema public to {role}"
        ))
        .await
        .expect("a role");
    let limited = connect(database.info()).await;
    limited.batch(&format!("set session authorization {role}")).await.expect("a superuser may");
    let told = Told::default();
    let ran = apply::run(&limited, &plan(vec![vec![add_column("b")]]), &quick(), &told).await;
    drop(limited);
    let columns = one(&session, COLUMNS).await;
    session.batch(&format!("drop owned by {role}; drop role {role}")).await.expect("the role goes");
    ran.expect("it runs without a journal");
    assert_eq!(columns, "a,b");
    assert!(told.notes.lock().expect("no panic").iter().any(|n| n.contains("without a journal")));
}

#[tokio::test(flavor = "multi_thread")]
async fn scratch_builds_find_their_order() {
    let Some((_server, _database, session)) = database().await else { return };
    let view = |name: &str, of: &str| {
        Step::create(&table(name), format!("CREATE VIEW public.{name} AS SELECT a FROM {of} -- x"))
    };
    let steps = [view("v3", "v2"), view("v2", "v1"), view("v1", "t"), add_column("b")];
    let steps: Vec<&Step> = steps.iter().collect();
    build(&session, &steps, &["public".into()]).await.expect("an order is found");
    assert_eq!(one(&session, "select count(*) from v3").await, "2");

    let bad = [view("w2", "w1"), view("w1", "t where b = 'x' and nothing("), add_column("c")];
    let bad: Vec<&Step> = bad.iter().collect();
    let error = build(&session, &bad, &["public".into()]).await.expect_err("a statement is wrong");
    assert_eq!(error.index, 1, "not the view that only waits for it: {error:?}");
    assert!(error.diagnostic.location.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_stop_a_plan_is_said_before_it_starts() {
    let Some((_server, database, session)) = database().await else { return };
    let t = table("t");
    let policy = t.child(KindTag::Policy, "p");
    let steps = vec![
        Step::create(&policy, "CREATE POLICY p ON public.t TO nobody_of_that_name USING (true)"),
        Step::create(
            &ObjectId::root(KindTag::Extension, "no_such_extension"),
            "CREATE EXTENSION IF NOT EXISTS no_such_extension",
        ),
        Step::create(&table("u"), "CREATE TABLE public.u ()"),
        Step::drop(&t.child(KindTag::Column, "a"), "ALTER TABLE public.t DROP COLUMN a")
            .hazard(HazardKind::DataLoss, "its values go"),
        Step::drop(&t, "DROP TABLE public.t").hazard(HazardKind::DataLoss, "its rows go"),
    ];
    let plan = plan(vec![steps]);
    let found = apply::preflight(&session, &plan, None).await.expect("the server answers");
    let said: Vec<String> = found.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
    assert_eq!(
        said,
        [
            "missing-role there is no role nobody_of_that_name, which policy p on public.t names",
            "extension-not-available the server does not have the extension no_such_extension",
            "rows-lost 2 values of column public.t.a are lost",
            "rows-lost 2 rows of table public.t are lost",
        ]
    );

    let role = format!("preflight_{}", session.backend_pid());
    session.batch(&format!("revoke create on schema public from public; create role {role}")).await.expect("a role");
    let limited = connect(database.info()).await;
    limited.batch(&format!("set session authorization {role}")).await.expect("a superuser may");
    let found = apply::preflight(&limited, &plan, None).await;
    drop(limited);
    session.batch(&format!("drop role {role}")).await.expect("the role goes");
    let codes: Vec<&str> = found.expect("the server answers").iter().map(|d| d.code).collect();
    assert_eq!(
        codes,
        ["missing-role", "extension-not-available", "not-owner", "no-create-privilege", "rows-lost", "rows-lost"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_ended_says_so() {
    let Some((_server, database, session)) = database().await else { return };
    let other = connect(database.info()).await;
    let plan = plan(vec![vec![
        add_column("b"),
        Step::data(&table("t"), "SELECT pg_catalog.pg_sleep(60)").phase(Phase::Expand),
    ]]);
    let options = quick();
    let (ran, ()) = tokio::join!(apply::run(&session, &plan, &options, &Silent), async {
        until(async || one(&other, &sleeping(session.backend_pid())).await == "1").await;
        other.batch(&format!("select pg_terminate_backend({})", session.backend_pid())).await.expect("a superuser may");
    });
    let error = ran.expect_err("the session is gone");
    assert_eq!(error.code, "connection-lost");
    assert!(error.message.starts_with("step 2 of 2"), "{error:?}");
    assert!(error.notes.iter().any(|n| n == "its transaction was rolled back"), "{error:?}");
    assert_eq!(one(&other, COLUMNS).await, "a");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_point_into_the_statement() {
    let Some((_server, _database, session)) = database().await else { return };
    let step = Step::create(&table("v"), "CREATE VIEW public.v AS SELECT nothing FROM public.t");
    let error = apply::run(&session, &plan(vec![vec![step]]), &quick(), &Silent).await.expect_err("no such column");
    let location = error.location.as_ref().expect("a place");
    assert_eq!(&location.source.text[location.span.clone()], "nothing");
    assert!(error.help.iter().any(|h| h.contains("running the command again continues")), "{error:?}");
}
