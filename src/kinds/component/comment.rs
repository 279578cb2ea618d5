//! Comments (`pg_description`; COMMENT ON).

use crate::core::catalog::Catalog;
use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::core::name::literal;
use crate::core::step::{LockMode, Phase, Step};
use crate::introspect::{Reader, Row, class_named};
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag};
use crate::plan::context::PlanContext;

attributes! {
    /// The comment on its parent object.
    pub struct Comment {
        /// The text; never empty.
        text: String => Alter(set),
    }
}

fn set(change: &Change<'_, Comment>) -> Vec<Step> {
    vec![change.new.locked(Step::alter(change.id, change.new.sql(change.id, change.cx)), change.id, change.cx)]
}

impl Comment {
    /// The id of the comment on an object.
    pub fn id(target: &ObjectId) -> ObjectId {
        target.child(KindTag::Comment, "")
    }

    fn sql(&self, id: &ObjectId, cx: &PlanContext<'_>) -> String {
        format!("COMMENT ON {} IS {}", super::address(id, cx), literal(&self.text))
    }

    fn locked(&self, step: Step, id: &ObjectId, cx: &PlanContext<'_>) -> Step {
        let relation = id.top();
        if super::object_type(relation.kind()) == Some('r') {
            cx.locked(step, LockMode::ShareUpdateExclusive, &relation)
        } else {
            step
        }
    }
}

impl Kind for Comment {
    const INFO: KindInfo = KindInfo { component: true, ..KindInfo::new("comment", "comment on") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        id.parent().map(|p| p.sql_path()).unwrap_or_default()
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        vec![self.locked(Step::create(id, self.sql(id, cx)), id, cx)]
    }

    fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let step = Step::drop(id, format!("COMMENT ON {} IS NULL", super::address(id, cx))).phase(Phase::Expand);
        vec![self.locked(step, id, cx)]
    }

    /// An extension brings its own.
    fn implied(&self, id: &ObjectId, _catalog: &Catalog) -> bool {
        id.parent().is_some_and(|p| p.kind() == KindTag::Extension)
    }

    fn rename(&self, _old: &ObjectId, _new: &ObjectId) -> Vec<Step> {
        Vec::new()
    }
}

/// All comments on objects of users. A schema `public` has one from `initdb`, which is none of theirs.
pub const COMMENTS_QUERY: &str = "select c.relname as class, d.objoid as oid, d.objsubid as sub, d.description as text \
     from pg_description d join pg_class c on c.oid = d.classoid \
     where (d.objoid >= 16384 or c.relname in ('pg_namespace', 'pg_extension')) and d.description <> '' \
     and not (c.relname = 'pg_namespace' and d.description = 'standard public schema')";

/// Adds the comment of one row of [`COMMENTS_QUERY`]. A comment that stands on a part of an object that the model takes for the
/// object itself (the index of a constraint) is reported as not modelled.
///
/// # Errors
/// A row that is not of the query's form.
pub fn read_comment(row: &Row<'_>, out: &mut Reader) -> Result<()> {
    let Some(class) = class_named(row.text("class")?) else { return Ok(()) };
    let Some(target) = out.at(class, row.number("oid")?, row.number("sub")?).cloned() else { return Ok(()) };
    let part = match (class, target.kind()) {
        ("pg_class", KindTag::Constraint) => Some("index"),
        ("pg_class", KindTag::Column) => Some("sequence"),
        ("pg_type", kind) if super::object_type(kind) == Some('r') => Some("row type"),
        ("pg_rewrite", _) => Some("rule"),
        // A NOT NULL is part of its column, or of its domain.
        ("pg_constraint", KindTag::Column | KindTag::Domain) => Some("NOT NULL constraint"),
        _ => None,
    };
    match part {
        Some("sequence") if row.number::<i32>("sub")? != 0 => {}
        Some(part) => {
            out.builder.origin.unmodelled.push((format!("comment on {part}"), target.sql_path()));
            return Ok(());
        }
        None => {}
    }
    out.builder.put(Comment::id(&target), Comment { text: row.string("text")? });
    Ok(())
}
