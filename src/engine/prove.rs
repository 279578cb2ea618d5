//! The proof of a plan: applied to a clone of the state it starts from, it must lead to the state it promises.

use std::collections::BTreeMap;

use tokio_postgres::SimpleQueryMessage;

use crate::core::catalog::Catalog;
use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::core::step::Step;
use crate::declare::build;
use crate::diff::diff;
use crate::engine::load::Workplace;
use crate::introspect::introspect;
use crate::plan::{Plan, PlanOptions, plan as make_plan};
use crate::postgres::{ConnInfo, Session, sql_error};
use crate::state::StateSpec;

/// Rows taken from each table of the live database into the clone.
const SAMPLE: usize = 100;

/// What the proof found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Whether the clone is in the promised state afterwards.
    pub converged: bool,
    /// Whether the rows are there afterwards.
    pub rows_kept: bool,
    /// What is not as it should be, and what was tried.
    pub details: Vec<String>,
}

/// Builds the clone, runs the plan on it, and compares.
pub async fn prove(
    source: &StateSpec,
    from: &Catalog,
    to: &Catalog,
    plan: &Plan,
    place: &mut Workplace<'_>,
) -> Result<Proof> {
    let ephemeral = place.ephemeral().await?;
    place.settings.progress.stage("proving the plan on a clone");
    let live = place.connection(source)?;
    let path = place.project.search_path.clone();
    let scratch = ephemeral.create_database().await?;
    let session = scratch.connect().await?;
    let result = in_clone(&session, live, from, to, plan, &path).await;
    drop(session);
    let dropped = scratch.drop().await;
    let proof = result?;
    dropped?;
    Ok(proof)
}

async fn in_clone(
    session: &Session,
    live: Option<ConnInfo>,
    from: &Catalog,
    to: &Catalog,
    plan: &Plan,
    path: &[String],
) -> Result<Proof> {
    let mut proof = Proof { rows_kept: true, ..Proof::default() };
    let base = introspect(session, path).await?;
    let mut builder = base.to_builder();
    for (id, object) in from.iter().filter(|(id, _)| id.kind() != crate::kinds::KindTag::Owner) {
        builder.put(id.clone(), object.clone());
    }
    for (id, _) in from.iter() {
        for (dependency, edge) in from.dependencies(id) {
            builder.depend(id, dependency, edge);
        }
    }
    // Of renamed objects the steps come first in the plan, but `from` is the state after them: they are left out here.
    let options = PlanOptions::new(session.server_major(), false, path);
    let made = make_plan(&base, &builder.finish_unchecked(), &options)?;
    let steps: Vec<&Step> = made.steps().collect();
    if let Err(error) = build::build(session, &steps, path).await {
        proof.details.push(format!("the clone could not be built: {}", error.diagnostic.message));
        return Ok(proof);
    }
    let before = match live {
        Some(info) => copy_sample(session, &info, from).await?,
        None => BTreeMap::new(),
    };
    let steps: Vec<&Step> = plan.steps().filter(|s| s.action != crate::core::step::Action::Rename).collect();
    session
        .batch(&format!("SET search_path = {}; SET check_function_bodies = off", crate::core::name::ident_list(path)))
        .await?;
    for step in steps {
        if let Err(error) = session.client.batch_execute(&step.sql).await {
            proof.details.push(format!(
                "`{}` failed: {}",
                step.sql.lines().next().unwrap_or_default(),
                sql_error(error, None).message
            ));
            return Ok(proof);
        }
    }
    let after = introspect(session, path).await?;
    let after = after.filtered(|id, _| to.contains(id) || from.contains(id));
    let differences = diff(&after, to);
    let differences: Vec<_> = differences.into_iter().filter(|d| d.id.kind() != crate::kinds::KindTag::Owner).collect();
    proof.converged = differences.is_empty();
    proof.details.extend(differences.iter().map(|d| format!("still differs: {}", d.id)));
    for (table, count) in before {
        if !to.contains(&table) {
            continue;
        }
        let now = count_rows(session, &table).await?;
        if now != count {
            proof.rows_kept = false;
            proof.details.push(format!("{} had {count} sample rows and has {now}", table.sql_path()));
        }
    }
    Ok(proof)
}

async fn count_rows(session: &Session, table: &ObjectId) -> Result<u64> {
    let rows = session.rows(&format!("SELECT count(*) FROM ONLY {}", table.sql())).await?;
    Ok(rows.first().and_then(|r| r.first().cloned().flatten()).and_then(|n| n.parse().ok()).unwrap_or(0))
}

/// Copies some rows of every table, with triggers and foreign keys off.
async fn copy_sample(session: &Session, info: &ConnInfo, from: &Catalog) -> Result<BTreeMap<ObjectId, u64>> {
    let source = Session::connect(info).await?;
    source.batch("BEGIN READ ONLY; SET LOCAL row_security = off; SET LOCAL statement_timeout = '30s'").await?;
    session.batch("SET session_replication_role = replica").await?;
    let mut counts = BTreeMap::new();
    for (id, object) in from.iter() {
        if !object.kind().info().holds_data || id.parent().is_none_or(|p| p.kind() != crate::kinds::KindTag::Schema) {
            continue;
        }
        let columns = crate::kinds::table::insertable_columns(id, from);
        if columns.is_empty() {
            continue;
        }
        let list = crate::core::name::ident_list(&columns);
        let select = format!("SELECT {list} FROM ONLY {} LIMIT {SAMPLE}", id.sql());
        let messages = match source.client.simple_query(&select).await {
            Ok(messages) => messages,
            // A table that the role may not read has no sample; the rest of the proof stands.
            Err(_) => {
                source
                    .batch(
                        "ROLLBACK; BEGIN READ ONLY; SET LOCAL row_security = off; SET LOCAL statement_timeout = '30s'",
                    )
                    .await?;
                continue;
            }
        };
        let mut values = Vec::new();
        for message in &messages {
            if let SimpleQueryMessage::Row(row) = message {
                let items: Vec<String> = (0..row.len())
                    .map(|i| row.get(i).map_or_else(|| "NULL".to_owned(), crate::core::name::literal))
                    .collect();
                values.push(format!("({})", items.join(", ")));
            }
        }
        if !values.is_empty() {
            let insert =
                format!("INSERT INTO {} ({list}) OVERRIDING SYSTEM VALUE VALUES {}", id.sql(), values.join(", "));
            session.client.batch_execute(&insert).await.map_err(|e| sql_error(e, None))?;
        }
        counts.insert(id.clone(), count_rows(session, id).await?);
    }
    session.batch("SET session_replication_role = origin").await?;
    source.batch("COMMIT").await?;
    Ok(counts)
}
