//! The SQL inside a PL/pgSQL body.
//!
//! PL/pgSQL is statements that end in `;` and hold expressions and queries at known places. They are cut out at those
//! places, parsed by PostgreSQL's grammar, and what does not parse is searched for names by its words. Unlike
//! `pg_query::parse_plpgsql` this needs no signature, refuses nothing and knows where everything stands.

use super::lexer::{Kind, Token, tokens};
use super::references::{ColumnRef, NameRef, References, direct};

/// A statement or expression of SQL in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// What makes a statement of it: `select ` in front of an expression.
    pub head: &'static str,
    /// The text, with INTO and its targets blanked out.
    pub text: String,
    /// Where it starts in the body.
    pub start: usize,
}

/// What a body consists of, for those who resolve its names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pieces {
    /// The statements and expressions, in order.
    pub pieces: Vec<Piece>,
    /// Every name that is declared somewhere in the body: variables, loop variables, cursors, labels.
    pub variables: Vec<String>,
    /// Variables that may be rows of a relation: the variable, and the schema and name of its type.
    pub rows: Vec<(String, Option<String>, String)>,
    /// Whether it runs text that it computes.
    pub dynamic: bool,
}

/// The references of a body. Runs on the parser thread.
pub(super) fn references(body: &str) -> References {
    read(body, true).map(|reader| reader.out).unwrap_or_default()
}

/// The SQL in a body, and the names declared there. `None` for a body that cannot be cut into tokens.
pub(crate) fn pieces(body: &str) -> Option<Pieces> {
    read(body, false).map(|reader| reader.found)
}

fn read(body: &str, resolve: bool) -> Option<Body<'_>> {
    let tokens = tokens(body).ok()?;
    let mut reader = Body {
        sql: body,
        resolve,
        out: References::default(),
        found: Pieces::default(),
        declaring: false,
        handling: Vec::new(),
        cases: 0,
    };
    let mut start = 0;
    let mut depth = 0usize;
    for (i, token) in tokens.iter().enumerate() {
        match token.text(body) {
            "(" | "[" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            ";" if depth == 0 => {
                reader.statement(tokens.get(start..i).unwrap_or(&[]));
                start = i + 1;
            }
            _ => {}
        }
    }
    reader.statement(tokens.get(start..).unwrap_or(&[]));
    Some(reader)
}

struct Body<'a> {
    sql: &'a str,
    /// Whether references are wanted, rather than pieces.
    resolve: bool,
    out: References,
    found: Pieces,
    /// Between DECLARE and BEGIN.
    declaring: bool,
    /// For each open block, whether its EXCEPTION part has begun.
    handling: Vec<bool>,
    cases: usize,
}

/// Where a word stands outside brackets and CASE expressions.
fn find(sql: &str, tokens: &[Token], words: &[&str]) -> Option<usize> {
    let (mut depth, mut cases) = (0usize, 0usize);
    for (i, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Mark => match token.text(sql) {
                "(" | "[" => depth += 1,
                ")" | "]" => depth = depth.saturating_sub(1),
                text if depth == 0 && cases == 0 && words.contains(&text) => return Some(i),
                _ => {}
            },
            Kind::Word if depth == 0 => {
                let word = token.text(sql).to_ascii_lowercase();
                if cases == 0 && words.contains(&word.as_str()) {
                    return Some(i);
                }
                match word.as_str() {
                    "case" => cases += 1,
                    "end" => cases = cases.saturating_sub(1),
                    _ => {}
                }
            }
            Kind::Operator if depth == 0 && cases == 0 && words.contains(&token.text(sql)) => return Some(i),
            _ => {}
        }
    }
    None
}

impl Body<'_> {
    fn word(&self, tokens: &[Token], i: usize) -> String {
        let word = tokens.get(i).filter(|t| t.kind == Kind::Word).map(|t| t.text(self.sql));
        word.unwrap_or("").to_ascii_lowercase()
    }

    /// One statement, and what follows it up to the next semicolon (`begin`, `if … then` and their like have none).
    fn statement(&mut self, mut tokens: &[Token]) {
        while !tokens.is_empty() {
            let rest = |n: usize| tokens.get(n..).unwrap_or(&[]);
            // What the statement head takes up, and the expression or query in it.
            tokens = match self.word(tokens, 0).as_str() {
                "" if tokens.first().is_some_and(|t| t.is_mark(self.sql, "<<")) => {
                    self.variable(tokens.get(1));
                    rest(3)
                }
                // `#variable_conflict use_column`, `#option dump`
                "" if tokens.first().is_some_and(|t| t.is_mark(self.sql, "#")) => rest(3),
                "declare" => {
                    self.declaring = true;
                    rest(1)
                }
                "begin" => {
                    self.declaring = false;
                    self.handling.push(false);
                    rest(1)
                }
                _ if self.declaring => return self.declaration(tokens),
                "exception" => {
                    if let Some(handling) = self.handling.last_mut() {
                        *handling = true;
                    }
                    rest(1)
                }
                "else" | "loop" => rest(1),
                "end" => {
                    match self.word(tokens, 1).as_str() {
                        "if" | "loop" => {}
                        "case" => self.cases = self.cases.saturating_sub(1),
                        _ => {
                            self.handling.pop();
                        }
                    }
                    return;
                }
                "if" | "elsif" | "elseif" => self.head(rest(1), "then"),
                "while" => self.head(rest(1), "loop"),
                "when" => {
                    // Conditions of an exception handler are no expressions.
                    if self.cases == 0 && self.handling.last() == Some(&true) {
                        let after = find(self.sql, rest(1), &["then"]).map_or(tokens.len(), |i| i + 2);
                        rest(after)
                    } else {
                        self.head(rest(1), "then")
                    }
                }
                "case" => {
                    self.cases += 1;
                    let when = find(self.sql, rest(1), &["when"]).unwrap_or(0);
                    self.expression(tokens.get(1..=when).unwrap_or(&[]));
                    rest(1 + when)
                }
                "for" | "foreach" => self.for_head(tokens),
                other => {
                    let other = other.to_owned();
                    return self.simple(&other, tokens);
                }
            };
        }
    }

    /// An expression up to a word; what follows the word.
    fn head<'t>(&mut self, tokens: &'t [Token], word: &str) -> &'t [Token] {
        let end = find(self.sql, tokens, &[word]).unwrap_or(tokens.len());
        self.expression(tokens.get(..end).unwrap_or(&[]));
        tokens.get(end + 1..).unwrap_or(&[])
    }

    fn variable(&mut self, token: Option<&Token>) {
        let name = token.filter(|t| t.is_name()).map(|t| t.name(self.sql).into_owned());
        self.found.variables.extend(name);
    }

    fn for_head<'t>(&mut self, tokens: &'t [Token]) -> &'t [Token] {
        let end = find(self.sql, tokens, &["loop"]).unwrap_or(tokens.len());
        let (head, rest) = (tokens.get(..end).unwrap_or(&[]), tokens.get(end + 1..).unwrap_or(&[]));
        let Some(start) = find(self.sql, head, &["in"]) else { return rest };
        for token in head.get(1..start).unwrap_or(&[]) {
            self.variable(Some(token));
        }
        let mut what = head.get(start + 1..).unwrap_or(&[]);
        let first = self.word(what, 0);
        match first.as_str() {
            "execute" => self.execute(what.get(1..).unwrap_or(&[])),
            "array" if self.word(head, 0) == "foreach" => self.expression(what.get(1..).unwrap_or(&[])),
            "select" | "with" | "values" | "table" | "insert" | "update" | "delete" | "merge" => self.query(what),
            _ => {
                if first == "reverse" {
                    what = what.get(1..).unwrap_or(&[]);
                }
                match find(self.sql, what, &[".."]) {
                    Some(dots) => {
                        self.expression(what.get(..dots).unwrap_or(&[]));
                        let upper = what.get(dots + 1..).unwrap_or(&[]);
                        for part in upper.split(|t| t.is(self.sql, "by")) {
                            self.expression(part);
                        }
                    }
                    // A query in brackets, or a cursor.
                    None if what.first().is_some_and(|t| t.is_mark(self.sql, "(")) => self.query(what),
                    None => self.arguments(what),
                }
            }
        }
        rest
    }

    /// Statements that hold no others.
    fn simple(&mut self, word: &str, tokens: &[Token]) {
        let rest = |n: usize| tokens.get(n..).unwrap_or(&[]);
        match word {
            "null" | "commit" | "rollback" | "close" | "fetch" | "move" | "get" => {}
            "exit" | "continue" => {
                if let Some(when) = find(self.sql, tokens, &["when"]) {
                    self.expression(rest(when + 1));
                }
            }
            "return" => match (self.word(tokens, 1).as_str(), self.word(tokens, 2).as_str()) {
                ("query", "execute") => self.execute(rest(3)),
                ("query", _) => self.query(rest(2)),
                ("next", _) => self.expression(rest(2)),
                _ => self.expression(rest(1)),
            },
            "perform" => self.expression(rest(1)),
            "execute" => self.execute(rest(1)),
            "assert" => self.expression(rest(1)),
            "raise" => self.raise(rest(1)),
            "open" => match find(self.sql, tokens, &["for"]) {
                Some(at) if self.word(tokens, at + 1) == "execute" => self.execute(rest(at + 2)),
                Some(at) => self.query(rest(at + 1)),
                None => self.arguments(rest(1)),
            },
            _ => match self.assignment(tokens) {
                Some(at) => {
                    self.target(tokens.get(..at).unwrap_or(&[]));
                    self.expression(rest(at + 1));
                }
                None => self.query(tokens),
            },
        }
    }

    /// Where the sign of an assignment stands: behind a name with fields and subscripts.
    fn assignment(&self, tokens: &[Token]) -> Option<usize> {
        let at = find(self.sql, tokens, &[":=", "="])?;
        let target = tokens.get(..at)?;
        let plain = |(i, t): (usize, &Token)| {
            if i == 0 {
                t.is_name() || t.kind == Kind::Parameter
            } else {
                !t.is_name() || target.get(i - 1).is_some_and(|p| p.is_mark(self.sql, "."))
            }
        };
        // `update t set a = 1` has words side by side; a target has not, outside subscripts.
        let mut depth = 0usize;
        let outside: Vec<(usize, &Token)> = target
            .iter()
            .enumerate()
            .filter(|(_, t)| {
                let text = t.text(self.sql);
                if text == "]" {
                    depth = depth.saturating_sub(1);
                }
                let keep = depth == 0;
                if text == "[" {
                    depth += 1;
                }
                keep
            })
            .collect();
        (!outside.is_empty() && outside.into_iter().all(plain)).then_some(at)
    }

    /// `new.a` in front of the sign of an assignment: a reference to a field.
    fn target(&mut self, tokens: &[Token]) {
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return };
        if tokens.len() == 3 && !self.resolve {
            let text = self.sql.get(first.start..last.end).unwrap_or("").to_owned();
            self.found.pieces.push(Piece { head: "select ", text, start: first.start });
        }
    }

    fn declaration(&mut self, tokens: &[Token]) {
        self.variable(tokens.first());
        let mut rest = tokens.get(1..).unwrap_or(&[]);
        if let Some(cursor) = find(self.sql, rest, &["cursor"]) {
            // Its arguments are names inside its query.
            for token in rest.get(cursor + 1..).unwrap_or(&[]).iter().take_while(|t| !t.is(self.sql, "for")) {
                self.variable(Some(token));
            }
            if let Some(query) = find(self.sql, rest, &["for", "is"]).filter(|at| *at > cursor) {
                self.query(rest.get(query + 1..).unwrap_or(&[]));
            }
            return;
        }
        if self.word(rest, 0) == "constant" {
            rest = rest.get(1..).unwrap_or(&[]);
        }
        if self.word(rest, 0) == "alias" {
            return;
        }
        let end = find(self.sql, rest, &["default", ":=", "=", "not", "collate"]).unwrap_or(rest.len());
        self.type_name(rest.get(..end).unwrap_or(&[]));
        self.row(tokens.first(), rest.get(..end).unwrap_or(&[]));
        if let Some(value) = find(self.sql, rest, &["default", ":=", "="]) {
            self.expression(rest.get(value + 1..).unwrap_or(&[]));
        }
    }

    /// `v t%rowtype` and `v t`.
    fn row(&mut self, variable: Option<&Token>, tokens: &[Token]) {
        let end = tokens.iter().position(|t| t.is_mark(self.sql, "%")).unwrap_or(tokens.len());
        let whole = end == tokens.len() || self.word(tokens, end + 1) == "rowtype" && tokens.len() == end + 2;
        let name = |i: usize| tokens.get(i).filter(|t| t.is_name()).map(|t| t.name(self.sql).into_owned());
        let (schema, name) = match end {
            1 => (None, name(0)),
            3 if tokens.get(1).is_some_and(|t| t.is_mark(self.sql, ".")) => (name(0), name(2)),
            _ => return,
        };
        if let (true, Some(variable), Some(name)) = (whole, variable.filter(|t| t.is_name()), name) {
            self.found.rows.push((variable.name(self.sql).into_owned(), schema, name));
        }
    }

    fn type_name(&mut self, tokens: &[Token]) {
        if !self.resolve {
            return;
        }
        let row = tokens.iter().position(|t| t.is_mark(self.sql, "%"));
        let text = super::constraint::slice(self.sql, tokens);
        let (Some(first), false) = (tokens.first(), text.is_empty()) else { return };
        // `t%rowtype` is no type of SQL.
        if let Some(at) = row.filter(|at| self.word(tokens, at + 1) == "rowtype") {
            let mut names: Vec<String> =
                tokens.iter().take(at).filter(|t| t.is_name()).map(|t| t.name(self.sql).into_owned()).collect();
            if let Some(name) = names.pop() {
                self.out.relations.push(NameRef { schema: names.pop(), name, offset: Some(first.start) });
            }
            return;
        }
        if matches!(text.to_ascii_lowercase().as_str(), "record" | "refcursor") {
            return;
        }
        let head = "create function f() returns ";
        match direct(&format!("{head}{text} language sql")) {
            Ok(mut found) => {
                found.defines.clear();
                self.take(found, first.start, head.len(), text.len());
            }
            Err(_) => self.take(by_words(text), first.start, 0, text.len()),
        }
    }

    /// EXECUTE: the text is computed, so only what computes it is seen, and what USING gives.
    fn execute(&mut self, tokens: &[Token]) {
        self.found.dynamic = true;
        let mut parts = tokens;
        while let Some(at) = find(self.sql, parts, &["into", "using"]) {
            let part = parts.get(..at).unwrap_or(&[]);
            self.expression(part);
            let into = self.word(parts, at) == "into";
            parts = parts.get(at + 1..).unwrap_or(&[]);
            if into {
                let end = find(self.sql, parts, &["using"]).unwrap_or(parts.len());
                parts = parts.get(end..).unwrap_or(&[]);
                if parts.is_empty() {
                    return;
                }
                parts = parts.get(1..).unwrap_or(&[]);
            }
        }
        self.expression(parts);
    }

    fn raise(&mut self, tokens: &[Token]) {
        let level =
            matches!(self.word(tokens, 0).as_str(), "debug" | "log" | "info" | "notice" | "warning" | "exception");
        let rest = tokens.get(usize::from(level)..).unwrap_or(&[]);
        let using = find(self.sql, rest, &["using"]).unwrap_or(rest.len());
        let (message, options) = (rest.get(..using).unwrap_or(&[]), rest.get(using + 1..).unwrap_or(&[]));
        if message.first().is_some_and(|t| matches!(t.kind, Kind::Text | Kind::Dollar)) {
            self.expression(message.get(2..).unwrap_or(&[]));
        }
        let mut options = options;
        while let Some(sign) = find(self.sql, options, &["=", ":="]) {
            let value = options.get(sign + 1..).unwrap_or(&[]);
            let end = find(self.sql, value, &[","]).unwrap_or(value.len());
            self.expression(value.get(..end).unwrap_or(&[]));
            options = value.get(end + 1..).unwrap_or(&[]);
        }
    }

    /// The arguments of a cursor: `c (1, x => f())`.
    fn arguments(&mut self, tokens: &[Token]) {
        if let Some(open) = tokens.iter().position(|t| t.is_mark(self.sql, "(")) {
            let inner = tokens.get(open + 1..tokens.len().saturating_sub(1)).unwrap_or(&[]);
            self.expression(inner);
        }
    }

    /// One or several expressions, possibly with FROM and so on.
    fn expression(&mut self, tokens: &[Token]) {
        self.parse("select ", tokens);
    }

    /// A statement of SQL, with INTO and its targets left out.
    fn query(&mut self, tokens: &[Token]) {
        self.parse("", tokens);
    }

    fn parse(&mut self, head: &'static str, tokens: &[Token]) {
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return };
        let mut text = self.sql.get(first.start..last.end).unwrap_or("").to_owned();
        if let Some(range) = self.find_into(tokens) {
            let (start, end) = (range.0 - first.start, range.1 - first.start);
            if text.is_char_boundary(start) && text.is_char_boundary(end) {
                text.replace_range(start..end, &" ".repeat(end - start));
            }
        }
        if !self.resolve {
            self.found.pieces.push(Piece { head, text, start: first.start });
            return;
        }
        let found = direct(&format!("{head}{text}"));
        let (found, head) = match found {
            Ok(found) => (found, head.len()),
            Err(_) => (by_words(&text), 0),
        };
        self.take(found, first.start, head, text.len());
    }

    fn take(&mut self, mut found: References, start: usize, head: usize, length: usize) {
        found.defines.clear();
        let shift = isize::try_from(start).unwrap_or(0) - isize::try_from(head).unwrap_or(0);
        self.out.absorb(found, shift, Some(start..start + length));
    }

    /// INTO [STRICT] target, … of a SELECT or RETURNING; not that of INSERT INTO and MERGE INTO.
    fn find_into(&self, tokens: &[Token]) -> Option<(usize, usize)> {
        let mut from = 0;
        let at = loop {
            let at = from + find(self.sql, tokens.get(from..)?, &["into"])?;
            let before = self.word(tokens, at.checked_sub(1)?);
            if before != "insert" && before != "merge" {
                break at;
            }
            from = at + 1;
        };
        let mut end = at + 1;
        if self.word(tokens, end) == "strict" {
            end += 1;
        }
        loop {
            // A target: names with dots, subscripts.
            tokens.get(end).filter(|t| t.is_name() || t.kind == Kind::Parameter)?;
            end += 1;
            loop {
                if tokens.get(end).is_some_and(|t| t.is_mark(self.sql, ".")) {
                    end += 2;
                } else if tokens.get(end).is_some_and(|t| t.is_mark(self.sql, "[")) {
                    end = super::lexer::closing(self.sql, tokens, end)? + 1;
                } else {
                    break;
                }
            }
            if !tokens.get(end).is_some_and(|t| t.is_mark(self.sql, ",")) {
                break;
            }
            end += 1;
        }
        Some((tokens.get(at)?.start, tokens.get(end - 1)?.end))
    }
}

/// What the words of a text that does not parse seem to refer to.
pub(super) fn by_words(text: &str) -> References {
    let mut out = References::default();
    let Ok(tokens) = tokens(text) else { return out };
    let mut i = 0;
    while let Some(token) = tokens.get(i) {
        if !token.is_name() {
            i += 1;
            continue;
        }
        let start = i;
        let mut parts = vec![token.name(text).into_owned()];
        while tokens.get(i + 1).is_some_and(|t| t.is_mark(text, "."))
            && let Some(next) = tokens.get(i + 2).filter(|t| t.is_name())
        {
            parts.push(next.name(text).into_owned());
            i += 2;
        }
        let before = start.checked_sub(1).and_then(|b| tokens.get(b)).map_or("", |t| t.text(text)).to_ascii_lowercase();
        let called = tokens.get(i + 1).is_some_and(|t| t.is_mark(text, "("));
        let offset = Some(token.start);
        let keyword = token.kind == Kind::Word && parts.len() == 1 && !crate::core::name::is_bare(&parts[0]);
        i += 1;
        if keyword {
            continue;
        }
        let name = |list: &mut Vec<NameRef>| {
            let mut parts = parts.clone();
            list.extend(parts.pop().map(|name| NameRef { schema: parts.pop(), name, offset }));
        };
        match before.as_str() {
            "from" | "join" | "update" | "table" | "only" if !called => name(&mut out.relations),
            "into" => name(&mut out.relations),
            "::" => name(&mut out.types),
            _ if called => name(&mut out.functions),
            _ => out.columns.push(ColumnRef { parts, offset }),
        }
    }
    out
}
