//! Keys that may not name what their writer means: names of tables, types, views and sequences are read as SQL reads them, all others
//! as they stand.

use crate::core::catalog::CatalogBuilder;
use crate::core::diagnostic::{Diagnostic, Location};
use crate::core::id::ObjectId;
use crate::kinds::KindTag;

/// A key in whose unquoted parts SQL makes small letters of capitals, and what it names then.
pub(super) type Folded = (String, Location);

/// Whether SQL reads a key's text in small letters though it has capitals. In UTF-8 it folds the letters of ASCII alone.
pub(super) fn is_folded(text: &str) -> bool {
    folded(text) != text
}

/// A key as SQL reads it: what stands between quotes is every second piece, and stays.
fn folded(text: &str) -> String {
    let piece = |(at, piece): (usize, &str)| match at % 2 {
        0 => piece.to_ascii_lowercase(),
        _ => piece.to_owned(),
    };
    text.split('"').enumerate().map(piece).collect::<Vec<_>>().join("\"")
}

/// What is to be said of the keys of a project, each once.
pub(super) fn remarks(keys: &[Folded], declared: &CatalogBuilder) -> Vec<Box<Diagnostic>> {
    let mut found: Vec<Box<Diagnostic>> = Vec::new();
    for (text, location) in keys {
        if found.iter().any(|other| other.location.as_ref() == Some(location)) {
            continue;
        }
        let small = folded(text);
        found.push(
            Diagnostic::warning("name-folded", format!("`{text}` names {small}: without quotes, SQL knows no capitals"))
                .at(location.clone())
                .note("names of tables, types, views and sequences are read as SQL reads them, those of columns, indexes, constraints, policies and triggers as they stand")
                .help(format!("write '{}' for the name with capitals, or {small}", in_quotes(text))),
        );
    }
    let with_quotes = declared.iter().filter(|(id, _)| is_verbatim(id) && has_quotes(&id.name()));
    for (id, _) in with_quotes {
        let Some(location) = declared.location(id) else { continue };
        let (label, name) = (id.kind().info().label, id.name());
        let bare = name.trim_matches('"');
        found.push(
            Diagnostic::warning("name-with-quotes", format!("the quotes are a part of the name of this {label}"))
                .at(location.clone())
                .note("such names are taken as they stand, capitals and all; those of tables, types, views and sequences are read as SQL reads them")
                .help(format!("write {bare} for the name without quotes")),
        );
    }
    found
}

/// The key with each of its parts in quotes. A dot between quotes is a part of a name.
fn in_quotes(text: &str) -> String {
    let part = |part: &str| if part.is_empty() { String::new() } else { format!("\"{part}\"") };
    let piece = |(at, piece): (usize, &str)| match at % 2 {
        0 => piece.split('.').map(part).collect::<Vec<_>>().join("."),
        _ => format!("\"{piece}\""),
    };
    text.split('"').enumerate().map(piece).collect()
}

fn has_quotes(name: &str) -> bool {
    name.len() > 2 && name.starts_with('"') && name.ends_with('"')
}

/// Whether the name of such an object is taken as it stands.
fn is_verbatim(id: &ObjectId) -> bool {
    matches!(
        id.kind(),
        KindTag::Column
            | KindTag::CompositeAttribute
            | KindTag::Constraint
            | KindTag::DomainConstraint
            | KindTag::Index
            | KindTag::Policy
            | KindTag::Trigger
    )
}

#[cfg(test)]
mod tests {
    use super::{folded, in_quotes, is_folded};

    #[test]
    fn capitals_count_outside_of_quotes() {
        assert!(is_folded("User") && is_folded("\"A\".Table") && is_folded("ÄRger"));
        assert!(!is_folded("user") && !is_folded("\"User\"") && !is_folded("a.\"B\"\"C\""));
        assert!(!is_folded("Ärger"), "in UTF-8 only the letters of ASCII are folded");
        assert_eq!(folded("\"App\".User"), "\"App\".user");
        assert_eq!(in_quotes("App.User"), "\"App\".\"User\"");
        assert_eq!(in_quotes("\"App\".User"), "\"App\".\"User\"");
        assert_eq!(in_quotes("\"a.b\".User"), "\"a.b\".\"User\"");
        assert_eq!(in_quotes("App.\"a\"\"B\""), "\"App\".\"a\"\"B\"");
    }
}
