//! What the release notes of minor releases ask to be done to indexes that are there already.
//!
//! A new minor release is installed without a dump, and what an earlier one wrote wrongly stays. The release notes say which indexes are
//! meant; the catalogs show which of them a database has. The table is [`ADVISORIES`].

use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::name::qualified;
use crate::core::versions::major_of;
use crate::postgres::Session;

/// One piece of advice.
#[derive(Debug)]
pub struct Advisory {
    /// The first release of each major that gives it, as `server_version_num` has it.
    pub releases: &'static [u32],
    /// Which indexes are meant.
    pub indexes: &'static str,
    /// Whether the catalogs show only that an index may be of the kind that is meant.
    pub perhaps: bool,
    /// What is wrong with them.
    pub why: &'static str,
    /// An SQL condition on `pg_index i`, its `pg_class c` and its access method's `pg_am am`.
    pub condition: &'static str,
}

/// The releases of 12 November 2026 that were looked at; those of other majors are added when they have been.
const NOVEMBER_2026: &[u32] = &[150_020, 170_012];

/// All advice that is known.
pub const ADVISORIES: &[Advisory] = &[
    Advisory {
        releases: NOVEMBER_2026,
        indexes: "btree indexes on bpchar without a length",
        perhaps: false,
        why: "values that differ only in trailing spaces were stored as one, and an index-only scan may return the wrong one of them",
        // What is compared as bpchar, but for values that are all padded to one length. The length of a domain is its base type's.
        condition: "am.amname = 'btree' AND EXISTS (SELECT FROM pg_catalog.pg_attribute a \
            JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[a.attnum - 1] \
            WHERE a.attrelid = c.oid AND a.attnum <= i.indnkeyatts AND o.opcintype = 'pg_catalog.bpchar'::pg_catalog.regtype \
            AND NOT EXISTS (WITH RECURSIVE b AS (SELECT a.atttypid AS type, a.atttypmod AS length \
              UNION ALL SELECT t.typbasetype, t.typtypmod FROM b JOIN pg_catalog.pg_type t ON t.oid = b.type WHERE t.typtype = 'd') \
              SELECT FROM b WHERE b.type = 'pg_catalog.bpchar'::pg_catalog.regtype AND b.length <> -1))",
    },
    Advisory {
        releases: NOVEMBER_2026,
        indexes: "GiST indexes with the operator class gist_trgm_ops",
        perhaps: false,
        why: "searches in them may miss rows",
        condition: "am.amname = 'gist' AND EXISTS (SELECT FROM pg_catalog.pg_opclass o \
            WHERE o.oid = ANY (i.indclass) AND o.opcname = 'gist_trgm_ops')",
    },
    Advisory {
        releases: NOVEMBER_2026,
        indexes: "GIN indexes",
        perhaps: true,
        why: "certain runs of VACUUM damaged GIN indexes, and the catalogs do not show which",
        condition: "am.amname = 'gin'",
    },
];

impl Advisory {
    /// The release of a server's major that gives it, where the server is of that release or a later one of the major.
    pub fn release(&self, server_version_num: u32) -> Option<u32> {
        let of_this_major = |release: &u32| major_of(*release) == major_of(server_version_num);
        self.releases.iter().copied().find(of_this_major).filter(|release| server_version_num >= *release)
    }

    /// The query for the indexes; the parts of a partitioned index are rebuilt with it.
    fn query(&self) -> String {
        format!(
            "SELECT n.nspname, c.relname, i.indisexclusion FROM pg_catalog.pg_index i \
             JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am am ON am.oid = c.relam \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
             AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid) AND {} ORDER BY 1, 2",
            self.condition
        )
    }

    fn said(&self, release: u32, statements: Vec<String>) -> Box<Diagnostic> {
        let version = format!("{}.{}", major_of(release), release % 10_000);
        let count = match statements.len() {
            1 => "1 index".to_owned(),
            count => format!("{count} indexes"),
        };
        let may = match (self.perhaps, statements.len()) {
            (true, _) => "may be",
            (false, 1) => "is",
            (false, _) => "are",
        };
        let said = format!(
            "PostgreSQL {version} asks for REINDEX of certain indexes; {count} of this database {may} meant ({})",
            self.indexes
        );
        let mut diagnostic = Diagnostic::info("reindex", said)
            .note(self.why)
            .note("those that were created or rebuilt under that release already need nothing")
            .note(format!("source: the release notes, https://www.postgresql.org/docs/release/{version}/"));
        for statement in statements {
            diagnostic = diagnostic.help(statement);
        }
        diagnostic
    }
}

/// The advice that concerns a database.
///
/// # Errors
/// What the server says.
pub async fn advice(session: &Session) -> Result<Vec<Box<Diagnostic>>> {
    let mut found = Vec::new();
    for advisory in ADVISORIES {
        let Some(release) = advisory.release(session.server_version_num()) else { continue };
        let rows = session.rows(&advisory.query()).await?;
        let statements: Vec<String> = rows
            .into_iter()
            .filter_map(|row| {
                let mut row = row.into_iter().flatten();
                let (schema, name, exclusion) = (row.next()?, row.next()?, row.next()?);
                // The index of an exclusion constraint cannot be rebuilt beside itself.
                let beside = if exclusion == "t" { "" } else { "CONCURRENTLY " };
                Some(format!("REINDEX INDEX {beside}{};", qualified(&schema, &name)))
            })
            .collect();
        if !statements.is_empty() {
            found.push(advisory.said(release, statements));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_for_the_release_and_later_ones_of_its_major() {
        for advisory in ADVISORIES {
            assert_eq!(advisory.release(150_018), None);
            assert_eq!(advisory.release(150_020), Some(150_020));
            assert_eq!(advisory.release(150_021), Some(150_020));
            assert_eq!(advisory.release(170_011), None);
            assert_eq!(advisory.release(170_012), Some(170_012));
            assert_eq!(advisory.release(190_000), None);
        }
    }

    #[test]
    fn advice_names_statement_and_source() {
        let said = ADVISORIES[2].said(150_020, vec!["REINDEX INDEX CONCURRENTLY public.i;".to_owned()]);
        assert_eq!(
            said.message,
            "PostgreSQL 15.20 asks for REINDEX of certain indexes; 1 index of this database may be meant (GIN indexes)"
        );
        assert_eq!(said.help, ["REINDEX INDEX CONCURRENTLY public.i;"]);
        let said = ADVISORIES[0].said(150_020, vec![String::new()]);
        assert!(said.message.contains("1 index of this database is meant"), "{}", said.message);
        assert!(said.notes.iter().any(|note| note.ends_with("/docs/release/15.20/")));
    }
}
