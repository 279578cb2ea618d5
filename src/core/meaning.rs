//! The settings under which a text means the same, and a value prints the same, whatever a server, a database or a role has set.
//!
//! Everything that reads, compares or runs SQL says them: reading the catalogs, applying a plan, and the scripts.

/// Each setting and its value.
pub const MEANING: &[(&str, &str)] = &[
    ("standard_conforming_strings", "on"),
    ("datestyle", "ISO, MDY"),
    ("intervalstyle", "postgres"),
    ("timezone", "UTC"),
    ("xmloption", "content"),
    ("extra_float_digits", "1"),
    ("quote_all_identifiers", "off"),
];

/// The settings as statements that begin with `set`: `SET`, `SET LOCAL`.
pub fn statements(set: &str) -> String {
    let each = MEANING.iter().map(|(name, value)| format!("{set} {name} = {}", super::name::literal(value)));
    each.collect::<Vec<_>>().join("; ")
}
