//! What all fragments share: pieces of the source, names, lists.

use std::ops::Range;

use pg_query::protobuf::{Node, RangeVar};
use pg_query::{NodeEnum, protobuf};

use super::lexer::Token;
use super::parse::SyntaxError;

/// A part of a fragment, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The text, without white space and comments around it.
    pub text: String,
    /// Its byte range in the fragment.
    pub span: Range<usize>,
}

impl Piece {
    /// The piece that a range of tokens makes up; `None` for an empty one.
    pub(super) fn of(sql: &str, tokens: &[Token]) -> Option<Self> {
        let span = tokens.first()?.start..tokens.last()?.end;
        Some(Self { text: sql.get(span.clone())?.to_owned(), span })
    }
}

/// A relation that a fragment names: schema, name and columns.
pub type RelationRef = (Option<String>, String, Vec<String>);

/// The strings of a list of `String` nodes.
pub(super) fn strings(list: &[Node]) -> Vec<String> {
    list.iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::String(protobuf::String { sval })) => Some(sval.clone()),
            _ => None,
        })
        .collect()
}

/// An empty string of the tree is a missing one.
pub(super) fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Schema and name of a relation.
pub(super) fn relation(var: &RangeVar) -> (Option<String>, String) {
    (given(&var.schemaname), var.relname.clone())
}

/// Schema and name from the parts of a qualified name.
pub(super) fn schema_and_name(mut parts: Vec<String>) -> (Option<String>, String) {
    let name = parts.pop().unwrap_or_default();
    (parts.pop(), name)
}

/// The error for a wrapper that holds something else than was asked for.
pub(super) fn not_one(what: &str) -> SyntaxError {
    SyntaxError::whole(format!("this is not exactly one {what}"))
}
