//! Bounds of partitions, as PostgreSQL prints them: whether two of them take the same rows.

use std::cmp::Ordering;

use crate::core::name::literal;

/// Whether two bounds of one partitioned table may take the same rows. Where that is not certain, they may.
pub(super) fn overlap(a: &str, b: &str) -> bool {
    match (a == "DEFAULT", b == "DEFAULT") {
        (true, true) => return true,
        (false, false) => {}
        _ => return false,
    }
    if let (Some(a), Some(b)) = (list(a), list(b)) {
        return a.iter().any(|value| b.contains(value));
    }
    if let (Some((m, r)), Some((n, s))) = (remainder(a), remainder(b)) {
        let common = greatest_common_divisor(m, n);
        return common == 0 || r % common == s % common;
    }
    if let (Some((from_a, to_a)), Some((from_b, to_b))) = (range(a), range(b)) {
        let ends = |to: &str, from: &str| matches!(compare(to, from), Some(Ordering::Less | Ordering::Equal));
        return !(ends(&to_a, &from_b) || ends(&to_b, &from_a));
    }
    true
}

/// The condition of the rows that a bound of a table that is partitioned by `key` leaves out; `parent` is that table, in SQL. None
/// where the key or the bound is not plain (an operator class, a value with a comma in it).
pub(super) fn outside(bound: &str, key: &str, parent: &str) -> Option<String> {
    let inside = key.split_once(" (")?.1.strip_suffix(')')?;
    let row = format!("ROW({inside})");
    crate::sql::expression(&row).ok()?;
    if let Some((modulus, remainder)) = remainder(bound) {
        let of = literal(parent);
        return Some(format!(
            "NOT pg_catalog.satisfies_hash_partition({of}::pg_catalog.regclass, {modulus}, {remainder}, {inside})"
        ));
    }
    if let Some(list) = list(bound) {
        let (nulls, values): (Vec<String>, Vec<String>) = list.into_iter().partition(|value| value == "NULL");
        let others = format!("({inside}) NOT IN ({})", values.join(", "));
        return Some(match (nulls.is_empty(), values.is_empty()) {
            (_, true) => format!("({inside}) IS NOT NULL"),
            (true, false) => format!("(({inside}) IS NULL OR {others})"),
            (false, false) => format!("(({inside}) IS NOT NULL AND {others})"),
        });
    }
    let (from, to) = bound.strip_prefix("FOR VALUES FROM ")?.split_once(" TO ")?;
    let mut ends = Vec::new();
    for (end, open, sign) in [(values(from)?, "MINVALUE", "<"), (values(to)?, "MAXVALUE", ">=")] {
        if end.iter().all(|value| value == open) {
            continue;
        }
        if end.iter().any(|value| value == "MINVALUE" || value == "MAXVALUE") {
            return None;
        }
        ends.push(format!("{row} {sign} ROW({})", end.join(", ")));
    }
    // A row in which a part of the key is NULL fits no range.
    ends.push(format!("NOT {row} IS NOT NULL"));
    Some(format!("({})", ends.join(" OR ")))
}

/// The values of `FOR VALUES IN ('a', NULL)`.
fn list(bound: &str) -> Option<Vec<String>> {
    values(bound.strip_prefix("FOR VALUES IN ")?)
}

/// Modulus and remainder of `FOR VALUES WITH (modulus 4, remainder 1)`.
fn remainder(bound: &str) -> Option<(u64, u64)> {
    let inside = bound.strip_prefix("FOR VALUES WITH (modulus ")?.strip_suffix(')')?;
    let (modulus, remainder) = inside.split_once(", remainder ")?;
    Some((modulus.trim().parse().ok()?, remainder.trim().parse().ok()?))
}

/// The two ends of `FOR VALUES FROM ('1') TO ('9')`, of one column.
fn range(bound: &str) -> Option<(String, String)> {
    let (from, to) = bound.strip_prefix("FOR VALUES FROM ")?.split_once(" TO ")?;
    let one = |text: &str| values(text).and_then(|mut found| if found.len() == 1 { found.pop() } else { None });
    Some((one(from)?, one(to)?))
}

/// The values between parentheses. A text with a quotation mark or a comma in it is not taken apart.
fn values(text: &str) -> Option<Vec<String>> {
    let inside = text.strip_prefix('(')?.strip_suffix(')')?;
    inside
        .split(", ")
        .map(|value| {
            let text = value.strip_prefix('\'').map_or(Some(value), |rest| rest.strip_suffix('\''))?;
            (!text.contains('\'')).then(|| value.to_owned())
        })
        .collect()
}

/// The order of two ends of ranges, where it is plain: of numbers, or of dates and times written alike.
fn compare(a: &str, b: &str) -> Option<Ordering> {
    match (a, b) {
        ("MINVALUE", _) | (_, "MAXVALUE") => return Some(Ordering::Less),
        ("MAXVALUE", _) | (_, "MINVALUE") => return Some(Ordering::Greater),
        _ => {}
    }
    let (a, b) = (a.trim_matches('\''), b.trim_matches('\''));
    if let (Ok(a), Ok(b)) = (a.parse::<i64>(), b.parse::<i64>()) {
        return Some(a.cmp(&b));
    }
    let shape = |text: &str| -> String { text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect() };
    (a.len() >= 10 && shape(a).starts_with("0000-00-00") && shape(a) == shape(b)).then(|| a.cmp(b))
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::{outside, overlap};

    #[test]
    fn what_is_not_plain_has_no_condition() {
        let of = |bound, key| outside(bound, key, "public.t");
        assert_eq!(
            of("FOR VALUES IN ('a', NULL)", "LIST (k)").as_deref(),
            Some("((k) IS NOT NULL AND (k) NOT IN ('a'))")
        );
        assert_eq!(
            of("FOR VALUES FROM ('1', MINVALUE) TO ('2', MINVALUE)", "RANGE (a, b)"),
            None,
            "a part of an end that is open"
        );
        assert_eq!(
            of("FOR VALUES FROM (MINVALUE) TO ('9')", "RANGE (a)").as_deref(),
            Some("(ROW(a) >= ROW('9') OR NOT ROW(a) IS NOT NULL)")
        );
        assert_eq!(of("FOR VALUES IN ('a, NULL, b')", "LIST (k)"), None);
        assert_eq!(of("FOR VALUES FROM ('a') TO ('b')", "RANGE (k text_pattern_ops)"), None);
    }

    #[test]
    fn what_takes_the_same_rows() {
        for (a, b) in [
            ("DEFAULT", "DEFAULT"),
            ("FOR VALUES IN ('a', 'b')", "FOR VALUES IN ('b')"),
            ("FOR VALUES IN ('a, b')", "FOR VALUES IN ('c')"),
            ("FOR VALUES FROM ('1') TO ('10')", "FOR VALUES FROM ('9') TO ('20')"),
            ("FOR VALUES FROM (MINVALUE) TO ('10')", "FOR VALUES FROM ('-9') TO (MAXVALUE)"),
            ("FOR VALUES FROM ('1', '2') TO ('1', '3')", "FOR VALUES FROM ('5', '2') TO ('5', '3')"),
            ("FOR VALUES WITH (modulus 4, remainder 1)", "FOR VALUES WITH (modulus 8, remainder 5)"),
        ] {
            assert!(overlap(a, b) && overlap(b, a), "{a} / {b}");
        }
    }

    #[test]
    fn what_does_not() {
        for (a, b) in [
            ("DEFAULT", "FOR VALUES IN ('a')"),
            ("FOR VALUES IN ('a', NULL)", "FOR VALUES IN ('b')"),
            ("FOR VALUES FROM ('1') TO ('10')", "FOR VALUES FROM ('10') TO ('20')"),
            ("FOR VALUES FROM ('2024-01-01') TO ('2024-02-01')", "FOR VALUES FROM ('2024-02-01') TO (MAXVALUE)"),
            ("FOR VALUES WITH (modulus 4, remainder 1)", "FOR VALUES WITH (modulus 8, remainder 6)"),
        ] {
            assert!(!overlap(a, b) && !overlap(b, a), "{a} / {b}");
        }
    }
}
