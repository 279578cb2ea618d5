//! Differences as a tree: grouped by the object below the schema that they belong to, with what comes or goes together
//! with its parent folded into a count.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::id::ObjectId;
use crate::diff::{ChangeKind, Difference};

use super::{clean_line, counted};

/// Differences, grouped.
pub struct Tree<'a> {
    groups: BTreeMap<ObjectId, Group<'a>>,
}

/// The differences of one table, view, function, … and of its parts.
#[derive(Default)]
pub struct Group<'a> {
    /// The difference of the object itself.
    pub own: Option<&'a Difference>,
    /// Those of its parts that are worth a line.
    pub parts: Vec<&'a Difference>,
    /// Those that come or go with another difference of the group, by label.
    folded: BTreeMap<ObjectId, BTreeMap<&'static str, usize>>,
}

impl<'a> Tree<'a> {
    /// Groups and folds.
    pub fn new(differences: &'a [Difference]) -> Self {
        let created: BTreeSet<&ObjectId> = having(differences, |c| matches!(c, ChangeKind::Created));
        let dropped: BTreeSet<&ObjectId> = having(differences, |c| matches!(c, ChangeKind::Dropped));
        let mut groups: BTreeMap<ObjectId, Group<'a>> = BTreeMap::new();
        for difference in differences {
            let id = &difference.id;
            let top = difference.of.as_ref().unwrap_or(id).top();
            let group = groups.entry(top.clone()).or_default();
            let with = match &difference.change {
                ChangeKind::Created => outermost(difference, &top, &created),
                ChangeKind::Dropped => outermost(difference, &top, &dropped),
                ChangeKind::Altered { .. } | ChangeKind::Renamed { .. } => None,
            };
            if let Some(parent) = with {
                if id.kind().info().everywhere {
                    continue;
                }
                *group.folded.entry(parent).or_default().entry(noun(id)).or_default() += 1;
            } else if *id == top {
                group.own = Some(difference);
            } else {
                group.parts.push(difference);
            }
        }
        for group in groups.values_mut() {
            // What is only found with the object comes behind what is its own.
            group.parts.sort_by_key(|difference| difference.of.is_some());
        }
        Self { groups }
    }

    /// The groups, in the order of ids.
    pub fn groups(&self) -> impl Iterator<Item = (&ObjectId, &Group<'a>)> {
        self.groups.iter()
    }

    /// The differences that are shown, without those folded into a count.
    pub fn shown(&self) -> impl Iterator<Item = &'a Difference> + '_ {
        self.groups.values().flat_map(|g| g.own.into_iter().chain(g.parts.iter().copied()))
    }
}

impl Group<'_> {
    /// What comes or goes with an object: `5 columns, 1 constraint`; empty where nothing does.
    pub fn with(&self, id: &ObjectId) -> String {
        let Some(counts) = self.folded.get(id) else { return String::new() };
        counts.iter().map(|(label, n)| counted(*n, label)).collect::<Vec<_>>().join(", ")
    }
}

fn having(differences: &[Difference], wanted: fn(&ChangeKind) -> bool) -> BTreeSet<&ObjectId> {
    differences.iter().filter(|d| wanted(&d.change)).map(|d| &d.id).collect()
}

/// The farthest ancestor, up to `top`, that changes in the same way. What an object belongs to is above it, too.
fn outermost(difference: &Difference, top: &ObjectId, same: &BTreeSet<&ObjectId>) -> Option<ObjectId> {
    let own_top = difference.id.top();
    let mut found = None;
    let mut current = difference.id.clone();
    while current != *top {
        current = match &difference.of {
            Some(of) if current == own_top => of.clone(),
            _ => current.parent()?,
        };
        if same.contains(&current) {
            found = Some(current.clone());
        }
    }
    found
}

/// What is counted: the label without the preposition that some carry; of what is said of an object (`privileges on`), the word.
fn noun(id: &ObjectId) -> &'static str {
    let info = id.kind().info();
    let label = if info.component { info.word } else { id.kind().label() };
    label.strip_suffix(" on").or_else(|| label.strip_suffix(" of")).unwrap_or(label)
}

/// The mark of a change.
pub fn mark(change: &ChangeKind) -> char {
    match change {
        ChangeKind::Created => '+',
        ChangeKind::Dropped => '-',
        ChangeKind::Altered { .. } | ChangeKind::Renamed { .. } => '~',
    }
}

/// A part as it is called within its object: `column email`, `comment on column email`.
pub fn part(id: &ObjectId, top: &ObjectId) -> String {
    let (label, name) = (id.kind().label(), id.name());
    let own = if name.is_empty() {
        label.to_owned()
    } else if id.kind().name_is_signature() {
        format!("{label} {name}")
    } else if id.kind().info().names_part {
        format!("{label} the {name} of")
    } else {
        format!("{label} {}", crate::core::name::Ident(&name))
    };
    let own = clean_line(&own).into_owned();
    match id.parent() {
        Some(parent) if parent != *top && parent.parent().is_some() => {
            let between = if label.ends_with(" on") || label.ends_with(" of") { " " } else { " of " };
            format!("{own}{between}{}", part(&parent, top))
        }
        _ => own.strip_suffix(" on").or_else(|| own.strip_suffix(" of")).map_or(own.clone(), str::to_owned),
    }
}
