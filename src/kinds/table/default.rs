//! Column defaults (`pg_attrdef`; ALTER COLUMN … SET DEFAULT).

use crate::core::catalog::Catalog;
use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::core::name::{Ident, literal};
use crate::core::step::{HazardKind, LockMode, Step};
use crate::introspect::{Reader, Row};
use crate::kinds::common::Introspect;
use crate::kinds::table::column::{Column, Generated};
use crate::kinds::table::counter;
use crate::kinds::table::inheritance::all_origins;
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag, Mention, Mentions};
use crate::plan::context::PlanContext;

attributes! {
    /// The default of a column.
    pub struct Default {
        /// The expression.
        expression: String => Restate,
    }
}

impl Default {
    /// Whether adding a column with this default may rewrite the table: PostgreSQL evaluates anything that is not volatile once
    /// and stores it in the catalog (ALTER TABLE, "Notes"). Volatility is the server's to know; a call that is not known to be
    /// stable is taken for volatile.
    pub fn may_be_volatile(&self) -> bool {
        let text = self.expression.to_ascii_lowercase();
        const STABLE: &[&str] = &[
            "now()",
            "current_setting(",
            "timezone(",
            "lower(",
            "upper(",
            "to_jsonb(",
            "jsonb_build_object(",
            "json_build_object(",
            "make_interval(",
        ];
        let mut rest = text.as_str();
        let mut stripped = String::new();
        while let Some(i) = rest.find(|c: char| c.is_ascii_alphabetic()) {
            rest = &rest[i..];
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
            if rest[end..].starts_with('(')
                && !STABLE.iter().any(|s| rest.starts_with(s))
                && !matches!(&rest[..end], "varying" | "numeric" | "character" | "bit")
            {
                stripped.push_str(&rest[..end]);
            }
            rest = &rest[end..];
        }
        !stripped.is_empty()
    }

    /// A change of the column's type in the table that the column is inherited from reaches this one, too: it comes first.
    fn behind_origins(mut step: Step, id: &ObjectId, cx: &PlanContext<'_>) -> Step {
        if let Some(column) = id.parent() {
            step.requires.extend(all_origins(&column, cx.to));
        }
        step
    }

    fn set(&self, id: &ObjectId) -> Option<String> {
        let column = id.parent()?;
        Some(format!(
            "ALTER TABLE ONLY {} ALTER COLUMN {} SET DEFAULT {}",
            id.top_sql(),
            Ident(&column.name()),
            self.expression
        ))
    }
}

impl Kind for Default {
    const INFO: KindInfo = KindInfo { foldable: true, ..KindInfo::new("default", "default") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        id.parent().map(|p| format!("COLUMN {}.{}", p.top_sql(), Ident(&p.name()))).unwrap_or_default()
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let Some(sql) = self.set(id) else { return Vec::new() };
        let mut step = Step::create(id, sql);
        if let Some(identity) = id.parent().and_then(|column| counter::before_default(&column, cx)) {
            step = step.after(&identity);
        }
        vec![cx.locked(Self::behind_origins(step, id, cx), LockMode::AccessExclusive, &id.top())]
    }

    fn restate(change: &Change<'_, Self>) -> Vec<Step> {
        let Some(sql) = change.new.set(change.id) else { return Vec::new() };
        let step = Step::alter(change.id, sql).lock(LockMode::AccessExclusive, &change.id.top());
        vec![Self::behind_origins(step, change.id, change.cx)]
    }

    fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let Some(column) = id.parent() else { return Vec::new() };
        let step = Step::drop(
            id,
            format!("ALTER TABLE ONLY {} ALTER COLUMN {} DROP DEFAULT", id.top_sql(), Ident(&column.name())),
        );
        // An identity column that comes after it refuses to have one dropped again.
        let step = step.lock(LockMode::AccessExclusive, &id.top()).done_when(format!(
            "SELECT NOT atthasdef FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass({}) AND attname = {}",
            literal(&id.top_sql()),
            literal(&column.name())
        ));
        // An identity gives it one.
        let identity = Column::get(cx.to, &column).is_some_and(|column| column.identity.is_some());
        if cx.is_new(id) || identity {
            return vec![step];
        }
        // Old code may leave the column out of its INSERTs.
        vec![step.hazard(HazardKind::Breaking, "code that leaves the column out of an INSERT gets no value any more")]
    }

    fn folds(&self, id: &ObjectId, cx: &PlanContext<'_>) -> bool {
        let Some((column, parent)) = id.parent().and_then(|p| Some((Column::get(cx.to, &p)?, p))) else { return false };
        if cx.filled.contains(&parent) {
            return false;
        }
        // A child table's column takes its parent's default along; another one is set afterwards.
        let child = column.inherited && cx.to.children(&id.top(), KindTag::Inheritance).next().is_some();
        !child || given(&parent, cx.to) == Some(self)
    }

    fn implied(&self, id: &ObjectId, catalog: &Catalog) -> bool {
        id.parent().is_some_and(|column| {
            Column::get(catalog, &column).is_some_and(|c| c.inherited) && given(&column, catalog) == Some(self)
        })
    }

    fn mentions(&self, _id: &ObjectId, out: &mut Mentions) {
        out.add(Mention::Expression(self.expression.clone()));
    }
}

/// The default that the same column has in a parent table.
fn given<'a>(column: &ObjectId, catalog: &'a Catalog) -> Option<&'a Default> {
    let name = column.name();
    crate::kinds::table::inheritance::parents(&column.parent()?, catalog)
        .into_iter()
        .find_map(|p| Default::get(catalog, &p.child(KindTag::Column, &name).child(KindTag::Default, "")))
}

impl Introspect for Default {
    const QUERY: &'static str = include_str!("default.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let oid = row.number("oid")?;
        let Some(handle) = out.handle("pg_class", row.number("relation")?, row.number("number")?) else {
            return Ok(());
        };
        let generated = row.char("generated")?;
        let expression = crate::sql::expression_in_one_form(row.text("expression")?).into_owned();
        let column = out.builder.id(handle).clone();
        if oid == 0 {
            // It has none though a parent has one: to say that of a table that inherits takes DEFAULT NULL.
            out.builder.put(column.child(KindTag::Default, ""), Self { expression });
            return Ok(());
        }
        if row.char("identity")? != ' ' {
            if let Some(crate::kinds::Object::Column(column)) = out.builder.get_mut(&column) {
                std::sync::Arc::make_mut(column).behind_identity = Some(expression);
            }
            return Ok(());
        }
        if generated == ' ' {
            out.add(column.child(KindTag::Default, ""), Self { expression }, "pg_attrdef", oid, 0);
            return Ok(());
        }
        // The expression of a generated column is a property of the column: it comes and goes with it.
        if let Some(crate::kinds::Object::Column(column)) = out.builder.get_mut(&column) {
            let column = std::sync::Arc::make_mut(column);
            let expression = crate::kinds::policy::unwrapped(&expression);
            column.generated = Some(Generated { expression, stored: generated == 's' });
        }
        out.alias(handle, "pg_attrdef", oid, 0);
        Ok(())
    }
}
