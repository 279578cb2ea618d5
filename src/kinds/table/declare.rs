//! Tables in YAML: reading a table's mapping, and writing it.

use std::collections::BTreeMap;

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Location, Result};
use crate::core::id::ObjectId;
use crate::core::name::{Ident, ident};
use crate::declare::context::DeclareContext;
use crate::kinds::common::{Declare, WriteContext, generated_name};
use crate::kinds::component::comment;
use crate::kinds::options::Holder;
use crate::kinds::policy::Policy;
use crate::kinds::table::Table;
use crate::kinds::table::column::Column;
use crate::kinds::table::column::NotNull;
use crate::kinds::table::column_yaml::{self, shorthand};
use crate::kinds::table::constraint::{Constraint, ConstraintType};
use crate::kinds::table::index::{Index, ONLY};
use crate::kinds::table::inheritance::Inheritance;
use crate::kinds::table::partition::{Attachment, declare_index_attachment, write_index_attachment};
use crate::kinds::table::replica_identity::ReplicaIdentity;
use crate::kinds::table::targets::{self, Targets};
use crate::kinds::trigger::Trigger;
use crate::kinds::trigger_state;
use crate::kinds::{KindTag, Object};
use crate::sql::ConstraintParts;
use crate::yaml::{Definition, Fields, Key, KeyDoc, Node, Out, Shape};

/// FORCE is set, and says nothing until row-level security is enabled.
const FORCED_BUT_DISABLED: &str = "forced but disabled";
const RLS: &[&str] = &["enabled", "forced", "disabled", FORCED_BUT_DISABLED];

impl Declare for Table {
    const DEFINITION: Definition = Definition {
        name: "tables",
        doc: "Tables. The order of the columns is the order in the file.",
        scalar: None,
        keys: &[
            KeyDoc { name: "columns", doc: "The columns, by name.", shape: Shape::MapOf(&Shape::Ref("columns")) },
            KeyDoc {
                name: "constraints",
                doc: "Constraints, by name.",
                shape: Shape::MapOf(&Shape::Ref("constraints")),
            },
            KeyDoc { name: "indexes", doc: "Indexes, by name.", shape: Shape::MapOf(&Shape::Ref("indexes")) },
            KeyDoc {
                name: "rls",
                doc: "Row-level security: enabled, forced (for the owner, too) or disabled (default).",
                shape: Shape::OneOf(RLS),
            },
            KeyDoc {
                name: "policies",
                doc: "Row-level security policies, by name.",
                shape: Shape::MapOf(&Shape::Ref("policies")),
            },
            KeyDoc { name: "triggers", doc: "Triggers, by name.", shape: Shape::MapOf(&Shape::Ref("triggers")) },
            KeyDoc { name: "comment", doc: "COMMENT ON TABLE.", shape: Shape::Text },
            KeyDoc { name: "owner", doc: "The owning role; managed where it is given.", shape: Shape::Name },
            KeyDoc {
                name: "grants",
                doc: "Privileges by role: `{authenticated: [select]}`. Of the roles that the project names, those not listed have none, unless it says `beside defaults: true`.",
                shape: Shape::Any,
            },
            KeyDoc { name: "was", doc: "The name the table had before.", shape: Shape::Name },
            KeyDoc {
                name: "unlogged",
                doc: "UNLOGGED: not crash-safe. Of a partitioned table it says nothing; each partition says it itself.",
                shape: Shape::Boolean,
            },
            KeyDoc { name: "access_method", doc: "The table access method.", shape: Shape::Name },
            KeyDoc { name: "tablespace", doc: "The tablespace.", shape: Shape::Name },
            KeyDoc {
                name: "options",
                doc: "Storage parameters: fillfactor, autovacuum_…, toast.autovacuum_….",
                shape: Shape::TextMap,
            },
            KeyDoc { name: "partition_by", doc: "The partition key: `range (created_at)`.", shape: Shape::Sql },
            KeyDoc {
                name: "partitions",
                doc: "Partitions by name: the bound, or a table's mapping with a `bound`.",
                shape: Shape::Any,
            },
            KeyDoc { name: "bound", doc: "Of a partition: `for values in ('a')` or `default`.", shape: Shape::Sql },
            KeyDoc { name: "inherits", doc: "The tables it inherits from, in order.", shape: Shape::TextList },
            KeyDoc { name: "of", doc: "The composite type of a typed table.", shape: Shape::Sql },
            KeyDoc {
                name: "replica_identity",
                doc: "full, nothing, or the name of a unique index or key.",
                shape: Shape::Name,
            },
        ],
    };

    fn declare(parent: Option<&ObjectId>, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
        let id = cx.id(KindTag::Table, key)?;
        let fields = Fields::of(node, "a table", Self::DEFINITION.keys)?;
        if !cx.manages(&id.schema().unwrap_or_default()) {
            return declare_guests(&id, &fields, parent, key, cx);
        }
        let rls = fields.one_of("rls")?;
        cx.guarded.extend(rls.map(|_| id.clone()));
        let rls = rls.unwrap_or("disabled");
        let partition_by = fields.sql("partition_by")?;
        if let Some(text) = partition_by {
            crate::sql::partition_key(text)
                .map_err(|e| cx.syntax(&e, fields.get("partition_by").unwrap_or(node), "partition key"))?;
        }
        let access_method = fields.name("access_method")?.map(str::to_owned);
        let table = Self {
            logged: !fields.bool("unlogged")?.unwrap_or(false),
            options: cx.options(&fields, "options", Holder::table(access_method.as_deref()))?,
            access_method,
            tablespace: fields.name("tablespace")?.map(str::to_owned),
            partition_key: partition_by.map(str::to_owned),
            of_type: fields.sql("of")?.map(str::to_owned),
            rls: matches!(rls, "enabled" | "forced"),
            rls_forced: matches!(rls, "forced" | FORCED_BUT_DISABLED),
        };
        cx.add(id.clone(), table, &key.location)?;
        for (position, (column, definition)) in fields.map("columns")?.iter().enumerate() {
            let result = column_yaml::declare(&id, position as i32 + 1, column, definition, cx);
            cx.note(result);
        }
        for (name, definition) in fields.map("constraints")? {
            let result = declare_constraint(&id, name, definition, cx);
            cx.note(result);
        }
        primary_key_columns(&id, cx);
        comment::without_not_null(&id, cx);
        cx.each::<Index>(&id, fields.map("indexes")?);
        cx.each::<Policy>(&id, fields.map("policies")?);
        let triggers = fields.map("triggers")?;
        for (name, definition) in triggers.iter().filter(|(_, node)| !trigger_state::is_inherited(node)) {
            let result = Trigger::declare(Some(&id), name, definition, cx);
            cx.note(result);
        }
        for (position, name) in fields.text_list("inherits")?.unwrap_or_default().into_iter().enumerate() {
            let (schema, name) = cx.qualified(name, node)?;
            let parent = ObjectId::in_schema(KindTag::Table, &schema, &name);
            let inheritance = id.child(KindTag::Inheritance, &parent.sql());
            cx.depend(&inheritance, &parent);
            cx.depend(&id, &parent);
            cx.add(inheritance, Inheritance { parent, position: position as i32 + 1 }, &key.location)?;
        }
        if let Some(identity) = fields.name("replica_identity")? {
            declare_replica_identity(&id, identity, key, cx)?;
        }
        match (parent, fields.get("bound")) {
            (Some(parent), Some(bound)) => {
                attach(&id, parent, bound.as_text("the bound of a partition")?, bound, cx)?;
            }
            (Some(_), None) => {
                return Err(Diagnostic::error("missing-key", "a partition needs a `bound`").at(key.location.clone()));
            }
            (None, Some(bound)) => {
                return Err(Diagnostic::error(
                    "misplaced",
                    "`bound` belongs to a partition, which stands under its table's `partitions`",
                )
                .at(bound.location.clone()));
            }
            (None, None) => {}
        }
        for (name, definition) in triggers.iter().filter(|(_, node)| trigger_state::is_inherited(node)) {
            let result = trigger_state::declare(&id, name, definition, cx);
            cx.note(result);
        }
        for (name, definition) in fields.map("partitions")? {
            let result = declare_partition(&id, name, definition, cx);
            cx.note(result);
        }
        cx.was(&fields, &id)?;
        cx.components(&fields, &id)
    }

    fn write(&self, id: &ObjectId, cx: &WriteContext<'_>) -> Out {
        let mut entries = Vec::new();
        let mut push = |name: &str, out: Option<Out>| entries.extend(out.map(|out| (name.to_owned(), out)));
        push("unlogged", (!self.logged).then_some(Out::Bool(true)));
        push("access_method", self.access_method.as_ref().map(Out::text));
        push("tablespace", self.tablespace.as_ref().map(Out::text));
        push("of", self.of_type.as_ref().map(Out::text));
        let inherits = parents_of(id, cx.catalog);
        push("inherits", (!inherits.is_empty()).then(|| Out::flow(inherits.iter().map(|p| relative(p, cx)))));
        push("partition_by", self.partition_key.as_ref().map(Out::text));
        push(
            "options",
            (!self.options.is_empty())
                .then(|| Out::FlowMap(self.options.iter().map(|(k, v)| (k.clone(), Out::text(v))).collect())),
        );
        // What a partition that says no columns has as its own stands among the constraints.
        let in_columns = match column_yaml::are_parents(id, cx.catalog) {
            true => Shorthand::new(),
            false => shorthand(id, cx.catalog),
        };
        let columns = column_yaml::write_all(id, &in_columns, cx);
        push("columns", (!columns.is_empty()).then_some(Out::Map(columns)));
        let constraints: Vec<_> = cx
            .catalog
            .children(id, KindTag::Constraint)
            .filter_map(|(c, o)| Some((c, Constraint::of(o)?)))
            .filter(|(c, constraint)| {
                !in_columns.values().flatten().any(|s| s == *c) && !comes_from_parent(c, constraint, cx.catalog)
            })
            .map(|(c, constraint)| (c.name().into_owned(), write_constraint(c, constraint, cx)))
            .collect();
        push("constraints", (!constraints.is_empty()).then_some(Out::Map(constraints)));
        let indexes: Vec<_> = cx
            .catalog
            .dependents(id)
            .filter(|(d, _)| d.kind() == KindTag::Index)
            .filter_map(|(d, _)| Index::get(cx.catalog, d).map(|i| (d, i)))
            .filter(|(_, i)| i.relation == *id)
            .map(|(d, index)| (d.name().into_owned(), index.write(d, cx)))
            .collect();
        push("indexes", (!indexes.is_empty()).then_some(Out::Map(indexes)));
        push(
            "replica_identity",
            ReplicaIdentity::get(cx.catalog, &id.child(KindTag::ReplicaIdentity, ""))
                .map(|r| Out::text(r.index.as_ref().map_or_else(|| r.mode.clone(), |i| i.name().into_owned()))),
        );
        push(
            "rls",
            match (self.rls, self.rls_forced) {
                (true, true) => Some(Out::text("forced")),
                (true, false) => Some(Out::text("enabled")),
                (false, true) => Some(Out::text(FORCED_BUT_DISABLED)),
                (false, false) => None,
            },
        );
        entries.extend(cx.children::<Policy>(id, KindTag::Policy, Policy::of));
        let mut triggers = trigger_state::write(id, cx.catalog);
        if let Some((_, Out::Map(own))) = cx.children::<Trigger>(id, KindTag::Trigger, Trigger::of) {
            triggers.splice(0..0, own);
        }
        if !triggers.is_empty() {
            entries.push((Trigger::DEFINITION.name.to_owned(), Out::Map(triggers)));
        }
        entries.extend(cx.components(id));
        let partitions = write_partitions(id, cx);
        if !partitions.is_empty() {
            entries.push(("partitions".to_owned(), Out::Map(partitions)));
        }
        Out::Map(entries)
    }
}

/// What a project may declare of a table that is not its own (that of a platform, or of a schema that it does not manage).
const GUESTS: &[&str] = &[Policy::DEFINITION.name, Trigger::DEFINITION.name, Index::DEFINITION.name];

/// The policies, triggers and indexes of a table that is not the project's own. Whatever else is said of it is refused: it would not
/// be done.
fn declare_guests(
    id: &ObjectId,
    fields: &Fields<'_>,
    parent: Option<&ObjectId>,
    key: &Key,
    cx: &mut DeclareContext<'_>,
) -> Result<()> {
    let schema = id.schema().unwrap_or_default();
    let refused = |message: String, place: Location| {
        let of = if cx.is_platform(&schema) { "belongs to the platform" } else { "is not managed by this project" };
        Diagnostic::error("not-managed", message)
            .at(place)
            .note(format!("the schema {} {of}: of its tables a project declares {} alone", ident(&schema), GUESTS.join(", ")))
            .help(format!(
                "leave it out; or, if the table is this project's, name {} among the managed schemas (manage: {{schemas: …}} in trueup.yaml)",
                ident(&schema)
            ))
    };
    let path = id.sql_path();
    if parent.is_some() {
        return Err(refused(format!("{path} cannot be a partition"), key.location.clone()));
    }
    let others = Table::DEFINITION.keys.iter().map(|key| key.name).filter(|name| !GUESTS.contains(name));
    let problems: Vec<_> = others
        .filter_map(|name| Some((name, fields.key_place(name)?)))
        .map(|(name, place)| refused(format!("`{name}` of the table {path} is not for this project to declare"), place))
        .collect();
    if problems.is_empty() && GUESTS.iter().all(|name| fields.key_place(name).is_none()) {
        return Err(refused(format!("the table {path} is not for this project to declare"), key.location.clone()));
    }
    problems.into_iter().for_each(|problem| cx.note(Err(problem)));
    cx.each::<Index>(id, fields.map("indexes")?);
    cx.each::<Policy>(id, fields.map("policies")?);
    cx.each::<Trigger>(id, fields.map("triggers")?);
    Ok(())
}

/// Tables that the catalog does not hold, but policies and triggers on them: a mapping of just those for each.
pub fn write_guests(catalog: &Catalog) -> Vec<(ObjectId, Out)> {
    let mut tables: Vec<ObjectId> = catalog
        .iter()
        .filter(|(id, _)| matches!(id.kind(), KindTag::Policy | KindTag::Trigger))
        .map(|(id, _)| id.top())
        .filter(|table| table.kind() == KindTag::Table && !catalog.contains(table))
        .collect();
    tables.dedup();
    tables
        .into_iter()
        .map(|table| {
            let schema = table.schema().map(|s| s.into_owned()).unwrap_or_default();
            let cx = WriteContext { catalog, schema: &schema };
            let mut entries = Vec::new();
            entries.extend(cx.children::<Policy>(&table, KindTag::Policy, Policy::of));
            entries.extend(cx.children::<Trigger>(&table, KindTag::Trigger, Trigger::of));
            (table, Out::Map(entries))
        })
        .collect()
}

/// A table's name as it is written from within the schema of the context.
fn relative(id: &ObjectId, cx: &WriteContext<'_>) -> String {
    if id.schema().as_deref() == Some(cx.schema) { ident(&id.name()) } else { id.sql() }
}

fn parents_of(id: &ObjectId, catalog: &Catalog) -> Vec<ObjectId> {
    let mut parents: Vec<_> =
        catalog.children(id, KindTag::Inheritance).filter_map(|(_, o)| Inheritance::of(o)).collect();
    parents.sort_by_key(|p| p.position);
    parents.into_iter().map(|p| p.parent.clone()).collect()
}

/// Whether the object of a partition or child table says nothing that its parent's does not.
pub(super) fn comes_from_parent(id: &ObjectId, constraint: &Constraint, catalog: &Catalog) -> bool {
    use crate::kinds::Kind;
    constraint.provider(id, catalog).is_some() && catalog.below(id).next().is_none()
}

fn write_partitions(id: &ObjectId, cx: &WriteContext<'_>) -> Vec<(String, Out)> {
    let mut partitions = Vec::new();
    for (attachment_id, _) in cx.catalog.dependents(id).filter(|(d, _)| d.kind() == KindTag::Attachment) {
        let (Some(attachment), Some(table_id)) = (Attachment::get(cx.catalog, attachment_id), attachment_id.parent())
        else {
            continue;
        };
        let Some(table) = Table::get(cx.catalog, &table_id).filter(|_| attachment.parent == *id) else { continue };
        let bound = Out::text(&attachment.bound);
        let out = match table.write(&table_id, cx) {
            Out::Map(rest) if rest.is_empty() => bound,
            Out::Map(mut rest) => {
                rest.insert(0, ("bound".to_owned(), bound));
                Out::Map(rest)
            }
            other => other,
        };
        partitions.push((relative(&table_id, cx), out));
    }
    partitions
}

fn declare_partition(table: &ObjectId, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
    let Some(bound) = node.text() else {
        return Table::declare(Some(table), key, node, cx);
    };
    let id = cx.id(KindTag::Table, key)?;
    cx.add(id.clone(), Table { logged: true, ..Table::default() }, &key.location)?;
    attach(&id, table, bound, node, cx)
}

fn attach(id: &ObjectId, parent: &ObjectId, bound: &str, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
    crate::sql::partition_bound(bound).map_err(|e| cx.syntax(&e, node, "partition bound"))?;
    let columns: Vec<_> = cx
        .builder
        .since(id)
        .filter(|(c, _)| c.kind() == KindTag::Column && c.parent_str() == Some(id.as_str()))
        .map(|(c, _)| c.clone())
        .collect();
    for column in columns {
        let live = cx.live.and_then(|live| Column::get(live, &column)).filter(|live| live.inherited);
        if let Some(Object::Column(column)) = cx.builder.get_mut(&column) {
            let column = std::sync::Arc::make_mut(column);
            column.inherited = true;
            // A NOT NULL that came from the partitioned table (18) keeps the name it came with; none can be given to it.
            if let Some(not_null) = column.not_null.as_mut().filter(|n| n.name.is_none()) {
                not_null.name = live.and_then(|live| live.not_null.as_ref()?.name.clone());
            }
        }
    }
    let attachment = id.child(KindTag::Attachment, "");
    cx.depend(&attachment, parent);
    cx.depend(id, parent);
    cx.add(attachment, Attachment { parent: parent.clone(), bound: bound.trim().to_owned() }, &node.location)
}

fn declare_replica_identity(table: &ObjectId, identity: &str, key: &Key, cx: &mut DeclareContext<'_>) -> Result<()> {
    let (mode, index) = match identity {
        "full" | "nothing" => (identity, None),
        "default" => return Ok(()),
        name => {
            let constraint = table.child(KindTag::Constraint, name);
            let id = if cx.builder.get(&constraint).is_some() {
                constraint
            } else {
                ObjectId::in_schema(KindTag::Index, &table.schema().unwrap_or_default(), name)
            };
            ("index", Some(id))
        }
    };
    let id = table.child(KindTag::ReplicaIdentity, "");
    if let Some(index) = &index {
        cx.depend(&id, index);
    }
    cx.add(id, ReplicaIdentity { mode: mode.to_owned(), index }, &key.location)
}

/// Columns of a primary key are NOT NULL, said or not.
fn primary_key_columns(table: &ObjectId, cx: &mut DeclareContext<'_>) {
    let columns: Vec<String> = cx
        .builder
        .since(table)
        .filter(|(id, _)| id.kind() == KindTag::Constraint && id.parent_str() == Some(table.as_str()))
        .filter_map(|(_, o)| Constraint::of(o))
        .filter(|c| c.constraint_type == ConstraintType::PrimaryKey)
        .flat_map(|c| c.columns.clone())
        .collect();
    for name in columns {
        if let Some(Object::Column(column)) = cx.builder.get_mut(&table.child(KindTag::Column, &name)) {
            std::sync::Arc::make_mut(column).not_null.get_or_insert_with(NotNull::default);
        }
    }
}

const INHERITED: &str = "inherited";

const CONSTRAINT_KEYS: &[KeyDoc] = &[
    KeyDoc {
        name: "definition",
        doc: "`check (…)`, `unique (…)`, `primary key (…)`, `foreign key (…) references …`, `exclude …`.",
        shape: Shape::Sql,
    },
    KeyDoc { name: "clustered", doc: "Whether CLUSTER uses its index.", shape: Shape::Boolean },
    targets::KEY,
    KeyDoc {
        name: INHERITED,
        doc: "Of a table that inherits: whether it has this check from its parent only, and not as its own as well.",
        shape: Shape::Boolean,
    },
    KeyDoc {
        name: "attach",
        doc: "The key of the partitioned table that this one is a part of: `table.constraint`.",
        shape: Shape::Text,
    },
    ONLY,
    KeyDoc { name: "comment", doc: "COMMENT ON CONSTRAINT.", shape: Shape::Text },
    comment::INDEX.key,
    KeyDoc { name: "was", doc: "The name the constraint had before.", shape: Shape::Name },
];

/// The keys of a constraint's mapping, for the JSON Schema and the documentation.
pub const CONSTRAINT_DEFINITION: Definition = Definition {
    name: "constraints",
    doc: "Constraints of a table.",
    scalar: Some(
        "What follows CONSTRAINT name: `check (a > 0)`, `unique (a, b) deferrable`, `foreign key (a) references t (id) not valid`.",
    ),
    keys: CONSTRAINT_KEYS,
};

fn declare_constraint(table: &ObjectId, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
    let id = table.child(KindTag::Constraint, &key.text);
    let (text, place) = match node.text() {
        Some(text) => (text, node),
        None => {
            let definition = Fields::of(node, "a constraint", CONSTRAINT_KEYS)?.require("definition")?;
            (definition.as_text("`definition` of a constraint")?, definition)
        }
    };
    let constraint = match cx.known(&id).and_then(Constraint::of) {
        // A text that is word for word what the live catalog says is known, and need not be parsed.
        Some(live) if live.clause(live.validated) == text => {
            Constraint { clustered: false, inherited: false, only: false, statistics: Targets::new(), ..live.clone() }
        }
        _ => from_parts(
            &crate::sql::table_constraint(text).map_err(|e| cx.syntax(&e, place, "table constraint"))?,
            table,
            cx,
        ),
    };
    if node.text().is_some() {
        return cx.add(id, constraint, &key.location);
    }
    let fields = Fields::of(node, "a constraint", CONSTRAINT_KEYS)?;
    let clustered = fields.bool("clustered")?.unwrap_or(false);
    let only = fields.bool(ONLY.name)?.unwrap_or(false);
    let inherited = fields.bool(INHERITED)?.unwrap_or(false);
    let statistics = targets::declared(&fields)?;
    if let Some(wrong) =
        fields.get(targets::KEY.name).filter(|_| constraint.constraint_type != ConstraintType::Exclusion)
    {
        return Err(Diagnostic::error(
            "statistics",
            "only an exclusion constraint may be over expressions, which have statistics targets",
        )
        .at(wrong.location.clone()));
    }
    cx.add(id.clone(), Constraint { clustered, only, inherited, statistics, ..constraint }, &key.location)?;
    declare_index_attachment(&fields, &id, cx)?;
    cx.was(&fields, &id)?;
    cx.components(&fields, &id)
}

/// The constraint that a parsed fragment declares.
pub(super) fn from_parts(parts: &ConstraintParts, table: &ObjectId, cx: &DeclareContext<'_>) -> Constraint {
    use crate::sql::ConstraintType as Sql;
    let own_schema = table.schema().unwrap_or_default().into_owned();
    Constraint {
        constraint_type: match parts.constraint_type {
            Sql::PrimaryKey => ConstraintType::PrimaryKey,
            Sql::Unique => ConstraintType::Unique,
            Sql::ForeignKey => ConstraintType::ForeignKey,
            Sql::Exclusion => ConstraintType::Exclusion,
            Sql::Check | Sql::NotNull => ConstraintType::Check,
        },
        definition: parts.definition.clone(),
        predicate: parts.predicate.clone(),
        options: parts.options.clone(),
        tablespace: parts.tablespace.clone(),
        statistics: Targets::new(),
        deferrable: parts.deferrable || parts.initially_deferred,
        initially_deferred: parts.initially_deferred,
        validated: !parts.not_valid,
        enforced: !parts.not_enforced,
        no_inherit: parts.no_inherit,
        clustered: false,
        only: false,
        columns: parts.columns.clone(),
        references: parts.references.as_ref().map(|(schema, name, _)| {
            let schema = schema
                .clone()
                .or_else(|| cx.find_relation_schema(&own_schema, name))
                .unwrap_or_else(|| own_schema.clone());
            ObjectId::in_schema(KindTag::Table, &schema, name)
        }),
        inherited: false,
    }
}

/// Adds the constraints that a column's definition holds, under the names that PostgreSQL would choose.
pub(super) fn add_column_constraints(
    table: &ObjectId,
    column: &Key,
    parts: &[ConstraintParts],
    cx: &mut DeclareContext<'_>,
) -> Result<()> {
    for part in parts {
        let constraint = from_parts(part, table, cx);
        let id = match &part.name {
            Some(name) => table.child(KindTag::Constraint, name),
            None => {
                let id = usual_name(table, &column.text, constraint.constraint_type, |name| {
                    cx.builder.get(&table.child(KindTag::Constraint, name)).is_some()
                });
                cx.unnamed.push(id.clone());
                id
            }
        };
        cx.add(id, constraint, &column.location)?;
    }
    Ok(())
}

/// The id that an unnamed constraint of one column gets (`ChooseConstraintName`).
pub(super) fn usual_name(table: &ObjectId, column: &str, of: ConstraintType, taken: impl Fn(&str) -> bool) -> ObjectId {
    let table_name = table.name();
    let names: Vec<&str> = if of == ConstraintType::PrimaryKey { vec![&table_name] } else { vec![&table_name, column] };
    let suffix = match of {
        ConstraintType::PrimaryKey => "pkey",
        ConstraintType::Unique => "key",
        ConstraintType::Check => "check",
        ConstraintType::ForeignKey => "fkey",
        ConstraintType::Exclusion => "excl",
    };
    let mut name = generated_name(&names, suffix);
    let mut n = 0;
    while taken(&name) {
        n += 1;
        name = generated_name(&names, &format!("{suffix}{n}"));
    }
    table.child(KindTag::Constraint, &name)
}

fn write_constraint(id: &ObjectId, constraint: &Constraint, cx: &WriteContext<'_>) -> Out {
    let text = constraint.clause(constraint.validated);
    let mut entries = Vec::new();
    if constraint.clustered {
        entries.push(("clustered".to_owned(), Out::Bool(true)));
    }
    entries.extend(targets::written(&constraint.statistics));
    // A partition's are the parent's in any case.
    if constraint.inherited && cx.catalog.children(&id.top(), KindTag::Inheritance).next().is_some() {
        entries.push((INHERITED.to_owned(), Out::Bool(true)));
    }
    if constraint.only {
        entries.push((ONLY.name.to_owned(), Out::Bool(true)));
    }
    entries.extend(write_index_attachment(id, cx));
    entries.extend(cx.components(id));
    if entries.is_empty() {
        return Out::block(text);
    }
    entries.insert(0, ("definition".to_owned(), Out::block(text)));
    Out::Map(entries)
}

/// The constraints of one column that are written in its definition, by column; of the others there is no entry.
pub(crate) type Shorthand = BTreeMap<ObjectId, Vec<ObjectId>>;

/// A name in parentheses, as `pg_get_constraintdef` prints a single column.
pub(super) fn in_parentheses(column: &str) -> String {
    format!("({})", Ident(column))
}
