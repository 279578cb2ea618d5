//! What is dropped without a question, and what is not: by the record of what was declared at the last apply.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use support::place::{Place, ends, says};
use support::trueup::{DIFFERS, FINE, REFUSED};

const TABLE: &str = "tables:\n  t: {columns: {id: int primary key, a: int}, indexes: {t_a: (a)}}\n";
const VIEW: &str = "views:\n  v: {query: select a from t}\n";

fn place(declared: &str) -> Option<Place<'static>> {
    let place = Place::new(support::servers::server()?, "create schema other");
    place.write("p/schema.yaml", declared);
    Some(place)
}

impl Place<'_> {
    fn apply(&self, more: &[&str]) -> support::trueup::Run {
        self.call(&[&["apply", "--from", &self.database.url, "--to", "p", "--yes"], more].concat())
    }

    fn there(&self, name: &str) -> bool {
        let rows = self.database.rows(&format!("select to_regclass('{name}') is not null")).expect("an answer");
        rows == [[Some("t".to_owned())]]
    }

    fn run(&self, sql: &str) {
        self.database.load(sql).expect("it runs");
    }
}

#[test]
fn what_is_taken_out_of_the_project_is_told_from_what_was_made_by_hand() {
    let Some(place) = place(&format!("{TABLE}{VIEW}")) else { return };
    ends(place.apply(&[]), FINE);
    place.run("create view by_hand as select id from t; create index by_hand_too on t (a, id)");
    let refused = ends(place.apply(&[]), REFUSED);
    says(&refused, &["drop: view public.by_hand", "drop: index public.by_hand_too", "--allow drop"]);
    // Another view is no longer declared: that alone asks nothing.
    place.write("p/schema.yaml", TABLE);
    let refused = ends(place.apply(&[]), REFUSED);
    assert!(!refused.stderr.contains("view public.v:"), "{}", refused.stderr);
    place.run("drop view by_hand; drop index by_hand_too");
    ends(place.apply(&[]), FINE);
    assert!(!place.there("v"));
    // One of the same name that is made now is not the one that was declared.
    place.run("create view v as select 1");
    says(&ends(place.apply(&[]), REFUSED), &["drop: view public.v"]);
    ends(place.apply(&["--allow", "drop"]), FINE);
    // A trigger on a relation that goes along with what needs no consent is not lost without it.
    place.write("p/schema.yaml", &format!("{TABLE}{VIEW}"));
    ends(place.apply(&[]), FINE);
    place.run(
        "create function other.f() returns trigger language plpgsql as 'begin return null; end';
               create trigger by_hand instead of insert on v for each row execute function other.f()",
    );
    place.write("p/schema.yaml", TABLE);
    says(&ends(place.apply(&[]), REFUSED), &["trigger by_hand on public.v is dropped with it"]);
}

#[test]
fn what_is_there_already_is_recorded_where_nothing_is_left_to_do() {
    let Some(place) = place(TABLE) else { return };
    place.run("create table t (id int primary key, a int); create index t_a on t (a)");
    ends(place.apply(&[]), FINE);
    place.write("p/schema.yaml", "tables:\n  t: {columns: {id: int primary key, a: int}}\n");
    ends(place.apply(&[]), FINE);
    assert!(!place.there("t_a"));
    // The record is no part of the database that is compared or written down.
    ends(place.call(&["pull", "--from", &place.database.url, "--out", "all.json"]), FINE);
    assert!(!place.read("all.json").contains("trueup.declared"));
    place.write("p/trueup.yaml", "version: 1\nmanage: {schemas: \"*\"}\n");
    let differs = ends(place.call(&["diff", "--from", &place.database.url, "--to", "p"]), DIFFERS);
    assert!(!differs.stdout.contains("schema trueup"), "{}", differs.stdout);
}

#[test]
fn what_a_run_until_a_phase_leaves_is_still_known() {
    let Some(place) = place(&format!("{TABLE}{VIEW}")) else { return };
    ends(place.apply(&[]), FINE);
    place.write("p/schema.yaml", &format!("{TABLE}enums: {{e: [a]}}\n"));
    ends(place.apply(&["--until", "expand"]), FINE);
    assert!(place.there("v"));
    place.write("p/schema.yaml", TABLE);
    // Both what was to be dropped later and what was new meanwhile.
    ends(place.apply(&[]), FINE);
    assert!(!place.there("v"));
}

#[test]
fn what_another_project_declared_is_not_this_ones_to_drop() {
    let Some(place) = place(&format!("{TABLE}{VIEW}")) else { return };
    ends(place.apply(&[]), FINE);
    // Neither says what it manages, and this one is applied to the database of the other.
    place.write("p/schema.yaml", "views:\n  w: {query: select 1 as a}\n");
    let refused = ends(place.apply(&["--allow", "data-loss"]), REFUSED);
    says(&refused, &["drop: view public.v", "this project declares nothing, so it is another one's"]);
    assert!(place.there("v") && !place.there("w"));
    // Who declares one of them is who declared them.
    place.write("p/schema.yaml", TABLE);
    ends(place.apply(&[]), FINE);
    assert!(!place.there("v"));
}

#[test]
fn a_saved_plan_leaves_the_same_record() {
    let Some(place) = place(TABLE) else { return };
    let record = || place.database.rows("select scope, objects from trueup.declared").expect("a record");
    let plan = || ends(place.call(&["plan", "--from", &place.database.url, "--to", "p", "--out", "plan.json"]), FINE);
    let saved = |more: &[&str]| {
        place.call(&[&["apply", "plan.json", "--from", &place.database.url, "--yes"][..], more].concat())
    };
    place.run("create view by_hand as select 1 as a");
    place.write("p/schema.yaml", &format!("{TABLE}{VIEW}"));
    plan();
    says(&ends(saved(&[]), REFUSED), &["drop: view public.by_hand"]);
    ends(saved(&["--allow", "drop"]), FINE);
    let after = record();
    ends(place.apply(&[]), FINE);
    assert_eq!(record(), after);
    place.write("p/schema.yaml", TABLE);
    plan();
    ends(saved(&[]), FINE);
    let after = record();
    ends(place.apply(&[]), FINE);
    assert_eq!(record(), after);
    // A run that was cut off has written what it declares before its first step; the rest of a saved plan completes that.
    place.write(
        "p/schema.yaml",
        "tables:\n  t: {columns: {id: int primary key, a: int}, indexes: {t_a: (a), t_b: '(a, id)'}}\n",
    );
    plan();
    place.run("begin; create function other.no() returns event_trigger language plpgsql as 'begin raise exception ''no''; end';
               create event trigger no on ddl_command_start when tag in ('CREATE INDEX') execute function other.no(); commit");
    ends(saved(&[]), 1);
    place.run("drop event trigger no; drop function other.no()");
    ends(saved(&[]), FINE);
    let after = record();
    ends(place.apply(&[]), FINE);
    assert_eq!(record(), after);
}

#[test]
fn what_another_role_put_where_the_record_belongs_is_neither_run_nor_believed() {
    let Some(place) = place(TABLE) else { return };
    let (role, log) = ("trueup_drops_planter", "select count(*) from other.log");
    place.run(&format!(
        "do $$ begin create role {role}; exception when duplicate_object or unique_violation then null; end $$;
         do $$ begin execute format('grant create on database %I to {role}', current_database()); end $$;
         create table other.log (who text); grant usage on schema other to public; grant insert on other.log to public;
         create table t (id int primary key, a int); create view v as select a from t;
         set role {role}; create schema trueup; grant usage on schema trueup to public;
         create function trueup.f() returns text language sql as 'insert into other.log values (current_user) returning ''h''';
         create view trueup.declared as select 'schemas that are declared'::text as scope, 1 as format, trueup.f() as hash,
           'schema:public' || chr(10) || ' view:v' as objects"
    ));
    let ran = |place: &Place<'_>| place.database.rows(log).expect("an answer")[0][0].as_deref() != Some("0");
    says(
        &ends(place.apply(&[]), REFUSED),
        &["trueup.declared cannot be read", "it is no table", "drop: view public.v"],
    );
    assert!(!ran(&place));
    place.run(&format!(
        "set role {role}; drop view trueup.declared;
         create table trueup.declared (scope text primary key, format int not null, hash text not null, objects text not null,
           applied_at timestamptz, role text);
         insert into trueup.declared values ('schemas that are declared', 1, '', 'schema:public' || chr(10) || ' view:v');
         create function trueup.g() returns trigger language plpgsql as 'begin perform trueup.f(); return new; end';
         create trigger g before insert or update on trueup.declared for each row execute function trueup.g();
         create table trueup.history (id bigint generated always as identity, run text, plan text, from_state text, step int, sql_hash text,
           object text, phase text, status text, sqlstate text, started_at timestamptz, finished_at timestamptz, pid int, role text);
         create trigger g before insert or update on trueup.history for each row execute function trueup.g();
         grant all on trueup.declared, trueup.history to public"
    ));
    says(&ends(place.apply(&[]), REFUSED), &[&format!("it belongs to {role}"), "drop: view public.v"]);
    place.write("p/schema.yaml", &TABLE.replace("t_a: (a)", "t_a: (a), t_b: '(a, id)'"));
    let done = ends(place.apply(&["--allow", "drop"]), FINE);
    says(&done, &["going on without a journal", "not recorded"]);
    assert!(!ran(&place) && place.there("t_b"));
}

#[test]
fn where_the_record_cannot_be_had_all_is_asked() {
    let Some(place) = place(&format!("{TABLE}{VIEW}")) else { return };
    let me = "trueup_drops_role";
    place.run(&format!(
        "do $$ begin create role {me} login; exception when duplicate_object or unique_violation then null; end $$; \
         grant usage, create on schema public to {me}"
    ));
    let url = place.database.url.replace("postgres@", &format!("{me}@"));
    let apply = |more: &[&str]| place.call(&[&["apply", "--from", &url, "--to", "p", "--yes"][..], more].concat());
    // Without CREATE on the database it says so, and goes on.
    says(&ends(apply(&[]), FINE), &["not recorded", "permission denied for database"]);
    place.write("p/schema.yaml", TABLE);
    says(&ends(apply(&[]), REFUSED), &["there is no record"]);
    ends(place.apply(&["--allow", "drop"]), FINE);
    // One that another role wrote is out of reach.
    place.write("p/schema.yaml", &format!("{TABLE}{VIEW}"));
    ends(apply(&[]), FINE);
    place.write("p/schema.yaml", TABLE);
    says(&ends(apply(&[]), REFUSED), &["trueup.declared cannot be read", "permission denied"]);
}

#[test]
fn what_another_project_declared_on_a_table_of_the_platform_is_left_alone() {
    let Some(place) = place(TABLE) else { return };
    place.run("create schema auth; create table auth.users (id int primary key)");
    let trigger = "tables:\n  auth.users: {triggers: {by_one: after insert for each row execute function one.f()}}\n";
    let function =
        "schemas: {one: }\nfunctions:\n  one.f(): {returns: trigger, language: plpgsql, body: begin return new; end}\n";
    // Neither says which schemas it manages.
    for project in ["one", "two"] {
        place.write(&format!("{project}/trueup.yaml"), "version: 1\nprofile: supabase\n");
    }
    place.write("one/schema.yaml", &format!("{function}{trigger}"));
    place.write("two/schema.yaml", "schemas: {two: }\ntables:\n  two.t: {columns: {id: int primary key}}\n");
    let apply = |to: &str| place.call(&["apply", "--from", &place.database.url, "--to", to, "--yes"]);
    let there = || place.database.rows("select from pg_trigger where tgname = 'by_one'").expect("an answer").len();
    ends(apply("one"), FINE);
    ends(apply("two"), FINE);
    assert_eq!(there(), 1);
    // What a project itself takes out is dropped.
    ends(apply("one"), FINE);
    place.write("one/schema.yaml", function);
    ends(apply("one"), FINE);
    assert_eq!(there(), 0);
}

#[test]
fn extensions_are_dropped_where_they_are_managed() {
    let Some(place) = place(TABLE) else { return };
    ends(place.apply(&[]), FINE);
    place.run("create extension hstore schema other");
    let diff = || place.call(&["diff", "--from", &place.database.url, "--to", "p"]);
    ends(diff(), FINE);
    place.write("p/trueup.yaml", "version: 1\nmanage: {extensions: all}\n");
    ends(diff(), DIFFERS);
    says(&ends(place.apply(&[]), REFUSED), &["drop: extension hstore"]);
    place.run("alter extension hstore set schema public");
    place.write("p/trueup.yaml", "version: 1\nmanage: {extensions: declared}\n");
    ends(diff(), FINE);
    // Left out, those in managed schemas are; also one that was declared before is asked for.
    place.write("p/trueup.yaml", "version: 1\n");
    ends(diff(), DIFFERS);
    place.write("p/schema.yaml", &format!("{TABLE}extensions: {{hstore: }}\n"));
    ends(place.apply(&[]), FINE);
    place.write("p/schema.yaml", TABLE);
    says(&ends(place.apply(&[]), REFUSED), &["drop: extension hstore"]);
    ends(place.apply(&["--allow", "drop"]), FINE);
}

/// `grants` are complete also where what is not declared is kept; an object that is kept keeps its own.
#[test]
fn privileges_that_a_list_leaves_out_are_revoked_where_the_undeclared_is_kept() {
    let declared = "tables:\n  t: {columns: {id: int}, grants: {pg_monitor: [select]}}\n  silent: {columns: {id: int}}\n\
                    functions:\n  f(): {returns: int, language: sql, body: select 1, grants: {}}\n";
    let Some(place) = place(declared) else { return };
    place.write("p/trueup.yaml", "version: 1\nundeclared: keep\n");
    place.run(
        "create table t (id int); create table silent (id int); create table kept (id int);
         create function f() returns int language sql as 'select 1';
         grant select, insert on t to pg_monitor; grant select on t to public; grant update (id) on t to pg_monitor;
         grant select on silent to pg_database_owner; grant select on kept to public",
    );
    ends(place.apply(&["--allow", "access"]), FINE);
    let open = "select has_function_privilege('pg_read_all_stats', 'f()', 'execute'), has_table_privilege('pg_read_all_stats', 't', 'select'),
         has_table_privilege('pg_monitor', 't', 'insert'), has_column_privilege('pg_monitor', 't', 'id', 'update'),
         has_table_privilege('pg_monitor', 't', 'select'), has_table_privilege('pg_database_owner', 'silent', 'select'),
         has_table_privilege('pg_read_all_stats', 'kept', 'select')";
    let answers: Vec<_> = ["f", "f", "f", "f", "t", "t", "t"].map(|answer| Some(answer.to_owned())).into();
    assert_eq!(place.database.rows(open).expect("an answer"), [answers]);
    ends(place.call(&["diff", "--from", &place.database.url, "--to", "p"]), FINE);
}
