//! The key of a routine in YAML: `auth_profile_id()`, `app.f(a integer, b text default 'x', variadic c text[])`.

use crate::core::name::Ident;
use crate::kinds::common::canonical_type_name;

use super::arguments::{Argument, argument, split, word};

/// A routine's name and arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    /// The schema, where one is named.
    pub(crate) schema: Option<String>,
    /// The plain name.
    pub(crate) name: String,
    /// The arguments in the form that `pg_get_function_arguments` prints.
    pub(crate) arguments: String,
    /// The types of the input arguments, as they stand in the id.
    pub(crate) types: String,
}

/// Reads one identifier, folded to lower case unless it is quoted, and what follows it.
fn identifier(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start();
    if let Some(rest) = text.strip_prefix('"') {
        let mut name = String::new();
        let mut chars = rest.char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            if c != '"' {
                name.push(c);
            } else if chars.next_if(|(_, c)| *c == '"').is_some() {
                name.push('"');
            } else {
                return (!name.is_empty()).then(|| (name, rest.get(i + 1..).unwrap_or_default()));
            }
        }
        return None;
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let starts = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    starts.then(|| (name.to_lowercase(), rest))
}

/// Reads a signature; the error says what is wrong with it.
pub(crate) fn read(text: &str, procedure: bool) -> Result<Signature, &'static str> {
    let (first, rest) = identifier(text).ok_or("it does not start with a name")?;
    let (schema, name, rest) = match rest.strip_prefix('.') {
        Some(rest) => {
            let (name, rest) = identifier(rest).ok_or("no name follows the dot")?;
            (Some(first), name, rest)
        }
        None => (None, first, rest),
    };
    let list = rest
        .trim()
        .strip_prefix('(')
        .and_then(|r| r.strip_suffix(')'))
        .ok_or("the name is not followed by its arguments in parentheses, `f()` where there is none")?;
    let arguments: Vec<Parsed> = split(list).into_iter().map(|a| Parsed::of(&argument(a))).collect();
    Ok(Signature {
        schema,
        name,
        arguments: arguments.iter().map(|a| a.sql(procedure)).collect::<Vec<_>>().join(", "),
        types: arguments.iter().filter(|a| a.mode != "OUT").map(|a| a.identity()).collect::<Vec<_>>().join(", "),
    })
}

/// One argument taken apart.
struct Parsed {
    mode: &'static str,
    name: Option<String>,
    type_name: String,
    default: Option<String>,
}

impl Parsed {
    fn of(argument: &Argument<'_>) -> Self {
        let (first, rest) = word(argument.rest);
        // `double precision` is a type, `a precision` were a name and a type.
        let has_name = !rest.is_empty() && !starts_type(first, rest);
        let (name, type_name) =
            if has_name { (identifier(first).map(|(n, _)| n), rest) } else { (None, argument.rest) };
        Self {
            mode: argument.mode,
            name,
            type_name: canonical_type_name(type_name),
            default: argument.default.map(str::to_owned),
        }
    }

    fn sql(&self, procedure: bool) -> String {
        let mut sql = String::new();
        if self.mode != "IN" || procedure {
            sql.push_str(self.mode);
            sql.push(' ');
        }
        if let Some(name) = &self.name {
            sql.push_str(&format!("{} ", Ident(name)));
        }
        // The server forgets the modifiers of argument types.
        sql.push_str(&self.identity());
        if let Some(default) = &self.default {
            sql.push_str(&format!(" DEFAULT {default}"));
        }
        sql
    }

    fn identity(&self) -> String {
        let plain = without_modifiers(&self.type_name);
        match plain.as_str() {
            "bpchar" => "character".to_owned(),
            "bpchar[]" => "character[]".to_owned(),
            _ => plain,
        }
    }
}

/// The type of an argument.
pub(crate) fn type_of(argument: &Argument<'_>) -> String {
    Parsed::of(argument).identity()
}

/// Whether two words begin the name of a built-in type rather than being an argument's name and its type.
fn starts_type(first: &str, rest: &str) -> bool {
    let next = |words: &[&str]| {
        let second = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        words.iter().any(|w| second.eq_ignore_ascii_case(w))
    };
    if rest.starts_with('[') || rest.eq_ignore_ascii_case("array") {
        return true;
    }
    // `timestamp(3) with time zone`
    let head = first.split('(').next().unwrap_or(first).to_ascii_lowercase();
    match head.as_str() {
        "double" => next(&["precision"]),
        "character" | "char" | "bit" | "nchar" => next(&["varying"]) || rest.starts_with('('),
        "national" => next(&["character", "char"]),
        "timestamp" | "time" => next(&["with", "without"]) || rest.starts_with('('),
        "interval" => next(&["year", "month", "day", "hour", "minute", "second"]),
        "numeric" | "decimal" | "dec" | "varchar" | "float" => rest.starts_with('('),
        "setof" => true,
        _ => false,
    }
}

/// A canonical type name without its modifiers: `numeric` for `numeric(10,2)`.
pub(crate) fn without_modifiers(name: &str) -> String {
    let mut out = String::new();
    let (mut depth, mut quoted) = (0_u32, false);
    for c in name.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                out.push(c);
            }
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    match out.strip_prefix("interval ") {
        Some(_) if out.ends_with("[]") => "interval[]".to_owned(),
        Some(_) => "interval".to_owned(),
        None => out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(text: &str) -> (String, String) {
        let s = read(text, false).unwrap();
        (s.arguments, s.types)
    }

    #[test]
    fn names_are_folded_and_unquoted() {
        let s = read("App.\"My f\"()", false).unwrap();
        assert_eq!((s.schema.as_deref(), s.name.as_str(), s.types.as_str()), (Some("app"), "My f", ""));
        let s = read("\"a\"\"(\" ( int )", false).unwrap();
        assert_eq!((s.name.as_str(), s.types.as_str()), ("a\"(", "integer"));
        for wrong in ["f", "", "1f()", "f() x", "f.()", "\"\"()", "f(", "f)("] {
            assert!(read(wrong, false).is_err(), "{wrong}");
        }
    }

    #[test]
    fn arguments_take_the_servers_form() {
        assert_eq!(
            signature("f(a int, b text default 'x,y', variadic c text[])"),
            ("a integer, b text DEFAULT 'x,y', VARIADIC c text[]".to_owned(), "integer, text, text[]".to_owned())
        );
        assert_eq!(signature("f(int, out O mood)"), ("integer, OUT o mood".to_owned(), "integer".to_owned()));
        assert_eq!(
            signature("f(double precision, A double precision, character varying(10), n numeric(10, 2) = 1.5)"),
            (
                "double precision, a double precision, character varying, n numeric DEFAULT 1.5".to_owned(),
                "double precision, double precision, character varying, numeric".to_owned()
            )
        );
        assert_eq!(
            signature(
                "f(timestamp(3) with time zone, t timestamptz[], \"on\" interval year to month, \"x\" \"My s\".\"T (\")"
            )
            .0,
            "timestamp with time zone, t timestamp with time zone[], \"on\" interval, x \"My s\".\"T (\""
        );
        assert_eq!(read("p(a int, inout b text)", true).unwrap().arguments, "IN a integer, INOUT b text");
    }

    #[test]
    fn the_servers_form_stays_as_it_is() {
        for text in [
            "a integer, b text DEFAULT 'x,''y('::text, VARIADIC c text[] DEFAULT '{}'::text[]",
            "integer, OUT o mood",
            "a timestamp with time zone, \"char\", x \"char\", b bit varying, c character, d time without time zone[]",
            "INOUT \"A b\" app.\"T\"[]",
        ] {
            assert_eq!(signature(&format!("f({text})")).0, text);
        }
    }
}
