//! Privileges on the sequence of an identity column.
//!
//! Such a sequence comes and goes with its column and has the table's owner, so that it is no object of its own here; but it has an
//! access list, as any sequence (`pg_class.relacl`). There is a [`SequenceGrant`] below the column for every grantee other than the
//! owner that has any privilege on it. What is declared is completed as [`Grant`](super::Grant)s are.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::step::{Action, HazardKind, Phase, Step};
use crate::core::versions;
use crate::declare::context::DeclareContext;
use crate::introspect::Reader;
use crate::kinds::common::WriteContext;
use crate::kinds::table::column::Column;
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag};
use crate::plan::context::PlanContext;
use crate::yaml::{Fields, KeyDoc, Out, Shape};

use super::acl::{self, Access, Privileges, Subject};
use super::grant::{gains, loses, ranked, taken_back_by_others};
use super::{Owner, default_privilege, yaml};

/// The letter that `acldefault` takes for sequences.
pub(super) const LETTER: char = 's';

/// The key of a column for these.
pub const KEY: KeyDoc = KeyDoc {
    name: "sequence_grants",
    doc: "Privileges on the identity's sequence by role, written as `grants`.",
    shape: Shape::MapOf(&Shape::AnyOf(&[Shape::TextList, Shape::TextMap])),
};

attributes! {
    /// What one role, or PUBLIC, may do with the sequence of the parent, an identity column.
    pub struct SequenceGrant {
        /// The privileges by SQL word, each with whether it may be granted on.
        privileges: Privileges => Alter(alter),
        /// Of these, what others than the owner have granted, by who they are.
        by_others: BTreeMap<String, BTreeSet<String>> => Ignore,
        /// Those that no file gives, as [`Grant::unsaid`](super::Grant::unsaid).
        #[serde(skip)]
        unsaid: BTreeSet<String> => Ignore,
    }
}

/// What others than the owner have on a column's sequence, by grantee.
pub(super) fn of<'a>(column: &'a ObjectId, catalog: &'a Catalog) -> impl Iterator<Item = (String, &'a Privileges)> {
    catalog
        .children(column, KindTag::SequenceGrant)
        .filter_map(|(id, object)| Some((id.name().into_owned(), &SequenceGrant::of(object)?.privileges)))
}

/// What default privileges give others than the owner on a column's sequence.
fn initial(sequence: &ObjectId, owner: &str, catalog: &Catalog) -> Access {
    let mut access = default_privilege::initial(catalog, sequence, LETTER, owner, catalog.origin.major);
    access.remove(owner);
    access
}

/// The owner of a column's sequence, which is that of its table.
fn owner<'a>(column: &ObjectId, catalog: &'a Catalog) -> &'a str {
    Owner::get(catalog, &Owner::id(&column.top())).map_or(&catalog.origin.role, |owner| &owner.role)
}

pub(super) fn on(sequence: &ObjectId) -> String {
    format!("SEQUENCE {}", sequence.sql())
}

fn subject<'a>(on: &'a str, grantee: &'a str, major: u32) -> Subject<'a> {
    Subject { prefix: "", on, column: None, grantee, object_type: LETTER, major }
}

/// The steps, as changes of the column, that follow when a column has become an identity column: default privileges say what others have on its
/// sequence by then.
pub(crate) fn of_new_identity(column: &Column, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
    let Some(sequence) = column.identity_sequence(id) else { return Vec::new() };
    let role = cx.from.origin.role.as_str();
    let mut wanted: BTreeMap<String, (Privileges, Privileges)> = BTreeMap::new();
    let is_taken_back = |who: &str| cx.unread.is_some_and(|d| d.is_taken_back_unread(&SequenceGrant::id(id, who)));
    for (grantee, privileges) in default_privilege::initial(cx.from, &sequence, LETTER, role, cx.major) {
        if is_taken_back(&grantee) {
            continue;
        }
        wanted.entry(grantee).or_default().0 = privileges;
    }
    for (grantee, privileges) in of(id, cx.to) {
        wanted.entry(grantee).or_default().1 = acl::expanded(privileges, LETTER, cx.major);
    }
    // Another owner to come gets what the creator has, and leaves it with nothing but what it is granted then.
    let moves = owner(id, cx.to) != role && super::owner::changes(id, cx);
    if moves {
        wanted.entry(role.to_owned()).or_default().0.clear();
    }
    let others = wanted.into_iter().filter(|(grantee, _)| moves || grantee != role);
    let on = on(&sequence);
    let all =
        others.flat_map(|(grantee, (before, after))| subject(&on, &grantee, cx.major).statements(&before, &after));
    let step = |statement: acl::Statement| {
        let step = Step::alter(id, statement.sql).rank(9);
        if moves { step.requires(&Owner::id(&id.top())) } else { step }
    };
    all.map(step).collect()
}

/// The steps on a sequence that was there and stays. A new one is settled along with its column; the owner's own are its own.
fn steps(id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
    let (Some(column), grantee) = (id.parent(), id.name()) else { return Vec::new() };
    let sequence = |catalog| Column::get(catalog, &column).and_then(|c: &Column| c.identity_sequence(&column));
    let (Some(_), Some(sequence)) = (sequence(cx.from), sequence(cx.to)) else { return Vec::new() };
    if cx.is_new(&column) || owner(&column, cx.to) == grantee {
        return Vec::new();
    }
    let has = |catalog: &Catalog| {
        let grant = SequenceGrant::get(catalog, id);
        grant.map(|grant| acl::expanded(&grant.privileges, LETTER, cx.major)).unwrap_or_default()
    };
    let (before, after) = (has(cx.from), has(cx.to));
    let granted = SequenceGrant::get(cx.from, id);
    let on = on(&sequence);
    let subject = subject(&on, &grantee, cx.major);
    let mut steps = Vec::new();
    for statement in subject.statements(&before, &after) {
        let mut step = Step::alter(id, statement.sql.clone());
        if super::owner::changes(&column, cx) {
            step = step.requires(&Owner::id(&column.top()));
        }
        if statement.revokes {
            let step = step.phase(Phase::Contract).hazard(HazardKind::Access, loses(&grantee, &statement));
            if let Some(granted) = granted {
                steps.extend(taken_back_by_others(&granted.by_others, &statement.words, &subject, &step));
            }
            steps.push(step);
        } else {
            let unsaid = SequenceGrant::get(cx.to, id).map(|grant| &grant.unsaid);
            steps.push(gains(step, &grantee, &statement.words, unsaid));
        }
    }
    ranked(steps)
}

fn alter(change: &Change<'_, SequenceGrant>) -> Vec<Step> {
    steps(change.id, change.cx)
}

impl SequenceGrant {
    /// Privileges that the owner has granted.
    pub fn of_owner(privileges: Privileges) -> Self {
        Self { privileges, by_others: BTreeMap::new(), unsaid: BTreeSet::new() }
    }

    /// As [`Grant::complete_list`](super::Grant::complete_list), of a column's sequence.
    pub fn complete_list(column: &ObjectId) -> ObjectId {
        Self::id(column, "")
    }

    /// The id of what a grantee (`public` for PUBLIC) may do with the sequence of a column.
    pub fn id(column: &ObjectId, grantee: &str) -> ObjectId {
        column.child(KindTag::SequenceGrant, grantee)
    }
}

impl Kind for SequenceGrant {
    const INFO: KindInfo =
        KindInfo { component: true, ..KindInfo::new("sequence-grant", "privileges on the sequence of") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        id.parent().map(|p| p.sql_path()).unwrap_or_default()
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let mut steps = steps(id, cx);
        steps.iter_mut().for_each(|step| step.action = Action::Create);
        if let Some(first) = steps.first_mut() {
            first.creates.push(id.clone());
        }
        steps
    }

    fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let mut steps = steps(id, cx);
        steps.iter_mut().for_each(|step| step.action = Action::Drop);
        if let Some(last) = steps.last_mut() {
            last.destroys.push(id.clone());
        }
        steps
    }

    /// What default privileges give is there without being declared.
    fn implied(&self, id: &ObjectId, catalog: &Catalog) -> bool {
        let Some(column) = id.parent() else { return false };
        let Some(sequence) = Column::get(catalog, &column).and_then(|c| c.identity_sequence(&column)) else {
            return false;
        };
        initial(&sequence, owner(&column, catalog), catalog).get(&*id.name()) == Some(&self.privileges)
    }

    fn rename(&self, _old: &ObjectId, _new: &ObjectId) -> Vec<Step> {
        Vec::new()
    }
}

/// Adds what others than the owner have on the sequence of a column, as the server's access list has it.
pub(crate) fn read(column: &ObjectId, owner: &str, items: &[String], out: &mut Reader) {
    let mut others = acl::by_others(items, owner);
    for (grantee, privileges) in acl::read(items) {
        if grantee != owner && !privileges.is_empty() {
            let by_others = others.remove(&grantee).unwrap_or_default();
            out.builder.put(
                SequenceGrant::id(column, &grantee),
                SequenceGrant { by_others, ..SequenceGrant::of_owner(privileges) },
            );
        }
    }
}

/// Takes [`KEY`] out of the mapping of a column.
///
/// # Errors
/// Values of the wrong shape, unknown privileges; a column without an identity.
pub(crate) fn declare(
    fields: &Fields<'_>,
    column: &ObjectId,
    cx: &mut DeclareContext<'_>,
) -> crate::core::diagnostic::Result<()> {
    let yaml::List { entries: grants, complete } = yaml::list(fields, KEY.name)?;
    let has_sequence = cx.builder.get(column).and_then(Column::of).is_some_and(|c| c.identity.is_some());
    if let (Some((key, _)), false) = (grants.first(), has_sequence) {
        return Err(crate::core::diagnostic::Diagnostic::error(
            "not-an-identity",
            format!("column {} has no identity, and so no sequence of its own", column.sql_path()),
        )
        .at(fields.key_place(KEY.name).unwrap_or_else(|| key.location.clone()))
        .help("privileges on any other sequence stand under `sequences`"));
    }
    if let (Some(place), true) = (complete, has_sequence) {
        cx.add(SequenceGrant::complete_list(column), SequenceGrant::of_owner(Privileges::new()), &place)?;
    }
    for (key, node) in grants {
        let privileges = yaml::privileges(node, LETTER, cx)?;
        cx.add(SequenceGrant::id(column, &yaml::grantee(key)), SequenceGrant::of_owner(privileges), &key.location)?;
    }
    Ok(())
}

/// What deviates from what default privileges give, for [`KEY`].
pub(crate) fn write(column: &ObjectId, cx: &WriteContext<'_>) -> Option<(String, Out)> {
    let sequence = Column::get(cx.catalog, column)?.identity_sequence(column)?;
    let major = if cx.catalog.origin.major == 0 { versions::NEWEST_MAJOR } else { cx.catalog.origin.major };
    let initial = initial(&sequence, owner(column, cx.catalog), cx.catalog);
    let (mut grants, mut as_given) = (BTreeMap::new(), BTreeMap::new());
    for (grantee, privileges) in of(column, cx.catalog) {
        let list = if initial.get(&grantee) == Some(privileges) { &mut as_given } else { &mut grants };
        list.insert(yaml::grantee_key(&grantee), yaml::out(privileges, LETTER, major));
    }
    for grantee in initial.into_keys() {
        if !cx.catalog.contains(&SequenceGrant::id(column, &grantee)) {
            grants.insert(yaml::grantee_key(&grantee), Out::Flow(Vec::new()));
        }
    }
    if !grants.is_empty() {
        grants.append(&mut as_given);
    }
    (!grants.is_empty()).then(|| (KEY.name.to_owned(), Out::Map(grants.into_iter().collect())))
}
