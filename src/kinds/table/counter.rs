//! How the numbers of a column go on where another sequence counts them from now on: a serial column gets an identity, an
//! identity column becomes a serial one, a column with rows gets the one or the other.

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::name::{Ident, derived, literal};
use crate::core::step::{HazardKind, Phase, Step};
use crate::kinds::KindTag;
use crate::kinds::sequence::{Sequence, SequenceOwner};
use crate::kinds::table::column::{Column, Identity};
use crate::kinds::table::default::Default as ColumnDefault;
use crate::plan::context::PlanContext;

/// The sequence that belongs to a column, as that of a serial one does; else the one that its default takes numbers from.
fn sequence_of(column: &ObjectId, catalog: &Catalog) -> Option<ObjectId> {
    let owned = catalog.dependents(column).map(|(id, _)| id).find(|id| SequenceOwner::get(catalog, id).is_some());
    let default = column.child(KindTag::Default, "");
    let used =
        || catalog.dependencies(&default).map(|(id, _)| id.clone()).find(|id| Sequence::get(catalog, id).is_some());
    owned.and_then(ObjectId::parent).or_else(used)
}

/// The name that a sequence has until its successor has taken over from it.
fn aside(sequence: &ObjectId) -> ObjectId {
    let name = derived("", &sequence.name(), "__trueup_old");
    ObjectId::in_schema(KindTag::Sequence, &sequence.schema().unwrap_or_default(), &name)
}

fn rename(sequence: &ObjectId, new: &ObjectId) -> String {
    format!("ALTER SEQUENCE {} RENAME TO {}", sequence.sql(), Ident(&new.name()))
}

/// The sequence of a serial column that gets an identity hands its count over and goes: the steps for that.
pub(crate) fn handed_over(sequence: &ObjectId, cx: &PlanContext<'_>) -> Option<Vec<Step>> {
    let column = &SequenceOwner::get(cx.from, &SequenceOwner::id(sequence))?.column;
    if Column::get(cx.from, column)?.identity.is_some() || cx.is_dropped(column) {
        return None;
    }
    let successor = Column::get(cx.to, column)?.identity_sequence(column)?;
    if successor != *sequence {
        return Some(vec![Step::drop(sequence, format!("DROP SEQUENCE {}", sequence.sql()))]);
    }
    let aside = aside(sequence);
    let mut steps_aside = Step::drop(sequence, rename(sequence, &aside)).done_when(has_identity(column, true));
    steps_aside.creates.push(aside.clone());
    let gone = Step::drop(&aside, format!("DROP SEQUENCE {}", aside.sql())).requires(&aside).done_when(is_gone(&aside));
    Some(vec![steps_aside, gone])
}

/// The count of a column's new identity: where the sequence before it stands, or behind the rows that are there.
pub(crate) fn of_new_identity(column: &ObjectId, new: &Identity, sequence: &ObjectId, cx: &PlanContext<'_>) -> Step {
    match sequence_of(column, cx.from).filter(|old| cx.is_dropped(old)) {
        Some(old) => {
            let old = if old == *sequence { aside(&old) } else { old };
            go_on(column, column, &old, sequence, new.descending())
        }
        None => after_rows(column, std::slice::from_ref(column), sequence, new.start(), new.descending()),
    }
}

/// The steps that take a column's identity away. A sequence that counts for the column from now on goes on where it stands.
pub(crate) fn instead_of_identity(
    column: &ObjectId,
    old: &Identity,
    sequence: &ObjectId,
    drop: Step,
    cx: &PlanContext<'_>,
) -> Vec<Step> {
    let mut drop = drop.done_when(has_identity(column, false));
    let Some(successor) = sequence_of(column, cx.to).filter(|new| cx.is_new(new)) else {
        // A sequence of another column may take the name afterwards.
        drop.destroys.push(sequence.clone());
        return vec![
            drop.rank(0)
                .hazard(HazardKind::Breaking, "code that leaves the column out of an INSERT gets no number any more")
                .hazard(
                    HazardKind::DataLoss,
                    format!("how far the identity of {} has counted is lost", column.sql_path()),
                ),
        ];
    };
    let mut steps = Vec::new();
    let mut source = sequence.clone();
    if successor == *sequence {
        source = aside(sequence);
        let mut away = Step::alter(column, rename(sequence, &source)).phase(Phase::Contract).rank(0);
        away.done_when = Some(has_identity(column, false));
        away.destroys.push(sequence.clone());
        steps.push(away);
    }
    let go_on = go_on(column, column, &source, &successor, old.descending());
    steps.push(go_on.requires(&successor).rank(1));
    drop.destroys.push(source);
    steps.push(drop.rank(2));
    steps
}

/// What must be gone before a column can have a default: its identity.
pub(crate) fn before_default(column: &ObjectId, cx: &PlanContext<'_>) -> Option<ObjectId> {
    let sequence = Column::get(cx.from, column)?.identity_sequence(column)?;
    Column::get(cx.to, column)?
        .identity
        .is_none()
        .then(|| if sequence_of(column, cx.to).as_ref() == Some(&sequence) { aside(&sequence) } else { sequence })
}

/// The count of a new sequence that columns take numbers from which are there already: it begins behind their rows.
pub(crate) fn of_new_sequence(id: &ObjectId, new: &Sequence, cx: &PlanContext<'_>) -> Option<Step> {
    let owner = SequenceOwner::get(cx.to, &SequenceOwner::id(id)).map(|owner| owner.column.clone());
    let users = cx.to.dependents(id).filter(|(user, _)| ColumnDefault::get(cx.to, user).is_some());
    let mut columns: Vec<ObjectId> = users.filter_map(|(user, _)| user.parent()).chain(owner).collect();
    columns.sort();
    columns.dedup();
    // One that has an identity so far hands its count over.
    columns.retain(|column| {
        let counts = |c: &Column| c.identity.is_none() && matches!(&*c.type_name, "smallint" | "integer" | "bigint");
        !cx.is_new(column) && !cx.is_dropped(column) && Column::get(cx.from, column).is_some_and(counts)
    });
    let first = new.start.to_string();
    (!columns.is_empty()).then(|| after_rows(id, &columns, id, &first, new.increment < 0))
}

/// Makes a new sequence go on where the one before it stands, or behind the column's last value where that is further on.
fn go_on(object: &ObjectId, column: &ObjectId, old: &ObjectId, new: &ObjectId, descending: bool) -> Step {
    let (best, further, beyond) = if descending { ("min", "least", "<=") } else { ("max", "greatest", ">=") };
    let (table, name) = (column.top_sql(), Ident(&column.name()).to_string());
    let sql = format!(
        "SELECT setval({}, {further}(o.last_value, m.v), o.is_called OR coalesce(m.v {beyond} o.last_value, false)) \
         FROM {} o, (SELECT {best}({name})::bigint AS v FROM {table}) m WHERE o.is_called OR m.v IS NOT NULL",
        literal(&new.sql()),
        old.sql(),
    );
    let mut step = Step::data(object, sql).phase(Phase::Expand).done_when(is_gone(old));
    step.uses.push(old.clone());
    step
}

/// Makes a new sequence go on behind the last value of the columns, where that is at or beyond its start.
fn after_rows(object: &ObjectId, columns: &[ObjectId], new: &ObjectId, start: &str, descending: bool) -> Step {
    let (best, further, beyond) = if descending { ("min", "least", "<=") } else { ("max", "greatest", ">=") };
    let each: Vec<String> = columns
        .iter()
        .map(|column| format!("(SELECT {best}({})::bigint FROM {})", Ident(&column.name()), column.top_sql()))
        .collect();
    let value = if let [one] = each.as_slice() { one.clone() } else { format!("{further}({})", each.join(", ")) };
    let sql =
        format!("SELECT setval({}, m.v) FROM (SELECT {value} AS v) m WHERE m.v {beyond} {start}", literal(&new.sql()));
    // What was counted since is not to be counted again.
    let counted = format!("SELECT is_called FROM {}", new.sql());
    Step::data(object, sql).phase(Phase::Expand).requires(new).done_when(counted)
}

fn is_gone(sequence: &ObjectId) -> String {
    format!("SELECT to_regclass({}) IS NULL", literal(&sequence.sql()))
}

/// Whether a column has an identity, or has none.
pub(crate) fn has_identity(column: &ObjectId, has: bool) -> String {
    format!(
        "SELECT attidentity {} '' FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass({}) AND attname = {}",
        if has { "<>" } else { "=" },
        literal(&column.top_sql()),
        literal(&column.name()),
    )
}
