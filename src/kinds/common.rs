//! What several kinds share: showing values, reading catalog rows, YAML keys that every object has.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::core::catalog::Catalog;
use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::declare::context::DeclareContext;
use crate::introspect::{Reader, Row};
use crate::kinds::{Kind, KindTag};
use crate::yaml::{Definition, Key, Node, Out};

/// A value as a person reads it in a difference.
fn show(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(s) => s.clone(),
        Value::Array(items) => items.iter().map(show).collect::<Vec<_>>().join(", "),
        Value::Object(map) => map.iter().map(|(k, v)| format!("{k} {}", show(v))).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// The two values of a change. What is there or not, and has nothing more to say, is said as yes or no.
pub fn show_change(old: &Value, new: &Value) -> (String, String) {
    let bare = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
    match (old, new) {
        (Value::Null, flag) if bare(flag) => ("no".to_owned(), "yes".to_owned()),
        (flag, Value::Null) if bare(flag) => ("yes".to_owned(), "no".to_owned()),
        _ => (show(old), show(new)),
    }
}

/// The name that PostgreSQL makes of some names and a suffix (`makeObjectName`): joined by underscores, the longer of the
/// names cut until all fits into an identifier.
pub fn generated_name(names: &[&str], suffix: &str) -> String {
    let mut parts: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let total = |parts: &[String]| parts.iter().map(String::len).sum::<usize>() + parts.len() - 1 + suffix.len() + 1;
    while total(&parts) > crate::core::name::MAX_IDENTIFIER_BYTES {
        // Of two equally long names PostgreSQL cuts the second.
        let Some(longest) = parts.iter_mut().max_by_key(|p| p.len()) else { break };
        if longest.pop().is_none() {
            break;
        }
    }
    format!("{}_{suffix}", parts.join("_"))
}

/// A kind that is read from a server's catalog.
pub trait Introspect: Kind {
    /// The query, for every supported major. `$schemas` in it stands for an `oid[]` of the user schemas' oids, `$members` for one of
    /// the relations that belong to extensions, `$later` for [`Reader::prints_later`], and
    /// `{{18: text}}` (or `{{-17: text}}`) for text that holds only from (or up to) that major.
    const QUERY: &'static str;

    /// Adds the objects of one row.
    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()>;
}

/// A kind that can be written in YAML.
pub trait Declare: Kind {
    /// The key it stands under (`tables`, or `policies` within a table) and the keys of its own mapping.
    const DEFINITION: Definition;

    /// Reads one `name: definition` entry. `parent` is the object it stands in, if it stands in one.
    fn declare(parent: Option<&ObjectId>, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()>;

    /// The object as YAML: the value to its name. Whatever belongs to it (children, comment, grants) is in it.
    fn write(&self, id: &ObjectId, cx: &WriteContext<'_>) -> Out;
}

/// What writing YAML needs to know.
pub struct WriteContext<'a> {
    /// The catalog being written.
    pub catalog: &'a Catalog,
    /// The schema that names without one mean; names in others are written qualified.
    pub schema: &'a str,
}

impl WriteContext<'_> {
    /// The entries for the comment, owner and grants of an object, to stand at the end of its mapping.
    pub fn components(&self, id: &ObjectId) -> Vec<(String, Out)> {
        crate::kinds::component::write(id, self)
    }

    /// The children of one kind as a mapping entry `key: {name: value, …}`; nothing where there is none.
    pub fn children<K: Declare>(
        &self,
        id: &ObjectId,
        kind: KindTag,
        of: impl Fn(&crate::kinds::Object) -> Option<&K>,
    ) -> Option<(String, Out)> {
        let entries: Vec<_> = self
            .catalog
            .children(id, kind)
            .filter_map(|(child, object)| Some((child.name().into_owned(), of(object)?.write(child, self))))
            .collect();
        (!entries.is_empty()).then(|| (K::DEFINITION.name.to_owned(), Out::Map(entries)))
    }
}

/// The name by which `format_type` prints a type: `integer` for `int`, `timestamp with time zone` for `timestamptz`.
/// Names that are not built-in aliases stay as written, folded to lower case where they are not quoted.
pub fn canonical_type_name(text: &str) -> String {
    let folded = folded(text);
    let mut base = folded.as_str();
    if let Some(rest) = base.strip_prefix("setof ") {
        return format!("SETOF {}", canonical_type_name(rest));
    }
    let mut array = "";
    // The server keeps neither the number of dimensions nor their bounds.
    loop {
        let open = base.rfind('[').filter(|i| {
            base.ends_with(']') && base[i + 1..base.len() - 1].chars().all(|c| c.is_ascii_digit() || c == ' ')
        });
        let rest = open.map(|i| &base[..i]).or_else(|| base.strip_suffix(" array"));
        let Some(rest) = rest else { break };
        base = rest.trim_end();
        array = "[]";
    }
    let base = base.strip_prefix("pg_catalog.").unwrap_or(base);
    // `timestamp(3) with time zone` has its modifiers in the middle.
    let (head, modifiers, tail) = match (base.find('('), base.find(')')) {
        (Some(open), Some(close)) if open < close && !base.contains('"') => {
            (base[..open].trim_end(), base[open..=close].replace(' ', ""), base[close + 1..].trim_start())
        }
        _ => (base, String::new(), ""),
    };
    let words = if tail.is_empty() { head.to_owned() } else { format!("{head} {tail}") };
    let precision: u32 = modifiers.trim_matches(['(', ')']).parse().unwrap_or(53);
    let name = match words.as_str() {
        "int" | "int4" => "integer",
        "int2" => "smallint",
        "int8" => "bigint",
        "bool" => "boolean",
        "float4" => "real",
        "float8" => "double precision",
        "float" => return format!("{}{array}", if precision <= 24 { "real" } else { "double precision" }),
        "dec" | "decimal" => "numeric",
        "varchar" | "char varying" | "nchar varying" | "national character varying" | "national char varying" => {
            "character varying"
        }
        "char" | "nchar" | "national character" | "national char" => "character",
        "varbit" => "bit varying",
        "timestamp" | "timestamp without time zone" => return format!("timestamp{modifiers} without time zone{array}"),
        "timestamptz" | "timestamp with time zone" => return format!("timestamp{modifiers} with time zone{array}"),
        "time" | "time without time zone" => return format!("time{modifiers} without time zone{array}"),
        "timetz" | "time with time zone" => return format!("time{modifiers} with time zone{array}"),
        _ => return format!("{base}{array}"),
    };
    format!("{name}{modifiers}{array}")
}

/// A text with its unquoted parts in lower case and runs of white space in them made one space.
fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quoted = false;
    for c in text.trim().chars() {
        match c {
            '"' => {
                quoted = !quoted;
                out.push(c);
            }
            c if quoted => out.push(c),
            c if c.is_whitespace() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c => out.extend(c.to_lowercase()),
        }
    }
    out
}

/// Whether what two lists have in common stands in another order.
pub fn are_moved(have: &[String], want: &[String]) -> bool {
    let common: BTreeSet<&String> = have.iter().filter(|c| want.contains(c)).collect();
    let order = |list: &[String]| list.iter().filter(|c| common.contains(c)).cloned().collect::<Vec<_>>();
    order(have) != order(want)
}

#[cfg(test)]
mod type_name_tests {
    use super::canonical_type_name;

    #[test]
    fn aliases_become_what_the_server_prints() {
        for (written, printed) in [
            ("int", "integer"),
            ("INT4", "integer"),
            ("int[]", "integer[]"),
            ("int [3][4]", "integer[]"),
            ("int array", "integer[]"),
            ("int array[4]", "integer[]"),
            ("pg_catalog.int8", "bigint"),
            ("varchar", "character varying"),
            ("varchar (10)", "character varying(10)"),
            ("character  varying(10)[]", "character varying(10)[]"),
            ("char(3)", "character(3)"),
            ("\"char\"", "\"char\""),
            ("decimal(10, 2)", "numeric(10,2)"),
            ("timestamp", "timestamp without time zone"),
            ("timestamptz(3)", "timestamp(3) with time zone"),
            ("timestamp (3) with time zone", "timestamp(3) with time zone"),
            ("timetz", "time with time zone"),
            ("float", "double precision"),
            ("float(10)", "real"),
            ("varbit(4)", "bit varying(4)"),
            ("Mood", "mood"),
            ("\"My s\".\"T (x)\"[]", "\"My s\".\"T (x)\"[]"),
            ("setof INT", "SETOF integer"),
            ("interval year to month", "interval year to month"),
            ("vector(3)", "vector(3)"),
            ("", ""),
        ] {
            assert_eq!(canonical_type_name(written), printed, "{written}");
        }
    }
}
