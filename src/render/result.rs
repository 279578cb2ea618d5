//! The last statement of a script: one query that says of each object whether it is as declared.
//!
//! The time that PostgreSQL takes to plan a query grows with the square of the subqueries in it. So the questions that are the same
//! but for names and texts are asked once, of a list of these.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::core::name::literal;
use crate::kinds::component::decided;
use crate::kinds::holds;
use crate::render::editor::Editor;
use crate::sql::lexer::{Kind, tokens};

/// What stands for a literal in the form of a question; nothing that PostgreSQL accepts holds it.
const GAP: char = '\0';

/// A question about one object: whether it is there, and whether it is as declared.
struct Question {
    /// The expressions without their literals.
    there: String,
    holds: String,
    /// Whether it is told of only where it is not as declared.
    quiet: bool,
    /// The object, and the literals of both expressions.
    values: Vec<String>,
}

/// One row for all of it, then one per object, and one for each part that is not as declared where its whole does not say so. What
/// is not as it should be comes first.
pub fn query(editor: &Editor<'_>, offline: bool) -> String {
    let (to, major) = (editor.to, editor.plan.major);
    let mut forms: BTreeMap<(String, String, bool), Vec<Vec<String>>> = BTreeMap::new();
    let mut ask_of = |object: &str, there: &str, holds: &str, quiet: bool| {
        let asked = question(object, there, holds, quiet);
        forms.entry((asked.there, asked.holds, asked.quiet)).or_default().push(asked.values);
    };
    for id in editor.decided.closed(to) {
        if let Some((there, holds)) = holds::closed(id, to, major) {
            ask_of(&id.to_string(), &there, &holds, true);
        }
    }
    for default in editor.decided.closed_defaults() {
        ask_of(&default.id().to_string(), "true", &decided::is_closed(default), true);
    }
    for (id, object) in to.iter() {
        let quiet = holds::is_quiet(object);
        if !quiet && (id.kind().is_component() || object.kind().info().inline) {
            continue;
        }
        let (Some(there), Some(holds)) = (holds::there(id, object, to), holds::holds(id, object, to, major)) else {
            continue;
        };
        ask_of(&id.to_string(), &there, &holds, quiet);
    }
    if forms.is_empty() {
        return "SELECT 'nothing is declared' AS object, 'ok' AS state;\n".to_owned();
    }
    let asked: Vec<String> =
        forms.iter().map(|((there, holds, quiet), rows)| ask(there, holds, *quiet, rows)).collect();
    let what = if offline { "; what this script cannot do, as it only adds, `trueup apply` can" } else { "" };
    format!(
        "WITH asked AS (\n{}\n), found AS (\nSELECT object, CASE WHEN holds THEN 'ok' WHEN there THEN 'differs' ELSE 'missing' END AS state\nFROM asked\n\
         WHERE NOT quiet OR (there AND NOT holds)\n), counted AS (\nSELECT count(*) AS objects, count(*) FILTER (WHERE state <> 'ok') AS open FROM found\n)\n\
         SELECT object, state FROM (\n  SELECT 0 AS place, CASE open WHEN 0 THEN format('all %s objects that are declared', objects)\n    \
         ELSE format('%s of %s objects are not as declared{what}', open, objects) END AS object, CASE open WHEN 0 THEN 'ok' ELSE 'see below' END AS state FROM counted\n  \
         UNION ALL SELECT CASE state WHEN 'ok' THEN 2 ELSE 1 END, object, state FROM found\n) AS told\nORDER BY place, object;\n",
        asked.join("\nUNION ALL\n")
    )
}

fn question(object: &str, there: &str, holds: &str, quiet: bool) -> Question {
    let mut values = vec![literal(object)];
    let (there, holds) = (without_literals(there, &mut values), without_literals(holds, &mut values));
    Question { there, holds, quiet, values }
}

/// An expression with a gap for each literal in it.
fn without_literals(sql: &str, literals: &mut Vec<String>) -> String {
    // What cannot be cut is one question of its own.
    let Ok(all) = tokens(sql) else { return sql.to_owned() };
    let mut form = String::with_capacity(sql.len());
    let mut at = 0;
    for token in all.iter().filter(|token| token.kind == Kind::Text) {
        form.push_str(sql.get(at..token.start).unwrap_or_default());
        form.push(GAP);
        literals.push(token.text(sql).to_owned());
        at = token.end;
    }
    form.push_str(sql.get(at..).unwrap_or_default());
    form
}

/// One form of question, asked of all its rows. What is the same in all of them stays where it stood.
fn ask(there: &str, holds: &str, quiet: bool, rows: &[Vec<String>]) -> String {
    let first: &[String] = rows.first().map(Vec::as_slice).unwrap_or_default();
    let differs = |n: usize| n == 0 || rows.iter().any(|row| row.get(n) != first.get(n));
    let columns: Vec<usize> = (0..first.len()).filter(|n| differs(*n)).collect();
    let mut next = 1;
    let mut filled = |form: &str| {
        let mut sql = String::with_capacity(form.len());
        for c in form.chars() {
            if c != GAP {
                sql.push(c);
                continue;
            }
            match columns.contains(&next) {
                true => _ = write!(sql, "v.v{next}"),
                false => sql.push_str(first.get(next).map_or("", String::as_str)),
            }
            next += 1;
        }
        sql
    };
    let (there, holds) = (filled(there), filled(holds));
    let names: Vec<String> = columns.iter().map(|n| format!("v{n}")).collect();
    let values: Vec<String> = rows
        .iter()
        .map(|row| {
            let shown = columns.iter().filter_map(|n| row.get(*n)).map(String::as_str);
            format!("  ({})", shown.collect::<Vec<_>>().join(", "))
        })
        .collect();
    format!(
        "SELECT v.v0 AS object, {there} AS there, {holds} AS holds, {quiet} AS quiet\nFROM (VALUES\n{}\n) AS v ({})",
        values.join(",\n"),
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::{ask, question};

    #[test]
    fn what_differs_is_a_list() {
        let a = question("table a", "to_regclass('a') IS NOT NULL", "x('a', 'p') = \"it's\"", false);
        let b = question("table b", "to_regclass('b') IS NOT NULL", "x(E'\\\\b', 'p') = \"it's\"", false);
        assert_eq!((&a.there, &a.holds), (&b.there, &b.holds));
        let (there, holds) = (a.there.clone(), a.holds.clone());
        assert_eq!(
            ask(&there, &holds, false, &[a.values, b.values]),
            "SELECT v.v0 AS object, to_regclass(v.v1) IS NOT NULL AS there, x(v.v2, 'p') = \"it's\" AS holds, false AS quiet\nFROM (VALUES\n  \
             ('table a', 'a', 'a'),\n  ('table b', 'b', E'\\\\b')\n) AS v (v0, v1, v2)"
        );
    }

    #[test]
    fn what_is_alone_is_asked_as_it_is() {
        let a = question("table a", "to_regclass('a') IS NOT NULL", "true", true);
        assert_eq!(
            ask(&a.there, &a.holds, true, &[a.values]),
            "SELECT v.v0 AS object, to_regclass('a') IS NOT NULL AS there, true AS holds, true AS quiet\nFROM (VALUES\n  ('table a')\n) AS v (v0)"
        );
    }
}
