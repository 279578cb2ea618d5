//! Elaborating only what differs comes to the same as elaborating all: for every real schema and every example project, after
//! each of a row of changes.
//!
//! The schema is pulled, the database is changed behind the project's back, and the way back to the project is planned twice.
//! `TRUEUP_PARTIAL=name|name` runs only those.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use support::servers::Server;
use trueup::core::catalog::Edge;
use trueup::engine::{Comparison, EphemeralChoice, Progress, PullTarget, Settings, compare, pull};
use trueup::postgres::ConnInfo;
use trueup::state::StateSpec;

/// Queries for statements that change one thing. The first statement that the server takes is the change; where it takes none of
/// the first ten, the schema has nothing to change in that way.
const CHANGES: &[(&str, &str)] = &[
    ("a comment", "select format('comment on table %s is %L', c.oid::regclass, 'changed') from tables c"),
    ("a column more", "select format('alter table %s add column %I text', c.oid::regclass, 'one more') from tables c order by c.oid desc"),
    ("a column less", "select format('alter table %s drop column %I', c.oid::regclass, a.attname) from tables c join columns a on a.attrelid = c.oid order by md5(a.attname), c.oid"),
    (
        "a column's type",
        "select format('alter table %s alter column %I type %s', c.oid::regclass, a.attname, case atttypid when 23 then 'bigint' else 'text' end)
         from tables c join columns a on a.attrelid = c.oid where atttypid in ('integer'::regtype, 'varchar'::regtype) order by c.oid, a.attnum",
    ),
    (
        "a column's name, where a view shows it",
        "select distinct format('alter table %s rename column %I to renamed', c.oid::regclass, a.attname)
         from tables c join columns a on a.attrelid = c.oid
         join pg_depend d on d.refobjid = c.oid and d.refobjsubid = a.attnum and d.classid = 'pg_rewrite'::regclass",
    ),
    (
        "a default",
        "select format('alter table %s alter column %I drop default', c.oid::regclass, a.attname)
         from tables c join columns a on a.attrelid = c.oid where a.atthasdef and a.attgenerated = '' order by c.oid desc",
    ),
    ("a check", "select format('alter table %s drop constraint %I', conrelid::regclass, conname) from pg_constraint where contype = 'c' and conrelid <> 0"),
    ("a foreign key", "select format('alter table %s drop constraint %I', conrelid::regclass, conname) from pg_constraint where contype = 'f' and conparentid = 0"),
    (
        "an index",
        "select format('drop index %s', indexrelid::regclass) from pg_index i join tables c on c.oid = i.indrelid
         where not exists (select from pg_constraint k where k.conindid = indexrelid)",
    ),
    ("a policy", "select format('alter policy %I on %s using (true)', polname, polrelid::regclass) from pg_policy"),
    ("a trigger", "select format('drop trigger %I on %s', tgname, tgrelid::regclass) from pg_trigger where not tgisinternal"),
    ("a view's column", "select format('alter view %s rename column %I to renamed', c.oid::regclass, a.attname) from pg_class c join columns a on a.attrelid = c.oid where c.relkind = 'v' and own(relnamespace)"),
    ("a view", "select format('drop view %s', c.oid::regclass) from pg_class c where c.relkind = 'v' and own(relnamespace)"),
    ("a routine's cost", "select format('alter function %s cost 77', oid::regprocedure) from pg_proc where prokind = 'f' and own(pronamespace) and oid >= 16384"),
    ("a routine", "select format('drop function %s', oid::regprocedure) from pg_proc where prokind = 'f' and own(pronamespace) and oid >= 16384"),
    ("a label", "select format('alter type %s add value %L', oid::regtype, 'one more') from pg_type where typtype = 'e' and own(typnamespace)"),
    ("a type", "select format('drop type %s', oid::regtype) from pg_type where typtype = 'e' and own(typnamespace)"),
    ("a table", "select format('drop table %s', c.oid::regclass) from tables c"),
    ("a table more", "select 'create table one_more (id integer primary key)'"),
];

const NAMES: &str = "create or replace function pg_temp.own(namespace oid) returns boolean language sql as
    $$ select nspname !~ '^pg_' and nspname <> 'information_schema' from pg_namespace where oid = namespace $$;
    create or replace temp view tables as select oid, relnamespace from pg_class c where relkind = 'r' and not relispartition and pg_temp.own(relnamespace);
    create or replace temp view columns as select attrelid, attnum, attname, atttypid, atthasdef, attgenerated from pg_attribute where attnum > 0 and not attisdropped and not attinhcount > 0;
    set search_path = public, pg_temp;";

/// Tells whether only a part was elaborated.
#[derive(Default)]
struct Watch {
    part: AtomicBool,
    all: AtomicBool,
}

impl Progress for Watch {
    fn stage(&self, what: &str) {
        self.part.fetch_or(what == "elaborating what differs", Ordering::SeqCst);
        self.all.fetch_or(what == "elaborating the declared schema", Ordering::SeqCst);
    }
    fn count(&self, _done: u64, _total: u64) {}
    fn done(&self) {}
}

fn settings(server: &Server, watch: &Arc<Watch>) -> Settings {
    let url = server.ephemeral();
    Settings {
        ephemeral: EphemeralChoice::Url(ConnInfo::parse(&url).expect("the server's own URL is one")),
        progress: Arc::clone(watch) as Arc<dyn Progress>,
        ..Settings::default()
    }
}

/// The differences, the plan, and the wanted catalog with its edges, as texts to compare.
fn told(comparison: &Comparison) -> String {
    let steps: Vec<String> = comparison.plan.steps().map(|step| format!("{:?} {}", step.phase, step.sql)).collect();
    let mut objects = String::new();
    for (id, object) in comparison.to.iter() {
        // Guesses from the bodies of routines order plans, which are compared themselves.
        let firm = comparison.to.dependencies(id).filter(|(_, edge)| *edge == Edge::Hard);
        let mut edges: Vec<String> = firm.map(|(to, _)| format!("{to:?}")).collect();
        edges.sort();
        objects.push_str(&format!("{id:?} {} {edges:?}\n", shown(object)));
    }
    format!("{:#?}\n{steps:#?}\n{objects}", comparison.differences)
}

/// An object without what is no difference: the places of columns with holes between them.
fn shown(object: &trueup::kinds::Object) -> String {
    let mut value = serde_json::to_value(object).unwrap_or_default();
    if let Some(column) = value.get_mut("column").and_then(serde_json::Value::as_object_mut) {
        column.remove("position");
    }
    value.to_string()
}

fn schemas() -> Vec<(PathBuf, String)> {
    let only = support::filter("TRUEUP_PARTIAL");
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    let mut found: Vec<PathBuf> = std::fs::read_dir(examples)
        .into_iter()
        .flatten()
        .chain(support::corpus().and_then(|corpus| std::fs::read_dir(corpus).ok()).into_iter().flatten())
        .flatten()
        .map(|entry| entry.path())
        .map(|path| if path.is_dir() { path.join("before.sql") } else { path })
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql") && path.is_file())
        .filter(|path| support::passes(only.as_deref(), &path.display().to_string()))
        .collect();
    found.sort();
    found.into_iter().filter_map(|path| Some((path.clone(), std::fs::read_to_string(path).ok()?))).collect()
}

#[test]
fn a_part_comes_to_the_same_as_all() {
    let Some(server) = support::servers::server() else { return };
    let schemas = schemas();
    let (parts, compared) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failed = Mutex::new(Vec::new());
    let numbered: Vec<_> = schemas.iter().enumerate().collect();
    support::in_parallel(&numbered, |_, (number, (path, sql))| {
        let name = path.display().to_string();
        if let Err(why) = schema(server, sql, *number, &parts, &compared) {
            failed.lock().expect("another case panicked").push(format!("{name}: {why}"));
        }
    });
    let failed = failed.into_inner().expect("a case panicked");
    let (parts, compared) = (parts.into_inner(), compared.into_inner());
    println!("{parts} of {compared} comparisons elaborated a part");
    assert!(failed.is_empty(), "{} schemas fail:\n{}", failed.len(), failed.join("\n"));
    assert!(schemas.is_empty() || parts * 2 > compared, "only {parts} of {compared} comparisons elaborated a part");
}

/// A fourth of the changes, another fourth for the next schema; `TRUEUP_PARTIAL` gets all of them.
fn schema(
    server: &Server,
    sql: &str,
    number: usize,
    parts: &AtomicUsize,
    compared: &AtomicUsize,
) -> Result<(), String> {
    let database = server.database();
    database.load(sql)?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let from = StateSpec::parse(&database.url).map_err(|error| error.message.clone())?;
    let to = StateSpec::Project(folder.path().to_owned());
    let watch = Arc::new(Watch::default());
    let mut settings = settings(server, &watch);
    runtime
        .block_on(pull(&from, &PullTarget::Dir(folder.path().to_owned()), false, &settings))
        .map_err(|error| error.message.clone())?;
    let all_changes = support::filter("TRUEUP_PARTIAL").is_some();
    let chosen = CHANGES.iter().enumerate().filter(|(change, _)| all_changes || (change + number).is_multiple_of(4));
    for (what, query) in chosen.map(|(_, change)| change) {
        if !change(&database, query)? {
            continue;
        }
        let mut told_by = Vec::new();
        for all in [false, true] {
            settings.elaborate_all = all;
            let found = runtime.block_on(compare(&from, &to, &settings));
            told_by.push(found.map(|found| told(&found)).map_err(|error| error.message.clone()));
            if !all {
                compared.fetch_add(1, Ordering::SeqCst);
                parts.fetch_add(usize::from(!watch.all.swap(false, Ordering::SeqCst)), Ordering::SeqCst);
            }
        }
        watch.all.store(false, Ordering::SeqCst);
        let (part, all) = match (&told_by[0], &told_by[1]) {
            (Ok(part), Ok(all)) => (part, all),
            // What is not modelled stands in the way of the whole, and need not in that of a part.
            (_, Err(why)) => {
                println!("after changing {what}, the whole cannot be elaborated: {why}");
                continue;
            }
            (Err(why), Ok(_)) => return Err(format!("after changing {what}, only the part fails: {why}")),
        };
        if part != all {
            let diff = similar::TextDiff::from_lines(all, part);
            let shown = diff.unified_diff().context_radius(1).header("all", "part").to_string();
            return Err(format!("after changing {what}:\n{}", support::head(&shown, 40)));
        }
    }
    Ok(())
}

/// Makes one change; whether there was something to change.
fn change(database: &support::servers::Database<'_>, query: &str) -> Result<bool, String> {
    let query = query.replace("own(", "pg_temp.own(");
    let statements = database.rows(&format!("{NAMES} {query} limit 10"))?;
    Ok(statements.into_iter().flatten().flatten().any(|statement| {
        support::servers::run(&database.url, &format!("set search_path = public; {statement}")).is_ok()
    }))
}
