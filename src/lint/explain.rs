//! What is said about a name that does not exist: what there is, the nearest names, the way by foreign keys, the join.

use std::ops::Range;

use crate::core::diagnostic::{Diagnostic, Location, Severity, nearest};
use crate::core::name::{ident, is_bare};
use crate::lint::names::{Key, Names};
use crate::lint::paths::{ForeignKey, shortest};
use crate::lint::scope::Item;
use crate::sql::lexer::Lexer;
use crate::sql::{SyntaxError, beyond_grammar};

/// How another table can be reached from where a name stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// By joining it.
    #[default]
    Join,
    /// By a subquery: a policy has no FROM.
    Subquery,
    /// Not at all: a constraint, an index, a list of columns to write.
    Closed,
}

/// Something wrong with a text, before it is known where the text stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The code of the diagnostic.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// Where, in bytes of the text.
    pub span: Range<usize>,
    /// Why.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Vec<String>,
    /// Whether it is no fault of the text's.
    pub warning: bool,
}

impl Finding {
    /// A finding about the name that starts at an offset.
    pub fn new(code: &'static str, message: String, sql: &str, offset: usize) -> Self {
        Self { code, message, span: name_span(sql, offset), notes: Vec::new(), help: Vec::new(), warning: false }
    }

    /// What is said of a text that the grammar at hand refuses.
    pub fn unreadable(text: &str, error: &SyntaxError, message: String) -> Self {
        let finding = Self::new("sql-syntax", message, text, error.offset.unwrap_or(text.len()));
        match beyond_grammar(text, &error.message) {
            Some((what, since)) => Self {
                code: "sql-unread",
                message: format!("{what} is SQL of PostgreSQL {since}, which is not read here"),
                warning: true,
                ..finding
            },
            None => finding,
        }
    }

    /// The diagnostic, at its place.
    pub fn diagnostic(self, place: Option<Location>) -> Box<Diagnostic> {
        let mut problem = Diagnostic::error(self.code, self.message);
        if self.warning {
            problem.severity = Severity::Warning;
        }
        problem.location = place;
        problem.notes = self.notes;
        problem.help = self.help;
        problem
    }
}

/// The dotted name at an offset.
pub fn name_span(sql: &str, offset: usize) -> Range<usize> {
    let offset = offset.min(sql.len());
    let mut lexer = Lexer::from(sql, offset);
    let (mut end, mut start) = (offset, offset);
    let mut dotted = true;
    while let Ok(Some(token)) = lexer.next_token() {
        let is_dot = token.is_mark(sql, ".");
        if (dotted && !token.is_name()) || (!dotted && !is_dot) {
            break;
        }
        if end == offset {
            start = token.start;
        }
        dotted = is_dot;
        if !is_dot {
            end = token.end;
        }
    }
    start..end.max(start + usize::from(end <= start))
}

/// A table as a person calls it: without the schema where it is searched anyway.
pub fn shown(names: &Names, key: &Key) -> String {
    let plain = key.0 == "pg_temp" || names.search_path.contains(&key.0);
    if plain { ident(&key.1) } else { format!("{}.{}", ident(&key.0), ident(&key.1)) }
}

/// How a list of names is said.
fn list(items: &[String]) -> String {
    items.iter().map(|i| ident(i)).collect::<Vec<_>>().join(", ")
}

/// A column that none of these have.
pub fn unknown_column(
    names: &Names,
    finding: &mut Finding,
    column: &str,
    items: &[&Item],
    in_scope: &[&Item],
    way: Way,
) {
    let known = items.iter().flat_map(|i| i.shape.columns.iter()).map(String::as_str);
    let near = nearest(column, known);
    if let [only] = items
        && near.is_empty()
        && !only.shape.columns.is_empty()
    {
        let shown = only.shape.columns.iter().take(20).cloned().collect::<Vec<_>>();
        let more = if only.shape.columns.len() > shown.len() { ", …" } else { "" };
        finding.notes.push(format!("its columns are {}{more}", list(&shown)));
    }
    let mut taken: Vec<String> = in_scope.iter().map(|i| i.alias.clone()).collect();
    // Of several tables at hand that have a column of this name, none need be the one that is meant; the table that this
    // one's own foreign keys lead to is.
    if let [only] = items
        && let Some(table) = &only.table
        && way != Way::Closed
        && shortest(names, table, |key| names.relation(key).is_some_and(|r| r.shape.has(column)))
            .and_then(|way| way.last().map(|f| f.to.clone()))
            .is_some_and(|end| in_scope.iter().all(|i| i.table.as_ref() != Some(&end)))
        && by_foreign_keys(names, finding, column, only, table, &mut taken, way)
    {
        suggest_near(finding, &near);
        return;
    }
    // Whoever is at hand and has it.
    let mut direct = false;
    for other in in_scope.iter().filter(|o| items.iter().all(|i| i.alias != o.alias) && o.shape.has(column)) {
        direct = true;
        finding.help.push(format!(
            "{} has it: write `{}.{}`",
            called(names, other),
            ident(&other.alias),
            ident(column)
        ));
    }
    if !direct && way != Way::Closed {
        for item in items {
            if let Some(table) = &item.table
                && by_foreign_keys(names, finding, column, item, table, &mut taken, way)
            {
                break;
            }
        }
    }
    suggest_near(finding, &near);
}

fn suggest_near(finding: &mut Finding, near: &[&str]) {
    if !near.is_empty() {
        let near: Vec<String> = near.iter().map(|n| format!("`{}`", ident(n))).collect();
        finding.help.push(format!("did you mean {}?", near.join(" or ")));
    }
}

/// `api_clients (called ac)`, or the alias alone.
pub fn called(names: &Names, item: &Item) -> String {
    match &item.table {
        Some(key) if key.1 != item.alias => format!("{} (called {} here)", shown(names, key), ident(&item.alias)),
        Some(key) => shown(names, key),
        None => ident(&item.alias),
    }
}

fn by_foreign_keys(
    names: &Names,
    finding: &mut Finding,
    column: &str,
    item: &Item,
    table: &Key,
    taken: &mut Vec<String>,
    by: Way,
) -> bool {
    let has = |key: &Key| names.relation(key).is_some_and(|r| r.shape.has(column));
    // The nearest table that has the column; else the one that the column's name speaks of.
    let (way, last) = if let Some(way) = shortest(names, table, has) {
        let end = way.last().map(|f| &f.to);
        let onward = names.foreign_keys.iter().find(|f| Some(&f.from) == end && f.columns == [column.to_owned()]);
        (way, (onward, column.to_owned()))
    } else {
        let Some(stem) = column.strip_suffix("_id").filter(|s| !s.is_empty()) else { return false };
        let speaks = |key: &Key| key.1 == stem || singular(&key.1) == stem;
        let Some(way) = shortest(names, table, speaks) else { return false };
        let Some(target) = way.last().and_then(|f| f.targets(names).first()).cloned() else { return false };
        (way, (None, target))
    };
    let mut path = vec![shown(names, table)];
    path.extend(way.iter().map(|f| shown(names, &f.to)));
    path.extend(last.0.map(|f| shown(names, &f.to)));
    finding.notes.push(format!("foreign-key path {}", path.join(" → ")));
    let mut from = item.alias.clone();
    let mut joins = Vec::new();
    for step in way {
        let alias = short_name(&step.to.1, taken);
        joins.push(join(names, step, &from, &alias));
        taken.push(alias.clone());
        from = alias;
    }
    let wanted = format!("{}.{}", ident(&from), ident(&last.1));
    finding.help.push(match (by, joins.split_first()) {
        (Way::Subquery, Some(((table, on), rest))) => {
            let rest: String = rest.iter().map(|(t, on)| format!(" join {t} on {on}")).collect();
            format!("reach it by a subquery: `exists (select from {table}{rest} where {on} and {wanted} = …)`")
        }
        _ => {
            let all: Vec<String> = joins.iter().map(|(table, on)| format!("join {table} on {on}")).collect();
            format!("join it: `{}`, then write `{wanted}`", all.join(" "))
        }
    });
    true
}

/// What to join, and on what.
fn join(names: &Names, key: &ForeignKey, from: &str, alias: &str) -> (String, String) {
    let pairs: Vec<String> = key
        .columns
        .iter()
        .zip(key.targets(names))
        .map(|(own, target)| format!("{}.{} = {}.{}", ident(alias), ident(target), ident(from), ident(own)))
        .collect();
    (format!("{} {}", shown(names, &key.to), ident(alias)), pairs.join(" and "))
}

/// An alias from the first letters of a table's words: `ac` for `api_clients`.
fn short_name(table: &str, taken: &[String]) -> String {
    let initials: String = table
        .split(|c: char| !c.is_alphanumeric())
        .filter_map(|word| word.chars().next())
        .flat_map(char::to_lowercase)
        .collect();
    let free = |name: &String| is_bare(name) && !taken.contains(name);
    let stem = if initials.is_empty() { "t".to_owned() } else { initials };
    (1..100)
        .map(|n| if n == 1 { stem.clone() } else { format!("{stem}{n}") })
        .find(free)
        .unwrap_or_else(|| table.to_owned())
}

fn singular(table: &str) -> String {
    if let Some(stem) = table.strip_suffix("ies") {
        return format!("{stem}y");
    }
    for end in ["sses", "xes", "ches", "shes"] {
        if table.ends_with(end) {
            return table.trim_end_matches("es").to_owned();
        }
    }
    table.strip_suffix('s').unwrap_or(table).to_owned()
}

/// A table that does not exist.
pub fn unknown_table(names: &Names, sql: &str, offset: usize, schema: Option<&str>, name: &str) -> Finding {
    let full = match schema {
        Some(schema) => format!("{}.{}", ident(schema), ident(name)),
        None => ident(name),
    };
    let mut finding = Finding::new("unknown-table", format!("there is no table or view {full}"), sql, offset);
    let gone = |k: &&Key| k.1 == name && schema.is_none_or(|s| s == k.0);
    if names.dropped.iter().any(|k| gone(&k)) {
        finding.notes.push("the script has dropped or renamed it before".to_owned());
    }
    let elsewhere: Vec<String> = names.elsewhere(name).map(|k| format!("{}.{}", ident(&k.0), ident(&k.1))).collect();
    if elsewhere.is_empty() {
        let mut all: Vec<&Key> = names.relation_keys().filter(|k| schema.is_none_or(|s| s == k.0)).collect();
        all.sort();
        for near in nearest(name, all.iter().map(|k| k.1.as_str())) {
            if let Some(key) = all.iter().find(|k| k.1 == near) {
                finding.help.push(format!("did you mean `{}`?", shown(names, key)));
            }
        }
    } else {
        if schema.is_none() {
            let path = if names.search_path.is_empty() { "empty".to_owned() } else { list(&names.search_path) };
            finding.notes.push(format!("the search path here is {path}"));
        }
        for key in elsewhere {
            finding.help.push(format!("there is `{key}`"));
        }
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_aliases() {
        assert_eq!(name_span("select a.b , c", 7), 7..10);
        assert_eq!(name_span("select \"A b\".c", 7), 7..14);
        assert_eq!(name_span("a", 7), 1..2);
        assert_eq!(short_name("api_clients", &[]), "ac");
        assert_eq!(short_name("api_clients", &["ac".to_owned()]), "ac2");
        assert_eq!(short_name("accounts_shared", &[]), "as2", "a keyword is no alias");
        assert_eq!(singular("categories"), "category");
        assert_eq!(singular("customers"), "customer");
        assert_eq!(singular("boxes"), "box");
    }
}
