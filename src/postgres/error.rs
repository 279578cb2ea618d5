//! Errors of the server and of the connection as diagnostics.

use std::error::Error as _;
use std::ops::Range;

use tokio_postgres::error::{DbError, ErrorPosition, SqlState};

use super::conninfo::{ConnInfo, PasswordOrigin, Target};
use crate::core::diagnostic::{Diagnostic, Location, Source};

/// A failed statement as a diagnostic: the server's message, DETAIL, HINT, CONTEXT and SQLSTATE, and a place in the
/// statement where the server gives one.
///
/// `sql` is the text that was sent; the place is then in a [`Source`] named `<sql>`. Code: `sql-error` for what the
/// server reports, `connection-lost` for a connection that ended.
pub fn sql_error(e: tokio_postgres::Error, sql: Option<&str>) -> Box<Diagnostic> {
    let Some(db) = e.as_db_error() else {
        if e.is_closed() || is_io(&e) {
            let error = Diagnostic::error("connection-lost", "the connection to the server was lost");
            return add_causes(error, &e);
        }
        return add_causes(Diagnostic::error("sql-error", e.to_string()), &e);
    };
    let mut error = describe(Diagnostic::error("sql-error", db.message()), db);
    match (db.position(), sql) {
        (Some(ErrorPosition::Original(position)), Some(sql)) => {
            let source = Source::new("<sql>", sql);
            error = error.at(Location::new(&source, token_at(sql, *position)));
        }
        (Some(ErrorPosition::Internal { position, query }), _) => {
            let source = Source::new("<sql of a function>", query.as_str());
            let place = Location::new(&source, token_at(query, *position));
            error = error.related(place, "the statement that failed inside");
            if sql.is_some_and(is_maintenance) && is_unknown_name(db.code()) {
                error = error.help(
                    "PostgreSQL 17 and later run the functions of such a statement with the search path pg_catalog, pg_temp: name the \
                     schema in the function's body, or give the function a search_path of its own (`SET search_path`)",
                );
            }
        }
        _ => {}
    }
    error
}

/// Whether a statement is one for which PostgreSQL 17 and later set a safe search path, which hides the user's schemas.
///
/// <https://www.postgresql.org/docs/17/release-17.html#RELEASE-17-MIGRATION>
fn is_maintenance(sql: &str) -> bool {
    let words: Vec<String> = sql.split_whitespace().take(3).map(str::to_ascii_uppercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    matches!(
        words.as_slice(),
        ["CREATE" | "REFRESH", "MATERIALIZED", "VIEW"]
            | ["CREATE", "INDEX", _]
            | ["CREATE", "UNIQUE", "INDEX"]
            | ["REINDEX" | "CLUSTER" | "ANALYZE" | "VACUUM", ..]
    )
}

fn is_unknown_name(code: &SqlState) -> bool {
    [SqlState::UNDEFINED_TABLE, SqlState::UNDEFINED_FUNCTION, SqlState::UNDEFINED_OBJECT].contains(code)
}

fn describe(mut error: Box<Diagnostic>, db: &DbError) -> Box<Diagnostic> {
    if let Some(detail) = db.detail() {
        error = error.note(detail);
    }
    if let Some(context) = db.where_() {
        error = error.note(context);
    }
    error = error.note(format!("SQLSTATE {}", db.code().code()));
    // What others rest on is never taken along in silence, whatever the server proposes.
    if let Some(hint) = db.hint().filter(|hint| !hint.contains("CASCADE")) {
        error = error.help(hint);
    }
    error
}

fn is_io(e: &tokio_postgres::Error) -> bool {
    e.source().is_some_and(|s| s.downcast_ref::<std::io::Error>().is_some())
}

fn add_causes(mut error: Box<Diagnostic>, e: &tokio_postgres::Error) -> Box<Diagnostic> {
    let mut next = e.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if error.notes.last() != Some(&text) {
            error = error.note(text);
        }
        next = cause.source();
    }
    error
}

/// The bytes of the token at a position, which the server counts in characters from 1.
fn token_at(sql: &str, position: u32) -> Range<usize> {
    let skip = usize::try_from(position.saturating_sub(1)).unwrap_or(usize::MAX);
    let start = sql.char_indices().nth(skip).map_or(sql.len(), |(i, _)| i);
    let rest = sql.get(start..).unwrap_or_default();
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let len = match rest.chars().next() {
        None => 0,
        Some(quote @ ('"' | '\'')) => rest.get(1..).and_then(|r| r.find(quote)).map_or(1, |i| i + 2),
        Some(c) if word(c) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
        Some(c) => c.len_utf8(),
    };
    start..start + len
}

/// A failed attempt to connect, as far as it is told apart.
pub(super) fn connect_error(e: &tokio_postgres::Error, info: &ConnInfo, target: &Target) -> Box<Diagnostic> {
    if let Some(db) = e.as_db_error() {
        return refused(db, info, target);
    }
    let place = one_server(info, target);
    // tokio-postgres gives kinds in words only.
    match e.to_string().as_str() {
        "error performing TLS handshake" => {
            let error = add_causes(Diagnostic::error("tls", format!("failed to set up TLS with {place}")), e);
            match e.source() {
                Some(cause) => info.tls.explain(error, cause),
                None => error,
            }
        }
        "invalid configuration" if causes(e).contains("password missing") => {
            Diagnostic::error("password-missing", format!("the server wants a password for {place}"))
                .help("put it into the password file (~/.pgpass) or PGPASSWORD")
        }
        _ => {
            let error = add_causes(Diagnostic::error("cannot-connect", format!("failed to connect to {place}")), e);
            unreachable_help(error, e, target)
        }
    }
}

fn causes(e: &tokio_postgres::Error) -> String {
    let mut text = String::new();
    let mut next = e.source();
    while let Some(cause) = next {
        text.push_str(&cause.to_string());
        text.push('\n');
        next = cause.source();
    }
    text
}

fn unreachable_help(error: Box<Diagnostic>, e: &tokio_postgres::Error, target: &Target) -> Box<Diagnostic> {
    use std::io::ErrorKind;
    let Some(io) = e.source().and_then(|s| s.downcast_ref::<std::io::Error>()) else { return error };
    let port = target.port;
    match io.kind() {
        ErrorKind::NotFound if target.is_socket() => error.help(format!(
            "no server has its socket in {} for port {port}; is it running, and is the port right?",
            target.host
        )),
        ErrorKind::ConnectionRefused => {
            error.help(format!("nothing listens there; is the server running, and is the port ({port}) right?"))
        }
        ErrorKind::TimedOut => {
            error.help("no answer; is the host right, and does a firewall or an allow list stand between?")
        }
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset => error.help(
            "the server, or a proxy before it, closed the connection; does a PostgreSQL server listen on this port?",
        ),
        _ if io.to_string().contains("lookup") || io.to_string().contains("resolve") => {
            let error = error.help("is the host name right?");
            if target.host.starts_with("db.") && target.host.ends_with(".supabase.co") {
                error.help("Supabase's direct host has an IPv6 address only; use the session pooler's host where IPv6 is missing")
            } else {
                error
            }
        }
        _ => error,
    }
}

/// The server answered and said no.
fn refused(db: &DbError, info: &ConnInfo, target: &Target) -> Box<Diagnostic> {
    let place = one_server(info, target);
    let code = db.code();
    let message = db.message();
    let error = if *code == SqlState::INVALID_PASSWORD {
        let error = Diagnostic::error("wrong-password", format!("the password was refused for {place}"));
        match info.password_for(target).map(|(_, origin)| origin) {
            Some(origin @ (PasswordOrigin::File | PasswordOrigin::Service | PasswordOrigin::Environment)) => {
                error.note(format!("the password came from {}", origin.describe()))
            }
            Some(PasswordOrigin::Text) => error
                .note("the password came from the connection string")
                .help("in a URL, special characters of a password are percent-encoded: `@` is %40, `/` is %2F"),
            None => error,
        }
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        Diagnostic::error("no-such-database", format!("there is no database `{}` at {}", info.database(), info.hosts()))
            .help("create it, or correct the name in the connection string")
    } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        Diagnostic::error("not-authorized", format!("the server does not let {place} in"))
            .help("the user must exist, and pg_hba.conf must admit it from here in this way (with or without TLS)")
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        Diagnostic::error("too-many-connections", format!("the server has no connection left for {place}"))
    } else if *code == SqlState::CANNOT_CONNECT_NOW {
        Diagnostic::error("cannot-connect", format!("the server is not ready for {place}"))
            .help("it is starting up, shutting down or recovering; try again")
    } else {
        Diagnostic::error("cannot-connect", format!("failed to connect to {place}"))
    };
    let error = describe(error.note(message), db);
    if message.contains("Tenant or user not found") {
        error.help(
            "through Supabase's pooler the user is postgres.PROJECT_REF, and the host is that of the project's region",
        )
    } else {
        error
    }
}

fn one_server(info: &ConnInfo, target: &Target) -> String {
    info.only(target).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_by_characters() {
        let sql = "select 'é', \"a b\", xyz from t";
        for (position, token) in [(1, "select"), (8, "'é'"), (13, "\"a b\""), (20, "xyz"), (18, ","), (500, "")] {
            assert_eq!(&sql[token_at(sql, position)], token, "{position}");
        }
        assert_eq!(token_at("", 1), 0..0);
    }
}
