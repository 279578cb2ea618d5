//! The columns of views and materialized views (`pg_attribute`): what a query makes, and what can be said of it.

use crate::core::diagnostic::{Diagnostic, Location, Result};
use crate::core::id::ObjectId;
use crate::core::options::Options;
use crate::core::step::{LockMode, Step};
use crate::declare::context::DeclareContext;
use crate::introspect::{Reader, Row};
use crate::kinds::common::{Introspect, WriteContext};
use crate::kinds::options::Holder;
use crate::kinds::policy::unwrapped;
use crate::kinds::table::column_settings;
use crate::kinds::table::column_yaml::{COMPRESSION, STORAGE, strategy_said};
use crate::kinds::table::options_change;
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag, Mention, Mentions};
use crate::plan::context::PlanContext;
use crate::yaml::{Definition, Fields, KeyDoc, Out, Shape};

use super::{COMMENT, GRANTS, View, column_sql};

attributes! {
    /// A column of a view or materialized view. It comes and goes with the query.
    #[derive(Default)]
    pub struct ViewColumn {
        /// What INSERT into the view takes for it when nothing is given.
        default: Option<String> => Alter(alter_default),
        /// The statistics target of a materialized view's column, where it is not the server's default.
        statistics: Option<i32> => Alter(alter_statistics),
        /// The storage strategy of a materialized view's column, where it is not the type's.
        storage: Option<String> => Alter(alter_storage),
        /// The type's storage strategy, where the column has another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usual_storage: Option<String> => Ignore,
        /// The compression method of a materialized view's column, where it is not the server's default.
        compression: Option<String> => Alter(alter_compression),
        /// `n_distinct` and its like of a materialized view's column.
        options: Options => Alter(alter_options),
    }
}

impl ViewColumn {
    fn default_step(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Step {
        let clause = self.default.as_ref().map_or_else(|| "DROP DEFAULT".to_owned(), |d| format!("SET DEFAULT {d}"));
        let sql = format!("ALTER VIEW {} ALTER COLUMN {} {clause}", id.top_sql(), column_sql(id));
        cx.locked(Step::alter(id, sql), LockMode::AccessExclusive, &id.top())
    }

    fn statistics_step(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Step {
        let target = self.statistics.unwrap_or(-1);
        set(id, &format!("SET STATISTICS {target}"), LockMode::ShareUpdateExclusive, cx)
    }

    fn storage_step(&self, id: &ObjectId, usual: Option<&str>, cx: &PlanContext<'_>) -> Step {
        let strategy = column_settings::strategy(self.storage.as_deref(), usual, cx.major);
        set(id, &format!("SET STORAGE {strategy}"), LockMode::AccessExclusive, cx)
    }

    fn compression_step(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Step {
        let method = self.compression.as_deref().unwrap_or("default");
        set(id, &format!("SET COMPRESSION {method}"), LockMode::AccessExclusive, cx)
    }

    fn option_steps(&self, id: &ObjectId, old: &Options, cx: &PlanContext<'_>) -> Vec<Step> {
        let clauses = options_change(old, &self.options);
        clauses.iter().map(|clause| set(id, clause, LockMode::ShareUpdateExclusive, cx)).collect()
    }
}

/// A step that says something of a column of a materialized view.
fn set(id: &ObjectId, clause: &str, mode: LockMode, cx: &PlanContext<'_>) -> Step {
    let sql = format!("ALTER MATERIALIZED VIEW {} ALTER COLUMN {} {clause}", id.top_sql(), column_sql(id));
    cx.locked(Step::alter(id, sql), mode, &id.top())
}

fn alter_default(change: &Change<'_, ViewColumn>) -> Vec<Step> {
    vec![change.new.default_step(change.id, change.cx)]
}

fn alter_statistics(change: &Change<'_, ViewColumn>) -> Vec<Step> {
    vec![change.new.statistics_step(change.id, change.cx)]
}

fn alter_storage(change: &Change<'_, ViewColumn>) -> Vec<Step> {
    vec![change.new.storage_step(change.id, change.old.usual_storage.as_deref(), change.cx)]
}

fn alter_compression(change: &Change<'_, ViewColumn>) -> Vec<Step> {
    vec![change.new.compression_step(change.id, change.cx)]
}

fn alter_options(change: &Change<'_, ViewColumn>) -> Vec<Step> {
    change.new.option_steps(change.id, &change.old.options, change.cx)
}

/// Adds to the step that creates a view (the first) the columns that come with it, and the steps that complete them.
pub(super) fn creations(view: &ObjectId, cx: &PlanContext<'_>, steps: &mut Vec<Step>) {
    let mut after = Vec::new();
    for (id, object) in cx.children(view, KindTag::ViewColumn) {
        if let Some(step) = steps.first_mut() {
            step.creates.push(id.clone());
        }
        let Some(column) = ViewColumn::of(object) else { continue };
        if column.default.is_some() {
            after.push(column.default_step(id, cx).rank(1));
        }
        if column.statistics.is_some() {
            after.push(column.statistics_step(id, cx).rank(1));
        }
        if column.storage.is_some() {
            after.push(column.storage_step(id, None, cx).rank(1));
        }
        if column.compression.is_some() {
            after.push(column.compression_step(id, cx).rank(1));
        }
        after.extend(column.option_steps(id, &Options::new(), cx).into_iter().map(|step| step.rank(1)));
    }
    steps.extend(after);
}

impl Kind for ViewColumn {
    const INFO: KindInfo = KindInfo { dotted: true, inline: true, ..KindInfo::new("view_column", "column") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("COLUMN {}.{}", id.top_sql(), column_sql(id))
    }

    fn create(&self, _id: &ObjectId, _cx: &PlanContext<'_>) -> Vec<Step> {
        Vec::new()
    }

    fn drop(&self, _id: &ObjectId, _cx: &PlanContext<'_>) -> Vec<Step> {
        Vec::new()
    }

    fn mentions(&self, _id: &ObjectId, out: &mut Mentions) {
        if let Some(default) = &self.default {
            out.add(Mention::Expression(default.clone()));
        }
    }
}

impl Introspect for ViewColumn {
    const QUERY: &'static str = include_str!("column.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let (relation, number) = (row.number("relation")?, row.number("number")?);
        let Some(view) = out.at("pg_class", relation, 0).cloned() else { return Ok(()) };
        let name = row.text("name")?;
        let id = view.child(KindTag::ViewColumn, name);
        View::add_column(out.builder.get_mut(&view), name, row.text("type")?);
        let statistics = row.opt_number("statistics")?;
        let default_oid = row.opt_number("default_oid")?;
        let column = Self {
            default: row.opt("default")?.map(unwrapped),
            statistics,
            storage: column_settings::storage(row, "storage")?,
            usual_storage: column_settings::storage(row, "usual_storage")?,
            compression: column_settings::compression(row)?,
            options: row.options("options")?,
        };
        let handle = out.add(id.clone(), column, "pg_class", relation, number);
        if let Some(default) = default_oid {
            out.alias(handle, "pg_attrdef", default, 0);
        }
        crate::kinds::component::read_column_access(row, &id, out)
    }
}

/// How the columns of a view are written, where there is more to say than the query says.
pub const DEFINITION: Definition = Definition {
    name: "view_columns",
    doc: "What is to be said of a column of a view beyond the query.",
    scalar: None,
    keys: &[
        KeyDoc { name: "default", doc: "What INSERT into the view takes when nothing is given.", shape: Shape::Sql },
        KeyDoc { name: "statistics", doc: "The statistics target (materialized views).", shape: Shape::Integer },
        KeyDoc { name: "storage", doc: "How values are stored (materialized views).", shape: Shape::OneOf(STORAGE) },
        KeyDoc {
            name: "compression",
            doc: "The compression method: pglz, lz4 or the server's default (materialized views).",
            shape: Shape::OneOf(COMPRESSION),
        },
        KeyDoc {
            name: "options",
            doc: "`n_distinct` and `n_distinct_inherited` (materialized views).",
            shape: Shape::TextMap,
        },
        COMMENT,
        GRANTS,
    ],
};

/// Reads the mapping `columns` of a view.
pub(super) fn declare(fields: &Fields<'_>, view: &ObjectId, cx: &mut DeclareContext<'_>) -> Result<()> {
    // A list gives names, which the view itself has read.
    if fields.get("columns").is_none_or(|node| node.entries().is_none()) {
        return Ok(());
    }
    for (key, node) in fields.map("columns")? {
        let id = view.child(KindTag::ViewColumn, &key.text);
        let fields = Fields::of(node, "a column of a view", DEFINITION.keys)?;
        let column = ViewColumn {
            default: cx.expression(&fields, "default")?,
            statistics: fields.integer("statistics")?,
            storage: fields.one_of("storage")?.map(str::to_owned),
            usual_storage: None,
            compression: strategy_said(fields.one_of("compression")?),
            options: cx.options(&fields, "options", Holder::Column)?,
        };
        if column.default.is_some() && view.kind() == KindTag::MaterializedView {
            return Err(
                Diagnostic::error("default", "columns of materialized views have no default").at(key.location.clone())
            );
        }
        let stored = [
            ("statistics", column.statistics.is_some()),
            ("storage", column.storage.is_some()),
            ("compression", column.compression.is_some()),
            ("options", !column.options.is_empty()),
        ];
        if let Some((what, _)) = stored.into_iter().find(|(_, said)| *said && view.kind() == KindTag::View) {
            return Err(Diagnostic::error(what, format!("columns of views have no {what}")).at(key.location.clone()));
        }
        cx.add(id.clone(), column, &key.location)?;
        cx.components(&fields, &id)?;
    }
    Ok(())
}

/// Adds the columns that a view is known to have and that the declaration says nothing of.
pub(super) fn adopt(view: &ObjectId, location: &Location, cx: &mut DeclareContext<'_>) -> Result<()> {
    let Some(live) = cx.live else { return Ok(()) };
    for (id, _) in live.children(view, KindTag::ViewColumn) {
        if cx.builder.get(id).is_none() {
            cx.add(id.clone(), ViewColumn::default(), location)?;
        }
    }
    Ok(())
}

/// The entry `columns`, with the columns of which something is to be said.
pub(super) fn write(view: &ObjectId, cx: &WriteContext<'_>) -> Option<(String, Out)> {
    let columns: Vec<_> = cx
        .catalog
        .children(view, KindTag::ViewColumn)
        .filter_map(|(id, object)| {
            let column = ViewColumn::of(object)?;
            let mut entries = Vec::new();
            if let Some(default) = &column.default {
                entries.push(("default".to_owned(), Out::text(default)));
            }
            if let Some(target) = column.statistics {
                entries.push(("statistics".to_owned(), Out::Int(target.into())));
            }
            for (name, value) in [("storage", &column.storage), ("compression", &column.compression)] {
                entries.extend(value.as_ref().map(|value| (name.to_owned(), Out::text(value))));
            }
            if !column.options.is_empty() {
                let options = column.options.iter().map(|(k, v)| (k.clone(), Out::text(v)));
                entries.push(("options".to_owned(), Out::FlowMap(options.collect())));
            }
            entries.extend(cx.components(id));
            (!entries.is_empty()).then(|| (id.name().into_owned(), Out::Map(entries)))
        })
        .collect();
    (!columns.is_empty()).then(|| ("columns".to_owned(), Out::Map(columns)))
}
