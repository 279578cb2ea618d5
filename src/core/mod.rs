//! What everything else is written in terms of: names, ids, catalogs, steps, diagnostics.

pub mod catalog;
pub mod diagnostic;
pub mod id;
pub mod meaning;
pub mod name;
pub mod options;
pub mod places;
pub mod step;
pub mod versions;
