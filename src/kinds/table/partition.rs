//! Partitions: a table attached to a partitioned table, an index attached to a partitioned index (`pg_inherits`).

use crate::core::catalog::{Catalog, Edge};
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::name::Ident;
use crate::core::step::{HazardKind, LockMode, Step, Transaction};
use crate::core::versions;
use crate::declare::context::DeclareContext;
use crate::introspect::{Reader, Row};
use crate::kinds::common::{Introspect, WriteContext};
use crate::kinds::table::column::Column;
use crate::kinds::table::constraint::{Constraint, ConstraintType};
use crate::kinds::table::inheritance::{OUTSIDE, all_heirs, parent_left_out};
use crate::kinds::table::{bound, premise};
use crate::kinds::trigger_state;
use crate::kinds::{Attribute, Kind, KindInfo, KindTag, Mention, Mentions, ensure};
use crate::plan::context::PlanContext;
use crate::yaml::{Fields, KeyDoc, Out, Shape};

attributes! {
    /// That a table is a partition of another.
    pub struct Attachment {
        /// The partitioned table.
        parent: ObjectId => Replace,
        /// The bound: `FOR VALUES FROM (…) TO (…)` or `DEFAULT`.
        bound: String => Replace,
    }
}

attributes! {
    /// That an index (or the index of a key) is the part of a partitioned one.
    pub struct IndexAttachment {
        /// The partitioned index or key.
        parent: ObjectId => Replace,
    }
}

/// Whether a partitioned index or key has parts that are objects of the catalog.
pub(crate) fn has_attached_children(id: &ObjectId, catalog: &Catalog) -> bool {
    catalog.dependents(id).any(|(d, _)| {
        d.kind() == KindTag::IndexAttachment && IndexAttachment::get(catalog, d).is_some_and(|a| a.parent == *id)
    })
}

/// Whether each partition of a partitioned table has its part of an index or key in the catalog. Where only some have, the server
/// makes the others when the whole is made.
pub(crate) fn has_all_parts(id: &ObjectId, catalog: &Catalog) -> bool {
    let table = table_of(id, catalog);
    let tables: Vec<ObjectId> = catalog
        .dependents(id)
        .filter(|(d, _)| IndexAttachment::get(catalog, d).is_some_and(|a| a.parent == *id))
        .filter_map(|(d, _)| Some(table_of(&d.parent()?, catalog)))
        .collect();
    !tables.is_empty()
        && catalog
            .dependents(&table)
            .filter(|(d, _)| Attachment::get(catalog, d).is_some_and(|a| a.parent == table))
            .all(|(d, _)| tables.contains(&d.top()))
}

/// The indexes or keys that are to be parts of one which is made with those that are lacking: the server takes for its parts what is
/// the same and there already.
pub(crate) fn parts_before(id: &ObjectId, cx: &PlanContext<'_>) -> Vec<ObjectId> {
    if has_all_parts(id, cx.to) {
        return Vec::new();
    }
    let is_part = |d: &ObjectId| IndexAttachment::get(cx.to, d).is_some_and(|a| a.parent == *id);
    cx.to.dependents(id).filter(|(d, _)| is_part(d)).filter_map(|(d, _)| d.parent()).collect()
}

/// The attachments of the tables whose indexes or keys are parts of this one. A partitioned index or key that is made part by
/// part comes after them: a table that is attached, or made as a partition, gets the parts it lacks at once, under names of
/// the server's choice. `only`: no partition is to get one.
pub(crate) fn attachments_before(id: &ObjectId, only: bool, cx: &PlanContext<'_>) -> Vec<ObjectId> {
    let table = table_of(id, cx.to);
    let partitions = cx.to.dependents(&table).map(|(d, _)| d.clone());
    let all = partitions.filter(|d| only && Attachment::get(cx.to, d).is_some_and(|a| a.parent == table));
    cx.to
        .dependents(id)
        .filter(|(d, _)| IndexAttachment::get(cx.to, d).is_some_and(|a| a.parent == *id))
        .filter_map(|(d, _)| Some(table_of(&d.parent()?, cx.to).child(KindTag::Attachment, "")))
        .chain(all)
        .filter(|attachment| cx.is_new(attachment))
        .collect()
}

/// The attachments of partitions that leave a partitioned table, or are dropped. An index or key that is made part by part comes after
/// them: it is not valid as long as there is a partition that has no part of it, and the server does not look again when that one goes.
pub(crate) fn detachments_before(table: &ObjectId, cx: &PlanContext<'_>) -> Vec<ObjectId> {
    let attachments = all_heirs(table, cx.from).into_iter().map(|heir| heir.child(KindTag::Attachment, ""));
    attachments.filter(|d| cx.is_dropped(d) && !cx.is_new(d)).collect()
}

/// The partitions and child tables that are dropped: their rows need not satisfy what the table's have to.
pub(crate) fn dropped_before(table: &ObjectId, cx: &PlanContext<'_>) -> Vec<ObjectId> {
    all_heirs(table, cx.from).into_iter().filter(|heir| cx.is_dropped(heir) && !cx.is_new(heir)).collect()
}

/// Whether an index or key is the part of a partitioned one only until its table leaves the partitioned table: it stays then.
pub(crate) fn leaves_before(part: &ObjectId, cx: &PlanContext<'_>) -> bool {
    let table = table_of(part, cx.from);
    let link = table.child(KindTag::Attachment, "");
    cx.to.contains(part) && !cx.is_dropped(&table) && cx.is_dropped(&link) && !cx.is_new(&link)
}

/// What makes the keys of a table complete: the attachments of their parts, of all levels. Until then, the key of a partitioned
/// table is not valid and no foreign key may refer to it.
pub(crate) fn attachments_to_keys(table: &ObjectId, catalog: &Catalog) -> Vec<ObjectId> {
    let mut found = Vec::new();
    let mut queue: Vec<ObjectId> = keys_and_indexes(table, catalog).cloned().collect();
    while let Some(whole) = queue.pop() {
        for (attachment, _) in catalog.dependents(&whole) {
            if IndexAttachment::get(catalog, attachment).is_some_and(|a| a.parent == whole) {
                found.push(attachment.clone());
                queue.extend(attachment.parent());
            }
        }
    }
    found
}

/// The constraints of a table, keys among them, and its indexes.
fn keys_and_indexes<'a>(table: &'a ObjectId, catalog: &'a Catalog) -> impl Iterator<Item = &'a ObjectId> {
    let indexes = catalog.dependents(table).map(|(id, _)| id).filter(|id| id.kind() == KindTag::Index);
    catalog.children(table, KindTag::Constraint).map(|(id, _)| id).chain(indexes)
}

/// Whether attaching the parts that it lacks makes a partitioned index or key whole: all partitions were there before, each is to
/// have a part, and some part is new. The server looks for wholeness whenever a part is attached, on all levels above it, and at no
/// other time.
pub(super) fn is_completed(id: &ObjectId, cx: &PlanContext<'_>) -> bool {
    let partitions = |table: &ObjectId, catalog: &Catalog| -> Vec<ObjectId> {
        let attached = |d: &ObjectId| Attachment::get(catalog, d).is_some_and(|a| a.parent == *table);
        catalog.dependents(table).map(|(d, _)| d).filter(|d| attached(d)).cloned().collect()
    };
    let mut any_new = false;
    let mut queue = vec![id.clone()];
    while let Some(whole) = queue.pop() {
        let table = table_of(&whole, cx.to);
        let of = |catalog: &Catalog, d: &ObjectId| IndexAttachment::get(catalog, d).is_some_and(|a| a.parent == whole);
        let attached: Vec<&ObjectId> = cx.to.dependents(&whole).map(|(d, _)| d).filter(|d| of(cx.to, d)).collect();
        let there = partitions(&table, cx.to);
        if there != partitions(&table, cx.from) || there.len() != attached.len() {
            return false;
        }
        any_new |= attached.iter().any(|d| !of(cx.from, d));
        let divided = |part: &ObjectId| crate::kinds::table::is_partitioned(&table_of(part, cx.to), cx);
        queue.extend(attached.into_iter().filter_map(ObjectId::parent).filter(divided));
    }
    any_new
}

/// The attachment by which a divided partition gets an identity column's identity (from 17 on). Its own partitions get it only where
/// they are made, or attached, afterwards; but what its keys are made of has to be there before.
pub(super) fn gets_identity_by(table: &ObjectId, cx: &PlanContext<'_>) -> Option<ObjectId> {
    let own = table.child(KindTag::Attachment, "");
    let above = std::iter::successors(Attachment::get(cx.to, &own), |attachment| {
        Attachment::get(cx.to, &attachment.parent.child(KindTag::Attachment, ""))
    });
    let has_identity = |table: &ObjectId| {
        let mut columns = cx.to.children(table, KindTag::Column);
        columns.any(|(_, column)| Column::of(column).is_some_and(|column| column.identity.is_some()))
    };
    let waits = attachments_to_keys(table, cx.to).iter().any(|part| cx.is_new(part));
    let comes = cx.major >= versions::PARTITIONED_IDENTITY && cx.is_new(&own) && !waits;
    let given = comes && above.into_iter().any(|attachment| has_identity(&attachment.parent));
    given.then_some(own)
}

/// The table of an index or key.
pub(crate) fn table_of(id: &ObjectId, catalog: &Catalog) -> ObjectId {
    crate::kinds::table::index::Index::get(catalog, id).map_or_else(|| id.top(), |i| i.relation.clone())
}

/// Whether an index or key is the part of a partitioned one.
pub(crate) fn is_attached(id: &ObjectId, catalog: &Catalog) -> bool {
    catalog.contains(&id.child(KindTag::IndexAttachment, ""))
}

/// The columns of a table that the plan makes into what those of its parent or partition have to be: of another type, moved over to
/// a type that is rebuilt, generated or no more.
fn changed_columns<'a>(table: &'a ObjectId, cx: &'a PlanContext<'_>) -> impl Iterator<Item = ObjectId> + 'a {
    let changes = |column: &ObjectId| {
        let of = |catalog| Column::get(catalog, column).map(|c| (&c.type_name, &c.collation, &c.generated));
        of(cx.from) != of(cx.to) || cx.to.dependencies(column).any(|(d, _)| cx.is_new(d))
    };
    cx.to.children(table, KindTag::Column).map(|(column, _)| column).filter(move |c| changes(c)).cloned()
}

/// Whether this is the part of an exclusion constraint, which the server makes itself: it attaches no others.
fn born_attached(id: &ObjectId, catalog: &Catalog) -> bool {
    is_attached(id, catalog)
        && Constraint::get(catalog, id).is_some_and(|c| c.constraint_type == ConstraintType::Exclusion)
}

impl Kind for Attachment {
    const INFO: KindInfo = KindInfo { bond: true, ..KindInfo::new("attachment", "attachment") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("TABLE {}", id.top_sql())
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let table = id.top();
        let sql = format!("ALTER TABLE ONLY {} ATTACH PARTITION {} {}", self.parent.sql(), table.sql(), self.bound);
        let mut step = cx.locked(Step::create(id, sql), LockMode::ShareUpdateExclusive, &self.parent);
        step.requires.push(self.parent.clone());
        step.requires.extend(gets_identity_by(&self.parent, cx));
        // A partition has the columns of its parent, and no other.
        step.requires
            .extend(cx.to.children(&self.parent, KindTag::Column).map(|(c, _)| c).filter(|c| cx.is_new(c)).cloned());
        step.requires.extend([&self.parent, &table].into_iter().flat_map(|of| changed_columns(of, cx)));
        let columns = [&self.parent, &table].into_iter().flat_map(|of| cx.from.children(of, KindTag::Column));
        step.after.extend(columns.map(|(column, _)| column).filter(|column| cx.is_dropped(column)).cloned());
        // What the table has by itself, and then gets from its parent under the same name.
        let own = [KindTag::Trigger, KindTag::Constraint].into_iter().flat_map(|kind| cx.from.children(&table, kind));
        let own = own.filter(|(id, o)| {
            let key = Constraint::of(o).is_none_or(|c| c.constraint_type == ConstraintType::ForeignKey);
            key && cx.is_dropped(id) && !cx.is_new(id)
        });
        step.after.extend(own.map(|(id, _)| id.clone()));
        // A bound that took the same rows is given up first.
        step.after.extend(
            cx.from
                .dependents(&self.parent)
                .map(|(d, _)| d)
                .filter(|d| cx.is_dropped(d))
                .filter(|d| {
                    Self::get(cx.from, d)
                        .is_some_and(|old| old.parent == self.parent && bound::overlap(&old.bound, &self.bound))
                })
                .cloned(),
        );
        // What the partition has of its own must be there to be recognised as the parent's.
        step.requires.extend(
            cx.to
                .children(&table, KindTag::Constraint)
                .filter(|(c, o)| {
                    !born_attached(c, cx.to) && (o.provider(&table, cx.to).is_some() || o.survives_rebuild())
                })
                // What is new and NOT VALID comes down to it afterwards.
                .filter(|(id, o)| {
                    let later = |own: &Constraint| own.inherited && !own.validated;
                    let theirs = self.parent.child(KindTag::Constraint, &id.name());
                    !(Constraint::of(o).is_some_and(later) && cx.is_new(&theirs))
                })
                .map(|(c, _)| c.clone()),
        );
        // So must the parts of indexes that the parent has already: the server would make others.
        step.requires.extend(cx.to.dependents(&table).filter_map(|(index, _)| {
            let part = IndexAttachment::get(cx.to, &index.child(KindTag::IndexAttachment, ""))?;
            (table_of(index, cx.to) == table && !cx.is_new(&part.parent)).then(|| index.clone())
        }));
        // Of the old form of an index or key that is made again it would get a part as well, which may take the name of the new one.
        step.after.extend(
            keys_and_indexes(&self.parent, cx.from).filter(|whole| cx.is_dropped(whole) && cx.is_new(whole)).cloned(),
        );
        // And where the partition is divided itself, these are complete: what still lacks parts is taken for nobody's part.
        step.requires.extend(attachments_to_keys(&table, cx.to).into_iter().filter(|part| cx.is_new(part)));
        let mut steps = Vec::new();
        if !cx.is_new(&table) {
            step = step.hazard(HazardKind::Blocking, "the rows of the new partition are read to check the bound");
            let other = |(d, _): &(&ObjectId, Edge)| {
                Self::get(cx.from, d).is_some_and(|a| a.bound == "DEFAULT" && a.parent == self.parent)
            };
            if let Some((default, _)) = cx.from.dependents(&self.parent).find(other) {
                let reason = format!(
                    "the rows of the default partition {} are read while nobody can use it",
                    default.top().sql_path()
                );
                step = step.hazard(HazardKind::Blocking, reason);
            }
            // A table is not attached before it has the checks of the partitioned one; those that come with that one's own
            // statement come too late for it, or not at all.
            for (own, theirs, check) in checks_wanted(&table, cx) {
                if cx.from.contains(&own) || (cx.to.contains(&own) && !cx.is_new(&theirs)) {
                    continue;
                }
                let name = Ident(&own.name()).to_string();
                let sql =
                    format!("ALTER TABLE {} ADD CONSTRAINT {name} {}", table.sql(), check.clause(check.validated));
                let mut add = Step::create(id, sql).lock(LockMode::AccessExclusive, &table);
                add.creates = vec![own];
                steps.push(add);
            }
        }
        let premise = premise::bound(id, self, cx);
        steps.push(step.premise(premise).rank(u8::from(!steps.is_empty())));
        steps
    }

    fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let sql = format!("ALTER TABLE {} DETACH PARTITION {}", self.parent.sql(), id.top_sql());
        let default_exists = cx
            .from
            .dependents(&self.parent)
            .any(|(d, _)| Self::get(cx.from, d).is_some_and(|a| a.bound == "DEFAULT" && a.parent == self.parent));
        let step = Step::drop(id, sql.clone())
            .hazard(HazardKind::Breaking, "queries on the partitioned table no longer see its rows");
        // CONCURRENTLY is refused while there is a default partition. It also leaves a CHECK of the bound behind on the table, under
        // a name of the server's choice: where the table stays, that would be a constraint that nobody declared.
        let stays = !cx.is_dropped(&id.top()) || cx.is_new(&id.top());
        let detach = if cx.online && !default_exists && !stays && !cx.is_dropped(&self.parent) {
            let mut step = step.lock(LockMode::ShareUpdateExclusive, &self.parent).transaction(Transaction::None);
            step.sql = format!("{sql} CONCURRENTLY");
            step.done_when = Some(format!(
                "SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = to_regclass({}))",
                crate::core::name::literal(&id.top_sql())
            ));
            step
        } else {
            step.lock(LockMode::AccessExclusive, &self.parent)
        };
        let mut steps = vec![detach];
        if stays && !cx.is_new(id) {
            foreign_keys_kept(id, &mut steps, cx);
        }
        steps
    }

    fn mentions(&self, _id: &ObjectId, out: &mut Mentions) {
        out.add(Mention::Object(self.parent.clone()));
    }
}

impl Introspect for Attachment {
    const QUERY: &'static str = include_str!("attachment.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let relation = row.number("relation")?;
        let Some(table) = out.at("pg_class", relation, 0).cloned() else { return Ok(()) };
        if row.bool("pending")? {
            parent_left_out("detachment that waits for FINALIZE", &table, row.text("parent_name")?, out);
            return Ok(());
        }
        let Some(handle) = out.handle("pg_class", row.number("parent")?, 0) else {
            parent_left_out(OUTSIDE, &table, row.text("parent_name")?, out);
            return Ok(());
        };
        let parent = out.builder.id(handle).clone();
        let attachment = Self { parent, bound: row.string("bound")? };
        let own = out.builder.put(table.child(KindTag::Attachment, ""), attachment);
        out.depend(own, handle, Edge::Hard);
        Ok(())
    }
}

impl Kind for IndexAttachment {
    const INFO: KindInfo = KindInfo { joins: true, ..KindInfo::new("index_attachment", "attachment") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn after_renames(&self, id: &ObjectId, now: &dyn Fn(&ObjectId) -> ObjectId) -> Option<(ObjectId, Self)> {
        Some((id.clone(), Self { parent: now(&self.parent) }))
    }

    fn address(&self, id: &ObjectId) -> String {
        id.parent().map(|p| format!("INDEX {}", index_sql(&p))).unwrap_or_default()
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let Some(index) = id.parent() else { return Vec::new() };
        if born_attached(&index, cx.to) {
            return Vec::new();
        }
        let mut step =
            Step::create(id, format!("ALTER INDEX {} ATTACH PARTITION {}", index_sql(&self.parent), index_sql(&index)));
        step.requires.push(self.parent.clone());
        // The tables must be parent and partition first.
        step.requires.push(table_of(&index, cx.to).child(KindTag::Attachment, ""));
        vec![step]
    }

    fn drop(&self, _id: &ObjectId, _cx: &PlanContext<'_>) -> Vec<Step> {
        // There is no DETACH for indexes: the part goes with its table's detachment, or with the index itself.
        Vec::new()
    }

    fn implied(&self, id: &ObjectId, catalog: &Catalog) -> bool {
        // What is the same, the server takes for a part.
        id.parent().is_some_and(|part| catalog.get(&part).is_some_and(|object| object.implied(&part, catalog)))
    }

    fn mentions(&self, _id: &ObjectId, out: &mut Mentions) {
        out.add(Mention::Object(self.parent.clone()));
    }
}

/// The index behind an index or a key, as SQL: a key's index has the key's name and its table's schema.
fn index_sql(id: &ObjectId) -> String {
    crate::core::name::qualified(&id.schema().unwrap_or_default(), &id.name())
}

impl Introspect for IndexAttachment {
    const QUERY: &'static str = include_str!("index_attachment.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let (Some(own), Some(parent)) =
            (out.handle("pg_class", row.number("relation")?, 0), out.handle("pg_class", row.number("parent")?, 0))
        else {
            return Ok(());
        };
        let id = out.builder.id(own).child(KindTag::IndexAttachment, "");
        let attachment = Self { parent: out.builder.id(parent).clone() };
        let handle = out.builder.put(id, attachment);
        out.depend(handle, parent, Edge::Hard);
        Ok(())
    }
}

/// Whether a partition key, as PostgreSQL prints it, reads a column.
pub(super) fn key_reads(key: &str, column: &str) -> bool {
    let name = crate::core::name::ident(column);
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '"'));
    key.match_indices(&name).any(|(start, found)| {
        !inside(key[..start].chars().next_back()) && !inside(key[start + found.len()..].chars().next())
    })
}

/// The copies of foreign keys that a partition keeps as its own when it leaves, with what they are copies of. They have the same
/// names; as long as it is a partition, they are no objects of their own.
fn copies_of_foreign_keys(partition: &ObjectId, cx: &PlanContext<'_>) -> Vec<(ObjectId, ObjectId)> {
    let above =
        |table: &ObjectId| Some(Attachment::get(cx.from, &table.child(KindTag::Attachment, ""))?.parent.clone());
    std::iter::successors(above(partition), above)
        .flat_map(|table| {
            let keys = cx.from.children(&table, KindTag::Constraint);
            let keys = keys
                .filter(|(_, o)| Constraint::of(o).is_some_and(|c| c.constraint_type == ConstraintType::ForeignKey));
            keys.map(|(key, _)| key.clone()).collect::<Vec<_>>()
        })
        .map(|key| (partition.child(KindTag::Constraint, &key.name()), key))
        .filter(|(own, _)| !cx.from.contains(own))
        .collect()
}

/// Takes note, with the steps by which a partition leaves, of the foreign keys that it keeps: one that is declared need not be made,
/// one that is not is dropped.
fn foreign_keys_kept(id: &ObjectId, steps: &mut Vec<Step>, cx: &PlanContext<'_>) {
    let table = id.top();
    for (own, key) in copies_of_foreign_keys(&table, cx) {
        let (Some(theirs), declared) = (Constraint::get(cx.from, &key), Constraint::get(cx.to, &own)) else { continue };
        let Some(detach) = steps.first_mut() else { return };
        if theirs.refers_to_itself(&key) && cx.is_dropped(&key) {
            // Its own rows would refer to what is no longer there; so the key goes first, with all copies.
            detach.after.push(key);
        } else if declared.is_some_and(|own| own.definition == theirs.definition && own.validated == theirs.validated) {
            detach.creates.push(own);
        } else {
            let mut drop = Step::drop(id, Constraint::drop_sql(&own)).lock(LockMode::AccessExclusive, &table).rank(1);
            // It is filed under the attachment, which is no longer there by then.
            drop.done_when = Some(format!(
                "SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = to_regclass({}) AND conname = {})",
                crate::core::name::literal(&table.sql()),
                crate::core::name::literal(&own.name())
            ));
            drop.destroys = vec![own];
            steps.push(drop);
        }
    }
}

/// The copies of foreign keys to a table that partitions keep when they leave: they are dropped before the table.
pub(super) fn copies_to(table: &ObjectId, cx: &PlanContext<'_>) -> Vec<ObjectId> {
    let leaving = |key: &ObjectId| {
        let heirs = all_heirs(&key.top(), cx.from).into_iter();
        heirs
            .map(|heir| heir.child(KindTag::Constraint, &key.name()))
            .filter(|own| !cx.from.contains(own))
            .collect::<Vec<_>>()
    };
    foreign_keys(std::slice::from_ref(table), cx.from).iter().flat_map(leaving).collect()
}

/// The foreign keys that refer to one of these tables.
pub(super) fn foreign_keys(tables: &[ObjectId], catalog: &Catalog) -> Vec<ObjectId> {
    let mut found: Vec<ObjectId> = tables
        .iter()
        .flat_map(|table| catalog.below(table).map(|(id, _)| id).chain([table]))
        .flat_map(|id| catalog.dependents(id))
        .map(|(id, _)| id)
        .filter(|id| {
            let to = Constraint::get(catalog, id).and_then(|key| key.references.as_ref());
            to.is_some_and(|to| tables.contains(to))
        })
        .cloned()
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The statements that drop a table, which may be a partition. A foreign key to a partitioned table refers to each of its
/// partitions: it goes first, or, where it stays, the partition is detached first, for which PostgreSQL looks that no row refers to it.
pub(super) fn drop(table: &ObjectId, mut step: Step, cx: &PlanContext<'_>) -> Vec<Step> {
    let mut above = Vec::new();
    let mut current = table.clone();
    while let Some(attachment) = Attachment::get(cx.from, &current.child(KindTag::Attachment, "")) {
        above.push(attachment.parent.clone());
        current = attachment.parent.clone();
    }
    let Some(parent) = above.first().cloned() else { return vec![step] };
    let mut stays = false;
    for key in foreign_keys(&above, cx.from) {
        let inside = key.top() == *table || above.contains(&key.top());
        // One of the partitioned table to itself is dropped by name.
        let itself = Constraint::get(cx.from, &key).is_some_and(|k| k.refers_to_itself(&key)) && key.top() != *table;
        if cx.is_dropped(&key) && (itself || !inside) {
            step.after.push(key);
        } else {
            stays = true;
        }
    }
    if !stays {
        return vec![step];
    }
    let sql = format!("ALTER TABLE {} DETACH PARTITION {}", parent.sql(), table.sql());
    let mut detach = Step::drop(table, sql).lock(LockMode::AccessExclusive, &parent);
    detach.done_when = Some(format!("SELECT NOT {}", ensure::inherits(&table.sql(), &parent.sql())));
    detach.destroys = vec![table.child(KindTag::Attachment, "")];
    vec![detach, step.rank(1)]
}

/// The attachments, made in this plan, of the parts of a partitioned table's keys and indexes.
pub(crate) fn new_parts_of_keys(table: &ObjectId, cx: &PlanContext<'_>) -> Vec<ObjectId> {
    if crate::kinds::table::Table::get(cx.to, table).is_none_or(|t| t.partition_key.is_none()) {
        return Vec::new();
    }
    keys_and_indexes(table, cx.to)
        .flat_map(|key| cx.to.dependents(key).map(|(id, _)| id))
        .filter(|id| id.kind() == KindTag::IndexAttachment && cx.is_new(id))
        .cloned()
        .collect()
}

/// The index or key that an index or key is a part of; removing that removes the part.
pub(crate) fn whole_of(id: &ObjectId, catalog: &Catalog) -> Option<ObjectId> {
    IndexAttachment::get(catalog, &id.child(KindTag::IndexAttachment, "")).map(|a| a.parent.clone())
}

/// The steps that drop a partitioned index of which keys are parts. PostgreSQL drops neither of them before the other: the partitions
/// are detached meanwhile, and their keys are dropped by name.
pub(super) fn detached_for_keys(id: &ObjectId, table: &ObjectId, step: Step, cx: &PlanContext<'_>) -> Vec<Step> {
    if cx.is_dropped(table) {
        return vec![step];
    }
    let parts =
        cx.from.dependents(id).filter(|(d, _)| IndexAttachment::get(cx.from, d).is_some_and(|a| a.parent == *id));
    let keys: Vec<ObjectId> =
        parts.filter_map(|(d, _)| d.parent()).filter(|part| part.kind() == KindTag::Constraint).collect();
    let mut step = step;
    step.destroys.extend(keys.iter().cloned());
    let mut steps = vec![step];
    let (mut drops, mut attach) = (Vec::new(), Vec::new());
    // The index as it was; under its name there may be its new form.
    let new = ensure::is_changed(id, cx.from, cx.to, cx.major).map(|new| format!("NOT {new}"));
    let old: Vec<String> =
        cx.from.get(id).and_then(|object| ensure::is_there(id, object)).into_iter().chain(new).collect();
    for key in keys {
        let partition = key.top();
        let link = partition.child(KindTag::Attachment, "");
        let Some(attachment) = Attachment::get(cx.from, &link).filter(|_| !cx.is_dropped(&link)) else { continue };
        let attached = ensure::inherits(&partition.sql(), &attachment.parent.sql());
        let step = |sql: String, due: String| {
            let mut step = Step::drop(id, sql).lock(LockMode::AccessExclusive, table);
            step.destroys.clear();
            step.done_when(format!("SELECT NOT ({due})"))
        };
        let sql = format!("ALTER TABLE {} DETACH PARTITION {}", attachment.parent.sql(), partition.sql());
        steps.insert(
            0,
            step(sql, std::iter::once(attached.clone()).chain(old.clone()).collect::<Vec<_>>().join(" AND ")),
        );
        // A key of the same name that the partition has once it is attached again is the new one.
        let there = cx.from.get(&key).and_then(|object| ensure::exists(&key, object));
        drops.push(step(
            Constraint::drop_sql(&key),
            there.into_iter().chain([format!("NOT {attached}")]).collect::<Vec<_>>().join(" AND "),
        ));
        let sql = format!(
            "ALTER TABLE ONLY {} ATTACH PARTITION {} {}",
            attachment.parent.sql(),
            partition.sql(),
            attachment.bound
        );
        attach.push(
            step(sql, format!("NOT {attached}"))
                .hazard(HazardKind::Blocking, "the rows of the partition are read to check the bound"),
        );
        // Said again, they change nothing.
        let states = trigger_state::of_partition_again(&partition, cx.to).into_iter();
        attach.extend(states.map(|sql| step(sql, attached.clone())));
    }
    steps.extend(drops);
    steps.extend(attach);
    for (rank, step) in (0_u8..).zip(&mut steps) {
        step.rank = rank;
    }
    steps
}

/// Says of a step that drops an index or key that PostgreSQL refuses it: it is the part of one that stays, of a table that stays.
pub(super) fn unless_part(step: Step, id: &ObjectId, cx: &PlanContext<'_>) -> Step {
    let table = table_of(id, cx.from);
    let stays = |id: &ObjectId| !cx.is_dropped(id);
    match whole_of(id, cx.from).filter(|whole| [whole, &table, &table.child(KindTag::Attachment, "")].into_iter().all(stays)) {
        Some(whole) => step.hindered(
            format!("it is the part that {} has of {whole}, which stays", table.sql_path()),
            "PostgreSQL drops no part by itself: declare it under the name it has, or have the whole made anew by declaring it under another name",
        ),
        None => step,
    }
}

/// Checks of the partitioned table that a table to be attached must have as well, by the ids they have there.
pub(crate) fn checks_wanted<'a>(
    table: &ObjectId,
    cx: &'a PlanContext<'_>,
) -> Vec<(ObjectId, ObjectId, &'a Constraint)> {
    let Some(attachment) = Attachment::get(cx.to, &table.child(KindTag::Attachment, "")) else { return Vec::new() };
    cx.to
        .children(&attachment.parent, KindTag::Constraint)
        .filter_map(|(id, o)| Some((id, Constraint::of(o)?)))
        .filter(|(_, check)| check.constraint_type == ConstraintType::Check && !check.no_inherit)
        .map(|(id, check)| (table.child(KindTag::Constraint, &id.name()), id.clone(), check))
        // Where it is NOT VALID, the partition was there before the check, which came down to it.
        .filter(|(own, _, _)| Constraint::get(cx.to, own).is_none_or(|own| own.validated))
        .collect()
}

/// The key `attach` of an index or key: the index or key of the partitioned table that it is a part of. An index: `name` or
/// `schema.name`; a key: `table.constraint` or `schema.table.constraint`. A key may be the part of an index, too: `name`, or
/// `{index: schema.name}`.
pub(crate) fn declare_index_attachment(fields: &Fields<'_>, id: &ObjectId, cx: &mut DeclareContext<'_>) -> Result<()> {
    const KEYS: &[KeyDoc] = &[KeyDoc { name: "index", doc: "An index: `name` or `schema.name`.", shape: Shape::Name }];
    let Some(node) = fields.get("attach") else { return Ok(()) };
    let (text, is_index) = match node.text() {
        Some(text) => (text, id.kind() == KindTag::Index),
        None => {
            let index = Fields::of(node, "`attach`", KEYS)?.require("index")?;
            (index.as_text("`index` of `attach`")?, true)
        }
    };
    let parts = crate::sql::name_parts(text).unwrap_or_default();
    let own = id.schema().unwrap_or_default();
    let parent = match &parts.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [name] => ObjectId::in_schema(KindTag::Index, &own, name),
        [schema, name] if is_index => ObjectId::in_schema(KindTag::Index, schema, name),
        [table, name] => ObjectId::in_schema(KindTag::Table, &own, table).child(KindTag::Constraint, name),
        [schema, table, name] if !is_index => {
            ObjectId::in_schema(KindTag::Table, schema, table).child(KindTag::Constraint, name)
        }
        _ => {
            let wanted = if is_index { "an index, `name` or `schema.name`" } else { "a key, `table.constraint`" };
            return Err(Diagnostic::error("attach", format!("`attach` takes the name of {wanted}, not `{text}`"))
                .at(node.location.clone()));
        }
    };
    let attachment = id.child(KindTag::IndexAttachment, "");
    cx.depend(&attachment, &parent);
    cx.add(attachment, IndexAttachment { parent }, &node.location)
}

/// The entry `attach`, where an index or key is a part.
pub(crate) fn write_index_attachment(id: &ObjectId, cx: &WriteContext<'_>) -> Option<(String, Out)> {
    let attachment = IndexAttachment::get(cx.catalog, &id.child(KindTag::IndexAttachment, ""))?;
    let parent = &attachment.parent;
    let near = parent.schema() == id.schema();
    let name = crate::core::name::ident(&parent.name());
    let out = match (parent.kind(), near) {
        (KindTag::Constraint, true) => Out::text(format!("{}.{name}", crate::core::name::ident(&parent.top().name()))),
        (KindTag::Constraint, false) => Out::text(format!("{}.{name}", parent.top_sql())),
        (_, true) => Out::text(name),
        (_, false) if id.kind() == KindTag::Index => Out::text(parent.sql()),
        (_, false) => Out::FlowMap(vec![("index".to_owned(), Out::text(parent.sql()))]),
    };
    Some(("attach".to_owned(), out))
}
