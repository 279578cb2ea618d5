//! Renames: `was:` in the project, in place on the server.
//!
//! What a rename changes in the texts that mention the old name, PostgreSQL alone knows. So the part of the live state that
//! depends on what is renamed is built in a scratch database, renamed there, and read back; the comparison then starts from
//! the state that the rename steps lead to.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Location, Result};
use crate::core::id::ObjectId;
use crate::core::step::Step;
use crate::declare::build;
use crate::declare::elaborate::make_roles;
use crate::engine::load::Workplace;
use crate::introspect::introspect;
use crate::kinds::{Object, ensure};
use crate::plan::{PlanOptions, plan};

/// A state after its renames.
pub struct Renamed {
    /// The state.
    pub catalog: Catalog,
    /// The steps that lead to it.
    pub steps: Vec<Step>,
    /// What was renamed: old id, new id.
    pub pairs: Vec<(ObjectId, ObjectId)>,
}

/// Applies those renames that are still to be done: the old object exists and the new one does not.
pub async fn apply(
    from: &Catalog,
    to: &Catalog,
    renames: &BTreeMap<ObjectId, (ObjectId, Location)>,
    values: &BTreeMap<(ObjectId, String), String>,
    place: &mut Workplace<'_>,
) -> Result<Option<Renamed>> {
    let pending: Vec<(ObjectId, ObjectId)> = renames
        .iter()
        .filter_map(|(new, (old, _))| existing(old, new, from, renames).map(|old| (old, new.clone())))
        .filter(|(old, new)| from.contains(old) && !from.contains(new) && !to.contains(old))
        .collect();
    place.add_notes(not_done(from, to, renames));
    let mut steps = Vec::new();
    let mut map: BTreeMap<ObjectId, ObjectId> = BTreeMap::new();
    // Parents before children: what lies below a renamed object is renamed under its parent's new name.
    for (old, new) in &pending {
        let Some(object) = from.get(old) else { continue };
        let current =
            old.parent().zip(new.parent()).and_then(|(a, b)| old.rebase(&a, &b)).unwrap_or_else(|| old.clone());
        if current != *new {
            steps.extend(object.rename(&current, new));
        }
        map.insert(old.clone(), new.clone());
    }
    for ((id, new), old) in values {
        let was = map.iter().find(|(_, n)| *n == id).map_or(id, |(o, _)| o);
        if let Some(Object::Enum(found)) = from.get(was)
            && found.values.contains(old)
            && !found.values.contains(new)
        {
            steps.push(found.rename_value(id, old, new));
        }
    }
    if steps.is_empty() {
        return Ok(None);
    }
    let touched: BTreeSet<ObjectId> = map.keys().cloned().chain(values.keys().map(|(id, _)| id.clone())).collect();
    let catalog = read_back(from, &touched, &steps, &map, place).await?;
    Ok(Some(Renamed { catalog, steps, pairs: map.into_iter().collect() }))
}

/// Warnings for renames that are declared and cannot be meant, or cannot be told: what had the old name is still there, and
/// so is what has the new one, or the project declares both. Exchanging two names is such a case, too.
fn not_done(from: &Catalog, to: &Catalog, renames: &BTreeMap<ObjectId, (ObjectId, Location)>) -> Vec<Box<Diagnostic>> {
    let mut notes = Vec::new();
    for (new, (old, place)) in renames {
        let Some(found) = existing(old, new, from, renames).filter(|found| found != new) else { continue };
        let why = match (from.contains(new), to.contains(&found)) {
            (true, _) => format!("the database has {new} as well"),
            (false, true) => format!("the project declares {found} as well"),
            (false, false) => continue,
        };
        notes.push(
            Diagnostic::warning("not-renamed", format!("{found} is not renamed to {new}: {why}"))
                .note("the two are compared as what they are called now; values stay where they are")
                .help("if it was renamed already, take `was` out; to exchange two names, rename one to a third name first")
                .at(place.clone()),
        );
    }
    notes
}

/// All declared renames as statements, each list with the condition under which it is still to be done: what had the old name
/// is there, and nothing has the new one.
pub fn declared(
    to: &Catalog,
    renames: &BTreeMap<ObjectId, (ObjectId, Location)>,
    values: &BTreeMap<(ObjectId, String), String>,
) -> Vec<(String, Vec<Step>)> {
    let mut all = Vec::new();
    for (new, (old, _)) in renames {
        let Some(object) = to.get(new) else { continue };
        let old = old.parent().zip(new.parent()).and_then(|(a, b)| old.rebase(&a, &b)).unwrap_or_else(|| old.clone());
        if let (Some(was), Some(is)) = (ensure::exists(&old, object), ensure::exists(new, object)) {
            all.push((format!("{was} AND NOT {is}"), object.rename(&old, new)));
        }
    }
    for ((id, new), old) in values {
        if let Some(Object::Enum(found)) = to.get(id) {
            let has = |value: &str| ensure::has_value(id, value);
            all.push((format!("{} AND NOT {}", has(old), has(new)), vec![found.rename_value(id, old, new)]));
        }
    }
    all
}

/// The old object's id as it is in the live state, where its parent was renamed, too.
fn existing(
    old: &ObjectId,
    _new: &ObjectId,
    from: &Catalog,
    renames: &BTreeMap<ObjectId, (ObjectId, Location)>,
) -> Option<ObjectId> {
    if from.contains(old) {
        return Some(old.clone());
    }
    let parent = old.parent()?;
    let (old_parent, _) = renames.get(&parent)?;
    let moved = old.rebase(&parent, old_parent)?;
    from.contains(&moved).then_some(moved)
}

/// Everything that depends on what is touched, and everything that those depend on.
fn affected(from: &Catalog, touched: &BTreeSet<ObjectId>) -> (BTreeSet<ObjectId>, BTreeSet<ObjectId>) {
    let mut dependents: BTreeSet<ObjectId> = BTreeSet::new();
    let mut queue: Vec<ObjectId> = touched.iter().cloned().collect();
    while let Some(id) = queue.pop() {
        if !dependents.insert(id.clone()) {
            continue;
        }
        queue.extend(from.dependents(&id).map(|(d, _)| d.clone()));
        queue.extend(from.below(&id).map(|(d, _)| d.clone()));
        // A column's table is touched with it: its other texts may name the column.
        queue.extend(id.parent().filter(|p| from.contains(p) && p.kind().info().holds_data));
    }
    let mut needed = from.closure(dependents.iter().cloned());
    loop {
        let below: Vec<ObjectId> = needed
            .iter()
            .flat_map(|id| from.below(id).map(|(c, _)| c.clone()).collect::<Vec<_>>())
            .filter(|c| !needed.contains(c))
            .collect();
        if below.is_empty() {
            break;
        }
        needed.extend(from.closure(below));
    }
    (dependents, needed)
}

async fn read_back(
    from: &Catalog,
    touched: &BTreeSet<ObjectId>,
    steps: &[Step],
    map: &BTreeMap<ObjectId, ObjectId>,
    place: &mut Workplace<'_>,
) -> Result<Catalog> {
    let (dependents, needed) = affected(from, touched);
    let part = from.filtered(|id, _| needed.contains(id));
    let path = place.project.search_path.clone();
    let ephemeral = place.ephemeral().await?;
    let scratch = ephemeral.create_database().await?;
    let session = scratch.connect().await?;
    let mut roles = Vec::new();
    let result = async {
        let base = introspect(&session, &path).await?;
        let mut builder = base.to_builder();
        for (id, object) in part.iter() {
            builder.put(id.clone(), object.clone());
        }
        for (id, _) in part.iter() {
            for (dependency, edge) in part.dependencies(id) {
                builder.depend(id, dependency, edge);
            }
        }
        let target = builder.finish_unchecked();
        let made = plan(&base, &target, &PlanOptions::new(session.server_major(), false, &path))?;
        let build_steps: Vec<&Step> = made.steps().chain(steps).collect();
        make_roles(&session, &build_steps, &mut roles).await?;
        if let Err(error) = build::build(&session, &build_steps, &path).await {
            let what = build_steps.get(error.index).map(|s| s.object.to_string()).unwrap_or_default();
            let mut problem = error.diagnostic;
            problem.message =
                format!("the live state cannot be rebuilt to rename parts of it ({what}): {}", problem.message);
            return Err(problem);
        }
        introspect(&session, &path).await
    }
    .await;
    drop(session);
    let dropped = scratch.drop().await;
    ephemeral.forget_roles(&roles).await;
    let read: Catalog = result?;
    dropped?;
    // Ids follow the renames; the texts of what was affected are those read back.
    let moved = from.renamed(map);
    let affected: BTreeSet<ObjectId> = dependents.iter().map(|id| rebased(id, map)).collect();
    let mut builder = moved.to_builder();
    for id in &affected {
        if id.kind().is_component() {
            continue;
        }
        if let Some(object) = read.get(id) {
            builder.put(id.clone(), object.clone());
        } else if moved.contains(id) && !id.kind().info().signature {
            return Err(Diagnostic::error(
                "rename",
                format!("{id} is not there after the renames in the scratch database"),
            )
            .note("this is a bug in trueup")
            .help("rename it by hand first, then run again"));
        }
    }
    builder.finish()
}

/// An id after the renames.
pub(crate) fn rebased(id: &ObjectId, map: &BTreeMap<ObjectId, ObjectId>) -> ObjectId {
    let mut current = id.clone();
    // A child's own rename is under its parent's old name; so the longest match is taken first.
    let mut pairs: Vec<_> = map.iter().filter(|(old, _)| current.is_within(old)).collect();
    pairs.sort_by_key(|(old, _)| std::cmp::Reverse(old.as_str().len()));
    if let Some((old, new)) = pairs.first()
        && let Some(moved) = current.rebase(old, new)
    {
        current = moved;
    }
    current
}
