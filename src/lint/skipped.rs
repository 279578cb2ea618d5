//! Statements that the grammar at hand refuses: they are skipped, and what they make is heeded as far as their first words tell.

use crate::lint::names::{Key, Names, Returns, Shape};
use crate::sql::lexer::{Token, tokens};

/// Heeds what a statement may do that cannot be read. Nothing is certain any more where its first words do not tell.
pub fn heed(sql: &str, names: &mut Names) {
    let found = tokens(sql).unwrap_or_default();
    if effect(sql, &found, names).is_none() {
        names.wild = true;
    }
}

/// `None` where the effect is not known.
fn effect(sql: &str, found: &[Token], names: &mut Names) -> Option<()> {
    let is = |at: usize, words: &[&str]| found.get(at).is_some_and(|t| words.iter().any(|word| t.is(sql, word)));
    let anywhere = |word: &str| found.iter().any(|t| t.is(sql, word));
    if is(
        0,
        &["insert", "update", "delete", "merge", "grant", "revoke", "comment", "analyze", "vacuum", "repack", "wait"],
    ) {
        return Some(());
    }
    if is(0, &["select", "values", "table", "with", "explain"]) {
        return (!anywhere("into")).then_some(());
    }
    if is(0, &["alter"]) && !anywhere("rename") && !anywhere("set") {
        let mut at = 1 + usize::from(is(1, &["materialized", "foreign"]));
        if !is(at, &["table", "view"]) {
            return None;
        }
        at += 1;
        at += if is(at, &["if"]) { 2 } else { 0 };
        at += usize::from(is(at, &["only"]));
        let key = key_at(sql, found, at, false, names)?;
        names.change(&key, |shape| shape.open = true);
        return Some(());
    }
    if !is(0, &["create"]) {
        return None;
    }
    let mut at = 1;
    let mut temporary = false;
    while is(
        at,
        &["or", "replace", "temp", "temporary", "local", "global", "unlogged", "recursive", "materialized", "foreign"],
    ) {
        temporary |= is(at, &["temp", "temporary"]);
        at += 1;
    }
    let what = found.get(at)?.text(sql).to_ascii_lowercase();
    at += 1;
    at += if is(at, &["if"]) { 3 } else { 0 };
    match what.as_str() {
        "policy" | "trigger" | "constraint" | "index" | "unique" | "rule" | "publication" | "subscription"
        | "statistics" => {}
        "table" | "view" => names.put(key_at(sql, found, at, temporary, names)?, Shape::open()),
        "type" | "domain" => names.put_type(key_at(sql, found, at, false, names)?, Shape::open()),
        "function" | "procedure" | "aggregate" => {
            names.put_routine(key_at(sql, found, at, false, names)?, Returns::Unknown);
        }
        _ => return None,
    }
    Some(())
}

/// What the name at a token would be that of.
fn key_at(sql: &str, found: &[Token], at: usize, temporary: bool, names: &Names) -> Option<Key> {
    let first = found.get(at).filter(|t| t.is_name())?.name(sql);
    if found.get(at + 1).is_some_and(|t| t.is_mark(sql, ".")) {
        let second = found.get(at + 2).filter(|t| t.is_name())?.name(sql);
        return Some(names.creation_key(Some(&first), &second, temporary));
    }
    Some(names.creation_key(None, &first, temporary))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(sql: &str) -> Names {
        let mut names = Names::default();
        names.search_path.push("public".to_owned());
        heed(sql, &mut names);
        names
    }

    #[test]
    fn the_first_words_tell_what_is_made() {
        let key = |name: &str| ("public".to_owned(), name.to_owned());
        let names = after("create or replace view v as select lag(a) ignore nulls over w from t");
        assert!(names.relation(&key("v")).is_some_and(|r| r.shape.open) && !names.wild);
        assert!(
            after("create function f() returns int begin atomic insert into t values (1) on conflict do select; end")
                .has_routine("f")
        );
        assert!(!after("insert into t values (1) on conflict (a) do select returning a").wild);
        assert!(!after("create policy p on t using (a)").wild);
        assert!(after("create something new").wild);
        assert!(after("frobnicate t").wild);
    }
}
