//! Rows in tables of the first schema, which are to be there afterwards.

use std::collections::{BTreeMap, BTreeSet};

use trueup::core::catalog::Catalog;
use trueup::core::id::ObjectId;
use trueup::core::name::ident;
use trueup::kinds::KindTag;
use trueup::kinds::table::column::Column;
use trueup::kinds::table::inheritance::parents;
use trueup::kinds::table::insertable_columns;
use trueup::plan::Plan;
use trueup::postgres::Session;

/// Puts rows into the tables that stay and of whose rows the plan demands nothing new, and returns their keys.
pub async fn fill(session: &Session, from: &Catalog, to: &Catalog, plan: &Plan) -> BTreeMap<ObjectId, String> {
    let tables: Vec<&ObjectId> = from.iter().map(|(id, _)| id).filter(|id| id.kind() == KindTag::Table).collect();
    let demanding: BTreeSet<&ObjectId> = tables.iter().filter(|id| is_demanded(id, from, to, plan)).copied().collect();
    // A foreign key wants the other table's rows first.
    for _ in 0..2 {
        for table in tables.iter().filter(|id| to.contains(id) && !is_heir_of(id, &demanding, from)) {
            let columns = insertable_columns(table, from);
            if !columns.iter().any(|name| name == "id") {
                continue;
            }
            let names = columns.iter().map(|name| ident(name)).collect::<Vec<_>>().join(", ");
            for number in 1..4 {
                let values: Vec<String> = columns
                    .iter()
                    .map(|name| {
                        let column = Column::get(from, &table.child(KindTag::Column, name));
                        column.map_or("null".to_owned(), |column| value(&column.type_name, number))
                    })
                    .collect();
                let insert = format!(
                    "insert into {} ({names}) overriding system value values ({})",
                    table.sql(),
                    values.join(", ")
                );
                let _ = session.client.batch_execute(&insert).await;
            }
        }
    }
    keys(session, from).await.unwrap_or_default().into_iter().filter(|(table, _)| to.contains(table)).collect()
}

/// The rows of each table, as their keys, where there are any.
pub async fn keys(session: &Session, catalog: &Catalog) -> Result<BTreeMap<ObjectId, String>, String> {
    let tables: Vec<&ObjectId> = catalog
        .iter()
        .map(|(id, _)| id)
        .filter(|id| id.kind() == KindTag::Table && catalog.contains(&id.child(KindTag::Column, "id")))
        .collect();
    if tables.is_empty() {
        return Ok(BTreeMap::new());
    }
    let queries: Vec<String> = tables
        .iter()
        .map(|id| format!("(select string_agg(id::text, ',' order by id::text) from only {})", id.sql()))
        .collect();
    let query = format!("select {}", queries.join(", "));
    let values = session.rows(&query).await.map_err(|e| e.to_string())?;
    let values = values.into_iter().flatten();
    Ok(tables.into_iter().zip(values).filter_map(|(table, keys)| Some((table.clone(), keys?))).collect())
}

/// Whether the plan takes a table's rows, or demands something of them that they may not satisfy.
fn is_demanded(table: &ObjectId, from: &Catalog, to: &Catalog, plan: &Plan) -> bool {
    const WORDS: &[&str] = &[" TYPE ", "CONSTRAINT", "NOT NULL", "UNIQUE", " EXPRESSION"];
    let types: Vec<ObjectId> = [from, to]
        .iter()
        .flat_map(|catalog| catalog.children(table, KindTag::Column).flat_map(|(id, _)| catalog.dependencies(id)))
        .map(|(id, _)| id.clone())
        .collect();
    let partition = from.children(table, KindTag::Attachment).next().is_some();
    plan.steps().any(|step| {
        let own = step.object.top() == *table;
        (own && (step.destroys.contains(table) || WORDS.iter().any(|word| step.sql.contains(word))))
            || (step.sql.contains("UNIQUE INDEX") && step.sql.contains(&table.sql()))
            || (partition && step.sql.contains(" PARTITION "))
            || types.iter().any(|id| step.object.is_within(id))
    })
}

/// Whether a table, or one that it inherits from, is among these: what is demanded of a parent is demanded of its heirs.
fn is_heir_of(table: &ObjectId, demanding: &BTreeSet<&ObjectId>, from: &Catalog) -> bool {
    demanding.contains(table) || parents(table, from).iter().any(|parent| is_heir_of(parent, demanding, from))
}

/// A value of a type, different for each number; NULL where none comes to mind.
fn value(type_name: &str, number: usize) -> String {
    let base = type_name.split('(').next().unwrap_or(type_name);
    match base {
        "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision" | "oid" => number.to_string(),
        "text" | "character varying" | "character" | "name" => format!("'a{number}'"),
        "boolean" => "true".to_owned(),
        "date" | "timestamp without time zone" | "timestamp with time zone" => format!("'2024-01-0{number}'"),
        "uuid" => format!("'00000000-0000-0000-0000-00000000000{number}'"),
        "json" | "jsonb" => format!("'{{\"a\": {number}}}'"),
        "text[]" | "integer[]" => format!("'{{{number}}}'"),
        _ => "null".to_owned(),
    }
}
