//! Whether GRANTs and REVOKEs do what they say. Without the right to it, PostgreSQL only warns where it does nothing or a part
//! of it, and says nothing where a REVOKE leaves what another role has granted.

use crate::core::diagnostic::Diagnostic;
use crate::core::name::{Ident, literal};
use crate::plan::granting::Granting;
use crate::plan::needs::Needs;
use crate::postgres::Session;

/// The owner, the access list, and the part of it that a REVOKE is about, of what each value names. As `select_best_grantor()` in
/// `src/backend/utils/adt/acl.c` has it: a member of the owner grants as the owner, anybody else as the one role, among those that
/// they have the rights of, that holds the grant options.
const FOUND: &str = "\
SELECT v.i, o.rolname, pg_catalog.array_to_string(w.words, ', ')
FROM v
CROSS JOIN LATERAL (
  SELECT c.relowner, l.acl || coalesce(a.attacl, '{}'), CASE WHEN v.col IS NULL THEN l.acl ELSE a.attacl END, CASE WHEN v.col IS NULL THEN v.letter ELSE 'c' END
  FROM pg_catalog.pg_class c
  CROSS JOIN LATERAL (SELECT coalesce(c.relacl, pg_catalog.acldefault(v.letter::\"char\", c.relowner)) AS acl) l
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = v.col
  WHERE v.letter IN ('r', 's') AND c.oid = pg_catalog.to_regclass(v.name)
  UNION ALL
  SELECT x.owner, coalesce(x.acl, pg_catalog.acldefault(v.letter::\"char\", x.owner)), coalesce(x.acl, pg_catalog.acldefault(v.letter::\"char\", x.owner)), v.letter
  FROM (
    SELECT proowner, proacl FROM pg_catalog.pg_proc WHERE v.letter = 'f' AND oid = CASE WHEN v.letter = 'f' THEN pg_catalog.to_regprocedure(v.name) END
    UNION ALL SELECT typowner, typacl FROM pg_catalog.pg_type WHERE v.letter = 'T' AND oid = CASE WHEN v.letter = 'T' THEN pg_catalog.to_regtype(v.name) END
    UNION ALL SELECT nspowner, nspacl FROM pg_catalog.pg_namespace WHERE v.letter = 'n' AND nspname = v.name
    UNION ALL SELECT fdwowner, fdwacl FROM pg_catalog.pg_foreign_data_wrapper WHERE v.letter = 'F' AND fdwname = v.name
    UNION ALL SELECT srvowner, srvacl FROM pg_catalog.pg_foreign_server WHERE v.letter = 'S' AND srvname = v.name
    UNION ALL SELECT lanowner, lanacl FROM pg_catalog.pg_language WHERE v.letter = 'l' AND lanname = v.name
  ) x(owner, acl)
) t(owner, acl, own, letter)
CROSS JOIN LATERAL (SELECT coalesce(v.words, CASE t.letter WHEN 'c' THEN ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES'] ELSE
  (SELECT pg_catalog.array_agg(d.privilege_type) FROM pg_catalog.aclexplode(pg_catalog.acldefault(t.letter::\"char\", t.owner)) d WHERE d.grantee = t.owner) END) AS words) w
CROSS JOIN LATERAL (
  SELECT coalesce(pg_catalog.bool_or(true), false), coalesce(pg_catalog.bool_or(g.words @> w.words), false)
  FROM (SELECT pg_catalog.array_agg(a.privilege_type) AS words FROM pg_catalog.aclexplode(t.acl) a
        WHERE a.is_grantable AND a.grantee <> 0 AND pg_catalog.pg_has_role(a.grantee, 'USAGE') GROUP BY a.grantee) g
) held(any_of_it, all_of_it)
JOIN pg_catalog.pg_roles o ON o.oid = t.owner
WHERE NOT pg_catalog.pg_has_role(t.owner, 'USAGE') AND CASE WHEN v.gives THEN NOT held.all_of_it ELSE NOT held.any_of_it OR EXISTS (
  SELECT FROM pg_catalog.aclexplode(t.own) a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
  WHERE a.grantor = t.owner AND coalesce(r.rolname, 'public') = ANY (v.grantees) AND a.privilege_type = ANY (w.words)) END
ORDER BY 1";

/// Looks for those that would not.
#[expect(clippy::vec_box, reason = "diagnostics are boxed wherever they are handed on")]
pub(super) async fn missing(session: &Session, needs: &Needs, us: &str, found: &mut Vec<Box<Diagnostic>>) {
    let all: Vec<&Granting> = needs.grants.iter().collect();
    for part in all.chunks(1000) {
        let values: Vec<String> = part.iter().enumerate().flat_map(|(i, granting)| values(i, granting)).collect();
        let sql =
            format!("WITH v(i, letter, name, col, words, grantees, gives) AS (VALUES {}) {FOUND}", values.join(", "));
        let mut last = None;
        for row in session.rows(&sql).await.unwrap_or_default() {
            let [Some(i), Some(owner), Some(words)] = row.as_slice() else { continue };
            let Some(granting) = i.parse::<usize>().ok().and_then(|i| part.get(i)) else { continue };
            // A statement about several columns is told of once.
            if last.replace(i.clone()).as_ref() != Some(i) {
                found.push(refusal(granting, words, owner, us));
            }
        }
    }
}

/// A row for each column, or one.
fn values(i: usize, granting: &Granting) -> Vec<String> {
    let texts = |all: &[String]| {
        let all: Vec<String> = all.iter().map(|text| literal(text)).collect();
        format!("ARRAY[{}]::text[]", all.join(", "))
    };
    let words = if granting.words.is_empty() { "NULL::text[]".to_owned() } else { texts(&granting.words) };
    let value = |column: &str| {
        let Granting { letter, name, grantees, gives, .. } = granting;
        format!("({i}, '{letter}', {}, {column}, {words}, {}, {gives})", literal(name), texts(grantees))
    };
    match granting.columns.is_empty() {
        true => vec![value("NULL::text")],
        false => granting.columns.iter().map(|column| value(&literal(column))).collect(),
    }
}

fn refusal(granting: &Granting, words: &str, owner: &str, us: &str) -> Box<Diagnostic> {
    let (what, verb) = (&granting.shown, if granting.gives { "grant" } else { "revoke" });
    let problem = Diagnostic::error(
        "no-grant-option",
        format!("{us} may not {verb} {words} on {what}, which belongs to {owner}"),
    );
    let problem = match granting.gives {
        true => problem.note("PostgreSQL lets its owner grant it, and who has it WITH GRANT OPTION; to anybody else it only gives a warning"),
        false => problem.note("what its owner has granted, only the owner revokes; from anybody else PostgreSQL takes the statement and does nothing"),
    };
    problem.help(format!("connect as {owner}, or GRANT {} TO {}", Ident(owner), Ident(us)))
}
