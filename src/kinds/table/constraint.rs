//! Table constraints (`pg_constraint`; ALTER TABLE … ADD CONSTRAINT): primary keys, unique, foreign keys, checks, exclusions.
//!
//! NOT NULL is a property of its column. The index behind a key is part of the constraint.

use serde::{Deserialize, Serialize};

use crate::core::catalog::{Catalog, Edge};
use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::core::name::{Ident, ident, literal, qualified};
use crate::core::options::Options;
use crate::core::step::{HazardKind, LockMode, MENDED, Phase, Step, Transaction};
use crate::core::versions;
use crate::introspect::{Printer, Reader, Row};
use crate::kinds::common::Introspect;
use crate::kinds::component::grant::given_on_what_it_calls;
use crate::kinds::table::column::NotNull;
use crate::kinds::table::index::printed_options;
use crate::kinds::table::inheritance::{all_heirs, all_origins, bonds_that_go, parents};
use crate::kinds::table::partition::{
    attachments_before, attachments_to_keys, detachments_before, dropped_before, has_all_parts, is_completed,
    parts_before, unless_part, whole_of,
};
use crate::kinds::table::premise;
use crate::kinds::table::targets::{self, Targets};
use crate::kinds::types::in_expressions;
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag, Mention, Mentions, Object};
use crate::plan::context::PlanContext;

/// What a constraint demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "SQL's own words")]
pub enum ConstraintType {
    PrimaryKey,
    Unique,
    Check,
    ForeignKey,
    Exclusion,
}

attributes! {
    /// A constraint of a table.
    pub struct Constraint {
        /// What it demands.
        constraint_type: ConstraintType => Replace,
        /// The definition without what follows, as `pg_get_constraintdef` prints it: `FOREIGN KEY (a) REFERENCES t(id)`.
        definition: String => Replace,
        /// WHERE of an exclusion, with its brackets.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        predicate: Option<String> => Replace,
        /// Storage parameters of its index.
        #[serde(default, skip_serializing_if = "Options::is_empty")]
        options: Options => AlterIf(is_not_partitioned, alter_options),
        /// The tablespace of its index, where it is not the database's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tablespace: Option<String> => Alter(alter_tablespace),
        /// Statistics targets of the expressions of an exclusion, by number.
        #[serde(default, skip_serializing_if = "Targets::is_empty")]
        statistics: Targets => Alter(alter_statistics),
        /// DEFERRABLE.
        deferrable: bool => AlterIf(is_foreign_key, alter_deferrable),
        /// INITIALLY DEFERRED.
        initially_deferred: bool => AlterIf(is_foreign_key, alter_deferred),
        /// Whether all rows are known to satisfy it (NOT VALID otherwise).
        validated: bool => AlterIf(|c| c.new.validated, alter_validated),
        /// Whether it is enforced at all (18).
        enforced: bool => AlterIf(is_foreign_key, alter_enforced),
        /// NO INHERIT.
        no_inherit: bool => Replace,
        /// Whether CLUSTER uses its index.
        clustered: bool => Alter(alter_clustered),
        /// ADDed to ONLY a partitioned table, of which some partitions have no part of it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        only: bool => AlterIf(|c| !c.new.only && is_completed(c.id, c.cx), |_| Vec::new()),
        /// Its own columns, in order, where they are plain ones.
        columns: Vec<String> => Ignore,
        /// The table a foreign key refers to.
        references: Option<ObjectId> => Ignore,
        /// Whether it comes from a parent table only.
        inherited: bool => Ignore,
    }
}

/// PostgreSQL changes no storage parameters of a partitioned index.
fn is_not_partitioned(change: &Change<'_, Constraint>) -> bool {
    !super::is_partitioned(&change.id.top(), change.cx)
}

fn alter_options(change: &Change<'_, Constraint>) -> Vec<Step> {
    super::index::options_steps(
        change.id,
        &index_sql(change.id),
        &change.id.top(),
        &change.old.options,
        &change.new.options,
    )
}

fn alter_tablespace(change: &Change<'_, Constraint>) -> Vec<Step> {
    super::index::tablespace_steps(change.id, &index_sql(change.id), &change.id.top(), change.new.tablespace.as_deref())
}

fn alter_statistics(change: &Change<'_, Constraint>) -> Vec<Step> {
    targets::steps(change.id, &index_sql(change.id), &change.old.statistics, &change.new.statistics)
}

/// The index behind a key or an exclusion, as SQL.
pub(super) fn index_sql(id: &ObjectId) -> String {
    qualified(&id.schema().unwrap_or_default(), &id.name())
}

fn is_foreign_key(change: &Change<'_, Constraint>) -> bool {
    change.new.constraint_type == ConstraintType::ForeignKey
}

fn alter(change: &Change<'_, Constraint>, clause: &str) -> Vec<Step> {
    vec![
        Step::alter(
            change.id,
            format!("ALTER TABLE {} ALTER CONSTRAINT {} {clause}", change.id.top_sql(), Ident(&change.id.name())),
        )
        .lock(LockMode::AccessExclusive, &change.id.top()),
    ]
}

fn alter_deferrable(change: &Change<'_, Constraint>) -> Vec<Step> {
    alter(
        change,
        if change.new.initially_deferred {
            "DEFERRABLE INITIALLY DEFERRED"
        } else if change.new.deferrable {
            "DEFERRABLE"
        } else {
            "NOT DEFERRABLE"
        },
    )
}

fn alter_deferred(change: &Change<'_, Constraint>) -> Vec<Step> {
    // A change of deferrability says both.
    if change.old.deferrable != change.new.deferrable {
        return Vec::new();
    }
    alter(
        change,
        if change.new.initially_deferred { "DEFERRABLE INITIALLY DEFERRED" } else { "DEFERRABLE INITIALLY IMMEDIATE" },
    )
}

fn alter_enforced(change: &Change<'_, Constraint>) -> Vec<Step> {
    alter(change, if change.new.enforced { "ENFORCED" } else { "NOT ENFORCED" })
}

fn alter_validated(change: &Change<'_, Constraint>) -> Vec<Step> {
    if change.old.enforced != change.new.enforced {
        return Vec::new();
    }
    vec![change.new.validate(change.id)]
}

fn alter_clustered(change: &Change<'_, Constraint>) -> Vec<Step> {
    let clause = if change.new.clustered {
        format!("CLUSTER ON {}", Ident(&change.id.name()))
    } else {
        "SET WITHOUT CLUSTER".to_owned()
    };
    let step = Step::alter(change.id, format!("ALTER TABLE {} {clause}", change.id.top_sql()))
        .lock(LockMode::ShareUpdateExclusive, &change.id.top());
    vec![step.rank(u8::from(change.new.clustered))]
}

impl Constraint {
    /// The text after `CONSTRAINT name`. `valid`: whether existing rows are checked at once.
    pub fn clause(&self, valid: bool) -> String {
        let mut sql = format!("{}{}", self.definition, self.index_parameters(" USING INDEX TABLESPACE "));
        self.predicate.iter().for_each(|predicate| sql.push_str(&format!(" WHERE {predicate}")));
        self.with_flags(sql, valid)
    }

    /// As `pg_get_constraintdef` prints it, which leaves out the tablespace, and of a key its storage parameters.
    pub fn printed(&self, valid: bool) -> String {
        let mut sql = super::classes::unnamed(&self.definition);
        if self.constraint_type == ConstraintType::Exclusion {
            sql.push_str(&printed_options(&self.options));
        }
        self.predicate.iter().for_each(|predicate| sql.push_str(&format!(" WHERE {predicate}")));
        self.with_flags(sql, valid)
    }

    /// What is said of the index: storage parameters, and the tablespace behind these words.
    fn index_parameters(&self, tablespace: &str) -> String {
        let mut sql = printed_options(&self.options);
        self.tablespace.iter().for_each(|space| sql.push_str(&format!("{tablespace}{}", Ident(space))));
        sql
    }

    fn with_flags(&self, mut sql: String, valid: bool) -> String {
        if self.no_inherit {
            sql.push_str(" NO INHERIT");
        }
        if self.deferrable {
            sql.push_str(" DEFERRABLE");
        }
        if self.initially_deferred {
            sql.push_str(" INITIALLY DEFERRED");
        }
        if !self.enforced {
            sql.push_str(" NOT ENFORCED");
        } else if !valid {
            sql.push_str(" NOT VALID");
        }
        sql
    }

    fn validate(&self, id: &ObjectId) -> Step {
        Self::validate_named(id, &id.name())
    }

    fn validate_named(id: &ObjectId, name: &str) -> Step {
        Step::alter(id, format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", id.top_sql(), Ident(name)))
            .lock(LockMode::ShareUpdateExclusive, &id.top())
            .transaction(Transaction::Own)
            .rank(2)
    }

    fn deferral(&self) -> &'static str {
        match (self.deferrable, self.initially_deferred) {
            (_, true) => " DEFERRABLE INITIALLY DEFERRED",
            (true, false) => " DEFERRABLE",
            _ => "",
        }
    }

    /// Replaces a constraint without a moment in which neither form holds, and without losing the old form where the rows do
    /// not satisfy the new one: the new form is built and proved under another name, then the two change places in one
    /// transaction.
    fn create_beside(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Option<Vec<Step>> {
        let (table, name) = (id.top(), id.name());
        let whole = |catalog| super::Table::get(catalog, &table).is_none_or(|t| t.partition_key.is_none());
        let part = |catalog: &Catalog| catalog.children(&table, KindTag::Attachment).next().is_some();
        let stays = !cx.is_new(&table) && !cx.is_dropped(&table) && !in_expressions::is_in_the_way(id, cx);
        let simple = stays && whole(cx.to) && whole(cx.from) && !part(cx.to) && !part(cx.from) && !self.inherited;
        if !simple || !cx.can_build_beside(id) || Self::get(cx.from, id).is_none_or(|old| old.inherited) {
            return None;
        }
        let beside = crate::core::name::beside(&name);
        let aside = table.child(KindTag::Constraint, &beside);
        let finish = |sql: String| {
            Step::create(id, format!("ALTER TABLE {} {sql}", table.sql()))
                .lock(LockMode::AccessExclusive, &table)
                .phase(Phase::Contract)
        };
        let mut steps = match self.constraint_type {
            ConstraintType::Check | ConstraintType::ForeignKey => {
                let add =
                    format!("ALTER TABLE {} ADD CONSTRAINT {} {}", table.sql(), Ident(&beside), self.clause(false));
                let mode = if self.constraint_type == ConstraintType::Check {
                    LockMode::AccessExclusive
                } else {
                    LockMode::ShareRowExclusive
                };
                let add = Step::alter(id, add)
                    .lock(mode, &table)
                    .after(&aside)
                    .hazard(HazardKind::Breaking, "writes that do not satisfy it fail from here on");
                let mut steps = vec![add];
                if self.validated && self.enforced {
                    steps.push(Self::validate_named(id, &beside));
                }
                steps.push(finish(format!("RENAME CONSTRAINT {} TO {}", Ident(&beside), Ident(&name))));
                steps
            }
            ConstraintType::PrimaryKey | ConstraintType::Unique if !self.definition.contains("WITHOUT OVERLAPS") => {
                let (head, rest) = self.columns_part()?;
                let sql = format!("CREATE UNIQUE INDEX CONCURRENTLY {} ON {} {rest}", Ident(&beside), table.sql());
                let index = ObjectId::in_schema(KindTag::Index, &table.schema().unwrap_or_default(), &beside);
                let mut build = Step::alter(id, sql)
                    .lock(LockMode::ShareUpdateExclusive, &table)
                    .transaction(Transaction::None)
                    .after(&index)
                    // It has taken its place, or is about to.
                    .done_when(format!(
                        "SELECT ({}) OR EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = to_regclass({}) AND conname = {} \
                         AND pg_get_constraintdef(oid) = {})",
                        super::index::is_valid_query(&table, &beside),
                        literal(&table.sql()),
                        literal(&name),
                        literal(&self.printed(true))
                    ));
                build.cleanup = Some(super::index::drop_invalid(&table, &beside));
                let deferral = self.deferral();
                vec![
                    build,
                    finish(format!("ADD CONSTRAINT {} {head} USING INDEX {}{deferral}", Ident(&name), Ident(&beside))),
                ]
            }
            _ => return None,
        };
        let last = steps.len() - 1;
        for (rank, step) in steps.iter_mut().enumerate().take(last) {
            step.beside = true;
            step.phase = Phase::Contract;
            // Rows are mended before.
            step.rank = MENDED + u8::try_from(rank).unwrap_or_default();
        }
        steps.extend(targets::steps(id, &index_sql(id), &Targets::new(), &self.statistics));
        if self.clustered {
            let step = Step::alter(id, format!("ALTER TABLE {} CLUSTER ON {}", table.sql(), Ident(&name))).rank(3);
            steps.push(step.lock(LockMode::ShareUpdateExclusive, &table));
        }
        Some(steps)
    }

    /// Whether it is a foreign key to its own table.
    pub(super) fn refers_to_itself(&self, id: &ObjectId) -> bool {
        self.references.as_ref() == Some(&id.top())
    }

    /// The statement that drops it.
    pub(super) fn drop_sql(id: &ObjectId) -> String {
        format!("ALTER TABLE {} DROP CONSTRAINT {}", id.top_sql(), Ident(&id.name()))
    }

    /// Whether there is an index behind it.
    pub(crate) fn has_index(&self) -> bool {
        self.is_key() || self.constraint_type == ConstraintType::Exclusion
    }

    fn is_key(&self) -> bool {
        matches!(self.constraint_type, ConstraintType::PrimaryKey | ConstraintType::Unique)
    }
}

impl Kind for Constraint {
    const INFO: KindInfo = KindInfo {
        foldable: true,
        same_by_definition: true,
        namespaces: &["relation"],
        ..KindInfo::new("constraint", "constraint")
    };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("CONSTRAINT {} ON {}", Ident(&id.name()), id.top_sql())
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        if let Some(steps) = self.create_beside(id, cx) {
            return steps;
        }
        let table = id.top();
        let new = cx.is_new(&table);
        let name = id.name();
        // Where it cannot be built beside its old form, the two change places in one transaction.
        let replaces = cx.is_dropped(id) && cx.from.contains(id);
        // The parts of a key on a partitioned table are built one by one and attached.
        let only = self.only || (self.is_key() && has_all_parts(id, cx.to));
        let only = if only { "ONLY " } else { "" };
        let add = |text: &str| format!("ALTER TABLE {only}{} ADD CONSTRAINT {} {text}", table.sql(), Ident(&name));
        let mut steps = Vec::new();
        let partitioned = super::Table::get(cx.to, &table).is_some_and(|t| t.partition_key.is_some());
        match self.constraint_type {
            _ if new || !cx.online => {
                steps.push(cx.locked(
                    Step::create(id, add(&self.clause(self.validated))),
                    LockMode::AccessExclusive,
                    &table,
                ));
            }
            ConstraintType::Check | ConstraintType::ForeignKey
                if !(partitioned
                    && self.constraint_type == ConstraintType::ForeignKey
                    && cx.major < versions::PARTITIONED_KEY_NOT_VALID) =>
            {
                let mode = if self.constraint_type == ConstraintType::Check {
                    LockMode::AccessExclusive
                } else {
                    LockMode::ShareRowExclusive
                };
                let step = Step::create(id, add(&self.clause(false))).lock(mode, &table).phase(Phase::Contract);
                steps.push(step.hazard(HazardKind::Breaking, "writes that do not satisfy it fail from here on"));
                if self.validated && self.enforced {
                    steps.push(self.validate(id).phase(Phase::Contract));
                }
            }
            ConstraintType::PrimaryKey | ConstraintType::Unique
                if !partitioned
                    && !replaces
                    && !self.definition.contains("WITHOUT OVERLAPS")
                    && self.columns_part().is_some() =>
            {
                // The index is built while reads and writes go on; the constraint then only takes it over.
                let (head, rest) = self.columns_part().unwrap_or_default();
                let index = format!("CREATE UNIQUE INDEX CONCURRENTLY {} ON {} {rest}", Ident(&name), table.sql());
                let deferral = self.deferral();
                let mut build =
                    Step::create(id, index).lock(LockMode::ShareUpdateExclusive, &table).transaction(Transaction::None);
                build.done_when = Some(super::index::is_valid_query(&table, &name));
                build.cleanup = Some(super::index::drop_invalid(&table, &name));
                build.phase = Phase::Contract;
                steps.push(build.hazard(HazardKind::Breaking, "writes that repeat a value fail from here on"));
                steps.push(
                    Step::alter(
                        id,
                        format!(
                            "ALTER TABLE {} ADD CONSTRAINT {} {head} USING INDEX {}{deferral}",
                            table.sql(),
                            Ident(&name),
                            Ident(&name)
                        ),
                    )
                    .lock(LockMode::AccessExclusive, &table)
                    .phase(Phase::Contract)
                    .rank(1),
                );
            }
            _ => {
                let mode = if self.constraint_type == ConstraintType::ForeignKey {
                    LockMode::ShareRowExclusive
                } else {
                    LockMode::AccessExclusive
                };
                steps.push(
                    Step::create(id, add(&self.clause(true)))
                        .lock(mode, &table)
                        .phase(Phase::Contract)
                        .hazard(HazardKind::Blocking, "all rows are read (or an index is built) while writes wait"),
                );
            }
        }
        if let Some(first) = steps.first_mut() {
            first.premise = premise::constraint(self, id, cx);
            // A copy that the table kept when it left a partitioned one.
            first.after.push(id.clone());
            first.requires.extend(attachments_before(id, self.only, cx));
            if self.is_key() {
                first.requires.extend(parts_before(id, cx));
                first.after.extend(detachments_before(&table, cx));
            }
            first.after.extend(dropped_before(&table, cx));
            if self.constraint_type == ConstraintType::Exclusion {
                first.requires.extend(given_on_what_it_calls(id, cx));
            }
            // A partition's rows are not known to satisfy it: so it came down to a partition that was there already, or joined one
            // that the partition had.
            for heir in all_heirs(&table, cx.to).iter().filter(|_| self.constraint_type == ConstraintType::Check) {
                let own_id = heir.child(KindTag::Constraint, &name);
                let Some(own) = Self::get(cx.to, &own_id) else { continue };
                if own.validated {
                    // A new table satisfies it, as long as it does not come down to the table afterwards.
                    if !self.validated && cx.is_new(heir) {
                        first.before.push(heir.clone());
                    }
                    continue;
                }
                first.requires.push(heir.child(KindTag::Attachment, ""));
                if own.provider(&own_id, cx.to).is_none() {
                    first.requires.push(own_id);
                }
            }
            if let Some(referenced) = &self.references {
                // A table that survives a crash refers to none that does not.
                let logged = |table: &ObjectId, catalog| super::Table::get(catalog, table).map(|table| table.logged);
                let changes =
                    |table: &&ObjectId| cx.from.contains(table) && logged(table, cx.from) != logged(table, cx.to);
                first.requires.extend([referenced, &table].into_iter().filter(changes).cloned());
                first.requires.extend(attachments_to_keys(referenced, cx.to));
            }
        }
        if self.constraint_type == ConstraintType::PrimaryKey {
            // A table has only one.
            let primary = |o: &Object| Self::of(o).is_some_and(|key| key.constraint_type == self.constraint_type);
            let olds =
                cx.from.children(&table, KindTag::Constraint).filter(|(old, o)| cx.is_dropped(old) && primary(o));
            let olds: Vec<ObjectId> = olds.map(|(old, _)| old.clone()).collect();
            // A partition's columns get their NOT NULL from the parent's.
            let columns = cx.to.dependencies(id).map(|(on, _)| on).filter(|on| on.kind() == KindTag::Column);
            let origins: Vec<ObjectId> = columns.flat_map(|column| all_origins(column, cx.to)).collect();
            for step in steps.iter_mut().filter(|step| step.sql.contains(" ADD CONSTRAINT ")) {
                step.after.extend(olds.iter().cloned());
                step.requires.extend(origins.iter().cloned());
            }
        }
        if let (Some(step), Some(table)) = (steps.first_mut(), &self.references) {
            // A partitioned key made part by part is one only when all its parts are attached.
            step.requires.extend(crate::kinds::table::partition::new_parts_of_keys(table, cx));
            // PostgreSQL takes the first key of these columns that it finds: not one that is on its way out.
            let keys =
                cx.from.children(table, KindTag::Constraint).filter(|(_, o)| Self::of(o).is_some_and(Self::is_key));
            let indexes = cx.from.dependents(table).map(|(d, _)| d).filter(|d| d.kind() == KindTag::Index);
            step.after.extend(keys.map(|(key, _)| key).chain(indexes).filter(|key| cx.is_dropped(key)).cloned());
        }
        steps.extend(targets::steps(id, &index_sql(id), &Targets::new(), &self.statistics));
        if self.clustered {
            let step = Step::alter(id, format!("ALTER TABLE {} CLUSTER ON {}", table.sql(), Ident(&name))).rank(3);
            steps.push(cx.locked(step, LockMode::ShareUpdateExclusive, &table));
        }
        steps
    }

    fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let mut step = Step::drop(id, Self::drop_sql(id)).lock(LockMode::AccessExclusive, &id.top());
        if !self.refers_to_itself(id) {
            step.after = bonds_that_go(&id.top(), cx);
        }
        // Dropping a rule frees writers. Code may rely on a key or an exclusion (ON CONFLICT, GROUP BY a key) and on what a foreign
        // key deletes; and what goes because its column goes has time until then.
        let frees = self.constraint_type == ConstraintType::Check
            && !cx.from.dependencies(id).any(|(dependency, _)| cx.is_dropped(dependency));
        vec![if frees { step.phase(Phase::Expand) } else { unless_part(step, id, cx) }]
    }

    fn handed_down_by(&self, id: &ObjectId) -> Option<ObjectId> {
        // What rows a partition has may be referred to by those of the others: such a key goes before the partition leaves.
        (!self.refers_to_itself(id)).then(|| id.top())
    }

    fn taken_by(&self, id: &ObjectId, catalog: &Catalog) -> Option<ObjectId> {
        whole_of(id, catalog)
    }

    fn survives_rebuild(&self) -> bool {
        self.constraint_type != ConstraintType::ForeignKey
    }

    fn provider(&self, id: &ObjectId, catalog: &Catalog) -> Option<ObjectId> {
        // The server makes the parts of an exclusion constraint itself, and attaches no others.
        if self.constraint_type == ConstraintType::Exclusion
            && let Some(whole) = whole_of(id, catalog)
        {
            return Some(whole);
        }
        if !self.inherited || self.is_key() {
            return None;
        }
        let name = id.name();
        parents(&id.parent()?, catalog)
            .into_iter()
            .map(|p| p.child(KindTag::Constraint, &name))
            .find(|c| catalog.contains(c))
    }

    fn rename(&self, old: &ObjectId, new: &ObjectId) -> Vec<Step> {
        vec![
            Step::rename(
                old,
                format!(
                    "ALTER TABLE {} RENAME CONSTRAINT {} TO {}",
                    old.top_sql(),
                    Ident(&old.name()),
                    Ident(&new.name())
                ),
            )
            .lock(LockMode::AccessExclusive, &old.top())
            .phase(Phase::Expand),
        ]
    }

    fn implied(&self, id: &ObjectId, catalog: &Catalog) -> bool {
        // The server makes the parts of a partitioned key itself.
        let is_part = || {
            let whole = whole_of(id, catalog).and_then(|whole| Self::get(catalog, &whole));
            let alike = |whole: &Self| *self == Self { inherited: self.inherited, ..whole.clone() };
            whole.is_some_and(|whole| !whole.only && alike(whole))
        };
        self.provider(id, catalog).is_some() || is_part()
    }

    fn mentions(&self, id: &ObjectId, out: &mut Mentions) {
        out.add(Mention::Statement(format!("ALTER TABLE {} ADD CONSTRAINT x {}", id.top_sql(), self.clause(true))));
    }

    fn folds(&self, id: &ObjectId, cx: &PlanContext<'_>) -> bool {
        let table = id.top();
        if self.constraint_type == ConstraintType::ForeignKey
            || !self.validated
            || self.clustered
            || !self.statistics.is_empty()
        {
            return false;
        }
        // Keys of partitioned tables and of their partitions are made apart and attached to each other.
        let partition = cx.to.children(&table, KindTag::Attachment).next().is_some();
        let partitioned = super::Table::get(cx.to, &table).is_some_and(|t| t.partition_key.is_some());
        self.constraint_type == ConstraintType::Check || !(partition || partitioned || self.is_doubled(id, cx.to))
    }
}

impl Constraint {
    /// Whether another key or exclusion of the table is the same but for its name: of two such in one CREATE TABLE, PostgreSQL
    /// makes one.
    fn is_doubled(&self, id: &ObjectId, catalog: &Catalog) -> bool {
        // A declared definition is as it was written. Two that only look the same are merely added apart.
        let columns = |key: &Self| {
            let start = key.definition.find('(')?;
            let text: String = key.definition.get(start..)?.split_whitespace().collect();
            Some(text.to_lowercase())
        };
        let exclusion = self.constraint_type == ConstraintType::Exclusion;
        let alike = |key: &Self| {
            let of_a_kind = if exclusion { key.constraint_type == self.constraint_type } else { key.is_key() };
            of_a_kind && columns(key) == columns(self)
        };
        (exclusion || self.constraint_type == ConstraintType::Unique)
            && catalog
                .children(&id.top(), KindTag::Constraint)
                .any(|(other, object)| other != id && Self::of(object).is_some_and(alike))
    }

    /// `PRIMARY KEY` or `UNIQUE`, and the rest as an index definition, `(a, b) INCLUDE (c)`.
    fn columns_part(&self) -> Option<(&'static str, String)> {
        let (head, rest) = if let Some(rest) = self.definition.strip_prefix("PRIMARY KEY") {
            ("PRIMARY KEY", rest)
        } else {
            ("UNIQUE", self.definition.strip_prefix("UNIQUE")?)
        };
        let rest = rest.trim_start();
        // An index says NULLS NOT DISTINCT behind its columns, a constraint in front of them.
        let (nulls, rest) = match rest.strip_prefix("NULLS NOT DISTINCT") {
            Some(rest) => (true, rest.trim_start()),
            None => (false, rest.strip_prefix("NULLS DISTINCT").unwrap_or(rest).trim_start()),
        };
        let tail = self.index_parameters(" TABLESPACE ");
        rest.starts_with('(').then(|| (head, format!("{rest}{}{tail}", if nulls { " NULLS NOT DISTINCT" } else { "" })))
    }
}

/// Reads the text form of an `int2vector` or `smallint[]` column list.
pub(crate) fn numbers(text: &str) -> Vec<i32> {
    text.trim_matches(['{', '}']).split([' ', ',']).filter_map(|n| n.parse().ok()).collect()
}

/// A plain key or foreign key as `pg_get_constraintdef` prints it, without the flags: the server takes long over many.
fn print_key(row: &Row<'_>, letter: char, columns: &[u32], out: &Reader) -> Result<Option<String>> {
    let name = |handle: u32| ident(&out.builder.id(handle).name());
    let own = columns.iter().map(|h| name(*h)).collect::<Vec<_>>().join(", ");
    if letter == 'p' {
        return Ok(Some(format!("PRIMARY KEY ({own})")));
    }
    if letter == 'u' {
        let nulls = if row.bool("nulls_not_distinct")? { "NULLS NOT DISTINCT " } else { "" };
        return Ok(Some(format!("UNIQUE {nulls}({own})")));
    }
    let referenced: u32 = row.number("referenced")?;
    let referenced_key = numbers(row.opt("referenced_key")?.unwrap_or(""));
    let referenced_columns: Vec<_> =
        referenced_key.iter().filter_map(|n| out.handle("pg_class", referenced, *n)).map(name).collect();
    let Some(table) = row.opt("referenced_name")? else { return Ok(None) };
    let mut text = format!("FOREIGN KEY ({own}) REFERENCES {table}({})", referenced_columns.join(", "));
    text.push_str(match row.char("match")? {
        'f' => " MATCH FULL",
        'p' => " MATCH PARTIAL",
        _ => "",
    });
    for (column, event) in [("on_update", " ON UPDATE "), ("on_delete", " ON DELETE ")] {
        let action = match row.char(column)? {
            'r' => "RESTRICT",
            'c' => "CASCADE",
            'n' => "SET NULL",
            'd' => "SET DEFAULT",
            _ => continue,
        };
        text.push_str(event);
        text.push_str(action);
    }
    Ok(Some(text))
}

impl Introspect for Constraint {
    const QUERY: &'static str = include_str!("constraint.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let oid = row.number("oid")?;
        let relation = row.number("relation")?;
        let Some(table) = out.at("pg_class", relation, 0).cloned() else { return Ok(()) };
        if table.kind() != KindTag::Table {
            return Ok(());
        }
        let name = row.text("name")?;
        let letter = row.char("type")?;
        let definition = row.opt("definition")?.map(crate::sql::expression_in_one_form);
        let definition = definition.as_deref();
        let tree = definition.filter(|_| letter == 'c' && out.prints_later);
        let deferrable = row.bool("deferrable")?;
        let initially_deferred = row.bool("deferred")?;
        let validated = row.bool("validated")?;
        let no_inherit = row.bool("no_inherit")?;
        let enforced = row.bool("enforced")?;
        let local = row.bool("local")?;
        let inherited = row.bool("inherited")? && !local;
        // 0 stands for an expression.
        let handles = |list: Option<&str>, out: &Reader| -> Vec<u32> {
            let numbers = numbers(list.unwrap_or("")).into_iter().filter(|number| *number != 0);
            numbers.filter_map(|number| out.handle("pg_class", relation, number)).collect()
        };
        let columns = handles(row.opt("key")?, out);
        let all_columns = handles(row.opt("index_key")?, out);
        if letter == 'n' {
            if let Some(handle) = columns.first() {
                let column_id = out.builder.id(*handle).clone();
                let usual = crate::kinds::table::not_null::usual_name(&column_id);
                if let Some(Object::Column(column)) = out.builder.get_mut(&column_id) {
                    std::sync::Arc::make_mut(column).not_null = Some(NotNull {
                        name: (name != usual).then(|| name.to_owned()),
                        no_inherit,
                        not_valid: !validated,
                    });
                }
                out.alias(*handle, "pg_constraint", oid, 0);
            }
            return Ok(());
        }
        let constraint_type = match letter {
            'p' => ConstraintType::PrimaryKey,
            'u' => ConstraintType::Unique,
            'c' => ConstraintType::Check,
            'f' => ConstraintType::ForeignKey,
            _ => ConstraintType::Exclusion,
        };
        // The flags are printed behind the definition, in this order.
        let printed = match definition {
            Some(_) => None,
            None => print_key(row, letter, &columns, out)?,
        };
        let mut text = match tree {
            Some(_) => "",
            None => definition.or(printed.as_deref()).unwrap_or_default(),
        };
        for (flag, suffix) in [
            (enforced && !validated, " NOT VALID"),
            (!enforced, " NOT ENFORCED"),
            (initially_deferred, " INITIALLY DEFERRED"),
            (deferrable, " DEFERRABLE"),
            (no_inherit && letter == 'c', " NO INHERIT"),
        ] {
            if flag {
                text = text.strip_suffix(suffix).unwrap_or(text);
            }
        }
        // The server prints what an exclusion's index is built with, and leaves it out of a key.
        let options = row.options("options")?;
        let predicate = row.opt("predicate")?.map(|predicate| format!("({predicate})"));
        if let Some(predicate) = &predicate {
            text = text.strip_suffix(&*format!(" WHERE {predicate}")).unwrap_or(text);
        }
        text = text.strip_suffix(&*printed_options(&options)).unwrap_or(text);
        let referenced: u32 = row.number("referenced")?;
        let index: u32 = row.number("index")?;
        let mut statistics = targets::read(row)?;
        // A part of a partitioned exclusion is made by the server, and nothing is said of it.
        if inherited && !std::mem::take(&mut statistics).is_empty() {
            let part = table.child(KindTag::Constraint, name).sql_path();
            out.left_out("statistics target of a partition's exclusion constraint", &part);
        }
        let constraint = Self {
            constraint_type,
            definition: super::classes::named(text, &row.list("classes")?),
            predicate,
            options,
            tablespace: row.opt_string("tablespace")?,
            statistics,
            deferrable,
            initially_deferred,
            validated: validated || !enforced,
            enforced,
            no_inherit: no_inherit && letter == 'c',
            clustered: row.bool("clustered")?,
            only: row.bool("only")?,
            columns: columns.iter().map(|h| out.builder.id(*h).name().into_owned()).collect(),
            references: out.at("pg_class", referenced, 0).cloned(),
            inherited,
        };
        let handle = out.add(table.child(KindTag::Constraint, name), constraint, "pg_constraint", oid, 0);
        if index != 0 {
            out.alias(handle, "pg_class", index, 0);
        }
        if let Some(tree) = tree {
            out.print_later(&CHECK, tree, relation, oid, handle);
        }
        // The server records these too, and takes longer to say them; see `DEPENDENCIES` in `crate::introspect`.
        for column in columns.into_iter().chain(all_columns) {
            out.depend(handle, column, Edge::Hard);
        }
        Ok(())
    }
}

/// A check's definition, as `pg_get_constraintdef` puts it together.
static CHECK: Printer = Printer {
    query: "select oid, 'CHECK (' || pg_get_expr(conbin, conrelid) || ')' from pg_constraint where oid = any ($oids)",
    set: |object, text| {
        if let Object::Constraint(constraint) = object {
            std::sync::Arc::make_mut(constraint).definition =
                crate::sql::expression_in_one_form(text.unwrap_or_default()).into_owned();
        }
    },
};
