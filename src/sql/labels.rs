//! Names of output columns that PostgreSQL does not print.
//!
//! In the body of a function, `select null` returns a column named `?column?`, which is printed as `SELECT NULL::text`; and that, read
//! again, is a column named `text`. So a printed body is not always the body it was printed from.

use super::lexer::{Token, tokens};

/// What ends a list of output columns.
const ENDS: &[&str] = &[
    "from",
    "where",
    "group",
    "having",
    "window",
    "order",
    "limit",
    "offset",
    "fetch",
    "for",
    "union",
    "intersect",
    "except",
    "into",
    "end",
];

/// A printed text with the name said of those output columns that would get another one when it is read: casts without a name.
pub fn with_labels(printed: &str) -> String {
    let mut out = printed.to_owned();
    let Ok(found) = tokens(printed) else { return out };
    if !printed.contains("::") {
        return out;
    }
    let mut places = Vec::new();
    for (i, _) in found.iter().enumerate().filter(|(_, token)| token.is(printed, "select")) {
        unnamed(printed, &found[i + 1..], &mut places);
    }
    places.sort_unstable();
    for place in places.into_iter().rev() {
        out.insert_str(place, " AS \"?column?\"");
    }
    out
}

/// Where the output columns of one SELECT end that are casts and have no name.
fn unnamed(text: &str, after: &[Token], places: &mut Vec<usize>) {
    let (mut depth, mut cast, mut named) = (0usize, false, false);
    let mut last = None;
    for token in after {
        let ends = depth == 0
            && (token.is_mark(text, ")") || token.is_mark(text, ";") || ENDS.iter().any(|word| token.is(text, word)));
        if ends || (depth == 0 && token.is_mark(text, ",")) {
            places.extend(last.filter(|_| cast && !named));
            if ends {
                return;
            }
            (cast, named, last) = (false, false, None);
            continue;
        }
        if ["(", "["].iter().any(|mark| token.is_mark(text, mark)) || token.is(text, "case") {
            depth += 1;
        } else if [")", "]"].iter().any(|mark| token.is_mark(text, mark)) || token.is(text, "end") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 {
            cast |= token.is_mark(text, "::");
            named |= token.is(text, "as");
        }
        last = Some(token.end);
    }
    places.extend(last.filter(|_| cast && !named));
}

#[cfg(test)]
mod tests {
    use super::with_labels;

    #[test]
    fn casts_get_the_name_that_they_had() {
        for (printed, whole) in [
            ("BEGIN ATOMIC\n SELECT NULL::text;\nEND", "BEGIN ATOMIC\n SELECT NULL::text AS \"?column?\";\nEND"),
            (
                "SELECT (1)::bigint, 'a, b'::text AS text FROM t",
                "SELECT (1)::bigint AS \"?column?\", 'a, b'::text AS text FROM t",
            ),
            ("SELECT '(1,2)'::numeric(10,2) FROM t", "SELECT '(1,2)'::numeric(10,2) AS \"?column?\" FROM t"),
            (
                "SELECT a FROM t WHERE (a = ( SELECT 'x'::character varying LIMIT 1))",
                "SELECT a FROM t WHERE (a = ( SELECT 'x'::character varying AS \"?column?\" LIMIT 1))",
            ),
        ] {
            assert_eq!(with_labels(printed), whole);
        }
        for printed in [
            "RETURN (a)::text",
            "BEGIN ATOMIC\n SELECT (count(*))::text AS count FROM t;\nEND",
            "SELECT CASE WHEN (a = 'x'::text) THEN b ELSE c END AS \"case\", f('y'::text) AS f FROM t",
            "SELECT '::'",
        ] {
            assert_eq!(with_labels(printed), printed);
        }
    }
}
