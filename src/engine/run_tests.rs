//! `test`: the declared tests, on a scratch database or inside transactions of a live one.

use std::collections::BTreeMap;

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Result, nearest};
use crate::declare::elaborate::{in_database, make_roles};
use crate::engine::load::Workplace;
use crate::engine::{Settings, is_supabase};
use crate::kinds::Object;
use crate::kinds::component::{named_grantees, owner_of};
use crate::postgres::Session;
use crate::state::StateSpec;
use crate::verify::run::Bench;
use crate::verify::{Mutant, Test, TestResult};

/// What the tests found.
#[derive(Clone, Debug, Default)]
pub struct TestReport {
    /// The tests.
    pub results: Vec<TestResult>,
    /// Policies that were dropped or weakened, where that was asked for.
    pub mutants: Vec<Mutant>,
    /// What is worth knowing besides.
    pub notes: Vec<Box<Diagnostic>>,
}

/// Runs the declared tests: on `live` in transactions that are rolled back, else in a scratch database.
pub async fn test(to: &StateSpec, live: Option<&StateSpec>, mutate: bool, settings: &Settings) -> Result<TestReport> {
    let mut place = Workplace::new(live.unwrap_or(to), to, settings)?;
    let (declared, tests) = place.declared(to)?;
    if tests.is_empty() {
        return Err(
            Diagnostic::error("no-tests", "the project declares no tests").help("declare some under the key `tests`")
        );
    }
    let path = place.project.search_path.clone();
    if let Some(live) = live {
        let Some(info) = place.connection(live)? else {
            return Err(Diagnostic::error("test", format!("{live} is no live database"))
                .help("without --from the tests run on a scratch server"));
        };
        let session = Session::connect(&info).await?;
        let catalog = crate::introspect::introspect(&session, &path).await?;
        return run(&session, &catalog, &path, &tests, mutate).await;
    }
    let ephemeral = place.ephemeral().await?;
    settings.progress.stage("building the declared schema");
    let scratch = ephemeral.create_database().await?;
    let session = scratch.connect().await?;
    let mut made = Vec::new();
    let result: Result<TestReport> = async {
        let catalog = in_database(&declared, &session, &ephemeral, &path, &mut made).await?.catalog;
        // A role that the schema says nothing of is tested, too: it is to see nothing.
        make_roles(&session, tests.iter().filter_map(|test| test.role.clone()).collect(), &mut made).await?;
        settings.progress.stage("running the tests");
        let report = run(&session, &catalog, &path, &tests, mutate).await?;
        let mut notes = unmentioned_roles(&catalog, &tests);
        if is_supabase(place.project.profile) {
            notes.push(place.exposure()?.note());
        }
        Ok(TestReport { notes, ..report })
    }
    .await;
    drop(session);
    let dropped = scratch.drop().await;
    ephemeral.forget_roles(&made).await;
    let report = result?;
    dropped?;
    Ok(report)
}

async fn run(
    session: &Session,
    catalog: &Catalog,
    path: &[String],
    tests: &[Test],
    mutate: bool,
) -> Result<TestReport> {
    let bench = Bench { session, catalog, search_path: path };
    let results = bench.run(tests).await?;
    let mutants = if mutate { bench.mutate(tests, &results).await? } else { Vec::new() };
    Ok(TestReport { results, mutants, notes: Vec::new() })
}

/// A role that stands in tests alone may be meant to be a stranger, or be misspelt: what is denied to it proves little then.
fn unmentioned_roles(catalog: &Catalog, tests: &[Test]) -> Vec<Box<Diagnostic>> {
    let mut known = named_grantees(catalog.iter());
    known.extend(catalog.iter().filter_map(|(_, object)| owner_of(object)).map(str::to_owned));
    known.extend(catalog.iter().flat_map(|(_, object)| roles_of_policy(object)));
    known.insert(catalog.origin.role.clone());
    let mut notes: BTreeMap<&str, Box<Diagnostic>> = BTreeMap::new();
    for test in tests {
        let Some(role) = test.role.as_deref().filter(|role| !known.contains(*role)) else { continue };
        notes.entry(role).or_insert_with(|| {
            let message = format!("the role {role} stands in tests only: no policy, privilege or owner names it");
            let mut note = Diagnostic::info("unmentioned-role", message).at(test.location.clone());
            for near in nearest(role, known.iter().map(String::as_str)) {
                note = note.help(format!("did you mean `{near}`?"));
            }
            note
        });
    }
    notes.into_values().collect()
}

fn roles_of_policy(object: &Object) -> Vec<String> {
    if let Object::Policy(policy) = object { policy.roles.clone() } else { Vec::new() }
}
