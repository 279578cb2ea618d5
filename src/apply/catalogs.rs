//! Whether anything in the catalogs has changed, asked in milliseconds.

use crate::core::diagnostic::Result;
use crate::postgres::Session;

/// The catalogs that what is read of a database comes from.
const CATALOGS: &[&str] = &[
    "pg_attrdef",
    "pg_attribute",
    "pg_class",
    "pg_collation",
    "pg_constraint",
    "pg_default_acl",
    "pg_depend",
    "pg_description",
    "pg_enum",
    "pg_event_trigger",
    "pg_extension",
    "pg_index",
    "pg_inherits",
    "pg_namespace",
    "pg_partitioned_table",
    "pg_policy",
    "pg_proc",
    "pg_range",
    "pg_rewrite",
    "pg_sequence",
    "pg_statistic_ext",
    "pg_trigger",
    "pg_type",
];

/// A text that is another one whenever something in the catalogs is: a row that is written has a higher transaction number
/// than all that were there, and one that goes is counted no more. It may differ for nothing that matters (a temporary table).
///
/// # Errors
/// What the server says.
pub async fn seen(session: &Session) -> Result<String> {
    let parts: Vec<String> = CATALOGS
        .iter()
        .map(|catalog| {
            format!(
                "(SELECT pg_catalog.concat(pg_catalog.count(*), '/', pg_catalog.sum(x.xmin::text::bigint)) FROM pg_catalog.{catalog} x)"
            )
        })
        .collect();
    let roles =
        "(SELECT pg_catalog.sum(pg_catalog.hashtext(pg_catalog.concat(r.oid, r.rolname))) FROM pg_catalog.pg_roles r)";
    let rows = session.rows(&format!("SELECT pg_catalog.concat_ws(' ', {}, {roles})", parts.join(", "))).await?;
    Ok(rows.into_iter().flatten().flatten().next().unwrap_or_default())
}
