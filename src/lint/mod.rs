//! What can be known to be wrong without a database.

pub(crate) mod body;
pub(crate) mod declared;
pub(crate) mod explain;
pub(crate) mod figure;
pub(crate) mod files;
pub(crate) mod level;
pub(crate) mod names;
pub(crate) mod paths;
pub(crate) mod references;
pub(crate) mod rows;
pub(crate) mod scope;
pub(crate) mod script;
mod skipped;
mod tables;
