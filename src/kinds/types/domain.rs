//! Domains (`pg_type` of type `d`; CREATE DOMAIN). Their CHECK constraints are objects of their own.

use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::core::name::{Ident, dollar_quoted, literal};
use crate::core::step::{HazardKind, LockMode, Phase, Step, Transaction};
use crate::core::versions;
use crate::declare::context::DeclareContext;
use crate::introspect::{Reader, Row};
use crate::kinds::common::{Declare, Introspect, WriteContext, generated_name};
use crate::kinds::component::comment;
use crate::kinds::table::premise;
use crate::kinds::types::domain_constraint::DomainConstraint;
use crate::kinds::types::{
    OWNER, USAGE, WAS, collation_from_yaml, collation_to_yaml, fragment, is_held_within, scanning, tables_using,
};
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag, Mention, Mentions};
use crate::plan::context::PlanContext;
use crate::yaml::{Definition, Fields, Key, KeyDoc, Node, Out, Shape};

attributes! {
    /// A domain: a type with a default and conditions of its own.
    pub struct Domain {
        /// The type it is based on, with its modifiers. PostgreSQL cannot change it.
        type_name: String => Swap(|_| None),
        /// The collation (SQL text), where it is not the type's own. PostgreSQL cannot change it.
        collation: Option<String> => Swap(|_| None),
        /// The default of columns that have none of their own.
        default: Option<String> => Alter(alter_default),
        /// Whether NULL is refused.
        not_null: bool => Swap(alter_not_null),
        /// The name of the NOT NULL constraint (PostgreSQL 17), where it is not the one PostgreSQL chooses.
        not_null_name: Option<String> => Alter(alter_not_null_name),
    }
}

fn alter(change: &Change<'_, Domain>, clause: &str) -> Step {
    Step::alter(change.id, format!("ALTER DOMAIN {} {clause}", change.id.sql()))
}

fn alter_default(change: &Change<'_, Domain>) -> Vec<Step> {
    vec![match &change.new.default {
        Some(default) => alter(change, &format!("SET DEFAULT {default}")),
        None => alter(change, "DROP DEFAULT").phase(Phase::Contract),
    }]
}

fn alter_not_null(change: &Change<'_, Domain>) -> Option<Vec<Step>> {
    if !change.new.not_null {
        return Some(vec![alter(change, "DROP NOT NULL")]);
    }
    if is_held_within(change.id, change.cx) {
        return None;
    }
    let mut step = Step::alter(change.id, change.new.demand(change.id, change.cx.major)).phase(Phase::Contract);
    if !tables_using(change.id, change.cx).is_empty() {
        // There is no NOT VALID for it: all rows are read in the one statement.
        step = step.transaction(Transaction::Own).hazard(HazardKind::Breaking, "NULL is refused from then on");
    }
    step = step.premise(premise::of_not_null(change.id, change.cx));
    Some(vec![scanning(step, change.id, LockMode::Share, change.cx)])
}

fn alter_not_null_name(change: &Change<'_, Domain>) -> Vec<Step> {
    // Where the constraint comes or goes, the statement that does it settles the name.
    if !(change.old.not_null && change.new.not_null) || change.cx.major < versions::NAMED_DOMAIN_NOT_NULL {
        return Vec::new();
    }
    let (old, new) = (change.old.constraint_name(change.id), change.new.constraint_name(change.id));
    if old == new {
        return Vec::new();
    }
    let step = alter(change, &format!("RENAME CONSTRAINT {} TO {}", Ident(&old), Ident(&new)));
    vec![step.done_when(format!("SELECT {}", has_constraint(change.id, &new)))]
}

/// True where a domain has a constraint of this name.
fn has_constraint(id: &ObjectId, name: &str) -> String {
    format!(
        "EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE contypid = to_regtype({}) AND conname = {})",
        literal(&id.sql()),
        literal(name)
    )
}

/// The name that PostgreSQL chooses for a domain's NOT NULL constraint.
fn usual_name(id: &ObjectId) -> String {
    generated_name(&[&id.name()], "not_null")
}

impl Domain {
    /// The name of the NOT NULL constraint (17).
    pub(crate) fn constraint_name(&self, id: &ObjectId) -> String {
        self.not_null_name.clone().unwrap_or_else(|| usual_name(id))
    }

    /// Gives the NOT NULL constraint (17) the name that it should have, whatever it has now.
    pub(crate) fn name_constraint(&self, id: &ObjectId) -> String {
        let name = self.constraint_name(id);
        let body = format!(
            "\nDECLARE\n  old name := (SELECT conname FROM pg_catalog.pg_constraint WHERE contypid = to_regtype({}) AND contype = 'n');\nBEGIN\n  \
             IF old <> {name} AND NOT {} THEN\n    EXECUTE format('ALTER DOMAIN %s RENAME CONSTRAINT %I TO %I', {}, old, {name});\n  END IF;\nEND\n",
            literal(&id.sql()),
            has_constraint(id, &name),
            literal(&id.sql()),
            name = literal(&name),
        );
        format!("DO {}", dollar_quoted(&body))
    }

    /// The statement that refuses NULL from then on.
    pub(crate) fn demand(&self, id: &ObjectId, major: u32) -> String {
        let clause = match &self.not_null_name {
            Some(name) if major >= versions::NAMED_DOMAIN_NOT_NULL => {
                format!("ADD CONSTRAINT {} NOT NULL", Ident(name))
            }
            _ => "SET NOT NULL".to_owned(),
        };
        format!("ALTER DOMAIN {} {clause}", id.sql())
    }
}

impl Kind for Domain {
    const INFO: KindInfo = KindInfo { namespaces: &["type"], swaps: true, ..KindInfo::new("domain", "domain") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("DOMAIN {}", id.sql())
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let mut sql = format!("CREATE {} AS {}", self.address(id), self.type_name);
        if let Some(collation) = &self.collation {
            sql.push_str(&format!(" COLLATE {collation}"));
        }
        if let Some(default) = &self.default {
            sql.push_str(&format!(" DEFAULT {default}"));
        }
        if self.not_null {
            // Beside its old form, whose constraint has the usual name, the server would choose another one.
            let again = cx.major >= versions::NAMED_DOMAIN_NOT_NULL && cx.from.contains(id);
            if let Some(name) = self.not_null_name.clone().or_else(|| again.then(|| usual_name(id))) {
                sql.push_str(&format!(" CONSTRAINT {}", Ident(&name)));
            }
            sql.push_str(" NOT NULL");
        }
        let mut folded = Vec::new();
        for (child, object) in cx.children(id, KindTag::DomainConstraint) {
            if let Some(constraint) = DomainConstraint::of(object).filter(|_| cx.folded.contains(child)) {
                sql.push_str(&format!(" {}", constraint.clause(child)));
                folded.push(child);
            }
        }
        vec![folded.into_iter().fold(Step::create(id, sql), Step::also_creates)]
    }

    fn mentions(&self, _id: &ObjectId, out: &mut Mentions) {
        out.add(Mention::Type(self.type_name.clone()));
        if let Some(default) = &self.default {
            out.add(Mention::Expression(default.clone()));
        }
    }
}

impl Introspect for Domain {
    const QUERY: &'static str = include_str!("domain.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let Some((id, oid)) = out.id_in(row, KindTag::Domain, "pg_type")? else { return Ok(()) };
        let array_type = row.number("array_type")?;
        let domain = Self {
            type_name: row.string("type_name")?,
            collation: row.opt_string("collation")?,
            default: row.opt("default")?.map(|text| crate::sql::expression_in_one_form(text).into_owned()),
            not_null: row.bool("not_null")?,
            not_null_name: row.opt_string("not_null_name")?.filter(|name| *name != usual_name(&id)),
        };
        let not_null = row.opt_number("not_null_oid")?;
        let handle = out.add(id.clone(), domain, "pg_type", oid, 0);
        out.alias(handle, "pg_type", array_type, 0);
        if let Some(constraint) = not_null {
            out.alias(handle, "pg_constraint", constraint, 0);
        }
        out.access(row, &id, 'T')
    }
}

impl Declare for Domain {
    const DEFINITION: Definition = Definition {
        name: "domains",
        doc: "Domains: types with a default and conditions of their own.",
        scalar: Some("what follows `create domain … as`: `text not null check (value ~ '@')`"),
        keys: &[
            KeyDoc { name: "type", doc: "The type it is based on.", shape: Shape::Sql },
            KeyDoc { name: "collation", doc: "The collation, where it is not the type's own.", shape: Shape::Name },
            KeyDoc { name: "default", doc: "The default of columns that have none of their own.", shape: Shape::Sql },
            KeyDoc { name: "not_null", doc: "Whether NULL is refused; default false.", shape: Shape::Boolean },
            KeyDoc {
                name: "not_null_name",
                doc: "The name of the NOT NULL constraint (PostgreSQL 17 and later), where it is not the usual one.",
                shape: Shape::Name,
            },
            KeyDoc {
                name: "constraints",
                doc: "CHECK constraints by name.",
                shape: Shape::MapOf(&Shape::Ref("domain_constraints")),
            },
            KeyDoc { name: "comment", doc: "COMMENT ON DOMAIN.", shape: Shape::Text },
            comment::NOT_NULL.key,
            OWNER,
            USAGE,
            WAS,
        ],
    };

    fn declare(_parent: Option<&ObjectId>, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
        let id = cx.id(KindTag::Domain, key)?;
        if node.entries().is_none() {
            let (mut domain, checks) =
                fragment::domain(node.as_word("a domain", "a type and what may follow it")?, node)?;
            domain.not_null_name = domain.not_null_name.filter(|name| *name != usual_name(&id));
            cx.add(id.clone(), domain, &key.location)?;
            let mut taken: Vec<String> = checks.iter().filter_map(|(name, _)| name.clone()).collect();
            for (name, constraint) in checks {
                let chosen = name.unwrap_or_else(|| free_name(&id, &taken));
                let child = id.child(KindTag::DomainConstraint, &chosen);
                taken.push(chosen);
                cx.add(child, constraint, &key.location)?;
            }
            return Ok(());
        }
        let fields = Fields::of(node, "a domain", Self::DEFINITION.keys)?;
        let type_name = fragment::type_name(fields.require_sql("type")?, fields.require("type")?)?;
        let not_null_name = fields.name("not_null_name")?.map(str::to_owned).filter(|name| *name != usual_name(&id));
        let domain = Self {
            type_name,
            collation: fields.name("collation")?.map(collation_from_yaml),
            default: cx.expression(&fields, "default")?.map(fragment::as_default),
            not_null: fields.bool("not_null")?.unwrap_or(false),
            not_null_name,
        };
        cx.was(&fields, &id)?;
        cx.add(id.clone(), domain, &key.location)?;
        for (name, value) in fields.map("constraints")? {
            DomainConstraint::declare(Some(&id), name, value, cx)?;
        }
        cx.components(&fields, &id)
    }

    fn write(&self, id: &ObjectId, cx: &WriteContext<'_>) -> Out {
        let mut constraints = Vec::new();
        for (child, object) in cx.catalog.children(id, KindTag::DomainConstraint) {
            if let Some(constraint) = DomainConstraint::of(object) {
                constraints.push((child.name().into_owned(), constraint.write(child, cx)));
            }
        }
        let components = cx.components(id);
        let plain = self.collation.is_none() && self.default.is_none() && self.not_null_name.is_none();
        if plain && constraints.is_empty() && components.is_empty() {
            let suffix = if self.not_null { " not null" } else { "" };
            return Out::text(format!("{}{suffix}", self.type_name));
        }
        let mut entries = vec![("type".to_owned(), Out::text(&self.type_name))];
        if let Some(collation) = &self.collation {
            entries.push(("collation".to_owned(), Out::text(collation_to_yaml(collation))));
        }
        if let Some(default) = &self.default {
            entries.push(("default".to_owned(), Out::Block(default.clone())));
        }
        if self.not_null {
            entries.push(("not_null".to_owned(), Out::Bool(true)));
        }
        if let Some(name) = &self.not_null_name {
            entries.push(("not_null_name".to_owned(), Out::text(name)));
        }
        if !constraints.is_empty() {
            entries.push(("constraints".to_owned(), Out::Map(constraints)));
        }
        entries.extend(components);
        Out::Map(entries)
    }
}

/// The name that PostgreSQL gives a CHECK constraint that has none: `d_check`, `d_check1`, … (`ChooseConstraintName`).
fn free_name(id: &ObjectId, taken: &[String]) -> String {
    let name = id.name();
    let mut chosen = generated_name(&[&name], "check");
    let mut number = 0_u32;
    while taken.contains(&chosen) {
        number += 1;
        chosen = generated_name(&[&name], &format!("check{number}"));
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::types::testing::{declared, round_trip};

    #[test]
    fn domains_in_yaml() {
        assert_eq!(round_trip("email: text not null\n", Domain::of), "email: text not null\n");
        let text = round_trip(
            "email: text collate \"C\" check (value ~ '@)') not null default 'x' check (value <> '')\n",
            Domain::of,
        );
        for part in ["type: text", "collation: C", "not_null: true", "email_check: ", "email_check1: ", "value ~ '@)'"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        round_trip(
            "d: {type: 'varchar(5)', not_null: true, not_null_name: n, constraints: {a: {check: value <> '', validated: false}, b: check (value > 'a') not valid}}\n",
            Domain::of,
        );
    }

    #[test]
    fn fragments_are_one_fragment() {
        for text in ["text; drop table t", "text -- x", "text primary key", "text not null)", ""] {
            assert!(declared::<Domain>(&format!("d: \"{text}\"\n")).is_err(), "{text}");
        }
        assert!(declared::<Domain>("d: {type: text not null}\n").is_err());
        assert!(declared::<Domain>("d: {type: text, constraints: {a: not null}}\n").is_err());
    }

    #[test]
    fn defaults_fit_their_grammar() {
        assert_eq!(fragment::as_default("'x'::text".to_owned()), "'x'::text");
        assert_eq!(fragment::as_default("a or b".to_owned()), "(a or b)");
    }
}
