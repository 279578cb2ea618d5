//! Cuts a statement at the place where the range of a batch goes.

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Location, Result};
use crate::core::id::ObjectId;
use crate::core::name::{Ident, literal};
use crate::data::Batch;
use crate::kinds::KindTag;
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
    let is_unique = keys.iter().any(|(_, columns)| columns.iter().all(|c| asked.contains(c)));
    if is_unique {
        return Ok(asked.to_vec());
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
    let (mut alias, mut condition, mut end) = (None, None, None);
    let word = |i: usize| tokens.get(i).map(|t| t.text(sql).to_ascii_lowercase()).unwrap_or_default();
    let mut i = 0;
    while i < tokens.len() {
        match word(i).as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            "where" if depth == 0 && condition.is_none() => condition = Some(i),
            "returning" | "group" | "order" | "limit" | "on"
                if depth == 0 && (condition.is_some() || word(i) != "on") && end.is_none() =>
            {
                end = Some(i)
            }
            "union" | "intersect" | "except" if depth == 0 => return Err(failed("it has more than one SELECT")),
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
    let end_at = end.and_then(|i| tokens.get(i)).map_or(sql.len(), |t| t.start);
    let tail = sql[end_at..].trim();
    let after = if tail.is_empty() { String::new() } else { format!(" {tail}") };
    let before = match condition.and_then(|i| tokens.get(i)) {
        Some(token) => {
            let (head, text) = (sql[..token.start].trim_end(), sql[token.end..end_at].trim());
            format!("{head} WHERE ({text}) AND")
        }
        None => format!("{} WHERE", sql[..end_at].trim_end()),
    };
    Ok(Batch { table: table.clone(), key, alias, rows, before, after })
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
