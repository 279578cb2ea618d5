//! YAML as this project uses it: a tree that knows where everything stood ([`node`]), mappings decoded against the
//! keys a thing can have ([`fields`]), the language described for editors ([`schema`]), and a writer whose output reads
//! back as what was written ([`mod@write`]).
//!
//! Everything stays text as it was written. `no`, `010`, `1.0` and `12:30:00` are what they look like; only the place
//! that reads a value knows whether it wants a boolean, a number, a name or SQL.

pub mod decode;
pub mod fields;
pub mod node;
pub mod schema;
pub mod write;

pub use fields::{Fields, Problems};
pub use node::{Key, Node, Value, parse};
pub use schema::{Definition, KeyDoc, Shape, json_schema};
pub use write::{Out, to_yaml};
