//! trueup brings a PostgreSQL database into exact agreement with a schema declared in YAML.
//!
//! The pipeline: a state (a live server, a YAML project, SQL files, a snapshot) becomes a [`core::catalog::Catalog`];
//! [`diff`] compares two; [`plan`] makes ordered steps; `render` writes them, `apply` runs them, `verify` reads back.

pub mod apply;
pub mod cli;
pub mod core;
pub mod data;
pub mod declare;
pub mod diff;
pub mod engine;
pub mod introspect;
pub mod kinds;
pub mod lint;
pub mod plan;
pub mod postgres;
pub mod render;
pub mod sql;
pub mod state;
pub mod verify;
pub mod yaml;
