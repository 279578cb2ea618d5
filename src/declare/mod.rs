//! From a YAML project to a catalog: load the files, give them meaning, resolve names, have PostgreSQL elaborate the result.

pub mod build;
pub mod context;
pub mod elaborate;
pub mod load;
pub mod project;
pub mod resolve;
pub mod schema;
pub mod write;
