//! Connections to PostgreSQL and ephemeral servers: all that speaks to a server starts here.
//!
//! - [`ConnInfo`]: how to reach a database, read the way libpq reads it ([`conninfo`], [`syntax`], [`passfile`],
//!   [`service`], [`environment`], [`tls`]).
//! - [`Session`]: a connected session, and errors of the server as diagnostics ([`session`], [`error`]).
//! - [`Ephemeral`]: a scratch server ([`ephemeral`]), from binaries on this machine ([`binaries`], [`cluster`], `scratch`, [`janitor`]), from
//!   Docker ([`docker`]) or on a server that is given; with what a Supabase project has ([`supabase`]).

pub mod binaries;
pub mod cluster;
pub mod conninfo;
pub mod docker;
pub mod environment;
pub mod ephemeral;
pub mod error;
pub mod janitor;
pub mod passfile;
pub mod roots;
mod scratch;
pub mod service;
pub mod session;
pub mod supabase;
pub mod syntax;
pub mod tls;

pub use conninfo::ConnInfo;
pub use ephemeral::{Ephemeral, EphemeralChoice, EphemeralOptions, ScratchDatabase};
pub use error::sql_error;
pub use session::{Canceller, Notice, Session};
