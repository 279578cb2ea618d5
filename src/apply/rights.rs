//! What PostgreSQL lets others do to a relation than its owner, and which roles one has to be a member of.

use std::collections::BTreeSet;

use crate::core::diagnostic::Diagnostic;
use crate::core::name::{Ident, literal};
use crate::core::versions;
use crate::plan::needs::{Membership, Needs, Privilege, Right};
use crate::postgres::Session;

/// Looks for rights that are missing.
#[expect(clippy::vec_box, reason = "diagnostics are boxed wherever they are handed on")]
pub(super) async fn missing(session: &Session, needs: &Needs, role: &str, found: &mut Vec<Box<Diagnostic>>) {
    let major = session.server_major();
    // An owner may do all of it; that the owner is wanted is said already.
    let owned: BTreeSet<String> = needs.owned.iter().map(|object| object.sql()).collect();
    let all: Vec<&Privilege> = needs.privileges.iter().filter(|needed| !owned.contains(&needed.relation)).collect();
    let mut told: BTreeSet<(&str, &str)> = BTreeSet::new();
    for part in all.chunks(1000) {
        let values: Vec<String> = part
            .iter()
            .enumerate()
            .map(|(i, needed)| {
                format!("({i}, pg_catalog.to_regclass({}), {})", literal(&needed.relation), has(needed, major))
            })
            .collect();
        let sql = format!(
            "SELECT v.i, r.rolname FROM (VALUES {}) v(i, rel, has) JOIN pg_catalog.pg_class c ON c.oid = v.rel \
             JOIN pg_catalog.pg_roles r ON r.oid = c.relowner \
             WHERE NOT pg_catalog.pg_has_role(c.relowner, 'USAGE') AND v.has IS NOT TRUE ORDER BY 1",
            values.join(", ")
        );
        for row in session.rows(&sql).await.unwrap_or_default() {
            let [Some(i), Some(owner)] = row.as_slice() else { continue };
            let Some(needed) = i.parse::<usize>().ok().and_then(|i| part.get(i)) else { continue };
            if excepted(session, needed, role).await {
                continue;
            }
            let word = word(needed.right, major);
            if told.insert((needed.relation.as_str(), word.unwrap_or_default())) {
                found.push(refusal(needed, word, role, owner));
            }
        }
    }
    members(session, needs, role, major, found).await;
}

/// The privilege's name, on servers that have it.
fn word(right: Right, major: u32) -> Option<&'static str> {
    match right {
        Right::Trigger => Some("TRIGGER"),
        Right::References => Some("REFERENCES"),
        Right::Maintain => (major >= versions::MAINTAIN).then_some("MAINTAIN"),
        Right::Owner | Right::Policy | Right::DropTrigger => None,
    }
}

/// An expression that is true where the privilege is there.
fn has(needed: &Privilege, major: u32) -> String {
    let (relation, Some(word)) = (literal(&needed.relation), word(needed.right, major)) else {
        return "false".to_owned();
    };
    let oid = format!("pg_catalog.to_regclass({relation})");
    let whole = format!("pg_catalog.has_table_privilege({oid}, '{word}')");
    if needed.right != Right::References {
        return whole;
    }
    // A column that is not there is the statement's to tell of.
    let columns: Vec<String> = needed.columns.iter().map(|column| literal(column)).collect();
    let columns = match columns.is_empty() {
        true => format!("SELECT pg_catalog.has_any_column_privilege({oid}, '{word}') AS h"),
        false => format!(
            "SELECT pg_catalog.has_column_privilege(a.attrelid, a.attnum, '{word}') AS h FROM pg_catalog.pg_attribute a \
             WHERE a.attrelid = {oid} AND a.attname IN ({})",
            columns.join(", ")
        ),
    };
    format!("({whole} OR (SELECT pg_catalog.bool_and(h) FROM ({columns}) x))")
}

fn refusal(needed: &Privilege, word: Option<&str>, role: &str, owner: &str) -> Box<Diagnostic> {
    let Privilege { relation, object, .. } = needed;
    match word {
        Some(word) => Diagnostic::error(
            "no-privilege",
            format!("{role} has not the privilege {word} on {relation}, which {object} needs"),
        )
        .help(format!("as {owner}: GRANT {word} ON {relation} TO {}", Ident(role))),
        None => Diagnostic::error(
            "not-owner",
            format!("{relation} belongs to {owner}, and {role} is no member of that role"),
        )
        .note(format!("only its owner may do what {object} needs"))
        .help(format!("connect as {owner}, or GRANT {} TO {}", Ident(owner), Ident(role))),
    }
}

/// Whether the server makes an exception: supautils, an extension of hosted Supabase, lets named roles have policies on tables that they do
/// not own, and drop triggers there.
async fn excepted(session: &Session, needed: &Privilege, role: &str) -> bool {
    let setting = match needed.right {
        Right::Policy => "supautils.policy_grants",
        Right::DropTrigger => "supautils.drop_trigger_grants",
        _ => return false,
    };
    let sql = format!("SELECT pg_catalog.current_setting({}, true)", literal(setting));
    let rows = session.rows(&sql).await.unwrap_or_default();
    let Some(text) = rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten() else { return false };
    let Ok(grants) = serde_json::from_str::<serde_json::Value>(&text) else { return false };
    let tables = grants.get(role).and_then(serde_json::Value::as_array);
    tables.into_iter().flatten().filter_map(serde_json::Value::as_str).any(|table| table == needed.relation)
}

/// Roles that an object is given to, and roles whose default privileges are changed.
#[expect(clippy::vec_box, reason = "diagnostics are boxed wherever they are handed on")]
async fn members(session: &Session, needs: &Needs, us: &str, major: u32, found: &mut Vec<Box<Diagnostic>>) {
    for (role, (membership, object)) in &needs.members {
        let how = match membership {
            Membership::Acting => "USAGE",
            Membership::NewOwner if major >= versions::SET_OPTION => "SET",
            Membership::NewOwner => "MEMBER",
        };
        // Who is not there is told of by itself.
        let sql = format!(
            "SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = {} AND NOT pg_catalog.pg_has_role(r.oid, '{how}')",
            literal(role)
        );
        if session.rows(&sql).await.is_ok_and(|rows| !rows.is_empty()) {
            found.push(
                Diagnostic::error("not-member", format!("{us} is no member of the role {}, which {object} names", Ident(role)))
                    .note("PostgreSQL gives objects to, and changes the default privileges of, roles alone that one is a member of")
                    .help(format!("as a superuser: GRANT {} TO {}", Ident(role), Ident(us))),
            );
        }
    }
}
