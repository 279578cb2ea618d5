//! The lexical structure of SQL (PostgreSQL manual, chapter 4.1; `scan.l`), over the source text and without copying.
//!
//! Fragments are cut, and statements split, at these tokens; what they mean is left to `pg_query` and PostgreSQL.
//! Strings are read with `standard_conforming_strings` on.

use std::borrow::Cow;
use std::ops::Range;

use super::parse::SyntaxError;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A bare word: a keyword or an identifier.
    Word,
    /// `"…"`
    Quoted,
    /// `U&"…"`
    UnicodeQuoted,
    /// `'…'`, `E'…'`, `N'…'`, `U&'…'`
    Text,
    /// `B'…'` or `X'…'`
    Bits,
    /// `$tag$…$tag$`
    Dollar,
    /// A number.
    Number,
    /// `$1`
    Parameter,
    /// An operator that is none of the marks below.
    Operator,
    /// `::`, `:=`, `..` or one of `( ) [ ] , ; : .`
    Mark,
}

/// One token: its kind and its byte range in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it starts.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

impl Token {
    /// The text of the token.
    pub fn text<'a>(&self, sql: &'a str) -> &'a str {
        sql.get(self.start..self.end).unwrap_or("")
    }

    /// Its byte range.
    pub fn span(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Whether it is this keyword, in any case.
    pub fn is(&self, sql: &str, keyword: &str) -> bool {
        self.kind == Kind::Word && self.text(sql).eq_ignore_ascii_case(keyword)
    }

    /// Whether it is this mark or operator.
    pub fn is_mark(&self, sql: &str, mark: &str) -> bool {
        matches!(self.kind, Kind::Mark | Kind::Operator) && self.text(sql) == mark
    }

    /// Whether it can be a name.
    pub fn is_name(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Quoted | Kind::UnicodeQuoted)
    }

    /// The name it stands for: bare words folded to lower case, quotes taken off.
    pub fn name<'a>(&self, sql: &'a str) -> Cow<'a, str> {
        let text = self.text(sql);
        match self.kind {
            Kind::Quoted => {
                let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or("");
                if inner.contains('"') { Cow::Owned(inner.replace("\"\"", "\"")) } else { Cow::Borrowed(inner) }
            }
            Kind::UnicodeQuoted => {
                let inner = text.get(3..text.len().saturating_sub(1)).unwrap_or("");
                Cow::Owned(unicode_escapes(&inner.replace("\"\"", "\"")))
            }
            _ if text.bytes().any(|b| b.is_ascii_uppercase()) => Cow::Owned(text.to_ascii_lowercase()),
            _ => Cow::Borrowed(text),
        }
    }
}

/// `\0061` and `\+000061` in a `U&` identifier (with the standard escape character).
fn unicode_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let (digits, skip) = if tail.starts_with('+') { (tail.get(1..7), 7) } else { (tail.get(..4), 4) };
        if let Some(after) = tail.strip_prefix('\\') {
            out.push('\\');
            rest = after;
        } else if let Some(c) = digits.and_then(|d| u32::from_str_radix(d, 16).ok()).and_then(char::from_u32) {
            out.push(c);
            rest = &tail[skip..];
        } else {
            out.push('\\');
            rest = tail;
        }
    }
    out.push_str(rest);
    out
}

const fn is_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b >= 0x80
}

const fn is_continued(b: u8) -> bool {
    is_start(b) || b.is_ascii_digit() || b == b'$'
}

const fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

const fn is_operator(b: u8) -> bool {
    matches!(
        b,
        b'~' | b'!'
            | b'@'
            | b'#'
            | b'^'
            | b'&'
            | b'|'
            | b'`'
            | b'?'
            | b'+'
            | b'-'
            | b'*'
            | b'/'
            | b'%'
            | b'<'
            | b'>'
            | b'='
    )
}

/// Reads tokens one by one. White space and comments are passed over.
pub struct Lexer<'a> {
    sql: &'a str,
    at: usize,
}

fn unterminated(what: &str, at: usize) -> SyntaxError {
    SyntaxError { message: format!("unterminated {what}"), offset: Some(at) }
}

impl<'a> Lexer<'a> {
    /// A lexer at the start of a text.
    pub const fn new(sql: &'a str) -> Self {
        Self { sql, at: 0 }
    }

    /// A lexer at a byte offset of a text.
    pub const fn from(sql: &'a str, at: usize) -> Self {
        Self { sql, at }
    }

    /// Where it stands.
    pub const fn position(&self) -> usize {
        self.at
    }

    fn byte(&self, i: usize) -> u8 {
        self.sql.as_bytes().get(i).copied().unwrap_or(0)
    }

    /// Passes over white space and comments.
    pub fn skip_trivia(&mut self) -> Result<(), SyntaxError> {
        let bytes = self.sql.as_bytes();
        loop {
            match self.byte(self.at) {
                b if is_space(b) => self.at += 1,
                b'-' if self.byte(self.at + 1) == b'-' => {
                    while self.at < bytes.len() && !matches!(bytes[self.at], b'\n' | b'\r') {
                        self.at += 1;
                    }
                }
                b'/' if self.byte(self.at + 1) == b'*' => {
                    let start = self.at;
                    let mut depth = 0usize;
                    loop {
                        match (self.byte(self.at), self.byte(self.at + 1)) {
                            (b'/', b'*') => {
                                depth += 1;
                                self.at += 2;
                            }
                            (b'*', b'/') => {
                                depth -= 1;
                                self.at += 2;
                                if depth == 0 {
                                    break;
                                }
                            }
                            _ if self.at >= bytes.len() => {
                                return Err(unterminated("comment", start));
                            }
                            _ => self.at += 1,
                        }
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// Reads up to the closing quote; `start` is where the token starts, `self.at` is behind the opening quote.
    fn quoted(&mut self, start: usize, quote: u8, escapes: bool, what: &str) -> Result<(), SyntaxError> {
        let len = self.sql.len();
        while self.at < len {
            let b = self.byte(self.at);
            if b == quote {
                if self.byte(self.at + 1) != quote {
                    self.at += 1;
                    return Ok(());
                }
                self.at += 2;
            } else if b == b'\\' && escapes {
                self.at += 2;
            } else {
                self.at += 1;
            }
        }
        self.at = len;
        Err(unterminated(what, start))
    }

    /// The next token; `None` at the end.
    ///
    /// # Errors
    /// A quoted string, identifier or comment that does not end.
    pub fn next_token(&mut self) -> Result<Option<Token>, SyntaxError> {
        self.skip_trivia()?;
        let start = self.at;
        if start >= self.sql.len() {
            return Ok(None);
        }
        let b = self.byte(start);
        let next = self.byte(start + 1);
        let kind = if b == b'\'' {
            self.at += 1;
            self.quoted(start, b'\'', false, "quoted string")?;
            Kind::Text
        } else if b == b'"' {
            self.at += 1;
            self.quoted(start, b'"', false, "quoted identifier")?;
            Kind::Quoted
        } else if matches!(b, b'e' | b'E' | b'n' | b'N') && next == b'\'' {
            self.at += 2;
            self.quoted(start, b'\'', matches!(b, b'e' | b'E'), "quoted string")?;
            Kind::Text
        } else if matches!(b, b'b' | b'B' | b'x' | b'X') && next == b'\'' {
            self.at += 2;
            self.quoted(start, b'\'', false, "bit string literal")?;
            Kind::Bits
        } else if matches!(b, b'u' | b'U') && next == b'&' && self.byte(start + 2) == b'\'' {
            self.at += 3;
            self.quoted(start, b'\'', false, "quoted string")?;
            Kind::Text
        } else if matches!(b, b'u' | b'U') && next == b'&' && self.byte(start + 2) == b'"' {
            self.at += 3;
            self.quoted(start, b'"', false, "quoted identifier")?;
            Kind::UnicodeQuoted
        } else if is_start(b) {
            while is_continued(self.byte(self.at)) {
                self.at += 1;
            }
            Kind::Word
        } else if b.is_ascii_digit() || (b == b'.' && next.is_ascii_digit()) {
            self.number();
            Kind::Number
        } else if b == b'$' {
            self.dollar(start)?
        } else if matches!(b, b'(' | b')' | b'[' | b']' | b',' | b';') {
            self.at += 1;
            Kind::Mark
        } else if b == b':' {
            self.at += if matches!(next, b':' | b'=') { 2 } else { 1 };
            Kind::Mark
        } else if b == b'.' {
            self.at += if next == b'.' { 2 } else { 1 };
            Kind::Mark
        } else if is_operator(b) {
            self.operator();
            Kind::Operator
        } else {
            // No token of SQL (`\`, `{`, a control character): one character, for PostgreSQL to refuse.
            self.at += 1;
            Kind::Operator
        };
        Ok(Some(Token { kind, start, end: self.at }))
    }

    fn number(&mut self) {
        while self.byte(self.at).is_ascii_digit() || self.byte(self.at) == b'_' {
            self.at += 1;
        }
        if self.byte(self.at) == b'.' && self.byte(self.at + 1) != b'.' {
            self.at += 1;
            while self.byte(self.at).is_ascii_digit() || self.byte(self.at) == b'_' {
                self.at += 1;
            }
        }
        if matches!(self.byte(self.at), b'e' | b'E') {
            let sign = usize::from(matches!(self.byte(self.at + 1), b'+' | b'-'));
            if self.byte(self.at + 1 + sign).is_ascii_digit() {
                self.at += 1 + sign;
            }
        }
        // Digits of an exponent or of `0x…`, or trailing junk, which PostgreSQL refuses.
        while is_continued(self.byte(self.at)) {
            self.at += 1;
        }
    }

    fn dollar(&mut self, start: usize) -> Result<Kind, SyntaxError> {
        if self.byte(start + 1).is_ascii_digit() {
            self.at += 1;
            while is_continued(self.byte(self.at)) {
                self.at += 1;
            }
            return Ok(Kind::Parameter);
        }
        let mut end = start + 1;
        if is_start(self.byte(end)) {
            while is_start(self.byte(end)) || self.byte(end).is_ascii_digit() {
                end += 1;
            }
        }
        if self.byte(end) != b'$' {
            self.at += 1;
            return Ok(Kind::Operator);
        }
        let tag = self.sql.get(start..=end).unwrap_or("$$");
        let body = self.sql.get(end + 1..).unwrap_or("");
        match body.find(tag) {
            Some(length) => {
                self.at = end + 1 + length + tag.len();
                Ok(Kind::Dollar)
            }
            None => Err(unterminated("dollar-quoted string", start)),
        }
    }

    fn operator(&mut self) {
        let start = self.at;
        while is_operator(self.byte(self.at)) {
            let two = (self.byte(self.at), self.byte(self.at + 1));
            if self.at > start && (two == (b'-', b'-') || two == (b'/', b'*')) {
                break;
            }
            self.at += 1;
        }
        // An operator of several characters ends in + or - only if it holds one of these.
        let special = |b: &u8| matches!(b, b'~' | b'!' | b'@' | b'#' | b'^' | b'&' | b'|' | b'`' | b'?' | b'%');
        if !self.sql.as_bytes()[start..self.at].iter().any(special) {
            while self.at > start + 1 && matches!(self.byte(self.at - 1), b'+' | b'-') {
                self.at -= 1;
            }
        }
    }
}

/// All tokens of a text.
///
/// # Errors
/// A quoted string, identifier or comment that does not end.
pub fn tokens(sql: &str) -> Result<Vec<Token>, SyntaxError> {
    let mut lexer = Lexer::new(sql);
    let mut out = Vec::with_capacity(sql.len() / 5 + 2);
    while let Some(token) = lexer.next_token()? {
        out.push(token);
    }
    Ok(out)
}

/// The index of the bracket that closes the one at `open`; `None` where there is none.
pub fn closing(sql: &str, tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        if token.kind == Kind::Mark {
            match token.text(sql) {
                "(" | "[" => depth += 1,
                ")" | "]" => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(i);
                    }
                }
                _ => {}
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<&str> {
        tokens(sql).expect("tokens").iter().map(|t| t.text(sql)).collect()
    }

    #[test]
    fn tokens_are_cut_as_postgresql_cuts_them() {
        assert_eq!(texts("a.b::int[]"), ["a", ".", "b", "::", "int", "[", "]"]);
        assert_eq!(texts("1.5e-3+2"), ["1.5e-3", "+", "2"]);
        assert_eq!(texts("a--b\nc"), ["a", "c"]);
        assert_eq!(texts("a/* x /* y */ z */b"), ["a", "b"]);
        assert_eq!(texts("a<-1"), ["a", "<", "-", "1"]);
        assert_eq!(texts("a@-1"), ["a", "@-", "1"]);
        assert_eq!(texts("a=--x\n1"), ["a", "=", "1"]);
        assert_eq!(texts("$f$ ; $$ ' $f$ $1"), ["$f$ ; $$ ' $f$", "$1"]);
        assert_eq!(texts(r"E'a\'b' 'c''d' '\'"), [r"E'a\'b'", "'c''d'", r"'\'"]);
        assert_eq!(texts("U&\"d\\0061t\" a$b é1"), ["U&\"d\\0061t\"", "a$b", "é1"]);
        assert_eq!(texts("1..2 x[1:2]"), ["1", "..", "2", "x", "[", "1", ":", "2", "]"]);
    }

    #[test]
    fn what_does_not_end_is_an_error_at_its_start() {
        for (sql, at) in [("a 'b", 2), ("\"", 0), ("/* /* */", 0), (" $x$ $y$", 1), ("E'\\'", 0)] {
            assert_eq!(tokens(sql).expect_err(sql).offset, Some(at), "{sql}");
        }
    }

    #[test]
    fn names_are_folded_and_unquoted() {
        for (sql, name) in [("Abc", "abc"), ("\"A\"\"b\"", "A\"b"), ("U&\"d\\0061t\\+000061\"", "data"), ("Ünï", "Ünï")]
        {
            assert_eq!(tokens(sql).expect(sql)[0].name(sql), name);
        }
    }

    #[test]
    fn agrees_with_the_scanner_of_postgresql() {
        let sql = "select a.b, \"C d\" || e'x\\'' , $1, 1.5e10, x'1f' from t where a >= 2 and b <> $q$x$q$ -- end\n;";
        let theirs: Vec<_> = pg_query::scan_tokens(sql)
            .expect("scan")
            .iter()
            .filter(|t| t.token != pg_query::protobuf::Token::SqlComment as i32)
            .map(|t| (t.start as usize, t.end as usize))
            .collect();
        let ours: Vec<_> = tokens(sql).expect("tokens").iter().map(|t| (t.start, t.end)).collect();
        assert_eq!(ours, theirs);
    }
}
