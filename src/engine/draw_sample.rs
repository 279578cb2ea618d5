//! Sample rows: of small tables all, of large ones some, and what those refer to.

use std::collections::BTreeMap;

use futures_util::{SinkExt, StreamExt};

use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::core::name::{ident, ident_list, literal, qualified};
use crate::kinds::KindTag;
use crate::postgres::{ConnInfo, Session, sql_error};

/// Tables of at most as many bytes are taken whole.
const SMALL: u64 = 1 << 20;

/// Rows taken from each larger one.
const SOME: usize = 500;

/// Rounds of fetching rows that others refer to: the longest chain of references that is followed.
const ROUNDS: usize = 20;

/// Rows that were copied.
#[derive(Debug, Default)]
pub struct Sample {
    /// How many are in each table.
    pub rows: BTreeMap<ObjectId, u64>,
    /// Whether a table is there in part only.
    pub partial: bool,
    /// What could not be copied, and why.
    pub notes: Vec<String>,
}

/// A table that both databases have.
struct Table {
    schema: String,
    name: String,
    /// Those that both have and that take values.
    columns: Vec<String>,
    whole: bool,
}

impl Table {
    fn sql(&self) -> String {
        qualified(&self.schema, &self.name)
    }

    fn id(&self) -> ObjectId {
        ObjectId::in_schema(KindTag::Table, &self.schema, &self.name)
    }
}

/// Tables with their sizes and columns. What an extension brought along is in every database that has it.
const TABLES: &str = "SELECT n.nspname, c.relname, pg_catalog.pg_relation_size(c.oid), a.attname \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' \
    WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') \
    ORDER BY n.nspname, c.relname, a.attnum";

/// Foreign keys: the referring table and its columns, the table referred to and its columns.
const REFERENCES: &str = "SELECT n.nspname, c.relname, m.nspname, p.relname, a.attname, b.attname, k.oid \
    FROM pg_catalog.pg_constraint k \
    JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_catalog.pg_class p ON p.oid = k.confrelid JOIN pg_catalog.pg_namespace m ON m.oid = p.relnamespace \
    CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey)) u(own, other) \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.own \
    JOIN pg_catalog.pg_attribute b ON b.attrelid = p.oid AND b.attnum = u.other \
    WHERE k.contype = 'f' AND c.relkind = 'r' AND p.relkind = 'r' ORDER BY k.oid, u.own";

type Found = BTreeMap<(String, String), (u64, Vec<String>)>;

async fn tables(session: &Session) -> Result<Found> {
    let mut found = Found::new();
    for row in session.rows(TABLES).await? {
        let [Some(schema), Some(name), Some(size), Some(column)] = row.as_slice() else { continue };
        let entry = found.entry((schema.clone(), name.clone())).or_default();
        entry.0 = size.parse().unwrap_or(u64::MAX);
        entry.1.push(column.clone());
    }
    Ok(found)
}

/// Copies rows of the live database into a clone of it, in one snapshot, with triggers and foreign keys off.
pub async fn copy(clone: &Session, info: &ConnInfo) -> Result<Sample> {
    let live = Session::connect(info).await?;
    live.batch(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL row_security = off; \
         SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '2s'",
    )
    .await?;
    let there = tables(&live).await?;
    let mut sample = Sample::default();
    let mut shared = Vec::new();
    for ((schema, name), (_, mut columns)) in tables(clone).await? {
        let Some((size, theirs)) = there.get(&(schema.clone(), name.clone())) else { continue };
        columns.retain(|column| theirs.contains(column));
        shared.push(Table { schema, name, columns, whole: *size <= SMALL });
    }
    clone.batch("SET session_replication_role = replica").await?;
    for table in shared.iter().filter(|table| !table.columns.is_empty()) {
        let limit = if table.whole { String::new() } else { format!(" LIMIT {SOME}") };
        sample.partial |= !table.whole;
        if let Err(why) = copy_some(&live, clone, table, &limit).await {
            sample.partial = true;
            sample.notes.push(format!("rows of {} are not in the clone: {why}", table.id().sql_path()));
        }
    }
    if shared.iter().any(|table| !table.whole) {
        complete(&live, clone, &shared).await?;
    }
    sequences(&live, clone).await?;
    clone.batch("SET session_replication_role = origin").await?;
    live.batch("COMMIT").await?;
    for table in &shared {
        sample.rows.insert(table.id(), count(clone, &table.id()).await?);
    }
    Ok(sample)
}

/// Copies the rows of a table that a clause behind its name leaves. An error costs no other table its rows.
async fn copy_some(live: &Session, clone: &Session, table: &Table, clause: &str) -> std::result::Result<(), String> {
    let (name, columns) = (table.sql(), ident_list(&table.columns));
    let said = |error: tokio_postgres::Error| sql_error(error, None).message;
    live.batch("SAVEPOINT one").await.map_err(|e| e.message)?;
    let out = format!("COPY (SELECT {columns} FROM ONLY {name}{clause}) TO STDOUT");
    let copied = async {
        let mut rows = std::pin::pin!(live.client.copy_out(&out).await.map_err(said)?);
        let into = format!("COPY {name} ({columns}) FROM STDIN");
        let mut sink = std::pin::pin!(clone.client.copy_in(&into).await.map_err(said)?);
        while let Some(chunk) = rows.next().await {
            sink.as_mut().send(chunk.map_err(said)?).await.map_err(said)?;
        }
        sink.as_mut().finish().await.map_err(said)?;
        Ok(())
    }
    .await;
    live.batch("ROLLBACK TO one").await.map_err(|e| e.message)?;
    copied
}

/// Fetches the rows that the copied ones refer to, and those that these refer to, and so on.
async fn complete(live: &Session, clone: &Session, tables: &[Table]) -> Result<()> {
    // Referring table, table referred to, their columns in pairs.
    let mut references: BTreeMap<String, (String, usize, Vec<String>, Vec<String>)> = BTreeMap::new();
    for row in clone.rows(REFERENCES).await? {
        let [Some(schema), Some(name), Some(other_schema), Some(other), Some(own), Some(key), Some(oid)] =
            row.as_slice()
        else {
            continue;
        };
        let Some(parent) = tables.iter().position(|t| t.schema == *other_schema && t.name == *other) else { continue };
        let entry =
            references.entry(oid.clone()).or_insert_with(|| (qualified(schema, name), parent, Vec::new(), Vec::new()));
        entry.2.push(ident(own));
        entry.3.push(ident(key));
    }
    for _ in 0..ROUNDS {
        let mut fetched = false;
        for (child, parent, own, keys) in references.values() {
            let Some(parent) = tables.get(*parent).filter(|t| !t.whole) else { continue };
            let missing = format!(
                "SELECT DISTINCT {} FROM {child} c WHERE {} AND NOT EXISTS (SELECT FROM {} p WHERE {})",
                own.iter().map(|c| format!("c.{c}::text")).collect::<Vec<_>>().join(", "),
                own.iter().map(|c| format!("c.{c} IS NOT NULL")).collect::<Vec<_>>().join(" AND "),
                parent.sql(),
                own.iter().zip(keys).map(|(c, k)| format!("p.{k} = c.{c}")).collect::<Vec<_>>().join(" AND "),
            );
            let rows: Vec<String> = clone
                .rows(&missing)
                .await?
                .into_iter()
                .filter_map(|row| row.into_iter().collect::<Option<Vec<String>>>())
                .map(|row| format!("({})", row.iter().map(|v| literal(v)).collect::<Vec<_>>().join(", ")))
                .collect();
            if rows.is_empty() {
                continue;
            }
            let clause = format!(" WHERE ({}) IN ({})", keys.join(", "), rows.join(", "));
            fetched |= copy_some(live, clone, parent, &clause).await.is_ok();
        }
        if !fetched {
            break;
        }
    }
    Ok(())
}

/// Moves the clone's sequences on to where those of the live database are, so that new keys do not meet copied ones.
async fn sequences(live: &Session, clone: &Session) -> Result<()> {
    let sql = "SELECT schemaname, sequencename, last_value FROM pg_catalog.pg_sequences WHERE last_value IS NOT NULL";
    // A role that may not read one sees no value.
    for row in live.rows(sql).await? {
        let [Some(schema), Some(name), Some(value)] = row.as_slice() else { continue };
        let name = literal(&qualified(schema, name));
        clone
            .batch(&format!(
                "SELECT pg_catalog.setval(s.oid::regclass, {value}) FROM pg_catalog.pg_class s \
                 WHERE s.oid = pg_catalog.to_regclass({name}) AND s.relkind = 'S'"
            ))
            .await?;
    }
    Ok(())
}

/// How many rows a table holds itself.
pub async fn count(session: &Session, table: &ObjectId) -> Result<u64> {
    let rows = session.rows(&format!("SELECT count(*) FROM ONLY {}", table.sql())).await?;
    Ok(rows.first().and_then(|r| r.first().cloned().flatten()).and_then(|n| n.parse().ok()).unwrap_or(0))
}
