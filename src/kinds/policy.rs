//! Row-level security policies (`pg_policy`; CREATE POLICY).

use std::sync::Arc;

use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::name::{Ident, role};
use crate::core::step::{HazardKind, LockMode, Phase, Step};
use crate::declare::context::DeclareContext;
use crate::introspect::{Printer, Reader, Row};
use crate::kinds::common::{Declare, Introspect, WriteContext};
use crate::kinds::{Attribute, Change, Kind, KindInfo, Mention, Mentions, Object};
use crate::plan::context::PlanContext;
use crate::yaml::{Definition, Fields, Key, KeyDoc, Node, Out, Shape};

attributes! {
    /// A policy of a table.
    pub struct Policy {
        /// Permissive policies are joined by OR; restrictive ones by AND.
        permissive: bool => Replace,
        /// `all`, `select`, `insert`, `update` or `delete`.
        command: String => Replace,
        /// The roles it applies to, sorted; `public` is every role.
        roles: Vec<String> => Restate,
        /// Which existing rows are visible.
        using: Option<String> => RestateIf(|c| c.new.using.is_some()),
        /// Which new rows are allowed.
        check: Option<String> => RestateIf(|c| c.new.check.is_some()),
    }
}

impl Policy {
    fn clauses(&self) -> String {
        let mut sql = String::new();
        if let Some(using) = &self.using {
            sql.push_str(&format!(" USING ({using})"));
        }
        if let Some(check) = &self.check {
            sql.push_str(&format!(" WITH CHECK ({check})"));
        }
        sql
    }

    fn roles_sql(&self) -> String {
        self.roles.iter().map(|r| role(r)).collect::<Vec<_>>().join(", ")
    }
}

impl Kind for Policy {
    const INFO: KindInfo = KindInfo::new("policy", "policy");
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("POLICY {} ON {}", Ident(&id.name()), id.top_sql())
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let mut sql = format!("CREATE {}", self.address(id));
        if !self.permissive {
            sql.push_str(" AS RESTRICTIVE");
        }
        if self.command != "all" {
            sql.push_str(&format!(" FOR {}", self.command.to_uppercase()));
        }
        if self.roles != ["public"] {
            sql.push_str(&format!(" TO {}", self.roles_sql()));
        }
        sql.push_str(&self.clauses());
        let step = cx.locked(Step::create(id, sql), LockMode::AccessExclusive, &id.top());
        vec![if cx.is_new(&id.top()) {
            step
        } else {
            step.hazard(HazardKind::Access, "changes which rows roles may see or change")
        }]
    }

    fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let step = Step::drop(id, format!("DROP {}", self.address(id)))
            .hazard(HazardKind::Access, "changes which rows roles may see or change");
        vec![cx.locked(step, LockMode::AccessExclusive, &id.top())]
    }

    fn restate(change: &Change<'_, Self>) -> Vec<Step> {
        let (new, old) = (change.new, change.old);
        let mut sql = format!("ALTER {}", new.address(change.id));
        if new.roles != old.roles {
            sql.push_str(&format!(" TO {}", new.roles_sql()));
        }
        if new.using != old.using || new.check != old.check {
            sql.push_str(&new.clauses());
        }
        // Code that is about to go still relies on the old rule.
        let step = Step::alter(change.id, sql)
            .phase(Phase::Contract)
            .hazard(HazardKind::Access, "changes which rows roles may see or change");
        vec![change.cx.locked(step, LockMode::AccessExclusive, &change.id.top())]
    }

    fn mentions(&self, _id: &ObjectId, out: &mut Mentions) {
        for text in self.using.iter().chain(&self.check) {
            out.add(Mention::Expression(text.clone()));
        }
    }
}

impl Introspect for Policy {
    const QUERY: &'static str = include_str!("policy.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let oid = row.number("oid")?;
        let relation = row.number("relation")?;
        let Some(table) = out.at("pg_class", relation, 0).cloned() else { return Ok(()) };
        let id = table.child(crate::kinds::KindTag::Policy, row.text("name")?);
        let command = match row.char("command")? {
            'r' => "select",
            'a' => "insert",
            'w' => "update",
            'd' => "delete",
            _ => "all",
        };
        let mut roles: Vec<String> = row.list("roles")?.iter().map(|r| out.role(r.parse().unwrap_or(0))).collect();
        roles.sort();
        let permissive = row.bool("permissive")?;
        let (using, check) = (row.opt("using")?, row.opt("check")?);
        let now = |text: Option<&str>| text.filter(|_| !out.prints_later).map(unwrapped);
        let policy = Self { permissive, command: command.to_owned(), roles, using: now(using), check: now(check) };
        let later = out.prints_later;
        let handle = out.add(id, policy, "pg_policy", oid, 0);
        for (tree, printer) in [(using, &USING), (check, &CHECK)] {
            if let Some(tree) = tree.filter(|_| later) {
                out.print_later(printer, tree, relation, oid, handle);
            }
        }
        Ok(())
    }
}

static USING: Printer = Printer {
    query: "select oid, pg_get_expr(polqual, polrelid) from pg_policy where oid = any ($oids)",
    set: |object, text| {
        if let Object::Policy(policy) = object {
            Arc::make_mut(policy).using = text.map(unwrapped);
        }
    },
};

static CHECK: Printer = Printer {
    query: "select oid, pg_get_expr(polwithcheck, polrelid) from pg_policy where oid = any ($oids)",
    set: |object, text| {
        if let Object::Policy(policy) = object {
            Arc::make_mut(policy).check = text.map(unwrapped);
        }
    },
};

/// `pg_get_expr` puts parentheses around a whole operator expression; without them the text reads as people write it.
pub(crate) fn unwrapped(text: &str) -> String {
    let text = &*crate::sql::expression_in_one_form(text);
    let Some(inner) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) else { return text.to_owned() };
    // The parentheses of a subquery are part of the expression.
    let first = inner.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    if ["select", "with", "values"].iter().any(|word| first.eq_ignore_ascii_case(word)) {
        return text.to_owned();
    }
    // The two must be each other's partners: in `(a) or (b)` they are not.
    let (mut depth, mut quote) = (0_i32, None);
    for c in inner.chars() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return text.to_owned();
        }
    }
    // A backslash inside an E'' literal could hide a quote; leave such texts alone.
    if depth == 0 && quote.is_none() && !inner.contains('\\') { inner.to_owned() } else { text.to_owned() }
}

const COMMANDS: &[&str] = &["all", "select", "insert", "update", "delete"];

impl Declare for Policy {
    const DEFINITION: Definition = Definition {
        name: "policies",
        doc: "Row-level security policies of a table.",
        scalar: None,
        keys: &[
            KeyDoc {
                name: "for",
                doc: "The command: all (default), select, insert, update or delete.",
                shape: Shape::OneOf(COMMANDS),
            },
            KeyDoc { name: "to", doc: "The roles; default public.", shape: Shape::TextList },
            KeyDoc {
                name: "as",
                doc: "permissive (default) or restrictive.",
                shape: Shape::OneOf(&["permissive", "restrictive"]),
            },
            KeyDoc { name: "using", doc: "Which existing rows are visible.", shape: Shape::Text },
            KeyDoc { name: "check", doc: "Which new rows are allowed (WITH CHECK).", shape: Shape::Text },
            KeyDoc { name: "comment", doc: "COMMENT ON POLICY.", shape: Shape::Text },
            KeyDoc { name: "was", doc: "The name the policy had before.", shape: Shape::Text },
        ],
    };

    fn declare(parent: Option<&ObjectId>, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
        let Some(table) = parent else {
            return Err(Diagnostic::error("misplaced", "policies stand inside a table").at(key.location.clone()));
        };
        let id = table.child(crate::kinds::KindTag::Policy, &key.text);
        let fields = Fields::of(node, "a policy", Self::DEFINITION.keys)?;
        let mut roles = fields
            .text_list("to")?
            .map_or_else(|| vec!["public".to_owned()], |r| r.into_iter().map(str::to_owned).collect());
        roles.sort();
        roles.dedup();
        // A text that is word for word what the live catalog says is known, and need not be parsed.
        let live = cx.known(&id).and_then(Self::of);
        let known = |key, found: Option<&String>| {
            let text = fields.get(key).and_then(|node| node.text()).map(str::trim);
            found.filter(|found| text == Some(found.as_str())).cloned()
        };
        let (using, check) =
            (known("using", live.and_then(|p| p.using.as_ref())), known("check", live.and_then(|p| p.check.as_ref())));
        let policy = Self {
            permissive: fields.one_of("as")?.unwrap_or("permissive") == "permissive",
            command: fields.one_of("for")?.unwrap_or("all").to_owned(),
            roles,
            using: if using.is_some() { using } else { cx.expression(&fields, "using")? },
            check: if check.is_some() { check } else { cx.expression(&fields, "check")? },
        };
        cx.was(&fields, &id)?;
        cx.add(id.clone(), policy, &key.location)?;
        cx.components(&fields, &id)
    }

    fn write(&self, id: &ObjectId, cx: &WriteContext<'_>) -> Out {
        let mut entries = Vec::new();
        if !self.permissive {
            entries.push(("as".to_owned(), Out::text("restrictive")));
        }
        if self.command != "all" {
            entries.push(("for".to_owned(), Out::text(&self.command)));
        }
        if self.roles != ["public"] {
            entries.push(("to".to_owned(), Out::Flow(self.roles.iter().map(Out::text).collect())));
        }
        for (name, text) in [("using", &self.using), ("check", &self.check)] {
            if let Some(text) = text {
                entries.push((name.to_owned(), Out::block(text)));
            }
        }
        entries.extend(cx.components(id));
        Out::Map(entries)
    }
}
