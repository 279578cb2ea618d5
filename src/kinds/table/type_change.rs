//! What a change of a column's type does to the values: whether they are looked at, how they are taken over, what may be lost.

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::name::literal;
use crate::core::versions;
use crate::kinds::table::premise;
use crate::kinds::types::enums::Enum;
use crate::plan::context::PlanContext;

/// A type as `format_type` prints it, in parts: `timestamp(0) without time zone` is `timestamp without time zone` and 0.
struct Parts {
    base: String,
    modifiers: Option<Vec<i64>>,
}

fn parts(text: &str) -> Parts {
    let Some((head, rest)) = text.split_once('(') else { return Parts { base: text.to_owned(), modifiers: None } };
    let (inside, tail) = rest.split_once(')').unwrap_or((rest, ""));
    // What is no list of numbers (`geometry(Point,4326)`) belongs to the name: nothing is known of it.
    match inside.split(',').map(|n| n.trim().parse().ok()).collect::<Option<Vec<i64>>>() {
        Some(numbers) => Parts { base: format!("{}{tail}", head.trim()), modifiers: Some(numbers) },
        None => Parts { base: text.to_owned(), modifiers: None },
    }
}

impl Parts {
    fn first(&self) -> Option<i64> {
        self.modifiers.as_ref().and_then(|m| m.first().copied())
    }

    /// Precision and scale of a numeric.
    fn digits(&self) -> Option<(i64, i64)> {
        Some((self.first()?, self.modifiers.as_ref().and_then(|m| m.get(1).copied()).unwrap_or(0)))
    }

    /// Digits after the point of a second.
    fn precision(&self) -> i64 {
        self.first().unwrap_or(6)
    }

    /// Whether the first modifier, a length, is at least another one.
    fn takes(&self, length: Option<i64>) -> bool {
        match (self.first(), length) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(room), Some(length)) => room >= length,
        }
    }
}

fn is_time(base: &str) -> bool {
    base.starts_with("time ") || base.starts_with("timestamp ") || base == "interval"
}

/// Type changes that PostgreSQL makes without looking at a row (ATColumnChangeRequiresRewrite).
pub(super) fn is_free(old: &str, new: &str) -> bool {
    if old.ends_with("[]") || new.ends_with("[]") {
        return old == new;
    }
    let (a, b) = (parts(old), parts(new));
    match (a.base.as_str(), b.base.as_str()) {
        ("character varying", "text") => true,
        ("text", "character varying") => b.modifiers.is_none(),
        ("character varying", "character varying") | ("bit varying", "bit varying") => b.takes(a.first()),
        ("numeric", "numeric") => match (a.digits(), b.digits()) {
            (_, None) => true,
            (Some((p, s)), Some((q, t))) => p <= q && s == t,
            (None, Some(_)) => false,
        },
        (x, y) if x == y && is_time(x) => b.precision() >= a.precision(),
        (x, y) => x == y && a.modifiers == b.modifiers,
    }
}

/// Type changes for which an assignment cast exists in every PostgreSQL, so that USING need not be said.
pub(super) fn is_implicit(old: &str, new: &str) -> bool {
    const WIDTH: &[&str] = &["smallint", "integer", "bigint", "numeric", "real", "double precision"];
    let rank = |t: &str| WIDTH.iter().position(|w| *w == t);
    is_free(old, new) || matches!((rank(old), rank(new)), (Some(a), Some(b)) if a < b)
}

/// The types of an array's elements, or of anything else itself; a domain is what it is based on.
pub(super) fn resolved(name: &str, column: &ObjectId, catalog: &Catalog) -> String {
    let (mut element, mut dimensions) = (name, "");
    if let Some(rest) = name.strip_suffix("[]") {
        (element, dimensions) = (rest, "[]");
    }
    match premise::domain_of(element, column, catalog) {
        Some((id, domain)) => format!("{}{dimensions}", resolved(&domain.type_name, id, catalog)),
        None => name.to_owned(),
    }
}

/// Whether every value of the old type that can be taken over says the same afterwards. What is not known to be so is not.
pub(super) fn is_lossless(old: &str, new: &str, column: &ObjectId, cx: &PlanContext<'_>) -> bool {
    let (a, b) = (resolved(old, column, cx.from), resolved(new, column, cx.to));
    // A text that is no label fails; one that is stays what it was.
    let labels = |name: &str| {
        cx.to.dependencies(column).any(|(id, _)| {
            Enum::get(cx.to, id).is_some() && (id.sql() == name || crate::core::name::ident(&id.name()) == name)
        })
    };
    let text = matches!(parts(&a).base.as_str(), "text" | "character varying");
    keeps(&a, &b) || (text && labels(&b))
}

/// The enum that a type, or that of an array's elements, is.
fn enum_of<'a>(name: &str, column: &ObjectId, catalog: &'a Catalog) -> Option<&'a Enum> {
    let element = name.strip_suffix("[]").unwrap_or(name);
    catalog.dependencies(column).find_map(|(id, _)| {
        Enum::get(catalog, id).filter(|_| id.sql() == element || crate::core::name::ident(&id.name()) == element)
    })
}

/// What the values must be for the change to go through, where that can be asked of the rows: the condition under which a value
/// cannot be taken over.
pub(super) fn fails_where(old: &str, new: &str, column: &ObjectId, cx: &PlanContext<'_>) -> Option<String> {
    let value = crate::core::name::ident(&column.name());
    if let (Some(old), Some(new)) = (old.strip_suffix("[]"), new.strip_suffix("[]"))
        && enum_of(old, column, cx.from).is_none()
    {
        return value_fails_where(ELEMENT, old, new, column, cx).map(|fails| any_element(&value, &fails));
    }
    value_fails_where(&value, old, new, column, cx)
}

/// What an element of an array is called where it is looked at.
const ELEMENT: &str = "e.v";

/// Whether a condition holds of an element of an array.
fn any_element(array: &str, condition: &str) -> String {
    format!("EXISTS (SELECT FROM pg_catalog.unnest({array}) e (v) WHERE {condition})")
}

/// What domains are made of is asked first, and then what they demand.
fn value_fails_where(value: &str, old: &str, new: &str, column: &ObjectId, cx: &PlanContext<'_>) -> Option<String> {
    let (from, to) = (resolved(old, column, cx.from), resolved(new, column, cx.to));
    let Some((domain, _)) = premise::domain_of(new, column, cx.to) else {
        return base_fails_where(value, &from, new, column, cx);
    };
    let fails = (from != to).then(|| base_fails_where(value, &from, &to, column, cx)).flatten();
    // The condition takes the value for one of the base type: that has to go through.
    let is_known = fails.is_some() || is_implicit(&from, &to) || to == "text";
    match (fails, premise::refused(domain, value, cx).filter(|_| is_known)) {
        (Some(fails), Some(refused)) => Some(format!("CASE WHEN {fails} THEN true ELSE {refused} END")),
        (fails, refused) => fails.or(refused),
    }
}

fn base_fails_where(value: &str, old: &str, new: &str, column: &ObjectId, cx: &PlanContext<'_>) -> Option<String> {
    let list = |labels: &[&String]| labels.iter().map(|l| literal(l)).collect::<Vec<_>>().join(", ");
    let labels = enum_of(new, column, cx.to).map(|to| &to.values);
    if let Some(from) = enum_of(old, column, cx.from) {
        // By what goes, not by what stays: what is renamed is still called by its old name.
        let gone: Vec<&String> = from.values.iter().filter(|v| !labels.is_some_and(|to| to.contains(v))).collect();
        let gone = (labels.is_some() && !gone.is_empty()).then(|| list(&gone))?;
        return Some(if old.ends_with("[]") {
            format!("{value}::text[] && ARRAY[{gone}]")
        } else {
            format!("{value}::text IN ({gone})")
        });
    }
    if !matches!(parts(old).base.as_str(), "text" | "character varying" | "character" | "citext") || new.ends_with("[]")
    {
        return overflows_where(value, old, new);
    }
    if let Some(labels) = labels {
        return Some(format!("{value}::text NOT IN ({})", list(&labels.iter().collect::<Vec<_>>())));
    }
    let base = parts(new).base;
    if matches!(base.as_str(), "text" | "character varying" | "character" | "citext" | "name") {
        return None;
    }
    if cx.major >= versions::INPUT_IS_VALID {
        return Some(format!("NOT pg_catalog.pg_input_is_valid({value}::text, {})", literal(new)));
    }
    match base.as_str() {
        "uuid" => Some(format!("{value}::text !~ '^\\{{?[0-9a-fA-F]{{4}}(-?[0-9a-fA-F]{{4}}){{7}}\\}}?$'")),
        "smallint" | "integer" | "bigint" => {
            let (lowest, highest) = integers(&base)?;
            Some(format!(
                "CASE WHEN {value}::text !~ '^\\s*[-+]?[0-9]+\\s*$' THEN true ELSE {value}::text::numeric NOT BETWEEN {lowest} AND {highest} END"
            ))
        }
        "numeric" | "real" | "double precision" => {
            let no_number = format!(
                "{value}::text !~* '^\\s*([-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)(e[-+]?[0-9]+)?|nan|[-+]?inf(inity)?)\\s*$'"
            );
            Some(match overflows_where(&format!("({value}::text::numeric)"), "numeric", new) {
                Some(too_large) => format!("CASE WHEN {no_number} THEN true ELSE {too_large} END"),
                None => no_number,
            })
        }
        "boolean" => Some(format!(
            "{value}::text !~* '^\\s*(t|tr|tru|true|f|fa|fal|fals|false|y|ye|yes|n|no|on|of|off|1|0)\\s*$'"
        )),
        _ => never_where(&format!("{value}::text"), &base),
    }
}

/// The condition under which a text is certainly no value of a type, for servers that cannot be asked. What may be one is left to the
/// change itself.
fn never_where(text: &str, base: &str) -> Option<String> {
    let part = |pattern: &str| format!("pg_catalog.substring({text}, '{pattern}')::integer");
    let (year, month, day) = (part("([0-9]{4})-"), part("-([0-9]{2})-"), part("-[0-9]{2}-([0-9]{2})"));
    Some(match base {
        // A year of four digits is followed by month and day, whatever DateStyle says.
        "date" | "timestamp without time zone" | "timestamp with time zone" => format!(
            "CASE WHEN {text} ~* '[0-9].*bc' THEN false WHEN {text} ~ '^\\s*[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([ T].*)?$' \
             THEN CASE WHEN {year} = 0 OR {month} NOT BETWEEN 1 AND 12 OR {day} NOT BETWEEN 1 AND 31 THEN true \
             ELSE {day} > pg_catalog.date_part('day', pg_catalog.make_date({year}, {month}, 1) + interval '1 month - 1 day') END \
             ELSE {text} !~ '[0-9]' AND {text} !~* '(epoch|infinity|now|today|tomorrow|yesterday)' END"
        ),
        "time without time zone" | "time with time zone" => {
            format!("{text} !~ '[0-9]' AND {text} !~* '(allballs|now)'")
        }
        _ if base.starts_with("interval") => format!("{text} !~ '[0-9]' AND {text} !~* 'infinity'"),
        "json" | "jsonb" => format!("{text} !~ '^\\s*(\\{{.*\\}}|\\[.*\\]|\".*\"|-?[0-9].*|true|false|null)\\s*$'"),
        "inet" | "cidr" => format!("{text} !~ '^[0-9a-fA-F.:]+(/[0-9]+)?$' OR {text} !~ '[0-9:]'"),
        _ => return None,
    })
}

/// The smallest and the largest value of an integer type.
fn integers(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        "smallint" => Some(("-32768", "32767")),
        "integer" => Some(("-2147483648", "2147483647")),
        "bigint" => Some(("-9223372036854775808", "9223372036854775807")),
        _ => None,
    }
}

fn is_number(base: &str) -> bool {
    integers(base).is_some() || matches!(base, "numeric" | "real" | "double precision")
}

/// The condition under which a number is too large for another type of numbers.
fn overflows_where(value: &str, old: &str, new: &str) -> Option<String> {
    let (a, b) = (parts(old), parts(new));
    // Bounds are compared as numeric, in which no bound is rounded.
    let number = if a.base == "numeric" { value.to_owned() } else { format!("{value}::numeric") };
    if !is_number(&a.base) || new.ends_with("[]") || keeps(old, new) {
        return None;
    }
    let infinite = |what: &str| format!("{value}::text IN ({what})");
    // Only these types know values that are no numbers.
    let finite = matches!(a.base.as_str(), "real" | "double precision" | "numeric");
    let not_finite = "'NaN', 'Infinity', '-Infinity'";
    let or_not_finite = |condition: String, refused: &str| match finite {
        true => format!("CASE WHEN {} THEN {value}::text IN ({refused}) ELSE {condition} END", infinite(not_finite)),
        false => condition,
    };
    if let Some((lowest, highest)) = integers(&b.base) {
        let rounded = match a.base.as_str() {
            "numeric" => format!("pg_catalog.round({value})"),
            "real" | "double precision" => format!("pg_catalog.round({value}::double precision)::numeric"),
            _ => number,
        };
        return Some(or_not_finite(format!("{rounded} NOT BETWEEN {lowest} AND {highest}"), not_finite));
    }
    let (precision, scale) = b.digits().filter(|_| b.base == "numeric")?;
    let whole = u32::try_from(precision - scale).ok()?;
    let condition = format!("pg_catalog.abs(pg_catalog.round({number}, {scale})) >= 1{}", "0".repeat(whole as usize));
    // NaN has no digits.
    Some(or_not_finite(condition, "'Infinity', '-Infinity'"))
}

/// The condition under which a change of type that may lose something changes a value or cannot take it over; nothing where that is
/// not known of the two types.
pub(super) fn changes_where(value: &str, old: &str, new: &str) -> Option<String> {
    if let (Some(old), Some(new)) = (old.strip_suffix("[]"), new.strip_suffix("[]")) {
        return changes_where(ELEMENT, old, new).map(|changes| any_element(value, &changes));
    }
    if old.ends_with("[]") || new.ends_with("[]") {
        return None;
    }
    let (a, b) = (parts(old), parts(new));
    let is_text = |base: &str| matches!(base, "text" | "character varying" | "character");
    if is_text(&b.base) {
        // Whatever is cut has more characters than there is room for; `character` does not count the spaces that it fills up with.
        let room = b.first()?;
        let known = is_text(&a.base) || is_number(&a.base) || matches!(a.base.as_str(), "uuid" | "date" | "boolean");
        return known.then(|| format!("pg_catalog.length({value}::text) > {room}"));
    }
    if a.base == "bit varying" && b.base == "bit varying" {
        return Some(format!("pg_catalog.length({value}) > {}", b.first()?));
    }
    if is_number(&a.base) && is_number(&b.base) {
        let too_large = overflows_where(value, old, new);
        let whole = |sql: &str| format!("{sql} <> pg_catalog.trunc({sql})");
        let differs = match (a.base.as_str(), b.base.as_str()) {
            (x, y) if integers(x).is_some() && integers(y).is_some() => return too_large,
            ("numeric", y) if integers(y).is_some() => whole(value),
            ("real" | "double precision", y) if integers(y).is_some() => whole(&format!("{value}::double precision")),
            ("numeric", "numeric") => format!("{value} <> pg_catalog.round({value}, {})", b.digits()?.1),
            ("real" | "double precision", "numeric") => match b.digits() {
                Some((_, scale)) => format!("{value}::numeric <> pg_catalog.round({value}::numeric, {scale})"),
                None => return None,
            },
            (x, "numeric") if integers(x).is_some() => return too_large,
            ("bigint" | "integer" | "numeric", "double precision" | "real") => {
                format!("{value}::numeric <> {value}::{new}::numeric")
            }
            ("double precision", "real") => {
                format!(
                    "CASE WHEN pg_catalog.abs({value}) > 3.4e38 THEN {value}::text NOT IN ('NaN', 'Infinity', '-Infinity') ELSE {value}::real::double precision <> {value} END"
                )
            }
            _ => return None,
        };
        return Some(match too_large {
            Some(too_large) => format!("CASE WHEN {too_large} THEN true ELSE {differs} END"),
            None => differs,
        });
    }
    // Casts that no value fails, and back.
    match (a.base.as_str(), b.base.as_str()) {
        (x, y) if x == y && is_time(x) => Some(format!("{value}::{new} <> {value}")),
        // What is left of the fields; days are no hours and months are no days to it.
        (x, y) if x.starts_with("interval") && y.starts_with("interval") => {
            Some(format!("{value}::{new}::text <> {value}::text"))
        }
        ("timestamp without time zone", "date") => Some(format!("{value}::date::timestamp <> {value}")),
        _ => None,
    }
}

/// Whether a change that keeps every value it takes over does not take over any: a text may be no uuid.
pub(super) fn may_fail(old: &str, new: &str) -> bool {
    let base = |t: &str| parts(t).base;
    matches!(base(old).as_str(), "text" | "character varying" | "character" | "citext")
        && !matches!(base(new).as_str(), "text" | "character varying" | "character" | "citext" | "name")
}

/// Pairs of types that keep every value.
fn keeps(old: &str, new: &str) -> bool {
    if old == new || new == "text" {
        return true;
    }
    match (old.strip_suffix("[]"), new.strip_suffix("[]")) {
        (Some(old), Some(new)) => return keeps(old, new),
        (None, Some(new)) => return keeps(old, new),
        (Some(_), None) => return new == "character varying",
        (None, None) => {}
    }
    let (a, b) = (parts(old), parts(new));
    let integer = |t: &str| match t {
        "smallint" => Some((5, 6)),
        "integer" => Some((10, 11)),
        "bigint" => Some((19, 20)),
        _ => None,
    };
    match (a.base.as_str(), b.base.as_str()) {
        ("smallint", "integer" | "bigint" | "real" | "double precision") => true,
        ("integer", "bigint" | "double precision") | ("real", "double precision") => true,
        (x, "numeric") if integer(x).is_some() => {
            b.digits().is_none_or(|(p, s)| integer(x).is_some_and(|(digits, _)| p - s >= digits))
        }
        (x, "character varying") if integer(x).is_some() => b.takes(integer(x).map(|(_, length)| length)),
        ("boolean", "integer") | ("jsonb", "json") | ("cidr", "inet") => true,
        ("boolean", "character varying") => b.takes(Some(5)),
        ("uuid", "character varying") => b.takes(Some(36)),
        ("text" | "character varying", "uuid") => true,
        // By the server's own casts, where it has them; without them nothing is cast.
        ("uuid", "bytea") => true,
        (x, "bytea") if integer(x).is_some() => true,
        ("numeric", "numeric") => match (a.digits(), b.digits()) {
            (_, None) => true,
            (Some((p, s)), Some((q, t))) => t >= s && q - t >= p - s,
            (None, Some(_)) => false,
        },
        ("text", "character varying") => b.modifiers.is_none(),
        ("character varying" | "character", "character varying") => b.takes(a.first()),
        ("character", "character") | ("bit varying", "bit varying") | ("bit", "bit varying") => b.takes(a.first()),
        (x, y) if x.ends_with("citext") || y.ends_with("citext") => {
            let word = |t: &str| t.ends_with("citext") || matches!(t, "text" | "character varying");
            word(x) && word(y) && b.modifiers.is_none()
        }
        ("date", "timestamp without time zone" | "timestamp with time zone") => true,
        ("timestamp without time zone", "timestamp with time zone")
        | ("time without time zone", "time with time zone") => b.precision() >= a.precision(),
        ("time without time zone", "interval") => b.precision() >= a.precision(),
        (x, y) if x == y && is_time(x) => b.precision() >= a.precision(),
        (x, "interval") if x.starts_with("interval ") => b.precision() >= a.precision(),
        (_, "character varying") => b.modifiers.is_none(),
        // A modifier that is lifted.
        (x, y) => x == y && b.modifiers.is_none() && x != "bit" && x != "character",
    }
}

/// What is said of a change that is not lossless.
pub(super) fn may_lose(column: &ObjectId, old: &str, new: &str) -> String {
    format!("values of {} may be cut, rounded or otherwise changed on the way from {old} to {new}", column.sql_path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_every_value() {
        for (old, new) in [
            ("smallint", "bigint"),
            ("integer", "numeric"),
            ("integer", "numeric(12,2)"),
            ("integer", "double precision"),
            ("character varying(5)", "character varying(9)"),
            ("character varying(5)[]", "text[]"),
            ("numeric(4,1)", "numeric(8,2)"),
            ("timestamp(0) without time zone", "timestamp without time zone"),
            ("date", "timestamp with time zone"),
            ("jsonb", "json"),
            ("interval day", "interval"),
            ("geometry(Point,4326)", "geometry(Point,4326)"),
        ] {
            assert!(keeps(old, new), "{old} -> {new}");
        }
    }

    #[test]
    fn what_may_lose() {
        for (old, new) in [
            ("text[]", "character varying(3)[]"),
            ("text", "name"),
            ("bit varying(8)", "bit varying(4)"),
            ("bit(8)", "bit(4)"),
            ("bit(8)", "bit"),
            ("timestamp with time zone", "time without time zone"),
            ("time with time zone", "time without time zone"),
            ("timestamp with time zone", "timestamp(0) with time zone"),
            ("timestamp(6) without time zone", "timestamp(0) without time zone"),
            ("interval", "interval(0)"),
            ("interval", "interval day"),
            ("double precision", "numeric(4,1)"),
            ("bigint", "double precision"),
            ("bigint", "real"),
            ("numeric", "double precision"),
            ("numeric", "money"),
            ("json", "jsonb"),
            ("integer", "numeric(9,0)"),
            ("integer", "character varying(3)"),
        ] {
            assert!(!keeps(old, new), "{old} -> {new}");
            assert!(!is_free(old, new), "{old} -> {new}");
        }
    }
}
