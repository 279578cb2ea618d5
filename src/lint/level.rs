//! What can be named in one query: the entries of FROM, and names that are no columns.

use std::collections::HashMap;

use crate::lint::names::{Key, Shape};

/// Something in FROM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is called here.
    pub alias: String,
    /// Its columns.
    pub shape: Shape,
    /// The table or view that it is, where it is one.
    pub table: Option<Key>,
}

/// The names of one query.
#[derive(Clone, Debug, Default)]
pub struct Level {
    /// What stands in FROM.
    pub items: Vec<Item>,
    /// What stands in the same FROM but cannot be seen from here.
    pub hidden: Vec<Item>,
    /// Columns of this level may come in an order that is not known.
    pub(crate) vague: bool,
}

/// Names that are no columns: of a routine's arguments and variables.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    /// The names; also what may stand before a dot.
    pub names: Vec<String>,
    /// Rows with known columns: NEW and OLD.
    pub rows: HashMap<String, Shape>,
}

/// Columns that every table has.
pub(crate) const SYSTEM: &[&str] = &["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", "oid"];

/// Functions of PostgreSQL that take a whole row: `t.count` means `count(t)`.
pub(crate) const OF_ROWS: &[&str] = &[
    "count",
    "to_json",
    "to_jsonb",
    "row_to_json",
    "json_agg",
    "jsonb_agg",
    "array_agg",
    "hstore",
    "pg_typeof",
    "pg_column_size",
    "num_nulls",
    "num_nonnulls",
    "hash_record",
    "record_out",
    "concat",
    "any_value",
];
