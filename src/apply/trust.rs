//! Whether what stands in the schema of the tool may be read and written.
//!
//! Whoever may create schemas in a database may create that one beforehand. What they put there as a view, or behind a trigger, a
//! default or a policy, would run with the rights of whoever applies a plan; and a record that anybody can write says nothing of
//! what a project has declared.

use crate::core::name::{Ident, literal};
use crate::postgres::Session;

/// What is going to be done with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// The owner, whether it can have code run with our rights only where it may do so anyway, whether it owns the database, and whether
/// reading and writing the table run nothing of anybody's: its columns are of PostgreSQL's own types, and nothing hangs on it.
const FOUND: &str = "\
SELECT c.relkind = 'r', o.rolname,
  o.rolsuper OR o.rolname = current_user
    OR NOT (SELECT u.rolsuper FROM pg_catalog.pg_roles u WHERE u.rolname = current_user) AND pg_catalog.pg_has_role(o.oid, 'USAGE'),
  o.oid = (SELECT d.datdba FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()),
  NOT c.relrowsecurity AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND t.typnamespace <> 'pg_catalog'::pg_catalog.regnamespace),
  NOT c.relhastriggers AND NOT c.relhasrules
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                    WHERE d.adrelid = c.oid AND (a.attgenerated <> '' OR a.attname NOT IN ('applied_at', 'role')))
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL))
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_roles o ON o.oid = c.relowner
WHERE n.nspname = 'trueup' AND c.relname = ";

/// Why a table of the schema `trueup` is not to be touched; nothing where it may be, or is not there.
pub(super) async fn objection(session: &Session, table: &str, access: Access) -> Option<String> {
    let rows = session.rows(&format!("{FOUND}{}", literal(table))).await.ok()?;
    let row = rows.first()?;
    let yes = |i: usize| row.get(i).and_then(Option::as_deref) == Some("t");
    let owner = row.get(1).cloned().flatten().unwrap_or_default();
    let owner = Ident(&owner);
    let (is_table, ours, of_database, is_plain, writes_plainly) = (yes(0), yes(2), yes(3), yes(4), yes(5));
    if !is_table {
        return Some(format!("it is no table; {owner} made it"));
    }
    let may_be = ours || of_database && is_plain && (access == Access::Read || writes_plainly);
    (!may_be).then(|| {
        format!(
            "it belongs to {owner}, whose triggers, defaults or policies on it would run with your rights; \
             its owner or a superuser can remove it: DROP TABLE trueup.{table}"
        )
    })
}

/// Takes from all others what default privileges give them on a table of the schema `trueup`, in a transaction that has begun.
pub(super) async fn close(session: &Session, table: &str) -> crate::core::diagnostic::Result<()> {
    let others = format!(
        "SELECT DISTINCT CASE WHEN a.grantee <> 0 THEN pg_catalog.pg_get_userbyid(a.grantee) END \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, pg_catalog.aclexplode(c.relacl) a \
         WHERE n.nspname = 'trueup' AND c.relname = {} AND a.grantee <> c.relowner",
        literal(table)
    );
    for row in session.rows(&others).await? {
        let role = row.into_iter().next().flatten();
        let role = role.map_or_else(|| "PUBLIC".to_owned(), |role| Ident(&role).to_string());
        session.batch(&format!("REVOKE ALL ON TABLE trueup.{table} FROM {role}")).await?;
    }
    Ok(())
}
