//! The columns of views and materialized views (`pg_attribute`): what a query makes, and what can be said of it.

use crate::core::diagnostic::{Diagnostic, Location, Result};
use crate::core::id::ObjectId;
use crate::core::step::{LockMode, Step};
use crate::declare::context::DeclareContext;
use crate::introspect::{Reader, Row};
use crate::kinds::common::{Introspect, WriteContext};
use crate::kinds::policy::unwrapped;
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
        let sql =
            format!("ALTER MATERIALIZED VIEW {} ALTER COLUMN {} SET STATISTICS {target}", id.top_sql(), column_sql(id));
        cx.locked(Step::alter(id, sql), LockMode::ShareUpdateExclusive, &id.top())
    }
}

fn alter_default(change: &Change<'_, ViewColumn>) -> Vec<Step> {
    vec![change.new.default_step(change.id, change.cx)]
}

fn alter_statistics(change: &Change<'_, ViewColumn>) -> Vec<Step> {
    vec![change.new.statistics_step(change.id, change.cx)]
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
        let column = Self { default: row.opt("default")?.map(unwrapped), statistics };
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
        let column =
            ViewColumn { default: cx.expression(&fields, "default")?, statistics: fields.integer("statistics")? };
        if column.default.is_some() && view.kind() == KindTag::MaterializedView {
            return Err(
                Diagnostic::error("default", "columns of materialized views have no default").at(key.location.clone())
            );
        }
        if column.statistics.is_some() && view.kind() == KindTag::View {
            return Err(Diagnostic::error("statistics", "columns of views have no statistics").at(key.location.clone()));
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
            entries.extend(cx.components(id));
            (!entries.is_empty()).then(|| (id.name().into_owned(), Out::Map(entries)))
        })
        .collect();
    (!columns.is_empty()).then(|| ("columns".to_owned(), Out::Map(columns)))
}
