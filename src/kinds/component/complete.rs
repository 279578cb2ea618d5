//! From what a project says about owners and privileges to what should hold.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManageAccess {
    /// Whether declared owners are enforced.
    pub owners: bool,
    /// Which privileges are.
    pub grants: ManageGrants,
}

impl Default for ManageAccess {
    fn default() -> Self {
        Self { owners: true, grants: ManageGrants::default() }
    }
}

/// What a project names, and so manages.
#[derive(Debug, Default)]
struct Named {
    grantees: BTreeSet<String>,
    /// Roles whose default privileges it declares.
    roles: BTreeSet<String>,
    owners: BTreeSet<ObjectId>,
}

impl Named {
    fn of<'a>(objects: impl Iterator<Item = (&'a ObjectId, &'a Object)>) -> Self {
        let mut named = <Self as Default>::default();
        for (id, object) in objects {
            if Grant::of(object).is_some() || SequenceGrant::of(object).is_some() {
                named.grantees.insert(id.name().into_owned());
            } else if let Some(default) = DefaultPrivilege::of(object) {
                named.grantees.insert(default.grantee.clone());
                named.roles.insert(default.role.clone());
            } else if Owner::of(object).is_some() {
                named.owners.insert(id.clone());
            }
        }
        named
    }

    fn grantee(&self, grantee: &str, manage: &ManageAccess) -> bool {
        match manage.grants {
            ManageGrants::None => false,
            ManageGrants::Named => self.grantees.contains(grantee),
            ManageGrants::All => true,
        }
    }

    fn covers(&self, default: &DefaultPrivilege, manage: &ManageAccess) -> bool {
        match manage.grants {
            ManageGrants::None => false,
            ManageGrants::Named => self.roles.contains(&default.role) && self.grantees.contains(&default.grantee),
            ManageGrants::All => true,
        }
    }
}

/// Which owners and privileges of a live catalog a project (as declared, not completed) leaves alone: owners it does not declare,
/// privileges of grantees it names nowhere, default privileges of roles for which it declares none.
pub fn unmanaged_access<'a>(
    live: &'a Catalog,
    declared: &Catalog,
    manage: &ManageAccess,
) -> impl Fn(&ObjectId) -> bool + 'a {
    let named = Named::of(declared.iter());
    let manage = *manage;
    move |id| match id.kind() {
        KindTag::Owner => !manage.owners || !named.owners.contains(id),
        KindTag::Grant | KindTag::SequenceGrant => !named.grantee(&id.name(), &manage),
        KindTag::DefaultPrivilege => DefaultPrivilege::get(live, id).is_some_and(|d| !named.covers(d, &manage)),
        _ => false,
    }
}

/// Adds to a declared state what it leaves unsaid about owners and privileges, and settles how it says the rest:
///
/// - an object without a declared owner has the one it has on the live server, a new one the connecting role; where no server
///   is known, nothing is said of it;
/// - a new signature of a routine has the owner and the privileges of the one it takes the place of, as REPLACE keeps them: the
///   default would let everyone call what may have been closed to them;
/// - a live sequence or table that is unmanaged in some grantee's privileges keeps them (also when it has to be rebuilt);
/// - an object has what default privileges give to its owner's objects, but for the grantees it lists itself;
/// - `ALL` is spelled out; a grant of nothing goes; default privileges that are left alone are kept;
/// - an extension without a comment has the one it comes with.
///
/// Afterwards a declared object and a read one have equal `Owner`s and `Grant`s exactly if PostgreSQL would treat them alike.
/// `was` gives the live id of a declared object (another one where it was renamed).
pub fn complete(
    builder: &mut CatalogBuilder,
    live: Option<&Catalog>,
    manage: &ManageAccess,
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
    complete_defaults(builder, live, &named, manage, major);

    // The default privileges alone, for the look-ups by owner.
    let mut defaults = CatalogBuilder::new();
    defaults.origin = origin;
    for (id, object) in builder.iter().filter(|(_, object)| object.kind() == KindTag::DefaultPrivilege) {
        defaults.put(id.clone(), object.clone());
    }
    let Ok(defaults) = defaults.finish() else { return };

    let mut explicit: FxHashMap<ObjectId, BTreeMap<String, Privileges>> = FxHashMap::default();
    for (id, object) in builder.iter() {
        if let (Some(grant), Some(parent)) = (Grant::of(object), id.parent()) {
            explicit.entry(parent).or_default().insert(id.name().into_owned(), grant.privileges.clone());
        }
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
    let wanting = Wanting { named: &named, manage, major };
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
        let wanted = wanting.access(initial, &owner, &given, has, letter);
        let own = acl::owners_own(letter, major);
        let mut kept = BTreeSet::new();
        for (grantee, mut privileges) in wanted {
            let owns = grantee == owner && letter != 'c';
            // An owner may grant in any case: an option of its own is only what somebody has said.
            if owns && !given.contains_key(&grantee) {
                privileges.values_mut().for_each(|option| *option = false);
            }
            if if owns { privileges != own } else { !privileges.is_empty() } {
                builder.put(Grant::id(id, &grantee), Grant::of_owner(privileges));
                kept.insert(grantee);
            }
        }
        for grantee in given.keys().filter(|g| !kept.contains(*g)) {
            builder.remove(&Grant::id(id, grantee));
        }
    }
    complete_sequences(builder, live, &wanting, &defaults, was);
}

/// What decides over the privileges that an object should have.
struct Wanting<'a> {
    named: &'a Named,
    manage: &'a ManageAccess,
    major: u32,
}

impl Wanting<'_> {
    /// What everyone should have on an object of this owner: what default privileges give, but what is given by name; for grantees
    /// that are not managed, what they have on the server, where it is there.
    fn access(
        &self,
        initial: Access,
        owner: &str,
        given: &BTreeMap<String, Privileges>,
        on_server: Option<Vec<(String, &Privileges)>>,
        letter: char,
    ) -> Access {
        let managed = |grantee: &str| self.named.grantee(grantee, self.manage);
        let mut wanted = initial;
        let is_new = on_server.is_none();
        if let Some(has) = on_server {
            wanted.retain(|grantee, _| grantee == owner || managed(grantee));
            if !managed(owner) && !has.iter().any(|(grantee, _)| grantee == owner) {
                wanted.remove(owner);
            }
            for (grantee, privileges) in has.into_iter().filter(|(grantee, _)| !managed(grantee)) {
                wanted.insert(grantee, privileges.clone());
            }
        }
        if self.manage.grants != ManageGrants::None || is_new {
            let given = given.iter().map(|(who, what)| (who.clone(), acl::expanded(what, letter, self.major)));
            wanted.extend(given);
        }
        wanted
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
    let said = builder.iter().any(is_grant) || live.is_some_and(|live| live.iter().any(is_grant));
    if !said && defaults.is_empty() {
        return;
    }
    let mut given: BTreeMap<ObjectId, BTreeMap<String, Privileges>> = BTreeMap::new();
    for (id, object) in builder.iter() {
        if let (Some(grant), Some(column)) = (SequenceGrant::of(object), id.parent()) {
            given.entry(column).or_default().insert(id.name().into_owned(), grant.privileges.clone());
        }
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
        let mut wanted = wanting.access(initial, &owner, &given, has, letter);
        wanted.retain(|grantee, privileges| *grantee != owner && !privileges.is_empty());
        for grantee in given.keys().filter(|grantee| !wanted.contains_key(*grantee)) {
            builder.remove(&SequenceGrant::id(&id, grantee));
        }
        for (grantee, privileges) in wanted {
            builder.put(SequenceGrant::id(&id, &grantee), SequenceGrant::of_owner(privileges));
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
    manage: &ManageAccess,
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

fn complete_defaults(
    builder: &mut CatalogBuilder,
    live: Option<&Catalog>,
    named: &Named,
    manage: &ManageAccess,
    major: u32,
) {
    let declared: Vec<(ObjectId, DefaultPrivilege)> =
        builder.iter().filter_map(|(id, o)| DefaultPrivilege::of(o).map(|d| (id.clone(), d.clone()))).collect();
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
            && !named.covers(default, manage)
        {
            builder.put(id.clone(), default.clone());
        }
    }
}
