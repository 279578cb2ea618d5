//! From a declared project to its catalog: settled by text where the live database says the same, elaborated otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::core::catalog::{Catalog, CatalogBuilder, Edge};
use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::declare::context::Unread;
use crate::declare::elaborate::{Elaborated, elaborate};
use crate::declare::load::Declared;
use crate::declare::project::{Profile, Project, SUPABASE_API_ROLES};
use crate::declare::resolve::declared_edges;
use crate::engine::load::{Loaded, Workplace};
use crate::engine::majors::{self, Reprinted};
use crate::engine::partial::{self, Part};
use crate::engine::rename::{self, Declared as Said};
use crate::engine::scope;
use crate::engine::words::Words;
use crate::kinds::common::are_moved;
use crate::kinds::component::{self, ManageAccess, ManageGrants, is_access};
use crate::kinds::table::column_names;
use crate::kinds::table::inheritance::heirs;
use crate::kinds::table::partition::{table_of, whole_of};
use crate::kinds::{KindTag, Object};
use crate::postgres::Ephemeral;
use crate::sql::newer_syntax;

/// The catalog of a declared project.
pub async fn load(mut declared: Declared, live: Option<&Catalog>, place: &mut Workplace<'_>) -> Result<Loaded> {
    place.project.mentions(declared.schemas());
    place.add_notes(std::mem::take(&mut declared.notes));
    let path = place.project.search_path.clone();
    judged(std::mem::take(&mut declared.unread), place).await?;
    let (renames, value_renames) = (std::mem::take(&mut declared.renames), std::mem::take(&mut declared.value_renames));
    let data = std::mem::take(&mut declared.data);
    let unnamed = declared.unnamed.clone();
    let guarded = std::mem::take(&mut declared.guarded);
    let loaded = |catalog, declared, renamed| Loaded {
        is_of_files: false,
        context: BTreeSet::new(),
        unnamed: unnamed.clone(),
        guarded: guarded.clone(),
        data: data.clone(),
        catalog,
        declared: Some(declared),
        renames: renames.clone(),
        value_renames: value_renames.clone(),
        renamed,
        decided: component::Decided::default(),
    };
    let components: Vec<_> = declared
        .builder
        .iter()
        .filter(|(_, object)| is_access(object.kind()))
        .map(|(id, o)| (id.clone(), o.clone()))
        .collect();
    let decided = with_access(&place.project, |access| component::Decided::of(&declared.builder, access));
    let loaded = |catalog, declared, renamed| Loaded { decided: decided.clone(), ..loaded(catalog, declared, renamed) };
    if let Some(live) = live
        && renames.iter().all(|(new, (old, _))| live.contains(new) && !live.contains(old))
        && value_renames.iter().all(|((id, new), old)| {
            matches!(live.get(id), Some(Object::Enum(e)) if e.values.contains(new) && !e.values.contains(old))
        })
        && rename::extensions::moves(live, declared.builder.iter()).is_empty()
        && !place.settings.elaborate_all
    {
        if settled(&mut declared, live, place) {
            let ids = std::mem::take(&mut declared.builder).into_ids();
            let catalog = live.filtered(|id, _| scope::managed(id, &place.project) || ids.contains(id));
            return Ok(loaded(catalog, ids, None));
        }
        if let Some(part) = partial::part(&declared, live, &place.project) {
            // Where PostgreSQL refuses the part, the whole decides: what the part needs may not have been seen in its texts.
            if let Ok((catalog, found)) = partly(&declared, part, components.clone(), live, place).await {
                let renamed = rename::by_definition(live, &catalog, &found, place).await?;
                return Ok(loaded(catalog, declared.builder.into_ids(), renamed));
            }
        }
    }
    let context = add_context(&mut declared, live, place);
    declared_edges(&mut declared.builder, &path);
    know_of_unmodelled(&mut declared.builder, live);
    let whole = declared.builder.finish_unchecked();
    let ephemeral = place.ephemeral().await?;
    place.settings.progress.stage("elaborating the declared schema");
    let build = whole.filtered(|_, object| !is_access(object.kind()));
    let elaborated = elaborated(&build, live, &ephemeral, &path).await?;
    let reprinted = reprinted(live, &build, &ephemeral, place).await;
    let live = reprinted.as_ref().map(|r| &r.there).or(live);
    // What the project calls by another name than the live database is looked for under the new one from here on.
    let moved = live.map(|live| rename::extensions::moves(live, whole.iter())).unwrap_or_default();
    let said = Said { renames: &renames, values: &value_renames, data: &data, moved: &moved };
    let (mut renamed, replaced) = match live {
        Some(live) => rename::apply(live, &elaborated.catalog, &said, place).await?,
        None => Default::default(),
    };
    let after = renamed.as_ref().map(|r| r.catalog.clone());
    let live = after.as_ref().or(live);
    let read = news(elaborated, live, place);
    let read = match live {
        Some(live) if !place.project.usual_names => adopt_names(read, live, &unnamed)?,
        _ => read,
    };
    if let Some(live) = live
        && let Some(more) = rename::by_definition(live, &read, &renamed_by_definition(&read, live), place).await?
    {
        let first = renamed.get_or_insert_default();
        first.catalog = more.catalog;
        first.renamings.extend(more.renamings);
        first.pairs.extend(more.pairs);
        first.maps.extend(more.maps);
    }
    let live = renamed.as_ref().map(|r| &r.catalog).or(live);
    let read = match live {
        Some(live) if !place.project.usual_names => adopt_parts(read, live),
        _ => read,
    };
    let read = as_proved(read, live, |id| whole.contains(id));
    // Who owns and who may do what is not the scratch server's to say: it is what the project says, and what follows from it.
    let mut builder = read.filtered(|_, object| !is_access(object.kind())).to_builder();
    if let Some(live) = live {
        builder.origin.role.clone_from(&live.origin.role);
    }
    for (id, object) in components {
        builder.put(id, object);
    }
    // An extension is as declared: what is left open there is any.
    for (id, object) in whole.iter().filter(|(_, object)| object.kind() == KindTag::Extension) {
        builder.put(id.clone(), object.clone());
    }
    let was = |id: &ObjectId| replaced.get(id).cloned().unwrap_or_else(|| id.clone());
    with_access(&place.project, |access| component::complete(&mut builder, live, access, &was));
    let mut catalog = builder.finish_unchecked();
    if let Some(reprinted) = &reprinted {
        let settled = reprinted.in_own_words(&catalog);
        renamed.iter_mut().for_each(|renamed| renamed.catalog = reprinted.in_own_words(&renamed.catalog));
        let from = renamed.as_ref().map_or(&reprinted.own, |renamed| &renamed.catalog);
        let words = Words { said: &|id| whole.get(id), live: from, scratch: ephemeral.major(), search_path: &path };
        let worded = words.emitted(&catalog, &settled);
        place.add_notes(worded.notes(ephemeral.major(), from.origin.major));
        catalog = worded.catalog;
    }
    Ok(Loaded { context, ..loaded(catalog, whole.ids(), renamed) })
}

/// Lets what is to be built know what the live database has and trueup does not model: that is told of where it cannot be built.
fn know_of_unmodelled(builder: &mut CatalogBuilder, live: Option<&Catalog>) {
    if let Some(live) = live {
        builder.origin.major = live.origin.major;
        builder.origin.unmodelled.clone_from(&live.origin.unmodelled);
        builder.origin.foundations.clone_from(&live.origin.foundations);
    }
}

/// Has the scratch server judge the fragments that the grammar at hand refuses: it may be newer.
async fn judged(unread: Vec<Unread>, place: &mut Workplace<'_>) -> Result<()> {
    if unread.is_empty() {
        return Ok(());
    }
    let live = place.major;
    let ephemeral = place.ephemeral().await?;
    let scratch = ephemeral.create_database().await?;
    let session = scratch.connect().await?;
    let mut refused = None;
    for Unread { statement, problem } in unread {
        if session.parses_as_one(&statement).await.is_err() {
            let syntax = newer_syntax(&statement, &problem.message);
            refused = Some(majors::refused(problem, syntax, ephemeral.major(), live));
            break;
        }
    }
    drop(session);
    scratch.drop().await?;
    refused.map_or(Ok(()), Err)
}

/// As [`elaborate`], on a server that may be of another major version than the live one.
async fn elaborated(
    build: &Catalog,
    live: Option<&Catalog>,
    ephemeral: &Ephemeral,
    path: &[String],
) -> Result<Elaborated> {
    let Some(live) = live.filter(|live| majors::differ(live, ephemeral)) else {
        return elaborate(build, ephemeral, path).await;
    };
    let build = &majors::with_own_classes(build, live);
    let found = elaborate(&majors::buildable(build.clone(), ephemeral), ephemeral, path).await;
    let found = found.map_err(|problem| majors::refused(problem, None, ephemeral.major(), live.origin.major))?;
    let catalog = majors::with_default_classes(found.catalog, build, live.origin.major);
    Ok(Elaborated { catalog: majors::as_declared(catalog, build, ephemeral), ..found })
}

/// What the live database has of what was built, as a scratch server of another major version prints it.
async fn reprinted(
    live: Option<&Catalog>,
    build: &Catalog,
    ephemeral: &Ephemeral,
    place: &mut Workplace<'_>,
) -> Option<Reprinted> {
    let live = live.filter(|live| majors::differ(live, ephemeral))?;
    match majors::reprinted(live, build, ephemeral, &place.project).await {
        Ok(reprinted) => Some(reprinted),
        Err(why) => {
            place.add_notes([majors::incomparable([live.origin.major], ephemeral.major(), &why)]);
            None
        }
    }
}

/// What was elaborated, after keeping what was noticed of it. A routine that the live database has already is not this
/// project's news.
fn news(elaborated: Elaborated, live: Option<&Catalog>, place: &mut Workplace<'_>) -> Catalog {
    let read = elaborated.catalog;
    let unchanged = |id: &ObjectId| {
        live.and_then(|l| l.get(id)).zip(read.get(id)).is_some_and(|(found, object)| found.changes(object).is_empty())
    };
    place.add_notes(elaborated.notes.into_iter().filter(|(id, _)| !unchanged(id)).map(|(_, note)| note));
    read
}

/// The catalog of a project of which only a part had to be elaborated: the rest is the live database's own.
async fn partly(
    declared: &Declared,
    part: Part,
    components: Vec<(ObjectId, Object)>,
    live: &Catalog,
    place: &mut Workplace<'_>,
) -> Result<(Catalog, BTreeMap<ObjectId, ObjectId>)> {
    let Part { mut build, mut fresh } = part;
    build.origin = live.origin.clone();
    let mut read = Catalog::default();
    let (mut again, mut scratch) = (None, None);
    if !build.is_empty() {
        let ephemeral = place.ephemeral().await?;
        scratch = Some(ephemeral.major());
        again = reprinted(Some(live), &build, &ephemeral, place).await;
        place.settings.progress.stage("elaborating what differs");
        let path = place.project.search_path.clone();
        let found = elaborated(&build, Some(live), &ephemeral, &path).await?;
        let live = again.as_ref().map_or(live, |again| &again.there);
        read = news(found, Some(live), place);
        if !place.project.usual_names {
            read = adopt_names(read, live, &declared.unnamed)?;
            // Parts are found by what they are parts of, which may have another name; their own names are not chosen.
            let renamed = renamed_by_definition(&read, live).into_iter().map(|(new, old)| (old, new));
            let renamed = renamed.filter(|(old, _)| whole_of(old, live).is_none()).collect();
            read = adopt_parts(read, &called(live.clone(), &renamed));
        }
        read = as_proved(read, Some(live), |id| declared.builder.get(id).is_some());
        fresh.take_sequences(&read, &declared.builder);
        fresh.take_parts(&read);
    }
    let renames = renamed_by_definition(&read, again.as_ref().map_or(live, |again| &again.there));
    let mut builder = live.builder_of(|id, object| {
        !is_access(object.kind())
            && !fresh.covers(id)
            && (declared.builder.get(id).is_some()
                || scope::managed(id, &place.project)
                    && (scope::is_left_given(id, |id| declared.builder.get(id).is_some())
                        || scope::follows(id, object, live, |id| declared.builder.get(id).is_some())))
    });
    for (id, object) in fresh.within(&read).filter(|(_, object)| !is_access(object.kind())) {
        builder.put(id.clone(), object.clone());
        if let Some(place) = read.location(id) {
            builder.locate(id, place.clone());
        }
        for (dependency, edge) in read.dependencies(id) {
            builder.depend(id, dependency, edge);
        }
    }
    // What stays as it is and leans on what was elaborated: routines, by their bodies.
    if !fresh.is_empty() {
        for (id, _) in fresh.within(live) {
            for (dependent, edge) in live.dependents(id).filter(|(dependent, _)| !fresh.covers(dependent)) {
                builder.depend(dependent, id, edge);
            }
        }
    }
    let path = &place.project.search_path;
    for (routine, new) in partial::bodies_that_name_new(&fresh, &read, live, &declared.builder, path) {
        builder.depend(&routine, &new, Edge::Soft);
    }
    for (id, object) in components {
        builder.put(id, object);
    }
    for (id, object) in declared.builder.iter().filter(|(_, object)| object.kind() == KindTag::Extension) {
        builder.put(id.clone(), object.clone());
    }
    with_access(&place.project, |access| {
        component::complete(&mut builder, Some(live), access, &|id| rename::rebased(id, &renames));
    });
    let catalog = builder.finish_unchecked();
    let Some((again, scratch)) = again.zip(scratch) else { return Ok((catalog, renames)) };
    let mut settled = again.in_own_words(&catalog).to_builder();
    for (new, old) in &renames {
        if let (Some(print), Some(there), Some(own)) = (catalog.get(new), again.there.get(old), again.own.get(old)) {
            settled.put(new.clone(), print.with_words_of(print, there, own));
        }
    }
    let from = again.own.renamed(&renames.iter().map(|(new, old)| (old.clone(), new.clone())).collect());
    let search_path = place.project.search_path.clone();
    let said = |id: &ObjectId| declared.builder.get(id);
    let words = Words { said: &said, live: &from, scratch, search_path: &search_path };
    let worded = words.emitted(&catalog, &settled.finish_unchecked());
    place.add_notes(worded.notes(scratch, from.origin.major));
    Ok((worded.catalog, renames))
}

/// What has another name on the live server and is the same but for it (a key, a check, an index): renamed in place, since
/// building it again would cost a scan of the table.
fn renamed_by_definition(read: &Catalog, live: &Catalog) -> BTreeMap<ObjectId, ObjectId> {
    let is_declared = |id: &ObjectId| {
        read.location(id).is_some() || id.parent().is_some_and(|parent| read.location(&parent).is_some())
    };
    renamed(read, live, &is_declared)
}

/// As [`renamed_by_definition`], of a state that nobody declared: the parts of indexes and keys, which can be had in no other way.
pub fn renamed_parts(state: &Catalog, live: &Catalog) -> BTreeMap<ObjectId, ObjectId> {
    renamed(state, live, &|id| whole_of(id, state).is_some())
}

fn renamed(read: &Catalog, live: &Catalog, may_be: &dyn Fn(&ObjectId) -> bool) -> BTreeMap<ObjectId, ObjectId> {
    let mut found = BTreeMap::new();
    let mut taken: BTreeSet<ObjectId> = BTreeSet::new();
    let alone = |id: &ObjectId, object: &Object, catalog: &Catalog| {
        let goes_along = |kind: KindTag| kind.is_component() || kind == KindTag::IndexAttachment;
        object.provider(id, catalog).is_none() && catalog.below(id).all(|(_, o)| goes_along(o.kind()))
    };
    // Parts of indexes and keys cannot be made anew under another name, and may have each other's.
    let is_elsewhere = |id: &ObjectId, here: &Catalog, there: &Catalog| {
        !there.contains(id) || whole_of(id, here).is_some_and(|whole| whole_of(id, there) != Some(whole))
    };
    let has_new_name = |id: &ObjectId| id.kind().info().same_by_definition && is_elsewhere(id, read, live);
    for (id, object) in read.iter().filter(|(id, _)| has_new_name(id)) {
        let Some(parent) = id.parent().filter(|p| live.contains(p)) else { continue };
        if !may_be(id) || !alone(id, object, read) {
            continue;
        }
        // A part of an index or key is the same only as a part of the same one.
        let same = live.children(&parent, id.kind()).find(|(other, found)| {
            is_elsewhere(other, live, read)
                && !taken.contains(*other)
                && found.changes(object).is_empty()
                && alone(other, found, live)
                && whole_of(other, live) == whole_of(id, read)
        });
        if let Some(other) = same.map(|(other, _)| other.clone()) {
            taken.insert(other.clone());
            found.insert(id.clone(), other);
        }
    }
    found
}

/// How far the project manages owners and privileges.
pub fn with_access<T>(project: &Project, act: impl FnOnce(&ManageAccess<'_>) -> T) -> T {
    act(&ManageAccess {
        owners: true,
        grants: if project.all_grants { ManageGrants::All } else { ManageGrants::Named },
        api_roles: if project.profile == Profile::Supabase { SUPABASE_API_ROLES } else { &[] },
        manages: &|schema| project.manages(schema),
    })
}

/// Whether the live database already says, word for word, all that is declared, and nothing else. The declared state is
/// completed then, and as it was otherwise.
fn settled(declared: &mut Declared, live: &Catalog, place: &mut Workplace<'_>) -> bool {
    let seen = live.ticks();
    let (moved, held) = (Mutex::new(BTreeSet::new()), Mutex::new(BTreeSet::new()));
    let same = |id: &ObjectId, object: &Object| {
        let Some(found) = live.tick(id, &seen) else { return false };
        if let (Object::Column(column), Object::Column(said)) = (found, object)
            && column.position != said.position
        {
            moved.lock().unwrap_or_else(PoisonError::into_inner).extend(id.parent());
        }
        // A type whose attributes may stand in another order is looked at more closely.
        if let (Object::CompositeAttribute(attribute), Object::CompositeAttribute(said)) = (found, object)
            && attribute.position != said.position
        {
            return false;
        }
        if scope::is_held_otherwise(id, found, object, live) {
            held.lock().unwrap_or_else(PoisonError::into_inner).insert(id.sql_path());
        }
        found.changes(object).is_empty()
    };
    if !declared.builder.all(|id, object| is_access(object.kind()) || same(id, object)) {
        return false;
    }
    let added = |object: &Object| is_access(object.kind()) || object.kind() == KindTag::Comment;
    let before: Vec<_> = declared
        .builder
        .iter()
        .filter(|(_, object)| added(object))
        .map(|(id, object)| (id.clone(), object.clone(), declared.builder.location(id).cloned()))
        .collect();
    with_access(&place.project, |access| {
        component::complete(&mut declared.builder, Some(live), access, &ObjectId::clone);
    });
    let archived = scope::archived(live, &declared.data);
    let completed = &declared.builder;
    // Nothing but owners, privileges and comments was added. What has not been met then is not declared.
    let all = completed.all(|id, object| !added(object) || same(id, object))
        && live.unticked(&seen).all(|(id, object)| {
            completed.get(id).is_some()
                || scope::is_archived(id, &archived, &declared.data)
                || !scope::managed(id, &place.project)
                || scope::is_others_extension(id, live, &place.project)
                // What every database has; but not what is declared of it, were it that nobody has a privilege.
                || scope::is_left_given(id, |id| completed.get(id).is_some())
                // What follows from default privileges is in the completed state; where it is not, it was taken back.
                || (!is_access(object.kind()) && scope::follows(id, object, live, |id| completed.get(id).is_some()))
        });
    if !all {
        let taken = declared.builder.iter().filter(|(_, object)| added(object)).map(|(id, _)| id.clone());
        let taken: Vec<ObjectId> = taken.collect();
        taken.iter().for_each(|id| declared.builder.remove(id));
        for (id, object, place) in before {
            if let Some(place) = place {
                declared.builder.locate(&id, place);
            }
            declared.builder.put(id, object);
        }
        return false;
    }
    let is_moved = |table: &ObjectId| {
        let within = declared.builder.since(table).map(|(id, _)| id).take_while(|id| id.is_within(table));
        let columns = within.filter(|id| id.kind() == KindTag::Column && id.parent_str() == Some(table.as_str()));
        are_moved(&column_names(table, live), &columns.map(|id| id.name().into_owned()).collect::<Vec<_>>())
    };
    let moved = moved.into_inner().unwrap_or_else(PoisonError::into_inner);
    let moved = moved.iter().filter(|table| is_moved(table)).map(ObjectId::sql_path).collect();
    let held = held.into_inner().unwrap_or_else(PoisonError::into_inner);
    place.add_notes(scope::told(moved, held.into_iter().collect()));
    true
}

/// What the project refers to in schemas that it does not manage is taken from the live database, to be built along.
fn add_context(declared: &mut Declared, live: Option<&Catalog>, place: &Workplace<'_>) -> BTreeSet<ObjectId> {
    let mut context = BTreeSet::new();
    let Some(live) = live else { return context };
    // The scratch database of a platform's profile holds the platform's objects already.
    let outside: Vec<_> = live
        .iter()
        .filter(|(id, _)| !scope::managed(id, &place.project) && !id.kind().is_component() && !scope::is_given(id))
        .filter(|(id, _)| place.project.profile == Profile::Plain || !scope::is_platform(id))
        .map(|(id, object)| (id.clone(), object.clone()))
        .collect();
    if outside.is_empty() {
        return context;
    }
    let mut merged = CatalogBuilder::new();
    for (id, object) in declared.builder.iter() {
        merged.put(id.clone(), object.clone());
    }
    let declared_ids: Vec<ObjectId> = declared.builder.iter().map(|(id, _)| id.clone()).collect();
    for (id, object) in outside {
        if merged.get(&id).is_none() {
            merged.put(id.clone(), object);
            for (dependency, edge) in live.dependencies(&id) {
                merged.depend(&id, dependency, edge);
            }
        }
    }
    declared_edges(&mut merged, &place.project.search_path);
    let merged = merged.finish_unchecked();
    let needed = with_parts(&merged, declared_ids);
    for id in needed {
        if declared.builder.get(&id).is_none()
            && let Some(object) = merged.get(&id)
        {
            declared.builder.put(id.clone(), object.clone());
            context.insert(id);
        }
    }
    context
}

/// Some objects with all that they rest on; a table is of use only with its columns and keys.
pub fn with_parts(catalog: &Catalog, wanted: Vec<ObjectId>) -> BTreeSet<ObjectId> {
    let mut needed = catalog.closure(wanted);
    loop {
        let below: Vec<ObjectId> = needed
            .iter()
            .flat_map(|id| {
                catalog
                    .below(id)
                    .filter(|(_, o)| o.kind().info().holds_data || o.kind().info().foldable)
                    .map(|(c, _)| c.clone())
                    .collect::<Vec<_>>()
            })
            .filter(|id| !needed.contains(id))
            .collect();
        if below.is_empty() {
            return needed;
        }
        needed.extend(catalog.closure(below));
    }
}

/// An object whose name the project did not choose takes the name of the live object that is the same but for its name; unless
/// something new is to have that.
fn adopt_names(read: Catalog, live: &Catalog, unnamed: &[ObjectId]) -> Result<Catalog> {
    let mut map: BTreeMap<ObjectId, ObjectId> = BTreeMap::new();
    let mut taken: BTreeSet<ObjectId> = BTreeSet::new();
    for id in unnamed {
        if live.contains(id) || !read.contains(id) {
            continue;
        }
        let (Some(object), Some(parent)) = (read.get(id), id.parent()) else { continue };
        let same = live
            .children(&parent, id.kind())
            .filter(|(other, found)| {
                !read.contains(other) && !taken.contains(*other) && found.changes(object).is_empty()
            })
            .map(|(other, _)| other.clone())
            .next();
        if let Some(other) = same {
            taken.insert(other.clone());
            map.insert(id.clone(), other);
        }
    }
    loop {
        let is_new =
            |id: &ObjectId| !live.contains(id) && !map.contains_key(id) && !id.kind().info().namespaces.is_empty();
        let new: BTreeSet<(String, String)> = match map.is_empty() {
            true => BTreeSet::new(),
            false => read.iter().map(|(id, _)| id).filter(|id| is_new(id)).filter_map(schema_and_name).collect(),
        };
        let before = map.len();
        map.retain(|_, other| schema_and_name(other).is_none_or(|name| !new.contains(&name)));
        if map.len() == before {
            break;
        }
    }
    heirs_too(&read, &mut map);
    Ok(called(read, &map))
}

/// A catalog in which some objects are called otherwise, and what names them says so.
fn called(catalog: Catalog, map: &BTreeMap<ObjectId, ObjectId>) -> Catalog {
    if map.is_empty() {
        return catalog;
    }
    let now = |id: &ObjectId| rename::rebased(id, map);
    let mut builder = catalog.renamed(map).to_builder();
    for (id, object) in catalog.iter() {
        if let Some((changed, object)) = object.after_renames(id, &now)
            && changed == *id
        {
            builder.put(now(id), object);
        }
    }
    builder.finish_unchecked()
}

/// What heirs have from something is called as it is there.
fn heirs_too(read: &Catalog, map: &mut BTreeMap<ObjectId, ObjectId>) {
    let mut queue: Vec<(ObjectId, ObjectId)> = map.clone().into_iter().collect();
    while let Some((origin, named)) = queue.pop() {
        let same = read.iter().filter(|(id, _)| id.kind() == origin.kind() && id.name() == origin.name());
        for (id, _) in same.filter(|(id, object)| object.provider(id, read).as_ref() == Some(&origin)) {
            let Some(parent) = id.parent() else { continue };
            let heir = (id.clone(), parent.child(id.kind(), &named.name()));
            if !read.contains(&heir.1) && map.insert(heir.0.clone(), heir.1.clone()).is_none() {
                queue.push(heir);
            }
        }
    }
}

/// The server names the indexes of partitions itself: they are those that are attached to the same index.
fn adopt_parts(read: Catalog, live: &Catalog) -> Catalog {
    let mut map: BTreeMap<ObjectId, ObjectId> = BTreeMap::new();
    let index = |(id, _): (&ObjectId, &Object)| (id.kind() == KindTag::IndexAttachment).then(|| id.parent()).flatten();
    let part = |id: &ObjectId, catalog: &Catalog| Some((whole_of(id, catalog)?, table_of(id, catalog), id.kind()));
    // A name of its own is written at a place of its own.
    let chosen = |id: &ObjectId| {
        let place = read.location(id);
        let along = [whole_of(id, &read), id.parent()].into_iter().flatten();
        place.is_some() && along.map(|other| read.location(&other)).all(|other| other != place)
    };
    let unknown: Vec<ObjectId> = read.iter().filter_map(index).filter(|id| !live.contains(id) && !chosen(id)).collect();
    if unknown.is_empty() {
        return read;
    }
    let there: BTreeMap<_, ObjectId> = live
        .iter()
        .filter_map(index)
        .filter(|id| !read.contains(id))
        .filter_map(|id| Some((part(&id, live)?, id)))
        .collect();
    // From the top down: a part may have parts.
    let mut more = true;
    while more {
        more = false;
        for id in &unknown {
            let Some((whole, table, kind)) = part(id, &read).filter(|_| !map.contains_key(id)) else { continue };
            let whole = map.get(&whole).cloned().unwrap_or(whole);
            if let Some(found) = there.get(&(whole, table, kind)) {
                map.insert(id.clone(), found.clone());
                more = true;
            }
        }
    }
    called(read, &map)
}

/// Whether the rows of a partition or child table satisfy a check or foreign key that is NOT VALID for its parent is not declared: it
/// is as found. What such a table gets of one that is new is NOT VALID as well, and a new table satisfies it.
fn as_proved(read: Catalog, live: Option<&Catalog>, is_declared: impl Fn(&ObjectId) -> bool) -> Catalog {
    let parent = |id: &ObjectId, object: &Object, catalog: &Catalog| {
        object.provider(id, catalog).filter(|theirs| !is_proved(catalog.get(theirs)))
    };
    let found: Vec<(ObjectId, bool)> = read
        .iter()
        .filter(|(id, _)| id.kind() == KindTag::Constraint && !is_declared(id))
        .filter_map(|(id, object)| {
            let theirs = parent(id, object, &read)?;
            let Some(live) = live.filter(|live| live.contains(&id.top())) else { return Some((id.clone(), true)) };
            // A table that becomes one's child now gets what its parent has, but keeps what it has already.
            if !live.contains(id) && !heirs(&theirs.top(), live).contains(&id.top()) {
                return None;
            }
            let Some(mut same) = live.get(id).cloned() else { return Some((id.clone(), false)) };
            if let (Object::Constraint(own), Object::Constraint(wanted)) = (&mut same, object) {
                Arc::make_mut(own).validated = wanted.validated;
            }
            Some((id.clone(), same.changes(object).is_empty() && is_proved(live.get(id))))
        })
        .collect();
    let found: Vec<_> = found.into_iter().filter(|(id, proved)| is_proved(read.get(id)) != *proved).collect();
    if found.is_empty() {
        return read;
    }
    let mut builder = read.to_builder();
    for (id, proved) in found {
        if let Some(Object::Constraint(constraint)) = builder.get_mut(&id) {
            Arc::make_mut(constraint).validated = proved;
        }
    }
    builder.finish_unchecked()
}

fn is_proved(object: Option<&Object>) -> bool {
    !matches!(object, Some(Object::Constraint(constraint)) if !constraint.validated)
}

fn schema_and_name(id: &ObjectId) -> Option<(String, String)> {
    Some((id.schema()?.into_owned(), id.name().into_owned()))
}
