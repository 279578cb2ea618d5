//! The rights that a plan needs on relations which the connecting role does not own, and the roles that it has to be a member of.

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
    // The owner may do all of it; where only the owner will do, that is said already.
    let owned: BTreeSet<String> = needs.owned.iter().map(|object| object.sql()).collect();
    let all: Vec<&Privilege> = needs.privileges.iter().filter(|needed| !owned.contains(&needed.relation)).collect();
    let mut told: BTreeSet<(&str, &str)> = BTreeSet::new();
    let exceptions = match all.iter().any(|needed| setting(needed.right).is_some()) {
        true => exceptions(session, role).await,
        false => BTreeSet::new(),
    };
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
            if setting(needed.right).is_some_and(|setting| exceptions.contains(&(setting, needed.relation.clone()))) {
                continue;
            }
            let word = word(needed.right, major);
            if told.insert((needed.relation.as_str(), word.unwrap_or_default())) {
                found.push(refusal(needed, word, role, owner));
            }
        }
    }
    members(session, needs, role, major, found).await;
    super::granting::missing(session, needs, role, found).await;
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
            format!("{role} does not have the privilege {word} on {relation}, which {object} needs"),
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

/// The settings of supautils, an extension of hosted Supabase, by which named roles may have policies on tables that they do not own,
/// and drop triggers there.
const SETTINGS: [&str; 2] = ["supautils.policy_grants", "supautils.drop_trigger_grants"];

/// The setting that may make an exception of a right.
fn setting(right: Right) -> Option<&'static str> {
    match right {
        Right::Policy => Some(SETTINGS[0]),
        Right::DropTrigger => Some(SETTINGS[1]),
        _ => None,
    }
}

/// The exceptions that the server makes for a role: a setting, and a table that it names.
async fn exceptions(session: &Session, role: &str) -> BTreeSet<(&'static str, String)> {
    let shown: Vec<String> =
        SETTINGS.iter().map(|setting| format!("pg_catalog.current_setting({}, true)", literal(setting))).collect();
    let rows = session.rows(&format!("SELECT {}", shown.join(", "))).await.unwrap_or_default();
    let mut found = BTreeSet::new();
    for (setting, text) in SETTINGS.into_iter().zip(rows.into_iter().flatten()) {
        let grants: Option<serde_json::Value> = text.and_then(|text| serde_json::from_str(&text).ok());
        let tables = grants.as_ref().and_then(|grants| grants.get(role)).and_then(serde_json::Value::as_array);
        let names = tables.into_iter().flatten().filter_map(serde_json::Value::as_str);
        found.extend(names.map(|table| (setting, table.to_owned())));
    }
    found
}

/// Roles that an object is given to, and roles whose default privileges are changed.
#[expect(clippy::vec_box, reason = "diagnostics are boxed wherever they are handed on")]
async fn members(session: &Session, needs: &Needs, us: &str, major: u32, found: &mut Vec<Box<Diagnostic>>) {
    // One error for each role and option of a membership, though two ways ask for the same.
    let mut told = BTreeSet::new();
    for ((role, membership), object) in &needs.members {
        let how = match membership {
            Membership::Acting => "USAGE",
            Membership::NewOwner | Membership::Grantor if major >= versions::SET_OPTION => "SET",
            Membership::NewOwner | Membership::Grantor => "MEMBER",
        };
        // Granted once more without a word on it, a membership keeps the options that it has.
        let option = match how {
            "SET" => " WITH SET TRUE",
            "USAGE" if major >= versions::SET_OPTION => " WITH INHERIT TRUE",
            _ => "",
        };
        let note = match membership {
            Membership::Grantor => "what a role has granted is taken back only by itself, and by who may become it",
            _ => "only a member of a role may give objects to it, or change its default privileges",
        };
        // Who is not there is told of by itself.
        let sql = format!(
            "SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = {} AND NOT pg_catalog.pg_has_role(r.oid, '{how}')",
            literal(role)
        );
        if session.rows(&sql).await.is_ok_and(|rows| !rows.is_empty()) && told.insert((role, how)) {
            found.push(
                Diagnostic::error(
                    "not-member",
                    format!("{us} is no member of the role {}, which {object} names", Ident(role)),
                )
                .note(note)
                .help(format!("as a superuser: GRANT {} TO {}{option}", Ident(role), Ident(us))),
            );
        }
    }
}
