//! What a Supabase project brings along: roles, schemas, tables and functions that policies refer to.

use sha2::{Digest, Sha256};

use super::session::Session;
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::name::{ident, literal};

/// The statements that make an empty database look like a new Supabase project. They may be run again, and skip what
/// the role or the server cannot do.
pub const PRELUDE: &str = include_str!("supabase.sql");

/// The statements that open new tables, functions and sequences of `public` to the roles of the platform's API. They may be run again.
pub const EXPOSED: &str = include_str!("supabase_exposed.sql");

/// The search path of sessions in a Supabase project.
pub const SEARCH_PATH: &str = "\"$user\", public, extensions";

/// What the names of template databases begin with.
pub(crate) const TEMPLATE_PREFIX: &str = "trueup_template_supabase_";

/// The name of the template database that holds the prelude; another prelude has another name.
pub(crate) fn template_name() -> String {
    let digest = Sha256::digest(PRELUDE.as_bytes());
    let hex: String = digest.iter().take(5).map(|b| format!("{b:02x}")).collect();
    format!("{TEMPLATE_PREFIX}{hex}")
}

/// Applies the prelude to a database, as a new session's first act.
///
/// # Errors
/// A statement of the prelude that the server refuses.
pub async fn apply(session: &Session) -> Result<()> {
    session.batch(PRELUDE).await?;
    session.take_notices();
    Ok(())
}

/// Opens what is created in `public` from now on.
///
/// # Errors
/// A statement that the server refuses.
pub async fn expose(session: &Session) -> Result<()> {
    session.batch(EXPOSED).await?;
    session.take_notices();
    Ok(())
}

/// Makes the template database unless it is there. The caller holds the cluster's advisory lock.
pub(crate) async fn ensure_template(admin: &Session, name: &str) -> Result<()> {
    let ready =
        admin.rows(&format!("select 1 from pg_database where datname = {} and datistemplate", literal(name))).await?;
    if !ready.is_empty() {
        return Ok(());
    }
    // One that is there and is no template was left half-made by a run that was killed.
    admin.batch(&format!("drop database if exists {} with (force)", ident(name))).await?;
    admin.batch(&format!("create database {} template template0 encoding 'UTF8'", ident(name))).await?;
    let session = Session::connect(&admin.info().with_database(name)).await?;
    apply(&session).await.map_err(|e| e.note("while preparing the Supabase profile of the ephemeral server"))?;
    let pid = session.backend_pid();
    drop(session);
    // A template must have no connections when it is copied; the backend ends a moment after the client.
    for _ in 0..1000 {
        let left = admin.rows(&format!("select 1 from pg_stat_activity where pid = {pid}")).await?;
        if left.is_empty() {
            let sql = format!("alter database {} with is_template true allow_connections false", ident(name));
            return admin.batch(&sql).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    Err(Diagnostic::error("ephemeral", "the template database of the Supabase profile stays in use"))
}
