//! Names and literals as SQL text: the one place that quotes.
//!
//! Rests on `quote_ident` and `quote_literal` of PostgreSQL: an identifier goes bare where it is made of lower-case
//! ASCII letters, digits and underscores, does not start with a digit, and is no keyword but an unreserved one.

use sha2::Digest as _;
use std::fmt;

/// Keywords that `quote_ident` quotes: all of `pg_get_keywords()` but the unreserved, over the supported majors.
const QUOTED_KEYWORDS: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "merge_action",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

/// PostgreSQL cuts identifiers at this many bytes (NAMEDATALEN - 1).
pub const MAX_IDENTIFIER_BYTES: usize = 63;

/// A name made from another one. Where it would be too long the other one is cut, and a few digits of its hash keep two
/// names apart that begin alike.
pub fn derived(prefix: &str, name: &str, suffix: &str) -> String {
    let whole = format!("{prefix}{name}{suffix}");
    if whole.len() <= MAX_IDENTIFIER_BYTES {
        return whole;
    }
    let hash = sha2::Sha256::digest(name.as_bytes());
    let digits: String = hash.iter().take(4).map(|b| format!("{b:02x}")).collect();
    let mut head = name.to_owned();
    while prefix.len() + head.len() + 1 + digits.len() + suffix.len() > MAX_IDENTIFIER_BYTES && head.pop().is_some() {}
    format!("{prefix}{head}_{digits}{suffix}")
}

/// Whether a name is one that is given in passing: to what is built beside its old form, or steps aside for the new one, or
/// proves that a column is NOT NULL. Such an object that is there was left by a run that was cut off.
pub fn is_in_passing(name: &str) -> bool {
    name.ends_with("__trueup_new")
        || name.ends_with("__trueup_old")
        || name.strip_prefix("trueup_").is_some_and(|rest| rest.ends_with("_not_null"))
}

/// The name under which the new form of something is built beside its old one.
pub fn beside(name: &str) -> String {
    derived("", name, "__trueup_new")
}

/// Whether an identifier may stand in SQL without quotes and means itself.
pub fn is_bare(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && QUOTED_KEYWORDS.binary_search(&name).is_err()
}

/// An identifier as it is to stand in SQL, quoted where it has to be.
pub struct Ident<'a>(pub &'a str);

impl fmt::Display for Ident<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_bare(self.0) {
            return f.write_str(self.0);
        }
        f.write_str("\"")?;
        for (i, part) in self.0.split('"').enumerate() {
            if i > 0 {
                f.write_str("\"\"")?;
            }
            f.write_str(part)?;
        }
        f.write_str("\"")
    }
}

/// An identifier as SQL text.
pub fn ident(name: &str) -> String {
    Ident(name).to_string()
}

/// A schema-qualified name as SQL text.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", Ident(schema), Ident(name))
}

/// A list of identifiers, separated by commas.
pub fn ident_list<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    names.into_iter().map(|n| ident(n.as_ref())).collect::<Vec<_>>().join(", ")
}

/// A list of schemas as `SET search_path` takes it, also where there is none.
pub fn search_path<S: AsRef<str>>(schemas: impl IntoIterator<Item = S>) -> String {
    let list = ident_list(schemas);
    if list.is_empty() { "''".to_owned() } else { list }
}

/// Whether a text says a name as a word of its own, in capitals or not.
pub fn says(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    !name.is_empty()
        && text
            .match_indices(&name)
            .any(|(at, found)| !text[..at].ends_with(part) && !text[at + found.len()..].starts_with(part))
}

/// A string as a SQL literal, in the `E'…'` form where it holds a backslash, so that it means the same whatever
/// `standard_conforming_strings` says.
pub fn literal(text: &str) -> String {
    let body = text.replace('\'', "''");
    if body.contains('\\') { format!("E'{}'", body.replace('\\', "\\\\")) } else { format!("'{body}'") }
}

/// A text between dollar quotes whose tag does not occur in it.
pub fn dollar_quoted(text: &str) -> String {
    let mut tag = String::new();
    let mut tried = 0;
    // A trailing dollar would join the closing delimiter.
    while text.contains(&format!("${tag}$"))
        || (text.ends_with('$') && tag.is_empty())
        || text.contains(&format!("${tag}")) && !tag.is_empty()
    {
        tag = if tried == 0 { "body".to_owned() } else { format!("body{tried}") };
        tried += 1;
    }
    if tag.is_empty() && text.ends_with('$') {
        tag.push_str("body");
    }
    format!("${tag}${text}${tag}$")
}

/// A role as it stands in GRANT, OWNER TO and policies: the keyword `PUBLIC` for "public" (a role cannot have that
/// name), a quoted identifier otherwise.
pub fn role(name: &str) -> String {
    if name == "public" { "PUBLIC".to_owned() } else { ident(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words() {
        assert!(says("begin new.full_name := 1; end", "full_name"));
        assert!(says("SELECT Name FROM t", "name"));
        assert!(!says("begin new.full_name := 1; end", "name"));
        assert!(!says("select 1", ""));
    }

    #[test]
    fn keywords_are_sorted() {
        assert!(QUOTED_KEYWORDS.is_sorted());
    }

    #[test]
    fn quotes_what_must_be_quoted() {
        for (name, quoted) in [
            ("a_1", "a_1"),
            ("1a", "\"1a\""),
            ("A", "\"A\""),
            ("a b", "\"a b\""),
            ("a\"b", "\"a\"\"b\""),
            ("select", "\"select\""),
            ("user", "\"user\""),
            ("", "\"\""),
            ("é", "\"é\""),
        ] {
            assert_eq!(ident(name), quoted);
        }
    }

    #[test]
    fn literals_survive_quotes_and_backslashes() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\b"), "E'a\\\\b'");
    }

    #[test]
    fn dollar_quotes_avoid_their_own_tag() {
        assert_eq!(dollar_quoted("x"), "$$x$$");
        assert_eq!(dollar_quoted("a $$ b"), "$body$a $$ b$body$");
        assert_eq!(dollar_quoted("a $$ $body$ b"), "$body1$a $$ $body$ b$body1$");
        assert_eq!(dollar_quoted("a$"), "$body$a$$body$");
    }
}
