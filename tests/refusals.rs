//! What would stop a plan is said before anything is changed, through the binary, against real servers.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use support::place::{Place, ends, says};
use support::trueup::{DIFFERS, FINE};

/// Makes a role that may connect, where an earlier test has not made it.
fn role(name: &str) -> String {
    format!(
        "do $$ begin create role {name} login; exception when duplicate_object or unique_violation then null; end $$;"
    )
}

#[test]
fn what_stands_in_the_way_is_said_before_anything_is_run() {
    let Some(server) = support::servers::server() else { return };
    let before = "create table t (id int primary key, a int, b int);
        create function f(n int) returns int language sql immutable as 'select n';
        create schema other;";
    let after = "tables:\n  t: {columns: {id: int primary key, a: bigint, b: int}}\nfunctions:\n  f(n bigint): {returns: bigint, language: sql, volatility: immutable, body: select n}\n";
    for (extra, settings, words) in [
        ("create view other.v as select a from t", "", &["view other.v depends on it", "column public.t.a"][..]),
        ("create view v as select a from t", "undeclared: keep\n", &["view public.v"]),
        ("create rule r as on update to t where new.a > 1 do instead nothing", "", &["rule r on table t"]),
        (
            "create aggregate total (int) (sfunc = int4pl, stype = int, finalfunc = f)",
            "",
            &["function total(integer)", "f(integer)"],
        ),
        ("create operator # (rightarg = int, function = f)", "", &["operator #(NONE,integer)"]),
        ("create publication p for table t where (a > 1)", "", &["publication of table t in publication p"]),
    ] {
        if extra.contains("publication") && server.major < 15 {
            continue;
        }
        let place = Place::new(server, &format!("{before} {extra};"));
        let from = place.database.url.clone();
        place.write("p/trueup.yaml", &format!("version: 1\n{settings}"));
        place.write("p/schema.yaml", after);
        let said = ends(place.call(&["diff", "--from", &from, "--to", "p"]), DIFFERS);
        says(&said, &[&["error[in-the-way]"], words].concat());
        let refused = place.call(&["apply", "--from", &from, "--to", "p", "--yes", "--allow", "all"]);
        says(&ends(refused, 1), &[&["in-the-way", "nothing has been changed"], words].concat());
        let rows = place.database.rows("select a from t").expect("the table is as it was");
        assert!(rows.is_empty());
    }
    // What does not stand in the way is not in the way.
    let sql = format!(
        "{before} create statistics s on a, b from t; create view other.v as select b from t; create publication p for table t;"
    );
    let place = Place::new(server, &sql);
    place.write("p/schema.yaml", after);
    ends(place.call(&["apply", "--from", &place.database.url, "--to", "p", "--yes", "--allow", "drop"]), FINE);
}

#[test]
fn a_materialized_view_that_nobody_may_fill_is_refused_before_anything_is_run() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(
        server,
        "do $$ begin create role trueup_no_reader; exception when duplicate_object or unique_violation then null; end $$; \
         create table t (a int); create view v as select a from t; alter view v owner to trueup_no_reader;",
    );
    let rest = "tables:\n  t: {columns: {a: int}}\nviews:\n  v: {query: select a from t, owner: trueup_no_reader}\n";
    place.write("p/schema.yaml", &format!("{rest}materialized_views:\n  m: select a from v\n"));
    let refused = place.call(&["apply", "--from", &place.database.url, "--to", "p", "--yes"]);
    says(
        &ends(refused, 1),
        &[
            "not-readable",
            "materialized view public.m cannot be filled",
            "permission denied for table t",
            "nothing has been changed",
        ],
    );
}

#[test]
fn a_type_that_cannot_be_had_is_refused_before_anything_is_run() {
    let Some(server) = support::servers::server() else { return };
    for (before, after, words) in [
        (
            "create type st as enum ('a', 'b', 'c'); create table t (s st not null, a int) partition by list (s);",
            "enums: {st: [a, b]}\ntables:\n  t: {partition_by: list (s), columns: {s: st not null, a: int}}\n",
            &["in-the-way", "column public.t.s cannot be changed: it is in the partition key of public.t"][..],
        ),
        (
            "create table t (id int, a text); insert into t values (1, 'no uuid'), (2, null), (3, '3f2504e04f8911d39a0c0305e82c3301')",
            "tables:\n  t: {columns: {id: int, a: uuid}}\n",
            &[
                "rows-violate",
                "column a of public.t is to be of type uuid, which cannot take over 1 value",
                "such as no uuid",
            ],
        ),
        (
            "create type st as enum ('a', 'b', 'c'); create table t (id int, a st); insert into t values (1, 'a'), (2, 'b'), (3, 'c')",
            "enums: {st: [c]}\ntables:\n  t: {columns: {id: int, a: st}}\n",
            &["rows-violate", "column a of public.t is to be of type st, which cannot take over 2 values"],
        ),
        (
            "create table t (id int, a text); insert into t values (1, 'x'), (2, 'y')",
            "enums: {st: [x]}\ntables:\n  t: {columns: {id: int, a: st}}\n",
            &["rows-violate", "which cannot take over 1 value", "such as y"],
        ),
    ] {
        let place = Place::new(server, before);
        let from = place.database.url.clone();
        place.write("p/schema.yaml", after);
        let refused = place.call(&["apply", "--from", &from, "--to", "p", "--yes", "--allow", "all"]);
        says(&ends(refused, 1), &[words, &["nothing has been changed"]].concat());
    }
}

#[test]
fn what_stands_in_the_way_of_a_later_phase_lets_the_earlier_run() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let place = Place::new(
        server,
        "create table t (a int, b text); create schema other; create view other.v as select b from public.t;",
    );
    place.write("p/schema.yaml", "tables:\n  t: {columns: {a: int, c: text}}\n");
    let from = place.database.url.clone();
    let apply = |more: &[&str]| {
        place.call(&[&["apply", "--from", &from, "--to", "p", "--yes", "--allow", "all"], more].concat())
    };
    ends(apply(&["--until", "expand"]), FINE);
    says(&ends(apply(&[]), 1), &["in-the-way", "column public.t.b cannot be dropped", "nothing has been changed"]);
    let columns = "select string_agg(attname, ',' order by attnum) from pg_attribute where attrelid = 't'::regclass and attnum > 0";
    assert_eq!(place.database.rows(columns).expect("the table"), [[Some("a,b,c".to_owned())]]);
    place.database.load("drop view other.v").expect("out of the way");
    ends(apply(&[]), FINE);
}

#[test]
fn what_is_not_the_projects_to_declare_is_refused_with_its_place() {
    let Some(server) = support::servers::server() else { return };
    let function = "functions:\n  f(): {returns: trigger, language: plpgsql, body: begin return new; end}\n";
    let place = Place::new(server, "create schema auth; create table auth.users (id uuid primary key, email text);");
    let from = place.database.url.clone();
    place.write("p/trueup.yaml", "version: 1\nprofile: supabase\nmanage: {schemas: [public]}\n");
    for (key, value) in [
        ("comment", "mine"),
        ("grants", "{public: [select]}"),
        ("owner", "postgres"),
        ("options", "{fillfactor: 70}"),
        ("rls", "enabled"),
        ("columns", "{more: int}"),
        ("constraints", "{c: check (true)}"),
        ("replica_identity", "full"),
        ("was", "people"),
    ] {
        let trigger = "    triggers: {t: after insert for each row execute function f()}\n";
        place.write("p/schema.yaml", &format!("{function}tables:\n  auth.users:\n    {key}: {value}\n{trigger}"));
        let refused = ends(place.call(&["apply", "--from", &from, "--to", "p", "--yes", "--allow", "all"]), 1);
        says(&refused, &["not-managed", &format!("`{key}` of the table auth.users"), "p/schema.yaml:5:5"]);
    }
    place.write("p/schema.yaml", "tables:\n  auth.new: {}\n");
    says(&ends(place.call(&["check", "--to", "p"]), 1), &["not-managed", "auth.new"]);
    // Triggers, policies and indexes are made; taken out of the project, they are dropped, and what somebody else made is left alone.
    place.write(
        "p/schema.yaml",
        &format!(
            "{function}tables:\n  auth.users:\n    triggers: {{t: after insert for each row execute function f()}}\n    \
             policies: {{p: {{for: select, using: 'true'}}}}\n    indexes: {{i: (email)}}\n"
        ),
    );
    ends(place.call(&["apply", "--from", &from, "--to", "p", "--yes"]), FINE);
    place.database.load("create policy by_hand on auth.users using (true)").expect("a policy");
    ends(place.call(&["diff", "--from", &from, "--to", "p"]), FINE);
    place.write("p/schema.yaml", function);
    ends(place.call(&["apply", "--from", &from, "--to", "p", "--yes"]), FINE);
    let left = place.database.rows(
        "select (select count(*) from pg_trigger where not tgisinternal) || ' ' || (select string_agg(polname, ',') from pg_policy) \
         || ' ' || coalesce(to_regclass('auth.i')::text, '-')",
    );
    assert_eq!(left.expect("an answer"), [[Some("0 by_hand -".to_owned())]]);
}

#[test]
fn what_postgresql_lets_others_than_the_owner_do_is_done_and_the_rest_is_refused_before_anything_is_run() {
    let Some(server) = support::servers::server() else { return };
    let (me, owner) = ("trueup_guest", "trueup_host");
    let place = Place::new(
        server,
        &format!(
            "{} {} create schema theirs; create table theirs.t (id int primary key, a int) partition by range (id); \
             create table theirs.u (id int primary key, a int); alter table theirs.t owner to {owner}; alter table theirs.u owner to {owner}; \
             grant usage on schema theirs to {me}; alter schema public owner to {me}; grant trigger, select on theirs.u to {me}",
            role(me),
            role(owner),
        ),
    );
    let from = place.database.url.replace("postgres@", &format!("{me}@"));
    place.write("p/trueup.yaml", "version: 1\nmanage: {schemas: [public]}\n");
    let function = "functions:\n  f(): {returns: trigger, language: plpgsql, body: begin return new; end}\n";
    let try_it = |schema: &str| {
        place.write("p/schema.yaml", schema);
        place.call(&["apply", "--from", &from, "--to", "p", "--yes", "--allow", "all"])
    };
    ends(
        try_it(&format!(
            "{function}tables:\n  theirs.u:\n    triggers: {{t: after insert for each row execute function f()}}\n"
        )),
        FINE,
    );
    for (schema, words) in [
        (
            format!("{function}tables:\n  theirs.u:\n    indexes: {{i: (a)}}\n"),
            ["not-owner", "theirs.u belongs to trueup_host"],
        ),
        (
            format!("{function}tables:\n  theirs.u:\n    policies: {{p: {{for: select, using: 'true'}}}}\n"),
            ["not-owner", "theirs.u belongs to trueup_host"],
        ),
        (
            format!("{function}tables:\n  mine: {{columns: {{id: int references theirs.u (id)}}}}\n"),
            ["no-privilege", "REFERENCES on theirs.u"],
        ),
        (
            format!("{function}tables:\n  mine: {{columns: {{id: int}}, owner: trueup_host}}\n"),
            ["not-member", "trueup_host"],
        ),
        (
            format!(
                "{function}default_privileges:\n  - {{role: trueup_host, schema: public, on: tables, grants: {{public: [select]}}}}\n"
            ),
            ["not-member", "trueup_host"],
        ),
    ] {
        says(&ends(try_it(&schema), 1), &[&words[..], &["nothing has been changed"]].concat());
        // A plan may be made by another role than the one that runs it.
        let shown = place.call(&["diff", "--from", &from, "--to", "p"]);
        assert!(!shown.stderr.contains("error["), "{}", shown.stderr);
    }
    place.database.load("grant references (id) on theirs.u to trueup_guest").expect("a privilege");
    ends(try_it(&format!("{function}tables:\n  mine: {{columns: {{id: int references theirs.u (id)}}}}\n")), FINE);
}

/// Since 16, a membership holds for some purposes and not for others. A plan that needs two is told of the one that lacks.
#[test]
fn each_purpose_of_a_membership_is_looked_at() {
    let Some(server) = support::servers::server_of(17) else { return };
    let (me, owner) = ("trueup_member", "trueup_whole");
    let place = Place::new(
        server,
        &format!(
            "{} {} alter schema public owner to {me}; grant create on schema public to {owner}",
            role(me),
            role(owner)
        ),
    );
    let from = place.database.url.replace("postgres@", &format!("{me}@"));
    place.write("p/trueup.yaml", "version: 1\nmanage: {schemas: [public]}\n");
    place.write(
        "p/schema.yaml",
        &format!(
            "tables:\n  mine: {{columns: {{id: int}}, owner: {owner}}}\n\
             default_privileges:\n  - {{role: {owner}, schema: public, on: tables, grants: {{public: [select]}}}}\n"
        ),
    );
    let try_it = || place.call(&["apply", "--from", &from, "--to", "p", "--yes", "--allow", "all"]);
    for (has, lacks) in [("INHERIT TRUE, SET FALSE", "SET TRUE"), ("INHERIT FALSE, SET TRUE", "INHERIT TRUE")] {
        place.database.load(&format!("GRANT {owner} TO {me} WITH {has}")).expect("a membership");
        let statement = format!("GRANT {owner} TO {me} WITH {lacks}");
        says(&ends(try_it(), 1), &["not-member", &statement, "nothing has been changed"]);
        place.database.load(&statement).expect("a membership");
    }
    ends(try_it(), FINE);
}

#[test]
fn what_is_declared_on_a_table_of_the_platform_that_is_not_there_is_refused_before_anything_is_run() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(server, "");
    place.write("p/trueup.yaml", "version: 1\nprofile: supabase\nmanage: {schemas: [public]}\n");
    let function = "functions:\n  f(): {returns: trigger, language: plpgsql, body: begin return new; end}\n";
    let from = place.database.url.clone();
    for (guest, object) in [
        ("triggers: {t: after insert for each row execute function f()}", "trigger t on auth.users"),
        ("policies: {p: {for: select, using: 'true'}}", "policy p on auth.users"),
    ] {
        place.write("p/schema.yaml", &format!("{function}tables:\n  auth.users:\n    {guest}\n"));
        let refused = ends(place.call(&["apply", "--from", &from, "--to", "p", "--yes"]), 1);
        says(&refused, &["missing-table", "there is no table auth.users", object, "nothing has been changed"]);
    }
}

#[test]
fn a_grant_that_postgresql_would_only_warn_of_is_refused_before_anything_is_run() {
    let Some(server) = support::servers::server() else { return };
    let (me, owner) = ("trueup_granting", "trueup_granted_by");
    let place = Place::new(
        server,
        &format!(
            "{} {} create schema theirs; grant usage on schema theirs to {me}, {owner};
             create table theirs.t (id int, \"a B\" int); create sequence theirs.q; create type theirs.e as enum ('a');
             create function theirs.f(int) returns int language sql as 'select 1';
             grant select on theirs.t to {me} with grant option; grant insert on theirs.t to {me}; grant update (id) on theirs.t to {me} with grant option;
             grant select on sequence theirs.q to {me};
             alter table theirs.t owner to {owner}; alter sequence theirs.q owner to {owner};
             alter type theirs.e owner to {owner}; alter function theirs.f(int) owner to {owner};
             set role {owner}; grant delete on theirs.t to public; grant insert on theirs.t to {me}",
            role(me),
            role(owner),
        ),
    );
    let from = place.database.url.replace("postgres@", &format!("{me}@"));
    place.write("p/trueup.yaml", "version: 1\nundeclared: keep\nmanage: {schemas: [theirs]}\n");
    let id = format!("{{type: int, grants: {{{me}: [update with grant option]}}}}");
    let apply = |table: &str, more: &str| {
        place.write(
            "p/schema.yaml",
            &format!("schema: theirs\ntables:\n  t: {{columns: {{id: {id}, a B: int}}, grants: {table}}}\n{more}"),
        );
        place.call(&["apply", "--from", &from, "--to", "p", "--yes", "--allow", "all"])
    };
    let own = "select with grant option, insert";
    let has = |more: &str| format!("{{{me}: [{own}], public: [delete], pg_monitor: [{more}]}}");
    for (table, more, said) in [
        (has("insert"), "", "may not grant INSERT on theirs.t, which belongs to trueup_granted_by"),
        (has("select, truncate"), "", "may not grant SELECT, TRUNCATE on theirs.t"),
        (
            has(""),
            "sequences: {q: {grants: {pg_monitor: [select], trueup_granting: [select]}}}\n",
            "may not grant SELECT on theirs.q",
        ),
        (
            has(""),
            "enums: {e: {values: [a], grants: {pg_monitor: [usage], public: [usage]}}}\n",
            "may not grant USAGE on theirs.e",
        ),
        (
            has(""),
            "functions:\n  f(int): {returns: int, language: sql, body: select 1, grants: {pg_monitor: [execute], public: [execute]}}\n",
            "may not grant EXECUTE on theirs.f(integer)",
        ),
        (format!("{{{me}: [select, insert], public: [delete]}}"), "", "may not revoke SELECT on theirs.t"),
    ] {
        let refused = ends(apply(&table, more), 1);
        says(&refused, &["no-grant-option", said, "nothing has been changed"]);
    }
    // What may be granted on is granted.
    ends(apply(&has("select"), ""), FINE);
    let says_so = "select has_table_privilege('pg_monitor', 'theirs.t', 'select')";
    assert_eq!(place.database.rows(says_so).expect("an answer"), [[Some("t".to_owned())]]);
}

#[test]
fn an_offline_script_of_what_is_there_runs_as_a_role_that_owns_little() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(
        server,
        &format!(
            "{} {} create schema theirs; create extension hstore schema theirs; create table t (id int primary key, a int); \
             comment on table t is 'a table'; comment on column t.a is 'a column'; create view v as select id from t; \
             comment on view v is 'a view'; grant select on t, v to trueup_guest; create policy p on t using (a > 1); \
             create table mine (id int); alter table t owner to trueup_guest; alter view v owner to trueup_host; \
             alter default privileges for role trueup_host in schema public grant select on tables to trueup_guest; \
             alter table mine owner to trueup_guest; alter schema public owner to trueup_guest",
            role("trueup_guest"),
            role("trueup_host"),
        ),
    );
    offline_as_guest(&place);
}

/// Pulls a project from a database, and runs the offline script of it there as a role that owns nothing of it: it changes nothing.
fn offline_as_guest(place: &Place<'_>) {
    let from = place.database.url.clone();
    std::fs::remove_dir_all(place.path().join("p")).expect("the folder is removed");
    ends(place.call(&["pull", "--from", &from, "--out", "p"]), FINE);
    let offline = ["sql", "--offline", "--to", "p", "--for", "supabase-editor", "--out", "s.sql"];
    ends(place.call(&offline), FINE);
    let before = support::judge::text(&place.database).expect("a dump");
    let guest = place.database.url.replace("postgres@", "trueup_guest@");
    let script = format!("begin; {} commit", place.read("s.sql"));
    support::servers::run(&guest, &script).unwrap_or_else(|e| panic!("{}", support::servers::describe(&e)));
    assert_eq!(support::judge::text(&place.database).expect("a dump"), before);
}

#[test]
fn an_offline_script_of_what_another_role_owns_changes_nothing_and_asks_for_nothing() {
    let Some(server) = support::servers::server() else { return };
    let invoker = if server.major >= 15 { "with (security_invoker = true)" } else { "with (security_barrier = true)" };
    let place = Place::new(
        server,
        &format!(
            "{} {}
            create type kind as enum ('a', 'b');
            create type pair as (x int, y text collate \"C\");
            create domain short as text default 'none' not null constraint short_ok check (length(value) < 9);
            create sequence s as int increment by 2 minvalue 3 maxvalue 99 start with 5 cache 4 cycle;
            create table t (id int primary key, n int generated by default as identity (increment by 3), a int default 4, b text not null,
              k kind default 'a', d short, p pair, g int generated always as (id + 1) stored,
              constraint t_a check (a > 0), constraint t_u unique (b) with (fillfactor = 60)) with (fillfactor = 70, toast.autovacuum_enabled = false);
            create sequence t_s owned by t.a;
            create table c (tid int references t (id) on delete cascade);
            create table parts (id int not null, v text, primary key (id)) partition by range (id);
            create table parts_1 partition of parts for values from (0) to (10);
            create table parts_2 partition of parts default;
            create index parts_v on parts (v);
            create table base (id int default 1);
            create table derived (more text) inherits (base);
            alter table t alter b set storage external, alter b set statistics 7, alter b set (n_distinct = 5), alter d set compression pglz;
            alter table t enable row level security; alter table t force row level security;
            create policy p on t for select using (a > 1); create policy q on t for insert to trueup_guest with check (a > 2);
            create index t_i on t using btree (b desc) with (fillfactor = 80); alter table t cluster on t_i; create index t_w on t (a) where a > 1;
            create index t_e on t ((a + 1)); alter index t_e alter column 1 set statistics 9;
            create unique index t_r on t (id, b); alter table t replica identity using index t_r; alter table c replica identity full;
            create function f(i int default 1, out o text) returns setof text language plpgsql stable strict security definer cost 5 rows 7
              set search_path = public, \"My schema\" set work_mem = '1MB' as $f$ begin o := 'it''s' || i; return next; end $f$;
            create function made(i int) returns int language sql immutable parallel safe return i + 1;
            create procedure pr(inout x int) language plpgsql as 'begin x := 1; end';
            create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
            create trigger tr before update on t for each row when (new.a > 1 and new.b <> 'It''s') execute function touch();
            create trigger tr_off after insert on t for each row execute function touch(); alter table t disable trigger tr_off;
            create constraint trigger tr_c after insert on t deferrable for each row execute function touch();
            create trigger tr_p after insert on parts for each row execute function touch(); alter table parts_1 disable trigger tr_p;
            create view v {invoker} as select id, a from t; alter view v alter a set default 3;
            create materialized view m with (fillfactor = 50) as select id, b from t; alter materialized view m alter b set statistics 3;
            comment on table t is 'a table'; comment on function f(int) is 'a function'; comment on index t_i is 'an index';
            grant select on t to trueup_guest; grant usage on sequence s to trueup_guest; grant update (a) on t to trueup_guest;
            grant create on schema public to trueup_guest;
            do $$ declare o record; begin
              for o in select format('alter table %s owner to trueup_host', oid::regclass) as sql from pg_class
                where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm') union all
                select format('alter sequence %s owner to trueup_host', 's') union all
                select format('alter routine %s owner to trueup_host', oid::regprocedure) from pg_proc where pronamespace = 'public'::regnamespace union all
                select format('alter type %s owner to trueup_host', x) from unnest(array['kind', 'pair', 'short']) x
              loop execute o.sql; end loop;
            end $$",
            role("trueup_guest"),
            role("trueup_host"),
        ),
    );
    offline_as_guest(&place);
}

/// A type that all values fit loses nothing, so nobody is asked for consent. A value that comes in before the script is run stops it.
#[test]
fn a_value_that_would_be_rounded_stops_a_script_that_was_written_before_it_came() {
    let Some(server) = support::servers::server() else { return };
    let place =
        Place::new(server, "create table t (id int primary key, n numeric(6,3)); insert into t values (1, 1.5)");
    place.write("p/schema.yaml", "tables: {t: {columns: {id: int primary key, n: 'numeric(6,1)'}}}");
    let written = place.call(&["sql", "--for", "supabase-editor", "--from", &place.database.url, "--to", "p"]);
    let script = ends(written, FINE).stdout;
    place.database.load("insert into t values (2, 1.25)").expect("it runs");
    let stopped = support::scripts::once(&place.database, &script).expect_err("a value would be rounded");
    assert!(stopped.contains("which does not keep a value that came in meanwhile"), "{stopped}");
    let values = place.database.rows("select n from t order by id").expect("an answer");
    assert_eq!(values, [[Some("1.500".to_owned())], [Some("1.250".to_owned())]]);
    place.database.load("delete from t where id = 2").expect("it runs");
    support::scripts::once(&place.database, &script).expect("all values fit");
    let types = place.database.rows(
        "select format_type(atttypid, atttypmod) from pg_attribute where attrelid = 't'::regclass and attname = 'n'",
    );
    assert_eq!(types.expect("an answer"), [[Some("numeric(6,1)".to_owned())]]);
}
