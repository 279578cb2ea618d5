//! Runs one case.

use std::collections::BTreeSet;

use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use trueup::apply::preflight::preflight;
use trueup::apply::{RunOptions, Silent};
use trueup::core::catalog::Catalog;
use trueup::core::id::ObjectId;
use trueup::core::step::Step;
use trueup::diff::{ChangeKind, diff};
use trueup::introspect::introspect;
use trueup::kinds::KindTag;
use trueup::kinds::table::Table;
use trueup::kinds::table::inheritance::parents;
use trueup::plan::{Plan, PlanOptions, plan};
use trueup::postgres::{ConnInfo, Session};

use super::model::Model;
use super::rows::{fill, keys};
use super::support::catalog::lines;
use super::support::judge::Options;
use super::support::servers::{Database, Server, quoted, run};
use super::write::{ROLES, script};

/// What a case that held was about.
pub struct Done {
    /// Statements written.
    pub written: usize,
    /// Statements that the server took.
    pub loaded: usize,
    /// Steps planned.
    pub steps: usize,
    /// Tables whose rows were there and still are.
    pub rows: usize,
}

/// Makes what all cases take for granted.
pub fn prepare(server: &Server) {
    for role in ROLES {
        let _ = run(&server.ephemeral(), &format!("create role {}", quoted(role)));
    }
}

/// A database and a session in it.
struct Place<'a> {
    session: Session,
    database: Database<'a>,
}

impl<'a> Place<'a> {
    fn new(server: &'a Server, runtime: &Runtime) -> Result<Self, String> {
        let database = server.database();
        let info = ConnInfo::parse(&database.url).map_err(|e| e.to_string())?;
        let session = runtime.block_on(Session::connect(&info)).map_err(|e| e.to_string())?;
        Ok(Self { session, database })
    }
}

/// What a worker runs its cases in. Making two databases takes longer than all else that a case does; so they are emptied
/// and used again, unless a case failed in them.
pub struct Desk<'a> {
    server: &'a Server,
    runtime: Runtime,
    places: Option<(Place<'a>, Place<'a>)>,
}

/// Empties a database: everything in it is in a schema, but extensions and what future objects get.
///
/// What privileges future objects get in no schema goes with no DROP but that of its role.
const EMPTY: &str = r#"
    rollback;
    do $$
    declare name text;
    begin
        for name in select format('%I', extname) from pg_extension where extname <> 'plpgsql' loop
            execute 'drop extension ' || name || ' cascade';
        end loop;
        for name in select format('%I', nspname) from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema' loop
            execute 'drop schema ' || name || ' cascade';
        end loop;
        delete from pg_shdepend where classid = 'pg_default_acl'::regclass
            and dbid = (select oid from pg_database where datname = current_database());
        delete from pg_default_acl;
        create schema public;
        grant usage on schema public to public;
    end $$;
    reset all;
"#;

impl<'a> Desk<'a> {
    /// A desk with nothing on it.
    pub fn new(server: &'a Server) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { server, runtime, places: None }
    }

    /// Runs the case of a seed.
    pub fn case(&mut self, seed: u64, a: &Model, b: &Model, verbose: bool) -> Result<Done, String> {
        let (first, second) = match self.places.take() {
            Some(places) => places,
            None => (Place::new(self.server, &self.runtime)?, Place::new(self.server, &self.runtime)?),
        };
        let result = self.runtime.block_on(converge(&first, &second, seed, a, b, verbose)).and_then(|(done, plan)| {
            if let Some(plan) = plan {
                alike(&first.database, &second.database, &plan)?;
            }
            Ok(done)
        });
        let empty = async {
            first.session.batch(EMPTY).await?;
            second.session.batch(EMPTY).await
        };
        if self.runtime.block_on(empty).is_ok() {
            self.places = Some((first, second));
        }
        result
    }
}

/// Compares two databases without trueup's eyes.
fn alike(first: &Database<'_>, second: &Database<'_>, plan: &str) -> Result<(), String> {
    let options = Options { ignore_column_order: true, fixpoint: false };
    let (mut left, right) = (lines(first, options)?, lines(second, options)?);
    // A table that was there before it became an heir has every column and check as its own, for ever: INHERIT demands them and leaves
    // them so. Only a table made as an heir can have them from its parent alone.
    let heirs: BTreeSet<String> = plan
        .lines()
        .filter_map(|line| line.trim().strip_prefix("ALTER TABLE ")?.split_once(" INHERIT "))
        .filter(|(table, _)| !table.ends_with(" NO"))
        .map(|(table, _)| table.replace('"', ""))
        .collect();
    for (kind, name, text) in &mut left {
        let of_heir = heirs.iter().any(|table| name.replace('"', "").starts_with(&format!("{table}.")));
        if of_heir && matches!(kind.as_str(), "column" | "constraint") {
            let inherited = text.replacen(" local", " inherited", 1);
            if right.iter().any(|other| (&other.0, &other.1, &other.2) == (&*kind, &*name, &inherited)) {
                *text = inherited;
            }
        }
    }
    left.sort();
    let mut right = right;
    right.sort();
    if left != right {
        let only = |x: &[(String, String, String)], y: &[(String, String, String)]| {
            x.iter().filter(|line| !y.contains(line)).map(|line| format!("{line:?}")).collect::<Vec<_>>().join("\n    ")
        };
        return Err(format!(
            "the catalogs differ\n  is:\n    {}\n  should be:\n    {}\n  the plan:\n{plan}",
            only(&left, &right),
            only(&right, &left),
        ));
    }
    Ok(())
}

/// Runs every statement that the server takes; the others are as if they had not been written.
async fn load(session: &Session, statements: &[String], verbose: bool) -> Result<usize, String> {
    let mut loaded = 0;
    for statement in statements {
        match session.client.batch_execute(statement).await {
            Ok(()) => {
                loaded += 1;
                if verbose {
                    println!("{statement};");
                }
            }
            Err(error) if verbose => {
                println!("-- {}\n-- {statement};", super::support::servers::describe(&error));
            }
            Err(_) => {}
        }
    }
    session.batch("reset all").await.map_err(|e| e.to_string())?;
    Ok(loaded)
}

async fn read(session: &Session, path: &[String]) -> Result<Catalog, String> {
    introspect(session, path).await.map_err(|e| format!("introspection: {e:?}"))
}

/// Whether a schema has a materialized view that PostgreSQL itself refuses to fill: it was filled before a view that it reads
/// was given to somebody who may not.
async fn is_unreadable(session: &Session, catalog: &Catalog) -> bool {
    let views = catalog.iter().map(|(id, _)| id).filter(|id| id.kind() == KindTag::MaterializedView);
    for view in views {
        let refreshed = session.client.batch_execute(&format!("refresh materialized view {}", view.sql())).await;
        if refreshed.is_err_and(|e| e.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE)) {
            return true;
        }
    }
    false
}

/// Whether a table that there is before and after is dropped for no good reason. There is one where a partition key changes.
fn is_needless(table: &ObjectId, from: &Catalog, to: &Catalog) -> bool {
    let divided = |catalog: &Catalog| {
        let mut current = vec![table.clone()];
        while let Some(id) = current.pop() {
            if Table::get(catalog, &id).is_some_and(|table| table.partition_key.is_some()) {
                return true;
            }
            current.extend(parents(&id, catalog));
        }
        false
    };
    Table::get(from, table).is_some() && Table::get(to, table).is_some() && !divided(from) && !divided(to)
}

fn describe_plan(plan: &Plan) -> String {
    plan.steps().map(|step| format!("    {}", step.sql)).collect::<Vec<_>>().join("\n")
}

async fn converge(
    first: &Place<'_>,
    second: &Place<'_>,
    seed: u64,
    a: &Model,
    b: &Model,
    verbose: bool,
) -> Result<(Done, Option<String>), String> {
    let path = vec!["public".to_owned()];
    let server = first.database.server;
    let (live, wanted) = (&first.session, &second.session);
    let (one, two) = (script(a, server.major), script(b, server.major));
    if verbose {
        println!("-- the first schema");
    }
    let loaded = load(live, &one, verbose).await?;
    if verbose {
        println!("-- the second schema");
    }
    let more = load(wanted, &two, verbose).await?;
    let from = read(live, &path).await?;
    let to = read(wanted, &path).await?;
    let made = plan(&from, &to, &PlanOptions::new(server.major, seed.is_multiple_of(2), &path))
        .map_err(|e| format!("plan: {e:?}"))?;
    if verbose {
        println!("-- the plan\n{}", describe_plan(&made));
    }
    for step in made.steps() {
        // The cases have no such word but in these two clauses, which are no drop.
        let text = step.sql.to_ascii_lowercase().replace("on delete cascade", "").replace("cascaded", "");
        if text.contains("cascade") {
            return Err(format!("a step says CASCADE: {}", step.sql));
        }
    }
    for step in made.steps() {
        if let Some(table) = step.destroys.iter().find(|id| is_needless(id, &from, &to)) {
            return Err(format!("{table} is dropped though it stays\n  the plan:\n{}", describe_plan(&made)));
        }
    }
    // A change that PostgreSQL cannot know how to do is refused before the first step, and asked for `using`.
    let asked = |step: &Step| step.hindered_by.iter().any(|hindrance| hindrance.help.contains("`using: "));
    if made.steps().any(asked) {
        let done = Done { written: one.len() + two.len(), loaded: loaded + more, steps: 0, rows: 0 };
        return Ok((done, None));
    }
    let refused = preflight(live, &made, None).await.map_err(|e| format!("preflight: {}", e.message))?;
    let refused = refused.into_iter().find(|found| found.code == "not-readable");
    let rows = fill(live, &from, &to, &made).await;
    let options = RunOptions { journal: false, ..RunOptions::default() };
    let result = match refused {
        Some(refused) => Err(refused),
        None => trueup::apply::run(live, &made, &options, &Silent).await.map(|_| ()),
    };
    if let Err(e) = result {
        // PostgreSQL does not refresh it where it is, either.
        if e.message.contains("permission denied") && is_unreadable(wanted, &to).await {
            let done = Done { written: one.len() + two.len(), loaded: loaded + more, steps: 0, rows: 0 };
            return Ok((done, None));
        }
        return Err(format!("apply: {}\n  {:?}\n  the plan:\n{}", e.message, e.notes, describe_plan(&made)));
    }
    let (before, after) = (rows, keys(live, &to).await?);
    for (table, rows) in &before {
        if after.get(table) != Some(rows) {
            let (is, should) = (after.get(table), rows);
            return Err(format!(
                "rows are lost: {table} has {is:?}, not {should}\n  the plan:\n{}",
                describe_plan(&made)
            ));
        }
    }
    let now = read(live, &path).await?;
    let left = diff(&now, &to);
    if !left.is_empty() {
        let what: BTreeSet<String> = left
            .iter()
            .map(|difference| match &difference.change {
                ChangeKind::Altered { attributes } => {
                    let names: Vec<_> = attributes.iter().map(|a| a.name).collect();
                    format!("{} differs in {}", difference.id.kind().word(), names.join(", "))
                }
                other => format!(
                    "{} {}",
                    difference.id.kind().word(),
                    if matches!(other, ChangeKind::Created) { "is missing" } else { "is left" }
                ),
            })
            .collect();
        let what: Vec<String> = what.into_iter().collect();
        return Err(format!("not reached: {}\n{left:#?}\n  the plan:\n{}", what.join("; "), describe_plan(&made)));
    }
    let again =
        plan(&now, &to, &PlanOptions::new(server.major, true, &path)).map_err(|e| format!("second plan: {e:?}"))?;
    if !again.is_empty() {
        return Err(format!("the second plan is not empty:\n{}", describe_plan(&again)));
    }
    let done =
        Done { written: one.len() + two.len(), loaded: loaded + more, steps: made.steps().count(), rows: before.len() };
    Ok((done, Some(describe_plan(&made))))
}
