//! Reading SQL text: fragments of declarations, files of statements, and what a text refers to.
//!
//! `pg_query` (PostgreSQL's own grammar) parses for people and for speed; what SQL means is PostgreSQL's to say. A
//! declared fragment is parsed inside a wrapper statement, must be exactly one, and is cut into pieces by slicing the
//! source text, so that PostgreSQL gets it as written.

mod column;
mod column_fast;
mod constraint;
mod expression;
mod fragment;
mod index;
mod labels;
pub mod lexer;
mod newer;
mod normal;
pub mod parse;
pub(crate) mod plpgsql;
mod printed;
mod references;
mod routine;
mod split;
pub(crate) mod tree;
mod trigger;
mod unread;

pub use column::{ColumnParts, GeneratedKind, IdentityKind, SerialKind, column};
pub use constraint::{ConstraintParts, ConstraintType, domain_constraint, table_constraint};
pub use expression::{
    PartitionBound, PartitionKey, PartitionStrategy, Query, QueryKind, SequenceOptions, expression, partition_bound,
    partition_key, query, sequence_options, type_name,
};
pub use fragment::{Piece, RelationRef};
pub use index::{IndexParts, index};
pub use labels::with_labels;
pub use newer::{beyond_grammar, newer_syntax};
pub use normal::same_tokens;
pub use parse::SyntaxError;
pub use printed::{expression_in_one_form, in_one_form, is_printed_otherwise};
pub use references::{
    ColumnRef, NameRef, References, references_by_words, references_of_expression, references_of_query,
    references_of_routine_body, references_of_statement, references_of_type,
};
pub use routine::{Argument, ArgumentMode, ReturnType, Signature, name_parts, qualified_name, return_type, signature};
pub use split::{Script, StatementClass, StatementText, split_statements};
pub use trigger::{TriggerParts, TriggerTiming, trigger};
pub use unread::{Read, expression_of_any_major, holds_semicolon, is_one_by_tokens, query_of_any_major};

#[cfg(test)]
mod hostile_tests;
