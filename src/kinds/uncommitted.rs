//! What a transaction has not done yet, and what cannot follow in it.
//!
//! Which statements use a new value of an enum: PostgreSQL lets it be used only once the transaction that adds it is committed, so
//! a script that is run as one transaction can hold the one or the other.
//!
//! A value is used where a constant of the type is read: in a default, a predicate, a view, a bound. A string body is not read before
//! it is run; a function that is run by the script itself, over rows, is.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::name::literal;
use crate::core::step::{Action, Step};
use crate::kinds::routine::Routine;
use crate::kinds::types::enums::Enum;
use crate::kinds::{KindTag, ensure};
use crate::sql::lexer::{Kind as TokenKind, Token, tokens};

/// Has what waits for the end of a transaction (deferred constraints) checked at once: PostgreSQL alters no table of which rows were
/// changed that are yet to be checked. Steps about rows have transactions of their own where `apply` runs them, so none of them
/// counts on being checked together with another.
pub const CHECKED_NOW: &str = "SET CONSTRAINTS ALL IMMEDIATE";

/// A value that is used before it can be.
#[derive(Debug, PartialEq)]
pub struct TooEarly<'a> {
    /// The enum.
    pub of: ObjectId,
    /// The value.
    pub value: String,
    /// The step that uses it.
    pub by: &'a Step,
}

impl TooEarly<'_> {
    /// What is wrong, in a sentence.
    pub fn words(&self) -> String {
        format!(
            "no single script does this: {} uses the new value {} of {}, which has to be committed first",
            self.by.object,
            literal(&self.value),
            self.of
        )
    }
}

/// The first step, in the order of the plan, that uses a value which an earlier one of the same steps adds to an enum.
pub fn too_early<'a>(steps: impl Iterator<Item = &'a Step>, from: &Catalog, to: &Catalog) -> Option<TooEarly<'a>> {
    let mut added: Vec<New<'_>> = Vec::new();
    for step in steps {
        if let Some(new) = added.iter().find_map(|new| new.used_by(step)) {
            return Some(TooEarly { of: new.0, value: new.1, by: step });
        }
        if ensure::must_commit(step) && !added.iter().any(|new| new.id == step.object) {
            added.extend(New::of(&step.object, from, to));
        }
    }
    None
}

/// The values that an enum gets.
struct New<'a> {
    id: ObjectId,
    values: Vec<&'a String>,
    to: &'a Catalog,
    /// Names of types that a constant of the enum may be a part of: its own, domains and composite types over it, row types.
    types: BTreeSet<String>,
    /// Routines whose bodies name a value.
    bodies: BTreeSet<ObjectId>,
}

/// A constant in a text, and how it is read.
struct Constant<'a> {
    text: Cow<'a, str>,
    /// The type that it is cast to.
    cast: Option<String>,
}

impl<'a> New<'a> {
    fn of(id: &ObjectId, from: &Catalog, to: &'a Catalog) -> Option<Self> {
        let (old, new) = (Enum::get(from, id)?, Enum::get(to, id)?);
        let values: Vec<&String> = new.values.iter().filter(|value| !old.values.contains(value)).collect();
        let mut types = BTreeSet::new();
        let mut queue = vec![id.clone()];
        let mut seen = BTreeSet::new();
        while let Some(next) = queue.pop() {
            if seen.insert(next.clone()) {
                types.insert(next.name().into_owned());
                let parts = to.below(&next).map(|(part, _)| part);
                let users = std::iter::once(&next).chain(parts).flat_map(|part| to.dependents(part));
                let holds = |kind: KindTag| {
                    use KindTag::{Column, Composite, CompositeAttribute, Domain, Table};
                    matches!(kind, Domain | Composite | CompositeAttribute | Table | Column)
                };
                queue.extend(users.map(|(user, _)| user).filter(|user| holds(user.kind())).map(ObjectId::top));
            }
        }
        let names_one = |routine: &Routine| {
            routine.body.as_ref().is_some_and(|body| values.iter().any(|value| body.contains(&literal(value))))
        };
        let bodies = to.iter().filter(|(_, object)| Routine::of(object).is_some_and(names_one));
        let bodies = bodies.map(|(routine, _)| routine.clone()).collect();
        Some(Self { id: id.clone(), values, to, types, bodies })
    }

    /// The enum and the value that a step uses.
    fn used_by(&self, step: &Step) -> Option<(ObjectId, String)> {
        let is_quiet = matches!(step.object.kind(), KindTag::Comment | KindTag::Enum | KindTag::Extension)
            || step.object.kind().is_component();
        if is_quiet {
            return None;
        }
        let found = self.in_text(step, &step.sql).or_else(|| {
            // What is run may name any of them.
            self.runs_one(step).then(|| self.values.first().map(|value| (*value).clone())).flatten()
        })?;
        Some((self.id.clone(), found))
    }

    /// A value that is a constant in the text of a step.
    fn in_text(&self, step: &Step, sql: &str) -> Option<String> {
        let all = tokens(sql).unwrap_or_default();
        let is_over_rows = step.action == Action::Data;
        let is_routine = step.object.kind() == KindTag::Routine;
        for (at, token) in all.iter().enumerate() {
            if token.kind == TokenKind::Dollar {
                let body = inside_dollars(token.text(sql));
                match is_over_rows {
                    // A block of ours: it is run at once.
                    true => {
                        if let Some(value) = self.in_text(step, body) {
                            return Some(value);
                        }
                    }
                    false if is_routine => {}
                    false if self.values.iter().any(|value| *value == body) => return Some(body.to_owned()),
                    false => {}
                }
                continue;
            }
            let cast = cast_behind(sql, &all, at);
            if token.kind != TokenKind::Text {
                // What is computed may be any value, where rows are read for it.
                let over_rows = is_over_rows || step.object.kind().info().copies || retypes(step);
                if over_rows && cast.is_some_and(|name| self.types.contains(&name)) {
                    return self.values.first().map(|value| (*value).clone());
                }
                continue;
            }
            let constant = Constant { text: unquoted(token.text(sql)), cast };
            if let Some(value) = self.values.iter().find(|value| self.is_in(&constant, value, step)) {
                return Some((*value).clone());
            }
        }
        None
    }

    /// Whether a constant is the value, or may hold it.
    fn is_in(&self, constant: &Constant<'_>, value: &str, step: &Step) -> bool {
        let is_whole = constant.text == value;
        let may_hold = || {
            constant.text.starts_with(['{', '(', '[']) && {
                let word = |c: char| c.is_alphanumeric() || c == '_';
                constant.text.match_indices(value).any(|(at, _)| {
                    let (before, behind) = (&constant.text[..at], &constant.text[at + value.len()..]);
                    !before.ends_with(word) && !behind.starts_with(word)
                })
            }
        };
        match &constant.cast {
            Some(name) => self.types.contains(name) && (is_whole || may_hold()),
            None => match step.object.kind() {
                // Arguments are texts, and a condition is printed with its casts; so are the settings of a routine.
                KindTag::Trigger | KindTag::Routine => false,
                _ => (is_whole || may_hold()) && (step.action == Action::Data || self.is_connected(&step.object)),
            },
        }
    }

    /// Whether an object, or its table, has anything of the type.
    fn is_connected(&self, id: &ObjectId) -> bool {
        let top = id.top();
        let parts = self.to.below(&top).map(|(part, _)| part.clone());
        self.to.closure(parts.chain([top.clone()])).contains(&self.id)
    }

    /// Whether a step runs a routine whose body names a value.
    fn runs_one(&self, step: &Step) -> bool {
        if self.bodies.is_empty() {
            return false;
        }
        let mut run: Vec<ObjectId> = Vec::new();
        match step.object.kind() {
            _ if step.action != Action::Data && step.action != Action::Create => return false,
            _ if step.action == Action::Data => {
                let written = step.writes.iter().flat_map(|table| self.to.children(table, KindTag::Trigger));
                run.extend(written.map(|(trigger, _)| trigger.clone()));
                let names = |routine: &ObjectId| {
                    let name = routine.name();
                    let name = name.split('(').next().unwrap_or_default().trim_matches('"').to_owned();
                    !name.is_empty() && step.sql.contains(&format!("{name}("))
                };
                if self.bodies.iter().any(names) {
                    return true;
                }
            }
            KindTag::Index | KindTag::Constraint | KindTag::Column | KindTag::DomainConstraint => {
                run.extend(self.to.below(&step.object).map(|(part, _)| part.clone()).chain([step.object.clone()]));
            }
            kind if kind.info().copies => run.push(step.object.clone()),
            _ => return false,
        }
        self.to.closure(run).iter().any(|id| self.bodies.contains(id))
    }
}

/// Whether a step gives a column another type, which reads its values as ones of that.
fn retypes(step: &Step) -> bool {
    step.action == Action::Alter && matches!(step.object.kind(), KindTag::Column | KindTag::CompositeAttribute)
}

/// The name of the type that is behind `::` after a token.
fn cast_behind(sql: &str, all: &[Token], at: usize) -> Option<String> {
    let mut rest = all.get(at + 1..)?.iter();
    if !rest.next()?.is_mark(sql, "::") {
        return None;
    }
    let mut name = rest.next().filter(|token| token.is_name())?.name(sql).into_owned();
    while rest.next().is_some_and(|token| token.is_mark(sql, "."))
        && let Some(next) = rest.next().filter(|token| token.is_name())
    {
        name = next.name(sql).into_owned();
    }
    Some(name)
}

fn inside_dollars(text: &str) -> &str {
    let end = text.get(1..).and_then(|rest| rest.find('$')).map_or(0, |at| at + 2);
    text.get(end..text.len().saturating_sub(end)).unwrap_or_default()
}

/// A string constant's content, but for escapes that values of enums seldom hold.
fn unquoted(text: &str) -> Cow<'_, str> {
    let Some(start) = text.find('\'') else { return Cow::Borrowed(text) };
    let inner = text.get(start + 1..text.len().saturating_sub(1)).unwrap_or_default();
    let has_escapes = text.starts_with(['E', 'e']) && inner.contains('\\');
    if !has_escapes && !inner.contains("''") {
        return Cow::Borrowed(inner);
    }
    let plain = inner.replace("''", "'");
    Cow::Owned(if has_escapes { plain.replace("\\\\", "\\") } else { plain })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::catalog::{CatalogBuilder, Edge};
    use crate::core::step::Transaction;
    use crate::kinds::Object;
    use crate::kinds::table::Table;
    use crate::kinds::types::composite::Composite;

    fn enum_of(values: &[&str]) -> Object {
        Object::from(Enum { values: values.iter().map(|&v| v.to_owned()).collect() })
    }

    fn user(sql: &str, kind: KindTag, action: Action) -> Step {
        let table = ObjectId::in_schema(KindTag::Table, "public", "t");
        let id = match kind {
            KindTag::View | KindTag::MaterializedView => ObjectId::in_schema(kind, "public", "v"),
            KindTag::Routine => ObjectId::in_schema(kind, "public", "f()"),
            _ => table.child(kind, "x"),
        };
        Step { action, ..Step::create(&id, sql.to_owned()) }
    }

    fn used(sql: &str, kind: KindTag, action: Action) -> bool {
        let id = ObjectId::in_schema(KindTag::Enum, "public", "mood");
        let domain = ObjectId::in_schema(KindTag::Composite, "public", "good mood");
        let table = ObjectId::in_schema(KindTag::Table, "public", "t");
        let catalog = |values: &[&str]| {
            let mut builder = CatalogBuilder::new();
            builder.put(id.clone(), enum_of(values));
            builder.put(domain.clone(), Composite {});
            builder.put(table.clone(), Table::default());
            builder.depend(&domain, &id, Edge::Hard);
            builder.depend(&table, &domain, Edge::Hard);
            builder.finish_unchecked()
        };
        let add = Step::alter(&id, "ALTER TYPE public.mood ADD VALUE 'it''s'".to_owned()).transaction(Transaction::Own);
        let step = user(sql, kind, action);
        let steps = [add, step];
        too_early(steps.iter(), &catalog(&["ok"]), &catalog(&["ok", "it's"])).is_some()
    }

    #[test]
    fn a_constant_of_the_type_is_a_use() {
        for (sql, kind) in [
            ("ALTER TABLE t ALTER x SET DEFAULT 'it''s'::mood", KindTag::Default),
            ("CREATE INDEX x ON t (a) WHERE b = 'it''s'::public.mood", KindTag::Index),
            ("CREATE VIEW v AS SELECT '{ok,it''s}'::mood[] AS a", KindTag::View),
            ("CREATE VIEW v AS SELECT 'it''s'::\"good mood\" AS a", KindTag::View),
            ("CREATE VIEW v AS SELECT '(1,it''s)'::t AS a", KindTag::View),
            ("CREATE TABLE p PARTITION OF t FOR VALUES IN ('it''s')", KindTag::Attachment),
            ("CREATE FUNCTION f() RETURNS mood LANGUAGE sql BEGIN ATOMIC SELECT 'it''s'::mood; END", KindTag::Routine),
        ] {
            assert!(used(sql, kind, Action::Create), "{sql}");
        }
        assert!(used("UPDATE t SET a = 'it''s'", KindTag::Column, Action::Data));
        assert!(used("UPDATE t SET a = b::mood", KindTag::Column, Action::Data));
        assert!(used("ALTER TABLE t ALTER x TYPE mood USING x::mood", KindTag::Column, Action::Alter));
    }

    #[test]
    fn other_texts_are_none() {
        for (sql, kind) in [
            ("ALTER TABLE t ALTER x SET DEFAULT 'it''s'::text", KindTag::Default),
            ("ALTER TABLE t ALTER x SET DEFAULT 'ok'::mood", KindTag::Default),
            ("COMMENT ON TABLE t IS 'it''s'", KindTag::Comment),
            ("CREATE TRIGGER x AFTER INSERT ON t EXECUTE FUNCTION f('it''s')", KindTag::Trigger),
            ("CREATE FUNCTION f() RETURNS mood LANGUAGE sql AS $$ SELECT 'it''s'::mood $$", KindTag::Routine),
            ("CREATE VIEW v AS SELECT a::mood FROM t", KindTag::View),
        ] {
            assert!(!used(sql, kind, Action::Create), "{sql}");
        }
        assert!(!used("UPDATE t SET a = 'it''s'::text", KindTag::Column, Action::Data));
    }
}
