//! Runs one case.

use trueup::apply::{RunOptions, Silent};
use trueup::core::catalog::Catalog;
use trueup::diff::diff;
use trueup::introspect::introspect;
use trueup::plan::{Plan, PlanOptions, plan};
use trueup::postgres::{ConnInfo, Session};

use super::model::Model;
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
}

/// Makes what all cases take for granted.
pub fn prepare(server: &Server) {
    for role in ROLES {
        let _ = run(&server.ephemeral(), &format!("create role {}", quoted(role)));
    }
}

/// Runs the case of a seed.
pub fn case(server: &Server, seed: u64, a: &Model, b: &Model, verbose: bool) -> Result<Done, String> {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    }
    // The databases come and go outside: what makes them has a runtime of its own.
    let (first, second) = (server.database(), server.database());
    let done = RUNTIME.with(|runtime| runtime.block_on(converge((&first, &second), seed, a, b, verbose)))?;
    let options = Options { ignore_column_order: true, fixpoint: false };
    let (left, right) = (lines(&first, options)?, lines(&second, options)?);
    if left != right {
        let only = |x: &[(String, String, String)], y: &[(String, String, String)]| {
            x.iter().filter(|line| !y.contains(line)).map(|line| format!("{line:?}")).collect::<Vec<_>>().join("\n    ")
        };
        return Err(format!(
            "the catalogs differ\n  is:\n    {}\n  should be:\n    {}\n  the plan:\n{}",
            only(&left, &right),
            only(&right, &left),
            done.1
        ));
    }
    Ok(done.0)
}

/// Runs every statement that the server takes; the others are as if they had not been written.
async fn load(database: &Database<'_>, statements: &[String], verbose: bool) -> Result<(Session, usize), String> {
    let info = ConnInfo::parse(&database.url).map_err(|e| e.to_string())?;
    let session = Session::connect(&info).await.map_err(|e| e.to_string())?;
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
    Ok((session, loaded))
}

async fn read(session: &Session, path: &[String]) -> Result<Catalog, String> {
    introspect(session, path).await.map_err(|e| format!("introspection: {e:?}"))
}

fn describe_plan(plan: &Plan) -> String {
    plan.steps().map(|step| format!("    {}", step.sql)).collect::<Vec<_>>().join("\n")
}

async fn converge(
    (first, second): (&Database<'_>, &Database<'_>),
    seed: u64,
    a: &Model,
    b: &Model,
    verbose: bool,
) -> Result<(Done, String), String> {
    let path = vec!["public".to_owned()];
    let server = first.server;
    let (one, two) = (script(a, server.major), script(b, server.major));
    if verbose {
        println!("-- the first schema");
    }
    let (live, loaded) = load(first, &one, verbose).await?;
    if verbose {
        println!("-- the second schema");
    }
    let (wanted, more) = load(second, &two, verbose).await?;
    let from = read(&live, &path).await?;
    let to = read(&wanted, &path).await?;
    drop(wanted);
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
    let options = RunOptions { journal: false, ..RunOptions::default() };
    trueup::apply::run(&live, &made, &options, &Silent)
        .await
        .map_err(|e| format!("apply: {}\n  {:?}", e.message, e.notes))?;
    let now = read(&live, &path).await?;
    let left = diff(&now, &to);
    if !left.is_empty() {
        return Err(format!("not reached: {left:#?}\n  the plan:\n{}", describe_plan(&made)));
    }
    let again =
        plan(&now, &to, &PlanOptions::new(server.major, true, &path)).map_err(|e| format!("second plan: {e:?}"))?;
    if !again.is_empty() {
        return Err(format!("the second plan is not empty:\n{}", describe_plan(&again)));
    }
    let done = Done { written: one.len() + two.len(), loaded: loaded + more, steps: made.steps().count() };
    Ok((done, describe_plan(&made)))
}
