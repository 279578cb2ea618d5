//! Cuts a statement at the place where the range of a batch goes.

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Location, Result};
use crate::core::id::ObjectId;
use crate::core::name::{Ident, literal};
use crate::data::Batch;
use crate::kinds::KindTag;
use crate::kinds::table::column::Column;
use crate::kinds::table::constraint::{Constraint, ConstraintType};
use crate::kinds::table::index::Index;
use crate::sql::lexer;

impl Batch {
    /// The statement for the keys above `low` and up to `high`, where given.
    pub fn statement(&self, low: Option<&[String]>, high: Option<&[String]>) -> String {
        let bounds: Vec<String> = [(">", low), ("<=", high)]
            .into_iter()
            .filter_map(|(sign, values)| values.map(|v| self.compare(&self.alias, sign, v)))
            .collect();
        let range = if bounds.is_empty() { "true".to_owned() } else { bounds.join(" AND ") };
        format!("{} {range}{}", self.before, self.after)
    }

    fn compare(&self, alias: &str, sign: &str, values: &[String]) -> String {
        let columns: Vec<String> = self.key.iter().map(|k| format!("{alias}.{}", Ident(k))).collect();
        let values: Vec<String> = values.iter().map(|v| literal(v)).collect();
        match (columns.as_slice(), values.as_slice()) {
            ([column], [value]) => format!("{column} {sign} {value}"),
            _ => format!("({}) {sign} ({})", columns.join(", "), values.join(", ")),
        }
    }

    /// The query of the key that ends the batch of `rows` rows behind `low`; no row where fewer are left.
    pub fn next_key(&self, low: Option<&[String]>, rows: u32) -> String {
        let columns: Vec<String> = self.key.iter().map(|k| Ident(k).to_string()).collect();
        let texts: Vec<String> = columns.iter().map(|c| format!("k.{c}::text")).collect();
        let condition = low.map(|values| format!(" WHERE {}", self.compare("k", ">", values))).unwrap_or_default();
        let order: Vec<String> = columns.iter().map(|c| format!("k.{c}")).collect();
        format!(
            "SELECT {} FROM {} k{condition} ORDER BY {} OFFSET {} LIMIT 1",
            texts.join(", "),
            self.table.sql(),
            order.join(", "),
            rows.saturating_sub(1)
        )
    }
}

/// The key by which a table's rows are walked: the one that is asked for, else the primary key.
///
/// # Errors
/// `batch-key` where there is no key, or the one asked for is not unique.
pub fn key_of(table: &ObjectId, asked: &[String], catalog: &Catalog, place: &Location) -> Result<Vec<String>> {
    let keys: Vec<(bool, Vec<String>)> = keys(table, catalog);
    if asked.is_empty() {
        return match keys.iter().find(|(primary, _)| *primary) {
            Some((_, columns)) => Ok(columns.clone()),
            None => Err(Diagnostic::error(
                "batch-key",
                format!("table {} has no primary key to walk its rows by", table.sql_path()),
            )
            .at(place.clone())
            .help("say `by:` with a unique column, or `rows: all` to change all rows in one statement")),
        };
    }
    let column = |name: &str| Column::get(catalog, &table.child(KindTag::Column, name));
    if let Some(missing) = asked.iter().find(|name| column(name).is_none()) {
        let mut problem = Diagnostic::error("batch-key", format!("table {} has no column {missing}", table.sql_path()))
            .at(place.clone());
        let names: Vec<_> = catalog.children(table, KindTag::Column).map(|(id, _)| id.name().into_owned()).collect();
        for near in crate::core::diagnostic::nearest(missing, names.iter().map(String::as_str)) {
            problem = problem.help(format!("did you mean `{near}`?"));
        }
        return Err(problem);
    }
    let is_unique = keys.iter().any(|(_, columns)| columns.iter().all(|c| asked.contains(c)));
    if is_unique {
        // Nothing is above or below NULL: such rows would be in no batch.
        return match asked.iter().find(|name| column(name).is_some_and(|c| c.not_null.is_none())) {
            None => Ok(asked.to_vec()),
            Some(name) => {
                Err(Diagnostic::error("batch-key", format!("column {name} of table {} may be NULL", table.sql_path()))
                    .at(place.clone())
                    .note("batches are walked by a key: rows that have none would be left out")
                    .help(
                        "say `by:` with columns that are NOT NULL and unique, or leave it out to walk the primary key",
                    ))
            }
        };
    }
    let mut problem =
        Diagnostic::error("batch-key", format!("({}) is not unique in table {}", asked.join(", "), table.sql_path()))
            .at(place.clone())
            .note("batches are walked by a key: rows that share a value could not be told apart");
    for (_, columns) in keys {
        problem = problem.help(format!("({}) is unique", columns.join(", ")));
    }
    Err(problem)
}

/// The unique keys of a table; whether each is the primary key.
fn keys(table: &ObjectId, catalog: &Catalog) -> Vec<(bool, Vec<String>)> {
    let mut keys: Vec<(bool, Vec<String>)> = catalog
        .children(table, KindTag::Constraint)
        .filter_map(|(_, o)| Constraint::of(o))
        .filter(|c| {
            matches!(c.constraint_type, ConstraintType::PrimaryKey | ConstraintType::Unique) && !c.columns.is_empty()
        })
        .map(|c| (c.constraint_type == ConstraintType::PrimaryKey, c.columns.clone()))
        .collect();
    keys.extend(
        catalog
            .dependents(table)
            .filter_map(|(id, _)| Index::get(catalog, id))
            .filter(|i| i.relation == *table && i.unique && i.predicate.is_none())
            .filter_map(|i| crate::sql::index(&i.definition).ok())
            .filter(|parts| !parts.columns.is_empty() && parts.definition.matches('(').count() <= 2)
            .map(|parts| (false, parts.columns)),
    );
    keys
}

/// Cuts an UPDATE, DELETE or INSERT … SELECT so that a range of `table`'s keys can be put in.
///
/// # Errors
/// `batch` where the statement does not read or change the table at its top level.
pub fn cut(sql: &str, table: &ObjectId, key: Vec<String>, rows: u32, place: &Location) -> Result<Batch> {
    let failed = |why: &str| {
        Diagnostic::error("batch", format!("this statement cannot be cut into batches: {why}")).at(place.clone())
    };
    let tokens = lexer::tokens(sql).map_err(|e| failed(&e.message))?;
    let mut depth = 0_i32;
    let mut conflict = false;
    let (mut alias, mut condition, mut end) = (None, None, None::<usize>);
    let word = |i: usize| tokens.get(i).map(|t| t.text(sql).to_ascii_lowercase()).unwrap_or_default();
    let mut i = 0;
    while i < tokens.len() {
        match word(i).as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            "merge" if i == 0 => {
                return Err(failed("MERGE has no place for a range of keys; say it by UPDATE and INSERT"));
            }
            "where" if depth == 0 && condition.is_none() && end.is_none() => condition = Some(i),
            "union" | "intersect" | "except" if depth == 0 => return Err(failed("it has more than one SELECT")),
            "group" | "having" | "window" | "limit" | "offset" | "fetch" if depth == 0 && !conflict => {
                return Err(failed(&format!(
                    "{} looks at all rows at once, and a batch sees only some",
                    word(i).to_uppercase()
                ))
                .help("leave `batch` out to run it as one statement"));
            }
            "returning" | "order" if depth == 0 && end.is_none() => end = Some(i),
            "on" if depth == 0 && word(i + 1) == "conflict" => {
                conflict = true;
                end = end.or(Some(i));
            }
            _ if depth == 0 && alias.is_none() && condition.is_none() => {
                if let Some((found, next)) = named(&tokens, sql, i, table) {
                    alias = Some(found);
                    i = next;
                    continue;
                }
            }
            _ => {}
        }
        i += 1;
    }
    let Some(alias) = alias else {
        return Err(failed(&format!("it does not name table {} outside of brackets", table.sql_path()))
            .help("name the table that the batches walk in UPDATE, DELETE FROM or FROM"));
    };
    // Cut at tokens, so that no comment at an end swallows what is put behind it.
    let stop = |i: usize| i.checked_sub(1).and_then(|i| tokens.get(i)).map_or(0, |t| t.end);
    let end = end.unwrap_or(tokens.len());
    let tail = tokens.get(end).map_or("", |t| &sql[t.start..stop(tokens.len())]);
    let after = if tail.is_empty() { String::new() } else { format!(" {tail}") };
    let before = match condition {
        Some(i) => format!("{} WHERE ({}) AND", &sql[..stop(i)], sql[stop(i + 1)..stop(end)].trim_start()),
        None => format!("{} WHERE", &sql[..stop(end)]),
    };
    Ok(Batch { table: table.clone(), key, alias, rows, before, after })
}

/// The table whose rows a statement changes: its schema, where that is said, and its name.
pub(super) fn target(sql: &str) -> Option<(Option<String>, String)> {
    let tokens = lexer::tokens(sql).ok()?;
    let word = |i: usize| tokens.get(i).map(|t| t.text(sql).to_ascii_lowercase()).unwrap_or_default();
    let name = |i: usize| tokens.get(i).filter(|t| t.is_name()).map(|t| t.name(sql).into_owned());
    // Behind WITH, the statement itself is at the outermost level.
    let mut depth = 0;
    let verb = (0..tokens.len()).find(|i| {
        match word(*i).as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            "select" if depth == 0 => return true,
            verb => return depth == 0 && ["update", "insert", "delete", "merge"].contains(&verb),
        }
        false
    })?;
    let mut at = match word(verb).as_str() {
        "update" => verb + 1,
        "insert" | "delete" | "merge" => verb + 2,
        _ => return None,
    };
    if word(at) == "only" {
        at += 1;
    }
    let first = name(at)?;
    if word(at + 1) == "." { Some((Some(first), name(at + 2)?)) } else { Some((None, first)) }
}

/// Whether the table is named at a token, behind UPDATE, FROM, JOIN, USING or a comma; its alias and the token behind.
fn named(tokens: &[lexer::Token], sql: &str, i: usize, table: &ObjectId) -> Option<(String, usize)> {
    let text = |i: usize| tokens.get(i).map(|t| t.text(sql).to_ascii_lowercase()).unwrap_or_default();
    let introduced = i > 0 && matches!(text(i - 1).as_str(), "update" | "from" | "join" | "using" | "," | "only");
    if !introduced {
        return None;
    }
    let name = |i: usize| tokens.get(i).filter(|t| t.is_name()).map(|t| t.name(sql).into_owned());
    let first = name(i)?;
    let (schema, relation, mut next) =
        if text(i + 1) == "." { (Some(first), name(i + 2)?, i + 3) } else { (None, first, i + 1) };
    if relation != table.name() || schema.is_some_and(|s| Some(s.as_str()) != table.schema().as_deref()) {
        return None;
    }
    if text(next) == "as" {
        next += 1;
    }
    const KEYWORDS: &[&str] = &[
        "set",
        "where",
        "using",
        "from",
        "join",
        "left",
        "right",
        "inner",
        "full",
        "cross",
        "natural",
        "on",
        "returning",
        "group",
        "order",
        "limit",
    ];
    match name(next) {
        Some(alias) if !KEYWORDS.contains(&text(next).as_str()) => Some((Ident(&alias).to_string(), next + 1)),
        _ => Some((Ident(&relation).to_string(), next)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::diagnostic::Source;

    fn cut_of(sql: &str) -> Result<Batch> {
        let table = ObjectId::in_schema(KindTag::Table, "public", "leads");
        cut(sql, &table, vec!["id".to_owned()], 10, &Location::new(&Source::new("a.yaml", sql), 0..1))
    }

    #[test]
    fn the_range_goes_where_it_belongs() {
        let range = |sql: &str| cut_of(sql).unwrap().statement(Some(&["5".to_owned()]), Some(&["9".to_owned()]));
        assert_eq!(range("update leads set a = 1"), "update leads set a = 1 WHERE leads.id > '5' AND leads.id <= '9'");
        assert_eq!(
            range("update public.leads l set a = c.id from customers c where c.x = l.x or l.y returning 1"),
            "update public.leads l set a = c.id from customers c WHERE (c.x = l.x or l.y) AND l.id > '5' AND l.id <= '9' returning 1"
        );
        assert_eq!(
            range(
                "insert into customers (phone) select distinct phone from leads as q where q.phone is not null on conflict do nothing"
            ),
            "insert into customers (phone) select distinct phone from leads as q WHERE (q.phone is not null) AND q.id > '5' AND q.id <= '9' on conflict do nothing"
        );
    }

    #[test]
    fn comments_and_conflicts_are_not_in_the_way() {
        let range = |sql: &str| cut_of(sql).unwrap().statement(None, Some(&["9".to_owned()]));
        assert_eq!(
            range("update leads set a = 1 -- all of them\nwhere a is null -- or so\n-- end"),
            "update leads set a = 1 WHERE (a is null) AND leads.id <= '9'"
        );
        assert_eq!(
            range("insert into c select a from leads on conflict (a) do update set n = 1 where c.n = 0"),
            "insert into c select a from leads WHERE leads.id <= '9' on conflict (a) do update set n = 1 where c.n = 0"
        );
    }

    #[test]
    fn what_looks_at_all_rows_is_refused() {
        for sql in [
            "insert into t select a, count(*) from leads group by a",
            "insert into t select a from leads order by a limit 5",
            "insert into t select a from leads limit 5",
            "merge into t using leads l on t.a = l.a when matched then delete",
        ] {
            assert_eq!(cut_of(sql).unwrap_err().code, "batch", "{sql}");
        }
    }

    #[test]
    fn the_table_that_is_written_is_found() {
        let of = |sql: &str| target(sql).map(|(schema, name)| format!("{}.{name}", schema.unwrap_or_default()));
        assert_eq!(of("update only a.b set x = 1").as_deref(), Some("a.b"));
        assert_eq!(of("INSERT INTO \"T x\" select 1").as_deref(), Some(".T x"));
        assert_eq!(of("with q as (update z set a = 1 returning 1) delete from t using q").as_deref(), Some(".t"));
        assert_eq!(of("select f()"), None);
    }

    #[test]
    fn a_statement_without_the_table_is_refused() {
        assert_eq!(cut_of("update other set a = (select 1 from leads)").unwrap_err().code, "batch");
    }

    #[test]
    fn composite_keys_compare_as_rows() {
        let mut batch = cut_of("delete from leads").unwrap();
        batch.key = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(
            batch.statement(Some(&["1".to_owned(), "x".to_owned()]), None),
            "delete from leads WHERE (leads.a, leads.b) > ('1', 'x')"
        );
    }
}
