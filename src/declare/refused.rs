//! What a scratch server refuses to build, told of the right machine: it may lack what the live server has (an extension, a language,
//! a collation), and it is never given what trueup does not model. PostgreSQL's own hints speak of neither.

use crate::core::catalog::{Catalog, Foundation, Origin};
use crate::core::diagnostic::{Diagnostic, listed};
use crate::core::id::ObjectId;
use crate::kinds::KindTag;
use crate::postgres::{Ephemeral, Session};
use crate::sql::lexer::tokens;

/// The code of errors about what rests on something that is not modelled.
pub const UNMODELLED: &str = "rests-on-unmodelled";

/// The objects that something rests on and that are not modelled, in the state that it is a part of.
pub fn foundations<'a>(id: &ObjectId, origin: &'a Origin, catalog: &Catalog) -> Vec<&'a Foundation> {
    let all = &origin.foundations;
    let near = |f: &&Foundation| f.object.is_within(id) || id.is_within(&f.object);
    let found: Vec<&Foundation> = all.iter().filter(near).collect();
    if !found.is_empty() || all.is_empty() {
        return found;
    }
    // What it rests on may be what cannot be built.
    let below = catalog.closure([id.clone()]);
    all.iter().filter(|f| below.contains(&f.object) || below.contains(&f.object.top())).collect()
}

/// As many objects are named.
const SHOWN: usize = 5;

/// Says that an object cannot be built because it rests on what is not modelled; `why` is what PostgreSQL said. `None` where it rests
/// on nothing of the kind.
pub fn unmodelled(id: &ObjectId, origin: &Origin, catalog: &Catalog, why: &Diagnostic) -> Option<Box<Diagnostic>> {
    let found = foundations(id, origin, catalog);
    let by_words: Vec<String>;
    let mut names: Vec<&str> = found.iter().map(|f| f.what.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        by_words = named_in(why, origin);
        names = by_words.iter().map(String::as_str).collect();
    }
    if names.is_empty() {
        return None;
    }
    let mut problem = Diagnostic::error(
        UNMODELLED,
        format!(
            "{id} rests on what trueup does not model, and so cannot be built elsewhere: {}",
            listed(&names, SHOWN)
        ),
    );
    let mut users: Vec<String> =
        found.iter().map(|f| f.object.to_string()).filter(|user| *user != id.to_string()).collect();
    users.sort_unstable();
    users.dedup();
    if !users.is_empty() {
        problem = problem.note(format!("what depends on it: {}", listed(&users, SHOWN)));
    }
    Some(problem.note(format!("the scratch server said: {}", why.message)))
}

/// Of what PostgreSQL records no dependency, casts first of all, by the names in its message.
fn named_in(why: &Diagnostic, origin: &Origin) -> Vec<String> {
    let is_about_names = ["42883", "42704", "42846", "42804", "42P01", "42725"].iter().any(|code| has_code(why, code));
    if !is_about_names {
        return Vec::new();
    }
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let says = |name: &str| {
        let bare = name.rsplit('.').next().unwrap_or(name);
        [name, bare].iter().any(|name| {
            !name.is_empty()
                && why.message.match_indices(*name).any(|(at, _)| {
                    let (before, behind) = (&why.message[..at], &why.message[at + name.len()..]);
                    !before.ends_with(word) && !behind.starts_with(word)
                })
        })
    };
    let is_named = |kind: &str, name: &str| match name.split_once(" as ").filter(|_| kind == "cast") {
        Some((from, to)) => says(from) && says(to),
        None => says(name.split('(').next().unwrap_or(name)),
    };
    let found = origin.unmodelled.iter().filter(|(kind, name)| is_named(kind, name));
    found.map(|(kind, name)| format!("{kind} {name}")).collect()
}

fn has_code(problem: &Diagnostic, code: &str) -> bool {
    problem.notes.iter().any(|note| note.strip_prefix("SQLSTATE ") == Some(code))
}

/// What a server lacks for a statement that it refused, in words; `None` where it is refused for another reason.
fn lacking(sql: &str, problem: &Diagnostic) -> Option<String> {
    let has = |codes: &[&str]| codes.iter().any(|code| has_code(problem, code));
    if problem.message.contains("shared_preload_libraries") {
        return Some(match extension(sql) {
            Some((name, _)) => format!("the extension {name} among its shared_preload_libraries"),
            None => "a library among its shared_preload_libraries".to_owned(),
        });
    }
    if let Some((name, version)) = extension(sql) {
        return match version {
            Some(version) if has(&["22023"]) => Some(format!("version {version} of the extension {name}")),
            // Not packaged for it; its files are not as they should be; a part of it is missing.
            _ if has(&["0A000", "58P01", "22023", "55000", "XX000", "F0000"]) => Some(format!("the extension {name}")),
            _ => None,
        };
    }
    if has(&["58P01"]) {
        return problem.message.split('"').nth(1).map(|file| format!("the library {file}"));
    }
    if !has(&["42704"]) {
        return None;
    }
    // PostgreSQL's words: `tablespace "x" does not exist`.
    let kinds = ["language", "access method", "tablespace", "collation"];
    kinds.iter().find_map(|kind| {
        let rest = problem.message.strip_prefix(kind)?.strip_prefix(" \"")?;
        Some(format!("the {kind} {}", rest.split('"').next()?))
    })
}

/// The extension that a statement creates or updates, and the version that it asks for.
fn extension(sql: &str) -> Option<(String, Option<String>)> {
    let all = tokens(sql).ok()?;
    let mut rest = all.iter();
    let first = rest.next()?;
    if !(first.is(sql, "create") || first.is(sql, "alter")) || !rest.next()?.is(sql, "extension") {
        return None;
    }
    let name =
        rest.find(|token| !["if", "not", "exists"].iter().any(|word| token.is(sql, word)))?.name(sql).into_owned();
    let mut behind = rest.skip_while(|token| !(token.is(sql, "version") || token.is(sql, "update"))).skip(1);
    let version = behind.find(|token| !token.is(sql, "to"));
    Some((name, version.map(|token| token.text(sql).trim_matches(['\'', '"']).to_owned())))
}

/// Says of which machine an error tells, where it is one of the scratch server's own.
pub fn on_scratch(mut problem: Box<Diagnostic>, sql: &str, ephemeral: &Ephemeral) -> Box<Diagnostic> {
    let Some(what) = lacking(sql, &problem) else { return problem };
    // PostgreSQL's hints are about the machine that it runs on, and do not say which.
    problem.help.clear();
    let server = ephemeral.describe();
    let by_extension = ["the language", "the access method"].iter().any(|kind| what.starts_with(kind));
    problem.notes.insert(0, format!("the scratch server does not have {what}: {server}"));
    if by_extension {
        problem.help.push("if an extension brings it, declare the extension (`extensions:`)".to_owned());
    }
    if ephemeral.is_live_server() {
        problem.help.push(format!("install {what} on the live server, on which this is tried out"));
        return problem;
    }
    problem
        .notes
        .insert(1, "what is declared is tried out there first; the live server was not asked for it".to_owned());
    problem.help.push("if the live server has it: --ephemeral same-server (needs CREATEDB there)".to_owned());
    problem.help.push("or try it on a server that has it: --ephemeral docker:IMAGE, or --ephemeral URL".to_owned());
    problem.help.push("or install it for the scratch server".to_owned());
    problem
}

/// Without a live database nothing is known of what trueup does not model: a name that means nothing may be such an object's.
pub async fn maybe_unmodelled(mut problem: Box<Diagnostic>, session: &Session, declared: &Catalog) -> Box<Diagnostic> {
    let missing = ["42883", "42704", "42P01", "42846"].iter().any(|code| has_code(&problem, code));
    if !missing {
        return problem;
    }
    // The function or operator, by its name alone: where there is one, other arguments are asked for.
    let called = |word: &str| {
        let (_, rest) = problem.message.split_once(word)?;
        let rest = rest.split(" does not exist").next()?;
        Some(rest.to_owned())
    };
    let routine = called("function ").map(|f| f.split('(').next().unwrap_or_default().to_owned());
    let operator = called("operator does not exist: ");
    let name = routine.as_deref().map(|name| name.rsplit('.').next().unwrap_or(name).trim_matches('"').to_owned());
    let sign = operator.as_deref().and_then(|text| text.split(' ').find(|w| !w.is_empty() && w.chars().all(is_sign)));
    let literal = crate::core::name::literal;
    let query = match (&name, sign) {
        (_, Some(sign)) => format!("select true from pg_catalog.pg_operator where oprname = {} limit 1", literal(sign)),
        (Some(name), None) => format!("select true from pg_catalog.pg_proc where proname = {} limit 1", literal(name)),
        (None, None) => String::new(),
    };
    if !query.is_empty() {
        let is_declared = name.as_deref().is_some_and(|name| {
            let is_it = |id: &ObjectId| id.name().split('(').next().is_some_and(|own| own.trim_matches('"') == name);
            declared.iter().any(|(id, _)| id.kind() == KindTag::Routine && is_it(id))
        });
        // After an error within a transaction nothing is answered before its end.
        let _ = session.batch("ROLLBACK").await;
        if is_declared || session.rows(&query).await.is_ok_and(|rows| !rows.is_empty()) {
            return problem;
        }
    }
    // "You might need to add explicit type casts" helps with arguments of other types, and not where there is no such name.
    problem.help.clear();
    problem.message =
        format!("{}; it is neither declared nor a part of PostgreSQL or of a declared extension", problem.message);
    problem
        .help(
            "if your database has it, it may be of a kind that trueup does not model (an aggregate, an operator, a cast, a range or base \
             type, a collation, a text search configuration, a foreign table, …): what uses it cannot be worked out without that database",
        )
        .help("with a live database as --from, what stands there as declared need not be built")
}

fn is_sign(c: char) -> bool {
    "+-*/<>=~!@#%^&|`?".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(message: &str, code: &str) -> Box<Diagnostic> {
        Diagnostic::error("sql-error", message).note(format!("SQLSTATE {code}"))
    }

    #[test]
    fn what_a_server_lacks_is_told() {
        for (sql, message, code, what) in [
            ("CREATE EXTENSION vector", "extension \"vector\" is not available", "0A000", "the extension vector"),
            ("CREATE EXTENSION IF NOT EXISTS \"a-b\" WITH SCHEMA x", "no such file", "58P01", "the extension a-b"),
            ("CREATE EXTENSION hstore VERSION '9'", "no script", "22023", "version 9 of the extension hstore"),
            ("ALTER EXTENSION hstore UPDATE TO '9'", "no path", "22023", "version 9 of the extension hstore"),
            (
                "CREATE EXTENSION pg_cron",
                "pg_cron can only be loaded via shared_preload_libraries",
                "55000",
                "the extension pg_cron among its shared_preload_libraries",
            ),
            ("CREATE FUNCTION f()", "language \"plpython3u\" does not exist", "42704", "the language plpython3u"),
            ("CREATE TABLE t ()", "tablespace \"fast\" does not exist", "42704", "the tablespace fast"),
            ("CREATE TABLE t ()", "collation \"de\" for encoding \"UTF8\" does not exist", "42704", "the collation de"),
            ("CREATE FUNCTION f()", "could not access file \"$libdir/x\": No", "58P01", "the library $libdir/x"),
        ] {
            assert_eq!(lacking(sql, &refused(message, code)).as_deref(), Some(what), "{sql}");
        }
        assert_eq!(lacking("CREATE TABLE t (a b)", &refused("type \"b\" does not exist", "42704")), None);
        // The project has to declare the other one.
        let required = refused("required extension \"cube\" is not installed", "42704");
        assert_eq!(lacking("CREATE EXTENSION earthdistance", &required), None);
    }

    #[test]
    fn casts_are_found_by_their_words() {
        let mut origin = Origin::default();
        origin.unmodelled.push(("cast".to_owned(), "app.money as integer".to_owned()));
        origin.unmodelled.push(("aggregate".to_owned(), "app.median(numeric)".to_owned()));
        let said = refused("cannot cast type money to integer", "42846");
        assert_eq!(named_in(&said, &origin), ["cast app.money as integer"]);
        let said = refused("function median(numeric) does not exist", "42883");
        assert_eq!(named_in(&said, &origin), ["aggregate app.median(numeric)"]);
        assert!(named_in(&refused("function medians(numeric) does not exist", "42883"), &origin).is_empty());
        assert!(named_in(&refused("median is out of range", "22003"), &origin).is_empty());
    }
}
