//! Columns of tables (`pg_attribute`; ALTER TABLE … COLUMN).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::core::catalog::Catalog;
use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::core::name::{Ident, ident, literal, qualified};
use crate::core::options::Options;
use crate::core::step::{HazardKind, LockMode, Phase, Step};
use crate::core::versions;
use crate::introspect::{Reader, Row};
use crate::kinds::common::Introspect;
use crate::kinds::component::{self, sequence_grant};
use crate::kinds::holds::wrapped;
use crate::kinds::sequence::{identity_clauses, within_bounds_of};
use crate::kinds::table::Table;
use crate::kinds::table::constraint::{Constraint, ConstraintType};
use crate::kinds::table::default::Default as ColumnDefault;
use crate::kinds::table::inheritance::{all_heirs, all_origins, heirs, is_heir_already, origins, parents};
pub use crate::kinds::table::not_null::NotNull;
use crate::kinds::table::not_null::{alter_not_null, not_null_steps, of_heir};
use crate::kinds::table::type_change::is_implicit;
use crate::kinds::table::{
    column_settings, column_steps, column_type, counter, partition, premise, row_type, targets, typed,
};
use crate::kinds::types::in_expressions;
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag, Mention, Mentions, Object};
use crate::plan::context::PlanContext;

attributes! {
    /// A column of a table.
    #[derive(Default)]
    pub struct Column {
        /// Its place among the columns of the state it comes from. PostgreSQL cannot move a column, so it is no difference.
        position: i32 => Ignore,
        /// The type with its modifiers, as `format_type` prints it.
        type_name: String => AlterRebuilding(column_type::alter_type),
        /// The collation, where it is not the type's.
        collation: Option<String> => AlterRebuilding(column_type::alter_collation),
        /// The NOT NULL constraint.
        not_null: Option<NotNull> => Alter(alter_not_null),
        /// GENERATED … AS IDENTITY.
        identity: Option<Identity> => Alter(alter_identity),
        /// GENERATED ALWAYS AS (…).
        generated: Option<Generated> => AlterIf(can_alter_generated, alter_generated),
        /// The storage strategy, where it is not the type's.
        storage: Option<String> => Alter(column_settings::alter_storage),
        /// The type's storage strategy, where the column has another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usual_storage: Option<String> => Ignore,
        /// The compression method, where it is not the server's default.
        compression: Option<String> => Alter(column_settings::alter_compression),
        /// The statistics target, where it is not the server's default.
        statistics: Option<i32> => Alter(column_settings::alter_statistics),
        /// Attribute options: n_distinct, n_distinct_inherited.
        options: Options => Alter(column_settings::alter_options),
        /// Whether it comes from a parent table only.
        inherited: bool => Ignore,
        /// The parent's default that came with INHERITS to a column with an identity. It gives no value and cannot be said, changed or
        /// dropped as long as there is the identity, and is what the column has when that goes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        behind_identity: Option<String> => Ignore,
    }
}

/// GENERATED … AS IDENTITY.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// ALWAYS rather than BY DEFAULT.
    pub always: bool,
    /// The sequence's name (schema and name), where it is not the one PostgreSQL chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<(String, String)>,
    /// Sequence options that deviate from their defaults, by keyword: `START WITH` → `5`.
    pub options: BTreeMap<String, String>,
}

/// GENERATED ALWAYS AS (…).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generated {
    /// The expression.
    pub expression: String,
    /// STORED rather than VIRTUAL (18).
    pub stored: bool,
}

impl Identity {
    /// Whether it counts downwards.
    pub(crate) fn descending(&self) -> bool {
        self.options.get("INCREMENT BY").is_some_and(|v| v.starts_with('-'))
    }

    /// Its first value.
    pub(crate) fn start(&self) -> &str {
        self.options.get("START WITH").map_or_else(|| self.usual_start(), String::as_str)
    }

    /// The first value where none is said: the lowest, or, descending, the highest.
    fn usual_start(&self) -> &str {
        let (bound, usual) = if self.descending() { ("MAXVALUE", "-1") } else { ("MINVALUE", "1") };
        self.options.get(bound).map_or(usual, String::as_str)
    }

    /// All options of its sequence, as ALTER COLUMN says them, whatever they are now.
    pub(crate) fn all_options(&self) -> String {
        let said = |key: &str| self.options.get(key).map(|value| format!("SET {key} {value}").trim_end().to_owned());
        [
            said("INCREMENT BY").unwrap_or_else(|| "SET INCREMENT BY 1".to_owned()),
            said("MINVALUE").unwrap_or_else(|| "SET NO MINVALUE".to_owned()),
            said("MAXVALUE").unwrap_or_else(|| "SET NO MAXVALUE".to_owned()),
            format!("SET START WITH {}", self.start()),
            said("CACHE").unwrap_or_else(|| "SET CACHE 1".to_owned()),
            said("CYCLE").unwrap_or_else(|| "SET NO CYCLE".to_owned()),
        ]
        .join(" ")
    }

    pub(crate) fn clause(&self) -> String {
        let mut sql = format!("GENERATED {} AS IDENTITY", if self.always { "ALWAYS" } else { "BY DEFAULT" });
        let mut options = Vec::new();
        if let Some((schema, name)) = &self.sequence {
            options.push(format!("SEQUENCE NAME {}", qualified(schema, name)));
        }
        options.extend(self.options.iter().map(|(k, v)| if v.is_empty() { k.clone() } else { format!("{k} {v}") }));
        if !options.is_empty() {
            sql.push_str(&format!(" ({})", options.join(" ")));
        }
        sql
    }
}

impl Column {
    /// The definition as it stands in CREATE TABLE and ADD COLUMN.
    pub fn definition(&self, id: &ObjectId, default: Option<&ColumnDefault>) -> String {
        let mut sql = format!("{} {}", Ident(&id.name()), self.type_name);
        if let Some(compression) = &self.compression {
            sql.push_str(&format!(" COMPRESSION {compression}"));
        }
        if let Some(collation) = &self.collation {
            sql.push_str(&format!(" COLLATE {collation}"));
        }
        sql.push_str(&self.constraints(default));
        sql
    }

    /// What may follow `WITH OPTIONS` in a typed table; `None` where there is nothing to say.
    pub(crate) fn typed_options(&self, default: Option<&ColumnDefault>) -> Option<String> {
        let sql = self.constraints(default);
        (!sql.is_empty()).then_some(sql)
    }

    fn constraints(&self, default: Option<&ColumnDefault>) -> String {
        let mut sql = String::new();
        if let Some(default) = default {
            sql.push_str(&format!(" DEFAULT {}", default.expression));
        }
        if let Some(generated) = &self.generated {
            sql.push_str(&format!(
                " GENERATED ALWAYS AS ({}) {}",
                generated.expression,
                if generated.stored { "STORED" } else { "VIRTUAL" }
            ));
        }
        if let Some(identity) = &self.identity {
            sql.push_str(&format!(" {}", identity.clause()));
        }
        // NOT VALID cannot be said here; it follows.
        if let Some(not_null) = self.not_null.as_ref().filter(|n| !n.not_valid) {
            if let Some(name) = &not_null.name {
                sql.push_str(&format!(" CONSTRAINT {}", Ident(name)));
            }
            sql.push_str(" NOT NULL");
            if not_null.no_inherit {
                sql.push_str(" NO INHERIT");
            }
        }
        sql
    }

    /// The id that the identity sequence would have, were it an object of its own.
    pub(crate) fn identity_sequence(&self, id: &ObjectId) -> Option<ObjectId> {
        let identity = self.identity.as_ref()?;
        let (schema, name) = identity.sequence.clone().unwrap_or_else(|| usual_sequence(id));
        Some(ObjectId::in_schema(KindTag::Sequence, &schema, &name))
    }
}

/// The schema and name that PostgreSQL chooses for the sequence of a serial or identity column.
pub(crate) fn usual_sequence(column: &ObjectId) -> (String, String) {
    let top = column.top();
    let name = crate::kinds::common::generated_name(&[&top.name(), &column.name()], "seq");
    (top.schema().unwrap_or_default().into_owned(), name)
}

/// A query that is true where a condition on `pg_attribute` holds of a column.
pub(super) fn of_column(id: &ObjectId, condition: &str) -> String {
    format!(
        "SELECT {condition} FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass({}) AND attname = {} AND NOT attisdropped",
        literal(&id.top_sql()),
        literal(&id.name())
    )
}

fn table_sql(id: &ObjectId) -> String {
    id.top_sql()
}

/// Makes a column an identity column; its sequence has no value used up.
fn add_identity(id: &ObjectId, identity: &Identity, cx: &PlanContext<'_>) -> Step {
    let sql = format!("ALTER TABLE {} ALTER COLUMN {} ADD {}", table_sql(id), ident(&id.name()), identity.clause());
    let step = cx.locked(Step::alter(id, sql), LockMode::AccessExclusive, &id.top()).rank(8);
    let step = step.done_when(counter::has_identity(id, true));
    // A column has a default or an identity, never both.
    let step = step.after(&id.child(KindTag::Default, ""));
    // The sequence of a serial column that becomes an identity column has the name that the new one takes.
    let (schema, name) = identity.sequence.clone().unwrap_or_else(|| usual_sequence(id));
    let old = ObjectId::in_schema(KindTag::Sequence, &schema, &name);
    if cx.is_dropped(&old) { step.after(&old) } else { step }
}

fn alter_identity(change: &Change<'_, Column>) -> Vec<Step> {
    let (id, cx) = (change.id, change.cx);
    let top = id.top();
    let (table, column) = (table_sql(id), ident(&id.name()));
    let alter = |clause: String| {
        cx.locked(
            Step::alter(id, format!("ALTER TABLE {table} ALTER COLUMN {column} {clause}")),
            LockMode::AccessExclusive,
            &top,
        )
        .rank(8)
    };
    match (&change.old.identity, &change.new.identity) {
        (Some(old), None) => {
            let sequence = change.old.identity_sequence(id).unwrap_or_else(|| id.clone());
            let drop = alter("DROP IDENTITY".to_owned()).phase(Phase::Contract);
            let mut steps = counter::instead_of_identity(id, old, &sequence, drop, cx);
            if change.old.behind_identity.is_some() && !cx.to.contains(&id.child(KindTag::Default, "")) {
                steps.push(alter("DROP DEFAULT".to_owned()).phase(Phase::Contract));
            }
            steps
        }
        (None, Some(new)) => {
            let wanted = new.sequence.clone().unwrap_or_else(|| usual_sequence(id));
            let mut steps = vec![add_identity(id, new, cx)];
            steps[0].hazards.extend(component::opened(id, cx));
            if !cx.is_new(id) {
                let sequence = ObjectId::in_schema(KindTag::Sequence, &wanted.0, &wanted.1);
                steps.push(counter::of_new_identity(id, new, &sequence, cx).rank(8));
            }
            steps.extend(sequence_grant::of_new_identity(change.new, id, cx));
            steps
        }
        (Some(old), Some(new)) => {
            let mut steps = Vec::new();
            if old.always != new.always {
                let step = alter(format!("SET GENERATED {}", if new.always { "ALWAYS" } else { "BY DEFAULT" }));
                steps.push(if new.always {
                    step.phase(Phase::Contract)
                        .hazard(HazardKind::Breaking, "code that gives the column a value itself fails")
                } else {
                    step
                });
            }
            let usual = || usual_sequence(id);
            let (from, to) = (old.sequence.clone().unwrap_or_else(usual), new.sequence.clone().unwrap_or_else(usual));
            if from.1 != to.1 {
                steps.push(
                    Step::alter(
                        id,
                        format!("ALTER SEQUENCE IF EXISTS {} RENAME TO {}", qualified(&from.0, &from.1), Ident(&to.1)),
                    )
                    .done_when(format!("SELECT to_regclass({}) IS NOT NULL", literal(&qualified(&from.0, &to.1))))
                    .rank(7),
                );
            }
            let types = (&*change.old.type_name, &*change.new.type_name);
            let clauses = identity_clauses((types.0, old), (types.1, new));
            if !clauses.is_empty() {
                let step = alter(clauses);
                let sequence = ObjectId::in_schema(KindTag::Sequence, &to.0, &to.1);
                steps.extend(within_bounds_of((types.0, old), (types.1, new), &sequence, step));
            }
            steps
        }
        (None, None) => Vec::new(),
    }
}

fn can_alter_generated(change: &Change<'_, Column>) -> bool {
    match (&change.old.generated, &change.new.generated) {
        (Some(old), None) => old.stored,
        (Some(old), Some(new)) => {
            change.cx.major >= versions::SET_EXPRESSION
                && old.stored == new.stored
                && (old.stored || !keeps_expression(change.id, change.cx))
        }
        _ => false,
    }
}

/// Whether the server refuses another expression of a virtual column: of a published table, and up to 18 where the table or one that
/// the statement reaches as well has a check. The column is then dropped and added again; it holds nothing.
fn keeps_expression(id: &ObjectId, cx: &PlanContext<'_>) -> bool {
    // Which tables a publication FOR ALL TABLES or TABLES IN SCHEMA is about, is not known here.
    if cx.from.origin.unmodelled.iter().any(|(kind, _)| kind == "publication") {
        return true;
    }
    let is_check = |object: &Object| Constraint::of(object).is_some_and(|c| c.constraint_type == ConstraintType::Check);
    // Parent and descendants change in one way.
    let has_check = |catalog: &Catalog| {
        let roots = all_origins(id, catalog).into_iter().map(|origin| origin.top()).chain([id.top()]);
        let tables = roots.flat_map(|table| all_heirs(&table, catalog).into_iter().chain([table]));
        tables.into_iter().any(|table| catalog.children(&table, KindTag::Constraint).any(|(_, o)| is_check(o)))
    };
    cx.major < versions::SET_EXPRESSION_BESIDE_CHECKS && (has_check(cx.from) || has_check(cx.to))
}

fn alter_generated(change: &Change<'_, Column>) -> Vec<Step> {
    let id = change.id;
    // A parent's statement goes down to its heirs, which cannot drop what they have from it.
    let now = &change.new.generated;
    if column_type::is_carried(change, |old, new| old.generated.is_some() && new.generated == *now) {
        return Vec::new();
    }
    let clause = match &change.new.generated {
        None => "DROP EXPRESSION".to_owned(),
        Some(new) => format!("SET EXPRESSION AS ({})", new.expression),
    };
    let step = Step::alter(id, format!("ALTER TABLE {} ALTER COLUMN {} {clause}", table_sql(id), Ident(&id.name())))
        .lock(LockMode::AccessExclusive, &id.top())
        // A type that changes with USING wants a column that is generated no more.
        .rank(if change.new.generated.is_none() { 1 } else { 3 });
    let step = match &change.new.generated {
        // What was in its way is there again by then.
        Some(new) if change.old.generated.as_ref().is_some_and(|old| old.expression != new.expression) => {
            step.done_when(of_column(
                id,
                &format!(
                    "(SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = attrelid AND d.adnum = attnum) IN ({})",
                    wrapped(&new.expression)
                ),
            ))
        }
        _ => step,
    };
    let step = match &change.new.generated {
        None => step
            .done_when(of_column(id, "attgenerated = ''"))
            .phase(Phase::Contract)
            .hazard(HazardKind::Breaking, "code that does not write the column leaves it empty"),
        Some(new) if new.stored => row_type::while_not_held(step, &id.top(), change.cx)
            .hazard(HazardKind::Rewrite, "the table is rewritten while nobody can read it"),
        Some(_) => step,
    };
    // Without the expression the values stay, and with them the indexes.
    let rewrites = change.new.generated.is_some();
    std::iter::once(step).chain(if rewrites { targets::again(id, change.cx) } else { Vec::new() }).collect()
}

impl Column {
    /// Whether a column is in all as a partition made by PARTITION OF has it, but for its default.
    pub(super) fn is_handed_down(&self, id: &ObjectId, theirs: &Self, their_id: &ObjectId, major: u32) -> bool {
        let named = |column: &Self, id: &ObjectId| match &column.not_null {
            Some(not_null) if major >= versions::NAMED_NOT_NULL => {
                Some(NotNull { name: Some(not_null.name_of(id)), ..not_null.clone() })
            }
            other => other.clone(),
        };
        let mut own = Self { position: theirs.position, inherited: theirs.inherited, ..self.clone() };
        // The identity is the partitioned table's: up to 16 a partition has none, from 17 on it counts with the same sequence.
        own.identity = own.identity.or_else(|| theirs.identity.clone());
        named(self, id) == named(theirs, their_id) && Self { not_null: theirs.not_null.clone(), ..own } == *theirs
    }

    /// Whether an inherited column is in all as its parent's handed it down, so that it need not be declared.
    fn is_as_from(&self, theirs: &Self) -> bool {
        self.not_null.is_some() == theirs.not_null.as_ref().is_some_and(|not_null| !not_null.no_inherit)
            && self.generated == theirs.generated
            && self.storage == theirs.storage
            && self.compression == theirs.compression
            && self.statistics.is_none()
            && self.options.is_empty()
    }
}

impl Kind for Column {
    const INFO: KindInfo =
        KindInfo { dotted: true, holds_data: true, provided_in_part: true, ..KindInfo::new("column", "column") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("COLUMN {}.{}", id.top_sql(), Ident(&id.name()))
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let top = id.top();
        // What a parent's statement, or the table's, brings along has what can be said there.
        let origins = origins(id, cx.to);
        let comes_down = |origin: &ObjectId| cx.is_new(origin) && is_heir_already(&top, &origin.top(), cx);
        if cx.is_new(&top) || (self.inherited && origins.iter().any(comes_down)) {
            let mut steps = of_heir(self, id, &origins, cx);
            steps.extend(column_settings::of_new(id, self, cx));
            steps.extend(sequence_grant::of_new_identity(self, id, cx));
            return steps;
        }
        let default_id = id.child(KindTag::Default, "");
        let default = cx.folded.contains(&default_id).then(|| ColumnDefault::get(cx.to, &default_id)).flatten();
        let fills = default.is_some() || self.identity.is_some() || self.generated.is_some();
        let mut inline = self.clone();
        if !fills {
            inline.not_null = None;
        }
        // An identity column cannot be added to a table with heirs, which would get none; partitions do get one from 17 on.
        let apart = self.identity.as_ref().filter(|_| {
            let partitioned = Table::get(cx.to, &top).is_some_and(|t| t.partition_key.is_some());
            !(partitioned && cx.major >= versions::PARTITIONED_IDENTITY)
                && [cx.from, cx.to].iter().any(|c| !heirs(&top, c).is_empty())
        });
        if apart.is_some() {
            inline.identity = None;
        }
        let mut step =
            Step::create(id, format!("ALTER TABLE {} ADD COLUMN {}", top.sql(), inline.definition(id, default)))
                .lock(LockMode::AccessExclusive, &top);
        if default.is_some() {
            step = step.also_creates(&default_id);
        }
        step = typed::while_free(step, &top, cx).premise(premise::of_new_column(self, id, cx));
        if row_type::fills(&inline, id, default.is_some(), cx.to) {
            step = row_type::while_not_held(step, &top, cx);
        }
        if self.identity.is_some()
            || self.generated.as_ref().is_some_and(|g| g.stored)
            || default.is_some_and(ColumnDefault::may_be_volatile)
        {
            step = step.hazard(
                HazardKind::Rewrite,
                format!("every row of {} is rewritten while nobody can read it", top.sql_path()),
            );
        }
        let mut steps = vec![step];
        if let Some(not_null) = self.not_null.as_ref().filter(|_| !fills) {
            steps.extend(not_null_steps(id, not_null, cx));
        }
        if let Some(identity) = apart {
            steps.push(add_identity(id, identity, cx));
        }
        steps.extend(column_settings::of_new(id, self, cx));
        steps.extend(sequence_grant::of_new_identity(self, id, cx));
        steps
    }

    fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        column_steps::drop(self, id, cx)
    }

    fn reattach(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        column_steps::reattach(self, id, cx)
    }

    fn rebuilds(&self, id: &ObjectId, old: Option<&Self>, cx: &PlanContext<'_>) -> Vec<ObjectId> {
        let table = id.top();
        if !cx.from.contains(&table) || !row_type::rewrites(self, id, old, cx) {
            return Vec::new();
        }
        let mut views = row_type::in_the_way(&table, cx);
        let Some(old) = old.filter(|old| old.type_name != self.type_name || old.collation != self.collation) else {
            return views;
        };
        views.extend(in_expressions::in_the_way(&table, cx));
        // No USING can be said of a generated column; it holds nothing that is not computed again.
        let computed = old.generated.is_some() && self.generated.is_some() && self.provider(id, cx.to).is_none();
        if computed && !is_implicit(&old.type_name, &self.type_name) {
            return views.into_iter().chain([id.clone()]).collect();
        }
        let key = Table::get(cx.from, &table).and_then(|table| table.partition_key.as_deref());
        match key.is_some_and(|key| partition::key_reads(key, &id.name())) {
            true => vec![table],
            false => views,
        }
    }

    fn handed_down_by(&self, id: &ObjectId) -> Option<ObjectId> {
        Some(id.top())
    }

    fn follows(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Option<ObjectId> {
        let before = origins(id, cx.from);
        origins(id, cx.to).into_iter().find(|origin| before.contains(origin))
    }

    fn provider(&self, id: &ObjectId, catalog: &Catalog) -> Option<ObjectId> {
        if !self.inherited {
            return None;
        }
        let name = id.name();
        parents(&id.parent()?, catalog)
            .into_iter()
            .map(|p| p.child(KindTag::Column, &name))
            .find(|c| catalog.contains(c))
    }

    fn rename(&self, old: &ObjectId, new: &ObjectId) -> Vec<Step> {
        vec![
            Step::rename(
                old,
                format!("ALTER TABLE {} RENAME COLUMN {} TO {}", old.top_sql(), Ident(&old.name()), Ident(&new.name())),
            )
            .lock(LockMode::AccessExclusive, &old.top())
            .hazard(HazardKind::Breaking, "code that uses the old name fails"),
        ]
    }

    fn implied(&self, id: &ObjectId, catalog: &Catalog) -> bool {
        let Some(theirs) = self.provider(id, catalog) else { return false };
        // That it has no default though the parent has one is nothing that could be met by itself.
        let has_default = |column: &ObjectId| catalog.contains(&column.child(KindTag::Default, ""));
        let lacks_default = self.identity.is_none() && has_default(&theirs) && !has_default(id);
        !lacks_default && Self::get(catalog, &theirs).is_some_and(|theirs| self.is_as_from(theirs))
    }

    fn mentions(&self, _id: &ObjectId, out: &mut Mentions) {
        out.add(Mention::Type(self.type_name.clone()));
        if let Some(generated) = &self.generated {
            out.add(Mention::Expression(generated.expression.clone()));
        }
    }
}

impl Introspect for Column {
    const QUERY: &'static str = include_str!("column.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let relation = row.number("relation")?;
        if let Some(sequence) = row.opt("sequence_name")? {
            if !out.is_member("pg_class", relation) {
                out.left_out("privilege on a column of a sequence", &format!("{sequence}.{}", row.text("name")?));
            }
            return Ok(());
        }
        let Some(table) = out.at("pg_class", relation, 0).cloned() else { return Ok(()) };
        let number = row.number("number")?;
        let id = table.child(KindTag::Column, row.text("name")?);
        if number < 0 {
            out.left_out("privilege on a system column", &id.sql_path());
            return Ok(());
        }
        let type_name = row.string("type")?;
        let collation = row.opt_string("collation")?;
        let not_null = row.bool("not_null")?.then(NotNull::default);
        let generation = row.char("identity")?;
        let sequence = match generation {
            ' ' => None,
            _ => out.identities.remove(&(relation, number)),
        };
        let sequence_oid = sequence.as_ref().map(|sequence| sequence.oid);
        let identity = sequence.map(|sequence| {
            sequence_grant::read(&id, &sequence.owner, &sequence.acl.unwrap_or_default(), out);
            // Up to 14, all sequences are logged.
            let logged = out.builder.get(&table).and_then(Table::of).is_none_or(|table| table.logged);
            if out.major >= versions::UNLOGGED_SEQUENCES && sequence.unlogged == logged {
                let name = qualified(&sequence.name.0, &sequence.name.1);
                out.left_out("persistence of an identity sequence", &name);
            }
            let usual = usual_sequence(&id);
            Identity {
                always: generation == 'a',
                sequence: (sequence.name != usual).then_some(sequence.name),
                options: sequence.options,
            }
        });
        let storage = column_settings::storage(row, "storage")?;
        let usual_storage = column_settings::storage(row, "usual_storage")?;
        let compression = column_settings::compression(row)?;
        let statistics = row.opt_number("statistics")?;
        let options = row.options("options")?;
        let local = row.bool("local")?;
        let column = Self {
            position: number,
            type_name,
            collation,
            not_null,
            identity,
            generated: None,
            storage,
            usual_storage,
            compression,
            statistics,
            options,
            inherited: row.bool("inherited")? && !local,
            behind_identity: None,
        };
        let handle = out.add(id.clone(), column, "pg_class", relation, number);
        if let Some(oid) = sequence_oid {
            out.alias(handle, "pg_class", oid, 0);
        }
        component::read_column_access(row, &id, out)
    }
}
