//! What was declared at the last apply: the table `trueup.declared`.
//!
//! A state says what is there, and not who made it. By this record the drop of what somebody took out of the project is told from the drop of
//! what somebody else made. It is a row for each scope (what a project file says is managed), and holds the ids as an outline:
//! a line for each, indented below its parent. Ten thousand tables take a few megabytes, which PostgreSQL stores compressed.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::journal::{CREATE_SCHEMA, SCHEMA};
use super::trust::{self, Access};
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::name::literal;
use crate::postgres::Session;

/// The record's table.
pub const TABLE: &str = "trueup.declared";

const NAME: &str = "declared";

/// The version of the outline.
const FORMAT: u32 = 1;

const CREATE: &str = "\
CREATE TABLE IF NOT EXISTS trueup.declared (
    scope text PRIMARY KEY,
    format integer NOT NULL,
    hash text NOT NULL,
    objects text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    role text NOT NULL DEFAULT CURRENT_USER
)";

/// What a project declares, as it is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Which project: what its file says is managed.
    pub scope: String,
    outline: String,
}

impl Declared {
    /// The record of some objects, in the order of their ids.
    pub fn new<'a>(scope: &str, ids: impl IntoIterator<Item = &'a ObjectId>) -> Self {
        Self { scope: scope.to_owned(), outline: outline(ids) }
    }

    /// The objects.
    pub fn ids(&self) -> BTreeSet<ObjectId> {
        read_outline(&self.outline).unwrap_or_default()
    }

    /// With what another record holds as well.
    #[must_use]
    pub fn with(&self, others: &BTreeSet<ObjectId>) -> Self {
        Self::new(&self.scope, &(&self.ids() | others))
    }

    fn hash(&self) -> String {
        Sha256::digest(self.outline.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What a database says of what was declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Nothing.
    Missing,
    /// Something that cannot be read, and why.
    Unreadable(String),
    /// These objects.
    Found(BTreeSet<ObjectId>),
}

impl Record {
    /// Whether an object is known to have been declared.
    pub fn has(&self, id: &ObjectId) -> bool {
        matches!(self, Self::Found(ids) if ids.contains(id))
    }
}

/// Reads what a project declared at its last apply.
pub async fn read(session: &Session, scope: &str) -> Record {
    // By the catalogs, which everybody may read; the schema's own privileges decide only whether the table can be read.
    let there = session
        .rows("SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'trueup' AND c.relname = 'declared'")
        .await;
    if !there.is_ok_and(|rows| !rows.is_empty()) {
        return Record::Missing;
    }
    if let Some(objection) = trust::objection(session, NAME, Access::Read).await {
        return Record::Unreadable(objection);
    }
    let sql = format!("SELECT format, objects FROM ONLY trueup.declared WHERE scope = {}", literal(scope));
    let rows = match session.rows(&sql).await {
        Ok(rows) => rows,
        Err(error) => return Record::Unreadable(error.message),
    };
    match rows.first().map(Vec::as_slice) {
        None => Record::Missing,
        Some([Some(format), Some(objects)]) if *format == FORMAT.to_string() => read_outline(objects)
            .map_or_else(|| Record::Unreadable("it is no outline of objects".to_owned()), Record::Found),
        Some(_) => Record::Unreadable("another version of trueup wrote it".to_owned()),
    }
}

/// Records what a project declares; what is recorded already is not written again.
///
/// # Errors
/// What the server says where it cannot be written, or why it is not to be; nothing is changed then.
pub async fn write(session: &Session, declared: &Declared) -> Result<()> {
    if let Some(objection) = trust::objection(session, NAME, Access::Write).await {
        return Err(Diagnostic::error("not-trusted", objection));
    }
    let (scope, hash) = (literal(&declared.scope), declared.hash());
    let probe = format!("SELECT hash, format FROM ONLY trueup.declared WHERE scope = {scope}");
    let known = session.rows(&probe).await;
    if known.as_ref().is_ok_and(|rows| *rows == [[Some(hash.clone()), Some(FORMAT.to_string())]]) {
        return Ok(());
    }
    let result = written(session, declared, known.is_ok()).await;
    if result.is_err() {
        let _ = session.batch("ROLLBACK").await;
    }
    session.take_notices();
    result
}

async fn written(session: &Session, declared: &Declared, is_there: bool) -> Result<()> {
    session.batch("BEGIN").await?;
    if !is_there {
        let schema = format!("SELECT FROM pg_catalog.pg_namespace WHERE nspname = {}", literal(SCHEMA));
        if session.rows(&schema).await?.is_empty() {
            session.batch(CREATE_SCHEMA).await?;
        }
        session.batch(CREATE).await?;
        // What default privileges give to others would let them say what was declared.
        trust::close(session, NAME).await?;
    }
    session
        .batch(&format!(
            "INSERT INTO trueup.declared (scope, format, hash, objects, applied_at, role) \
             VALUES ({}, {FORMAT}, {}, {}, pg_catalog.now(), CURRENT_USER) \
             ON CONFLICT (scope) DO UPDATE SET format = excluded.format, hash = excluded.hash, objects = excluded.objects, \
             applied_at = excluded.applied_at, role = excluded.role; COMMIT",
            literal(&declared.scope),
            literal(&declared.hash()),
            literal(&declared.outline),
        ))
        .await
}

/// Ids as lines, each the last part of an id, indented by as many spaces as it has parents. A line that only leads to those below
/// it begins with a hyphen.
fn outline<'a>(ids: impl IntoIterator<Item = &'a ObjectId>) -> String {
    let mut text = String::new();
    let mut path: Vec<&str> = Vec::new();
    for id in ids {
        let parts: Vec<&str> = id.as_str().split('/').collect();
        let shared = path.iter().zip(&parts).take_while(|(a, b)| a == b).count().min(parts.len() - 1);
        for (depth, part) in parts.iter().enumerate().skip(shared) {
            text.extend(std::iter::repeat_n(' ', depth));
            if depth + 1 < parts.len() {
                text.push('-');
            }
            // An id has no `%0`: a per cent sign in a name is written `%25`.
            text.push_str(&part.replace('\n', "%0A"));
            text.push('\n');
        }
        path = parts;
    }
    text
}

fn read_outline(text: &str) -> Option<BTreeSet<ObjectId>> {
    let mut ids = BTreeSet::new();
    let mut path: Vec<String> = Vec::new();
    for line in text.split('\n').filter(|line| !line.is_empty()) {
        let rest = line.trim_start_matches(' ');
        let depth = line.len() - rest.len();
        if depth > path.len() {
            return None;
        }
        path.truncate(depth);
        let leads = rest.strip_prefix('-');
        path.push(leads.unwrap_or(rest).replace("%0A", "\n"));
        if leads.is_none() {
            ids.insert(ObjectId::parse(&path.join("/"))?);
        }
    }
    Some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::KindTag;

    #[test]
    fn an_outline_is_read_as_it_was_written() {
        let table = |name: &str| ObjectId::in_schema(KindTag::Table, "pub/lic", name);
        let ids = BTreeSet::from([
            table("t"),
            table("t-x"),
            table("t").child(KindTag::Column, " a\nb%0A"),
            table("u").child(KindTag::Trigger, "-x\r"),
            ObjectId::root(KindTag::Extension, "hstore"),
        ]);
        let declared = Declared::new("", &ids);
        assert_eq!(declared.ids(), ids);
        assert_eq!(declared.outline.lines().next(), Some("extension:hstore"));
        assert!(read_outline("  table:t\n").is_none() && read_outline("what:t\n").is_none());
    }
}
