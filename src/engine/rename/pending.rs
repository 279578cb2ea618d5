//! Which of the declared renames are still to be done.
//!
//! A state does not say how it came to be. Where the old name is gone there is nothing to do; where the old one is there and the
//! new one is free, the rename is due; also where the new one is freed by another rename (a chain). All else is not guessed:
//! what looks done is said, what may lose values is an error.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Location, Result};
use crate::core::id::ObjectId;
use crate::core::name::Ident;
use crate::kinds::Object;
use crate::kinds::routine::{argument_types, quoted_name, split_types};
use crate::plan::share_name;

use super::{Declared, Renames, ValueRenames, rebased};

/// One rename to be done.
pub struct Due {
    /// The id in the state that is.
    pub live: ObjectId,
    /// The old name as declared: a routine's says the types by the names that they have by then.
    pub old_name: String,
    /// The id afterwards.
    pub new: ObjectId,
}

/// Renames to be done.
#[derive(Default)]
pub struct Pending {
    /// In an order in which every new name is free when it is taken.
    pub due: Vec<Due>,
    /// New routines that take the place of a live one with other arguments.
    pub replaced: BTreeMap<ObjectId, ObjectId>,
    /// What was not done, and why.
    pub notes: Vec<Box<Diagnostic>>,
}

/// One declared rename, in terms of the live state: under the names that its parents have there.
struct Candidate<'a> {
    new: &'a ObjectId,
    old: &'a ObjectId,
    old_live: ObjectId,
    new_live: ObjectId,
    place: &'a Location,
}

/// The renames that are due.
///
/// # Errors
/// `not-renamed` where old and new are both there and the old one is not declared, where two objects are declared to have been one, and
/// where names are exchanged.
pub fn pending(from: &Catalog, to: &Catalog, declared: &Declared<'_>) -> Result<Pending> {
    let mut found = Pending::default();
    // Under which name a child is to be looked for depends on its parents, and a routine's on its types.
    let (mut forth, mut back): (BTreeMap<ObjectId, ObjectId>, BTreeMap<ObjectId, ObjectId>) = Default::default();
    for level in levels(declared.renames).into_values() {
        let mut due: Vec<Candidate<'_>> = Vec::new();
        for (new, old, place) in level {
            let live = |id: &ObjectId| with_old_types(under(id, &back), from, &forth);
            let candidate = Candidate { new, old, old_live: live(old), new_live: live(new), place };
            if candidate.old_live == candidate.new_live {
                continue;
            }
            if !from.contains(&candidate.old_live) {
                let wanted = |other: &ObjectId| to.contains(&rebased(other, &forth)) || declared.data.retires(other);
                refuse_other_kind(from, &candidate, &wanted)?;
                continue;
            }
            if is_other_signature(old, new) {
                if !from.contains(&candidate.new_live) {
                    found.replaced.insert(new.clone(), candidate.old_live);
                }
                continue;
            }
            if let Some(other) = due.iter().find(|c| c.old_live == candidate.old_live) {
                return Err(Diagnostic::error(
                    "not-renamed",
                    format!("{new} and {} are both declared to have been {}", other.new, candidate.old_live),
                )
                .at(place.clone())
                .related(other.place.clone(), "the other one")
                .help("let only one of them say `was`"));
            }
            due.push(candidate);
        }
        // In a chain, the one before it has to be done as well.
        let done = |id: &ObjectId| {
            let links = std::iter::successors(declared.renames.get(id), |(older, _)| declared.renames.get(older));
            links.take(declared.renames.len()).any(|(older, _)| !from.contains(&under(older, &back)))
        };
        let is_wanted = |live: &ObjectId| to.contains(&rebased(live, &forth)) || declared.data.retires(live);
        without_taken(from, &is_wanted, &|live| done(&rebased(live, &forth)), &mut due, &mut found.notes)?;
        for candidate in in_order(due)? {
            forth.insert(candidate.old_live.clone(), candidate.new.clone());
            back.insert(candidate.new.clone(), candidate.old_live.clone());
            let old_name = candidate.old.name().into_owned();
            found.due.push(Due { live: candidate.old_live, old_name, new: candidate.new.clone() });
        }
    }
    // What heirs have from a parent is renamed with the parent's.
    let renamed: BTreeSet<ObjectId> = found.due.iter().map(|due| due.live.clone()).collect();
    let comes_along = |old: &ObjectId| {
        from.get(old).and_then(|o| o.provider(old, from)).is_some_and(|provider| renamed.contains(&provider))
    };
    found.due.retain(|due| !comes_along(&due.live));
    Ok(found)
}

/// All declared renames (new id, old id) in an order in which each new name is free, for a script that asks itself which are due.
///
/// # Errors
/// `not-renamed` where names are exchanged.
pub fn all_in_order<'a>(to: &Catalog, renames: &'a Renames) -> Result<Vec<(&'a ObjectId, &'a ObjectId)>> {
    let comes_along = |id: &ObjectId| {
        to.get(id).and_then(|o| o.provider(id, to)).is_some_and(|provider| renames.contains_key(&provider))
    };
    let mut all = Vec::new();
    for level in levels(renames).into_values() {
        let candidates = level.into_iter().filter(|(new, old, _)| {
            to.contains(new) && new != old && !is_other_signature(old, new) && !comes_along(new)
        });
        let candidates = candidates.map(|(new, old, place)| Candidate {
            new,
            old,
            old_live: old.clone(),
            new_live: new.clone(),
            place,
        });
        all.extend(in_order(candidates.collect())?.into_iter().map(|c| (c.new, c.old)));
    }
    Ok(all)
}

/// The values to be renamed: the enum as it is to be called, the old value, the new one.
///
/// # Errors
/// `not-renamed` where the old and the new value are both there, and where two are declared to have been one.
pub fn values<'a>(
    from: &Catalog,
    to: &Catalog,
    renames: &'a ValueRenames,
    live: &dyn Fn(&ObjectId) -> ObjectId,
) -> Result<Vec<(&'a ObjectId, &'a str, &'a str)>> {
    let mut due: Vec<(&ObjectId, &str, &str)> = Vec::new();
    for ((id, new), old) in renames {
        let Some(Object::Enum(found)) = from.get(&live(id)) else { continue };
        if !found.values.contains(old) {
            continue;
        }
        let problem = if found.values.contains(new) {
            Diagnostic::error(
                "not-renamed",
                format!("'{new}' of {id} is declared to have been '{old}', and both are there"),
            )
            .note("whether the one replaced the other, or is yet to, cannot be seen")
            .help(format!(
                "if rows are to keep '{old}' under the new name, update them and take the entry out of `renamed`"
            ))
        } else if let Some((_, _, other)) = due.iter().find(|(other, was, _)| *other == id && was == old) {
            Diagnostic::error(
                "not-renamed",
                format!("'{new}' and '{other}' of {id} are both declared to have been '{old}'"),
            )
            .help("let only one of them be named under `renamed`")
        } else {
            due.push((id, old, new));
            continue;
        };
        return Err(problem.or_at(to.location(id)));
    }
    Ok(due)
}

/// New id, old id, and where that is declared.
type Said<'a> = (&'a ObjectId, &'a ObjectId, &'a Location);

/// The declared renames, parents before children, what goes along to another schema (an index) after its table, routines last.
fn levels(renames: &Renames) -> BTreeMap<(usize, bool, bool), Vec<Said<'_>>> {
    let mut levels: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (new, (old, place)) in renames {
        let info = new.kind().info();
        let level = (new.as_str().matches('/').count(), info.same_by_definition, info.signature);
        levels.entry(level).or_default().push((new, old, place));
    }
    levels
}

/// Whether two routines are declared to take other arguments: that is no rename, since PostgreSQL knows them as two.
fn is_other_signature(old: &ObjectId, new: &ObjectId) -> bool {
    new.kind().info().signature && argument_types(&old.name()) != argument_types(&new.name())
}

/// An id as it is in the live state, where a parent has another name there.
fn under(id: &ObjectId, back: &BTreeMap<ObjectId, ObjectId>) -> ObjectId {
    let Some(parent) = id.parent() else { return id.clone() };
    let live = rebased(&parent, back);
    id.rebase(&parent, &live).unwrap_or_else(|| id.clone())
}

/// The live routine that is meant, where its types have other names there.
fn with_old_types(id: ObjectId, from: &Catalog, forth: &BTreeMap<ObjectId, ObjectId>) -> ObjectId {
    if !id.kind().info().signature || from.contains(&id) {
        return id;
    }
    let Some(schema) = id.parent() else { return id };
    let name = id.name();
    let (base, types) = (quoted_name(&name), split_types(argument_types(&name)));
    let said = |live: &str, declared: &str| {
        let bare = |text: &str| text.trim_end_matches("[]").to_owned();
        let forms = |id: &ObjectId| [Ident(&id.name()).to_string(), id.sql()];
        live == declared
            || live.len() - bare(live).len() == declared.len() - bare(declared).len()
                && forth.iter().any(|(old, new)| {
                    old.kind().info().namespaces.contains(&"type")
                        && forms(old).contains(&bare(live))
                        && forms(new).contains(&bare(declared))
                })
    };
    let same = |live: &ObjectId| {
        let name = live.name();
        let found = split_types(argument_types(&name));
        quoted_name(&name) == base
            && found.len() == types.len()
            && found.iter().zip(&types).all(|(live, declared)| said(live, declared))
    };
    let found = from.children(&schema, id.kind()).map(|(live, _)| live).find(|live| same(live)).cloned();
    found.unwrap_or(id)
}

/// Refuses what would be no rename: another kind of object has the old name, and would be dropped.
fn refuse_other_kind(from: &Catalog, candidate: &Candidate<'_>, wanted: &dyn Fn(&ObjectId) -> bool) -> Result<()> {
    let (new, old) = (candidate.new, &candidate.old_live);
    if from.contains(&candidate.new_live) || old.kind().info().namespaces.is_empty() {
        return Ok(());
    }
    let has_it = |id: &ObjectId| share_name(id, old) && id.parent() == old.parent() && !wanted(id);
    let Some(other) = from.iter().map(|(id, _)| id).find(|id| has_it(id)) else { return Ok(()) };
    Err(Diagnostic::error(
        "not-renamed",
        format!("{new} is declared to have been {old}, and what has that name is {other}"),
    )
    .at(candidate.place.clone())
    .note("PostgreSQL makes nothing into another kind of object; the old one would be dropped")
    .help("take `was` out; what is in the old one is then dropped with consent only"))
}

/// Takes out what cannot be done because the new name is in use and stays in use. `is_wanted` says whether what has a name stays
/// there by declaration, `is_done` whether it came there by a rename.
fn without_taken(
    from: &Catalog,
    is_wanted: &dyn Fn(&ObjectId) -> bool,
    is_done: &dyn Fn(&ObjectId) -> bool,
    due: &mut Vec<Candidate<'_>>,
    notes: &mut Vec<Box<Diagnostic>>,
) -> Result<()> {
    loop {
        let leaving: BTreeSet<ObjectId> = due.iter().map(|c| c.old_live.clone()).collect();
        let taken = due.iter().position(|c| from.contains(&c.new_live) && !leaving.contains(&c.new_live));
        let Some(candidate) = taken.map(|i| due.remove(i)) else { return Ok(()) };
        let (new, old) = (candidate.new, &candidate.old_live);
        if !is_wanted(old) {
            return Err(Diagnostic::error("not-renamed", format!("{new} is declared to have been {old}, and both are there"))
                .at(candidate.place.clone())
                .note("whether the one replaced the other, or is yet to, cannot be seen; the old one would be dropped")
                .help(format!(
                    "if the rename is done, take `was` out; what is still in {old} is then dropped with consent only. If it is not, drop or rename {new} first"
                )));
        }
        if is_done(old) {
            // The old name was freed and given to another one, as declared.
            continue;
        }
        notes.push(
            Diagnostic::warning(
                "not-renamed",
                format!("{new} is declared to have been {old}, and both are there; the rename is taken for done"),
            )
            .at(candidate.place.clone())
            .help("take `was` out"),
        );
    }
}

/// The renames in an order in which each new name is free.
fn in_order(mut due: Vec<Candidate<'_>>) -> Result<Vec<Candidate<'_>>> {
    let mut ordered = Vec::new();
    while !due.is_empty() {
        let is_free = |c: &Candidate<'_>| !due.iter().any(|other| share_name(&other.old_live, &c.new_live));
        let Some(free) = due.iter().position(is_free) else {
            let names: Vec<String> = due.iter().map(|c| c.old_live.to_string()).collect();
            return Err(Diagnostic::error("not-renamed", format!("{} are declared to exchange their names", names.join(" and ")))
                .at(due[0].place.clone())
                .note("afterwards the same names are there as before: whether it has been done cannot be seen, and doing it twice would undo it")
                .help("give one of them a name that was not there before, in a deployment of its own; or exchange the names by hand and take `was` out"));
        };
        ordered.push(due.remove(free));
    }
    Ok(ordered)
}
