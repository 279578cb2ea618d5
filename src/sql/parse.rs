//! Parsing with `pg_query`, guarded.
//!
//! `pg_query` is C code and protobuf decoding, both recursive, and it redirects the process's standard error while it
//! works. So all of it runs on one dedicated thread with a large stack, one call at a time, and a text nested beyond
//! reason is refused before it is parsed. Trees stay on that thread (dropping one recurses as well); results leave it.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use pg_query::protobuf::RawStmt;

use super::lexer::{Kind, Lexer, Token, tokens};

/// A text that is not the SQL that it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// What is wrong, in PostgreSQL's words where it is PostgreSQL's grammar that refuses.
    pub message: String,
    /// The byte offset in the text given, where it is known.
    pub offset: Option<usize>,
}

impl SyntaxError {
    /// An error at a place.
    pub fn at(message: impl Into<String>, offset: usize) -> Self {
        Self { message: message.into(), offset: Some(offset) }
    }

    /// An error about the text as a whole.
    pub fn whole(message: impl Into<String>) -> Self {
        Self { message: message.into(), offset: None }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SyntaxError {}

/// Address space, not memory: pages are taken as they are touched.
const STACK_BYTES: usize = 512 << 20;

/// How deep a tree may be. PostgreSQL's own limit (`max_stack_depth`, 2 MB) is reached well before this.
const MAX_DEPTH: usize = 10_000;

type Job = Box<dyn FnOnce() + Send>;

thread_local! {
    static ON_PARSER_THREAD: Cell<bool> = const { Cell::new(false) };
}

fn parser_thread() -> Result<mpsc::Sender<Job>, SyntaxError> {
    static SENDER: OnceLock<Mutex<Option<mpsc::Sender<Job>>>> = OnceLock::new();
    let slot = SENDER.get_or_init(|| {
        let (sender, jobs) = mpsc::channel::<Job>();
        let run = move || {
            ON_PARSER_THREAD.set(true);
            for job in jobs {
                job();
            }
        };
        let spawned = thread::Builder::new().name("sql-parser".to_owned()).stack_size(STACK_BYTES).spawn(run);
        Mutex::new(spawned.ok().map(|_| sender))
    });
    let sender = slot.lock().unwrap_or_else(PoisonError::into_inner).clone();
    sender.ok_or_else(|| SyntaxError::whole("cannot start the parser thread (512 MB of address space)"))
}

/// Runs work on the parser thread and waits for it. Work that is already there runs at once.
///
/// # Errors
/// When the thread cannot be started, or the work panics (as `pg_query` may).
pub fn on_parser_thread<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> Result<R, SyntaxError> {
    if ON_PARSER_THREAD.get() {
        return Ok(work());
    }
    let (reply, result) = mpsc::sync_channel::<Result<R, Box<dyn Any + Send>>>(1);
    let job: Job = Box::new(move || {
        let outcome = catch_unwind(AssertUnwindSafe(work));
        // The receiver waits below; if it is gone nobody wants the result.
        let _ = reply.send(outcome);
    });
    let failed = || SyntaxError::whole("the SQL parser failed on this text");
    parser_thread()?.send(job).map_err(|_| failed())?;
    result.recv().ok().and_then(Result::ok).ok_or_else(failed)
}

/// Parses a text that may hold any number of statements and gives them to `with`, on the parser thread.
///
/// # Errors
/// When PostgreSQL's grammar refuses the text.
pub fn parse_all<R: Send + 'static>(
    sql: &str,
    with: impl FnOnce(&[RawStmt]) -> R + Send + 'static,
) -> Result<R, SyntaxError> {
    let sql = sql.to_owned();
    on_parser_thread(move || statements(&sql).map(|list| with(&list)))?
}

/// Parses a text that holds exactly one statement and gives it to `with`, on the parser thread.
///
/// # Errors
/// When PostgreSQL's grammar refuses the text, or it holds no statement or several.
pub fn parse_one<R: Send + 'static>(
    sql: &str,
    with: impl FnOnce(&pg_query::NodeEnum) -> R + Send + 'static,
) -> Result<R, SyntaxError> {
    parse_all(sql, |list| match list {
        [one] => match one.stmt.as_ref().and_then(|node| node.node.as_ref()) {
            Some(node) => Ok(with(node)),
            None => Err(SyntaxError::whole("no statement")),
        },
        [] => Err(SyntaxError::at("no statement", 0)),
        [_, second, ..] => Err(SyntaxError {
            message: "more than one statement".into(),
            offset: usize::try_from(second.stmt_location).ok(),
        }),
    })?
}

/// Parses on the current thread, which must be the parser thread.
pub(crate) fn statements(sql: &str) -> Result<Vec<RawStmt>, SyntaxError> {
    let tokens = tokens(sql)?;
    check_depth(sql, &tokens)?;
    match attempt(sql) {
        Ok(list) => Ok(list),
        Err(message) => Err(SyntaxError { offset: locate(sql, &tokens, &message), message }),
    }
}

static STANDARD_ERROR: Mutex<()> = Mutex::new(());

/// Runs `work` while nothing is parsed. `pg_query` points the process's standard error elsewhere during a call, so
/// whoever writes to it, or starts a program that inherits it, while another thread may parse, does so in here.
pub fn with_standard_error<R>(work: impl FnOnce() -> R) -> R {
    let _held = STANDARD_ERROR.lock().unwrap_or_else(PoisonError::into_inner);
    work()
}

#[expect(clippy::disallowed_methods, reason = "this is the one place, on the parser thread")]
fn attempt(sql: &str) -> Result<Vec<RawStmt>, String> {
    match with_standard_error(|| pg_query::parse(sql, 0)) {
        Ok(result) => Ok(result.protobuf.stmts),
        Err(pg_query::Error::Parse(message)) => Err(message),
        Err(pg_query::Error::Conversion(_)) => Err("the text contains a NUL character".to_owned()),
        Err(other) => Err(other.to_string()),
    }
}

/// Finds the token that the grammar stumbles over. The safe interface of `pg_query` drops the cursor position; but a
/// text that is cut behind a token fails with the same message exactly if it still holds the bad one.
fn locate(sql: &str, tokens: &[Token], message: &str) -> Option<usize> {
    if message.ends_with("at end of input") {
        return Some(sql.trim_end().len());
    }
    let near = message.split_once("at or near \"").and_then(|(_, rest)| rest.strip_suffix('"'));
    let mut candidates: Vec<&Token> = tokens.iter().collect();
    if let Some(near) = near {
        let exact: Vec<&Token> = candidates.iter().copied().filter(|t| t.text(sql) == near).collect();
        if exact.is_empty() {
            // A lexical error: PostgreSQL quotes the whole rest of the text, or a part of a token.
            return sql.rfind(near).filter(|at| sql.len() == at + near.len()).or_else(|| sql.find(near));
        }
        if let [only] = exact[..] {
            return Some(only.start);
        }
        candidates = exact;
    }
    let at = candidates.partition_point(|token| {
        let prefix = sql.get(..token.end).unwrap_or(sql);
        attempt(prefix).err().is_none_or(|m| m != message)
    });
    candidates.get(at).map(|token| token.start)
}

/// One open bracket or CASE.
#[derive(Clone, Copy, Default)]
struct Level {
    /// Operators since the last comma, AND or OR: how deep the tree may go along them.
    chain: usize,
    /// The most of them so far counts no longer; joins and set operations nest to the left without end.
    joins: usize,
}

/// Refuses a text whose tree would be too deep for the stack. The estimate is an upper bound: brackets and CASE nest;
/// so do chains of operators, and of joins and set operations.
fn check_depth(sql: &str, tokens: &[Token]) -> Result<(), SyntaxError> {
    if tokens.len() < MAX_DEPTH {
        return Ok(());
    }
    let mut open = vec![Level::default()];
    let mut total = 0usize;
    for token in tokens {
        let mut counts = false;
        match token.kind {
            Kind::Mark => match token.text(sql) {
                "(" | "[" => {
                    open.push(Level::default());
                    total += 1;
                }
                ")" | "]" => close(&mut open, &mut total),
                "," => reset(&mut open, &mut total, false),
                ";" => reset(&mut open, &mut total, true),
                "::" => counts = true,
                _ => {}
            },
            Kind::Operator => counts = true,
            Kind::Word => match token.text(sql).to_ascii_lowercase().as_str() {
                "case" => {
                    open.push(Level::default());
                    total += 1;
                }
                // Also the end of a BEGIN ATOMIC block, where nothing is open any more.
                "end" => close(&mut open, &mut total),
                "and" | "or" | "when" | "then" | "else" => reset(&mut open, &mut total, false),
                "not" | "collate" | "is" | "isnull" | "notnull" | "at" | "like" | "ilike" | "in" => counts = true,
                "join" | "union" | "intersect" | "except" => {
                    if let Some(level) = open.last_mut() {
                        level.joins += 1;
                        total += 1;
                    }
                }
                _ => {}
            },
            _ => {}
        }
        if counts && let Some(level) = open.last_mut() {
            level.chain += 1;
            total += 1;
        }
        if total > MAX_DEPTH {
            return Err(SyntaxError::at("nested too deeply", token.start));
        }
    }
    Ok(())
}

fn close(open: &mut Vec<Level>, total: &mut usize) {
    if open.len() > 1
        && let Some(level) = open.pop()
    {
        *total = total.saturating_sub(1 + level.chain + level.joins);
        // What follows a bracket is chained to it: `(a)(b)`, `x[1][2]`.
        if let Some(outer) = open.last_mut() {
            outer.chain += 1;
            *total += 1;
        }
    }
}

fn reset(open: &mut [Level], total: &mut usize, joins: bool) {
    if let Some(level) = open.last_mut() {
        *total = total.saturating_sub(level.chain);
        level.chain = 0;
        if joins {
            *total = total.saturating_sub(level.joins);
            level.joins = 0;
        }
    }
}

/// A fragment between a head and a tail, to be parsed as a statement. Refuses what could reach beyond the fragment:
/// a semicolon, a bracket that is not its own, a quote or comment that does not end.
pub(super) struct Wrapped {
    /// The whole statement.
    pub sql: String,
    /// Where the fragment starts in it.
    pub base: usize,
    /// The tokens of the fragment, with offsets in the fragment.
    pub tokens: Vec<Token>,
    length: usize,
}

impl Wrapped {
    /// Wraps a fragment. The tail stands on a line of its own, so that a comment cannot swallow it.
    pub fn new(head: &str, fragment: &str, tail: &str, what: &str) -> Result<Self, SyntaxError> {
        let tokens = fragment_tokens(fragment, what)?;
        Ok(Self { sql: format!("{head}{fragment}\n{tail}"), base: head.len(), tokens, length: fragment.len() })
    }

    /// Parses the statement; offsets of errors are those of the fragment.
    pub fn parse<R: Send + 'static>(
        &self,
        with: impl FnOnce(&pg_query::NodeEnum) -> Result<R, SyntaxError> + Send + 'static,
    ) -> Result<R, SyntaxError> {
        parse_one(&self.sql, with).and_then(|result| result).map_err(|error| self.own(error))
    }

    /// An error in the statement as one in the fragment.
    pub fn own(&self, error: SyntaxError) -> SyntaxError {
        // Errors behind the fragment mean that it ends too early.
        match error.offset {
            Some(offset) if offset >= self.base + self.length => {
                SyntaxError::at(format!("{} (the text ends too early)", cut(&error.message)), self.length)
            }
            Some(offset) => SyntaxError { message: error.message, offset: Some(offset.saturating_sub(self.base)) },
            None => error,
        }
    }
}

fn cut(message: &str) -> &str {
    message.split_once(" at ").map_or(message, |(head, _)| head)
}

/// The tokens of a fragment that can stand inside another statement without reaching beyond itself.
pub(super) fn fragment_tokens(fragment: &str, what: &str) -> Result<Vec<Token>, SyntaxError> {
    if let Some(at) = fragment.find('\0') {
        return Err(SyntaxError::at("the text contains a NUL character", at));
    }
    let mut lexer = Lexer::new(fragment);
    let mut tokens = Vec::with_capacity(fragment.len() / 5 + 2);
    let mut open: Vec<(u8, usize)> = Vec::new();
    while let Some(token) = lexer.next_token()? {
        if token.kind == Kind::Mark {
            match token.text(fragment) {
                "(" => open.push((b')', token.start)),
                "[" => open.push((b']', token.start)),
                mark @ (")" | "]") if open.pop().map(|(close, _)| close) != mark.bytes().next() => {
                    return Err(SyntaxError::at(format!("`{mark}` closes nothing"), token.start));
                }
                // A body of statements would be the only place for one, and no fragment has such a body.
                ";" => {
                    return Err(SyntaxError::at(format!("`;` ends a statement; this must be one {what}"), token.start));
                }
                _ => {}
            }
        }
        tokens.push(token);
    }
    if let Some((_, at)) = open.pop() {
        return Err(SyntaxError::at("a bracket is not closed", at));
    }
    if tokens.is_empty() {
        return Err(SyntaxError::at(format!("empty: a {what} is missing"), 0));
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(sql: &str) -> Option<usize> {
        parse_all(sql, |_| ()).expect_err(sql).offset
    }

    #[test]
    fn errors_point_at_the_token() {
        assert_eq!(offset("select 1 fro t x"), Some(13));
        assert_eq!(offset("select a, from, from t where from x"), Some(10), "the first of four");
        assert_eq!(offset("select a from t where from"), Some(22), "not the first of two");
        assert_eq!(offset("select (1"), Some(9), "the end");
        assert_eq!(offset("select 'abc"), Some(7));
        assert_eq!(offset("create table t (a int"), Some(21));
        assert_eq!(offset("select a.b.c.d.e from x y z"), Some(26));
    }

    #[test]
    fn one_statement_is_one() {
        assert!(parse_one("select 1; ", |_| ()).is_ok());
        assert_eq!(parse_one("select 1; select 2", |_| ()).expect_err("two").message, "more than one statement");
        assert!(parse_one("-- nothing", |_| ()).is_err());
        assert!(parse_one("select '\0'", |_| ()).is_err());
    }

    #[test]
    fn nested_sql_parses_and_absurd_sql_is_refused() {
        let nested = |n: usize| format!("select {}1{}", "f(".repeat(n), ")".repeat(n));
        let cases = |n: usize| format!("select {}1{}", "case when ".repeat(n), " then 1 end".repeat(n));
        let chain = |n: usize| format!("select 1{}", " || 1".repeat(n));
        for make in [&nested as &dyn Fn(usize) -> String, &cases, &chain] {
            assert_eq!(parse_all(&make(1000), |list| list.len()), Ok(1));
            assert!(parse_all(&make(100_000), |_| ()).is_err());
        }
        for make in [&nested as &dyn Fn(usize) -> String, &cases, &chain] {
            // Just below the limit: an error of PostgreSQL's parser is fine, an overflow would abort the test.
            let _ = parse_all(&make(9_900), |_| ());
        }
    }

    #[test]
    fn long_flat_statements_are_fine() {
        let values = vec!["(1, 'a', -2 + 3)"; 20_000].join(", ");
        assert!(parse_all(&format!("insert into t values {values}"), |_| ()).is_ok());
        let ors = vec!["a = 1 and b = 2"; 5_000].join(" or ");
        assert!(parse_all(&format!("select 1 where {ors}"), |_| ()).is_ok());
    }

    #[test]
    fn panics_become_errors() {
        assert!(on_parser_thread(|| panic!("no")).is_err());
        assert!(parse_all("select 1", |_| ()).is_ok(), "the thread goes on");
    }
}
