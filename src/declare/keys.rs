//! Keys that may not name what their writer means: names of tables, types, views and sequences are read as SQL reads them, all others
//! as they stand.

use crate::core::catalog::CatalogBuilder;
use crate::core::diagnostic::{Diagnostic, Location};
use crate::core::id::ObjectId;
use crate::kinds::KindTag;

/// A key in whose unquoted parts SQL makes small letters of capitals, and what it names then.
pub(super) type Folded = (String, Location);

/// Whether SQL reads a key's text in small letters though it has capitals.
pub(super) fn is_folded(text: &str) -> bool {
    // What stands between quotes is every second piece.
    text.split('"').step_by(2).any(|piece| piece.chars().any(char::is_uppercase))
}

/// What is to be said of the keys of a project, each once.
pub(super) fn remarks(folded: &[Folded], declared: &CatalogBuilder) -> Vec<Box<Diagnostic>> {
    let mut found: Vec<Box<Diagnostic>> = Vec::new();
    for (text, location) in folded {
        if found.iter().any(|other| other.location.as_ref() == Some(location)) {
            continue;
        }
        let small = text.to_lowercase();
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

/// The key with each of its parts in quotes.
fn in_quotes(text: &str) -> String {
    let part = |part: &str| if part.starts_with('"') { part.to_owned() } else { format!("\"{part}\"") };
    text.split('.').map(part).collect::<Vec<_>>().join(".")
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
    use super::{in_quotes, is_folded};

    #[test]
    fn capitals_count_outside_of_quotes() {
        assert!(is_folded("User") && is_folded("\"A\".Table") && is_folded("Ärger"));
        assert!(!is_folded("user") && !is_folded("\"User\"") && !is_folded("a.\"B\"\"C\""));
        assert_eq!(in_quotes("App.User"), "\"App\".\"User\"");
        assert_eq!(in_quotes("\"App\".User"), "\"App\".\"User\"");
    }
}
