//! What a plan has to do about rows.

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::step::{Phase, Step};
use crate::data::Data;
use crate::data::evaluate::{Pending, pending};
use crate::data::steps::{Wanted, archive, steps};
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
    let mut asked = match (place.connection(source)?, source) {
        (Some(info), _) => pending(&Session::connect(&info).await?, data, &options.search_path).await?,
        // Nothing is in an empty database.
        (None, StateSpec::Empty) => Pending::none(data),
        (None, _) => Pending::since(data, earlier),
    };
    // What was only asked for something that is gone by now is answered.
    for (pending, invariant) in asked.invariants.iter_mut().zip(&data.invariants) {
        *pending &= !data.is_about_retired(&invariant.name, from);
    }
    let wanted = Wanted { data, pending: &asked, from, to, search_path: &options.search_path };
    options.data_steps = steps(&wanted)?;
    let date = jiff::Zoned::now().strftime("%Y%m%d").to_string();
    for retired in &data.retired_tables {
        let Some(schema) = &retired.archive else { continue };
        if !from.contains(&retired.id) || to.contains(&retired.id) {
            continue;
        }
        let target = ObjectId::in_schema(KindTag::Table, schema, &format!("{}_{date}", retired.id.name()));
        if place.live_tables.contains(&target) {
            return Err(Diagnostic::error(
                "archive-exists",
                format!("{} cannot be archived: {} exists already", retired.id, target.sql_path()),
            )
            .at(retired.location.clone())
            .help("rename or drop the older archive, or wait for another day"));
        }
        let mut moves = archive(&retired.id, schema, &date);
        let schema_id = ObjectId::root(KindTag::Schema, schema);
        if !to.contains(&schema_id) && !place.live_schemas.contains(&**schema) {
            moves.insert(
                0,
                Step::create(&schema_id, format!("CREATE SCHEMA IF NOT EXISTS {}", crate::core::name::Ident(schema)))
                    .phase(Phase::Contract),
            );
        }
        options.archive.insert(retired.id.clone(), moves);
    }
    Ok(())
}
