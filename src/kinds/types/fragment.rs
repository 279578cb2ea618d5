//! SQL fragments that stand in YAML for a domain, its constraints, and the options of a sequence.
//!
//! Each is parsed inside the statement that it would be part of, and must be exactly what belongs there.

use pg_query::NodeEnum;
use pg_query::protobuf::{ConstrType, Constraint, CreateDomainStmt, Token};

use crate::core::diagnostic::{Diagnostic, Result};
use crate::kinds::types::domain::Domain;
use crate::kinds::types::domain_constraint::DomainConstraint;
use crate::sql::parse::parse_one;
use crate::yaml::Node;

/// What a fragment is called in messages, and how to write it.
pub(crate) struct Wanted {
    /// With its article: `a type`.
    pub what: &'static str,
    /// What to write.
    pub help: &'static str,
}

/// What `with` makes of the one statement that a fragment gives with `before`. A fragment that ends the statement, or in
/// which a comment could swallow what is to follow, is refused, and so is one of which `with` makes nothing.
pub(crate) fn read<R: Send + 'static>(
    before: &'static str,
    text: &str,
    node: &Node,
    wanted: &Wanted,
    with: impl FnOnce(&NodeEnum, &str) -> Option<R> + Send + 'static,
) -> Result<R> {
    let refused = |message: String, offset: Option<usize>| {
        let place = match offset {
            Some(at) if at < text.len() && node.word() == Some(text) => node.place_of(at..at + 1),
            _ => node.place(),
        };
        Diagnostic::error("sql-syntax", message).at(place).help(wanted.help.to_owned())
    };
    for token in tokens(text) {
        if matches!(token.0, Token::Ascii59 | Token::SqlComment | Token::CComment) {
            let message = format!("this is not {} alone: it holds a semicolon or a comment", wanted.what);
            return Err(refused(message, Some(token.1)));
        }
    }
    let owned = text.to_owned();
    parse_one(&format!("{before}{text}"), move |statement| with(statement, &owned))
        .map_err(|e| {
            let offset = e.offset.and_then(|o| o.checked_sub(before.len()));
            refused(format!("this is not {}: {}", wanted.what, e.message), offset)
        })?
        .ok_or_else(|| refused(format!("this is not {}", wanted.what), None))
}

/// Refuses a text that smuggles in a second statement: only a semicolon can, so that what has none costs nothing. `sql`
/// is the statement that the text is part of.
pub(crate) fn one_statement(sql: &str, text: &str, node: &Node, what: &str) -> Result<()> {
    if !text.contains(';') {
        return Ok(());
    }
    let Err(e) = parse_one(sql, |_| ()) else { return Ok(()) };
    // A newer server may read what the grammar at hand does not. That it is one statement is asked of it before it is built.
    if e.message.starts_with("syntax error") && crate::sql::is_one_by_tokens(sql) {
        return Ok(());
    }
    Err({
        let place = text
            .find(';')
            .filter(|_| node.word() == Some(text))
            .map_or_else(|| node.place(), |at| node.place_of(at..at + 1));
        Diagnostic::error("sql-syntax", format!("this is not {what}: {}", e.message))
            .at(place)
            .help("each object is declared under a name of its own; leave the semicolon out")
    })
}

/// The tokens of a text with where they begin and end; none where it cannot be read.
fn tokens(text: &str) -> Vec<(Token, usize, usize)> {
    let found = pg_query::scan(text).map(|s| s.tokens).unwrap_or_default();
    let place = |at: i32| usize::try_from(at).unwrap_or(0);
    found.iter().map(|t| (t.token(), place(t.start), place(t.end))).collect()
}

/// A type name, as written.
pub(crate) fn type_name(text: &str, node: &Node) -> Result<String> {
    let wanted = Wanted { what: "a type", help: "the collation, a default and conditions have keys of their own" };
    read("CREATE DOMAIN d AS ", text, node, &wanted, |statement, text| match statement {
        NodeEnum::CreateDomainStmt(s) if s.constraints.is_empty() && s.coll_clause.is_none() => {
            Some(text.trim().to_owned())
        }
        _ => None,
    })
}

/// An expression as it can stand behind DEFAULT, whose grammar takes no bare `or`, `not`, `is` and the like.
pub(crate) fn as_default(expression: String) -> String {
    let alone = parse_one(&format!("CREATE DOMAIN d AS text DEFAULT {expression}"), |statement| match statement {
        NodeEnum::CreateDomainStmt(s) => s.constraints.len() == 1 && s.coll_clause.is_none(),
        _ => false,
    });
    if alone == Ok(true) { expression } else { format!("({expression})") }
}

/// What stands between the first parenthesis behind the word CHECK and the last one.
fn check_text(piece: &str) -> Option<&str> {
    let tokens = tokens(piece);
    let check = tokens.iter().position(|t| t.0 == Token::Check)?;
    let open = tokens.get(check + 1)?.2;
    let close = tokens.iter().rev().find(|t| t.0 == Token::Ascii41)?.1;
    piece.get(open..close).map(str::trim)
}

/// What stands behind a word.
fn behind(piece: &str, word: Token) -> Option<&str> {
    let start = tokens(piece).iter().find(|t| t.0 == word)?.2;
    piece.get(start..).map(str::trim)
}

/// A CHECK constraint of a domain: `check (value <> '')`, perhaps with `not valid` behind it.
pub(crate) fn constraint(text: &str, node: &Node) -> Result<DomainConstraint> {
    let wanted = Wanted {
        what: "a constraint of a domain",
        help: "write `check (…)`, its name is the key before it; NOT NULL is said by the domain's key `not_null`",
    };
    read("ALTER DOMAIN d ADD ", text, node, &wanted, |statement, text| {
        let NodeEnum::AlterDomainStmt(found) = statement else { return None };
        let Some(NodeEnum::Constraint(c)) = found.def.as_ref()?.node.as_ref() else { return None };
        if c.contype() != ConstrType::ConstrCheck || !c.conname.is_empty() {
            return None;
        }
        Some(DomainConstraint { check: check_text(text)?.to_owned(), validated: !c.skip_validation })
    })
}

/// A domain and its CHECK constraints with their names, where they have one.
pub(crate) type WholeDomain = (Domain, Vec<(Option<String>, DomainConstraint)>);

/// A whole domain: the type and what may follow it.
pub(crate) fn domain(text: &str, node: &Node) -> Result<WholeDomain> {
    let wanted = Wanted {
        what: "a domain",
        help: "write a type, then perhaps `collate …`, `default …`, `not null`, `check (…)`",
    };
    read(BEFORE_DOMAIN, text, node, &wanted, |statement, text| match statement {
        NodeEnum::CreateDomainStmt(found) => whole(found, text),
        _ => None,
    })
}

const BEFORE_DOMAIN: &str = "CREATE DOMAIN d AS ";

fn whole(found: &CreateDomainStmt, text: &str) -> Option<WholeDomain> {
    let parts: Vec<&Constraint> = found
        .constraints
        .iter()
        .filter_map(|n| match &n.node {
            Some(NodeEnum::Constraint(c)) => Some(&**c),
            _ => None,
        })
        .collect();
    let offset = |location: i32| usize::try_from(location).ok().and_then(|l| l.checked_sub(BEFORE_DOMAIN.len()));
    // Every part reaches up to where the next one starts.
    let clause = found.coll_clause.as_ref();
    let mut starts: Vec<usize> =
        parts.iter().map(|c| c.location).chain(clause.iter().map(|c| c.location)).filter_map(offset).collect();
    starts.sort_unstable();
    let piece = |location: i32| {
        let start = offset(location)?;
        let end = starts.iter().copied().find(|&s| s > start).unwrap_or(text.len());
        text.get(start..end)
    };
    let head = text.get(..starts.first().copied().unwrap_or(text.len()))?;
    let mut domain = Domain {
        type_name: head.trim().to_owned(),
        collation: None,
        default: None,
        not_null: false,
        not_null_name: None,
    };
    if let Some(clause) = clause {
        domain.collation = Some(behind(piece(clause.location)?, Token::Collate)?.to_owned());
    }
    let mut checks = Vec::new();
    for part in parts {
        let text = piece(part.location)?;
        let name = (!part.conname.is_empty()).then(|| part.conname.clone());
        match part.contype() {
            ConstrType::ConstrNotnull => {
                domain.not_null = true;
                domain.not_null_name = name;
            }
            ConstrType::ConstrNull => {}
            ConstrType::ConstrDefault => domain.default = Some(behind(text, Token::Default)?.to_owned()),
            ConstrType::ConstrCheck => {
                checks.push((name, DomainConstraint { check: check_text(text)?.to_owned(), validated: true }));
            }
            _ => return None,
        }
    }
    Some((domain, checks))
}
