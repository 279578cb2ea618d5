//! An index definition: what follows ON table in CREATE INDEX, with UNIQUE in front where it is meant.

use crate::core::options::Options;

use pg_query::NodeEnum;

use super::constraint::slice;
use super::fragment::{Piece, not_one};
use super::lexer::{Kind, Token, closing};
use super::parse::{SyntaxError, Wrapped};

/// The parts of an index definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexParts {
    /// UNIQUE
    pub unique: bool,
    /// The text as written from USING or the opening bracket on, through INCLUDE and NULLS NOT DISTINCT.
    pub definition: String,
    /// The access method, folded; `btree` where none is given.
    pub method: String,
    /// The columns among the keys, in order; expressions are left out.
    pub columns: Vec<String>,
    /// The columns after INCLUDE.
    pub include: Vec<String>,
    /// NULLS NOT DISTINCT
    pub nulls_not_distinct: bool,
    /// What stands in the brackets after WITH: name to value, quotes taken off, `true` where only the name is given.
    pub options: Options,
    /// The name after TABLESPACE.
    pub tablespace: Option<String>,
    /// The expression after WHERE.
    pub predicate: Option<String>,
    /// Where the expression after WHERE stands.
    pub predicate_span: Option<std::ops::Range<usize>>,
}

struct Facts {
    method: String,
    columns: Vec<String>,
    include: Vec<String>,
    nulls_not_distinct: bool,
}

fn plain(list: &[pg_query::Node]) -> Vec<String> {
    list.iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::IndexElem(element)) if !element.name.is_empty() => Some(element.name.clone()),
            _ => None,
        })
        .collect()
}

/// Reads an index definition: `unique (a, b desc) include (c) where x > 0`, `using gin (tags)`.
///
/// # Errors
/// When the text is not exactly one index definition.
pub fn index(fragment: &str) -> Result<IndexParts, SyntaxError> {
    let all = super::parse::fragment_tokens(fragment, "index definition")?;
    let unique = all.first().is_some_and(|t| t.is(fragment, "unique"));
    let tokens = all.get(usize::from(unique)..).unwrap_or(&[]);
    let Some(first) = tokens.first() else {
        return Err(SyntaxError::at("the columns are missing", fragment.len()));
    };
    if !first.is(fragment, "using") && !first.is_mark(fragment, "(") {
        return Err(SyntaxError::at("an index definition starts with `(`, `using` or `unique`", first.start));
    }
    // UNIQUE is blanked out, so that offsets stay what they are.
    let head = if unique { "create unique index on t " } else { "create index on t " };
    let rest = format!("{}{}", " ".repeat(first.start), fragment.get(first.start..).unwrap_or(""));
    let facts = Wrapped::new(head, &rest, "", "index definition")?.parse(|node| match node {
        NodeEnum::IndexStmt(stmt) => Ok(Facts {
            method: stmt.access_method.clone(),
            columns: plain(&stmt.index_params),
            include: plain(&stmt.index_including_params),
            nulls_not_distinct: stmt.nulls_not_distinct,
        }),
        _ => Err(not_one("index definition")),
    })?;
    assemble(fragment, tokens, unique, facts).ok_or_else(|| not_one("index definition"))
}

fn assemble(sql: &str, tokens: &[Token], unique: bool, facts: Facts) -> Option<IndexParts> {
    let mut at = closing(sql, tokens, tokens.iter().position(|t| t.is_mark(sql, "("))?)? + 1;
    let is = |i: usize, word: &str| tokens.get(i).is_some_and(|t| t.is(sql, word));
    if is(at, "include") {
        at = closing(sql, tokens, at + 1)? + 1;
    }
    if is(at, "nulls") {
        at += if is(at + 1, "not") { 3 } else { 2 };
    }
    let definition = slice(sql, tokens.get(..at)?).to_owned();
    let mut options = Options::new();
    if is(at, "with") {
        let close = closing(sql, tokens, at + 1)?;
        options = self::options(sql, tokens.get(at + 2..close)?);
        at = close + 1;
    }
    let mut tablespace = None;
    if is(at, "tablespace") {
        tablespace = Some(tokens.get(at + 1)?.name(sql).into_owned());
        at += 2;
    }
    let predicate = if is(at, "where") { Some(Piece::of(sql, tokens.get(at + 1..)?)?) } else { None };
    Some(IndexParts {
        unique,
        definition,
        method: facts.method,
        columns: facts.columns,
        include: facts.include,
        nulls_not_distinct: facts.nulls_not_distinct,
        options,
        tablespace,
        predicate_span: predicate.as_ref().map(|p| p.span.clone()),
        predicate: predicate.map(|p| p.text),
    })
}

/// `name = value, name` (`reloptions` of the grammar) as names and values.
pub(super) fn options(sql: &str, tokens: &[Token]) -> Options {
    let mut out = Options::new();
    for part in tokens.split(|t| t.is_mark(sql, ",")) {
        let (name, value) = match part.iter().position(|t| t.is_mark(sql, "=")) {
            Some(i) => (part.get(..i).unwrap_or(&[]), part.get(i + 1..).unwrap_or(&[])),
            None => (part, &[][..]),
        };
        let name: String = name.iter().map(|t| t.name(sql)).collect();
        let value = match value {
            [] => "true".to_owned(),
            [one] if one.kind == Kind::Text => {
                one.text(sql).trim_start_matches(['e', 'E', 'n', 'N']).trim_matches('\'').replace("''", "'")
            }
            [one] if one.is_name() => one.name(sql).into_owned(),
            several => slice(sql, several).to_owned(),
        };
        if !name.is_empty() {
            out.extend([(name, value)]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_cut() {
        let parts = index("unique (a, lower(b) desc nulls last, C) include (d) nulls not distinct with (fillfactor = 70, \"x\".y) tablespace T where x > ')' -- end")
            .expect("index");
        assert!(parts.unique && parts.nulls_not_distinct);
        assert_eq!(parts.definition, "(a, lower(b) desc nulls last, C) include (d) nulls not distinct");
        assert_eq!(parts.columns, ["a", "c"]);
        assert_eq!(parts.include, ["d"]);
        assert_eq!(parts.predicate.as_deref(), Some("x > ')'"));
        assert_eq!(parts.tablespace.as_deref(), Some("t"));
        assert_eq!(parts.options, Options::from([("fillfactor".into(), "70".into()), ("x.y".into(), "true".into())]));
        let parts =
            index("using GIN (tags jsonb_path_ops (a = 'b'), (x->>'where')) with (fastupdate=off, v='a''b', n=-1)")
                .expect("gin");
        assert_eq!(
            (parts.definition.as_str(), parts.method.as_str()),
            ("using GIN (tags jsonb_path_ops (a = 'b'), (x->>'where'))", "gin")
        );
        assert_eq!(parts.options.iter().map(|(_, value)| value).collect::<Vec<_>>(), ["off", "a'b", "-1"]);
        let parts = index("(channel, created_at desc) where status = 'open'").expect("partial");
        assert_eq!((parts.method.as_str(), parts.predicate.as_deref()), ("btree", Some("status = 'open'")));
    }

    #[test]
    fn more_or_less_is_refused() {
        for sql in [
            "",
            "unique",
            "a",
            "(a",
            "(a) (b)",
            "(a); drop index i",
            ".x (a)",
            "* (a)",
            "on t (a)",
            "()",
            "(a) where",
            "(a) where x; --",
            "(a) /*",
            "unique unique (a)",
            "(select 1)",
            "(a) where a, b",
            "concurrently (a)",
            "(a) with (",
            "(a) where select 1",
        ] {
            assert!(index(sql).is_err(), "{sql}");
        }
        assert_eq!(index("unique (a) wher b").expect_err("typo").offset, Some(11));
        assert_eq!(index("(a,)").expect_err("comma").offset, Some(3));
    }
}
