//! The expression behind USING: how a value gets from one type to another.
//!
//! Nearly every type can be written as a text and read from one, so that a text is a way between types that PostgreSQL casts in no
//! other way. It is a way only where the text means to the new type what the value means to the old one. `uuid::text::bytea` stores
//! the 36 characters, and `101::text::bit(8)` takes a decimal number for bits: there the project has to say what is meant.

use crate::core::id::ObjectId;
use crate::core::versions;
use crate::kinds::table::type_change::resolved;
use crate::plan::context::PlanContext;

/// How values get from one type to another.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By this expression.
    By(String),
    /// Nobody but the project knows; the reason, as the end of a sentence.
    Unsaid(String),
}

const INTEGERS: &[&str] = &["smallint", "integer", "bigint"];
const NUMBERS: &[&str] = &["smallint", "integer", "bigint", "numeric", "real", "double precision"];
const BITS: &[&str] = &["bit", "bit varying"];
const TIMES: &[&str] = &[
    "date",
    "timestamp without time zone",
    "timestamp with time zone",
    "time without time zone",
    "time with time zone",
    "interval",
];
const TEXTS: &[&str] = &["text", "character varying", "character", "name", "citext"];
const JSON: &[&str] = &["json", "jsonb"];
/// The server's own casts (`pg_cast`) where a text would not say the same, or would be refused, with the first major that has them.
const OWN: &[(&[&str], &[&str], u32)] = &[
    (&["uuid"], &["bytea"], versions::UUIDS_AS_BYTES),
    (&["bytea"], &["uuid"], versions::UUIDS_AS_BYTES),
    (INTEGERS, &["bytea"], versions::INTEGERS_AS_BYTES),
    (&["bytea"], INTEGERS, versions::INTEGERS_AS_BYTES),
    (&["integer", "bigint"], &["bit"], 0),
    (&["bit"], &["integer", "bigint"], 0),
    (BITS, BITS, 0),
    (&["integer", "bigint", "numeric"], &["money"], 0),
    (&["money"], &["numeric"], 0),
    (&["integer"], &["\"char\""], 0),
    (&["\"char\""], &["integer"], 0),
    (&["inet", "cidr"], &["inet", "cidr"], 0),
    (&["macaddr", "macaddr8"], &["macaddr", "macaddr8"], 0),
    (&["jsonb"], NUMBERS, 0),
    (&["jsonb"], &["boolean"], 0),
    (&["timestamp without time zone", "timestamp with time zone"], &["time without time zone"], 0),
    (&["timestamp with time zone"], &["time with time zone"], 0),
    (&["time without time zone", "time with time zone"], &["time without time zone", "time with time zone"], 0),
    (&["time without time zone"], &["interval"], 0),
    (&["interval"], &["time without time zone"], 0),
    (&["box"], &["circle", "lseg", "point", "polygon"], 0),
    (&["circle"], &["box", "point", "polygon"], 0),
    (&["lseg"], &["point"], 0),
    (&["path"], &["polygon"], 0),
    (&["point"], &["box"], 0),
    (&["polygon"], &["box", "circle", "path", "point"], 0),
    (&["int4range"], &["int4multirange"], 0),
    (&["int8range"], &["int8multirange"], 0),
    (&["numrange"], &["nummultirange"], 0),
    (&["daterange"], &["datemultirange"], 0),
    (&["tsrange"], &["tsmultirange"], 0),
    (&["tstzrange"], &["tstzmultirange"], 0),
    (&["xid8"], &["xid"], 0),
    (
        &["regclass", "regproc", "regprocedure", "regoper", "regoperator", "regtype", "regrole", "regnamespace"],
        &["oid", "bigint"],
        0,
    ),
];

/// Types between which PostgreSQL casts by way of a third one.
const BY_WAY_OF: &[(&[&str], &[&str], &str)] = &[
    (&["boolean"], &["smallint", "bigint", "numeric", "real", "double precision"], "integer"),
    // The text of an amount of money has the currency's sign and the locale's decimal point.
    (&["money"], &["smallint", "integer", "bigint", "real", "double precision"], "numeric"),
    (&["smallint", "real", "double precision"], &["money"], "numeric"),
];

fn base(name: &str) -> String {
    match name.split_once('(') {
        Some((head, rest)) => {
            let tail = rest.split_once(')').map_or("", |(_, tail)| tail);
            format!("{}{tail}", head.trim())
        }
        None if name.starts_with("interval ") => "interval".to_owned(),
        None => name.trim().to_owned(),
    }
}

/// How the values of a column get from one type to another on this server.
pub(super) fn way(value: &str, old: &str, new: &str, column: &ObjectId, cx: &PlanContext<'_>) -> Way {
    let known = (resolved(old, column, cx.from), resolved(new, column, cx.to));
    between(value, (old, new), (&known.0, &known.1), cx.major)
}

/// As [`way`]; `known` are the two types with what domains are based on in their places.
fn between(value: &str, (old, new): (&str, &str), known: (&str, &str), major: u32) -> Way {
    match (known.0.strip_suffix("[]"), known.1.strip_suffix("[]")) {
        (Some(a), Some(b)) => match (base(a), base(b)) {
            (a, b) if has_own(&a, &b, major) => Way::By(format!("{value}::{new}")),
            (a, b) => means_another(&a, &b, major).map_or_else(|| Way::By(cast(value, old, new)), Way::Unsaid),
        },
        (None, Some(_)) if JSON.contains(&known.0) => {
            Way::Unsaid(format!("the text of a {} is that of no array", known.0))
        }
        (None, Some(b)) => match between(value, (old, b), (known.0, b), major) {
            Way::By(element) => Way::By(format!("ARRAY[{element}]::{new}")),
            unsaid @ Way::Unsaid(_) => unsaid,
        },
        (Some(_), None) => match base(known.1).as_str() {
            b @ ("json" | "jsonb" | "bytea" | "tsvector" | "hstore") => {
                Way::Unsaid(format!("the text of an array is no {b} of its elements"))
            }
            _ => Way::By(cast(value, old, new)),
        },
        (None, None) => {
            let (a, b) = (base(known.0), base(known.1));
            if has_own(&a, &b, major) {
                return Way::By(format!("{value}::{new}"));
            }
            let third = BY_WAY_OF.iter().find(|(from, to, _)| from.contains(&&*a) && to.contains(&&*b));
            if let Some((.., third)) = third {
                return Way::By(format!("{value}::{third}::{new}"));
            }
            match means_another(&a, &b, major) {
                Some(why) => Way::Unsaid(why),
                None => Way::By(cast(value, old, new)),
            }
        }
    }
}

fn has_own(a: &str, b: &str, major: u32) -> bool {
    a != b && OWN.iter().any(|(from, to, since)| *since <= major && from.contains(&a) && to.contains(&b))
}

/// Why the text of one type does not say the same to another.
fn means_another(a: &str, b: &str, major: u32) -> Option<String> {
    let is = |list: &[&str], name: &str| list.contains(&name);
    let both = |x: &[&str], y: &[&str]| is(x, a) && is(y, b) || is(y, a) && is(x, b);
    let later = OWN.iter().find(|(from, to, since)| *since > major && from.contains(&a) && to.contains(&b));
    let later = later.map_or(String::new(), |(.., since)| format!(" (PostgreSQL {since} has a cast)"));
    if a == b {
        None
    } else if b == "bytea" && !is(TEXTS, a) {
        Some(format!("the characters of the {a}'s text would be stored, not its bytes{later}"))
    } else if a == "bytea" && !is(TEXTS, b) {
        Some(format!("the text of a bytea is no {b}{later}"))
    } else if both(BITS, NUMBERS) {
        Some("a text of bits would be read as a decimal number, or the other way round".to_owned())
    } else if both(TIMES, NUMBERS) {
        Some("a number says neither its unit nor where it counts from".to_owned())
    } else {
        None
    }
}

/// The expression that takes a value from one type to another, by a cast or by its text.
fn cast(value: &str, old: &str, new: &str) -> String {
    const DIRECT: &[&str] = &[
        "smallint",
        "integer",
        "bigint",
        "numeric",
        "real",
        "double precision",
        "text",
        "character varying",
        "character",
        "date",
        "json",
        "jsonb",
        "name",
        "timestamp without time zone",
        "timestamp with time zone",
        "time without time zone",
        "time with time zone",
        "interval",
        "boolean",
        "bytea",
        "uuid",
        "oid",
    ];
    let base = |t: &str| t.split('(').next().unwrap_or(t).trim().to_owned();
    let group = |t: &str| match t {
        "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision" => 1,
        "timestamp without time zone" | "timestamp with time zone" | "date" => 2,
        "text" | "character varying" | "character" | "name" => 3,
        "json" | "jsonb" => 4,
        "boolean" => 5,
        _ => 0,
    };
    let (a, b) = (base(old), base(new));
    let (ga, gb) = (group(&a), group(&b));
    let castable = ga == 3
        || gb == 3
        || (ga == gb && ga != 0)
        || (a == "boolean" && b == "integer")
        || (a == "integer" && b == "boolean");
    if castable || (!DIRECT.contains(&a.as_str()) && !old.ends_with("[]") && a == b) {
        format!("{value}::{new}")
    } else if let (Some(element), false) = (new.strip_suffix("[]"), old.ends_with("[]")) {
        format!("ARRAY[{}]::{new}", cast(value, old, element))
    } else {
        format!("{value}::text::{new}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(old: &str, new: &str, major: u32) -> Option<String> {
        match between("v", (old, new), (old, new), major) {
            Way::By(expression) => Some(expression),
            Way::Unsaid(_) => None,
        }
    }

    #[test]
    fn the_servers_own_cast_is_used_where_it_has_one() {
        assert_eq!(by("uuid", "bytea", 19).as_deref(), Some("v::bytea"));
        assert_eq!(by("uuid", "bytea", 18), None);
        assert_eq!(by("bytea", "uuid", 19).as_deref(), Some("v::uuid"));
        assert_eq!(by("uuid[]", "bytea[]", 19).as_deref(), Some("v::bytea[]"));
        assert_eq!(by("uuid[]", "bytea[]", 18), None);
        assert_eq!(by("uuid", "bytea[]", 19).as_deref(), Some("ARRAY[v::bytea]::bytea[]"));
        assert_eq!(by("integer", "bytea", 18).as_deref(), Some("v::bytea"));
        assert_eq!(by("integer", "bytea", 17), None);
        assert_eq!(by("integer", "bit(8)", 15).as_deref(), Some("v::bit(8)"));
        assert_eq!(by("bit(8)", "bigint", 15).as_deref(), Some("v::bigint"));
        assert_eq!(by("box", "point", 15).as_deref(), Some("v::point"));
    }

    #[test]
    fn a_text_is_no_way_where_it_means_another_value() {
        for (old, new) in [
            ("inet", "bytea"),
            ("jsonb", "bytea"),
            ("bytea", "json"),
            ("bit(3)", "numeric"),
            ("smallint", "bit(3)"),
            ("bigint", "timestamp with time zone"),
            ("double precision", "interval"),
            ("date", "integer"),
            ("text[]", "jsonb"),
            ("jsonb", "text[]"),
        ] {
            assert_eq!(by(old, new, 19), None, "{old} -> {new}");
        }
    }

    #[test]
    fn a_text_is_a_way_otherwise() {
        assert_eq!(by("inet", "uuid", 15).as_deref(), Some("v::text::uuid"));
        assert_eq!(by("integer", "text", 15).as_deref(), Some("v::text"));
        assert_eq!(by("text", "bytea", 15).as_deref(), Some("v::bytea"));
        assert_eq!(by("integer", "jsonb", 15).as_deref(), Some("v::text::jsonb"));
        assert_eq!(by("boolean", "bigint", 15).as_deref(), Some("v::integer::bigint"));
        assert_eq!(by("money", "integer", 15).as_deref(), Some("v::numeric::integer"));
        assert_eq!(by("integer", "text[]", 15).as_deref(), Some("ARRAY[v::text]::text[]"));
    }
}
