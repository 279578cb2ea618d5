//! The scripts that `trueup sql` writes, run for real: each form of each example, from its starting point and from states in
//! which somebody left the work half done.
//!
//! The half-done states are made by chance, the same ones at every run: prefixes and subsets of the steps of the plan, from
//! `before.sql` and from an empty database, and the finished database with single objects gone. `TRUEUP_EXAMPLES=text|text` runs
//! only those examples, `TRUEUP_SEEDS=20` tries more states.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use support::place::{Place, ends};
use support::scripts::{self, FORMS, left, numbered, run_files, sql, twice};
use support::servers::{Database, Server};
use support::trueup::{DIFFERS, FINE, Run, trueup};

/// What a Supabase project brings along, as far as the examples need it.
const PLATFORM: &str = "
do $$
declare name text;
begin
  foreach name in array array['anon', 'authenticated', 'service_role', 'reporting'] loop
    begin execute format('create role %I nologin', name);
    exception when duplicate_object or unique_violation then null; end;
  end loop;
end $$;
create schema auth;
grant usage on schema auth to anon, authenticated, service_role;
create table auth.users (id uuid primary key, email text unique);
create function auth.uid() returns uuid language sql stable as $$
  select nullif(nullif(current_setting('request.jwt.claims', true), '')::json ->> 'sub', '')::uuid
$$;";

/// Chance that is the same at every run (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound.max(1) as u64).unwrap_or(0)
    }
}

fn read(example: &Path, name: &str) -> String {
    std::fs::read_to_string(example.join(name)).unwrap_or_default()
}

fn name(example: &Path) -> String {
    example.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn expect(run: Run, status: i32) -> Result<Run, String> {
    if run.status == status { Ok(run) } else { Err(format!("exit {status} was expected: {}", run.report())) }
}

/// Runs `work` for each item and reports what failed.
fn each<T: Sync>(items: &[T], show: impl Fn(&T) -> String, work: impl Fn(&T) -> Result<(), String> + Sync) {
    let results = support::in_parallel(items, |_, item| work(item));
    let failures: Vec<String> = items
        .iter()
        .zip(results)
        .filter_map(|(item, result)| result.err().map(|why| format!("{}: {why}", show(item))))
        .collect();
    assert!(failures.is_empty(), "{} of {} fail:\n{}", failures.len(), items.len(), failures.join("\n"));
}

fn started(server: &'static Server, example: &Path) -> Result<Database<'static>, String> {
    let database = server.database();
    database.load(&read(example, "before.sql")).map_err(|why| format!("before.sql: {why}"))?;
    Ok(database)
}

/// The SQL of the steps of a plan, each with whether it only adds.
fn steps(example: &Path, server: &Server, from: &str) -> Result<Vec<(String, bool)>, String> {
    let (project, scratch) = (example.display().to_string(), server.scratch());
    let run = trueup(&["plan", "--from", from, "--to", &project, "--ephemeral", &scratch, "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).map_err(|e| format!("{e}: {}", run.report()))?;
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let steps = list(&report["plan"]["transactions"]).into_iter().flat_map(|t| list(&t["steps"])).map(|step| {
        let adds = step["action"] != "drop" && list(&step["hazards"]).iter().all(|h| h["kind"] != "data-loss");
        (step["sql"].as_str().unwrap_or_default().to_owned(), adds)
    });
    let steps: Vec<_> = steps.collect();
    if steps.is_empty() { Err(format!("the plan has no steps: {}", run.report())) } else { Ok(steps) }
}

/// What single statements take away from a finished database; what cannot go because something needs it stays.
const TAKE_AWAY: &str = "
select format('alter table %s drop column %I', attrelid::regclass, attname) from pg_attribute a join pg_class c on c.oid = a.attrelid
where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and attnum > 0 and not attisdropped and not attnotnull
union all select format('alter table %s alter column %I drop default', adrelid::regclass, attname)
from pg_attrdef join pg_attribute on attrelid = adrelid and attnum = adnum join pg_class c on c.oid = adrelid
where c.relnamespace = 'public'::regnamespace
union all select format('alter table %s alter column %I drop not null', attrelid::regclass, attname)
from pg_attribute a join pg_class c on c.oid = a.attrelid
where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and attnum > 0 and not attisdropped and attnotnull
union all select format('drop index %s', indexrelid::regclass) from pg_index join pg_class c on c.oid = indexrelid
where c.relnamespace = 'public'::regnamespace and not exists (select from pg_constraint where conindid = indexrelid)
union all select format('alter table %s drop constraint %I', conrelid::regclass, conname) from pg_constraint
where connamespace = 'public'::regnamespace and conrelid <> 0
union all select format('drop policy %I on %s', polname, polrelid::regclass) from pg_policy
union all select format('drop trigger %I on %s', tgname, tgrelid::regclass) from pg_trigger where not tgisinternal
union all select format('revoke all on %s from %I', c.oid::regclass, r.rolname) from pg_class c, lateral aclexplode(c.relacl) a
join pg_roles r on r.oid = a.grantee where c.relnamespace = 'public'::regnamespace and a.grantee <> c.relowner
union all select format('alter table %s disable row level security', oid::regclass) from pg_class
where relrowsecurity and relnamespace = 'public'::regnamespace
union all select format('drop view %s', oid::regclass) from pg_class where relkind = 'v' and relnamespace = 'public'::regnamespace
union all select format('drop function %s', oid::regprocedure) from pg_proc where pronamespace = 'public'::regnamespace
union all select format('comment on table %s is null', oid::regclass) from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
order by 1";

/// How a half-done state comes about.
#[derive(Clone, Copy, Debug)]
enum Half {
    /// The first steps of the plan, from the starting point or from nothing.
    Prefix { empty: bool },
    /// Some of the steps, whichever run.
    Subset { empty: bool },
    /// All steps, and then single objects went.
    Gone,
}

fn half_done(
    half: Half,
    chance: &mut Chance,
    example: &Path,
    server: &'static Server,
    plans: &BTreeMap<bool, Vec<(String, bool)>>,
) -> Result<(Database<'static>, bool, Vec<String>), String> {
    let empty = matches!(half, Half::Prefix { empty: true } | Half::Subset { empty: true });
    let database = if empty {
        let database = server.database();
        database.load(PLATFORM)?;
        database
    } else {
        started(server, example)?
    };
    // What the columns hold that were there before, no script gives back.
    let of_old: BTreeSet<String> =
        database.rows(TAKE_AWAY)?.into_iter().flatten().flatten().filter(|s| s.contains(" drop column ")).collect();
    let plan = &plans[&empty];
    let mut ran = Vec::new();
    let mut run = |statement: &str, must: bool| {
        // As the plan runs them: names are found along the project's path, bodies are not looked into.
        let path = "set search_path = public, extensions; set check_function_bodies = off";
        let result = support::servers::run_all(&database.url, &[path, statement]);
        match result {
            Ok(()) => ran.push(statement.to_owned()),
            Err(error) if must => {
                return Err(format!("{statement}: {}", support::servers::describe(&error)));
            }
            Err(_) => {}
        }
        Ok(())
    };
    match half {
        Half::Prefix { .. } => {
            // Where the plan also takes away, what builds on that does not run.
            let must = plan.iter().all(|(_, adds)| *adds);
            let additions: Vec<_> = plan.iter().filter(|(_, adds)| *adds).collect();
            let count = chance.below(additions.len() + 1);
            for (statement, _) in additions.iter().take(count) {
                run(statement, must)?;
            }
        }
        Half::Subset { .. } => {
            for (statement, adds) in plan {
                if *adds && chance.below(3) > 0 {
                    run(statement, false)?;
                }
            }
        }
        Half::Gone => {
            for (statement, adds) in plan {
                if *adds {
                    run(statement, false)?;
                }
            }
            let mut all: Vec<String> = database.rows(TAKE_AWAY)?.into_iter().flatten().flatten().collect();
            all.retain(|statement| !of_old.contains(statement));
            for _ in 0..=chance.below(8) {
                run(&all[chance.below(all.len())], false)?;
            }
        }
    }
    Ok((database, empty, ran))
}

/// The claims of expect.sql, but for those that need something taken away, which the file `contract` lists.
fn claims(database: &Database, example: &Path) -> Result<(), String> {
    let contract = read(example, "contract");
    for claim in database.rows(&read(example, "expect.sql")).map_err(|error| format!("expect.sql: {error}"))? {
        let named = claim.first().and_then(Option::as_deref).unwrap_or_default();
        if claim.last().and_then(Option::as_deref) != Some("t") && !contract.lines().any(|line| line == named) {
            return Err(format!("expect.sql: not so: {claim:?}"));
        }
    }
    Ok(())
}

fn kept(before: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>) -> Result<(), String> {
    match before.iter().find(|(table, rows)| now.get(*table).is_none_or(|n| n < rows)) {
        Some((table, rows)) => Err(format!("{table} had {rows} rows and has {:?}", now.get(table))),
        None => Ok(()),
    }
}

#[test]
fn the_offline_script_mends_whatever_half_done_state_it_meets() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let seeds: u64 = support::filter("TRUEUP_SEEDS").and_then(|text| text.parse().ok()).unwrap_or(14);
    for example in support::examples(server.major) {
        let script = sql(&example, server, &["--offline", "--for", "supabase-editor"]).expect("the script is written");
        let from = started(server, &example).expect("the starting point");
        let plans = BTreeMap::from([
            (false, steps(&example, server, &from.url).expect("a plan")),
            (true, steps(&example, server, "empty").expect("a plan from nothing")),
        ]);
        drop(from);
        let seeds: Vec<u64> = (0..seeds).collect();
        each(
            &seeds,
            |seed| format!("{} from half-done state {seed}", name(&example)),
            |seed| {
                let half = match seed % 7 {
                    0 | 1 => Half::Prefix { empty: false },
                    2 => Half::Prefix { empty: true },
                    3 => Half::Subset { empty: false },
                    4 => Half::Subset { empty: true },
                    _ => Half::Gone,
                };
                let (database, empty, ran) = half_done(half, &mut Chance(*seed), &example, server, &plans)?;
                let told = |why: String| {
                    let last: Vec<_> = ran.iter().rev().take(8).rev().map(|s| support::head(s, 3)).collect();
                    format!("{half:?} after {} statements ({}): {why}", ran.len(), last.join("; "))
                };
                let rows = database.row_counts();
                let table = twice(&database, &script).map_err(told)?;
                if let Some((object, state)) = table.iter().find(|(_, state)| state != "ok") {
                    return Err(told(format!("the result table says of {object}: {state}")));
                }
                kept(&rows, &database.row_counts()).map_err(told)?;
                let left = left(&database, &example)?;
                if !left.is_empty() {
                    let left: Vec<String> = left.into_iter().map(|(_, whole)| whole).collect();
                    return Err(told(format!("still to be done: {}", left.join("\n"))));
                }
                if empty { Ok(()) } else { claims(&database, &example).map_err(told) }
            },
        );
    }
}

#[test]
fn contradictions_stop_the_offline_script_and_change_nothing() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    let cases = [
        (
            "romashka",
            "alter table messages alter column body type varchar(500)",
            "column public.messages.body is character varying(500), declared is text",
        ),
        (
            "romashka",
            "create view customer_profiles as select 1 as id",
            "public.customer_profiles is declared as a table and is a view",
        ),
        (
            "romashka",
            "create table conversation_overview (id int)",
            "public.conversation_overview is declared as a view and is a table",
        ),
        (
            "romashka",
            "create materialized view conversation_overview as select 1 as id",
            "public.conversation_overview is declared as a view and is a materialized view",
        ),
        (
            "romashka",
            "create view conversation_overview as select 1 as n",
            "view public.conversation_overview has the columns n integer; declared are id uuid",
        ),
        (
            "romashka",
            "create function touch_updated_at() returns int language sql as 'select 1'",
            "function public.touch_updated_at() returns integer, declared is trigger",
        ),
        (
            "romashka",
            "create procedure move_conversation_up() language sql as 'select 1'",
            "function public.move_conversation_up() returns nothing (it is a procedure), declared is trigger",
        ),
        (
            "romashka",
            "alter type message_direction rename to d; create type message_direction as enum ('outbound', 'inbound')",
            "enum public.message_direction has its values in another order than declared: outbound, inbound",
        ),
        (
            "romashka",
            "alter type message_direction rename to d; create domain message_direction as text",
            "type public.message_direction is declared as an enum and is another kind of type",
        ),
        (
            "romashka",
            "alter table conversations add constraint conversations_status_known check (status <> '')",
            "constraint conversations_status_known on public.conversations is CHECK ((status <> ''::text))",
        ),
        (
            "romashka",
            "create index conversations_customer_id_idx on conversations (status)",
            "index public.conversations_customer_id_idx is CREATE INDEX conversations_customer_id_idx ON public.conversations (status)",
        ),
        (
            "romashka",
            "create sequence conversations_customer_id_idx",
            "public.conversations_customer_id_idx is declared as a index and is a sequence",
        ),
        (
            "romashka",
            "alter table conversations add customer_id uuid generated always as (id) stored",
            "column public.conversations.customer_id is generated and is not declared so",
        ),
        (
            "leads",
            "alter table leads_master alter column id drop identity; alter table leads_master alter column id set default 7",
            "column public.leads_master.id is declared as identity and has a default",
        ),
        (
            "credits",
            "drop view busy_customers; drop view customer_stats; create view customer_stats as select name, id from customers",
            "view public.customer_stats has the columns name text, id uuid",
        ),
    ];
    let cases: Vec<_> =
        cases.into_iter().filter(|(example, ..)| support::is_for(&schema.join(example), server.major)).collect();
    let mut scripts = BTreeMap::new();
    for (example, ..) in &cases {
        scripts.entry(*example).or_insert_with(|| {
            sql(&schema.join(example), server, &["--offline", "--for", "supabase-editor"])
                .expect("the script is written")
        });
    }
    each(
        &cases,
        |(example, mutation, _)| format!("{example}, {mutation}"),
        |(example, mutation, message)| {
            let database = started(server, &schema.join(example))?;
            support::servers::run(&database.url, mutation).map_err(|e| support::servers::describe(&e))?;
            let (before, rows) = (support::judge::text(&database)?, database.row_counts());
            let error = match support::servers::run(&database.url, &scripts[example]) {
                Ok(()) => return Err("the script did not stop".to_owned()),
                Err(error) => support::servers::describe(&error),
            };
            if !error.contains(message) {
                return Err(format!("the script says: {error}"));
            }
            if support::judge::text(&database)? != before || database.row_counts() != rows {
                return Err("the script stopped, yet something changed".to_owned());
            }
            Ok(())
        },
    );
}

/// Contradictions that no example holds: the project, what is there, and the words.
const CONTRADICTIONS: &[(&str, &str, &str)] = &[
    (
        "tables: {t: {columns: {id: int primary key, g: int generated always as (id + 1) stored}}}",
        "create table t (id int primary key, g int generated always as (id * 2) stored)",
        "column public.t.g is generated as (id * 2), declared is (id + 1)",
    ),
    (
        "domains: {d: {type: int, constraints: {small: check (value < 10)}}}",
        "create domain d as int constraint small check (value < 20)",
        "constraint small on domain public.d is CHECK ((VALUE < 20)), declared is CHECK (VALUE < 10)",
    ),
    (
        "sequences: {s: {max: 5}}",
        "create sequence s; select setval('s', 9)",
        "sequence public.s stands at 9, outside of what is declared: 1 to 5",
    ),
    (
        "tables: {t: {columns: {id: int not null default 7}}}",
        "create table t (id int generated always as identity)",
        "column public.t.id is declared with a default and is an identity column",
    ),
];

#[test]
fn what_exists_and_says_something_else_is_named() {
    let Some(server) = support::servers::server() else {
        return;
    };
    each(
        CONTRADICTIONS,
        |(yaml, ..)| (*yaml).to_owned(),
        |(yaml, before, message)| {
            let folder = project(yaml);
            let script = sql(folder.path(), server, &["--offline", "--for", "supabase-editor"])?;
            let database = server.database();
            database.load(before)?;
            let schema = support::judge::text(&database)?;
            let error = match support::servers::run(&database.url, &script) {
                Ok(()) => return Err("the script did not stop".to_owned()),
                Err(error) => support::servers::describe(&error),
            };
            if !error.contains(message) || support::judge::text(&database)? != schema {
                return Err(format!("the script says: {error}"));
            }
            Ok(())
        },
    );
}

/// A project of one file in a folder of its own.
fn project(yaml: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("trueup.yaml"), "version: 1\n").expect("a file");
    std::fs::write(folder.path().join("schema.yaml"), yaml).expect("a file");
    folder
}

#[test]
fn a_new_enum_value_is_committed_before_it_is_used() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let folder = project(
        "enums:\n  mood: [calm, glad, sad, wild]\ntables:\n  t:\n    columns:\n      a: int\n      m: mood not null default 'calm'\n    \
         indexes:\n      t_wild_idx: (a) where m = 'wild'\n",
    );
    let before =
        "create type mood as enum ('glad', 'sad'); create table t (a int, m mood); insert into t values (1, 'glad')";
    let database = server.database();
    database.load(before).expect("before");
    // One script cannot do it, says so, and says how.
    let script = sql(folder.path(), server, &["--offline", "--for", "supabase-editor"]).expect("the script");
    let error =
        support::servers::run(&database.url, &script).expect_err("a value that is not committed cannot be used");
    let error = error.as_db_error().expect("an error of the server");
    assert!(error.message().contains("enum public.mood lacks the value calm"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("--out DIR")), "{error:?}");
    // Numbered files can, twice.
    let out = folder.path().join("out").display().to_string();
    sql(folder.path(), server, &["--offline", "--for", "supabase-editor", "--out", &out]).expect("the files");
    let files = numbered(Path::new(&out));
    assert_eq!(files.len(), 2, "{:?}", files.iter().map(|f| &f.0).collect::<Vec<_>>());
    run_files(&database, &files).expect("the files run");
    run_files(&database, &files).expect("the files run again");
    scripts::nothing_left(&database, folder.path(), "");
    // From nothing, one script is enough.
    let empty = server.database();
    twice(&empty, &script).expect("the script runs where nothing is");
    // Online, and as migrations, which end in the same.
    for whom in ["supabase-editor", "supabase-migration"] {
        let database = server.database();
        database.load(before).expect("before");
        let out = folder.path().join(whom).display().to_string();
        sql(folder.path(), server, &["--from", &database.url, "--for", whom, "--out", &out]).expect("the files");
        let files = numbered(Path::new(&out));
        assert!(files.len() > 1, "{whom}");
        run_files(&database, &files).expect("the files run");
        if whom == "supabase-editor" {
            run_files(&database, &files).expect("the files run again");
        }
        scripts::nothing_left(&database, folder.path(), whom);
    }
}

/// A definition beside the enum `mood`, which gets the value `wild`, and whether it uses that value.
const USES: &[(&str, bool)] = &[
    ("tables: {t: {columns: {a: int, m: mood default 'wild', s: text}}}", true),
    ("tables: {t: {columns: {a: int, m: mood, s: text default 'wild'}}}", false),
    ("tables: {t: {columns: {a: int, m: mood, s: text}, constraints: {c: \"check (m <> 'wild')\"}}}", true),
    ("tables: {t: {columns: {a: int, m: mood, s: text}, constraints: {c: \"check (m::text <> 'wild')\"}}}", false),
    (
        "tables: {t: {columns: {a: int, m: mood, s: text}, rls: enabled, policies: {p: {for: select, to: [public], using: m = 'wild'}}}}",
        true,
    ),
    ("tables: {t: {columns: {a: int, m: mood, s: text}, indexes: {i: (a) where m = 'wild'}}}", true),
    ("tables: {t: {columns: {a: int, m: mood, s: text, n: \"mood[] default '{glad,wild}'\"}}}", true),
    ("tables: {t: {comment: wild, columns: {a: int, m: mood, s: text}}}", false),
    ("tables: {t: {columns: {a: int, m: {type: mood, backfill: {set: \"'wild'\", rows: all}}, s: text}}}", true),
    ("tables: {t: {columns: {a: int, m: {type: mood, backfill: {set: \"'sad'\", rows: all}}, s: text}}}", false),
    ("views: {v: \"select a from t where m = 'wild'\"}", true),
    ("views: {v: \"select 'wild' as a from t\"}", false),
    ("domains: {d: {type: mood, default: \"'wild'\"}}", true),
    ("functions: {f(): {returns: mood, language: plpgsql, body: \"begin return 'wild'; end\"}}", false),
    ("functions: {f(m mood default 'wild'): {returns: int, language: sql, body: select 1}}", true),
];

#[test]
fn one_script_is_written_where_it_can_be_run() {
    let Some(server) = support::servers::server() else {
        return;
    };
    support::in_parallel(USES, |_, (definition, uses)| {
        let table =
            if definition.starts_with("tables") { "" } else { "tables: {t: {columns: {a: int, m: mood, s: text}}}\n" };
        let folder = project(&format!("enums: {{mood: [glad, sad, wild]}}\n{table}{definition}\n"));
        let database = server.database();
        let before = "create type mood as enum ('glad', 'sad'); create table t (a int, m mood, s text); insert into t values (1)";
        database.load(before).expect("before");
        let script = sql(folder.path(), server, &["--from", &database.url, "--for", "supabase-editor"]);
        match (script, uses) {
            (Ok(script), false) => {
                twice(&database, &script).unwrap_or_else(|why| panic!("{definition}: {why}"));
                scripts::nothing_left(&database, folder.path(), definition);
            }
            (Err(error), true) => {
                for words in ["one-file", "--out DIR", "the new value 'wild' of enum public.mood"] {
                    assert!(error.contains(words), "{definition}: {error}");
                }
            }
            (Ok(_), true) => panic!("a script was written that cannot be run: {definition}"),
            (Err(error), false) => panic!("{definition}: {error}"),
        }
    });
}

#[test]
fn what_waits_for_the_end_of_the_transaction_is_checked_before_the_table_is_altered() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let folder = project(
        "tables:\n  p: {columns: {id: int primary key}}\n  t:\n    columns:\n      id: int primary key\n      p: {type: int, not_null: true, backfill: \"1\"}\n    \
         constraints: {fk: foreign key (p) references p deferrable initially deferred}\n",
    );
    for form in FORMS {
        let database = server.database();
        let before = "create table p (id int primary key); insert into p values (1); create table t (id int primary key, p int constraint fk references p \
                      deferrable initially deferred); insert into t values (1)";
        database.load(before).expect("before");
        scripts::emitted(&database, folder.path(), form).unwrap_or_else(|why| panic!("{form}: {why}"));
        scripts::nothing_left(&database, folder.path(), form);
    }
    let database = server.database();
    database.load("create table p (id int primary key); insert into p values (1); create table t (id int primary key, p int constraint fk references p \
                   deferrable initially deferred); insert into t values (1)").expect("before");
    let script = sql(folder.path(), server, &["--offline", "--for", "supabase-editor"]).expect("the script");
    twice(&database, &script).expect("the script that may meet any state");
}

#[test]
fn the_offline_script_renames_what_has_another_name() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let folder = project(
        "enums:\n  mood: {values: [glad, sad], renamed: {glad: happy}}\ntables:\n  people:\n    was: persons\n    columns:\n      \
         id: int primary key\n      status: {type: text, was: state}\n      m: mood\n",
    );
    let script = sql(folder.path(), server, &["--offline", "--for", "supabase-editor"]).expect("the script");
    for before in [
        "create type mood as enum ('happy', 'sad'); create table persons (id int constraint people_pkey primary key, state text, m mood);
         insert into persons values (1, 'a', 'happy')",
        "create type mood as enum ('glad', 'sad'); create table people (id int constraint people_pkey primary key, state text);
         insert into people values (1, 'a')",
        "select 1",
    ] {
        let database = server.database();
        database.load(before).expect("before");
        let rows: u64 = database.row_counts().values().sum();
        twice(&database, &script).unwrap_or_else(|why| panic!("{before}: {why}"));
        scripts::nothing_left(&database, folder.path(), before);
        assert_eq!(database.row_counts().values().sum::<u64>(), rows, "{before}");
        let values = database.rows("select count(*) from people where status is distinct from 'a'").expect("rows");
        assert_eq!(values, [[Some("0".to_owned())]], "{before}: the values went with the column");
    }
}

/// Between the two, whoever calls the function would find that it names what is gone.
#[test]
fn a_body_changes_with_the_name_that_it_uses() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let folder = project(
        "enums:\n  mood: {values: [calm, glad, sad], renamed: {glad: happy}}\ntables:\n  t:\n    columns:\n      id: int primary key\n      status: {type: text, was: state}\n      \
         m: mood\n    indexes:\n      t_calm_idx: (id) where m = 'calm'\nfunctions:\n  opened():\n    returns: bigint\n    language: plpgsql\n    \
         body: begin return (select count(*) from t where status = 'open' and m = 'glad'); end\n",
    );
    let before = "create type mood as enum ('happy', 'sad'); create table t (id int primary key, state text, m mood);
        create function opened() returns bigint language plpgsql as $$ begin return (select count(*) from t where state = 'open' and m = 'happy'); end $$;
        insert into t values (1, 'open', 'happy')";
    let forms: [&[&str]; 4] = [
        &["--for", "supabase-editor"],
        &["--for", "supabase-editor", "--offline"],
        &["--for", "supabase-migration"],
        &["--for", "psql"],
    ];
    for form in forms {
        let database = server.database();
        database.load(before).expect("before");
        let offline = form.contains(&"--offline");
        let out = folder.path().join(form.join("")).display().to_string();
        let out = if form.contains(&"psql") { format!("{out}/one.sql") } else { out };
        if out.ends_with(".sql") {
            std::fs::create_dir_all(Path::new(&out).parent().expect("a folder")).expect("a folder");
        }
        let mut arguments = form.to_vec();
        arguments.extend(["--out", &out]);
        if !offline {
            arguments.extend(["--from", &database.url]);
        }
        sql(folder.path(), server, &arguments).expect("it is written");
        let files = if out.ends_with(".sql") {
            let text = std::fs::read_to_string(&out).expect("a script");
            let parts = text.split("\nCOMMIT;\n").map(|part| (String::new(), part.to_owned()));
            parts.collect()
        } else {
            numbered(Path::new(&out))
        };
        assert!(files.len() > 1, "{form:?}: a new value is committed by itself");
        for words in ["RENAME COLUMN state TO status", "RENAME VALUE"] {
            let with: Vec<_> = files.iter().filter(|(_, text)| text.contains(words)).collect();
            assert!(
                matches!(with[..], [(_, text)] if text.contains("FUNCTION public.opened()")),
                "{form:?}: {words} {files:#?}"
            );
        }
        if !out.ends_with(".sql") {
            for (name, text) in &files {
                support::servers::run(&database.url, text)
                    .unwrap_or_else(|e| panic!("{name}: {}", support::servers::describe(&e)));
                let opened =
                    database.rows("select opened()").unwrap_or_else(|why| panic!("{form:?}, after {name}: {why}"));
                assert_eq!(opened, [[Some("1".to_owned())]], "{form:?}, after {name}");
            }
            scripts::nothing_left(&database, folder.path(), &out);
        }
    }
}

#[test]
fn every_form_of_every_example_runs() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let all: Vec<(PathBuf, &str)> = support::examples(server.major)
        .into_iter()
        .flat_map(|example| FORMS.iter().map(move |form| (example.clone(), *form)))
        .collect();
    each(
        &all,
        |(example, form)| format!("{} as {form}", name(example)),
        |(example, form)| written(server, example, form),
    );
}

fn written(server: &'static Server, example: &Path, form: &str) -> Result<(), String> {
    let database = started(server, example)?;
    let rows = database.row_counts();
    scripts::emitted(&database, example, form)?;
    let (project, scratch) = (example.display().to_string(), server.scratch());
    expect(trueup(&["diff", "--from", &database.url, "--to", &project, "--ephemeral", &scratch]), 0)?;
    expect(trueup(&["verify", "--from", &database.url, "--to", &project, "--ephemeral", &scratch]), 0)?;
    for claim in database.rows(&read(example, "expect.sql")).map_err(|error| format!("expect.sql: {error}"))? {
        if claim.last().and_then(Option::as_deref) != Some("t") {
            return Err(format!("expect.sql: not so: {claim:?}"));
        }
    }
    let now = database.row_counts();
    let retired = |table: &str| !now.contains_key(table);
    kept(&rows.into_iter().filter(|(table, _)| !retired(table)).collect(), &now)
}

#[test]
fn an_index_is_built_concurrently_in_a_file_of_its_own() {
    let Some(server) = support::servers::server() else {
        return;
    };
    let folder = project(
        "tables:\n  t:\n    columns:\n      a: int not null\n      b: int\n    indexes:\n      t_a_idx: (a)\n    constraints:\n      t_b_once: unique (b)\n",
    );
    let database = server.database();
    database
        .load("create table t (a int, b int); insert into t select i, i from generate_series(1, 100) i")
        .expect("before");
    let out = folder.path().join("out").display().to_string();
    let run = |database: &Database| {
        sql(folder.path(), server, &["--from", &database.url, "--for", "supabase-editor", "--out", &out])
    };
    run(&database).expect("the files");
    let files = numbered(Path::new(&out));
    for (n, (name, text)) in files.iter().enumerate() {
        let (own, last) = (format!("file {} of {}.", n + 1, files.len()), n + 1 == files.len());
        assert!(text.contains(&own) && text.contains("in the order of their numbers"), "{name}: {text}");
        let next = files.get(n + 1).map_or("It is the last one".to_owned(), |(next, _)| format!("-- Then: {next}"));
        assert!(text.contains(&next), "{name}: {text}");
        assert_eq!(text.contains("SELECT object, state"), last, "{name}: {text}");
        let how = if name.ends_with("_alone.sql") {
            let (before, _) = n.checked_sub(1).and_then(|n| files.get(n)).expect("what clears away comes before");
            format!("run {before} again, which clears away what is left of it, and then this file again")
        } else {
            "if it fails, nothing of this file is done".to_owned()
        };
        assert!(text.contains(&how), "{name}: {text}");
    }
    let concurrent: Vec<_> = files.iter().filter(|(_, text)| text.contains("CONCURRENTLY")).collect();
    assert_eq!(concurrent.len(), 2, "{files:#?}");
    for (name, text) in &concurrent {
        let statements = text.lines().filter(|line| line.ends_with(';')).count();
        assert_eq!(statements, 1, "{name}: {text}");
    }
    // What a build that was cut off leaves behind is cleared away.
    support::servers::run(
        &database.url,
        "create index t_a_idx on t (a); update pg_index set indisvalid = false where indexrelid = 't_a_idx'::regclass",
    )
    .expect("an invalid index");
    // What would fail in the middle of a build is said by the file before it.
    support::servers::run(&database.url, "insert into t values (0, 5)").expect("a value twice");
    let error = run_files(&database, &files).expect_err("it is not unique");
    assert!(error.contains("steps.sql: ") && error.contains("is repeated for 1 value"), "{error}");
    support::servers::run(&database.url, "delete from t where a = 0").expect("it is mended");
    run_files(&database, &files).expect("the files run");
    run_files(&database, &files).expect("the files run again");
    let (project, scratch) = (folder.path().display().to_string(), server.scratch());
    let diff = trueup(&["diff", "--from", &database.url, "--to", &project, "--ephemeral", &scratch]);
    assert_ne!(diff.status, DIFFERS, "{}", diff.report());
    assert_eq!(diff.status, 0, "{}", diff.report());
}

/// Every database of the platform has pgcrypto and uuid-ossp; a project declares them where its migrations name them.
#[test]
fn a_pull_from_migrations_takes_the_extensions_that_they_name() {
    let Some(server) = support::servers::server() else { return };
    let place = Place::new(server, "");
    for (name, more) in [("silent", ""), ("named", "create extension if not exists pgcrypto with schema extensions;")] {
        place.write(&format!("{name}/trueup.yaml"), "version: 1\nprofile: supabase\n");
        let migration = format!("create table t (id uuid primary key default gen_random_uuid());\n{more}");
        place.write(&format!("{name}/supabase/migrations/20260101000000_a.sql"), &migration);
        let from = format!("{name}/supabase/migrations");
        ends(place.call(&["pull", "--from", &from, "--out", name]), FINE);
        assert!(place.read(&format!("{name}/schema/public/tables/t.yaml")).contains("id"), "{name}");
        let rest = place.read(&format!("{name}/schema/database.yaml"));
        assert_eq!(rest.contains("pgcrypto"), !more.is_empty(), "{name}: {rest}");
        assert!(!rest.contains("uuid-ossp"), "{name}: {rest}");
    }
}
