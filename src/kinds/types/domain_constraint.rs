//! CHECK constraints of domains (`pg_constraint` by `contypid`; ALTER DOMAIN … ADD CONSTRAINT).
//!
//! NOT NULL is an attribute of the domain itself.

use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::name::Ident;
use crate::core::step::{HazardKind, LockMode, Phase, Step, Transaction};
use crate::declare::context::DeclareContext;
use crate::introspect::{Reader, Row};
use crate::kinds::common::{Declare, Introspect, WriteContext};
use crate::kinds::policy::unwrapped;
use crate::kinds::table::premise;
use crate::kinds::types::{fragment, is_held_within, scanning, tables_using};
use crate::kinds::{Attribute, Kind, KindInfo, KindTag, Mention, Mentions};
use crate::plan::context::PlanContext;
use crate::yaml::{Definition, Fields, Key, KeyDoc, Node, Out, Shape};

attributes! {
    /// A CHECK constraint of a domain.
    pub struct DomainConstraint {
        /// What must hold of `VALUE`.
        check: String => Replace,
        /// Whether it is known to hold of the rows that were there before it.
        validated: bool => AlterIf(|c| c.new.validated, |c| vec![validate(c.id, c.cx)]),
    }
}

/// Checks the rows that were there before the constraint, in a step of its own.
fn validate(id: &ObjectId, cx: &PlanContext<'_>) -> Step {
    let domain = id.top();
    let sql = format!("ALTER DOMAIN {} VALIDATE CONSTRAINT {}", domain.sql(), Ident(&id.name()));
    let step = Step::alter(id, sql).phase(Phase::Contract).transaction(Transaction::Own).rank(1);
    scanning(step, &domain, LockMode::Share, cx).premise(premise::of_check(id, cx))
}

impl DomainConstraint {
    /// `CONSTRAINT c CHECK (…)`, as it stands in CREATE DOMAIN and behind ADD.
    pub(crate) fn clause(&self, id: &ObjectId) -> String {
        format!("CONSTRAINT {} CHECK ({})", Ident(&id.name()), self.check)
    }
}

impl Kind for DomainConstraint {
    const INFO: KindInfo = KindInfo { foldable: true, ..KindInfo::new("domain_constraint", "constraint") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("CONSTRAINT {} ON DOMAIN {}", Ident(&id.name()), id.top_sql())
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let domain = id.top();
        let sql = format!("ALTER DOMAIN {} ADD {}", domain.sql(), self.clause(id));
        if cx.is_new(&domain) || tables_using(&domain, cx).is_empty() {
            let suffix = if self.validated { "" } else { " NOT VALID" };
            return vec![Step::create(id, format!("{sql}{suffix}"))];
        }
        // New values are checked from now on; the rows that are there already, in a second step.
        let add = Step::create(id, format!("{sql} NOT VALID"))
            .phase(Phase::Contract)
            .hazard(HazardKind::Breaking, "values that the constraint does not allow are refused");
        let mut steps = vec![add];
        if self.validated {
            let validate = validate(id, cx);
            // It is made again around a change of the type that the domain is of, and the domain stays.
            steps.push(match is_held_within(&domain, cx) {
                true => validate.hindered(
                    format!("values of {} are held inside of others, where PostgreSQL checks none", domain.sql_path()),
                    "have the columns whose values hold the domain in another form meanwhile (text), or declare a second type and a second domain \
                     and move the values over",
                ),
                false => validate,
            });
        }
        steps
    }

    fn drop(&self, id: &ObjectId, _cx: &PlanContext<'_>) -> Vec<Step> {
        vec![Step::drop(id, format!("ALTER DOMAIN {} DROP CONSTRAINT {}", id.top_sql(), Ident(&id.name())))]
    }

    fn rebuilds(&self, id: &ObjectId, old: Option<&Self>, cx: &PlanContext<'_>) -> Vec<ObjectId> {
        let domain = id.top();
        let asks = self.validated && old.is_none_or(|old| old.check != self.check || !old.validated);
        let held = asks && cx.from.contains(&domain) && is_held_within(&domain, cx);
        Vec::from_iter(held.then_some(domain))
    }

    fn rename(&self, old: &ObjectId, new: &ObjectId) -> Vec<Step> {
        let (from, to) = (old.name(), new.name());
        let sql = format!("ALTER DOMAIN {} RENAME CONSTRAINT {} TO {}", new.top_sql(), Ident(&from), Ident(&to));
        // Nothing refers to a constraint of a domain by name, so nothing waits for this.
        vec![Step::rename(old, sql).phase(Phase::Expand)]
    }

    fn mentions(&self, _id: &ObjectId, out: &mut Mentions) {
        out.add(Mention::Expression(self.check.clone()));
    }

    /// CREATE DOMAIN has no NOT VALID.
    fn folds(&self, _id: &ObjectId, _cx: &PlanContext<'_>) -> bool {
        self.validated
    }
}

impl Introspect for DomainConstraint {
    const QUERY: &'static str = include_str!("domain_constraint.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let oid = row.number("oid")?;
        let Some(domain) = out.at("pg_type", row.number("domain")?, 0) else { return Ok(()) };
        let id = domain.child(KindTag::DomainConstraint, row.text("name")?);
        let constraint = Self { check: unwrapped(row.text("check")?), validated: row.bool("validated")? };
        out.add(id, constraint, "pg_constraint", oid, 0);
        Ok(())
    }
}

impl Declare for DomainConstraint {
    const DEFINITION: Definition = Definition {
        name: "domain_constraints",
        doc: "CHECK constraints of a domain.",
        scalar: Some("the constraint: `check (value ~ '@')`"),
        keys: &[
            KeyDoc { name: "check", doc: "What must hold of `value`.", shape: Shape::Sql },
            KeyDoc {
                name: "validated",
                doc: "Whether rows that were there before it are known to hold; default true.",
                shape: Shape::Boolean,
            },
            KeyDoc { name: "comment", doc: "COMMENT ON CONSTRAINT.", shape: Shape::Text },
            KeyDoc { name: "was", doc: "The name the constraint had before.", shape: Shape::Name },
        ],
    };

    fn declare(parent: Option<&ObjectId>, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
        let Some(domain) = parent else {
            return Err(
                Diagnostic::error("misplaced", "this constraint stands outside a domain").at(key.location.clone())
            );
        };
        let id = domain.child(KindTag::DomainConstraint, &key.text);
        if node.entries().is_none() {
            let text = node.as_word("a constraint", "`check (…)`")?;
            let constraint = fragment::constraint(text, node)?;
            return cx.add(id, constraint, &key.location);
        }
        let fields = Fields::of(node, "a constraint of a domain", Self::DEFINITION.keys)?;
        fields.require("check")?;
        let check = cx.expression(&fields, "check")?.unwrap_or_default();
        let validated = fields.bool("validated")?.unwrap_or(true);
        cx.was(&fields, &id)?;
        cx.add(id.clone(), Self { check, validated }, &key.location)?;
        cx.components(&fields, &id)
    }

    fn write(&self, id: &ObjectId, cx: &WriteContext<'_>) -> Out {
        let components = cx.components(id);
        if components.is_empty() && self.validated {
            return Out::text(format!("check ({})", self.check));
        }
        let mut entries = vec![("check".to_owned(), Out::Block(self.check.clone()))];
        if !self.validated {
            entries.push(("validated".to_owned(), Out::Bool(false)));
        }
        entries.extend(components);
        Out::Map(entries)
    }
}
