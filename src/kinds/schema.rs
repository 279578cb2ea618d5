//! Schemas (`pg_namespace`; CREATE SCHEMA).

use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::core::step::{HazardKind, Step};
use crate::declare::context::DeclareContext;
use crate::introspect::{Reader, Row};
use crate::kinds::common::{Declare, Introspect, WriteContext};
use crate::kinds::component::comment;
use crate::kinds::{Attribute, Kind, KindInfo, KindTag};
use crate::plan::context::PlanContext;
use crate::yaml::{Definition, Fields, Key, KeyDoc, Node, Out, Shape};

attributes! {
    /// A schema. All there is to say of one is its name, comment, owner and grants.
    pub struct Schema {}
}

/// The schema that every new database has.
pub const PUBLIC: &str = "public";

impl Kind for Schema {
    const INFO: KindInfo = KindInfo { given: &[PUBLIC], drops_empty: true, ..KindInfo::new("schema", "schema") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("SCHEMA {}", id.sql())
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        // A new database has `public` already; one from which it was dropped gets it again.
        let guard = if id.name() == PUBLIC { "IF NOT EXISTS " } else { "" };
        let mut steps = vec![Step::create(id, format!("CREATE SCHEMA {guard}{}", id.sql()))];
        steps.extend(comment::of_new_public(id, cx));
        steps
    }

    fn rename(&self, old: &ObjectId, new: &ObjectId) -> Vec<Step> {
        let step = Step::rename(old, format!("ALTER SCHEMA {} RENAME TO {}", old.sql(), new.sql()));
        vec![step.hazard(
            HazardKind::Breaking,
            "code that names the schema, or has it in its search_path, no longer finds it",
        )]
    }
}

impl Introspect for Schema {
    const QUERY: &'static str = include_str!("schema.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let oid = row.number("oid")?;
        if out.is_member("pg_namespace", oid) {
            return Ok(());
        }
        let name = row.text("name")?;
        out.add_schema(oid, name);
        let id = ObjectId::root(KindTag::Schema, name);
        out.add(id.clone(), Self {}, "pg_namespace", oid, 0);
        out.access(row, &id, 'n')
    }
}

impl Declare for Schema {
    const DEFINITION: Definition = Definition {
        name: "schemas",
        doc: "Schemas. `public` is in every new database and need not be declared.",
        scalar: None,
        keys: &[
            KeyDoc {
                name: "comment",
                doc: "COMMENT ON SCHEMA. To have none on `public`, which comes with one: an empty one.",
                shape: Shape::Text,
            },
            KeyDoc { name: "owner", doc: "The role that owns it.", shape: Shape::Name },
            KeyDoc {
                name: "grants",
                doc: "Role to privileges: usage, create. Of the roles that the project names, those not listed have none.",
                shape: Shape::MapOf(&Shape::TextList),
            },
            KeyDoc { name: "was", doc: "The name the schema had before.", shape: Shape::Name },
        ],
    };

    fn declare(_parent: Option<&ObjectId>, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
        let id = ObjectId::root(KindTag::Schema, &key.text);
        cx.add(id.clone(), Self {}, &key.location)?;
        if node.is_null() {
            return Ok(());
        }
        let fields = Fields::of(node, "a schema", Self::DEFINITION.keys)?;
        cx.was(&fields, &id)?;
        cx.components(&fields, &id)
    }

    fn write(&self, id: &ObjectId, cx: &WriteContext<'_>) -> Out {
        let entries = cx.components(id);
        if entries.is_empty() { Out::Null } else { Out::Map(entries) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::types::testing::round_trip;

    #[test]
    fn schemas_in_yaml() {
        round_trip("app:\npublic: {}\n", Schema::of);
    }
}
