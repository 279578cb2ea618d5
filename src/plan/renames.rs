//! Renames among the other steps.
//!
//! A plan is made from the state after its renames, so every other step says the new names. What has to do with what is renamed
//! comes after it; all else is free to run before, in its own phase.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::core::id::ObjectId;
use crate::core::name::{Ident, literal, says};
use crate::core::step::{Action, Step, Transaction};
use crate::kinds::{Mention, Mentions};
use crate::plan::context::PlanContext;

/// An object gets another name (or schema), or a value of a type does.
#[derive(Clone, Debug, PartialEq)]
pub struct Renaming {
    /// The statements, in order.
    pub steps: Vec<Step>,
    /// The id before, under the new names of its parents.
    pub old: ObjectId,
    /// The id afterwards.
    pub new: ObjectId,
    /// What is renamed along in heirs and partitions, by the ids afterwards.
    pub heirs: Vec<ObjectId>,
    /// Where a value gets another name: the old one and the new one.
    pub value: Option<(String, String)>,
}

impl Renaming {
    /// Whether a text says the new name, as a word or as a value.
    pub fn is_said_in(&self, sql: &str) -> bool {
        match &self.value {
            Some((_, new)) => sql.contains(&literal(new)),
            None => says(sql, &base_name(&self.new)),
        }
    }
}

/// One edge: the step that comes first, the step that comes later, and why.
pub type Rule = (usize, usize, &'static str);

/// What changes a renamed object in a transaction of its own (a new value of an enum) says its old name and comes before: it would
/// stand between the rename and the bodies that follow it.
/// Says which steps those are, and of which object.
pub fn early(steps: &mut [Step], renames: &[Renaming], cx: &PlanContext<'_>) -> BTreeMap<usize, ObjectId> {
    let mut early = BTreeMap::new();
    let alone = |step: &Step| {
        step.action == Action::Alter
            && step.transaction == Transaction::Own
            && !step.object.kind().info().is_relation()
            && renames.iter().any(|r| r.new == step.object)
    };
    for (i, step) in steps.iter_mut().enumerate().filter(|(_, step)| alone(step)) {
        let Some(address) = cx.to.get(&step.object).map(|object| object.address(&step.object)) else { continue };
        let Some(change) = step.sql.strip_prefix(&format!("ALTER {address} ")) else { continue };
        let mut change = change.to_owned();
        let values = renames.iter().filter(|r| r.new == step.object).filter_map(|r| r.value.as_ref());
        let mut reused = false;
        for (old, new) in values {
            reused |= change.contains(&literal(old));
            // The last word is the neighbour that it is put beside.
            if let Some(rest) = change.strip_suffix(&format!(" {}", literal(new))) {
                change = format!("{rest} {}", literal(old));
            }
        }
        let object = renames.iter().find(|r| r.new == step.object && r.value.is_none());
        let below = |id: &ObjectId| renames.iter().any(|r| r.value.is_none() && *id != r.new && id.is_within(&r.new));
        if reused || below(&step.object) || object.is_some_and(|r| r.old.parent() != r.new.parent()) {
            continue;
        }
        let old = object.map_or(&step.object, |r| &r.old).clone();
        let Some(address) = cx.to.get(&step.object).map(|object| object.address(&old)) else { continue };
        step.sql = format!("ALTER {address} {change}");
        step.done_when = object.and_then(|r| r.steps.first()).and_then(|first| first.done_when.clone());
        early.insert(i, std::mem::replace(&mut step.object, old));
    }
    early
}

/// What steps take for granted of the rows is asked before the first of them: under the names that are there then. Where it cannot
/// be said in these, it is not asked.
pub fn ask_under_old_names(steps: &mut [Step], renames: &[Renaming], cx: &PlanContext<'_>) {
    for step in steps.iter_mut().filter(|step| step.premise.is_some()) {
        let concerned: Vec<&Renaming> =
            renames.iter().filter(|r| r.value.is_none() && concerns(step, &r.new, cx)).collect();
        let Some(premise) = step.premise.as_mut().filter(|_| !concerned.is_empty()) else { continue };
        let moved = |r: &&Renaming| r.old.schema() != r.new.schema();
        let elsewhere = |r: &&Renaming| r.new.top() != premise.table;
        let others = premise.violations.to_lowercase().matches("from ").count() > 1;
        if concerned.iter().any(moved) || others || concerned.iter().any(elsewhere) {
            step.premise = None;
            continue;
        }
        let names: Vec<(String, String)> =
            concerned.iter().map(|r| (Ident(&r.new.name()).to_string(), Ident(&r.old.name()).to_string())).collect();
        premise.violations = reworded(&premise.violations, &names);
    }
}

/// A text with other names in place of some, all at once; what stands in string literals stays.
fn reworded(text: &str, names: &[(String, String)]) -> String {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' | '"' => rest[1..].find(first).map_or(rest.len(), |i| i + 2),
            c if part(c) => rest.find(|c| !part(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (word, after) = rest.split_at(end);
        out.push_str(names.iter().find(|(new, _)| new == word).map_or(word, |(_, old)| old));
        rest = after;
    }
    out
}

/// What comes before and after renames; `renames` says where their steps stand.
pub fn rules(
    steps: &[Step],
    renames: &[(Range<usize>, &Renaming)],
    early: &BTreeMap<usize, ObjectId>,
    cx: &PlanContext<'_>,
) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (n, (own, renaming)) in renames.iter().enumerate() {
        let Some(last) = own.clone().next_back() else { continue };
        rules.extend(
            own.clone().zip(own.clone().skip(1)).map(|(a, b)| (a, b, "the steps of one rename keep their order")),
        );
        // They stand in an order in which each name is free; those that have nothing to do with each other keep none.
        for (later, other) in renames.iter().skip(n + 1) {
            // The new ids of routines say the new names of types.
            let rests = |id: &ObjectId| cx.from.dependencies(id).any(|(d, _)| d.is_within(&renaming.new));
            // What goes along to another schema is renamed there.
            let owner = cx.from.get(&other.new).and_then(|object| object.belongs_to(&other.new, cx.from));
            let tied = rests(&other.new)
                || owner.is_some_and(|owner| owner.is_within(&renaming.new))
                || other.old.is_within(&renaming.new)
                || other.new.is_within(&renaming.new)
                || other.new == renaming.old
                || share_name(&other.new, &renaming.old);
            if tied {
                rules.push((last, later.start, "a name is given when it is free"));
            }
        }
        for (i, step) in steps.iter().enumerate().filter(|(i, _)| !renames.iter().any(|(range, _)| range.contains(i))) {
            let leaves =
                |id: &ObjectId| id.kind().info().bond && renaming.heirs.iter().any(|heir| heir.is_within(&id.top()));
            if step.action == Action::Drop && step.destroys.iter().any(leaves) {
                rules.push((last, i, "a rename reaches the descendants before they leave"));
            } else if early.get(&i) == Some(&renaming.new) {
                rules.push((i, own.start, "what says the old name comes before the rename"));
            } else if makes_room(step, renaming) {
                rules.push((i, own.start, "a rename finds its place free"));
            } else if follows(step, renaming, cx) {
                rules.push((last, i, "what has to do with a renamed object says its new name"));
            }
        }
    }
    rules
}

/// The changes of what mentions a renamed object in a text that PostgreSQL does not follow (a routine's body): until it is
/// changed it fails, so it changes together with the rename.
pub fn bodies(steps: &[Step], renames: &[(Range<usize>, &Renaming)], cx: &PlanContext<'_>) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (own, renaming) in renames {
        let follows = steps.iter().enumerate().filter(|(i, step)| {
            !own.contains(i) && step.action != Action::Create && mentioned_in_body(step, renaming, cx)
        });
        pairs.extend(follows.map(|(i, _)| (own.start, i)));
    }
    pairs
}

/// Whether a step makes the place for a rename: the schema it moves to, or the name that something else had.
fn makes_room(step: &Step, renaming: &Renaming) -> bool {
    let parent = renaming.new.parent();
    step.creates.iter().any(|id| Some(id) == parent.as_ref())
        || step.action == Action::Drop
            && step.destroys.iter().any(|id| *id != renaming.new && share_name(id, &renaming.new))
}

/// Whether two objects cannot be there at once for their names.
pub fn share_name(a: &ObjectId, b: &ObjectId) -> bool {
    let spaces = b.kind().info().namespaces;
    a == b
        || a.kind().info().namespaces.iter().any(|space| spaces.contains(space))
            && a.name() == b.name()
            && a.schema() == b.schema()
}

/// Whether a step has to do with what is renamed.
fn follows(step: &Step, renaming: &Renaming, cx: &PlanContext<'_>) -> bool {
    let concerned = std::iter::once(&renaming.new).chain(&renaming.heirs).any(|new| concerns(step, new, cx));
    if let Some((_, new)) = &renaming.value {
        // Where the type is made anew, it has the new values by then.
        let own = step.action != Action::Rename && step.object == renaming.new;
        return own || concerned && step.sql.contains(&literal(new)) || mentioned_in_body(step, renaming, cx);
    }
    concerned
        || takes_name(step, renaming, cx)
        || mentioned_in_body(step, renaming, cx)
        // What it reads and writes is said in SQL.
        || step.action == Action::Data
            && places(renaming).chain([&renaming.new]).any(|id| says(&step.sql, &base_name(id)))
}

/// The schemas that something moves to without a change of its own name.
fn places(renaming: &Renaming) -> impl Iterator<Item = &ObjectId> {
    renaming.steps.iter().flat_map(|step| &step.requires).filter(|_| renaming.old == renaming.new)
}

fn concerns(step: &Step, new: &ObjectId, cx: &PlanContext<'_>) -> bool {
    let within = |id: &ObjectId| id.is_within(new);
    let said = [&step.creates, &step.destroys, &step.requires, &step.uses, &step.uses_unconstrained, &step.precedes];
    if within(&step.object) || said.iter().any(|ids| ids.iter().any(within)) {
        return true;
    }
    // A drop says the name of what it drops only, and a routine's says its types.
    if step.action == Action::Drop && !step.object.kind().info().signature {
        return false;
    }
    let rests = |id: &ObjectId| {
        cx.to.dependencies(id).any(|(d, _)| within(d)) || cx.from.dependencies(id).any(|(d, _)| within(d))
    };
    std::iter::once(&step.object).chain(&step.creates).chain(&step.destroys).any(rests)
        || inside(step, cx).any(|id| rests(&id))
}

/// What is written inside the statements of a step's objects.
fn inside<'a>(step: &'a Step, cx: &'a PlanContext<'_>) -> impl Iterator<Item = ObjectId> + 'a {
    step.creates.iter().flat_map(|id| {
        let below = cx.to.below(id).filter(|(c, o)| cx.folded.contains(*c) || o.kind().info().inline);
        below.map(|(c, _)| c.clone()).collect::<Vec<_>>()
    })
}

/// Whether a step takes the name that the rename frees, or removes what the object lay in.
fn takes_name(step: &Step, renaming: &Renaming, cx: &PlanContext<'_>) -> bool {
    step.creates.iter().cloned().chain(inside(step, cx)).any(|id| share_name(&id, &renaming.old))
        || step.destroys.iter().any(|id| *id != renaming.old && renaming.old.is_within(id))
}

/// Whether the body that a step changes, or makes, says the old name or the new one.
fn mentioned_in_body(step: &Step, renaming: &Renaming, cx: &PlanContext<'_>) -> bool {
    let (old, new) = match &renaming.value {
        Some((old, new)) => (literal(old), literal(new)),
        None => (base_name(&renaming.old), base_name(&renaming.new)),
    };
    let says_it = |catalog: &crate::core::catalog::Catalog, name: &str| {
        let Some(object) = catalog.get(&step.object) else { return false };
        let mut mentions = Mentions::default();
        object.mentions(&step.object, &mut mentions);
        mentions.texts.iter().any(|mention| match mention {
            Mention::Body(_, text) if renaming.value.is_some() => text.contains(name),
            Mention::Body(_, text) => says(text, name),
            _ => false,
        })
    };
    says_it(cx.to, &new) || says_it(cx.from, &old) && step.action != Action::Create
}

/// The name without a routine's arguments and quotes.
fn base_name(id: &ObjectId) -> String {
    let name = id.name();
    if !id.kind().info().signature {
        return name.into_owned();
    }
    let base = name.split('(').next().unwrap_or_default();
    base.trim_matches('"').replace("\"\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::reworded;

    #[test]
    fn names_are_exchanged_all_at_once() {
        let names = [("b".to_owned(), "a".to_owned()), ("c".to_owned(), "\"B\"".to_owned())];
        assert_eq!(
            reworded("SELECT t.b, c, 'b', \"b\", ab FROM t", &names),
            "SELECT t.a, \"B\", 'b', \"b\", ab FROM t"
        );
    }
}
