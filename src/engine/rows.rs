//! What a plan has to do about rows.

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::name::{Ident, literal};
use crate::core::step::{Phase, Step};
use crate::data::evaluate::{Pending, pending};
use crate::data::steps::{Wanted, archive, steps};
use crate::data::{Data, Retired};
use crate::engine::load::Workplace;
use crate::kinds::KindTag;
use crate::plan::PlanOptions;
use crate::postgres::Session;
use crate::state::StateSpec;

/// Asks the rows, where there are any, and adds what is to be done to the options of the plan. `earlier` is what the state that
/// is declares about rows itself, where it is a declaration.
pub async fn plan_rows(
    data: &Data,
    earlier: &Data,
    source: &StateSpec,
    from: &Catalog,
    to: &Catalog,
    options: &mut PlanOptions,
    place: &Workplace<'_>,
) -> Result<()> {
    if data.is_empty() {
        return Ok(());
    }
    let mut session = None;
    let mut unknown = Vec::new();
    let mut asked = match (place.connection(source)?, source) {
        (Some(info), _) => {
            let session = session.insert(Session::connect(&info).await?);
            let (asked, why) = pending(session, data, &options.search_path).await?;
            unknown = why;
            asked
        }
        // Nothing is in an empty database.
        (None, StateSpec::Empty) => Pending::none(data),
        (None, _) => Pending::since(data, earlier),
    };
    // Under the new names nothing can be asked yet, or something else was.
    let renamed = |sql: &str| options.renames.iter().any(|renaming| renaming.is_said_in(sql));
    for (pending, invariant) in asked.invariants.iter_mut().zip(&data.invariants) {
        *pending |= renamed(&invariant.violations);
    }
    for (pending, backfill) in asked.backfills.iter_mut().zip(&data.backfills) {
        *pending |= options.renames.iter().any(|r| backfill.column.is_within(&r.new)) || renamed(&backfill.set);
    }
    // What was only asked for something that is gone by now is answered.
    for (pending, invariant) in asked.invariants.iter_mut().zip(&data.invariants) {
        *pending &= !data.is_about_retired(&invariant.name, from);
    }
    unknown.retain(|(name, _)| name.as_ref().is_none_or(|name| !data.is_about_retired(name, from)));
    if let Some((_, why)) = unknown.into_iter().next().filter(|_| options.renames.is_empty()) {
        refuse_nonsense(data, from, to, place, why)?;
    }
    let wanted = Wanted { data, pending: &asked, from, to, search_path: &options.search_path };
    options.data_steps = steps(&wanted)?;
    let date = jiff::Zoned::now().strftime("%Y%m%d").to_string();
    for retired in &data.retired_tables {
        let Some(schema) = &retired.archive else { continue };
        if !from.contains(&retired.id) || to.contains(&retired.id) {
            continue;
        }
        if let Some(session) = &session {
            refuse_taken(session, retired, schema, &date).await?;
        }
        let mut moves = archive(&retired.id, schema, &date);
        let schema_id = ObjectId::root(KindTag::Schema, schema);
        if !to.contains(&schema_id) && !place.live_schemas.contains(&**schema) {
            moves.insert(
                0,
                Step::create(&schema_id, format!("CREATE SCHEMA IF NOT EXISTS {}", Ident(schema)))
                    .phase(Phase::Contract),
            );
        }
        options.archive.insert(retired.id.clone(), moves);
    }
    Ok(())
}

/// What could not be asked of the rows must be right once the schema is as declared.
fn refuse_nonsense(
    data: &Data,
    from: &Catalog,
    to: &Catalog,
    place: &Workplace<'_>,
    why: Box<Diagnostic>,
) -> Result<()> {
    if crate::diff::diff(from, to).is_empty() {
        return Err(why
            .note("the schema is as declared, so this is not going to change")
            .note("nothing has been changed"));
    }
    let mut all = to.to_builder();
    for (id, object) in from.iter().filter(|(id, _)| !to.contains(id)) {
        all.put(id.clone(), object.clone());
    }
    match crate::lint::rows::check(&all, &place.project, data).into_iter().next() {
        Some(problem) => Err(problem.note("nothing has been changed")),
        None => Ok(()),
    }
}

/// Refuses to archive a table where a name that it takes along is taken: its own, with and without the date, and those of its
/// indexes and sequences.
async fn refuse_taken(session: &Session, retired: &Retired, schema: &str, date: &str) -> Result<()> {
    let name = retired.id.name();
    let dated = format!("{name}_{date}");
    let query = format!(
        "SELECT n.relname FROM pg_catalog.pg_class n WHERE n.relnamespace = pg_catalog.to_regnamespace({}) AND (n.relname IN ({}, {}) \
         OR n.relname IN (SELECT c.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
         WHERE i.indrelid = pg_catalog.to_regclass({table}) UNION ALL SELECT c.relname FROM pg_catalog.pg_depend d \
         JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind = 'S' WHERE d.refobjid = pg_catalog.to_regclass({table}) \
         AND d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i'))) ORDER BY n.relname <> {} LIMIT 1",
        literal(&Ident(schema).to_string()),
        literal(&name),
        literal(&dated),
        literal(&dated),
        table = literal(&retired.id.sql()),
    );
    let rows = session.rows(&query).await?;
    let Some(taken) = rows.into_iter().flatten().flatten().next() else { return Ok(()) };
    let taken = ObjectId::in_schema(KindTag::Table, schema, &taken).sql_path();
    let mut problem =
        Diagnostic::error("archive-exists", format!("{} cannot be archived: {taken} exists already", retired.id))
            .at(retired.location.clone());
    if !taken.ends_with(&dated) {
        problem = problem.note("a table takes its indexes and sequences along, under their names");
    }
    Err(problem
        .note("nothing has been changed")
        .help(format!("rename or drop {taken}, or archive into another schema")))
}
