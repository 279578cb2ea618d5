//! Reads a live database into a catalog: one repeatable-read snapshot, a few set-based queries.
//!
//! All queries go to the server in one message and their rows are read as they come, in the text form of the simple
//! protocol: it is the cheapest for many small rows. Names in expressions and types are printed under the project's search
//! path, so that they read as people write them.

mod printed;
mod reader;
mod row;

use std::pin::pin;

use futures_util::{StreamExt, TryStreamExt};
use tokio_postgres::SimpleQueryMessage;

use crate::core::catalog::{Bystander, Catalog, Edge, Foundation};
use crate::core::diagnostic::Result;
use crate::kinds::{READERS, SECOND_CONNECTION};
use crate::postgres::{Session, sql_error};

pub use printed::Printer;
pub use reader::{Reader, SequencePart};
pub use row::{Row, array};

macro_rules! classes {
    ($($oid:literal $name:literal),* $(,)?) => {
        /// The catalogs that objects have addresses in, by their fixed oids (`pg_class.oid` of the catalog itself). Among them are those
        /// of which only extensions have objects here: what uses an operator class rests on its extension.
        const CLASSES: &[(u32, &str)] = &[$(($oid, $name)),*];

        /// The oid of a catalog that objects have addresses in; 0 for others. Asked of every row by a name that is a constant,
        /// and then one itself.
        #[inline(always)]
        fn class_oid(name: &str) -> u32 {
            match name {
                $($name => $oid,)*
                _ => 0,
            }
        }
    };
}

classes! {
    1247 "pg_type",
    1255 "pg_proc",
    1259 "pg_class",
    2601 "pg_am",
    2604 "pg_attrdef",
    2605 "pg_cast",
    2606 "pg_constraint",
    2612 "pg_language",
    2615 "pg_namespace",
    2616 "pg_opclass",
    2617 "pg_operator",
    2618 "pg_rewrite",
    2620 "pg_trigger",
    2753 "pg_opfamily",
    3079 "pg_extension",
    3256 "pg_policy",
    3381 "pg_statistic_ext",
    3456 "pg_collation",
    3466 "pg_event_trigger",
    3576 "pg_transform",
    3600 "pg_ts_dict",
    3601 "pg_ts_parser",
    3602 "pg_ts_config",
    3764 "pg_ts_template",
}

/// The name of a catalog by its oid, where objects are known to have addresses in it.
pub fn class_name(oid: u32) -> Option<&'static str> {
    CLASSES.iter().find(|(o, _)| *o == oid).map(|(_, name)| *name)
}

/// The name of a catalog, as the constant that addresses use.
pub fn class_named(name: &str) -> Option<&'static str> {
    CLASSES.iter().find(|(_, n)| *n == name).map(|(_, name)| *name)
}

const BASICS: &str = "select current_user as role, (select r.rolname from pg_database d join pg_roles r on r.oid = d.datdba where d.datname = current_database()) as owner";
const ROLES: &str = "select oid, rolname as name from pg_roles";
/// Members of extensions; and the constructor functions that come and go with a range type.
const MEMBERS: &str = "select classid::oid as class, objid as oid, case when deptype = 'e' then refobjid else 0 end as extension from pg_depend where deptype = 'e' \
     or (deptype = 'i' and classid = 'pg_proc'::regclass and refclassid = 'pg_type'::regclass)";
const SCHEMAS: &str = "select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'";
/// How many relations there are, which says whether a second connection pays; and how many columns the tables have.
const SIZE: &str = "select count(*) as relations, coalesce(sum(relnatts) filter (where relkind in ('r', 'p')), 0) as columns \
     from pg_class where oid >= 16384";
/// That a sequence goes with its column is an object of its own and not the sequence's dependency: the column's default depends
/// on the sequence the other way round. Left out besides is what would only be thrown away, most of all rows: that something
/// lies in its schema, its table or its column, and parts that are no objects of their own (row types, internal triggers); and what
/// the readers of keys and of plain indexes say themselves, from the columns' numbers.
/// What rests on a key (a foreign key, a view that groups by it) rests on the columns as well that the key only INCLUDEs, though no
/// server records that: when such a column gets another type, the server makes the key anew, and refuses while it is in use.
const DEPENDENCIES: &str = "select classid as class, objid as oid, objsubid as sub, refclassid as refclass, refobjid as refoid, refobjsubid as refsub \
     from pg_depend where objid >= 16384 and refobjid >= 16384 and deptype in ('n', 'a', 'i') and refclassid <> 'pg_namespace'::regclass \
     and not (deptype = 'i' and classid in ('pg_type'::regclass, 'pg_class'::regclass, 'pg_trigger'::regclass)) \
     and not (deptype = 'a' and classid = 'pg_policy'::regclass and refobjsubid = 0) \
     and not (deptype = 'a' and refobjsubid <> 0 and classid = 'pg_constraint'::regclass) \
     and not (deptype = 'a' and refobjsubid <> 0 and classid = 'pg_class'::regclass \
              and (objid in (select seqrelid from pg_sequence) \
                   or objid in (select indexrelid from pg_index where indexprs is null and indpred is null))) \
     and not (deptype = 'a' and classid = 'pg_attrdef'::regclass \
              and exists (select from pg_attrdef d where d.oid = objid and d.adrelid = refobjid and d.adnum = refobjsubid)) \
     union all \
     select d.classid, d.objid, d.objsubid, 'pg_class'::regclass, i.indrelid, c.number from pg_index i \
     cross join unnest(i.indkey::int2[]) c(number) \
     cross join lateral (select 'pg_class'::regclass as class, i.indexrelid as oid \
       union all select 'pg_constraint'::regclass, k.oid from pg_constraint k where k.conrelid = i.indrelid and k.conindid = i.indexrelid and k.contype in ('p', 'u') offset 0) k \
     cross join lateral (select * from pg_depend d where d.refclassid = k.class and d.refobjid = k.oid and d.refobjsubid = 0 and d.deptype = 'n' offset 0) d \
     where i.indnkeyatts < i.indnatts and i.indrelid >= 16384 and c.number > 0";

/// From as many relations on, the catalogs are read over two connections, and expressions that many objects have are printed
/// once: below, either would cost more than it saves.
const LARGE: u64 = 2000;

/// Reads the whole database.
///
/// # Errors
/// Whatever the server says; a row that does not read as the catalogs' documentation has it.
pub async fn introspect(session: &Session, search_path: &[String]) -> Result<Catalog> {
    introspect_as(session, search_path, None).await
}

/// As [`introspect`], in the way that is for large databases or in the one for others, instead of the one that fits: both read the
/// same.
///
/// # Errors
/// As [`introspect`].
pub async fn introspect_as(session: &Session, search_path: &[String], large: Option<bool>) -> Result<Catalog> {
    let settings = settings(search_path);
    session.batch(&format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {settings}")).await?;
    let result = read_all(session, &settings, large).await;
    let end = session.batch("COMMIT").await;
    let reader = result?;
    end?;
    let mut builder = reader.builder;
    crate::declare::resolve::body_edges(&mut builder, search_path);
    builder.finish()
}

/// What texts are printed under.
fn settings(search_path: &[String]) -> String {
    let path = crate::core::name::search_path(search_path);
    format!("SET LOCAL search_path = {path}; SET LOCAL jit = off; {}", crate::core::meaning::statements("SET LOCAL"))
}

async fn read_all(session: &Session, settings: &str, large: Option<bool>) -> Result<Reader> {
    let major = session.server_major();
    let mut reader = Reader::new(major);
    reader.builder.origin.major = major;
    reader.builder.origin.number = session.server_version_num();
    let (schemas, relations) = first_batch(session, &mut reader).await?;
    let large = large.unwrap_or(relations >= LARGE);
    reader.prints_later = large;
    let later = if large { "true" } else { "false" };
    let array = format!("'{{{}}}'::oid[]", schemas.join(","));
    let members = format!("'{{{}}}'::oid[]", reader.relations_of_extensions().join(","));
    let kinds: Vec<String> = READERS
        .iter()
        .map(|(_, query, _)| for_major(query, major).replace("$schemas", &array).replace("$members", &members))
        .map(|query| query.replace("$later", later))
        .collect();
    let rest = [
        crate::kinds::component::comment::COMMENTS_QUERY.to_owned(),
        DEPENDENCIES.to_owned(),
        for_major(include_str!("unmodelled.sql"), major),
        for_major(include_str!("beyond.sql"), major),
    ];
    let middle = READERS.iter().position(|(word, _, _)| *word == SECOND_CONNECTION).unwrap_or(READERS.len());
    let second = if large { second(session, settings).await } else { None };
    let Some(second) = second else {
        let mut rows = Lane::start(session, kinds.iter().chain(&rest)).await?;
        read_rows(&mut reader, &mut rows, 0..READERS.len() + rest.len()).await?;
        return finished(session, reader).await;
    };
    // Both processors have work without: what a query spreads over workers is spent twice.
    let alone = "SET LOCAL max_parallel_workers_per_gather = 0";
    session.batch(alone).await?;
    second.batch(alone).await?;
    // Half of the queries on each; what a kind refers to is read before it on either.
    let mut first = Lane::start(session, &kinds[..middle]).await?;
    let mut other = Lane::start(&second, kinds[middle..].iter().chain(&rest)).await?;
    read_rows(&mut reader, &mut first, 0..middle).await?;
    read_rows(&mut reader, &mut other, middle..READERS.len() + rest.len()).await?;
    finished(session, reader).await
}

/// The reader with what was left to print.
async fn finished(session: &Session, mut reader: Reader) -> Result<Reader> {
    std::mem::take(&mut reader.unprinted).print(session, &mut reader).await?;
    Ok(reader)
}

/// Another connection that sees what the first one sees; none where it cannot be had, which costs only time.
async fn second(session: &Session, settings: &str) -> Option<Session> {
    let rows = session.rows("select pg_export_snapshot()").await.ok()?;
    let name = rows.first()?.first()?.clone()?;
    let second = Session::connect(session.info()).await.ok()?;
    let begin = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {}; {settings}",
        crate::core::name::literal(&name)
    );
    second.batch(&begin).await.ok()?;
    Some(second)
}

/// As many rows are handed over together.
const TOGETHER: usize = 256;

/// As many times that many rows wait to be taken before the server has to.
const WAITING: usize = 300;

/// The rows of several queries, read ahead of whoever takes them.
struct Lane {
    messages: tokio::sync::mpsc::Receiver<Vec<SimpleQueryMessage>>,
    taken: std::vec::IntoIter<SimpleQueryMessage>,
    task: tokio::task::JoinHandle<std::result::Result<(), tokio_postgres::Error>>,
    sql: String,
}

impl Lane {
    async fn start(session: &Session, queries: impl IntoIterator<Item = &String>) -> Result<Self> {
        let mut sql = String::new();
        for query in queries {
            sql.push_str(query);
            sql.push_str(";\n");
        }
        let stream = session.client.simple_query_raw(&sql).await.map_err(|e| sql_error(e, Some(&sql)))?;
        let (sender, messages) = tokio::sync::mpsc::channel(WAITING);
        let task = tokio::spawn(async move {
            let mut chunks = pin!(stream.try_ready_chunks(TOGETHER));
            let mut waiting = Vec::new();
            while let Some(chunk) = chunks.next().await {
                match chunk {
                    Ok(chunk) => waiting.extend(chunk),
                    Err(error) => {
                        waiting.extend(error.0);
                        let _ = sender.send(waiting).await;
                        return Err(error.1);
                    }
                }
                // What comes in small pieces is gathered, lest few rows fill the channel; unless somebody may wait for them.
                let asked_for = sender.capacity() == WAITING;
                if (waiting.len() >= TOGETHER || asked_for) && sender.send(std::mem::take(&mut waiting)).await.is_err()
                {
                    // Whoever took them has given up.
                    return Ok(());
                }
            }
            let _ = sender.send(waiting).await;
            Ok(())
        });
        Ok(Self { messages, taken: Vec::new().into_iter(), task, sql })
    }

    async fn next(&mut self) -> Result<Option<SimpleQueryMessage>> {
        loop {
            if let Some(message) = self.taken.next() {
                return Ok(Some(message));
            }
            match self.messages.recv().await {
                Some(messages) => self.taken = messages.into_iter(),
                None => {
                    return match (&mut self.task).await {
                        Ok(Err(error)) => Err(sql_error(error, Some(&self.sql))),
                        _ => Ok(None),
                    };
                }
            }
        }
    }
}

/// Takes the rows of some of the queries, which are counted over all lanes.
async fn read_rows(reader: &mut Reader, rows: &mut Lane, queries: std::ops::Range<usize>) -> Result<()> {
    let mut query = queries.start;
    while query < queries.end
        && let Some(message) = rows.next().await?
    {
        match message {
            SimpleQueryMessage::Row(row) => match READERS.get(query) {
                Some((word, _, read)) => read(&Row::new(&row, word), reader)?,
                None if query == READERS.len() => {
                    crate::kinds::component::comment::read_comment(&Row::new(&row, "comment"), reader)?
                }
                None if query == READERS.len() + 1 => dependency(&Row::new(&row, "dependency"), reader)?,
                None => {
                    unmodelled(&Row::new(&row, "unmodelled"), reader)?;
                }
            },
            SimpleQueryMessage::CommandComplete(_) => query += 1,
            _ => {}
        }
    }
    Ok(())
}

/// Roles, members of extensions; the oids of the user schemas, and how many relations there are.
async fn first_batch(session: &Session, reader: &mut Reader) -> Result<(Vec<String>, u64)> {
    let sql = format!("{BASICS};\n{ROLES};\n{MEMBERS};\n{SCHEMAS};\n{SIZE}");
    let mut schemas = Vec::new();
    let mut relations = 0;
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
                            reader.add_member(class, row.number("oid")?, row.number("extension")?);
                        }
                    }
                    3 => schemas.push(row.string("oid")?),
                    _ => {
                        relations = row.number("relations")?;
                        let columns: u64 = row.number("columns")?;
                        // What is met: a table has about as many other parts, of which each may have a default.
                        reader.reserve(usize::try_from(columns * 2 + relations * 2).unwrap_or(0).min(10_000_000));
                    }
                }
            }
            SimpleQueryMessage::CommandComplete(_) => query += 1,
            _ => {}
        }
    }
    Ok((schemas, relations))
}

/// How the query marks what rests on an object that is not modelled.
const RESTS_ON_IT: &str = ">";

/// A user object that is not modelled; without a kind, what such an object rests on; or what rests on one.
fn unmodelled(row: &Row<'_>, reader: &mut Reader) -> Result<()> {
    let (kind, what) = (row.string("kind")?, row.string("name")?);
    if !kind.is_empty() && kind != RESTS_ON_IT {
        reader.left_out(&kind, &what);
        return Ok(());
    }
    let (class, oid, sub) = (row.number("refclass")?, row.number("refoid")?, row.number("refsub")?);
    let found = reader.handle_at(class, oid, sub).or_else(|| reader.handle_at(class, oid, 0));
    if kind == RESTS_ON_IT {
        if let Some(object) = found.map(|handle| reader.builder.id(handle).clone()) {
            reader.builder.origin.foundations.push(Foundation { object, what });
        }
        return Ok(());
    }
    if let Some(on) = found.map(|handle| reader.builder.id(handle).clone()) {
        let how = row.char("deptype")?;
        let (goes_along, names_row) = (how == 'a', how == 'r');
        reader.builder.origin.bystanders.push(Bystander { what, on, goes_along, taken_over: goes_along, names_row });
    }
    Ok(())
}

fn dependency(row: &Row<'_>, reader: &mut Reader) -> Result<()> {
    let class: u32 = row.number("class")?;
    let oid = row.number("oid")?;
    let sub = row.number("sub")?;
    let refclass: u32 = row.number("refclass")?;
    let refoid = row.number("refoid")?;
    let refsub = row.number("refsub")?;
    let find = |class, oid, sub| reader.handle_at(class, oid, sub).or_else(|| reader.handle_at(class, oid, 0));
    // What uses the type or the function of an extension rests on the extension.
    let to = find(refclass, refoid, refsub).or_else(|| reader.extension_of(refclass, refoid));
    if let (Some(from), Some(to)) = (find(class, oid, sub), to)
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
