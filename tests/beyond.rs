//! What a database holds beyond the kinds that are modelled is named by every command that reads it.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use support::place::{Place, ends, says};
use support::servers::run;
use support::trueup::FINE;

/// What each of these leaves in a database is in no dump of the kinds that are modelled; so it is named.
const LEFT_OUT: &[(&str, &str)] = &[
    ("alter function f() depends on extension pgcrypto", "dependence on an extension{}function f() on pgcrypto"),
    (
        "comment on function digest(text, text) is 'x'",
        "change to a part of an extension{}comment on function digest(text,text)",
    ),
    (
        "create view stat as select 1 as a; alter extension pgcrypto add view stat; grant select on stat to public; \
         create function g() returns trigger language plpgsql as 'begin return new;end'; \
         create trigger mine instead of insert on stat for each row execute function g()",
        "change to a part of an extension{}trigger mine on view stat",
    ),
    (
        "revoke execute on function pg_sleep(float8) from public",
        "privilege on a part of PostgreSQL{}function pg_sleep(double precision) for public",
    ),
    ("revoke usage on type t from public", "privilege on a row type{}public.t"),
    ("grant select (ctid) on t to public", "privilege on a system column{}public.t.ctid"),
    (
        "create sequence s; grant select (last_value) on s to public",
        "privilege on a column of a sequence{}s.last_value",
    ),
    (
        "create table p (a int, constraint k foreign key (a) references t) partition by list (a); \
         create table p1 partition of p for values in (1); comment on constraint k on p1 is 'x'",
        "comment on a part of a partition{}constraint k on table p1",
    ),
    (
        "create foreign data wrapper w; create server s foreign data wrapper w; create foreign table far (a int) server s; \
         create table heir () inherits (far)",
        "inheritance from a foreign or an extension's table{}public.heir from far",
    ),
    ("create function pg_catalog.own() returns int language sql as 'select 1'", "object in a system schema{}own()"),
    (
        "alter default privileges in schema pg_catalog grant select on tables to public",
        "default privileges in a system schema{}pg_catalog for ",
    ),
    (
        "create subscription sub connection 'dbname=nowhere password=hidden' publication p with (connect = false, slot_name = none)",
        "subscription{}sub",
    ),
    (
        "do $$ begin execute format('alter database %I set my.setting = ''hidden''', current_database());end $$",
        "setting of the database{}my.setting",
    ),
];

/// What the model has not, a table and what rests on both, and what the errors call it.
const RESTING: &[(&str, &str)] = &[
    (
        "create aggregate total(int) (sfunc = int4pl, stype = int, initcond = '0'); create view v as select total(a) as s from t",
        "aggregate total(integer)",
    ),
    ("create type span as range (subtype = float8); alter table t add c span", "range type span"),
    (
        "create function below(int, int) returns boolean immutable language sql as 'select $1 < $2'; \
         create operator <<< (leftarg = int, rightarg = int, function = below); create view v as select a <<< 1 as s from t",
        "operator <<<(integer,integer)",
    ),
    ("create collation other (locale = 'C'); alter table t add c text collate other", "collation other"),
    (
        "create text search configuration mine (copy = simple); create view v as select to_tsvector('mine', a::text) as s from t",
        "text search configuration mine",
    ),
    (
        "create foreign data wrapper w; create server s foreign data wrapper w; create foreign table far (b int) server s; \
         create view v as select b from far join t on true",
        "foreign table far",
    ),
    (
        "create type pair as (a int, b int); create function of_int(int) returns pair immutable language sql as 'select row($1, $1)::pair'; \
         create cast (int as pair) with function of_int(int); create view v as select a::pair as s from t",
        "cast integer as pair",
    ),
];

#[test]
fn what_rests_on_what_is_beyond_the_model_is_told_where_it_cannot_be_built() {
    let Some(server) = support::servers::server() else { return };
    support::in_parallel(RESTING, |_, (sql, named)| {
        let place = Place::new(server, &format!("create table t (id int primary key, a int); {sql}"));
        let from = place.database.url.clone();
        ends(place.call(&["pull", "--from", &from, "--out", "db"]), FINE);
        let written = place.read("db/schema/public/tables/t.yaml");
        let renamed = written.replacen("      a: integer", "      a2: {type: integer, was: a}", 1);
        assert_ne!(written, renamed, "{written}");
        let hidden = |said: &str| assert!(!said.contains("explicit type casts"), "{said}");
        let tell = |said: &str| {
            hidden(said);
            for words in [named, "does not model"] {
                assert!(said.contains(words), "`{words}` is missing: {said}");
            }
        };
        // To prove a plan, a clone is built.
        place.write("db/schema/public/tables/another.yaml", "tables: {another: {columns: {id: int primary key}}}\n");
        let proved = ends(place.call(&["diff", "--from", &from, "--to", "db", "--prove"]), 1);
        tell(&proved.stderr);
        assert!(proved.stderr.contains("no clone could be built"), "{}", proved.stderr);
        assert!(!proved.stderr.contains("please report"), "{}", proved.stderr);
        // The state that a plan starts from is built to rename in it.
        place.write("db/schema/public/tables/t.yaml", &renamed);
        let views = place.read("db/schema/public/views.yaml");
        place.write("db/schema/public/views.yaml", &views.replace("t.a)", "t.a2)").replace("t.a ", "t.a2 "));
        tell(&ends(place.call(&["diff", "--from", &from, "--to", "db"]), 1).stderr);
        place.write("db/schema/public/tables/t.yaml", &written);
        place.write("db/schema/public/views.yaml", &views);
        // Where no live database is asked, only the name is known.
        place.git(&["init", "-q"]);
        place.git(&["add", "db"]);
        place.git(&["commit", "-q", "-m", "x"]);
        let (_, name) = named.rsplit_once(' ').unwrap_or_default();
        let name = name.split('(').next().unwrap_or_default();
        let offline = ["sql", "--offline", "--for", "psql", "--to", "db"];
        for call in [&["diff", "--from", "git:HEAD:db", "--to", "db"][..], &offline] {
            let run = ends(place.call(call), 1);
            for words in [name, "neither declared nor a part of PostgreSQL", "does not model"] {
                assert!(run.stderr.contains(words), "`{words}` is missing: {}", run.stderr);
            }
            hidden(&run.stderr);
        }
    });
}

#[test]
fn what_is_beyond_the_model_is_named() {
    let Some(server) = support::servers::server() else { return };
    let sql = "create extension pgcrypto; create table t (a int primary key); \
               create function f() returns int language sql as 'select 1'";
    let place = Place::new(server, sql);
    let from = place.database.url.clone();
    for (n, (sql, _)) in LEFT_OUT.iter().enumerate() {
        for statement in sql.split("; ") {
            run(&from, statement).unwrap_or_else(|e| panic!("{n}: {e}"));
        }
    }
    let pulled = ends(place.call(&["pull", "--from", &from, "--out", "all"]), FINE);
    let diff = ends(place.call(&["diff", "--from", &from, "--to", "all"]), FINE);
    run(&from, "drop subscription sub").expect("a database with a subscription cannot be dropped");
    for (_, named) in LEFT_OUT {
        let (kind, name) = named.split_once("{}").expect("a kind and a name");
        for said in [&pulled.stderr, &diff.stderr] {
            let line = said.lines().find(|line| line.contains(&format!(" of kind {kind} is not modelled")));
            assert!(line.is_some_and(|line| line.contains(name)), "{named}\n{said}");
            assert!(!said.contains("hidden"), "{said}");
        }
    }
}

/// Entries among the options of everything that has options: one that a server is known to keep for itself, and others.
const ENTRIES: &str = "set allow_system_table_mods = on; \
    update pg_attribute set attoptions = array(select o from unnest(attoptions) o where o !~ '^pg_') || '{pg_attver=77,colour=red}' \
      where attrelid in ('t'::regclass, 'v'::regclass, 'm'::regclass) and attnum > 0; \
    update pg_class set reloptions = reloptions || '{pg_relver=5}' where relname in ('t', 'm', 'i', 'k') or relname = 'v' and relkind = 'v'; \
    update pg_proc set proconfig = proconfig || '{pg_procver=5}' where proname = 'f'";

#[test]
fn entries_of_a_server_are_no_options() {
    let Some(server) = support::servers::server() else { return };
    let sql = "create table t (a int constraint k primary key with (fillfactor = 60), b text, c int[]) with (fillfactor = 70); \
               alter table t alter a set (n_distinct = 5); create index i on t using gin (c) with (fastupdate = off); \
               create view v with (security_barrier = true) as select a from t; \
               create materialized view m with (fillfactor = 80) as select a from t; \
               create function f() returns int language sql set search_path = public as 'select 1'";
    let place = Place::new(server, sql);
    let from = place.database.url.clone();
    run(&from, ENTRIES).expect("the catalogs can be written to");
    let unknown = ["colour of columns: public.m.a", "pg_relver of tables: public.m and 1 more"];
    let all = [
        &unknown[..],
        &["pg_relver of views: public.v", "pg_relver of indexes: ", "pg_procver of functions: public.f()"],
    ];
    let pulled = ends(place.call(&["pull", "--from", &from, "--out", "all"]), FINE);
    says(&pulled, &all.concat());
    assert_eq!(pulled.stderr.matches("[unknown-option]").count(), 1, "{}", pulled.stderr);
    let table = place.read("all/schema/public/tables/t.yaml");
    for word in ["n_distinct", "fillfactor='60'", "fillfactor: \"70\"", "fastupdate"] {
        assert!(table.contains(word), "{word}: {table}");
    }
    for word in ["attver", "colour", "relver"] {
        assert!(!table.contains(word), "{word}: {table}");
    }
    let nothing = |to: &str| {
        let run = ends(place.call(&["diff", "--from", &from, "--to", to]), FINE);
        assert!(run.stdout.contains("No differences"), "{}", run.stdout);
        run
    };
    says(&nothing("all"), &unknown);

    // A project and a snapshot that took the entries for options.
    let known = "options: {n_distinct: \"5\"";
    let with = |more: &str| table.replace(known, &format!("{known}, {more}"));
    place.write("all/schema/public/tables/t.yaml", &with("pg_attver: \"77\", pg_other: 1"));
    let run = nothing("all");
    says(
        &run,
        &[
            "servers-option",
            "t.yaml:",
            "`pg_attver` is an entry that a server keeps for itself (and 1 more in the project)",
        ],
    );
    says(&ends(place.call(&["check", "--to", "all"]), FINE), &["servers-option"]);
    ends(place.call(&["pull", "--from", &from, "--out", "all.json"]), FINE);
    let snapshot = place
        .read("all.json")
        .replace("\"n_distinct\":\"5\"", "\"n_distinct\":\"5\",\"pg_attver\":\"77\",\"smell\":\"sweet\"");
    place.write("all.json", &snapshot);
    says(&nothing("all.json"), &["smell of columns: public.t.a"]);

    // What a person declares is never passed over.
    place.write("all/schema/public/tables/t.yaml", &with("n_distnct: 5"));
    let refused = ends(place.call(&["diff", "--from", &from, "--to", "all"]), support::trueup::ERROR);
    says(&refused, &["unknown-option", "t.yaml:", "did you mean `n_distinct`?"]);
    place.write("all/schema/public/tables/t.yaml", &table.replace("fastupdate", "fillfactor"));
    let refused = ends(place.call(&["diff", "--from", &from, "--to", "all"]), support::trueup::ERROR);
    says(&refused, &["unknown-option", "`fillfactor` is no option of indexes that trueup knows"]);
}
