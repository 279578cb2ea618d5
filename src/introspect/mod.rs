//! Reads a live database into a catalog: one repeatable-read snapshot, a few set-based queries.
//!
//! All queries go to the server in one message and their rows are read as they come, in the text form of the simple
//! protocol: it is the cheapest for many small rows. Names in expressions and types are printed under the project's search
//! path, so that they read as people write them.

mod reader;
mod row;

use std::pin::pin;

use futures_util::TryStreamExt;
use tokio_postgres::SimpleQueryMessage;

use crate::core::catalog::{Catalog, Edge};
use crate::core::diagnostic::Result;
use crate::core::name::ident_list;
use crate::kinds::READERS;
use crate::postgres::{Session, sql_error};

pub use reader::Reader;
pub use row::{Row, array};

/// The catalogs that objects have addresses in, by their fixed oids (`pg_class.oid` of the catalog itself).
const CLASSES: &[(u32, &str)] = &[
    (1247, "pg_type"),
    (1255, "pg_proc"),
    (1259, "pg_class"),
    (2604, "pg_attrdef"),
    (2606, "pg_constraint"),
    (2615, "pg_namespace"),
    (2618, "pg_rewrite"),
    (2620, "pg_trigger"),
    (3079, "pg_extension"),
    (3256, "pg_policy"),
    (3381, "pg_statistic_ext"),
    (3456, "pg_collation"),
    (3466, "pg_event_trigger"),
];

/// The name of a catalog by its oid, where objects are known to have addresses in it.
pub fn class_name(oid: u32) -> Option<&'static str> {
    CLASSES.iter().find(|(o, _)| *o == oid).map(|(_, name)| *name)
}

/// The oid of a catalog that objects have addresses in; 0 for others.
fn class_oid(name: &str) -> u32 {
    CLASSES.iter().find(|(_, n)| *n == name).map_or(0, |(oid, _)| *oid)
}

/// The name of a catalog, as the constant that addresses use.
pub fn class_named(name: &str) -> Option<&'static str> {
    CLASSES.iter().find(|(_, n)| *n == name).map(|(_, name)| *name)
}

const BASICS: &str = "select current_user as role, (select r.rolname from pg_database d join pg_roles r on r.oid = d.datdba where d.datname = current_database()) as owner";
const ROLES: &str = "select oid, rolname as name from pg_roles";
/// Members of extensions; and the constructor functions that come and go with a range type.
const MEMBERS: &str = "select classid::oid as class, objid as oid from pg_depend where deptype = 'e' \
     or (deptype = 'i' and classid = 'pg_proc'::regclass and refclassid = 'pg_type'::regclass)";
const SCHEMAS: &str = "select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'";
/// That a sequence goes with its column is an object of its own and not the sequence's dependency: the column's default depends
/// on the sequence the other way round.
const DEPENDENCIES: &str = "select classid::oid as class, objid as oid, objsubid as sub, refclassid::oid as refclass, refobjid as refoid, refobjsubid as refsub \
     from pg_depend where objid >= 16384 and refobjid >= 16384 and deptype in ('n', 'a', 'i') \
     and not (deptype = 'a' and refobjsubid <> 0 and objid in (select seqrelid from pg_sequence))";

/// Reads the whole database.
///
/// # Errors
/// Whatever the server says; a row that does not read as the catalogs' documentation has it.
pub async fn introspect(session: &Session, search_path: &[String]) -> Result<Catalog> {
    let path = if search_path.is_empty() { "''".to_owned() } else { ident_list(search_path) };
    session
        .batch(&format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = {path}; SET LOCAL jit = off; SET LOCAL quote_all_identifiers = off; \
             SET LOCAL extra_float_digits = 1; SET LOCAL datestyle = 'ISO, MDY'; SET LOCAL intervalstyle = postgres; SET LOCAL timezone = 'UTC'; SET LOCAL xmloption = content"
        ))
        .await?;
    let result = read_all(session).await;
    let end = session.batch("COMMIT").await;
    let reader = result?;
    end?;
    let mut builder = reader.builder;
    crate::declare::resolve::body_edges(&mut builder, search_path);
    builder.finish()
}

async fn read_all(session: &Session) -> Result<Reader> {
    let major = session.server_major();
    let mut reader = Reader::new(major);
    reader.builder.origin.major = major;
    let schemas = first_batch(session, &mut reader).await?;
    let array = format!("'{{{}}}'::oid[]", schemas.join(","));
    let members = format!("'{{{}}}'::oid[]", reader.relations_of_extensions().join(","));
    let mut sql = String::new();
    for (_, query, _) in READERS {
        sql.push_str(&for_major(query, major).replace("$schemas", &array).replace("$members", &members));
        sql.push_str(";\n");
    }
    sql.push_str(crate::kinds::component::comment::COMMENTS_QUERY);
    sql.push_str(";\n");
    sql.push_str(DEPENDENCIES);
    sql.push_str(";\n");
    sql.push_str(&for_major(include_str!("unmodelled.sql"), major));
    let stream = session.client.simple_query_raw(&sql).await.map_err(|e| sql_error(e, Some(&sql)))?;
    let mut stream = pin!(stream);
    let mut query = 0;
    while let Some(message) = stream.try_next().await.map_err(|e| sql_error(e, Some(&sql)))? {
        match message {
            SimpleQueryMessage::Row(row) => match READERS.get(query) {
                Some((word, _, read)) => read(&Row::new(&row, word), &mut reader)?,
                None if query == READERS.len() => {
                    crate::kinds::component::comment::read_comment(&Row::new(&row, "comment"), &mut reader)?
                }
                None if query == READERS.len() + 1 => dependency(&Row::new(&row, "dependency"), &mut reader)?,
                None => {
                    let row = Row::new(&row, "unmodelled");
                    reader.builder.origin.unmodelled.push((row.string("kind")?, row.string("name")?));
                }
            },
            SimpleQueryMessage::CommandComplete(_) => query += 1,
            _ => {}
        }
    }
    Ok(reader)
}

/// Roles, members of extensions, and the oids of the user schemas.
async fn first_batch(session: &Session, reader: &mut Reader) -> Result<Vec<String>> {
    let sql = format!("{BASICS};\n{ROLES};\n{MEMBERS};\n{SCHEMAS}");
    let mut schemas = Vec::new();
    let mut query = 0;
    for message in session.client.simple_query(&sql).await.map_err(|e| sql_error(e, Some(&sql)))? {
        match message {
            SimpleQueryMessage::Row(row) => {
                let row = Row::new(&row, "server");
                match query {
                    0 => {
                        reader.builder.origin.role = row.string("role")?;
                        reader.builder.origin.database_owner = row.opt_string("owner")?.unwrap_or_default();
                    }
                    1 => reader.add_role(row.number("oid")?, row.text("name")?),
                    2 => {
                        if let Some(class) = class_name(row.number("class")?) {
                            reader.add_member(class, row.number("oid")?);
                        }
                    }
                    _ => schemas.push(row.string("oid")?),
                }
            }
            SimpleQueryMessage::CommandComplete(_) => query += 1,
            _ => {}
        }
    }
    Ok(schemas)
}

fn dependency(row: &Row<'_>, reader: &mut Reader) -> Result<()> {
    let class: u32 = row.number("class")?;
    let oid = row.number("oid")?;
    let sub = row.number("sub")?;
    let refclass: u32 = row.number("refclass")?;
    let refoid = row.number("refoid")?;
    let refsub = row.number("refsub")?;
    let (Some(class), Some(refclass)) = (class_name(class), class_name(refclass)) else { return Ok(()) };
    let find = |class, oid, sub| reader.handle(class, oid, sub).or_else(|| reader.handle(class, oid, 0));
    if let (Some(from), Some(to)) = (find(class, oid, sub), find(refclass, refoid, refsub))
        && from != to
    {
        // What lies below an object depends on it anyway.
        let (a, b) = (reader.builder.id(from), reader.builder.id(to));
        if !a.is_within(b) && !b.is_within(a) {
            reader.depend(from, to, Edge::Hard);
        }
    }
    Ok(())
}

/// Resolves the version marks of a query: `{{18: text}}` stands from that major on, `{{-17: text}}` up to it.
pub fn for_major(query: &str, major: u32) -> String {
    let mut out = String::with_capacity(query.len());
    let mut rest = query;
    while let Some(start) = rest.find("{{") {
        out.push_str(&rest[..start]);
        let Some(end) = rest[start..].find("}}") else { break };
        let mark = &rest[start + 2..start + end];
        if let Some((bound, text)) = mark.split_once(':') {
            let holds = match bound.trim().strip_prefix('-') {
                Some(last) => last.parse().is_ok_and(|last: u32| major <= last),
                None => bound.trim().parse().is_ok_and(|first: u32| major >= first),
            };
            if holds {
                // With the space before it, which may be all that keeps it apart from the word before the mark.
                out.push_str(text);
            }
        }
        rest = &rest[start + end + 2..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::for_major;

    #[test]
    fn version_marks() {
        let query = "select {{18: a}}{{-17: b}} from t";
        assert_eq!(for_major(query, 18), "select  a from t");
        assert_eq!(for_major(query, 15), "select  b from t");
        assert_eq!(for_major("where x{{18: or y}}", 18), "where x or y");
    }
}
