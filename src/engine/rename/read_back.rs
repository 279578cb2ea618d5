//! Has PostgreSQL say what renames make of a state: the part that depends on what is renamed is built in a scratch database,
//! renamed there, and read back.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::name::{Ident, search_path};
use crate::core::step::Step;
use crate::declare::project::Profile;
use crate::declare::{build, elaborate, refused};
use crate::engine::load::Workplace;
use crate::engine::scope;
use crate::introspect::introspect;
use crate::kinds::{KindTag, Object, component};
use crate::plan::needs::roles_named;
use crate::plan::{PlanOptions, plan, share_name};
use crate::postgres::{Ephemeral, Session};

use super::{Moves, rebased};

/// The state after the renames, and how all is called by then that has another id: old id to new.
pub(super) async fn read_back(
    moves: &Moves<'_>,
    place: &mut Workplace<'_>,
) -> Result<(Catalog, BTreeMap<ObjectId, ObjectId>)> {
    let moved = moves.moved.iter().map(|moved| moved.extension().clone());
    let values = moves.renamings.iter().filter(|r| r.value.is_some()).map(|r| {
        moves.done.iter().find(|(_, new)| **new == r.new).map_or_else(|| r.new.clone(), |(old, _)| old.clone())
    });
    let touched: BTreeSet<ObjectId> = moves.done.keys().cloned().chain(values).chain(moved).collect();
    let (mut dependents, needed) = affected(moves.from, &touched);
    // What has a new name yet and goes is not built: it is out of the way before the rename.
    let gone = in_the_way(moves);
    dependents.retain(|id| !gone.contains(id));
    // Who owns what, and who may do what, follows the renames by itself, and the roles are not there. The scratch database of a
    // platform's profile holds the platform's objects.
    let platform = place.project.profile == Profile::Supabase;
    let left_out =
        |id: &ObjectId| gone.contains(id) || component::is_access(id.kind()) || platform && scope::is_platform(id);
    let part = moves.from.filtered(|id, _| needed.contains(id) && !left_out(id));
    let path = place.project.search_path.clone();
    let ephemeral = place.ephemeral().await?;
    let scratch = ephemeral.create_database().await?;
    let session = scratch.connect().await?;
    let mut roles = Vec::new();
    let result = renamed_there(moves, &part, &session, &ephemeral, &path, &mut roles).await;
    drop(session);
    let dropped = scratch.drop().await;
    ephemeral.forget_roles(&roles).await;
    let (read, signatures) = result?;
    dropped?;
    put_together(moves, &dependents, &read, &signatures)
}

/// Objects of other kinds that have a name which is to be given, and all that rests on them.
fn in_the_way(moves: &Moves<'_>) -> BTreeSet<ObjectId> {
    let has_it = |id: &ObjectId| {
        !moves.done.contains_key(id) && moves.renamings.iter().any(|r| r.old != r.new && share_name(id, &r.new))
    };
    let mut queue: Vec<ObjectId> = moves.from.iter().map(|(id, _)| id).filter(|id| has_it(id)).cloned().collect();
    let mut gone = BTreeSet::new();
    while let Some(id) = queue.pop() {
        if gone.insert(id.clone()) {
            queue.extend(moves.from.dependents(&id).map(|(d, _)| d.clone()));
            queue.extend(moves.from.below(&id).map(|(d, _)| d.clone()));
        }
    }
    gone
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
            .filter(|id| id.kind() != KindTag::Schema)
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

/// Builds the part, renames in it, and reads it.
async fn renamed_there(
    moves: &Moves<'_>,
    part: &Catalog,
    session: &Session,
    ephemeral: &Ephemeral,
    path: &[String],
    roles: &mut Vec<String>,
) -> Result<(Catalog, BTreeMap<ObjectId, ObjectId>)> {
    let base = introspect(session, path).await?;
    let mut builder = base.to_builder();
    for (id, object) in part.iter() {
        builder.put(id.clone(), object.clone());
    }
    for (id, _) in part.iter() {
        for (dependency, edge) in part.dependencies(id) {
            builder.depend(id, dependency, edge);
        }
    }
    // Where something moves to, there must be a place for it.
    let required = moves.renamings.iter().flat_map(|r| &r.steps).flat_map(|step| step.requires.iter().cloned());
    for parent in moves.renamings.iter().filter_map(|r| r.new.parent()).chain(required) {
        if let Some(object) = moves.to.get(&parent)
            && builder.get(&parent).is_none()
            && !moves.done.values().any(|new| *new == parent)
            && parent.kind() == KindTag::Schema
        {
            builder.put(parent, object.clone());
        }
    }
    let target = builder.finish_unchecked();
    let made = plan(&base, &target, &PlanOptions::new(session.server_major(), false, path))?;
    let building: Vec<&Step> = made.steps().collect();
    elaborate::make_roles(session, roles_named(&building), roles).await?;
    let refused = |error: Box<build::BuildError>, steps: &[&Step]| explain(*error, steps, part, ephemeral);
    build::build(session, &building, path).await.map_err(|error| refused(error, &building))?;
    let before = routines(session, path).await?;
    // One by one, in their order: what fails is not to be tried again behind the others.
    for step in moves.renamings.iter().flat_map(|r| &r.steps) {
        build::build(session, &[step], path).await.map_err(|error| refused(error, &[step]))?;
    }
    let mut after = routines(session, path).await?;
    let signatures = before.into_iter().filter_map(|(oid, id)| Some((id, after.remove(&oid)?)));
    Ok((introspect(session, path).await?, signatures.collect()))
}

/// The routines by their oids: their names say their types, so they change with these.
async fn routines(session: &Session, path: &[String]) -> Result<BTreeMap<String, ObjectId>> {
    session.batch(&format!("SET search_path = {}", search_path(path))).await?;
    let rows = session
        .rows(
            "SELECT p.oid, n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes) FROM pg_catalog.pg_proc p \
             JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE p.oid >= 16384",
        )
        .await?;
    let routine = |row: Vec<Option<String>>| {
        let mut fields = row.into_iter().flatten();
        let (oid, schema, name) = (fields.next()?, fields.next()?, fields.next()?);
        let signature = format!("{}({})", Ident(&name), fields.next()?);
        Some((oid, ObjectId::in_schema(KindTag::Routine, &schema, &signature)))
    };
    Ok(rows.into_iter().filter_map(routine).collect())
}

fn explain(error: build::BuildError, steps: &[&Step], part: &Catalog, ephemeral: &Ephemeral) -> Box<Diagnostic> {
    let Some(step) = steps.get(error.index) else { return error.diagnostic };
    if let Some(problem) = refused::unmodelled(&step.object, &part.origin, part, &error.diagnostic) {
        return problem
            .note("renames are tried out on a scratch server, with all that depends on what is renamed")
            .help("rename it by hand (ALTER … RENAME TO …), and run again: a rename that is done is seen as done");
    }
    let what = step.object.to_string();
    let mut problem = refused::on_scratch(error.diagnostic, &step.sql, ephemeral);
    problem.message = format!("the live state cannot be rebuilt to rename parts of it ({what}): {}", problem.message);
    problem
}

/// Ids follow the renames; the texts of what was affected are those read back.
fn put_together(
    moves: &Moves<'_>,
    dependents: &BTreeSet<ObjectId>,
    read: &Catalog,
    signatures: &BTreeMap<ObjectId, ObjectId>,
) -> Result<(Catalog, BTreeMap<ObjectId, ObjectId>)> {
    let mut map = moves.done.clone();
    let changed = signatures.iter().filter(|(old, new)| rebased(old, &moves.done) != **new);
    map.extend(changed.map(|(old, new)| (old.clone(), new.clone())));
    let now = |id: &ObjectId| rebased(id, &map);
    let follow: Vec<(ObjectId, Object)> = moves
        .from
        .iter()
        .filter_map(|(id, object)| Some((id, object.after_renames(id, &now)?)))
        .filter(|(id, (changed, _))| id != &changed)
        .map(|(id, (changed, object))| {
            let name = changed.name();
            let at = id.parent().map_or_else(|| changed.clone(), |parent| now(&parent).child(id.kind(), &name));
            (id.clone(), at, object)
        })
        .collect::<Vec<_>>()
        .into_iter()
        .map(|(id, at, object)| {
            map.insert(id.clone(), at);
            (id, object)
        })
        .collect();
    let moved = moves.from.renamed(&map);
    let mut builder = moved.to_builder();
    for id in dependents.iter().map(|id| rebased(id, &map)).filter(|id| !component::is_access(id.kind())) {
        if let Some(object) = read.get(&id) {
            builder.put(id, object.clone());
        } else if moved.contains(&id) && !id.kind().is_component() && !id.kind().info().signature && !is_elsewhere(&id)
        {
            return Err(Diagnostic::error(
                "rename",
                format!("{id} is not there after the renames in the scratch database"),
            )
            .note("this is a bug in trueup")
            .help("rename it by hand first, then run again"));
        }
    }
    for (id, object) in follow {
        builder.put(rebased(&id, &map), object);
    }
    for one in moves.moved {
        one.put(&moved, &mut builder);
        for (user, edge) in moved.dependents(one.extension()) {
            builder.depend(user, one.extension(), edge);
        }
    }
    // A schema that something moves to may be yet to be made.
    Ok((builder.finish_unchecked(), map))
}

/// Whether an object lies where nothing was built.
fn is_elsewhere(id: &ObjectId) -> bool {
    scope::is_platform(id)
}
