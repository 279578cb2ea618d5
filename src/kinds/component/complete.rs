//! From what a project says about owners and privileges to what should hold.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::core::catalog::{Catalog, CatalogBuilder};
use crate::core::id::ObjectId;
use crate::core::versions;
use crate::kinds::table::column::Column;
use crate::kinds::{KindTag, Object};

use super::acl::{self, Access, Privileges};
use super::{Comment, DefaultPrivilege, Grant, Owner, SequenceGrant, object_type};

/// How far privileges are managed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ManageGrants {
    /// Not at all: what the server has stays.
    None,
    /// Those of grantees that the project names anywhere; the others' stay.
    #[default]
    Named,
    /// All: a grantee that the project does not name loses what default privileges do not give.
    All,
}

/// How far owners and privileges are managed (`manage:` in trueup.yaml).
#[derive(Clone, Copy)]
pub struct ManageAccess<'a> {
    /// Whether declared owners are enforced.
    pub owners: bool,
    /// Which privileges are.
    pub grants: ManageGrants,
    /// The roles that the profile's platform lets strangers in with: lists of privileges are complete for them, too.
    pub api_roles: &'a [&'a str],
    /// Whether a schema is the project's to manage.
    pub manages: &'a dyn Fn(&str) -> bool,
}

impl Default for ManageAccess<'_> {
    fn default() -> Self {
        Self { owners: true, grants: ManageGrants::default(), api_roles: &[], manages: &|_| true }
    }
}

impl ManageAccess<'_> {
    /// Whether every list of privileges says all of what a grantee has, whether or not the project names it anywhere.
    pub(super) fn always(&self, grantee: &str) -> bool {
        grantee == "public" || self.api_roles.contains(&grantee)
    }

    pub(super) fn manages_schema_of(&self, id: &ObjectId) -> bool {
        id.schema().is_none_or(|schema| (self.manages)(&schema))
    }
}

/// What a project names, and so manages.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) grantees: BTreeSet<String>,
    /// Roles whose default privileges it declares.
    roles: BTreeSet<String>,
    /// Roles that it names otherwise: as owners, and those that policies are for.
    pub(super) mentioned: BTreeSet<String>,
}

impl Named {
    pub(super) fn of<'a>(objects: impl Iterator<Item = (&'a ObjectId, &'a Object)>) -> Self {
        let mut named = <Self as Default>::default();
        for (id, object) in objects {
            if Grant::of(object).is_some() || SequenceGrant::of(object).is_some() {
                if Grant::is_complete_list(id) {
                    continue;
                }
                named.grantees.insert(id.name().into_owned());
            } else if let Some(default) = DefaultPrivilege::of(object) {
                named.grantees.insert(default.grantee.clone());
                named.roles.insert(default.role.clone());
                named.mentioned.insert(default.role.clone());
            } else if let Some(owner) = Owner::of(object) {
                named.mentioned.insert(owner.role.clone());
            } else if let Object::Policy(policy) = object {
                named.mentioned.extend(policy.roles.iter().cloned());
            }
        }
        named
    }

    fn grantee(&self, grantee: &str, manage: &ManageAccess<'_>) -> bool {
        match manage.grants {
            ManageGrants::None => false,
            ManageGrants::Named => self.grantees.contains(grantee),
            ManageGrants::All => true,
        }
    }

    /// Whether the project says of a role's default privileges what a grantee has. A list of them is complete as that of an object
    /// is; only what was taken from PUBLIC stays taken where the project is silent, for it would let everyone in again.
    fn covers(&self, default: &DefaultPrivilege, manage: &ManageAccess<'_>, major: u32) -> bool {
        let ours = default.schema.as_ref().is_none_or(|schema| (manage.manages)(schema));
        let grantee = &default.grantee;
        match manage.grants {
            ManageGrants::None => false,
            ManageGrants::All => ours,
            ManageGrants::Named => {
                ours && self.roles.contains(&default.role)
                    && (self.grantees.contains(grantee) || manage.always(grantee) && !default.is_restriction(major))
            }
        }
    }
}

/// Adds to a declared state what it leaves unsaid about owners and privileges, and settles how it says the rest:
///
/// - an object without a declared owner has the one it has on the live server, a new one the connecting role; where no server
///   is known, nothing is said of it;
/// - a new signature of a routine has the owner and the privileges of the one it takes the place of, as REPLACE keeps them: the
///   default would let everyone call what may have been closed to them;
/// - a live sequence or table that is unmanaged in some grantee's privileges keeps them (also when it has to be rebuilt);
/// - an object without a list of privileges has what default privileges give to its owner's objects; one with a list has what the list
///   says, and nothing else for PUBLIC, the roles of the platform's API and every role that the project names, unless it says
///   `beside defaults`: then it has what default privileges give as well, but for the grantees it lists itself;
/// - `ALL` is spelled out; a grant of nothing goes; default privileges that are left alone are kept;
/// - an extension without a comment has the one it comes with.
///
/// Afterwards a declared object and a read one have equal `Owner`s and `Grant`s exactly if PostgreSQL would treat them alike.
/// `was` gives the live id of a declared object (another one where it was renamed).
pub fn complete(
    builder: &mut CatalogBuilder,
    live: Option<&Catalog>,
    manage: &ManageAccess<'_>,
    was: &dyn Fn(&ObjectId) -> ObjectId,
) {
    let named = Named::of(builder.iter());
    let origin = live.map_or_else(|| builder.origin.clone(), |l| l.origin.clone());
    let major = if origin.major == 0 { versions::NEWEST_MAJOR } else { origin.major };
    let letter = |object: &Object| object_type(object.kind());
    // Asked of the objects, which is quicker than of their ids. Columns have no owner, and few have privileges.
    let mut targets: Vec<ObjectId> = builder
        .iter()
        .filter(|(_, object)| letter(object).is_some_and(|letter| letter != 'c'))
        .map(|(id, _)| id.clone())
        .collect();

    let replaced = replaced_signatures(builder, live, &targets);
    let was = |id: &ObjectId| replaced.get(id).cloned().unwrap_or_else(|| was(id));
    let was: &dyn Fn(&ObjectId) -> ObjectId = &was;
    complete_owners(builder, live, manage, was, &targets, &origin.role);
    complete_comments(builder, live, was);
    let unsaid = complete_defaults(builder, live, &named, manage, major);

    // The default privileges alone, for the look-ups by owner: all of them, and those that the project declares.
    let only = |test: &dyn Fn(&ObjectId) -> bool| {
        let mut defaults = CatalogBuilder::new();
        defaults.origin = origin.clone();
        let all = builder.iter().filter(|(_, object)| object.kind() == KindTag::DefaultPrivilege);
        for (id, object) in all.filter(|(id, _)| test(id)) {
            defaults.put(id.clone(), object.clone());
        }
        defaults.finish()
    };
    let Ok(defaults) = only(&|_| true) else { return };
    let declared = (!unsaid.is_empty()).then(|| only(&|id| !unsaid.contains(id)).ok()).flatten();

    let mut explicit: FxHashMap<ObjectId, BTreeMap<String, Privileges>> = FxHashMap::default();
    let mut listed: FxHashSet<ObjectId> = FxHashSet::default();
    for (id, object) in builder.iter() {
        if let (Some(grant), Some(parent)) = (Grant::of(object), id.parent()) {
            if Grant::is_complete_list(id) {
                listed.insert(parent);
            } else {
                explicit.entry(parent).or_default().insert(id.name().into_owned(), grant.privileges.clone());
            }
        }
    }
    for parent in &listed {
        builder.remove(&Grant::complete_list(parent));
    }
    let mut granted: FxHashMap<&str, Vec<(&ObjectId, &Grant)>> = FxHashMap::default();
    for (id, object) in live.into_iter().flat_map(Catalog::iter) {
        if let (Some(grant), Some(parent)) = (Grant::of(object), id.parent_str()) {
            granted.entry(parent).or_default().push((id, grant));
        }
    }
    // Nobody has anything on a column of its own but by a grant.
    let of_column = |(grant, _): &(&ObjectId, &Grant)| grant.parent_kind().and_then(object_type) == Some('c');
    if explicit.keys().any(|id| object_type(id.kind()) == Some('c')) || granted.values().flatten().any(of_column) {
        let columns = builder.iter().filter(|(_, object)| letter(object) == Some('c')).map(|(id, _)| id);
        let has_any = |id: &&ObjectId| explicit.contains_key(*id) || granted.contains_key(was(id).as_str());
        targets.extend(columns.filter(has_any).cloned());
    }
    let wanting = Wanting { named: &named, manage, major, declared: declared.as_ref() };
    for id in &targets {
        let Some(letter) = object_type(id.kind()) else { continue };
        let owner = match builder.get(&Owner::id(id)).and_then(Owner::of) {
            Some(owner) => owner.role.clone(),
            None => defaults.origin.role.clone(),
        };
        let live_id = was(id);
        let on_server = live.filter(|l| l.contains(&live_id));
        let initial = super::initial(&defaults, id, letter, &owner, major);
        let given = explicit.remove(id).unwrap_or_default();
        let has = on_server.map(|_| {
            let grants = granted.get(live_id.as_str()).into_iter().flatten();
            grants.map(|(grant_id, grant)| (grant_id.name().into_owned(), &grant.privileges)).collect()
        });
        let said = declared.as_ref().map(|defaults| super::initial(defaults, id, letter, &owner, major));
        let is_complete = listed.contains(id) && manage.manages_schema_of(id);
        let wanted = wanting.access(initial, &owner, &given, is_complete, has, letter);
        let own = acl::owners_own(letter, major);
        let mut kept: BTreeSet<&String> = BTreeSet::new();
        for (grantee, privileges) in &wanted.access {
            let mut privileges = privileges.clone();
            let owns = *grantee == owner && letter != 'c';
            // An owner may grant in any case: an option of its own is only what somebody has said.
            if owns && !given.contains_key(grantee) {
                privileges.values_mut().for_each(|option| *option = false);
            }
            if if owns { privileges != own } else { !privileges.is_empty() } {
                let unsaid = unsaid_of(said.as_ref().filter(|_| !owns), &given, grantee, &wanted);
                builder.put(Grant::id(id, grantee), Grant { unsaid, ..Grant::of_owner(privileges) });
                kept.insert(grantee);
            }
        }
        for grantee in given.keys().filter(|g| !kept.contains(g)) {
            builder.remove(&Grant::id(id, grantee));
        }
    }
    complete_sequences(builder, live, &wanting, &defaults, was);
}

/// Of the privileges that a grantee should have, those that no file gives it: default privileges do which the project does not
/// declare. `said` is what the others give; none where there are no such. What a grantee has already it does not gain.
fn unsaid_of(
    said: Option<&Access>,
    given: &BTreeMap<String, Privileges>,
    grantee: &str,
    wanted: &Wanted,
) -> BTreeSet<String> {
    let is_new = !given.contains_key(grantee) && !wanted.kept.contains(grantee);
    let (Some(said), Some(privileges)) = (said.filter(|_| is_new), wanted.access.get(grantee)) else {
        return BTreeSet::new();
    };
    let is_said = |word: &&String| said.get(grantee).is_some_and(|said| said.contains_key(*word));
    privileges.keys().filter(|word| !is_said(word)).cloned().collect()
}

/// What everyone should have on an object.
struct Wanted {
    access: Access,
    /// Those who are left what they have.
    kept: BTreeSet<String>,
}

/// What decides over the privileges that an object should have.
struct Wanting<'a> {
    named: &'a Named,
    manage: &'a ManageAccess<'a>,
    major: u32,
    /// The default privileges that the project declares, where there are others.
    declared: Option<&'a Catalog>,
}

impl Wanting<'_> {
    /// What everyone should have on an object of this owner: what default privileges give, but what is given by name; for grantees
    /// that are not managed, what they have on the server, where it is there.
    fn access(
        &self,
        initial: Access,
        owner: &str,
        given: &BTreeMap<String, Privileges>,
        is_complete: bool,
        on_server: Option<Vec<(String, &Privileges)>>,
        letter: char,
    ) -> Wanted {
        let is_complete = is_complete && self.manage.grants != ManageGrants::None;
        let managed = |grantee: &str| {
            let is_named = || self.manage.always(grantee) || self.named.mentioned.contains(grantee);
            self.named.grantee(grantee, self.manage) || is_complete && is_named()
        };
        let mut wanted = initial;
        if is_complete {
            wanted.retain(|grantee, _| grantee == owner || !managed(grantee));
        }
        let is_new = on_server.is_none();
        let mut kept = BTreeSet::new();
        if let Some(has) = on_server {
            wanted.retain(|grantee, _| grantee == owner || managed(grantee));
            if !managed(owner) && !has.iter().any(|(grantee, _)| grantee == owner) {
                wanted.remove(owner);
            }
            for (grantee, privileges) in has.into_iter().filter(|(grantee, _)| !managed(grantee)) {
                kept.insert(grantee.clone());
                wanted.insert(grantee, privileges.clone());
            }
        }
        if self.manage.grants != ManageGrants::None || is_new {
            let given = given.iter().map(|(who, what)| (who.clone(), acl::expanded(what, letter, self.major)));
            wanted.extend(given);
        }
        Wanted { access: wanted, kept }
    }
}

/// The same for the sequences of identity columns.
fn complete_sequences(
    builder: &mut CatalogBuilder,
    live: Option<&Catalog>,
    wanting: &Wanting<'_>,
    defaults: &Catalog,
    was: &dyn Fn(&ObjectId) -> ObjectId,
) {
    let is_grant = |(_, object): (&ObjectId, &Object)| SequenceGrant::of(object).is_some();
    let mut listed = FxHashSet::default();
    let said = builder.iter().any(is_grant) || live.is_some_and(|live| live.iter().any(is_grant));
    if !said && defaults.is_empty() {
        return;
    }
    let mut given: BTreeMap<ObjectId, BTreeMap<String, Privileges>> = BTreeMap::new();
    for (id, object) in builder.iter() {
        if let (Some(grant), Some(column)) = (SequenceGrant::of(object), id.parent()) {
            if Grant::is_complete_list(id) {
                listed.insert(column);
                continue;
            }
            given.entry(column).or_default().insert(id.name().into_owned(), grant.privileges.clone());
        }
    }
    for column in &listed {
        builder.remove(&SequenceGrant::complete_list(column));
    }
    let sequence = |id: &ObjectId, object: &Object| Column::of(object)?.identity_sequence(id);
    let columns: Vec<(ObjectId, ObjectId)> =
        builder.iter().filter_map(|(id, object)| Some((id.clone(), sequence(id, object)?))).collect();
    for (id, sequence_id) in columns {
        let owner = builder.get(&Owner::id(&id.top())).and_then(Owner::of).map(|owner| owner.role.clone());
        let owner = owner.unwrap_or_else(|| defaults.origin.role.clone());
        let live_id = was(&id);
        let has = live
            .filter(|live| live.get(&live_id).is_some_and(|object| sequence(&live_id, object).is_some()))
            .map(|live| super::sequence_grant::of(&live_id, live).collect());
        let letter = super::sequence_grant::LETTER;
        let initial = super::default_privilege::initial(defaults, &sequence_id, letter, &owner, wanting.major);
        let given = given.remove(&id).unwrap_or_default();
        let said =
            wanting.declared.map(|d| super::default_privilege::initial(d, &sequence_id, letter, &owner, wanting.major));
        let is_complete = listed.contains(&id) && wanting.manage.manages_schema_of(&id);
        let mut wanted = wanting.access(initial, &owner, &given, is_complete, has, letter);
        wanted.access.retain(|grantee, privileges| *grantee != owner && !privileges.is_empty());
        for grantee in given.keys().filter(|grantee| !wanted.access.contains_key(*grantee)) {
            builder.remove(&SequenceGrant::id(&id, grantee));
        }
        for (grantee, privileges) in &wanted.access {
            let unsaid = unsaid_of(said.as_ref(), &given, grantee, &wanted);
            let grant = SequenceGrant { unsaid, ..SequenceGrant::of_owner(privileges.clone()) };
            builder.put(SequenceGrant::id(&id, grantee), grant);
        }
    }
}

/// The live object that each new one with a signature takes the place of: the only one of its name that is not declared any
/// more, where it is also the only new one of that name.
fn replaced_signatures(
    builder: &CatalogBuilder,
    live: Option<&Catalog>,
    targets: &[ObjectId],
) -> BTreeMap<ObjectId, ObjectId> {
    let Some(live) = live else { return BTreeMap::new() };
    let name = |id: &ObjectId| (id.kind(), id.parent(), base_name(&id.name()).to_owned());
    let mut new: BTreeMap<_, Vec<&ObjectId>> = BTreeMap::new();
    for id in targets.iter().filter(|id| id.kind().name_is_signature() && !live.contains(id)) {
        new.entry(name(id)).or_default().push(id);
    }
    if new.is_empty() {
        return BTreeMap::new();
    }
    let mut gone: BTreeMap<_, Vec<&ObjectId>> = BTreeMap::new();
    for (id, _) in live.iter().filter(|(id, _)| id.kind().name_is_signature() && builder.get(id).is_none()) {
        gone.entry(name(id)).or_default().push(id);
    }
    let mut replaced = BTreeMap::new();
    for (name, ids) in new {
        if let ([id], Some([old])) = (ids.as_slice(), gone.get(&name).map(Vec::as_slice)) {
            replaced.insert((*id).clone(), (*old).clone());
        }
    }
    replaced
}

/// The name in a signature, quoted where it is.
fn base_name(signature: &str) -> &str {
    let mut quoted = false;
    let end = signature.find(|c| {
        quoted ^= c == '"';
        c == '(' && !quoted
    });
    end.map_or(signature, |end| &signature[..end])
}

fn complete_owners(
    builder: &mut CatalogBuilder,
    live: Option<&Catalog>,
    manage: &ManageAccess<'_>,
    was: &dyn Fn(&ObjectId) -> ObjectId,
    targets: &[ObjectId],
    connecting: &str,
) {
    let on_server = |id: &ObjectId| live.and_then(|l| Owner::get(l, &Owner::id(&was(id)))).cloned();
    let mut following = Vec::new();
    for id in targets {
        let declared = builder.get(&Owner::id(id)).is_some();
        if declared && manage.owners {
            continue;
        }
        if let Some(owner) = on_server(id) {
            builder.put(Owner::id(id), owner);
        } else if !declared && !connecting.is_empty() && live.is_some_and(|l| !l.contains(&was(id))) {
            builder.put(Owner::id(id), Owner { role: connecting.to_owned() });
        }
        if id.kind() == KindTag::Sequence {
            following.push(id.clone());
        }
    }
    // A sequence that a column owns has the owner of the table.
    for id in following {
        let column = builder
            .get(&id.child(KindTag::SequenceOwner, ""))
            .and_then(crate::kinds::sequence::SequenceOwner::of)
            .map(|o| o.column.clone());
        let owner = column.and_then(|c| builder.get(&Owner::id(&c.top())).and_then(Owner::of).cloned());
        if let Some(owner) = owner {
            builder.put(Owner::id(&id), owner);
        }
    }
}

fn complete_comments(builder: &mut CatalogBuilder, live: Option<&Catalog>, was: &dyn Fn(&ObjectId) -> ObjectId) {
    let Some(live) = live else { return };
    let extensions = builder.iter().filter(|(_, object)| object.kind() == KindTag::Extension);
    let extensions: Vec<ObjectId> = extensions.map(|(id, _)| id.clone()).collect();
    for id in extensions {
        let (comment, before) = (Comment::id(&id), was(&id));
        let given = Comment::get(live, &Comment::id(&before));
        match (builder.get(&comment).and_then(Comment::of), given) {
            (None, Some(given)) => _ = builder.put(comment, given.clone()),
            // One that comes without a comment has none, as declared.
            (Some(said), None) if said.text.is_empty() && live.contains(&before) => builder.remove(&comment),
            _ => {}
        }
    }
}

/// Returns those that are kept although the project does not declare them.
fn complete_defaults(
    builder: &mut CatalogBuilder,
    live: Option<&Catalog>,
    named: &Named,
    manage: &ManageAccess<'_>,
    major: u32,
) -> BTreeSet<ObjectId> {
    let mut kept = BTreeSet::new();
    let declared: Vec<(ObjectId, DefaultPrivilege)> =
        builder.iter().filter_map(|(id, o)| DefaultPrivilege::of(o).map(|d| (id.clone(), d.clone()))).collect();
    let is_declared: BTreeSet<ObjectId> = declared.iter().map(|(id, _)| id.clone()).collect();
    for (id, mut default) in declared {
        let letter = super::default_privilege::letter(&default.object_type);
        default.privileges = acl::expanded(&default.privileges, letter, major);
        if default.is_base(major) {
            builder.remove(&id);
        } else {
            builder.put(id, default);
        }
    }
    for (id, object) in live.into_iter().flat_map(|l| l.roots(KindTag::DefaultPrivilege)) {
        if let Some(default) = DefaultPrivilege::of(object)
            && !is_declared.contains(id)
            && !named.covers(default, manage, major)
        {
            builder.put(id.clone(), default.clone());
            kept.insert(id.clone());
        }
    }
    kept
}
