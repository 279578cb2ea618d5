//! What can be seen of a query of violations before it is asked.

use crate::sql::parse::statements;
use crate::sql::tree::Value;

/// Aggregates that every PostgreSQL has: over no rows they still give one.
const AGGREGATES: &[&str] = &[
    "count",
    "sum",
    "min",
    "max",
    "avg",
    "bool_and",
    "bool_or",
    "every",
    "array_agg",
    "string_agg",
    "json_agg",
    "jsonb_agg",
];

/// Why a query returns a row whatever the rows are: such a query can never say that there is no violation. To be asked on the
/// parser thread.
pub(super) fn always_a_row(query: &str) -> Option<&'static str> {
    let parsed = statements(query).ok()?;
    let tree = Value::of(parsed.first()?);
    let select = tree.field("stmt");
    let says = |name: &str| *select.field(name) != Value::Nothing;
    let cut = ["having_clause", "limit_count", "limit_offset"].into_iter().any(says);
    // UNION and the like have their parts below; a row of any of them may be taken away by EXCEPT.
    if select.node() != Some("SelectStmt") || cut || says("larg") || says("group_clause") {
        return None;
    }
    if says("values_lists") {
        return Some("VALUES are rows themselves");
    }
    if aggregates(select.field("target_list")) {
        return Some("an aggregate without GROUP BY gives one row, also over no rows");
    }
    let calls = ["from_clause", "where_clause"].into_iter().any(says) || sets(select.field("target_list"));
    (!calls).then_some("it has neither FROM nor WHERE")
}

/// Whether an aggregate is called here, and not in a query below.
fn aggregates(value: &Value) -> bool {
    match value.node() {
        Some("SubLink") => return false,
        Some("FuncCall") => {
            let name = value.field("funcname").strings();
            let is = name.last().is_some_and(|name| AGGREGATES.contains(&name.as_str()));
            if is && *value.field("over") == Value::Nothing {
                return true;
            }
        }
        _ => {}
    }
    let mut found = false;
    value.each(|_, below| found = found || aggregates(below));
    found
}

/// Whether anything is called that might return no row (`select unnest(…)`).
fn sets(value: &Value) -> bool {
    if value.node() == Some("SubLink") {
        return false;
    }
    let mut found = value.node() == Some("FuncCall");
    value.each(|_, below| found = found || sets(below));
    found
}

#[cfg(test)]
mod tests {
    fn always(query: &str) -> bool {
        let query = query.to_owned();
        crate::sql::parse::on_parser_thread(move || super::always_a_row(&query)).unwrap().is_some()
    }

    #[test]
    fn queries_that_can_never_be_empty_are_seen() {
        for query in [
            "select count(*) from t where a is null",
            "select count(*) = 0 from t",
            "select 'x', coalesce(sum(a), 0) from t",
            "values (1)",
            "select true",
            "select exists (select from t where a is null)",
            "select (select count(*) from t) > 5",
        ] {
            assert!(always(query), "{query}");
        }
    }

    #[test]
    fn others_are_left_alone() {
        for query in [
            "select id from t where a is null",
            "select count(*) from t having count(*) > 1",
            "select a, count(*) from t group by a",
            "select count(*) over (), id from t",
            "select id from t where (select count(*) from u) > 1",
            "select id, (select count(*) from u) from t",
            "select 1 where exists (select from t)",
            "select unnest(array[1])",
            "select 1 except select count(*) from t",
            "table t",
            "with x as (select count(*) as n from t) select n from x where n > 1",
            "select id from f()",
        ] {
            assert!(!always(query), "{query}");
        }
    }
}
