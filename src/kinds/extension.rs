//! Extensions (`pg_extension`; CREATE EXTENSION).

use serde::{Deserialize, Serialize};

use crate::core::catalog::Edge;
use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::core::name::{Ident, literal};
use crate::core::step::{HazardKind, Phase, Step};
use crate::declare::context::DeclareContext;
use crate::introspect::{Reader, Row};
use crate::kinds::common::{Declare, Introspect, WriteContext};
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag, Mention, Mentions};
use crate::plan::context::PlanContext;
use crate::yaml::{Definition, Fields, Key, KeyDoc, Node, Out, Shape};

/// A property that a declaration may leave open. What is left open equals whatever is found.
///
/// This equality is not transitive; it serves to compare one declared object with one read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Open<T>(pub Option<T>);

impl<T: PartialEq> PartialEq for Open<T> {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        }
    }
}

attributes! {
    /// An extension.
    pub struct Extension {
        /// The schema its objects lie in. Open where the declaration does not say, or the extension decides.
        schema: Open<String> => AlterIf(|c| c.old.relocatable.0 == Some(true), set_schema),
        /// The version; compared only where declared.
        version: Open<String> => Alter(update),
        /// Whether its objects can be moved to another schema; known of what a server has.
        relocatable: Open<bool> => Ignore,
        /// Whether tables belong to it, whose rows go with it; known of what a server has.
        holds_tables: Open<bool> => Ignore,
    }
}

fn set_schema(change: &Change<'_, Extension>) -> Vec<Step> {
    let Some(schema) = &change.new.schema.0 else { return Vec::new() };
    vec![Extension::move_to(change.id, &ObjectId::root(KindTag::Schema, schema), Step::alter)]
}

fn update(change: &Change<'_, Extension>) -> Vec<Step> {
    let Some(version) = &change.new.version.0 else { return Vec::new() };
    let sql = format!("ALTER {} UPDATE TO {}", change.new.address(change.id), literal(version));
    vec![Step::alter(change.id, sql).rank(1)]
}

impl Extension {
    /// The statement that moves its objects to another schema.
    pub(crate) fn move_to(id: &ObjectId, schema: &ObjectId, step: fn(&ObjectId, String) -> Step) -> Step {
        step(id, format!("ALTER EXTENSION {} SET SCHEMA {}", id.sql(), schema.sql()))
            .phase(Phase::Contract)
            .requires(schema)
            .hazard(
                HazardKind::Breaking,
                "code that finds its functions and types through the old schema no longer does",
            )
    }
}

impl Kind for Extension {
    const INFO: KindInfo = KindInfo {
        brings: true,
        given: &["plpgsql"],
        left_open: &["schema", "version"],
        ..KindInfo::new("extension", "extension")
    };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("EXTENSION {}", id.sql())
    }

    fn create(&self, id: &ObjectId, _cx: &PlanContext<'_>) -> Vec<Step> {
        // A new database is a copy of a template, which may have the extension already.
        let mut sql = format!("CREATE EXTENSION IF NOT EXISTS {}", id.sql());
        if let Some(schema) = &self.schema.0 {
            sql.push_str(&format!(" SCHEMA {}", Ident(schema)));
        }
        if let Some(version) = &self.version.0 {
            sql.push_str(&format!(" VERSION {}", literal(version)));
        }
        vec![Step::create(id, sql)]
    }

    fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let mut step = Step::drop(id, format!("DROP {}", self.address(id)))
            .hazard(HazardKind::Breaking, "code that uses its functions, types or operators fails");
        if cx.is_new(id) {
            // PostgreSQL does not move it, so it is made anew; what holds values of its types cannot be.
            let holds = |user: &ObjectId| user.kind().info().holds_data && !cx.is_dropped(user);
            for (user, _) in cx.from.dependents(id).filter(|(user, edge)| *edge == Edge::Hard && holds(user)) {
                let help = format!(
                    "PostgreSQL moves this extension to no other schema: leave it where it is, or let {} go first",
                    user.sql_path()
                );
                step = step.hindered(format!("{user} rests on it"), help);
            }
        }
        vec![match self.holds_tables.0 {
            Some(true) => step.hazard(HazardKind::DataLoss, "the extension has tables of its own, whose rows are lost"),
            _ => step,
        }]
    }

    fn rename(&self, _old: &ObjectId, _new: &ObjectId) -> Vec<Step> {
        // The name is that of the extension's files: there is no ALTER EXTENSION … RENAME, and `was` is no key of it.
        Vec::new()
    }

    fn mentions(&self, _id: &ObjectId, out: &mut Mentions) {
        if let Some(schema) = &self.schema.0 {
            out.add(Mention::Object(ObjectId::root(KindTag::Schema, schema)));
        }
    }
}

impl Introspect for Extension {
    const QUERY: &'static str = include_str!("extension.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let oid = row.number("oid")?;
        let id = ObjectId::root(KindTag::Extension, row.text("name")?);
        let namespace = row.number("namespace")?;
        let name = row.string("schema")?;
        // A schema that the extension itself brings along cannot be there before it: it is not to be asked for.
        let schema = (!out.is_member("pg_namespace", namespace)).then_some(name);
        let extension = Self {
            schema: Open(schema),
            version: Open(Some(row.string("version")?)),
            relocatable: Open(Some(row.bool("relocatable")?)),
            holds_tables: Open(Some(row.bool("holds_tables")?)),
        };
        let handle = out.add(id, extension, "pg_extension", oid, 0);
        if let Some(schema) = out.handle("pg_namespace", namespace, 0) {
            out.depend(handle, schema, Edge::Hard);
        }
        Ok(())
    }
}

impl Declare for Extension {
    const DEFINITION: Definition = Definition {
        name: "extensions",
        doc: "Extensions. Without a version any will do; `plpgsql` is in every database and need not be declared.",
        scalar: Some("the version, or `*` for any: `pgcrypto: '1.3'`"),
        keys: &[
            KeyDoc {
                name: "schema",
                doc: "The schema its objects lie in; default: wherever it is, or PostgreSQL puts it.",
                shape: Shape::Name,
            },
            KeyDoc { name: "version", doc: "The version it must have; default or `*`: any.", shape: Shape::Text },
            KeyDoc { name: "requires", doc: "Extensions that must be installed before it.", shape: Shape::TextList },
            KeyDoc {
                name: "comment",
                doc: "COMMENT ON EXTENSION; left as it is where not given, and taken away by an empty one.",
                shape: Shape::Text,
            },
        ],
    };

    fn declare(_parent: Option<&ObjectId>, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
        let id = ObjectId::root(KindTag::Extension, &key.text);
        let version = |text: &str| Open((text != "*").then(|| text.to_owned()));
        let mut extension =
            Self { schema: Open(None), version: Open(None), relocatable: Open(None), holds_tables: Open(None) };
        if node.entries().is_none() {
            if !node.is_null() {
                extension.version = version(node.as_text("an extension")?);
            }
            return cx.add(id, extension, &key.location);
        }
        let fields = Fields::of(node, "an extension", Self::DEFINITION.keys)?;
        extension.schema = Open(fields.name("schema")?.map(str::to_owned));
        extension.version = fields.text("version")?.map_or(Open(None), version);
        for name in fields.text_list("requires")?.unwrap_or_default() {
            cx.depend(&id, &ObjectId::root(KindTag::Extension, name));
        }
        cx.add(id.clone(), extension, &key.location)?;
        cx.components(&fields, &id)
    }

    /// The version is not written: to pin it is a decision that a person makes, and the version that one server has
    /// another may not offer.
    fn write(&self, id: &ObjectId, cx: &WriteContext<'_>) -> Out {
        let mut entries = Vec::new();
        if let Some(schema) = &self.schema.0 {
            entries.push(("schema".to_owned(), Out::text(schema)));
        }
        let required: Vec<_> = cx
            .catalog
            .dependencies(id)
            .filter(|(other, _)| other.kind() == KindTag::Extension)
            .map(|(other, _)| other.name().into_owned())
            .collect();
        if !required.is_empty() {
            entries.push(("requires".to_owned(), Out::flow(required)));
        }
        entries.extend(cx.components(id));
        if entries.is_empty() { Out::Null } else { Out::Map(entries) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::types::testing::{declared, round_trip};

    #[test]
    fn extensions_in_yaml() {
        let text = round_trip(
            "uuid-ossp:\npgcrypto: {schema: extensions, version: '1.3'}\ncube: '*'\nearthdistance: {requires: [cube]}\n",
            Extension::of,
        );
        assert!(text.contains("requires: [cube]") && !text.contains("1.3"), "{text}");
    }

    #[test]
    fn versions_matter_only_where_declared() {
        let get = |yaml: &str| {
            let catalog = declared::<Extension>(yaml).unwrap();
            Extension::get(&catalog, &ObjectId::root(KindTag::Extension, "x")).unwrap().clone()
        };
        assert_eq!(get("x: '1.1'\n"), get("x: '*'\n"));
        assert_ne!(get("x: '1.1'\n"), get("x: '1.2'\n"));
    }
}
