//! Privileges on objects (the ACL columns; GRANT, REVOKE).
//!
//! One object per grantee. What counts is the effective access list, `coalesce(acl, acldefault(type, owner))`, whoever
//! granted it. There is a [`Grant`] for
//! - every grantee other than the owner that has any privilege, PUBLIC's built-in EXECUTE on functions and USAGE on types
//!   included;
//! - the owner, only where it has not exactly the full set (an empty one if it revoked everything from itself; on a column:
//!   where it has any).
//!
//! So two objects have the same effective privileges exactly if they have the same owner and equal `Grant`s. A declared state
//! may hold more: a `Grant` without privileges says "revoked", and `ALL` has not been spelled out; `complete` settles both.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::name::{dollar_quoted, ident};
use crate::core::step::{Action, Hazard, HazardKind, Phase, Step};
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag, Object};
use crate::plan::context::PlanContext;

use super::acl::{self, Access, Privileges, Statement, Subject};
use super::sequence_grant::SequenceGrant;
use super::{Owner, object_type};

attributes! {
    /// What one role, or PUBLIC, may do with the parent object.
    pub struct Grant {
        /// The privileges by SQL word, each with whether it may be granted on.
        privileges: Privileges => Alter(alter),
        /// Those that others than the owner have granted, by who did: only they can take them back.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        by_others: BTreeMap<String, BTreeSet<String>> => Ignore,
        /// Those that no file gives: default privileges do, and the project does not declare those.
        #[serde(skip)]
        unsaid: BTreeSet<String> => Ignore,
    }
}

/// The quoted column, and what follows ON.
pub(super) fn target(parent: &ObjectId, object: &Object) -> (Option<String>, String) {
    if matches!(object_type(parent.kind()), Some('c')) {
        return (Some(ident(&parent.name())), format!("TABLE {}", parent.top_sql()));
    }
    if object_type(parent.kind()) == Some('r') {
        return (None, format!("TABLE {}", parent.sql()));
    }
    let address = object.address(parent);
    // GRANT knows aggregates as functions, with the plain list of their argument types.
    let on = match address.strip_prefix("AGGREGATE ") {
        Some(rest) => format!("FUNCTION {}", rest.replace("(*)", "()").replace(" ORDER BY ", ", ")),
        None => address,
    };
    (None, on)
}

/// The owner of an object according to a catalog.
fn owner<'a>(id: &ObjectId, catalog: &'a Catalog) -> Option<&'a str> {
    let holder = if object_type(id.kind()) == Some('c') { id.parent()? } else { id.clone() };
    Owner::get(catalog, &Owner::id(&holder)).map(|o| o.role.as_str())
}

/// What a grantee has on an object that a catalog holds.
fn has(id: &ObjectId, grantee: &str, catalog: &Catalog, object_type: char, major: u32) -> Privileges {
    match Grant::get(catalog, &Grant::id(id, grantee)) {
        Some(grant) => acl::expanded(&grant.privileges, object_type, major),
        None if owner(id, catalog) == Some(grantee) => acl::owners_own(object_type, major),
        None => Privileges::new(),
    }
}

/// What a grantee has on an object just before the steps for its `Grant` run: after the object was created, and after its owner
/// was changed, which turns the old owner into the new one throughout the access list.
fn before(id: &ObjectId, grantee: &str, object_type: char, cx: &PlanContext<'_>) -> Privileges {
    let new = cx.is_new(id);
    let mut initial = if new { super::initial_privileges(id, object_type, cx) } else { Access::new() };
    initial.retain(|who, _| !cx.unread.is_some_and(|decided| decided.is_taken_back_unread(&Grant::id(id, who))));
    let raw = |who: &str| {
        if new { initial.get(who).cloned().unwrap_or_default() } else { has(id, who, cx.from, object_type, cx.major) }
    };
    let old = if new { Some(cx.from.origin.role.as_str()) } else { owner(id, cx.from) };
    match (old, owner(id, cx.to)) {
        (Some(old), Some(new)) if old != new && grantee == old => Privileges::new(),
        (Some(old), Some(new)) if old != new && grantee == new => acl::union(raw(old), &raw(new)),
        _ => raw(grantee),
    }
}

/// What a grantee should have.
fn after(id: &ObjectId, grantee: &str, object_type: char, cx: &PlanContext<'_>) -> Privileges {
    let owned = owner(id, cx.to).or_else(|| cx.is_new(id).then_some(cx.from.origin.role.as_str()));
    match Grant::get(cx.to, &Grant::id(id, grantee)) {
        None if owned == Some(grantee) => acl::owners_own(object_type, cx.major),
        _ => has(id, grantee, cx.to, object_type, cx.major),
    }
}

/// The steps that give a grantee on an object what it should have, as changes of `about`.
fn steps(id: &ObjectId, grantee: &str, about: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
    let (Some(object_type), Some(object)) = (object_type(id.kind()), cx.to.get(id).or_else(|| cx.from.get(id))) else {
        return Vec::new();
    };
    let (column, on) = target(id, object);
    let subject = Subject { prefix: "", on: &on, column: column.as_deref(), grantee, object_type, major: cx.major };
    let had = before(id, grantee, object_type, cx);
    let statements = subject.statements(&had, &after(id, grantee, object_type, cx));
    let granted = Grant::get(cx.from, &Grant::id(id, grantee)).filter(|_| !cx.is_new(id));
    let mut steps = Vec::new();
    for statement in &statements {
        let mut step = Step::alter(about, statement.sql.clone());
        if !cx.is_new(id) && statement.revokes {
            step = step.phase(Phase::Contract).hazard(HazardKind::Access, loses(grantee, statement));
        } else if !cx.is_new(id) {
            step =
                gains(step, grantee, &statement.words, Grant::get(cx.to, &Grant::id(id, grantee)).map(|g| &g.unsaid));
        }
        if super::owner::changes(id, cx) {
            step = step.requires(&Owner::id(&super::owner::holder(id, cx.to)));
        }
        if statement.revokes && !cx.is_new(id) {
            let granted_on = statement.words.iter().filter(|word| had.get(*word) == Some(&true)).cloned().collect();
            steps.extend(rest_on_owner(id, &granted_on, &subject, &mut step, cx));
        }
        if let Some(granted) = granted.filter(|_| statement.revokes) {
            steps.extend(taken_back_by_others(&granted.by_others, &statement.words, &subject, &step));
        }
        steps.push(step);
    }
    steps.extend(columns_again(id, grantee, about, &statements, cx));
    steps
}

/// What a grantee loses by a REVOKE.
pub(super) fn loses(grantee: &str, statement: &Statement) -> String {
    let words = statement.words.join(", ");
    match statement.only_option {
        true => format!("{grantee} may no longer grant {words}"),
        false => format!("{grantee} loses {words}"),
    }
}

/// Says that a grantee gains privileges. Those that no file gives it need consent.
pub(super) fn gains(step: Step, grantee: &str, words: &[String], unsaid: Option<&BTreeSet<String>>) -> Step {
    let gained = format!("{grantee} gains {}", words.join(", "));
    match unsaid.is_some_and(|unsaid| words.iter().any(|word| unsaid.contains(word))) {
        true => step.hazard_to_consent_to(HazardKind::Access, format!("{gained}: {BY_DEFAULT}")),
        false => step.hazard(HazardKind::Access, gained),
    }
}

/// Why a grantee gains what no file gives it.
const BY_DEFAULT: &str = "default privileges of this database give it, and no file of the project does";

/// What others gain when an object is created, and no file gives them, as hazards of its creation.
pub(super) fn opened(id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Hazard> {
    let of = |(grant, object): (&ObjectId, &Object)| {
        let (unsaid, had) = match SequenceGrant::of(object) {
            Some(grant_now) => (&grant_now.unsaid, SequenceGrant::get(cx.from, grant).map(|g| &g.privileges)),
            None => (&Grant::of(object)?.unsaid, Grant::get(cx.from, grant).map(|g| &g.privileges)),
        };
        let is_gained = |word: &&String| !had.is_some_and(|had| had.contains_key(*word));
        let gained: Vec<&str> = unsaid.iter().filter(is_gained).map(String::as_str).collect();
        let on = if grant.kind() == KindTag::SequenceGrant { " on its sequence" } else { "" };
        let reason = format!("{} gains {}{on}: {BY_DEFAULT}", grant.name(), gained.join(", "));
        (!gained.is_empty()).then(|| Hazard::needing_consent(HazardKind::Access, reason))
    };
    let grants = |id| cx.to.children(id, KindTag::Grant).chain(cx.to.children(id, KindTag::SequenceGrant));
    let columns = cx.to.children(id, KindTag::Column).map(|(column, _)| column).filter(|column| cx.is_new(column));
    std::iter::once(id).chain(columns).flat_map(grants).filter_map(of).collect()
}

/// A privilege that another than the owner has granted stays when the owner revokes it, and nothing says so: who granted it takes it
/// back. (GRANTED BY takes the current role only.)
pub(super) fn taken_back_by_others(
    granted: &BTreeMap<String, BTreeSet<String>>,
    words: &[String],
    subject: &Subject<'_>,
    like: &Step,
) -> Vec<Step> {
    let mut steps = Vec::new();
    for (grantor, theirs) in granted {
        let before: Privileges = words.iter().filter(|w| theirs.contains(*w)).map(|w| (w.clone(), false)).collect();
        for statement in subject.statements(&before, &Privileges::new()) {
            let body = format!("BEGIN\n  SET LOCAL ROLE {};\n  {};\n  RESET ROLE;\nEND", ident(grantor), statement.sql);
            steps.push(Step { sql: format!("DO {}", dollar_quoted(&body)), ..like.clone() });
        }
    }
    steps
}

/// What a grantee has granted on rests on its grant option: PostgreSQL takes the one back only after the other. What others are to keep
/// of it the owner grants them first, so that they have it all along; what they are to lose goes in steps of its own, before.
fn rest_on_owner(
    id: &ObjectId,
    words: &BTreeSet<String>,
    subject: &Subject<'_>,
    step: &mut Step,
    cx: &PlanContext<'_>,
) -> Vec<Step> {
    let mut steps = Vec::new();
    // A privilege on a table may be granted on for a column of it.
    for (other, object) in cx.from.below(id).filter(|(other, _)| other.kind() == KindTag::Grant) {
        let theirs = Grant::of(object).and_then(|grant| grant.by_others.get(subject.grantee));
        let (Some(theirs), Some(of)) = (theirs.filter(|theirs| !theirs.is_disjoint(words)), other.parent()) else {
            continue;
        };
        let Some(letter) = object_type(of.kind()).filter(|_| !cx.is_new(&of)) else { continue };
        let name = other.name();
        let mut kept = after(&of, &name, letter, cx);
        kept.retain(|word, _| theirs.contains(word) && words.contains(word));
        if kept.len() < theirs.intersection(words).count() {
            step.after.push(other.clone());
            step.requires.push(other.clone());
        }
        if of != *id {
            continue;
        }
        let grantor = subject.grantee.to_owned();
        let subject = Subject { grantee: &name, ..*subject };
        let mut like = Step { hazards: Vec::new(), ..step.clone() };
        for statement in subject.statements(&Privileges::new(), &kept) {
            like.sql = statement.sql;
            steps.push(like.clone());
        }
        let granted = BTreeMap::from([(grantor, theirs.clone())]);
        let words: Vec<String> = kept.into_keys().collect();
        steps.extend(taken_back_by_others(&granted, &words, &subject, &like));
    }
    steps
}

/// REVOKE on a table also takes the privilege from its columns (PostgreSQL documentation, REVOKE, Notes): those that should
/// stay are granted again.
fn columns_again(
    id: &ObjectId,
    grantee: &str,
    about: &ObjectId,
    statements: &[Statement],
    cx: &PlanContext<'_>,
) -> Vec<Step> {
    let lost: Vec<&String> = statements.iter().filter(|s| s.revokes).flat_map(|s| &s.words).collect();
    if lost.is_empty() || object_type(id.kind()) != Some('r') {
        return Vec::new();
    }
    let mut steps = Vec::new();
    for (grant_id, object) in cx.to.below(id) {
        let (Some(grant), Some(column)) = (Grant::of(object), grant_id.parent()) else { continue };
        if object_type(column.kind()) != Some('c') || grant_id.name() != grantee {
            continue;
        }
        let kept: Privileges = acl::expanded(&grant.privileges, 'c', cx.major)
            .into_iter()
            .filter(|(word, _)| lost.contains(&word))
            .collect();
        let (name, on) = (ident(&column.name()), format!("TABLE {}", id.sql()));
        let subject = Subject { prefix: "", on: &on, column: Some(&name), grantee, object_type: 'c', major: cx.major };
        for statement in subject.statements(&Privileges::new(), &kept) {
            let mut step = Step::alter(about, statement.sql);
            if !cx.is_new(id) {
                step = step.phase(Phase::Contract);
            }
            step.requires.extend([&column, grant_id].into_iter().filter(|r| cx.is_new(r)).cloned());
            steps.push(step);
        }
    }
    steps
}

/// Whether the change of the owner states a grantee's privileges itself.
fn left_to_owner(id: &ObjectId, grantee: &str, cx: &PlanContext<'_>) -> bool {
    if cx.is_new(id) {
        return false;
    }
    match (owner(id, cx.from), owner(id, cx.to)) {
        (Some(old), Some(new)) => old != new && (grantee == old || grantee == new),
        _ => false,
    }
}

/// What the old and the new owner of an object should have, stated after the change of the owner.
pub(super) fn after_owner_change(id: &ObjectId, old: &str, new: &str, cx: &PlanContext<'_>) -> Vec<Step> {
    let columns = cx.to.below(id).map(|(c, _)| c).filter(|c| object_type(c.kind()) == Some('c') && !cx.is_new(c));
    let mut all = Vec::new();
    for target in std::iter::once(id).chain(columns) {
        for grantee in [old, new] {
            let grant = Grant::id(target, grantee);
            let mut steps = steps(target, grantee, &Owner::id(id), cx);
            if let Some(last) = steps.last_mut() {
                match (cx.from.contains(&grant), cx.to.contains(&grant)) {
                    (false, true) => last.creates.push(grant),
                    (true, false) => last.destroys.push(grant),
                    _ => {}
                }
            }
            all.append(&mut steps);
        }
    }
    all
}

fn alter(change: &Change<'_, Grant>) -> Vec<Step> {
    let Some(parent) = change.id.parent() else { return Vec::new() };
    let grantee = change.id.name();
    if left_to_owner(&parent, &grantee, change.cx) {
        Vec::new()
    } else {
        ranked(steps(&parent, &grantee, change.id, change.cx))
    }
}

/// The steps in the order that they have.
pub(super) fn ranked(mut steps: Vec<Step>) -> Vec<Step> {
    for (rank, step) in steps.iter_mut().enumerate() {
        step.rank = u8::try_from(rank).unwrap_or(u8::MAX);
    }
    steps
}

/// What others than the owners have granted: `select on table public.t to b, granted by a`.
pub fn granted_by_others(catalog: &Catalog) -> Vec<String> {
    let granted = |(id, object): (&ObjectId, &Object)| {
        let target = id.parent()?;
        let (by_others, what) = match SequenceGrant::of(object) {
            Some(grant) => (&grant.by_others, format!("the sequence of {target}")),
            None => (&Grant::of(object)?.by_others, target.to_string()),
        };
        let who = crate::core::name::role(&id.name()).to_string();
        let said = by_others.iter().map(move |(grantor, words)| {
            let words = words.iter().map(|word| word.to_lowercase()).collect::<Vec<_>>().join(", ");
            format!("{words} on {what} to {who}, granted by {}", ident(grantor))
        });
        Some(said.collect::<Vec<_>>())
    };
    catalog.iter().filter_map(granted).flatten().collect()
}

impl Grant {
    /// Privileges that the owner has granted.
    pub fn of_owner(privileges: Privileges) -> Self {
        Self { privileges, by_others: BTreeMap::new(), unsaid: BTreeSet::new() }
    }

    /// What stands for it that an object's list of privileges is complete, in a declaration that has not been completed: what nobody
    /// may do with the object.
    pub fn complete_list(target: &ObjectId) -> ObjectId {
        Self::id(target, "")
    }

    /// Whether an id is such a one, also of a [`SequenceGrant`].
    pub fn is_complete_list(id: &ObjectId) -> bool {
        id.name().is_empty()
    }

    /// The id of what a grantee (`public` for PUBLIC) may do with an object.
    pub fn id(target: &ObjectId, grantee: &str) -> ObjectId {
        target.child(KindTag::Grant, grantee)
    }
}

impl Kind for Grant {
    const INFO: KindInfo = KindInfo { component: true, ..KindInfo::new("grant", "privileges on") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        id.parent().map(|p| p.sql_path()).unwrap_or_default()
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let Some(parent) = id.parent() else { return Vec::new() };
        if left_to_owner(&parent, &id.name(), cx) {
            return Vec::new();
        }
        let mut steps = ranked(steps(&parent, &id.name(), id, cx));
        for step in &mut steps {
            step.action = Action::Create;
        }
        if let Some(first) = steps.first_mut() {
            first.creates.push(id.clone());
        }
        steps
    }

    fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let Some(parent) = id.parent() else { return Vec::new() };
        if left_to_owner(&parent, &id.name(), cx) {
            return Vec::new();
        }
        let mut steps = ranked(steps(&parent, &id.name(), id, cx));
        for step in &mut steps {
            step.action = Action::Drop;
        }
        if let Some(last) = steps.last_mut() {
            last.destroys.push(id.clone());
        }
        steps
    }

    /// What default privileges give, or the built-in ones, is there without being declared.
    fn implied(&self, id: &ObjectId, catalog: &Catalog) -> bool {
        let Some(parent) = id.parent() else { return false };
        let (Some(object_type), Some(owner)) = (object_type(parent.kind()), owner(&parent, catalog)) else {
            return false;
        };
        super::initial(catalog, &parent, object_type, owner, catalog.origin.major).get(&*id.name())
            == Some(&self.privileges)
    }

    fn rename(&self, _old: &ObjectId, _new: &ObjectId) -> Vec<Step> {
        Vec::new()
    }
}

/// The privileges, given in this plan, on the routines that an object calls. The rows of an index are put into it with the privileges of
/// its table's owner, whoever builds it.
pub(crate) fn given_on_what_it_calls(id: &ObjectId, cx: &PlanContext<'_>) -> Vec<ObjectId> {
    let routines = cx.to.dependencies(id).map(|(routine, _)| routine).filter(|d| d.kind() == KindTag::Routine);
    let grants = routines.flat_map(|routine| cx.to.children(routine, KindTag::Grant));
    grants.map(|(grant, _)| grant).filter(|grant| cx.is_new(grant)).cloned().collect()
}

/// After an object was created: takes back what PostgreSQL gave to grantees that should have nothing.
pub(super) fn revoke_initial(id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
    let Some(letter) = object_type(id.kind()) else { return Vec::new() };
    let (mut all, mut unread) = (Vec::new(), Vec::new());
    // An owner to come gets what the role has that creates the object, which may be less than an owner has.
    let mut grantees: BTreeSet<String> = super::initial_privileges(id, letter, cx).into_keys().collect();
    grantees.extend(owner(id, cx.to).map(str::to_owned));
    for grantee in grantees {
        if !cx.to.contains(&Grant::id(id, &grantee)) {
            all.extend(steps(id, &grantee, id, cx));
        }
    }
    if let Some(decided) = cx.unread
        && let Some(object) = cx.to.get(id)
    {
        let taken_back = decided.taken_back_unread(id, object, cx.to);
        // Before anything is granted.
        unread = taken_back.into_iter().map(|sql| Step::alter(id, sql).rank(1)).collect();
    }
    for (rank, step) in all.iter_mut().enumerate() {
        // Ranks from 9 on run when everything below the object is there: columns whose privileges are granted again.
        step.rank = u8::try_from(rank + 9).unwrap_or(u8::MAX);
    }
    unread.extend(all);
    unread
}
