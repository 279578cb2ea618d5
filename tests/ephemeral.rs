//! Ephemeral servers from end to end. Needs PostgreSQL binaries on the machine.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test")]

use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use trueup::postgres::{Ephemeral, EphemeralChoice, EphemeralOptions, Session};

async fn value(session: &Session, sql: &str) -> String {
    let rows = session.rows(sql).await.unwrap();
    rows.into_iter().flatten().flatten().next().unwrap_or_default()
}

#[tokio::test]
async fn two_databases_at_once() {
    let began = Instant::now();
    let server = Ephemeral::start(&EphemeralOptions::default()).await.unwrap();
    eprintln!("{} after {:?}", server.describe(), began.elapsed());
    let (a, b) = tokio::join!(server.create_database(), server.create_database());
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_ne!(a.info().database(), b.info().database());
    let (sa, sb) = (a.connect().await.unwrap(), b.connect().await.unwrap());
    eprintln!("connected after {:?}", began.elapsed());
    sa.batch("create table t (id int)").await.unwrap();
    assert_eq!(value(&sa, "select count(*) from pg_class where relname = 't'").await, "1");
    assert_eq!(value(&sb, "select count(*) from pg_class where relname = 't'").await, "0");
    assert_eq!(value(&sb, "show application_name").await, "trueup");
    sa.batch("do $$ begin raise notice 'hello'; end $$").await.unwrap();
    assert_eq!(sa.take_notices().iter().map(|n| n.message.as_str()).collect::<Vec<_>>(), ["hello"]);
    let error = sa.batch("select 'é', nonsense from t").await.unwrap_err();
    let location = error.location.unwrap();
    assert_eq!(&location.source.text[location.span], "nonsense");
    assert!(error.notes.iter().any(|n| n.contains("42703")), "{:?}", error.notes);
    let name = b.info().database().to_owned();
    drop(sb);
    b.drop().await.unwrap();
    assert_eq!(value(&sa, &format!("select count(*) from pg_database where datname = '{name}'")).await, "0");
    let name = a.info().database().to_owned();
    let again = server.create_database().await.unwrap();
    drop(sa);
    drop(a);
    let session = again.connect().await.unwrap();
    // At leisure.
    for _ in 0..100 {
        if value(&session, &format!("select count(*) from pg_database where datname = '{name}'")).await == "0" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the database {name} was not dropped");
}

/// A run that begins alone clears away what others have left. It must not take for that what a run makes that joins it.
#[tokio::test]
async fn what_a_run_makes_that_joins_is_left_alone() {
    // Root's servers run as another account, which has to get there.
    let passable = std::fs::Permissions::from_mode(0o711);
    let cache = tempfile::Builder::new().permissions(passable).tempdir().unwrap();
    let options = EphemeralOptions { cache_dir: Some(cache.path().join("clusters")), ..EphemeralOptions::default() };
    let server = Ephemeral::start(&options).await.unwrap();
    let database = server.create_database().await.unwrap();
    let admin = Session::connect(&database.info().with_database("postgres")).await.unwrap();
    // The name of a scratch database of a process on another machine: nobody here can know whether it is alive.
    admin.batch("create database trueup_job_00000001_1_00000000_1").await.unwrap();
    // Longer than it lingers before it clears.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let left = "select count(*) from pg_database where datname = 'trueup_job_00000001_1_00000000_1'";
    assert_eq!(value(&admin, left).await, "1");
    drop((admin, database, server));
    // The next one that is alone finds it.
    let server = Ephemeral::start(&options).await.unwrap();
    let database = server.create_database().await.unwrap();
    let session = database.connect().await.unwrap();
    for _ in 0..600 {
        if value(&session, left).await == "0" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("it was not cleared away");
}

#[tokio::test]
async fn a_running_query_is_cancelled() {
    let server = Ephemeral::start(&EphemeralOptions::default()).await.unwrap();
    let database = server.create_database().await.unwrap();
    let session = database.connect().await.unwrap();
    let watcher = database.connect().await.unwrap();
    let canceller = session.canceller();
    let (slept, ()) = tokio::join!(session.batch("select pg_sleep(60)"), async {
        let asleep = format!("select wait_event from pg_stat_activity where pid = {}", session.backend_pid());
        while value(&watcher, &asleep).await != "PgSleep" {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        canceller.cancel().await;
    });
    assert!(slept.unwrap_err().notes.iter().any(|n| n.contains("57014")));
}

#[tokio::test]
async fn the_supabase_profile_brings_what_policies_refer_to() {
    let options = EphemeralOptions { supabase: true, ..EphemeralOptions::default() };
    let began = Instant::now();
    let server = Ephemeral::start(&options).await.unwrap();
    let database = server.create_database().await.unwrap();
    let session = database.connect().await.unwrap();
    eprintln!("supabase database after {:?}", began.elapsed());
    session
        .batch(
            "create table notes (id uuid primary key default extensions.uuid_generate_v4(), owner uuid references auth.users);
             grant select on notes to authenticated;
             alter table notes enable row level security;
             create policy own on notes to authenticated using (owner = (select auth.uid()));
             insert into auth.users (id) values ('00000000-0000-0000-0000-00000000000a');
             insert into notes (owner) values ('00000000-0000-0000-0000-00000000000a'), (null);
             set role authenticated;
             set request.jwt.claims = '{\"sub\": \"00000000-0000-0000-0000-00000000000a\"}';",
        )
        .await
        .unwrap();
    assert_eq!(value(&session, "select count(*) from notes").await, "1");
    assert_eq!(value(&session, "show search_path").await, "\"$user\", public, extensions");
    assert_eq!(value(&session, "select storage.extension('a/b.c.png')").await, "png");
    // New tables are closed to the roles of the API, as in hosted projects, unless the project says otherwise.
    let open = "select has_table_privilege('anon', 'more', 'insert')";
    session.batch("reset role; create table more ()").await.unwrap();
    assert_eq!(value(&session, open).await, "f");
    let exposed = EphemeralOptions { exposed: true, ..options };
    let exposed = Ephemeral::start(&exposed).await.unwrap().create_database().await.unwrap();
    let session = exposed.connect().await.unwrap();
    session.batch("create table more ()").await.unwrap();
    assert_eq!(value(&session, open).await, "t");
    // A plain database of the same cluster has the roles and nothing else.
    let plain = Ephemeral::start(&EphemeralOptions::default()).await.unwrap().create_database().await.unwrap();
    let session = plain.connect().await.unwrap();
    let count = value(&session, "select count(*) from pg_namespace where nspname in ('auth', 'storage')").await;
    assert_eq!(count, "0");
}

#[tokio::test]
async fn databases_belong_to_the_role_that_is_asked_for() {
    let options = EphemeralOptions { role: Some("app owner".to_owned()), ..EphemeralOptions::default() };
    let database = Ephemeral::start(&options).await.unwrap().create_database().await.unwrap();
    let session = database.connect().await.unwrap();
    session.batch("create table t ()").await.unwrap();
    assert_eq!(value(&session, "select relowner::regrole from pg_class where relname = 't'").await, "\"app owner\"");
}

#[tokio::test]
async fn a_given_server_is_used_and_left_clean() {
    let other = Ephemeral::start(&EphemeralOptions::default()).await.unwrap();
    let home = other.create_database().await.unwrap();
    let choice = EphemeralChoice::SameServer(home.info().clone());
    let server =
        Ephemeral::start(&EphemeralOptions { choice, supabase: true, ..EphemeralOptions::default() }).await.unwrap();
    let database = server.create_database().await.unwrap();
    let name = database.info().database().to_owned();
    let session = database.connect().await.unwrap();
    assert_eq!(value(&session, "select auth.uid() is null").await, "t");
    drop(session);
    drop(database);
    let session = home.connect().await.unwrap();
    assert_eq!(value(&session, &format!("select count(*) from pg_database where datname = '{name}'")).await, "0");
}

#[tokio::test]
async fn errors_say_what_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let choice = EphemeralChoice::Binaries(folder.path().to_owned());
    let error = Ephemeral::start(&EphemeralOptions { choice, ..EphemeralOptions::default() }).await.unwrap_err();
    assert!(error.notes.iter().any(|n| n.contains("`postgres`")), "{:?}", error.notes);
    assert!(error.help.iter().any(|h| h.contains("apt-get install")));
}

#[tokio::test]
async fn connecting_in_vain_is_explained() {
    let server = Ephemeral::start(&EphemeralOptions::default()).await.unwrap();
    let database = server.create_database().await.unwrap();
    let missing = Session::connect(&database.info().with_database("no such thing")).await.unwrap_err();
    assert_eq!(missing.code, "no-such-database");
    let info = trueup::postgres::ConnInfo::parse("postgres://u:hunter2@127.0.0.1:1/d").unwrap();
    let refused = Session::connect(&info).await.unwrap_err();
    assert_eq!(refused.code, "cannot-connect");
    assert!(!format!("{refused:?}").contains("hunter2"));
}

/// Roles are the live server's; the scratch server is given those that policies name, and one that is not ours loses them
/// again.
#[tokio::test]
async fn policies_may_name_roles_that_the_scratch_server_lacks() {
    let server = Ephemeral::start(&EphemeralOptions::default()).await.unwrap();
    let database = server.create_database().await.unwrap();
    let session = database.connect().await.unwrap();
    let role = format!("only \"here\" {}", std::process::id());
    let folder = tempfile::tempdir().unwrap();
    let project = format!(
        "schema: public\ntables:\n  notes:\n    columns: {{id: int primary key}}\n    rls: enabled\n    policies:\n      \
         readers: {{for: select, to: ['{role}'], using: 'true'}}\n"
    );
    std::fs::write(folder.path().join("notes.yaml"), project).unwrap();
    std::fs::write(folder.path().join("trueup.yaml"), "version: 1\n").unwrap();
    let diff = |ephemeral: &[&str]| {
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_trueup"))
            .args(["diff", "--from", "empty", "--to"])
            .arg(folder.path())
            .args(ephemeral)
            .output()
            .unwrap();
        assert_eq!(run.status.code(), Some(2), "{}", String::from_utf8_lossy(&run.stderr));
    };
    let given = database.info().with_database("postgres").to_url();
    diff(&["--ephemeral", &given]);
    let made = format!("select count(*) from pg_roles where rolname = '{role}'");
    assert_eq!(value(&session, &made).await, "0", "it was left behind");
    diff(&[]);
}
