//! Printed statements in one form, whichever minor release printed them, and in one that can be read again.
//!
//! `FROM cast(now() AT TIME ZONE 'utc' AS timestamp)` is printed as `FROM (now() AT TIME ZONE 'utc'::text)`, which no server reads; the
//! minor releases of November 2026 print `FROM CAST((now() AT TIME ZONE 'utc'::text) AS timestamp without time zone)`. A call of
//! the function means the same, and all print that alike. Those releases also write `AS` before the alias of the table that
//! UPDATE, DELETE and MERGE change, and put parentheses around `x IS DOCUMENT` (without them, `true = x IS DOCUMENT` is not read
//! again).

use std::borrow::Cow;
use std::ops::Range;

use super::lexer::{Kind, Token, closing, tokens};

/// A printed expression in the one form.
pub fn expression_in_one_form(printed: &str) -> Cow<'_, str> {
    match printed.contains(" IS DOCUMENT") {
        true => Cow::Owned(in_one_form(printed.to_owned())),
        false => Cow::Borrowed(printed),
    }
}

/// A printed query or body in the one form.
pub fn in_one_form(printed: String) -> String {
    const WORDS: &[&str] =
        &["AT TIME ZONE", "AT LOCAL", "OVERLAPS", "NORMALIZED", "UPDATE ", "DELETE ", "MERGE ", "IS DOCUMENT"];
    // What is not there need not be looked for: the most texts end here.
    if !WORDS.iter().any(|word| printed.contains(word)) {
        return printed;
    }
    let Ok(found) = tokens(&printed) else { return printed };
    let text = Text { sql: &printed, tokens: &found };
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    for at in 0..found.len() {
        changes.extend(text.target(at).map(|place| (place..place, "AS ".to_owned())));
        changes.extend(text.calls(at));
        if let Some(range) = text.bare_document(at) {
            changes.push((range.start..range.start, "(".to_owned()));
            changes.push((range.end..range.end, ")".to_owned()));
        }
    }
    let mut out = printed.clone();
    changes.sort_by_key(|(range, _)| range.start);
    for (range, new) in changes.into_iter().rev() {
        out.replace_range(range, &new);
    }
    out
}

/// Words before an operand that are no name of what is called.
const OPERATORS: &[&str] = &[
    "and", "or", "not", "where", "having", "then", "else", "case", "when", "select", "distinct", "by", "on", "set",
    "values", "return", "from", "as", "using", "is", "in", "like", "between",
];

/// Whether a text in the one form may be printed in another by a server.
pub fn is_printed_otherwise(text: &str) -> bool {
    ["timezone(", "\"overlaps\"(", "is_normalized(", " IS DOCUMENT"].into_iter().any(|call| text.contains(call))
}

struct Text<'a> {
    sql: &'a str,
    tokens: &'a [Token],
}

impl Text<'_> {
    fn is(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is(self.sql, word) || token.is_mark(self.sql, word))
    }

    fn is_name(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(Token::is_name)
    }

    /// Whether the token before is this word.
    fn follows(&self, at: usize, word: &str) -> bool {
        at.checked_sub(1).is_some_and(|before| self.is(before, word))
    }

    fn slice(&self, tokens: Range<usize>) -> &str {
        match (self.tokens.get(tokens.start), tokens.end.checked_sub(1).and_then(|last| self.tokens.get(last))) {
            (Some(first), Some(last)) => self.sql.get(first.start..last.end).unwrap_or_default(),
            _ => "",
        }
    }

    /// The place of `x IS DOCUMENT` where it has no parentheses around it; IS stands at a token.
    fn bare_document(&self, at: usize) -> Option<Range<usize>> {
        if !(self.is(at, "is") && self.is(at + 1, "document")) {
            return None;
        }
        let start = self.operand(at.checked_sub(1)?)?;
        let place = self.tokens.get(start)?.start..self.tokens.get(at + 1)?.end;
        let open = start.checked_sub(1).filter(|open| self.is(*open, "(") && self.is(at + 2, ")"));
        let Some(open) = open else { return Some(place) };
        // Of what are the parentheses?
        let before = open.checked_sub(1)?;
        let is_own = match () {
            () if self.is(before, "when") => self.is(at + 3, "then"),
            () if self.is(before, "on") || self.is(before, "check") => false,
            () => !self.is_name(before) || OPERATORS.iter().any(|word| self.is(before, word)),
        };
        (!is_own).then_some(place)
    }

    /// The first token of the operand that ends with a token: a name, a literal or a call, perhaps with casts.
    fn operand(&self, last: usize) -> Option<usize> {
        let mut at = last;
        if self.is(at, ")") {
            let mut depth = 0_usize;
            while {
                depth = depth + usize::from(self.is(at, ")")) - usize::from(self.is(at, "("));
                depth > 0
            } {
                at = at.checked_sub(1)?;
            }
            let is_call = at
                .checked_sub(1)
                .is_some_and(|before| self.is_name(before) && !OPERATORS.iter().any(|word| self.is(before, word)));
            at -= usize::from(is_call);
        } else if self.is(at, "end") {
            return None;
        }
        while self.follows(at, ".") {
            at = at.checked_sub(2)?;
        }
        if self.follows(at, "::") { self.operand(at.checked_sub(2)?) } else { Some(at) }
    }

    /// Where the alias of the table that a statement changes stands without `AS`; the statement begins at a token.
    fn target(&self, at: usize) -> Option<usize> {
        let begins = at == 0 || ["(", ";", "atomic"].into_iter().any(|word| self.follows(at, word));
        let (mut next, ends): (usize, &[&str]) = match () {
            () if !begins => return None,
            () if self.is(at, "update") => (at + 1, &["set"]),
            () if self.is(at, "delete") && self.is(at + 1, "from") => (at + 2, &["using", "where", "returning", "end"]),
            () if self.is(at, "merge") && self.is(at + 1, "into") => (at + 2, &["using"]),
            () => return None,
        };
        // A table called `only` is printed in quotation marks.
        next += usize::from(self.is(next, "only"));
        if !self.is_name(next) {
            return None;
        }
        next += if self.is(next + 1, ".") { 3 } else { 1 };
        next += usize::from(self.is(next, "*"));
        if self.is(next, "as") || ends.iter().any(|word| self.is(next, word)) || !self.is_name(next) {
            return None;
        }
        self.tokens.get(next).map(|alias| alias.start)
    }

    /// The calls to write for what stands at the beginning of an item of FROM.
    fn calls(&self, at: usize) -> Vec<(Range<usize>, String)> {
        if self.is(at, "rows") && self.is(at + 1, "from") && self.is(at + 2, "(") {
            let Some(end) = closing(self.sql, self.tokens, at + 2) else { return Vec::new() };
            let mut found = Vec::new();
            let mut item = at + 3;
            while item < end {
                found.extend(self.call(item).map(|(_, range, call)| (range, call)));
                // To the next item.
                while item < end && !self.is(item, ",") {
                    item = if self.is(item, "(") { closing(self.sql, self.tokens, item).unwrap_or(end) } else { item };
                    item += 1;
                }
                item += 1;
            }
            return found;
        }
        if !["from", "lateral", "join", ",", "("].into_iter().any(|word| self.follows(at, word)) {
            return Vec::new();
        }
        let Some((mut next, range, call)) = self.call(at) else { return Vec::new() };
        if self.is(next, "with") && self.is(next + 1, "ordinality") {
            next += 2;
        }
        // An item of FROM that is a call has an alias with the names of its columns; nothing else is followed by one without AS.
        let has_alias = self.is_name(next) && self.is(next + 1, "(") && !self.is(next, "in") && !self.is(next, "over");
        if has_alias { vec![(range, call)] } else { Vec::new() }
    }

    /// The call for an expression in parentheses or in a cast, where it is one that is printed in the words of SQL: the token behind it,
    /// its place, the call.
    fn call(&self, at: usize) -> Option<(usize, Range<usize>, String)> {
        let is_cast = self.is(at, "cast") && self.is(at + 1, "(") && self.is(at + 2, "(");
        let open = if is_cast { at + 2 } else { at };
        if !self.is(open, "(") {
            return None;
        }
        let close = closing(self.sql, self.tokens, open)?;
        let end = match is_cast {
            true if self.is(close + 1, "as") => closing(self.sql, self.tokens, at + 1)?,
            true => return None,
            false => close,
        };
        let call = self.spelled(open + 1..close)?;
        let range = self.tokens.get(at)?.start..self.tokens.get(end)?.end;
        Some((end + 1, range, call))
    }

    /// The call for the tokens of `… AT TIME ZONE …` and the like.
    fn spelled(&self, inside: Range<usize>) -> Option<String> {
        let mut outer = Vec::new();
        let mut next = inside.start;
        while next < inside.end {
            outer.push(next);
            next = if self.is(next, "(") { closing(self.sql, self.tokens, next)? } else { next } + 1;
        }
        if outer.iter().any(|at| ["select", "values", "join", "with", ","].into_iter().any(|word| self.is(*at, word))) {
            return None;
        }
        for at in outer.iter().copied().skip(1) {
            let before = self.slice(inside.start..at);
            if self.is(at, "at") && self.is(at + 1, "time") && self.is(at + 2, "zone") {
                return Some(format!("timezone({}, {before})", self.slice(at + 3..inside.end)));
            }
            if self.is(at, "at") && self.is(at + 1, "local") && at + 2 == inside.end {
                return Some(format!("timezone({before})"));
            }
            if self.is(at, "overlaps") && self.is(at - 1, ")") && self.is(at + 1, "(") {
                let pair = |row: &str| row.strip_prefix('(').and_then(|row| row.strip_suffix(')')).map(str::to_owned);
                let (one, other) = (pair(before)?, pair(self.slice(at + 1..inside.end))?);
                return Some(format!("\"overlaps\"({one}, {other})"));
            }
            if self.is(at, "is") && self.is(inside.end - 1, "normalized") {
                let form =
                    self.tokens.get(at + 1).filter(|_| at + 3 == inside.end).filter(|form| form.kind == Kind::Word);
                return match form.map(|form| form.text(self.sql)) {
                    Some(form) => Some(format!("is_normalized({before}, '{form}'::text)")),
                    None if at + 2 == inside.end => Some(format!("is_normalized({before})")),
                    None => None,
                };
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::in_one_form;

    #[track_caller]
    fn is(printed: &str, form: &str) {
        assert_eq!(in_one_form(printed.to_owned()), form);
    }

    #[test]
    fn targets_have_as() {
        is("UPDATE t2 k SET a = 1;", "UPDATE t2 AS k SET a = 1;");
        is("UPDATE t2 AS k SET a = 1;", "UPDATE t2 AS k SET a = 1;");
        is("UPDATE ONLY s.t2 SET a = 1;", "UPDATE ONLY s.t2 SET a = 1;");
        is(
            "BEGIN ATOMIC\n DELETE FROM s.t2 k\n  WHERE (k.a = 1);\nEND",
            "BEGIN ATOMIC\n DELETE FROM s.t2 AS k\n  WHERE (k.a = 1);\nEND",
        );
        is(
            "BEGIN ATOMIC DELETE FROM t; DELETE FROM t USING u; END",
            "BEGIN ATOMIC DELETE FROM t; DELETE FROM t USING u; END",
        );
        is("MERGE INTO t k USING u ON true", "MERGE INTO t AS k USING u ON true");
        is("SELECT 1 FOR UPDATE OF k, l", "SELECT 1 FOR UPDATE OF k, l");
        is("INSERT INTO t AS k VALUES ('UPDATE t k SET')", "INSERT INTO t AS k VALUES ('UPDATE t k SET')");
        is(
            "WITH x AS (DELETE FROM t k RETURNING k.a) SELECT 1",
            "WITH x AS (DELETE FROM t AS k RETURNING k.a) SELECT 1",
        );
    }

    #[test]
    fn is_document_has_parentheses() {
        let form = "SELECT (NOT (a.xm IS DOCUMENT)) AS d1, ((a.xm IS DOCUMENT) = true) AS d2, COALESCE((a.xm IS DOCUMENT), false) AS d3, \
             CASE WHEN (a.xm IS DOCUMENT) THEN 1 END AS d4, (XMLPARSE(DOCUMENT a.y STRIP WHITESPACE) IS DOCUMENT) AS d5, \
             (NOT ((a.y)::xml IS DOCUMENT)) AS d6, f((a.x IS DOCUMENT)) FROM (a JOIN b ON ((b.x IS DOCUMENT))) \
             WHERE (((a.xm IS DOCUMENT) AND (a.x = 1)) OR ('<a/>'::xml IS DOCUMENT))";
        let old = "SELECT (NOT a.xm IS DOCUMENT) AS d1, (a.xm IS DOCUMENT = true) AS d2, COALESCE(a.xm IS DOCUMENT, false) AS d3, \
             CASE WHEN a.xm IS DOCUMENT THEN 1 END AS d4, XMLPARSE(DOCUMENT a.y STRIP WHITESPACE) IS DOCUMENT AS d5, \
             (NOT (a.y)::xml IS DOCUMENT) AS d6, f(a.x IS DOCUMENT) FROM (a JOIN b ON (b.x IS DOCUMENT)) \
             WHERE ((a.xm IS DOCUMENT AND (a.x = 1)) OR '<a/>'::xml IS DOCUMENT)";
        is(form, form);
        // `(NOT a IS DOCUMENT)` has parentheses of its own; so have the others.
        is(old, form);
        is("xm IS DOCUMENT", "(xm IS DOCUMENT)");
        is("CHECK (xm IS DOCUMENT)", "CHECK ((xm IS DOCUMENT))");
        is("WHEN (new.xm IS DOCUMENT) EXECUTE FUNCTION f()", "WHEN ((new.xm IS DOCUMENT)) EXECUTE FUNCTION f()");
        is("WHERE (xm IS DOCUMENT)", "WHERE (xm IS DOCUMENT)");
        is("SELECT 'x IS DOCUMENT'", "SELECT 'x IS DOCUMENT'");
    }

    #[test]
    fn what_from_cannot_read_is_a_call() {
        let call = "SELECT x.x\n   FROM timezone('utc'::text, now()) x(x)";
        is("SELECT x.x\n   FROM (now() AT TIME ZONE 'utc'::text) x(x)", call);
        is("SELECT x.x\n   FROM CAST((now() AT TIME ZONE 'utc'::text) AS timestamp without time zone) x(x)", call);
        is(call, call);
        is(
            "SELECT z.z FROM r, LATERAL CAST((r.at AT TIME ZONE 'utc'::text) AS timestamp(3) without time zone) WITH ORDINALITY z(z, n)",
            "SELECT z.z FROM r, LATERAL timezone('utc'::text, r.at) WITH ORDINALITY z(z, n)",
        );
        is(
            "SELECT 1 FROM ROWS FROM(CAST((now() AT LOCAL) AS timestamp), generate_series(1, 2), (a IS NFC NORMALIZED)) q(x, y, z)",
            "SELECT 1 FROM ROWS FROM(timezone(now()), generate_series(1, 2), is_normalized(a, 'NFC'::text)) q(x, y, z)",
        );
        is(
            "SELECT 1 FROM ((now(), now()) OVERLAPS (now(), f(1))) x(x)",
            "SELECT 1 FROM \"overlaps\"(now(), now(), now(), f(1)) x(x)",
        );
        for same in [
            "SELECT (now() AT TIME ZONE 'utc'::text) AS z, EXTRACT(year FROM (now() AT TIME ZONE 'utc'::text)) AS y FROM t",
            "SELECT (a IS DISTINCT FROM (b AT TIME ZONE 'utc'::text)) FROM ((t JOIN u ON ((t.a = (u.b AT TIME ZONE 'utc'::text)))) JOIN w x(x) ON (true))",
            "SELECT 1 FROM ( SELECT (now() AT TIME ZONE 'utc'::text) AS a) x(x)",
            "SELECT 1 FROM t ORDER BY a, (b AT TIME ZONE 'utc'::text) DESC",
            "SELECT CAST((now() AT TIME ZONE 'utc'::text) AS timestamp) AS x",
            "SELECT 1 FROM CAST(((now() AT TIME ZONE 'utc'::text))::text AS text) x(x)",
        ] {
            is(same, same);
        }
    }
}
