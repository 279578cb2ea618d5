//! Argument lists in SQL text, as `pg_get_function_arguments` prints them.

/// One argument of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Argument<'a> {
    /// `IN` where nothing is said.
    pub(crate) mode: &'static str,
    /// Name (if any) and type.
    pub(crate) rest: &'a str,
    /// The default.
    pub(crate) default: Option<&'a str>,
}

/// Calls `found` with the offset of every character that stands outside quotes and brackets, until it returns false.
fn outside(text: &str, mut found: impl FnMut(usize, char) -> bool) {
    let (mut depth, mut quote) = (0_u32, None);
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth = depth.saturating_sub(1),
            (None, c) if depth == 0 && !found(i, c) => return,
            _ => {}
        }
    }
}

/// The items of a list, split at commas outside quotes and brackets.
pub(crate) fn split(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let mut start = 0;
    outside(text, |i, c| {
        if c == ',' {
            items.extend(text.get(start..i));
            start = i + 1;
        }
        true
    });
    items.extend(text.get(start..));
    items.into_iter().map(str::trim).filter(|i| !i.is_empty()).collect()
}

/// The first word, up to white space outside quotes, and what follows it.
pub(crate) fn word(text: &str) -> (&str, &str) {
    let mut end = text.len();
    outside(text, |i, c| {
        if c.is_whitespace() {
            end = i;
        }
        !c.is_whitespace()
    });
    (text.get(..end).unwrap_or(text), text.get(end..).unwrap_or_default().trim_start())
}

/// The type in `name type`; a single word is a type.
pub(crate) fn without_name(text: &str) -> &str {
    let (_, rest) = word(text.trim());
    if rest.is_empty() { text.trim() } else { rest }
}

/// The columns in `TABLE(a integer, b text)`.
pub(crate) fn table_columns(returns: &str) -> Option<&str> {
    let head = returns.get(..5)?;
    let rest = returns.get(5..)?.trim();
    head.eq_ignore_ascii_case("table").then_some(())?;
    rest.strip_prefix('(')?.strip_suffix(')')
}

/// Takes one argument apart.
pub(crate) fn argument(text: &str) -> Argument<'_> {
    let mut at = None;
    outside(text, |i, c| {
        let keyword = text.get(i..i + 7).is_some_and(|w| w.eq_ignore_ascii_case("default"));
        let starts = text.get(..i).is_some_and(|t| t.ends_with(char::is_whitespace));
        let ends = text.get(i + 7..).is_some_and(|t| t.starts_with(|c: char| !c.is_alphanumeric() && c != '_'));
        if c == '=' {
            at = Some((i, i + 1));
        } else if keyword && starts && ends {
            at = Some((i, i + 7));
        }
        at.is_none()
    });
    let head = at.and_then(|(i, _)| text.get(..i)).unwrap_or(text).trim_end().trim_end_matches(':').trim();
    let default = at.and_then(|(_, i)| text.get(i..)).map(str::trim);
    let (first, rest) = word(head);
    let mode = ["IN", "OUT", "INOUT", "VARIADIC"].into_iter().find(|m| first.eq_ignore_ascii_case(m));
    match mode {
        // `in out`
        Some("IN") if word(rest).0.eq_ignore_ascii_case("out") => {
            Argument { mode: "INOUT", rest: word(rest).1, default }
        }
        Some(mode) if !rest.is_empty() => Argument { mode, rest, default },
        _ => Argument { mode: "IN", rest: head, default },
    }
}

/// How many arguments of a list have defaults.
pub(crate) fn defaults(list: &str) -> usize {
    split(list).into_iter().filter(|item| argument(item).default.is_some()).count()
}

/// A list with the defaults of another one; none where the two do not have defaults in the same places.
pub(crate) fn with_defaults_of(list: &str, other: &str) -> Option<String> {
    let (items, others) = (split(list), split(other));
    let mut found = Vec::new();
    for (item, other) in items.iter().zip(&others) {
        found.push(match (argument(item).default, argument(other).default) {
            (Some(old), Some(new)) => format!("{}{new}", item.strip_suffix(old)?),
            (None, None) => (*item).to_owned(),
            _ => return None,
        });
    }
    (items.len() == others.len()).then(|| found.join(", "))
}

/// Whether CREATE OR REPLACE accepts the new list in place of the old: input arguments may get a name where they had
/// none, defaults may change and be added. It refuses another name, another output argument, and the loss of a default.
pub(crate) fn may_restate(old: &str, new: &str) -> bool {
    let (old, new) = (split(old), split(new));
    old.len() == new.len()
        && old.iter().zip(&new).all(|(old, new)| {
            let (old, new) = (argument(old), argument(new));
            let named = old.mode != "OUT" && {
                let (_, rest) = word(new.rest);
                rest == old.rest
            };
            old.mode == new.mode && (old.rest == new.rest || named) && (new.default.is_some() || old.default.is_none())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_outside_quotes_and_brackets() {
        assert_eq!(
            split("a integer, b text DEFAULT 'x,''y('::text, c numeric DEFAULT f(1, 2)"),
            ["a integer", "b text DEFAULT 'x,''y('::text", "c numeric DEFAULT f(1, 2)"]
        );
        assert_eq!(split("\"a, b\" text"), ["\"a, b\" text"]);
        assert!(split("").is_empty());
        assert_eq!(without_name("\"a b\" double precision"), "double precision");
        assert_eq!(without_name("text"), "text");
        assert_eq!(table_columns("TABLE(a integer, b text)"), Some("a integer, b text"));
        assert_eq!(table_columns("tables"), None);
        assert_eq!(table_columns("é"), None);
    }

    #[test]
    fn defaults_are_taken_from_another_list() {
        let with = |other| with_defaults_of("a integer, b text DEFAULT 'x'::text", other);
        assert_eq!(
            with("a int, b text default 'y' || f(1, 2)").as_deref(),
            Some("a integer, b text DEFAULT 'y' || f(1, 2)")
        );
        assert_eq!(with("a int default 1, b text default 'y'"), None);
        assert_eq!(with("a int"), None);
    }

    #[test]
    fn replacing_follows_the_servers_rules() {
        assert!(may_restate("a integer", "a integer DEFAULT 1"));
        assert!(may_restate("a integer DEFAULT 2", "a integer DEFAULT 1"));
        assert!(may_restate("integer", "a integer"));
        assert!(may_restate("double precision", "a double precision"));
        assert!(!may_restate("a integer DEFAULT 1", "a integer"));
        assert!(!may_restate("a integer", "b integer"));
        assert!(!may_restate("a integer", "integer"));
        assert!(!may_restate("a integer, OUT b text", "a integer, OUT c text"));
        assert!(!may_restate("OUT text", "OUT c text"));
        assert!(!may_restate("a integer", "INOUT a integer"));
        assert!(!may_restate("a integer", "a integer, OUT b text"));
        assert!(may_restate("a text DEFAULT 'it''s DEFAULT, '", "a text DEFAULT ''"));
    }
}
