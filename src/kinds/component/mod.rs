//! What is said of other objects: comments, owners, privileges; and default privileges, which say it in advance.
//!
//! A declaration leaves most of it unsaid. [`complete`] adds, before anything is compared, what PostgreSQL and the default
//! privileges make of that, so that plans deal with complete states only: an object of the wanted catalog has exactly the
//! `Grant`s it should have.

pub mod acl;
pub mod comment;
mod complete;
pub mod decided;
pub mod default_privilege;
pub mod grant;
pub mod owner;
pub mod sequence_grant;
mod yaml;

use std::collections::BTreeSet;

use crate::core::catalog::Catalog;
use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::core::step::{Hazard, Step};
use crate::core::versions;
use crate::introspect::{Reader, Row};
use crate::kinds::{KindTag, Object};
use crate::plan::context::PlanContext;

pub use comment::Comment;
pub use complete::{ManageAccess, ManageGrants, complete};
pub use decided::Decided;
pub use default_privilege::DefaultPrivilege;
pub use grant::Grant;
pub use owner::Owner;
pub use sequence_grant::SequenceGrant;
pub use yaml::{declare, write};

use acl::Access;

/// The letter that `acldefault` takes for a kind; none for kinds without privileges.
pub fn object_type(kind: KindTag) -> Option<char> {
    Some(match kind {
        KindTag::Table | KindTag::View | KindTag::MaterializedView => 'r',
        KindTag::Column | KindTag::ViewColumn => 'c',
        KindTag::Sequence => 's',
        KindTag::Routine => 'f',
        KindTag::Schema => 'n',
        KindTag::Enum | KindTag::Domain | KindTag::Composite => 'T',
        _ => return None,
    })
}

/// The grantees that grants and default privileges name.
pub fn named_grantees<'a>(objects: impl Iterator<Item = (&'a ObjectId, &'a Object)>) -> BTreeSet<String> {
    objects
        .filter_map(|(id, object)| DefaultPrivilege::of(object).map(|d| d.grantee.clone()).or_else(|| grantee_of(id)))
        .collect()
}

/// The grantee that a grant's id names.
pub fn grantee_of(id: &ObjectId) -> Option<String> {
    matches!(id.kind(), KindTag::Grant | KindTag::SequenceGrant).then(|| id.name().into_owned())
}

/// Whether an object says who owns something, or who may do what.
pub fn is_access(kind: KindTag) -> bool {
    matches!(kind, KindTag::Owner | KindTag::Grant | KindTag::SequenceGrant | KindTag::DefaultPrivilege)
}

/// Whether two lists of privileges are the same to servers that do not know MAINTAIN, which came with PostgreSQL 17.
pub fn same_but_for_maintain(one: &Object, other: &Object) -> bool {
    let known = |object: &Object| -> Option<acl::Privileges> {
        let all = Grant::of(object).map(|grant| &grant.privileges);
        let all = all.or_else(|| DefaultPrivilege::of(object).map(|given| &given.privileges))?;
        Some(all.iter().filter(|(word, _)| *word != "MAINTAIN").map(|(word, option)| (word.clone(), *option)).collect())
    };
    known(one).is_some() && known(one) == known(other)
}

/// The role that an owner object names.
pub fn owner_of(object: &Object) -> Option<&str> {
    Owner::of(object).map(|o| o.role.as_str())
}

/// The address of the parent of a comment or an owner.
fn address(id: &ObjectId, cx: &PlanContext<'_>) -> String {
    let Some(parent) = id.parent() else { return String::new() };
    cx.to.get(&parent).or_else(|| cx.from.get(&parent)).map(|o| o.address(&parent)).unwrap_or_default()
}

/// Adds the owner and the privileges that a row's columns `owner` and `acl` (`aclitem[]`, NULL for the defaults) give to an
/// object. `object_type` is the letter that `acldefault` takes.
///
/// # Errors
/// Columns that are missing or not of that form.
pub fn read_access(row: &Row<'_>, id: &ObjectId, object_type: char, out: &mut Reader) -> Result<()> {
    let owner = out.role(row.number("owner")?);
    let acl = row.opt("acl")?.map(crate::introspect::array);
    let others = acl.as_ref().map(|items| acl::by_others(items, &owner)).unwrap_or_default();
    let access = acl.map_or_else(|| acl::builtin(object_type, &owner, out.major), |items| acl::read(&items));
    let own = acl::owners_own(object_type, out.major);
    put_access(id, access, others, Some((&owner, own)), out);
    out.builder.put(Owner::id(id), Owner { role: owner });
    Ok(())
}

/// Takes note of privileges on the row type of a relation: they are apart from those on the relation, and not modelled.
///
/// # Errors
/// A column that is missing.
pub fn read_row_type_access(row: &Row<'_>, id: &ObjectId, out: &mut Reader) -> Result<()> {
    if row.bool("type_access")? {
        out.left_out("privilege on a row type", &id.sql_path());
    }
    Ok(())
}

/// Adds the privileges that a row's column `acl` gives on a column.
///
/// # Errors
/// A column that is missing.
pub fn read_column_access(row: &Row<'_>, id: &ObjectId, out: &mut Reader) -> Result<()> {
    if let Some(text) = row.opt("acl")? {
        let items = crate::introspect::array(text);
        let owner = id.parent().and_then(|relation| Owner::of(out.builder.get(&Owner::id(&relation))?).cloned());
        let others = owner.map(|owner| acl::by_others(&items, &owner.role)).unwrap_or_default();
        put_access(id, acl::read(&items), others, None, out);
    }
    Ok(())
}

fn put_access(
    id: &ObjectId,
    mut access: Access,
    mut others: acl::ByOthers,
    owner: Option<(&str, acl::Privileges)>,
    out: &mut Reader,
) {
    if let Some((owner, own)) = owner {
        let has = access.remove(owner).unwrap_or_default();
        if has != own {
            out.builder.put(Grant::id(id, owner), Grant::of_owner(has));
        }
    }
    for (grantee, privileges) in access.into_iter().filter(|(_, p)| !p.is_empty()) {
        out.builder.put(
            Grant::id(id, &grantee),
            Grant { by_others: others.remove(&grantee).unwrap_or_default(), ..Grant::of_owner(privileges) },
        );
    }
}

/// What an object has by default in a catalog: what default privileges and the built-in ones give when `owner` creates it.
/// The schema `public` comes with every database and has more than a schema that is created.
fn initial(catalog: &Catalog, id: &ObjectId, object_type: char, owner: &str, major: u32) -> Access {
    if object_type == 'c' {
        return Access::new();
    }
    let mut access = default_privilege::initial(catalog, id, object_type, owner, major);
    if id.kind() == KindTag::Schema && id.name() == "public" {
        let words: &[&str] = if major < versions::PUBLIC_SCHEMA_CLOSED { &["USAGE", "CREATE"] } else { &["USAGE"] };
        access.insert("public".to_owned(), words.iter().map(|w| ((*w).to_owned(), false)).collect());
    }
    access
}

/// The privileges that an object created in a plan has right after its CREATE statement: by the default privileges that the
/// connecting role has on the server now, for changes of those run last. By grantee, the connecting role itself included.
pub fn initial_privileges(id: &ObjectId, object_type: char, cx: &PlanContext<'_>) -> Access {
    if object_type == 'c' {
        return Access::new();
    }
    default_privilege::initial(cx.from, id, object_type, &cx.from.origin.role, cx.major)
}

/// What creating an object lets others do that no file says.
pub fn opened(id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Hazard> {
    grant::opened(id, cx)
}

/// The steps that follow the creation of an object: taking back initial privileges that it should not have. Those of grantees
/// that should have some are settled by the steps of their `Grant`.
pub fn after_create(id: &ObjectId, _object: &Object, cx: &PlanContext<'_>) -> Vec<Step> {
    grant::revoke_initial(id, cx)
}

#[cfg(test)]
mod tests;
