//! `test`: the declared tests, on a scratch database or inside transactions of a live one.

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Result};
use crate::declare::elaborate::in_database;
use crate::engine::Settings;
use crate::engine::load::Workplace;
use crate::postgres::Session;
use crate::state::StateSpec;
use crate::verify::run::Bench;
use crate::verify::{Mutant, TestResult};

/// What the tests found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TestReport {
    /// The tests.
    pub results: Vec<TestResult>,
    /// Policies that were dropped or weakened, where that was asked for.
    pub mutants: Vec<Mutant>,
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
    let result = async {
        let catalog = in_database(&declared, &session, &path).await?.catalog;
        settings.progress.stage("running the tests");
        run(&session, &catalog, &path, &tests, mutate).await
    }
    .await;
    drop(session);
    scratch.drop().await?;
    result
}

async fn run(
    session: &Session,
    catalog: &Catalog,
    path: &[String],
    tests: &[crate::verify::Test],
    mutate: bool,
) -> Result<TestReport> {
    let bench = Bench { session, catalog, search_path: path };
    let results = bench.run(tests).await?;
    let mutants = if mutate { bench.mutate(tests).await? } else { Vec::new() };
    Ok(TestReport { results, mutants })
}
