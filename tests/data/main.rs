//! Rows as part of the desired state: backfills, invariants and their remedies, what is retired; end to end.
//!
//! Where a run is to be cut off, the server holds it at a place that the test chooses (a row that is locked, a journal
//! that waits), so that nothing depends on how fast the machine is.
#![allow(clippy::disallowed_methods, reason = "a test waits for processes and connects without the library")]
#![allow(clippy::print_stdout, dead_code)]

mod cut_off;
mod mistakes;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cut_off::{Gate, start, uninterrupted};
use support::in_parallel;
use support::servers::{Database, Server, describe, run as execute, server};
use support::trueup::{DIFFERS, FINE, Run, trueup};

/// How long a test waits for something that has to come; only a hanging program takes that long.
const PATIENCE: Duration = Duration::from_secs(110);

/// A project in a folder of its own, of one file.
struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new(yaml: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().expect("a folder") };
        project.write(yaml);
        project
    }

    fn write(&self, yaml: &str) {
        std::fs::write(self.folder.path().join("schema.yaml"), yaml).expect("a file");
    }

    fn path(&self) -> String {
        self.folder.path().display().to_string()
    }
}

fn on(database: &Database, project: &str, words: &[&str]) -> Run {
    let scratch = database.server.scratch();
    let mut arguments = vec![words[0], "--from", &database.url, "--to", project, "--ephemeral", &scratch];
    arguments.extend(&words[1..]);
    trueup(&arguments)
}

fn apply(database: &Database, project: &str, more: &[&str]) -> Run {
    on(database, project, &[&["apply", "--yes"], more].concat())
}

fn one(database: &Database, query: &str) -> String {
    let rows = database.rows(query).unwrap_or_else(|why| panic!("{query}: {why}"));
    rows.into_iter().flatten().flatten().collect::<Vec<_>>().join(",")
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(name)
}

fn loaded<'a>(server: &'a Server, sql: &str) -> Database<'a> {
    let database = server.database();
    database.load(sql).expect("the starting point loads");
    database
}

/// Waits until something is so.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_backfill_runs_in_batches_of_their_own_and_not_null_comes_last() {
    let Some(server) = server() else { return };
    let database = loaded(
        server,
        "create table orders (id bigint generated always as identity primary key, paid timestamptz);
         insert into orders (paid) select case when i % 3 = 0 then null else now() end from generate_series(1, 2500) i",
    );
    let project = Project::new(
        "tables:
  orders:
    columns:
      id: bigint generated always as identity primary key
      paid: timestamptz
      state:
        type: text
        not_null: true
        default: \"'new'\"
        backfill: {set: \"case when paid is null then 'open' else 'done' end\", rows: 100}
    indexes:
      orders_state_idx: (state)
",
    );
    // Each batch is a transaction of its own: the rows carry as many transaction ids as there were batches.
    let plan = on(&database, &project.path(), &["plan"]);
    let place = |words: &str| plan.stdout.find(words).unwrap_or_else(|| panic!("{words}: {}", plan.stdout));
    assert!(place("ADD COLUMN state text") < place("UPDATE public.orders SET state"), "{}", plan.stdout);
    assert!(place("SET DEFAULT 'new'") < place("UPDATE public.orders SET state"), "{}", plan.stdout);
    assert!(place("UPDATE public.orders SET state") < place("SET NOT NULL"), "{}", plan.stdout);
    assert!(
        place("INDEX CONCURRENTLY orders_state_idx") < place("migrate"),
        "the index is had before: {}",
        plan.stdout
    );
    assert_eq!(apply(&database, &project.path(), &["--until", "migrate"]).status, FINE);
    assert_eq!(one(&database, "select count(distinct xmin::text) >= 25 from orders"), "t");
    assert_eq!(
        one(
            &database,
            "select string_agg(distinct state, ',' order by state) from orders where (paid is null) = (state = 'open')"
        ),
        "done,open"
    );
    // Old code, which does not know the column, goes on writing.
    execute(&database.url, "insert into orders (paid) values (now())").expect("old code works");
    assert_eq!(apply(&database, &project.path(), &[]).status, FINE);
    assert_eq!(
        one(&database, "select attnotnull from pg_attribute where attrelid = 'orders'::regclass and attname = 'state'"),
        "t"
    );
    assert_eq!(on(&database, &project.path(), &["diff"]).status, FINE);
}

#[test]
fn what_waits_for_rows_that_are_wrong_is_left_out_and_all_else_is_done() {
    let Some(server) = server() else { return };
    let database = loaded(
        server,
        "create table a (id int primary key, v text); create table b (id int primary key, v text);
         insert into a values (1, 'x'), (2, null), (3, null); insert into b values (1, null);
         create table gone (id int); insert into gone values (1)",
    );
    let project = Project::new(
        "tables:
  a:
    columns:
      id: int primary key
      v: {type: text, not_null: true, backfill: \"case when id = 2 then 'y' end\"}
  b:
    columns:
      id: int primary key
      v: {type: text, not_null: true, backfill: \"'z'\"}
  c:
    columns: {id: int primary key}
",
    );
    let left = apply(&database, &project.path(), &["--allow", "data-loss,drop"]);
    assert_eq!(left.status, 1, "{}", left.report());
    assert!(left.stderr.contains("the backfill of public.a.v leaves rows without a value"), "{}", left.stderr);
    assert!(left.stderr.contains("schema.yaml:5:"), "{}", left.stderr);
    assert!(left.stderr.contains("(3,)"), "the rows are listed: {}", left.stderr);
    let not_null = "select string_agg(attrelid::regclass::text, ',' order by attrelid::regclass::text) from pg_attribute \
                    where attname = 'v' and attnotnull and attrelid in ('a'::regclass, 'b'::regclass)";
    assert_eq!(one(&database, not_null), "b", "what does not wait for it is done");
    assert_eq!(one(&database, "select v from a where id = 2"), "y", "what the backfill could fill is filled");
    assert_eq!(one(&database, "select to_regclass('c') is not null"), "t");
    assert_eq!(one(&database, "select count(*) from gone"), "1", "nothing is removed meanwhile");

    execute(&database.url, "update a set v = 'mended' where id = 3").expect("the row is mended");
    let again = apply(&database, &project.path(), &["--allow", "data-loss,drop"]);
    assert_eq!(again.status, FINE, "{}", again.report());
    assert_eq!(one(&database, not_null), "a,b");
    assert_eq!(on(&database, &project.path(), &["verify"]).status, FINE);
    assert_eq!(one(&database, "select to_regclass('trueup.history') is null"), "t", "no record of steps is left");
}

#[test]
fn a_remedy_that_does_not_help_ends_and_lists_what_is_left() {
    let Some(server) = server() else { return };
    let database = loaded(
        server,
        "create table t (id int primary key, n int not null); insert into t select i, i from generate_series(1, 20) i",
    );
    // It changes rows each time, and never the right way.
    let project = Project::new(
        "tables:
  t:
    columns:
      id: int primary key
      n: int not null
    constraints:
      small: check (n < 10)
invariants:
  all are small:
    violations: select id, n from t where n >= 10
    remedy: update t set n = n + 1 where n >= 10
    before: [t.small]
",
    );
    let left = apply(&database, &project.path(), &[]);
    assert_eq!(left.status, 1, "{}", left.report());
    assert!(left.stderr.contains("the invariant \"all are small\" does not hold"), "{}", left.stderr);
    assert!(left.stderr.contains("schema.yaml:9:3"), "{}", left.stderr);
    assert!(left.stderr.contains("Its remedy leaves these rows"), "{}", left.stderr);
    assert!(left.stderr.contains("… and more"), "ten of eleven rows are shown: {}", left.stderr);
    assert_eq!(one(&database, "select count(*) from pg_constraint where conname = 'small'"), "0");
    assert_eq!(one(&database, "select max(n) <= 25 from t"), "t", "it was not tried for ever");
}

#[test]
fn rows_that_come_in_behind_a_batch_are_mended_too() {
    let Some(server) = server() else { return };
    let database = loaded(
        server,
        "create table t (id int primary key, v text);
         insert into t select i * 10, null from generate_series(1, 3000) i",
    );
    let project = Project::new(
        "tables:
  t:
    columns:
      id: int primary key
      v: {type: text, not_null: true, backfill: {set: \"'filled'\", rows: 100}}
",
    );
    // The run waits at a row in the middle; meanwhile old code writes a row into the part that is done.
    let gate = Gate::at_row(&database, "t", 15_000);
    let mut child = start(&database, &project.path(), &[]);
    gate.reached(&mut child);
    execute(&database.url, "insert into t (id) values (5)").expect("old code writes");
    gate.open();
    let ended = child.wait().expect("it ends");
    assert!(ended.success(), "{ended}");
    assert_eq!(one(&database, "select count(*) from t where v is null"), "0");
    assert_eq!(on(&database, &project.path(), &["verify"]).status, FINE);
}

#[test]
fn a_backfill_takes_values_that_a_remedy_has_written() {
    let Some(server) = server() else { return };
    let database = loaded(
        server,
        "create table people (id int primary key, mail text not null);
         create table letters (id int primary key, mail text not null);
         insert into people select i, 'p' || i from generate_series(1, 5) i;
         insert into letters select i, 'p' || (i % 9 + 1) from generate_series(1, 90) i",
    );
    let project = Project::new(
        "tables:
  people:
    columns: {id: int primary key, mail: text not null}
  letters:
    columns:
      id: int primary key
      mail: text not null
      person_id:
        type: int
        not_null: true
        references: people (id)
        backfill: {set: p.id, from: people p, where: p.mail = letters.mail}
invariants:
  every letter has its person:
    violations: select distinct mail from letters l where not exists (select from people p where p.mail = l.mail)
    remedy: insert into people select 1000 + min(id), mail from letters l where not exists (select from people p where p.mail = l.mail) group by mail
",
    );
    let run = apply(&database, &project.path(), &[]);
    assert_eq!(run.status, FINE, "{}", run.report());
    assert_eq!(
        one(&database, "select count(*) from letters l join people p on p.id = l.person_id and p.mail = l.mail"),
        "90"
    );
    assert_eq!(one(&database, "select convalidated from pg_constraint where conname = 'letters_person_id_fkey'"), "t");
}

#[test]
fn a_materialized_view_is_filled_when_the_rows_are() {
    let Some(server) = server() else { return };
    let database = loaded(server, "create table t (id int primary key); insert into t select generate_series(1, 50)");
    let project = Project::new(
        "tables:
  t:
    columns:
      id: int primary key
      v: {type: int, backfill: id * 2}
materialized_views:
  totals: select sum(v) as total from t
",
    );
    let run = apply(&database, &project.path(), &[]);
    assert_eq!(run.status, FINE, "{}", run.report());
    assert_eq!(one(&database, "select total from totals"), "2550");
}

#[test]
fn what_keeps_new_rows_right_is_there_before_old_ones_are_mended() {
    let Some(server) = server() else { return };
    let database = loaded(server, "create table t (id int primary key, a text); insert into t values (1, 'A')");
    let project = Project::new(
        "functions:
  fold():
    returns: trigger
    language: plpgsql
    body: begin new.b := lower(new.a); return new; end
tables:
  t:
    columns:
      id: int primary key
      a: text
      b: {type: text, backfill: lower(a)}
    triggers:
      fold: before insert or update of a for each row execute function fold()
",
    );
    let plan = on(&database, &project.path(), &["plan"]);
    let place = |words: &str| plan.stdout.find(words).unwrap_or_else(|| panic!("{words}: {}", plan.report()));
    assert!(place("CREATE TRIGGER fold") < place("UPDATE public.t SET b"), "{}", plan.stdout);
    assert_eq!(apply(&database, &project.path(), &[]).status, FINE);
    assert_eq!(one(&database, "select b from t"), "a");
}

#[test]
fn leads_that_come_in_without_a_customer_are_linked_by_the_next_run() {
    let Some(server) = server() else { return };
    let database = uninterrupted(server, "leads", &[]);
    let project = example("leads").display().to_string();
    // The scripts that know no customers yet go on; a phone that is known, one that is not, and none.
    let old = "insert into leads_master (name, phone_number_normalized) values
        ('a', (select phone from customers limit 1)), ('b', '+919999999999'), ('c', null)";
    execute(&database.url, old).expect("old code works");
    let verify = on(&database, &project, &["verify"]);
    assert_eq!(verify.status, DIFFERS, "{}", verify.report());
    assert!(verify.stdout.contains("+919999999999"), "violations are listed: {}", verify.stdout);
    assert_eq!(apply(&database, &project, &[]).status, FINE);
    let linked =
        "select string_agg(l.name, '' order by l.name) from leads_master l join customers c on c.id = l.customer_id
        and c.phone = l.phone_number_normalized where l.name in ('a', 'b', 'c')";
    assert_eq!(one(&database, linked), "ab");
    assert_eq!(on(&database, &project, &["verify"]).status, FINE);
}

/// What code that knows only customers does, as the role of the people.
const OLD_CODE: &str = "begin;
    insert into customers (id, wa_id) values ('c0000000-0000-4000-8000-00000000ffff', '+250789999999') on conflict do nothing;
    insert into carts (customer_id) values ('c0000000-0000-4000-8000-000000000001');
    insert into orders (customer_id, total) values ('c0000000-0000-4000-8000-000000000001', 5);
    insert into sessions (customer_id) values (null);
    update carts set status = 'paid' where customer_id = 'c0000000-0000-4000-8000-000000000002';
    do $$ begin
        assert (select count(*) from orders o join customers c on c.id = o.customer_id) >= 300;
    end $$;
    select set_config('request.jwt.claims', '{\"sub\": \"a0000000-0000-4000-8000-000000000001\"}', true);
    set local role authenticated;
    do $$ begin
      assert (select count(*) from public.carts where customer_id = 'c0000000-0000-4000-8000-000000000001') = 6;
      assert (select count(*) from public.orders) >= 6;
    end $$;
    insert into public.carts (customer_id) values (public.auth_customer_id());
    update public.carts set status = 'open' where customer_id = public.auth_customer_id();
    do $$ begin
      insert into public.carts (customer_id) values ('c0000000-0000-4000-8000-000000000002');
      raise 'the old policy does not hold';
    exception when insufficient_privilege then null; end $$;
    rollback";

#[test]
fn old_code_works_until_the_contract_phase_which_waits_for_every_customer() {
    let Some(server) = server() else { return };
    let folder = example("profiles");
    let before = std::fs::read_to_string(folder.join("before.sql")).expect("before.sql");
    let database = loaded(server, &before);
    let project = folder.display().to_string();
    execute(&database.url, OLD_CODE).expect("old code works at the start");
    execute(&database.url, "create schema kept; create table kept.carts as select a.id, c.wa_id from carts a join customers c on c.id = a.customer_id")
        .expect("what there is");
    for phase in ["expand", "migrate"] {
        let run = apply(&database, &project, &["--until", phase]);
        assert_eq!(run.status, FINE, "{}", run.report());
        execute(&database.url, OLD_CODE).unwrap_or_else(|e| panic!("old code, after {phase}: {}", describe(&e)));
        let keys = "select count(*) from pg_constraint where contype = 'f' and confrelid = 'customers'::regclass";
        assert_eq!(one(&database, keys), "3", "after {phase}, the old foreign keys are there");
        assert_eq!(one(&database, "select to_regclass('idx_carts_customer_status') is not null"), "t");
    }

    // A customer that cannot become a profile: fewer rows in the mapping than customers.
    execute(
        &database.url,
        "insert into customers (wa_id, display_name) values ('+250780000099', 'Late');
  create function kept.none() returns trigger language plpgsql as $$ begin return null; end $$;
        create table kept.seen (n int)",
    )
    .expect("a late customer");
    let unmapped = tempfile::tempdir().expect("a folder");
    copy(&folder, unmapped.path());
    let rows = unmapped.path().join("schema/rows.yaml");
    let text = std::fs::read_to_string(&rows).expect("rows.yaml");
    std::fs::write(
        &rows,
        text.replace("where p.user_id is null\n", "where p.user_id is null and c.display_name <> 'Late'\n"),
    )
    .expect("a file");
    let counts = database.row_counts();
    let refused = apply(&database, &unmapped.path().display().to_string(), &["--allow", "data-loss,drop"]);
    assert_eq!(refused.status, 1, "{}", refused.report());
    assert!(refused.stderr.contains("\"every customer has a profile\" does not hold"), "{}", refused.stderr);
    assert_eq!(one(&database, "select count(*) from legacy_customer_profile"), "40");
    assert_eq!(one(&database, "select count(*) from customers"), "41");
    for table in ["carts", "orders", "sessions"] {
        let there = format!(
            "select count(*) from pg_attribute where attrelid = '{table}'::regclass and attname = 'customer_id'"
        );
        assert_eq!(one(&database, &there), "1", "nothing of {table} is gone");
        assert_eq!(database.row_counts().get(&format!("public.{table}")), counts.get(&format!("public.{table}")));
    }

    let done = apply(&database, &project, &["--allow", "data-loss,drop"]);
    assert_eq!(done.status, FINE, "{}", done.report());
    assert_eq!(one(&database, "select count(*) from legacy_customer_profile"), "41");
    let moved = "select count(*) from carts a join kept.carts k using (id) join profiles p on p.user_id = a.profile_id and p.whatsapp_e164 = k.wa_id";
    assert_eq!(one(&database, moved), "200", "each cart belongs to the profile that its customer became");
    assert_eq!(on(&database, &project, &["verify"]).status, FINE);
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir(&target).expect("a folder");
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("a file");
        }
    }
}
