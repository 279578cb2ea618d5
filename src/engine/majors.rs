//! Two states that servers of different major versions print.
//!
//! A view that PostgreSQL 18 prints as `SELECT id FROM t` is `SELECT t.id FROM t` to PostgreSQL 15, which also knows no names of
//! NOT NULL constraints. So where the scratch server is of another major version than the one a state was read from, that state is
//! built on the scratch server as well and compared with what the scratch server made of the other one. What is the same there
//! is taken as the first server has it, attribute by attribute; what differs there is as the scratch server prints it.

use crate::core::catalog::{Catalog, CatalogBuilder, Edge};
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::versions;
use crate::declare::elaborate::elaborate;
use crate::declare::project::{Profile, Project};
use crate::engine::project_state::with_parts;
use crate::engine::{scope, words};
use crate::introspect::introspect;
use crate::kinds::component::{is_access, same_but_for_maintain};
use crate::kinds::extension::{Extension, Open};
use crate::kinds::table::classes;
use crate::kinds::table::column::{Column, NotNull};
use crate::kinds::table::constraint::Constraint;
use crate::kinds::table::index::Index;
use crate::kinds::{KindTag, Object};
use crate::postgres::Ephemeral;

/// A state as its own server has it and as the scratch server prints it.
#[derive(Debug)]
pub struct Reprinted {
    /// As its own server has it.
    pub own: Catalog,
    /// The same objects; those that were built on the scratch server are as it has them.
    pub there: Catalog,
}

/// Whether the scratch server prints texts otherwise than the server that a state was read from.
pub fn differ(state: &Catalog, ephemeral: &Ephemeral) -> bool {
    state.origin.major != 0 && state.origin.major != ephemeral.major()
}

/// What a server of another major version can build: it may have another version of an extension, know no properties of NOT
/// NULL, and take for keywords what are names in the texts.
pub fn buildable(catalog: Catalog, ephemeral: &Ephemeral) -> Catalog {
    let mut builder = catalog.to_builder();
    let of = if catalog.origin.major == 0 { ephemeral.major() } else { catalog.origin.major };
    for (id, object) in catalog.iter() {
        let quoted = words::quoted(object, of, ephemeral.major());
        if let Some(quoted) = &quoted {
            builder.put(id.clone(), quoted.clone());
        }
        match quoted.as_ref().unwrap_or(object) {
            Object::Extension(extension) if extension.version.0.is_some() => {
                builder.put(id.clone(), Extension { version: Open(None), ..(**extension).clone() });
            }
            Object::Column(column) if ephemeral.major() < versions::NAMED_NOT_NULL && column.not_null.is_some() => {
                builder.put(id.clone(), Column { not_null: Some(NotNull::default()), ..(**column).clone() });
            }
            _ => {}
        }
    }
    builder.finish_unchecked()
}

/// What was built, with what is declared and the scratch server does not know: the properties of NOT NULL.
pub fn as_declared(built: Catalog, declared: &Catalog, ephemeral: &Ephemeral) -> Catalog {
    if ephemeral.major() >= versions::NAMED_NOT_NULL {
        return built;
    }
    let mut builder = built.to_builder();
    for (id, object) in built.iter() {
        let (Some(column), Some(said)) = (Column::of(object), Column::get(declared, id)) else { continue };
        let properties = said.not_null.as_ref().filter(|said| **said != NotNull::default());
        if column.not_null.is_some() && properties.is_some() {
            builder.put(id.clone(), Column { not_null: properties.cloned(), ..column.clone() });
        }
    }
    builder.finish_unchecked()
}

/// The definition of an index or a constraint.
fn definition(object: &Object) -> Option<&str> {
    match object {
        Object::Index(index) => Some(&index.definition),
        Object::Constraint(constraint) => Some(&constraint.definition),
        _ => None,
    }
}

/// A state with other definitions of indexes and constraints, where `change` makes one of them.
fn redefined(catalog: &Catalog, change: impl Fn(&ObjectId, &str) -> Option<String>) -> Catalog {
    let mut builder = None;
    for (id, object) in catalog.iter() {
        let Some(new) = definition(object).and_then(|text| change(id, text).filter(|new| new != text)) else {
            continue;
        };
        let builder: &mut CatalogBuilder = builder.get_or_insert_with(|| catalog.to_builder());
        match object {
            Object::Index(index) => _ = builder.put(id.clone(), Index { definition: new, ..(**index).clone() }),
            Object::Constraint(of) => _ = builder.put(id.clone(), Constraint { definition: new, ..(**of).clone() }),
            _ => {}
        }
    }
    builder.map_or_else(|| catalog.clone(), CatalogBuilder::finish_unchecked)
}

/// What is declared, with the live server's default operator classes where none are declared and the live server's index shows which
/// those are: another major version has other defaults.
pub fn with_own_classes(declared: &Catalog, live: &Catalog) -> Catalog {
    redefined(declared, |id, text| {
        let own = live.get(id).and_then(definition)?;
        Some(classes::with_own(live.origin.major, text, own))
    })
}

/// What a scratch server of another major version made of it, with the live server's default operator classes where none are declared.
pub fn with_default_classes(built: Catalog, declared: &Catalog, live: u32) -> Catalog {
    redefined(&built, |id, text| {
        let said = declared.get(id).and_then(definition)?;
        Some(classes::with_defaults_of(live, text, said))
    })
}

/// Has the scratch server print what a state has of the objects that are built there for another one (`beside`), with all that
/// belongs to the same tables, types and so on.
///
/// # Errors
/// What the scratch server does not accept.
pub async fn reprinted(
    state: &Catalog,
    beside: &Catalog,
    ephemeral: &Ephemeral,
    project: &Project,
) -> Result<Reprinted> {
    let mut wanted = Vec::new();
    for (id, _) in beside.iter().filter(|(id, _)| state.contains(id)) {
        wanted.push(id.clone());
        let is_whole = id.parent().is_none_or(|parent| parent.kind() == KindTag::Schema);
        if is_whole && id.kind() != KindTag::Schema {
            wanted.extend(state.below(id).map(|(below, _)| below.clone()));
        }
    }
    let needed = with_parts(state, wanted);
    // The scratch database of a platform's profile holds the platform's objects already.
    let is_there = |id: &ObjectId| scope::is_given(id) || project.profile != Profile::Plain && scope::is_platform(id);
    let part = state.builder_of(|id, object| {
        needed.contains(id) && !is_access(object.kind()) && (beside.contains(id) || !is_there(id))
    });
    let read = elaborate(&buildable(part.finish_unchecked(), ephemeral), ephemeral, &project.search_path).await?;
    let mut there = CatalogBuilder::new();
    there.origin = state.origin.clone();
    for (id, object) in state.iter() {
        match read.catalog.get(id).filter(|_| !is_access(object.kind())) {
            Some(built) => keep(state, id, built.clone(), &read.catalog, &mut there),
            None => keep(state, id, object.clone(), state, &mut there),
        }
    }
    Ok(Reprinted { own: state.clone(), there: there.finish_unchecked() })
}

impl Reprinted {
    /// Another state, of which the scratch server has printed all that it has printed of this one, in the words of this one's own
    /// server where the two are the same.
    pub fn in_own_words(&self, other: &Catalog) -> Catalog {
        self.in_words_of(other, other)
    }

    /// As [`Reprinted::in_own_words`], with the words of `other` where the two are not the same; `printed` is that state as the
    /// scratch server prints it.
    pub fn in_words_of(&self, printed: &Catalog, other: &Catalog) -> Catalog {
        let rests_on = |catalog: &Catalog, id: &ObjectId| -> Vec<(ObjectId, Edge)> {
            catalog.dependencies(id).map(|(to, edge)| (to.clone(), edge)).collect()
        };
        let mut builder = CatalogBuilder::new();
        builder.origin = other.origin.clone();
        for (id, object) in other.iter() {
            let (Some(there), Some(own), Some(print)) = (self.there.get(id), self.own.get(id), printed.get(id)) else {
                keep(other, id, object.clone(), other, &mut builder);
                continue;
            };
            let object = object.with_words_of(print, there, own);
            let is_same = object.changes(own).is_empty() && rests_on(printed, id) == rests_on(&self.there, id);
            keep(other, id, object, if is_same { &self.own } else { other }, &mut builder);
        }
        builder.finish_unchecked()
    }
}

/// Puts an object where a state declares it, with the dependencies that it has in a catalog.
fn keep(state: &Catalog, id: &ObjectId, object: Object, edges: &Catalog, builder: &mut CatalogBuilder) {
    builder.put(id.clone(), object);
    if let Some(place) = state.location(id) {
        builder.locate(id, place.clone());
    }
    for (dependency, edge) in edges.dependencies(id) {
        builder.depend(id, dependency, edge);
    }
}

/// A state in the words of another one, which a server of another major version has printed, where the two are the same. Of the
/// schema `public`, a state made by SQL files (`is_files`) has its server's privileges unless the files change them.
///
/// # Errors
/// What the scratch server does not accept.
pub async fn in_words_of(
    own: &Catalog,
    state: &Catalog,
    is_files: bool,
    ephemeral: &Ephemeral,
    project: &Project,
) -> Result<Catalog> {
    let mut printed = Vec::new();
    for side in [own, state] {
        printed.push(match differ(side, ephemeral) {
            true => reprinted(side, side, ephemeral, project).await?.there,
            false => side.clone(),
        });
    }
    let state_there = printed.pop().unwrap_or_default();
    let there = printed.pop().unwrap_or_default();
    let mut settled = Reprinted { own: own.clone(), there }.in_words_of(&state_there, state);
    if knows_maintain(own) != knows_maintain(state) {
        settled = same_privileges(&settled, own);
    }
    if !is_files {
        return Ok(settled);
    }
    let scratch = ephemeral.create_database().await?;
    let fresh = introspect(&scratch.connect().await?, &project.search_path).await;
    scratch.drop().await?;
    let fresh = fresh?;
    let is_given = |id: &ObjectId, object: &Object| scope::is_given(id) && is_access(object.kind());
    let given = |catalog: &Catalog| -> Vec<(ObjectId, Object)> {
        let found = catalog.iter().filter(|(id, object)| is_given(id, object));
        found.map(|(id, object)| (id.clone(), object.clone())).collect()
    };
    if given(&fresh) != given(state) {
        return Ok(settled);
    }
    let mut builder = settled.builder_of(|id, object| !is_given(id, object));
    for (id, object) in given(own) {
        builder.put(id, object);
    }
    Ok(builder.finish_unchecked())
}

/// What the scratch server has of a state that a server of another major version printed, in that server's words where the two are the
/// same.
///
/// # Errors
/// What the scratch server does not accept.
pub async fn compared(
    state: &Catalog,
    there: &Catalog,
    major: u32,
    ephemeral: &Ephemeral,
    project: &Project,
) -> Result<Catalog> {
    let settled = reprinted(state, there, ephemeral, project).await?.in_own_words(there);
    let is_alike = (major >= versions::MAINTAIN) == knows_maintain(there);
    Ok(if is_alike { settled } else { same_privileges(&settled, state) })
}

fn knows_maintain(state: &Catalog) -> bool {
    state.origin.major >= versions::MAINTAIN
}

/// A state with the privileges of another one where they are the same but for one that only one of the two servers knows.
fn same_privileges(state: &Catalog, own: &Catalog) -> Catalog {
    let mut builder = state.to_builder();
    for (id, object) in state.iter() {
        if let Some(own) = own.get(id).filter(|own| same_but_for_maintain(object, own)) {
            builder.put(id.clone(), own.clone());
        }
    }
    builder.finish_unchecked()
}

/// Says of what a scratch server refuses which server that was, and which one may accept it. `syntax` is what is known to be newer
/// than some major version; `live` the live server's major version, 0 where there is none.
pub fn refused(mut problem: Box<Diagnostic>, syntax: Option<(&str, u32)>, scratch: u32, live: u32) -> Box<Diagnostic> {
    if let Some((what, since)) = syntax.filter(|(_, since)| *since > scratch) {
        problem = problem.note(format!("{what} needs PostgreSQL {since} or later"));
    }
    let newer = syntax.map(|(_, since)| since).filter(|since| *since > scratch);
    if live > scratch {
        problem
            .note(format!("PostgreSQL {scratch} refused it, on which what is declared is tried out"))
            .note(format!("the live server is PostgreSQL {live}, and accepts what came with it"))
            .help(format!("use --ephemeral same-server, or install the binaries of PostgreSQL {live}"))
    } else if let Some(since) = newer {
        problem
            .note(format!("PostgreSQL {scratch} refused it, on which what is declared is tried out"))
            .help(format!("install the binaries of PostgreSQL {since}, or name such a server with --ephemeral"))
    } else {
        problem
    }
}

/// Says that states of these major versions could not be compared on the scratch server.
pub fn incomparable(majors: impl IntoIterator<Item = u32>, scratch: u32, why: &Diagnostic) -> Box<Diagnostic> {
    let others: Vec<u32> = majors.into_iter().filter(|major| *major != scratch).collect();
    let names = others.iter().map(u32::to_string).collect::<Vec<_>>().join(" and ");
    let newest = others.into_iter().max().unwrap_or(scratch);
    Diagnostic::warning(
        "major",
        format!("PostgreSQL {scratch}, on which the states are compared, cannot build what PostgreSQL {names} has"),
    )
    .note(why.message.clone())
    .note("texts may be printed differently by the two, and then show as differences")
    .help(format!("install the binaries of PostgreSQL {newest}, or use --ephemeral same-server"))
}
