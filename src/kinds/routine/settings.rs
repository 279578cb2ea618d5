//! Settings that hold during a call of a routine (`proconfig`; the SET clause of CREATE FUNCTION).

use crate::core::name::{Ident, literal};

/// Settings whose value is a list of names, each stored quoted where it has to be (`GUC_LIST_QUOTE` in PostgreSQL's
/// source, and `variable_is_guc_list_quote` in pg_dump's).
const LISTS: &[&str] = &[
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// Whether the value of a setting is a list of names.
pub(crate) fn is_list(name: &str) -> bool {
    LISTS.iter().any(|l| l.eq_ignore_ascii_case(name))
}

/// The items of a list of names as stored or as people write it: separated by commas, quoted where they must be.
pub(crate) fn items(value: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut chars = value.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let mut item = String::new();
        if chars.next_if_eq(&'"').is_some() {
            while let Some(c) = chars.next() {
                if c == '"' && chars.next_if_eq(&'"').is_none() {
                    break;
                }
                item.push(c);
            }
            while chars.next_if(|c| *c != ',').is_some() {}
        } else if chars.next_if_eq(&'\'').is_some() {
            // As in SET search_path TO 'a', 'b'.
            while let Some(c) = chars.next() {
                if c == '\'' && chars.next_if_eq(&'\'').is_none() {
                    break;
                }
                item.push(c);
            }
            while chars.next_if(|c| *c != ',').is_some() {}
        } else {
            while let Some(c) = chars.next_if(|c| *c != ',') {
                item.extend(c.to_lowercase());
            }
            item.truncate(item.trim_end().len());
        }
        items.push(item);
        if chars.next().is_none() {
            return items;
        }
    }
}

/// A list of names as it is stored.
pub(crate) fn stored<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> String {
    items.into_iter().map(|i| Ident(i.as_ref()).to_string()).collect::<Vec<_>>().join(", ")
}

/// The SET clause of a stored value.
pub(crate) fn clause(name: &str, value: &str) -> String {
    let value = if is_list(name) {
        items(value).iter().map(|i| literal(i)).collect::<Vec<_>>().join(", ")
    } else {
        literal(value)
    };
    let name = name.split('.').map(|part| Ident(part).to_string()).collect::<Vec<_>>().join(".");
    format!("SET {name} TO {value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_stored_and_as_written() {
        assert_eq!(items(""), [""]);
        assert_eq!(items("\"\""), [""]);
        assert_eq!(items("\"$user\", Public,\"A \"\"b,\" , pg_temp "), ["$user", "public", "A \"b,", "pg_temp"]);
        assert_eq!(items("'a', 'B'"), ["a", "B"]);
        assert_eq!(stored(items("")), "\"\"");
        assert_eq!(stored(items("$user, public")), "\"$user\", public");
    }

    #[test]
    fn clauses_hold_literals() {
        assert_eq!(clause("search_path", "\"$user\", public"), "SET search_path TO '$user', 'public'");
        assert_eq!(clause("search_path", "\"\""), "SET search_path TO ''");
        assert_eq!(clause("app.x", "a'b\\c"), "SET app.x TO E'a''b\\\\c'");
        assert_eq!(clause("DateStyle", "ISO, DMY"), "SET \"DateStyle\" TO 'ISO, DMY'");
    }
}
