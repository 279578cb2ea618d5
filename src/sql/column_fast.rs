//! The common column definitions, read without the grammar: a project of 10,000 tables has 100,000 of them.
//!
//! Whatever is not plainly one of the forms below is left to `column_by_grammar`; a test checks that both agree.

use super::ConstraintType;
use super::column::{ColumnParts, SerialKind, column_constraint, has_attributes};
use super::constraint::{ConstraintParts, Facts};
use super::fragment::Piece;
use super::lexer::{Kind, Lexer, Token};
use crate::core::name::is_bare;

struct Reader<'a> {
    sql: &'a str,
    tokens: Vec<Token>,
    at: usize,
}

/// `type [not null] [default literal] [primary key] [unique] [references t (a)]`; `None` for everything else.
pub(super) fn column(name: &str, sql: &str) -> Option<ColumnParts> {
    let mut lexer = Lexer::new(sql);
    let mut tokens = Vec::with_capacity(12);
    while let Some(token) = lexer.next_token().ok()? {
        if token.is_mark(sql, ";") || tokens.len() > 60 {
            return None;
        }
        tokens.push(token);
    }
    if sql.contains('\0') {
        return None;
    }
    let mut reader = Reader { sql, tokens, at: 0 };
    let is_serial = match reader.tokens.get(1) {
        Some(next) if next.is_mark(sql, ".") => None,
        _ => reader.tokens.first().and_then(|t| SerialKind::of(&t.name(sql))),
    };
    let (_, end) = reader.type_name()?;
    let mut out =
        ColumnParts { type_name: Piece::of(sql, reader.tokens.get(..end)?)?, is_serial, ..ColumnParts::default() };
    while reader.at < reader.tokens.len() {
        reader.qualifier(name, &mut out)?;
    }
    let clash = out.null && out.not_null.is_some() || out.is_serial.is_some() && out.default.is_some();
    (!clash).then_some(out)
}

impl Reader<'_> {
    fn word(&self, ahead: usize) -> Option<String> {
        let token = self.tokens.get(self.at + ahead)?;
        (token.kind == Kind::Word).then(|| token.text(self.sql).to_ascii_lowercase())
    }

    fn is(&self, ahead: usize, word: &str) -> bool {
        self.tokens.get(self.at + ahead).is_some_and(|t| t.is(self.sql, word))
    }

    fn mark(&self, ahead: usize, mark: &str) -> bool {
        self.tokens.get(self.at + ahead).is_some_and(|t| t.is_mark(self.sql, mark))
    }

    fn kind(&self, ahead: usize) -> Option<Kind> {
        self.tokens.get(self.at + ahead).map(|t| t.kind)
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.is(0, word);
        self.at += usize::from(found);
        found
    }

    fn take_mark(&mut self, mark: &str) -> bool {
        let found = self.mark(0, mark);
        self.at += usize::from(found);
        found
    }

    /// `(1)` or `(1, 2)`, if there is one.
    fn numbers(&mut self, most: usize) -> Option<()> {
        if !self.take_mark("(") {
            return Some(());
        }
        for i in 0..most {
            let number = self.tokens.get(self.at).filter(|t| t.kind == Kind::Number)?;
            number.text(self.sql).bytes().all(|b| b.is_ascii_digit()).then_some(())?;
            self.at += 1;
            if self.take_mark(")") {
                return Some(());
            }
            if i + 1 == most || !self.take_mark(",") {
                return None;
            }
        }
        None
    }

    /// A type; the range of its tokens.
    fn type_name(&mut self) -> Option<(usize, usize)> {
        let start = self.at;
        let word = self.word(0)?;
        self.at += 1;
        match word.as_str() {
            "timestamp" | "time" => {
                self.numbers(1)?;
                if self.is(0, "with") || self.is(0, "without") {
                    if !(self.is(1, "time") && self.is(2, "zone")) {
                        return None;
                    }
                    self.at += 3;
                }
            }
            "double" => self.take("precision").then_some(())?,
            "character" | "bit" => {
                self.take("varying");
                self.numbers(1)?;
            }
            "varchar" | "char" | "float" => self.numbers(1)?,
            "numeric" | "decimal" => self.numbers(2)?,
            "int" | "integer" | "smallint" | "bigint" | "real" | "boolean" | "interval" => {}
            other if is_bare(other) => {
                if self.take_mark(".") {
                    let second = self.word(0).filter(|w| is_bare(w))?;
                    self.at += 1;
                    // `timestamp`, `double` and the like mean something else behind a schema; the grammar knows.
                    if second == "double" {
                        return None;
                    }
                }
                self.numbers(2)?;
            }
            _ => return None,
        }
        while self.take_mark("[") {
            if self.kind(0) == Some(Kind::Number) {
                let digits = self.tokens.get(self.at)?.text(self.sql).bytes().all(|b| b.is_ascii_digit());
                digits.then(|| self.at += 1)?;
            }
            self.take_mark("]").then_some(())?;
        }
        Some((start, self.at))
    }

    fn qualifier(&mut self, name: &str, out: &mut ColumnParts) -> Option<()> {
        let start = self.at;
        let word = self.word(0)?;
        self.at += 1;
        match word.as_str() {
            "not" => {
                (self.take("null") && !self.is(0, "no") && out.not_null.is_none()).then_some(())?;
                out.not_null = Some(None);
            }
            "null" => out.null = true,
            "primary" => {
                self.take("key").then_some(())?;
                out.constraints.push(self.constraint(name, start, ConstraintType::PrimaryKey, None)?);
            }
            "unique" => out.constraints.push(self.constraint(name, start, ConstraintType::Unique, None)?),
            "default" => {
                self.literal()?;
                let piece = Piece::of(self.sql, self.tokens.get(start + 1..self.at)?)?;
                out.default.replace(piece).is_none().then_some(())?;
            }
            "references" => {
                let references = self.references()?;
                out.constraints.push(self.constraint(name, start, ConstraintType::ForeignKey, Some(references))?);
            }
            _ => return None,
        }
        Some(())
    }

    fn constraint(
        &self,
        name: &str,
        start: usize,
        constraint_type: ConstraintType,
        references: Option<super::fragment::RelationRef>,
    ) -> Option<ConstraintParts> {
        let tokens = self.tokens.get(start..self.at)?;
        let facts = Facts { constraint_type, columns: Vec::new(), references, using_index: None };
        (!has_attributes(self.sql, tokens)).then(|| column_constraint(name, self.sql, tokens, facts))
    }

    fn literal(&mut self) -> Option<()> {
        match self.kind(0)? {
            Kind::Number => self.at += 1,
            Kind::Operator if self.mark(0, "-") && self.kind(1) == Some(Kind::Number) => self.at += 2,
            Kind::Text => {
                let text = self.tokens.get(self.at)?.text(self.sql);
                (text.starts_with('\'') && self.kind(1) != Some(Kind::Text)).then(|| self.at += 1)?;
            }
            Kind::Word => {
                let word = self.word(0)?;
                self.at += 1;
                match word.as_str() {
                    "true" | "false" | "null" | "current_timestamp" | "current_date" | "current_user"
                    | "localtimestamp" => {}
                    other if is_bare(other) => {
                        if self.take_mark(".") {
                            self.word(0).filter(|w| is_bare(w))?;
                            self.at += 1;
                        }
                        self.take_mark("(").then_some(())?;
                        if self.kind(0) == Some(Kind::Text) {
                            self.literal()?;
                        }
                        self.take_mark(")").then_some(())?;
                    }
                    _ => return None,
                }
            }
            _ => return None,
        }
        if self.take_mark("::") {
            self.type_name()?;
        }
        Some(())
    }

    fn name(&mut self) -> Option<String> {
        let token = *self.tokens.get(self.at)?;
        let name = token.name(self.sql).into_owned();
        let plain = match token.kind {
            Kind::Word => is_bare(&name),
            Kind::Quoted => !name.is_empty() && name.len() < 64,
            _ => false,
        };
        self.at += 1;
        plain.then_some(name)
    }

    fn references(&mut self) -> Option<super::fragment::RelationRef> {
        let mut schema = None;
        let mut table = self.name()?;
        if self.take_mark(".") {
            schema = Some(std::mem::replace(&mut table, self.name()?));
        }
        let mut columns = Vec::new();
        if self.take_mark("(") {
            loop {
                columns.push(self.name()?);
                if self.take_mark(")") {
                    break;
                }
                self.take_mark(",").then_some(())?;
            }
        }
        let (mut on_delete, mut on_update) = (false, false);
        while self.take("on") {
            let seen = if self.take("delete") {
                &mut on_delete
            } else if self.take("update") {
                &mut on_update
            } else {
                return None;
            };
            if std::mem::replace(seen, true) {
                return None;
            }
            if self.take("set") {
                (self.take("null") || self.take("default")).then_some(())?;
                if self.mark(0, "(") {
                    return None;
                }
            } else if self.take("no") {
                self.take("action").then_some(())?;
            } else {
                (self.take("cascade") || self.take("restrict")).then_some(())?;
            }
        }
        Some((schema, table, columns))
    }
}
