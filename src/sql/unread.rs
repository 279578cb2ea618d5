//! Texts that the grammar at hand refuses and a newer server may read.
//!
//! `pg_query` has the grammar of one major version. What a later one brings (IGNORE NULLS, ON CONFLICT DO SELECT) is a syntax error to
//! it, as a slip of the pen is, and only a server can tell the two apart. Such a text must be closed in itself all the same: no
//! semicolon, no bracket, quote or comment that reaches beyond it. The server is then asked to parse it within a statement that
//! holds nothing else, before any statement that is made of it is run.

use super::expression::{Query, QueryKind, expression, query};
use super::fragment::Piece;
use super::lexer::{Kind, tokens};
use super::parse::{SyntaxError, fragment_tokens};
use super::split::split_statements;

/// A fragment, and what a server is to be asked where the grammar at hand refuses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read<T> {
    /// It was read.
    Whole(T),
    /// It may be a fragment of a grammar that is not known here.
    Unread {
        /// What can be said of it without reading it.
        guess: T,
        /// A statement that is one exactly if the fragment is. The server parses it; it is never run.
        statement: String,
        /// Why the grammar at hand refuses it.
        error: SyntaxError,
    },
}

/// Whether it is the grammar that refuses: its other refusals (depth, more than one statement) hold for every server.
fn is_of_grammar(error: &SyntaxError) -> bool {
    error.message.starts_with("syntax error")
}

/// As [`expression`], of any grammar.
///
/// # Errors
/// When the text cannot be exactly one expression.
pub fn expression_of_any_major(text: &str) -> Result<Read<Piece>, SyntaxError> {
    match expression(text) {
        Ok(piece) => Ok(Read::Whole(piece)),
        Err(error) if is_of_grammar(&error) => {
            let tokens = fragment_tokens(text, "expression")?;
            let Some(guess) = Piece::of(text, &tokens) else { return Err(error) };
            // A statement of definition is parsed without a look at what it names.
            let statement = format!("alter table t add check (\n{}\n)", guess.text);
            Ok(Read::Unread { guess, statement, error })
        }
        Err(error) => Err(error),
    }
}

/// As [`query`], of any grammar.
///
/// # Errors
/// When the text cannot be exactly one query.
pub fn query_of_any_major(text: &str) -> Result<Read<Query>, SyntaxError> {
    match query(text) {
        Ok(query) => Ok(Read::Whole(query)),
        Err(error) if is_of_grammar(&error) => {
            let mut found = tokens(text)?;
            while found.last().is_some_and(|t| t.is_mark(text, ";")) {
                found.pop();
            }
            let Some(piece) = Piece::of(text, &found) else { return Err(error) };
            fragment_tokens(&piece.text, "query")?;
            let is_any = |words: &[&str]| found.iter().any(|t| words.iter().any(|word| t.is(text, word)));
            let guess = Query {
                kind: QueryKind::Select,
                with: found.first().is_some_and(|t| t.is(text, "with")),
                modifies: is_any(&["insert", "update", "delete", "merge"]),
                text: piece,
            };
            let statement = format!("create view v as select from (\n{}\n) q", guess.text.text);
            Ok(Read::Unread { guess, statement, error })
        }
        Err(error) => Err(error),
    }
}

/// Whether a text that the grammar at hand refuses is one statement by its tokens. Only a body (BEGIN ATOMIC) may hold semicolons, and
/// with one the answer is provisional: a server has to say so too.
pub fn is_one_by_tokens(sql: &str) -> bool {
    let Ok(found) = tokens(sql) else { return false };
    let has_body = found.windows(2).any(|pair| pair[0].is(sql, "begin") && pair[1].is(sql, "atomic"));
    (has_body || !holds_semicolon(sql))
        && split_statements(sql).is_ok_and(|script| {
            let [one] = &script.statements[..] else { return false };
            script.skipped.is_empty() && sql.get(one.span.end..).is_some_and(|rest| rest.trim().is_empty())
        })
}

/// Whether a statement holds a semicolon, so that only a grammar can tell that it is one.
pub fn holds_semicolon(sql: &str) -> bool {
    sql.contains(';')
        && tokens(sql).map_or(true, |found| found.iter().any(|t| t.kind == Kind::Mark && t.text(sql) == ";"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unread(text: &str) -> Option<String> {
        match expression_of_any_major(text) {
            Ok(Read::Unread { statement, .. }) => Some(statement),
            _ => None,
        }
    }

    #[test]
    fn what_a_later_grammar_reads_is_left_to_the_server() {
        let text = "a = (select first_value(b) ignore nulls over (order by k) from t limit 1)";
        assert_eq!(unread(text), Some(format!("alter table t add check (\n{text}\n)")));
        assert!(matches!(expression_of_any_major("a = 1"), Ok(Read::Whole(_))));
        assert!(matches!(
            query_of_any_major("select lag(a) ignore nulls over w from t window w as (order by k);"),
            Ok(Read::Unread { .. })
        ));
    }

    #[test]
    fn what_reaches_beyond_itself_is_refused_by_every_grammar() {
        for text in [
            "a ignore nulls); drop table t; --",
            "a ignore nulls; drop table t",
            "a ignore nulls) with check (true",
            "a ignore nulls /*",
            "a ignore nulls '",
            "a ignore nulls $$",
            "default",
            "",
        ] {
            assert!(expression_of_any_major(text).is_err(), "{text}");
        }
        assert!(query_of_any_major("select a ignore nulls b c; drop table t").is_err());
        let body =
            |end: &str| format!("create function f() returns int begin atomic select f() ignore nulls x y; {end}");
        assert!(is_one_by_tokens(&body("end")));
        assert!(!is_one_by_tokens(&body("end; drop table t")));
        assert!(!is_one_by_tokens(&body("end; drop table t; create function g() returns int begin atomic end")));
        assert!(holds_semicolon(&body("end")));
        assert!(!holds_semicolon("select ';' -- ;"));
    }
}
