//! Composite types and their attributes (`pg_class` of kind `c`, `pg_attribute`; CREATE TYPE … AS).

use std::collections::BTreeSet;

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::name::{Ident, literal};
use crate::core::step::{Action, HazardKind, LockMode, Phase, Step};
use crate::declare::context::DeclareContext;
use crate::introspect::{Reader, Row};
use crate::kinds::common::{Declare, Introspect, WriteContext, are_moved};
use crate::kinds::table::column::Column;
use crate::kinds::table::typed;
use crate::kinds::types::{
    OWNER, USAGE, WAS, collation_from_yaml, collation_to_yaml, columns_holding, fragment, in_expressions,
};
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag, Mention, Mentions};
use crate::plan::context::PlanContext;
use crate::yaml::{Definition, Fields, Key, KeyDoc, Node, Out, Shape};

attributes! {
    /// A composite type. What it is made of are its attributes, which are objects of their own.
    pub struct Composite {}
}

attributes! {
    /// An attribute of a composite type.
    pub struct CompositeAttribute {
        /// Its place among the attributes, from 1. A new attribute can only come last, and none can be moved.
        position: u32 => Ignore,
        /// The type.
        type_name: String => Swap(alter_type),
        /// The collation (SQL text), where it is not the type's own.
        collation: Option<String> => Swap(alter_collation),
    }
}

/// PostgreSQL refuses to change an attribute's type while a column has the composite type, be it through a domain, an
/// array or another composite.
fn alter_type(change: &Change<'_, CompositeAttribute>) -> Option<Vec<Step>> {
    let parent = change.id.top();
    let holds = |user: &ObjectId| match user.kind() {
        // What is computed is dropped before and computed again after.
        KindTag::Column => Column::get(change.cx.from, user).is_none_or(|column| column.generated.is_none()),
        kind => matches!(kind, KindTag::CompositeAttribute | KindTag::Domain),
    };
    if change.cx.from.dependents(&parent).any(|(user, _)| holds(user) && !user.is_within(&parent)) {
        return None;
    }
    let sql = format!(
        "ALTER TYPE {} ALTER ATTRIBUTE {} TYPE {}",
        parent.sql(),
        Ident(&change.id.name()),
        change.new.type_sql()
    );
    let mut step = Step::alter(change.id, sql)
        .phase(Phase::Contract)
        .hazard(HazardKind::Breaking, "functions that build or read such values may fail");
    // What was in its way is there again by then. A collation alone is set once more.
    if change.old.type_name != change.new.type_name {
        step.done_when = Some(format!(
            "SELECT format_type(atttypid, atttypmod) = {} FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass({}) AND attname = {}",
            literal(&change.new.type_name),
            literal(&parent.sql()),
            literal(&change.id.name())
        ));
    }
    let step = in_expressions::between(step, &parent, change.cx);
    Some(typed::around(change.id, vec![step], change.cx))
}

/// As [`alter_type`]; where the type changes too, its statement sets the collation as well.
fn alter_collation(change: &Change<'_, CompositeAttribute>) -> Option<Vec<Step>> {
    let steps = alter_type(change)?;
    Some(if change.old.type_name == change.new.type_name { steps } else { Vec::new() })
}

impl CompositeAttribute {
    /// The type with its collation.
    fn type_sql(&self) -> String {
        match &self.collation {
            Some(collation) => format!("{} COLLATE {collation}", self.type_name),
            None => self.type_name.clone(),
        }
    }

    /// Reads one entry that has `before` others before it.
    fn declare_at(parent: &ObjectId, before: usize, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
        let id = parent.child(KindTag::CompositeAttribute, &key.text);
        let position = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1);
        if node.entries().is_none() {
            let type_name = fragment::type_name(node.as_word("an attribute", "a type")?, node)?;
            return cx.add(id, Self { position, type_name, collation: None }, &key.location);
        }
        let fields = Fields::of(node, "an attribute", Self::DEFINITION.keys)?;
        let type_name = fragment::type_name(fields.require_sql("type")?, fields.require("type")?)?;
        let collation = fields.name("collation")?.map(collation_from_yaml);
        cx.was(&fields, &id)?;
        cx.add(id.clone(), Self { position, type_name, collation }, &key.location)?;
        cx.components(&fields, &id)
    }
}

/// The attributes of a type in the state that should be, in order.
fn attributes<'a>(id: &'a ObjectId, cx: &'a PlanContext<'_>) -> Vec<(&'a ObjectId, &'a CompositeAttribute)> {
    let mut list: Vec<_> = cx
        .children(id, KindTag::CompositeAttribute)
        .filter_map(|(child, object)| Some((child, CompositeAttribute::of(object)?)))
        .collect();
    list.sort_by_key(|(_, attribute)| attribute.position);
    list
}

/// Composite types whose attributes stand in another order than declared. It is a part of what their values mean, and PostgreSQL cannot
/// change it in place.
pub fn attributes_elsewhere(from: &Catalog, to: &Catalog) -> Vec<Box<Diagnostic>> {
    let types = composites_of_both(from, to).map(|id| (id, attribute_names(id, from), attribute_names(id, to)));
    let moved = types.filter(|(_, have, want)| are_moved(have, want));
    let said = moved.map(|(id, have, want)| {
        let order = format!("stand in the order {}, declared is {}", have.join(", "), want.join(", "));
        attribute_order(id, &order, to)
            .note("the order is what row(…) and the text of a value mean; PostgreSQL cannot move an attribute, so this stays as it is")
            .help("declare the order that is there; or declare a second type, move the columns over, and drop the first one")
    });
    said.collect()
}

/// Composite types whose attributes a plan leaves in another order than declared: `ALTER TYPE … ADD ATTRIBUTE` adds the last one, also in
/// place of one that gets another type while columns hold its values.
pub fn attributes_to_be_elsewhere(from: &Catalog, to: &Catalog, plan: &[&Step]) -> Vec<Box<Diagnostic>> {
    let added: BTreeSet<&ObjectId> = plan
        .iter()
        .filter(|step| step.action == Action::Create && step.object.kind() == KindTag::CompositeAttribute)
        .map(|step| &step.object)
        .collect();
    let types = composites_of_both(from, to).filter(|id| added.iter().any(|attribute| attribute.top() == **id));
    let said = types.filter_map(|id| {
        let (have, want) = (attribute_names(id, from), attribute_names(id, to));
        let is_added = |name: &String| added.contains(&id.child(KindTag::CompositeAttribute, name));
        let stays = have.iter().filter(|name| !is_added(name) && want.contains(name));
        let will: Vec<String> = stays.chain(want.iter().filter(|name| is_added(name))).cloned().collect();
        // What is otherwise already has been said.
        (will != want && !are_moved(&have, &want)).then(|| {
            let order = format!("will stand in the order {}, declared is {}", will.join(", "), want.join(", "));
            attribute_order(id, &order, to)
                .note("PostgreSQL adds an attribute as the last one, and the order is what row(…) and the text of a value mean")
                .help("declare that order, and write row(…) in it; or declare a second type, move the columns over, and drop the first one")
        })
    });
    said.collect()
}

fn composites_of_both<'a>(from: &'a Catalog, to: &'a Catalog) -> impl Iterator<Item = &'a ObjectId> {
    to.iter().map(|(id, _)| id).filter(|id| id.kind() == KindTag::Composite && from.contains(id))
}

/// The names of a composite type's attributes, in their order.
fn attribute_names(id: &ObjectId, catalog: &Catalog) -> Vec<String> {
    let mut list: Vec<(u32, String)> = catalog
        .children(id, KindTag::CompositeAttribute)
        .filter_map(|(child, object)| Some((CompositeAttribute::of(object)?.position, child.name().into_owned())))
        .collect();
    list.sort();
    list.into_iter().map(|(_, name)| name).collect()
}

fn attribute_order(id: &ObjectId, order: &str, to: &Catalog) -> Box<Diagnostic> {
    let mut remark = Diagnostic::warning("attribute-order", format!("the attributes of {id} {order}"));
    remark.location = to.location(id).cloned();
    remark
}

impl Kind for Composite {
    const INFO: KindInfo =
        KindInfo { namespaces: &["relation", "type"], ..KindInfo::new("composite", "composite type") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("TYPE {}", id.sql())
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let list = attributes(id, cx);
        let parts: Vec<_> =
            list.iter().map(|(child, a)| format!("{} {}", Ident(&child.name()), a.type_sql())).collect();
        let mut step = Step::create(id, format!("CREATE {} AS ({})", self.address(id), parts.join(", ")));
        step.creates.extend(list.iter().map(|(child, _)| (*child).clone()));
        vec![step]
    }

    fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let mut step = Step::drop(id, format!("DROP {}", self.address(id)));
        step.destroys.extend(cx.from.children(id, KindTag::CompositeAttribute).map(|(child, _)| child.clone()));
        vec![step]
    }
}

impl Kind for CompositeAttribute {
    const INFO: KindInfo =
        KindInfo { dotted: true, holds_data: true, ..KindInfo::new("composite_attribute", "attribute") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("COLUMN {}.{}", id.top_sql(), Ident(&id.name()))
    }

    fn rebuilds(&self, id: &ObjectId, old: Option<&Self>, cx: &PlanContext<'_>) -> Vec<ObjectId> {
        match old.is_some_and(|old| old.type_name != self.type_name || old.collation != self.collation) {
            true => in_expressions::in_the_way(&id.top(), cx),
            false => Vec::new(),
        }
    }

    /// CREATE TYPE lists the attributes of a new type.
    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        if cx.is_new(&id.top()) {
            return Vec::new();
        }
        let sql = format!("ALTER TYPE {} ADD ATTRIBUTE {} {}", id.top_sql(), Ident(&id.name()), self.type_sql());
        let rank = u8::try_from(self.position).unwrap_or(u8::MAX);
        let step = Step::create(id, sql)
            .rank(rank)
            .hazard(HazardKind::Breaking, "code that writes such values as a row needs one more");
        typed::around(id, vec![step], cx)
    }

    fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let parent = id.top();
        if cx.is_dropped(&parent) {
            return Vec::new();
        }
        let step = Step::drop(id, format!("ALTER TYPE {} DROP ATTRIBUTE {}", parent.sql(), Ident(&id.name())));
        let columns = columns_holding(&parent, cx);
        let Some(first) = columns.first() else { return typed::around(id, vec![step], cx) };
        let names: Vec<_> = columns.iter().map(ObjectId::sql_path).collect();
        let reason = format!("what the values of {} hold under the attribute is lost", names.join(", "));
        let step = step.hazard(HazardKind::DataLoss, reason).lock(LockMode::AccessShare, &first.top());
        typed::around(id, vec![step], cx)
    }

    fn rename(&self, old: &ObjectId, new: &ObjectId) -> Vec<Step> {
        let (from, to) = (old.name(), new.name());
        let sql = format!("ALTER TYPE {} RENAME ATTRIBUTE {} TO {}", new.top_sql(), Ident(&from), Ident(&to));
        vec![Step::rename(old, sql).hazard(HazardKind::Breaking, "code that says the old name fails")]
    }

    /// Moves the attribute over to a type that was rebuilt beside the old one.
    fn reattach(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        // PostgreSQL refuses it while a column holds such values.
        if !columns_holding(&id.top(), cx).is_empty() {
            return Vec::new();
        }
        let sql = format!("ALTER TYPE {} ALTER ATTRIBUTE {} TYPE {}", id.top_sql(), Ident(&id.name()), self.type_sql());
        vec![Step::alter(id, sql).phase(Phase::Contract)]
    }

    fn mentions(&self, _id: &ObjectId, out: &mut Mentions) {
        out.add(Mention::Type(self.type_name.clone()));
    }
}

impl Introspect for Composite {
    const QUERY: &'static str = include_str!("composite.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let Some((id, oid)) = out.id_in(row, KindTag::Composite, "pg_type")? else { return Ok(()) };
        let (array_type, relation) = (row.number("array_type")?, row.number("relation")?);
        let handle = out.add(id.clone(), Self {}, "pg_type", oid, 0);
        out.alias(handle, "pg_type", array_type, 0);
        out.alias(handle, "pg_class", relation, 0);
        out.access(row, &id, 'T')
    }
}

impl Introspect for CompositeAttribute {
    const QUERY: &'static str = include_str!("composite_attribute.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let relation = row.number("relation")?;
        let Some(parent) = out.at("pg_class", relation, 0) else { return Ok(()) };
        let number = row.number("number")?;
        let id = parent.child(KindTag::CompositeAttribute, row.text("name")?);
        let attribute = Self {
            position: row.number("position")?,
            type_name: row.string("type_name")?,
            collation: row.opt_string("collation")?,
        };
        out.add(id, attribute, "pg_class", relation, number);
        Ok(())
    }
}

impl Declare for Composite {
    const DEFINITION: Definition = Definition {
        name: "types",
        doc: "Composite types.",
        scalar: None,
        keys: &[
            KeyDoc {
                name: "attributes",
                doc: "Name to type, in order.",
                shape: Shape::MapOf(&Shape::Ref("composite_attributes")),
            },
            KeyDoc { name: "comment", doc: "COMMENT ON TYPE.", shape: Shape::Text },
            OWNER,
            USAGE,
            WAS,
        ],
    };

    fn declare(_parent: Option<&ObjectId>, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
        let id = cx.id(KindTag::Composite, key)?;
        let fields = Fields::of(node, "a composite type", Self::DEFINITION.keys)?;
        cx.was(&fields, &id)?;
        cx.add(id.clone(), Self {}, &key.location)?;
        for (before, (name, value)) in fields.map("attributes")?.iter().enumerate() {
            CompositeAttribute::declare_at(&id, before, name, value, cx)?;
        }
        cx.components(&fields, &id)
    }

    fn write(&self, id: &ObjectId, cx: &WriteContext<'_>) -> Out {
        let mut list: Vec<_> = cx
            .catalog
            .children(id, KindTag::CompositeAttribute)
            .filter_map(|(child, object)| Some((child, CompositeAttribute::of(object)?)))
            .collect();
        list.sort_by_key(|(_, attribute)| attribute.position);
        let attributes = list.iter().map(|(child, a)| (child.name().into_owned(), a.write(child, cx))).collect();
        let mut entries = vec![("attributes".to_owned(), Out::Map(attributes))];
        entries.extend(cx.components(id));
        Out::Map(entries)
    }
}

impl Declare for CompositeAttribute {
    const DEFINITION: Definition = Definition {
        name: "composite_attributes",
        doc: "An attribute of a composite type.",
        scalar: Some("the type: `numeric(10,2)`"),
        keys: &[
            KeyDoc { name: "type", doc: "The type.", shape: Shape::Sql },
            KeyDoc { name: "collation", doc: "The collation, where it is not the type's own.", shape: Shape::Name },
            KeyDoc { name: "comment", doc: "COMMENT ON COLUMN.", shape: Shape::Text },
            KeyDoc { name: "was", doc: "The name the attribute had before.", shape: Shape::Name },
        ],
    };

    fn declare(parent: Option<&ObjectId>, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
        let Some(parent) = parent else {
            return Err(Diagnostic::error("misplaced", "attributes stand inside a type").at(key.location.clone()));
        };
        let sibling = |other: &ObjectId| {
            other.kind() == KindTag::CompositeAttribute && other.parent_str() == Some(parent.as_str())
        };
        let before = cx.builder.since(parent).filter(|(other, _)| sibling(other)).count();
        Self::declare_at(parent, before, key, node, cx)
    }

    fn write(&self, id: &ObjectId, cx: &WriteContext<'_>) -> Out {
        let components = cx.components(id);
        if components.is_empty() && self.collation.is_none() {
            return Out::text(&self.type_name);
        }
        let mut entries = vec![("type".to_owned(), Out::text(&self.type_name))];
        if let Some(collation) = &self.collation {
            entries.push(("collation".to_owned(), Out::text(collation_to_yaml(collation))));
        }
        entries.extend(components);
        Out::Map(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::types::testing::round_trip;

    #[test]
    fn composites_in_yaml() {
        let text = "address:\n  attributes:\n    street: text\n    zip: varchar(5)\n";
        assert_eq!(round_trip(text, Composite::of), text);
        round_trip(
            "t: {attributes: {b: {type: text, collation: C}, a: int}}\nempty: {attributes: {}}\n",
            Composite::of,
        );
    }
}
