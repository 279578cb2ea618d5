//! Syntax that only newer majors of PostgreSQL know. An older server calls it a syntax error and cannot say more.

use crate::core::versions;

/// What stands in a statement, in capitals, and the first major that knows it.
const SINCE: &[(&str, &str, u32)] = &[
    ("NULLS NOT DISTINCT", "NULLS NOT DISTINCT", versions::NULLS_NOT_DISTINCT),
    ("SECURITY_INVOKER", "security_invoker", versions::SECURITY_INVOKER),
    ("UNLOGGED SEQUENCE", "an unlogged sequence", versions::UNLOGGED_SEQUENCES),
    ("ON DELETE SET NULL (", "ON DELETE SET NULL with a list of columns", versions::ON_DELETE_COLUMNS),
    ("ON DELETE SET DEFAULT (", "ON DELETE SET DEFAULT with a list of columns", versions::ON_DELETE_COLUMNS),
    (") VIRTUAL", "a virtual generated column", versions::VIRTUAL_COLUMNS),
    ("WITHOUT OVERLAPS", "WITHOUT OVERLAPS", versions::TEMPORAL_KEYS),
    (", PERIOD ", "PERIOD", versions::TEMPORAL_KEYS),
    ("NOT ENFORCED", "NOT ENFORCED", versions::NOT_ENFORCED),
    ("IGNORE NULLS", "IGNORE NULLS", versions::NULL_TREATMENT),
    ("RESPECT NULLS", "RESPECT NULLS", versions::NULL_TREATMENT),
    ("DO SELECT", "ON CONFLICT DO SELECT", versions::CONFLICT_DO_SELECT),
    ("FOR ALL SEQUENCES", "a publication of all sequences", versions::PUBLISHED_SEQUENCES),
    ("WAIT FOR LSN", "WAIT FOR", versions::REPACK),
    ("REPACK ", "REPACK", versions::REPACK),
];

/// What servers say, but for quotes and the brackets of an array, of things that are no matter of syntax, and the first major that can do them.
const SAID: &[(&str, &str, u32)] = &[
    (
        "exclusion constraints are not supported on partitioned tables",
        "an exclusion constraint of a partitioned table",
        versions::PARTITIONED_EXCLUSION,
    ),
    (
        "identity columns are not supported on partitions",
        "an identity column of a partitioned table",
        versions::PARTITIONED_IDENTITY,
    ),
    ("type oid8 does not exist", "the type oid8", versions::OID8),
    ("type regdatabase does not exist", "the type regdatabase", versions::OID8),
];

/// What in a refused statement may be too new for the server, and the first major that knows it.
pub fn newer_syntax(sql: &str, error: &str) -> Option<(&'static str, u32)> {
    let plain = error.replace('"', "").replace("[]", "");
    let said = SAID.iter().find(|(said, ..)| plain.contains(said)).map(|(_, what, since)| (*what, *since));
    said.or_else(|| {
        let text = outside_quotes(sql);
        let near = error.split('"').nth(1).map(str::to_uppercase);
        let is_near = |words: &str| near.as_ref().is_some_and(|near| words.split(' ').any(|word| word == near));
        SINCE
            .iter()
            .filter(|(words, ..)| text.contains(words))
            .max_by_key(|(words, _, since)| (is_near(words), *since))
            .map(|(_, what, since)| (*what, *since))
    })
}

/// What in a text is known to be newer than the grammar at hand, which refuses it.
pub fn beyond_grammar(sql: &str, error: &str) -> Option<(&'static str, u32)> {
    newer_syntax(sql, error).filter(|(_, since)| *since > versions::GRAMMAR)
}

/// A statement in capitals, with single spaces, without what stands in quotes.
fn outside_quotes(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut quote = None;
    for c in sql.chars() {
        match quote {
            Some(q) if q == c => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c.is_whitespace() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            None => out.extend(c.to_uppercase()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::newer_syntax;

    #[test]
    fn what_the_server_stopped_at_is_named() {
        let sql = "create table t (g int generated always as (v * 2) virtual, check (v > 0) not enforced)";
        let named = |error| newer_syntax(sql, error).map(|(what, _)| what);
        assert_eq!(named("syntax error at or near \"virtual\""), named("syntax error at or near \"VIRTUAL\""));
        assert_ne!(named("syntax error at or near \"VIRTUAL\""), named("syntax error at or near \"ENFORCED\""));
    }

    #[test]
    fn the_first_major_is_named() {
        for (sql, since) in [
            ("alter table t add unique nulls\n not distinct (a)", Some(15)),
            ("create view v with (security_invoker='true') as select 1", Some(15)),
            ("create table t (a int, b int generated always as (a) virtual)", Some(18)),
            ("alter table t add foreign key (a, period d) references u (a, period d)", Some(18)),
            ("alter table t add check (a <> 'NOT ENFORCED')", None),
            ("create table \"WITHOUT OVERLAPS\" (a int)", None),
        ] {
            assert_eq!(newer_syntax(sql, "syntax error").map(|(_, since)| since), since, "{sql}");
        }
    }

    #[test]
    fn a_type_is_named_with_quotes_or_without() {
        for said in ["type \"oid8\" does not exist", "type oid8 does not exist", "type oid8[] does not exist"] {
            assert_eq!(newer_syntax("create table t (a oid8)", said), Some(("the type oid8", 19)), "{said}");
        }
        assert_eq!(newer_syntax("create table t (a oid9)", "type \"oid9\" does not exist"), None);
    }
}
