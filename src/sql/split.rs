//! Files of SQL, cut into the statements that they hold: migrations, dumps, scripts written for psql.

use std::ops::Range;

use super::lexer::{Kind, Lexer, Token};
use super::parse::SyntaxError;

/// What matters about a statement when a file is run statement by statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementClass {
    /// BEGIN, COMMIT, ROLLBACK, SAVEPOINT and their like.
    Transaction,
    /// CREATE, ALTER or DROP of a DATABASE or TABLESPACE, ALTER SYSTEM: beyond one database.
    Cluster,
    /// VACUUM, CREATE INDEX CONCURRENTLY and their like: not inside a transaction block.
    NoTransaction,
    /// COPY … FROM STDIN, with its data in the file.
    CopyFromStdin,
    /// Any other COPY.
    Copy,
    /// SET, RESET, SHOW, DISCARD: the session's settings.
    Session,
    /// SELECT, VALUES, TABLE, WITH.
    Query,
    /// INSERT, UPDATE, DELETE, MERGE, TRUNCATE.
    Data,
    /// Everything else: definitions, grants, DO.
    Other,
}

/// One statement of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementText<'a> {
    /// The statement without its semicolon, and without white space and comments around it.
    pub text: &'a str,
    /// Its byte range in the file.
    pub span: Range<usize>,
    /// What it is.
    pub kind: StatementClass,
    /// The lines of data behind COPY … FROM STDIN.
    pub data: Option<Range<usize>>,
}

/// A file of SQL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script<'a> {
    /// The statements in order.
    pub statements: Vec<StatementText<'a>>,
    /// Commands of psql (`\restrict`, `\connect`, …), which no server understands: the lines, left out.
    pub skipped: Vec<Range<usize>>,
}

/// Cuts a file into statements. Bodies in dollar quotes, brackets and BEGIN ATOMIC … END stay whole.
///
/// # Errors
/// A quoted text or comment that does not end, or a psql command in the middle of a statement.
pub fn split_statements(text: &str) -> Result<Script<'_>, SyntaxError> {
    let mut script = Script::default();
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut tokens: Vec<Token> = Vec::new();
    let (mut depth, mut blocks) = (0usize, 0usize);
    loop {
        let mut lexer = Lexer::from(text, at);
        lexer.skip_trivia()?;
        if text.as_bytes().get(lexer.position()) == Some(&b'\\') {
            let start = lexer.position();
            if !tokens.is_empty() {
                return Err(SyntaxError::at("a psql command in the middle of a statement", start));
            }
            let end = line_end(text, start);
            script.skipped.push(start..end);
            at = end;
            continue;
        }
        let Some(token) = lexer.next_token()? else { break };
        at = lexer.position();
        match token.kind {
            Kind::Mark => match token.text(text) {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                ";" if depth == 0 && blocks == 0 => {
                    if let Some(mut statement) = statement(text, &tokens) {
                        if statement.kind == StatementClass::CopyFromStdin {
                            let (data, end) = copy_data(text, at);
                            statement.data = Some(data);
                            at = end;
                        }
                        script.statements.push(statement);
                    }
                    tokens.clear();
                    continue;
                }
                _ => {}
            },
            // As psql does it: blocks count in CREATE [OR REPLACE] FUNCTION or PROCEDURE only.
            Kind::Word if depth == 0 && is_routine(text, &tokens) => {
                let opens = token.is(text, "atomic") && tokens.last().is_some_and(|t| t.is(text, "begin"));
                if opens || (blocks > 0 && token.is(text, "case")) {
                    blocks += 1;
                } else if blocks > 0 && token.is(text, "end") {
                    blocks -= 1;
                }
            }
            _ => {}
        }
        tokens.push(token);
    }
    script.statements.extend(statement(text, &tokens));
    Ok(script)
}

fn line_end(text: &str, from: usize) -> usize {
    text.get(from..).and_then(|rest| rest.find('\n')).map_or(text.len(), |i| from + i + 1)
}

/// The lines behind a COPY statement up to `\.`, and where the text goes on.
fn copy_data(text: &str, from: usize) -> (Range<usize>, usize) {
    let start = line_end(text, from);
    let mut at = start;
    while at < text.len() {
        let end = line_end(text, at);
        if text.get(at..end).is_some_and(|line| line.trim_end_matches(['\r', '\n']) == "\\.") {
            return (start..at, end);
        }
        at = end;
    }
    (start..text.len(), text.len())
}

fn is_routine(text: &str, tokens: &[Token]) -> bool {
    let is = |i: usize, word: &str| tokens.get(i).is_some_and(|t| t.is(text, word));
    let at = if is(1, "or") && is(2, "replace") { 3 } else { 1 };
    is(0, "create") && (is(at, "function") || is(at, "procedure"))
}

fn statement<'a>(text: &'a str, tokens: &[Token]) -> Option<StatementText<'a>> {
    let span = tokens.first()?.start..tokens.last()?.end;
    Some(StatementText { text: text.get(span.clone())?, span, kind: class(text, tokens), data: None })
}

fn class(text: &str, tokens: &[Token]) -> StatementClass {
    let word = |i: usize| {
        tokens.get(i).filter(|t| t.kind == Kind::Word).map_or(String::new(), |t| t.text(text).to_ascii_lowercase())
    };
    let has = |word: &str| tokens.iter().take(6).any(|t| t.is(text, word));
    match (word(0).as_str(), word(1).as_str()) {
        ("begin" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release", _)
        | ("start" | "prepare" | "set", "transaction") => StatementClass::Transaction,
        ("set", "constraints") => StatementClass::Transaction,
        ("create" | "alter" | "drop", "database" | "tablespace") | ("alter", "system") => StatementClass::Cluster,
        ("vacuum", _) => StatementClass::NoTransaction,
        ("create" | "drop" | "reindex" | "alter" | "refresh", _) if has("concurrently") && word(0) != "refresh" => {
            StatementClass::NoTransaction
        }
        ("create" | "alter" | "drop", "subscription") => StatementClass::NoTransaction,
        ("copy", _) => {
            let stdin = tokens.windows(2).any(|pair| pair[0].is(text, "from") && pair[1].is(text, "stdin"));
            if stdin { StatementClass::CopyFromStdin } else { StatementClass::Copy }
        }
        ("set" | "reset" | "show" | "discard", _) => StatementClass::Session,
        ("select" | "values" | "table" | "with", _) => StatementClass::Query,
        ("insert" | "update" | "delete" | "merge" | "truncate", _) => StatementClass::Data,
        ("", _) if tokens.first().is_some_and(|t| t.is_mark(text, "(")) => StatementClass::Query,
        _ => StatementClass::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::StatementClass::*;
    use super::*;

    fn texts(sql: &str) -> Vec<&str> {
        split_statements(sql).unwrap_or_else(|e| panic!("{sql}: {e}")).statements.iter().map(|s| s.text).collect()
    }

    #[test]
    fn statements_are_cut() {
        assert_eq!(
            texts(" select 1 ; -- x; y\n;; select ';' /* ; */ ; select $a$;$a$"),
            ["select 1", "select ';'", "select $a$;$a$"]
        );
        assert_eq!(texts("create rule r as on insert to t do (select 1; select 2); select 3").len(), 2);
        assert_eq!(texts("\u{feff}select 1;\r\nselect 2;\r\n"), ["select 1", "select 2"]);
        let body =
            "create or replace function f() returns int begin atomic select case when a then 1 end; select 2; end";
        assert_eq!(texts(&format!("{body}; begin; select 1; end;")), [body, "begin", "select 1", "end"]);
        assert_eq!(texts("create table atomic (begin int); select 1").len(), 2);
        assert_eq!(texts(""), Vec::<&str>::new());
        assert_eq!(texts("-- only a comment"), Vec::<&str>::new());
        assert!(split_statements("select 'a; select 2").is_err());
        assert!(split_statements("select 1 \\gexec\n").is_err());
    }

    #[test]
    fn dumps_are_read() {
        let sql = "\\restrict abc'def\nSET x = 1;\nCOPY public.t (a, b) FROM stdin;\n1\tit's; $$\n\\N\t2\n\\.\n\n\\connect db\nselect 1;\n\\unrestrict abc\n";
        let script = split_statements(sql).expect("script");
        let shown: Vec<_> = script.statements.iter().map(|s| (s.text, s.kind)).collect();
        assert_eq!(
            shown,
            [("SET x = 1", Session), ("COPY public.t (a, b) FROM stdin", CopyFromStdin), ("select 1", Query)]
        );
        assert_eq!(script.statements[1].data.clone().map(|d| &sql[d]), Some("1\tit's; $$\n\\N\t2\n"));
        assert_eq!(
            script.skipped.iter().map(|r| sql[r.clone()].trim()).collect::<Vec<_>>(),
            ["\\restrict abc'def", "\\connect db", "\\unrestrict abc"]
        );
        for s in &script.statements {
            assert_eq!(&sql[s.span.clone()], s.text);
        }
        let crlf = split_statements("copy t from stdin;\r\n1\r\n\\.\r\nselect 1").expect("crlf");
        assert_eq!(crlf.statements.len(), 2);
        assert_eq!(split_statements("copy t from stdin;").expect("no data").statements[0].data, Some(18..18));
    }

    #[test]
    fn statements_are_classed() {
        for (sql, kind) in [
            ("BEGIN", Transaction),
            ("start transaction", Transaction),
            ("set transaction read only", Transaction),
            ("create database x", Cluster),
            ("alter system set x = 1", Cluster),
            ("vacuum t", NoTransaction),
            ("create unique index concurrently i on t (a)", NoTransaction),
            ("create index i on t (a)", Other),
            ("copy t to stdout", Copy),
            ("set search_path = x", Session),
            ("(select 1)", Query),
            ("truncate t", Data),
            ("do $$ $$", Other),
            ("prepare x as select 1", Other),
            ("reindex table concurrently t", NoTransaction),
            ("create table t (a int)", Other),
        ] {
            assert_eq!(split_statements(sql).expect(sql).statements[0].kind, kind, "{sql}");
        }
    }
}
