//! When the trigger of a partition fires, where that is not as its table's trigger says (ALTER TABLE … DISABLE TRIGGER).
//!
//! A row trigger of a partitioned table has a clone on each partition, which is its business alone but for this: the clone can be
//! switched apart. Whatever is done to the trigger of a table is done to the clones below it, so what is said of these is said again.

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::step::{LockMode, Step};
use crate::declare::context::DeclareContext;
use crate::kinds::table::inheritance::all_heirs;
use crate::kinds::table::partition::Attachment;
use crate::kinds::trigger::{Trigger, enable_clause};
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag, Mention, Mentions, Object};
use crate::plan::context::PlanContext;
use crate::yaml::{Fields, Key, Node, Out};

attributes! {
    /// When a partition's clone of a trigger fires.
    pub struct TriggerState {
        /// The trigger of the partitioned table.
        trigger: ObjectId => Replace,
        /// As a trigger's own: `origin`, `disabled`, `replica` or `always`.
        enabled: String => Alter(alter),
    }
}

fn alter(change: &Change<'_, TriggerState>) -> Vec<Step> {
    let (id, cx) = (change.id, change.cx);
    let mut steps = vec![switch(id, &change.new.enabled, id, cx)];
    steps.extend(again(&change.new.trigger, &id.top(), id, cx));
    steps
}

/// The statement that switches the trigger of a partition, and of all below it, as a change of `about`.
fn switch(id: &ObjectId, enabled: &str, about: &ObjectId, cx: &PlanContext<'_>) -> Step {
    cx.locked(Step::alter(about, switch_sql(id, enabled)), LockMode::ShareRowExclusive, &id.top())
}

fn switch_sql(id: &ObjectId, enabled: &str) -> String {
    format!("ALTER TABLE {} {}", id.top_sql(), enable_clause(enabled, &id.name()))
}

/// The partitioned table that a table is a part of.
fn above(table: &ObjectId, catalog: &Catalog) -> Option<ObjectId> {
    Attachment::get(catalog, &table.child(KindTag::Attachment, "")).map(|attachment| attachment.parent.clone())
}

/// What is said of partitions below a table and stays, after a statement that switched them along with the table's own trigger.
pub(super) fn again(trigger: &ObjectId, table: &ObjectId, about: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
    let stays = |id: &ObjectId, state: &TriggerState| !cx.is_new(id) && TriggerState::get(cx.from, id) == Some(state);
    let mut found: Vec<(usize, Step)> = cx
        .to
        .dependents(trigger)
        .filter_map(|(id, _)| Some((id, TriggerState::get(cx.to, id)?)))
        .filter(|(id, state)| stays(id, state))
        .filter_map(|(id, state)| {
            let depth =
                std::iter::successors(above(&id.top(), cx.to), |t| above(t, cx.to)).position(|t| t == *table)?;
            Some((depth, switch(id, &state.enabled, about, cx)))
        })
        .collect();
    // One that is divided itself switches those below it.
    found.sort_by_key(|(depth, _)| *depth);
    (2..8).chain(std::iter::repeat(8)).zip(found).map(|(rank, (_, step))| step.rank(rank)).collect()
}

/// The statements that say again when the triggers of a partition, and of those below it, fire. Once it is attached anew it has clones
/// of the partitioned table's triggers, which fire as those do.
pub(super) fn of_partition_again(table: &ObjectId, catalog: &Catalog) -> Vec<String> {
    // One that is divided itself switches those below it: so it comes first.
    let tables: Vec<ObjectId> = std::iter::once(table.clone()).chain(all_heirs(table, catalog)).collect();
    let states = tables.iter().flat_map(|table| catalog.children(table, KindTag::TriggerState));
    states.filter_map(|(id, state)| Some(switch_sql(id, &TriggerState::of(state)?.enabled))).collect()
}

impl Kind for TriggerState {
    const INFO: KindInfo = KindInfo { setting: true, ..KindInfo::new("trigger_state", "state of trigger") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("TABLE {}", id.top_sql())
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let mut step = switch(id, &self.enabled, id, cx);
        step.action = crate::core::step::Action::Create;
        step.creates.push(id.clone());
        step.requires.push(id.top().child(KindTag::Attachment, ""));
        // What is above it would switch it along.
        let over = std::iter::successors(above(&id.top(), cx.to), |table| above(table, cx.to));
        step.requires.extend(over.map(|table| table.child(KindTag::TriggerState, &id.name())));
        let mut steps = vec![step];
        steps.extend(again(&self.trigger, &id.top(), id, cx));
        steps
    }

    /// As what it is a clone of is to be; a clone that goes takes its state along.
    fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let table = id.top();
        let goes = cx.is_dropped(&self.trigger) || cx.is_dropped(&table.child(KindTag::Attachment, ""));
        if goes || (cx.is_dropped(id) && cx.is_new(id)) {
            return Vec::new();
        }
        let of = |table: &ObjectId| TriggerState::get(cx.to, &table.child(KindTag::TriggerState, &id.name()));
        let state = std::iter::successors(above(&table, cx.to), |table| above(table, cx.to)).find_map(|t| of(&t));
        let Some(enabled) =
            state.map(|s| &s.enabled).or_else(|| Trigger::get(cx.to, &self.trigger).map(|t| &t.enabled))
        else {
            return Vec::new();
        };
        let mut step = switch(id, enabled, id, cx);
        step.action = crate::core::step::Action::Drop;
        step.destroys.push(id.clone());
        let mut steps = vec![step];
        steps.extend(again(&self.trigger, &table, id, cx));
        steps
    }

    fn after_renames(&self, id: &ObjectId, now: &dyn Fn(&ObjectId) -> ObjectId) -> Option<(ObjectId, Self)> {
        let trigger = now(&self.trigger);
        let own = id.parent()?.child(KindTag::TriggerState, &trigger.name());
        Some((own, Self { trigger, enabled: self.enabled.clone() }))
    }

    fn mentions(&self, _id: &ObjectId, out: &mut Mentions) {
        out.add(Mention::Object(self.trigger.clone()));
    }
}

/// Whether an entry of `triggers` only says in what state the clone of a trigger is.
pub(crate) fn is_inherited(node: &Node) -> bool {
    let inherited =
        |(key, value): &(Key, Node)| key.text == "inherited" && value.as_bool("inherited").is_ok_and(|is| is);
    node.entries().is_some_and(|entries| entries.iter().any(inherited))
}

/// Reads an entry of `triggers` of a partition, which is attached by then.
///
/// # Errors
/// An entry that says more than the state; a table above which there is no such trigger.
pub(crate) fn declare(table: &ObjectId, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
    let fields = Fields::of(node, "a trigger", <Trigger as crate::kinds::common::Declare>::DEFINITION.keys)?;
    if let Some((extra, _)) =
        node.entries().unwrap_or(&[]).iter().find(|(k, _)| !matches!(&*k.text, "inherited" | "enabled"))
    {
        return Err(Diagnostic::error(
            "inherited-trigger",
            format!("`{}` belongs to the trigger of the partitioned table", extra.text),
        )
        .at(extra.location.clone())
        .note("of a partition's copy of a trigger, only `enabled` is its own"));
    }
    let attached = |table: &ObjectId| {
        let own = cx.builder.get(&table.child(KindTag::Attachment, "")).and_then(Attachment::of)?;
        Some(own.parent.clone())
    };
    let trigger = std::iter::successors(attached(table), attached)
        .map(|table| table.child(KindTag::Trigger, &key.text))
        .find(|trigger| cx.builder.get(trigger).is_some());
    let Some(trigger) = trigger else {
        return Err(Diagnostic::error(
            "inherited-trigger",
            format!(
                "{} is no partition of a table with a trigger {}",
                table.sql_path(),
                crate::core::name::Ident(&key.text)
            ),
        )
        .at(key.location.clone())
        .help("say `definition` of a trigger that is the table's own"));
    };
    let enabled = fields.require("enabled").and_then(|_| fields.one_of("enabled"))?.unwrap_or("origin").to_owned();
    let id = table.child(KindTag::TriggerState, &key.text);
    cx.depend(&id, &trigger);
    cx.depend(&id, &table.child(KindTag::Attachment, ""));
    cx.add(id, TriggerState { trigger, enabled }, &key.location)
}

/// The entries of `triggers` for a partition.
pub(crate) fn write(table: &ObjectId, catalog: &Catalog) -> Vec<(String, Out)> {
    let states = catalog.children(table, KindTag::TriggerState);
    let entry = |(id, object): (&ObjectId, &Object)| {
        let state = TriggerState::of(object)?;
        let said = vec![("inherited".to_owned(), Out::Bool(true)), ("enabled".to_owned(), Out::text(&state.enabled))];
        Some((id.name().into_owned(), Out::Map(said)))
    };
    states.filter_map(entry).collect()
}
