//! Which objects of two states are the project's concern.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, listed};
use crate::core::id::ObjectId;
use crate::declare::project::{Profile, Project, SUPABASE_SCHEMAS};
use crate::engine::load::Loaded;
use crate::kinds::common::are_moved;
use crate::kinds::component::DefaultPrivilege;
use crate::kinds::component::comment::{Comment, OF_PLPGSQL};
use crate::kinds::table::inheritance::from_parents_alone;
use crate::kinds::table::partition::{table_of, whole_of};
use crate::kinds::table::{Table, column_names};
use crate::kinds::types::composite;
use crate::kinds::{KindTag, Object};

/// The schema that `apply` keeps its journal in; it is nobody's difference.
pub const JOURNAL_SCHEMA: &str = "trueup";

/// Two states, narrowed to what the project is to judge.
pub struct Scoped {
    /// What is.
    pub from: Catalog,
    /// What should be.
    pub to: Catalog,
}

/// Whether an object lies in what the project manages.
pub fn managed(id: &ObjectId, project: &Project) -> bool {
    match id.schema() {
        Some(schema) => schema != JOURNAL_SCHEMA && project.manages(&schema),
        None => true,
    }
}

/// Whether an object is an extension, or said of one, that the project does not manage where it does not declare it.
pub fn is_others_extension(id: &ObjectId, catalog: &Catalog, project: &Project) -> bool {
    let Some(root) = root_of(id).filter(|root| root.kind() == KindTag::Extension) else { return false };
    let Some(Object::Extension(extension)) = catalog.get(&root) else { return false };
    let is_managed = project.all_extensions.unwrap_or_else(|| match &extension.schema.0 {
        Some(schema) => project.manages(schema),
        // It brings its schemas along.
        None => project.schemas.is_none(),
    });
    !is_managed
}

/// Whether an object belongs to the platform of a profile.
pub fn is_platform(id: &ObjectId) -> bool {
    id.schema().is_some_and(|schema| SUPABASE_SCHEMAS.contains(&&*schema))
}

/// The platform's schemas on whose tables it makes no policies itself: those that stand there are the project's.
const OPEN_TO_POLICIES: &[&str] = &["storage", "realtime"];

/// Whether an object on a platform's table is the user's own: a trigger that runs a function of a managed schema, a policy on a table
/// that the platform leaves to its users' policies, or one that refers to managed objects. So are their comments.
pub fn is_users_own(id: &ObjectId, catalog: &Catalog, project: &Project) -> bool {
    if project.profile != Profile::Supabase || !is_platform(id) {
        return false;
    }
    let own = match id.kind() {
        KindTag::Comment => id.parent().filter(|p| matches!(p.kind(), KindTag::Policy | KindTag::Trigger)),
        KindTag::Policy | KindTag::Trigger => Some(id.clone()),
        _ => None,
    };
    let Some(own) = own else { return false };
    if own.kind() == KindTag::Policy && own.schema().is_some_and(|s| OPEN_TO_POLICIES.contains(&&*s)) {
        return true;
    }
    catalog.dependencies(&own).any(|(d, _)| d.schema().is_some() && managed(d, project))
}

/// Whether the name of an object's root is one that every new database has.
fn may_be_given(id: &ObjectId) -> bool {
    let root = id.as_str().split('/').next().and_then(|root| root.split_once(':'));
    root.is_some_and(|(word, name)| KindTag::from_word(word).is_some_and(|kind| kind.info().given.contains(&name)))
}

fn root_of(id: &ObjectId) -> Option<ObjectId> {
    id.as_str().split('/').next().and_then(ObjectId::parse)
}

/// Whether every new database has the object.
pub fn is_given(id: &ObjectId) -> bool {
    // Asked of every object: the cheap test first.
    if !may_be_given(id) {
        return false;
    }
    // Below a given schema lie the user's own objects; below a given extension, and on a given schema itself, nothing is.
    root_of(id).is_some_and(|root| {
        root.kind().info().given.contains(&&*root.name())
            && (root.kind() != KindTag::Schema
                || *id == root
                || id.parent().is_some_and(|p| p == root) && id.kind().is_component())
    })
}

/// A declared state without what it has kept of the live one in a schema that is dropped: such default privileges are gone with the
/// schema, whoever they are for.
pub fn without_lost_settings(from: &Catalog, to: Catalog) -> Catalog {
    let is_lost = |id: &ObjectId, object: &Object| {
        object
            .belongs_to(id, &to)
            .is_some_and(|schema| from.contains(&schema) && !to.contains(&schema) && !is_given(&schema))
    };
    to.filtered(|id, object| id.parent().is_some() || !is_lost(id, object))
}

/// Whether an object is given and nothing is declared of it: neither itself nor what it belongs to.
pub fn is_left_given(id: &ObjectId, is_declared: impl Fn(&ObjectId) -> bool) -> bool {
    is_given(id) && !id.parent().is_some_and(|parent| is_declared(&parent))
}

/// Whether an object is given, and as every new database has it, so that writing it down would say nothing.
pub fn is_given_default(id: &ObjectId, catalog: &Catalog) -> bool {
    if !is_given(id) {
        return false;
    }
    let root = root_of(id).filter(|root| root.kind() == KindTag::Extension);
    root.and_then(|root| Comment::get(catalog, &Comment::id(&root))).is_some_and(|comment| comment.text == OF_PLPGSQL)
}

/// Whether a live object that is not declared follows from what is. A partition whose columns are declared has the defaults that are
/// declared with them, and none of the partitioned table's.
pub fn follows(id: &ObjectId, object: &Object, live: &Catalog, is_declared: impl Fn(&ObjectId) -> bool) -> bool {
    let is_declared: &dyn Fn(&ObjectId) -> bool = &is_declared;
    object.implied(id, live)
        && is_part_of_declared(id, live, is_declared)
        && !(object.kind() == KindTag::Default
            && id.parent().is_some_and(|column| is_declared(&column))
            && live.children(&id.top(), KindTag::Attachment).next().is_some())
}

/// Whether a part of a partitioned index or key, or what makes it one, is there because of what is declared; true of all else.
fn is_part_of_declared(id: &ObjectId, live: &Catalog, is_declared: &dyn Fn(&ObjectId) -> bool) -> bool {
    let part = match id.kind() {
        KindTag::IndexAttachment => id.parent(),
        KindTag::Index | KindTag::Constraint => Some(id.clone()),
        _ => None,
    };
    let Some((part, whole)) = part.and_then(|part| Some((part.clone(), whole_of(&part, live)?))) else { return true };
    let there =
        |id: &ObjectId| is_declared(id) || live.get(id).is_some_and(|object| follows(id, object, live, is_declared));
    let table = table_of(&part, live);
    // A part stays behind on a table that leaves the partitioned one, and is nobody's part then.
    let stays = live.children(&table, KindTag::Attachment).all(|(attachment, _)| is_declared(attachment));
    is_declared(&table) && stays && there(&whole) && (part == *id || there(&part))
}

/// Narrows two states to what is to be compared. What is `left` was declared where the project manages nothing else, and no longer is.
pub fn narrow(from: Loaded, to: Loaded, project: &Project, left: &BTreeSet<ObjectId>) -> Scoped {
    let declared = to.declared.as_ref();
    let is_declared = |id: &ObjectId| declared.is_some_and(|d| d.contains(id));
    // Of two databases all counts, also what only one of them says; of SQL files what both do.
    let are_databases = [&from, &to].iter().all(|state| state.declared.is_none() && !state.is_of_files);
    let is_compared = |id: &ObjectId| {
        let in_both = |id: &ObjectId| from.catalog.contains(id) && to.catalog.contains(id);
        declared.is_none() && (in_both(id) || are_databases && root_of(id).is_some_and(|root| in_both(&root)))
    };
    let archived = archived(&from.catalog, &to.data);
    let in_scope_undeclared = |id: &ObjectId| {
        if !archived.is_empty() && archived.contains(&id.top())
            || to.data.archives_in(&id.schema().unwrap_or_default())
                && id
                    .ancestor(KindTag::Schema)
                    .is_some_and(|s| *id == s || id.kind().is_component() && id.parent() == Some(s))
        {
            return false;
        }
        if !managed(id, project) {
            return false;
        }
        // What every database has is nobody's difference, unless it is declared.
        if is_left_given(id, is_declared) && !is_compared(id) {
            return false;
        }
        if declared.is_some() && is_others_extension(id, &from.catalog, project) {
            return false;
        }
        // The platform's own extensions are its business; so are default privileges of which the project says nothing, but both states
        // have those: what they give to what is created has to be known.
        !(project.profile == Profile::Supabase && declared.is_some() && is_platform_root(id))
    };
    let in_scope = |id: &ObjectId| in_scope_undeclared(id) || is_declared(id);
    let narrowed = from.catalog.filtered(|id, _| in_scope(id) || left.contains(id));
    let scoped = Scoped {
        // A project that says what the live database says word for word shares its catalog.
        to: if left.is_empty() && from.catalog.is_same(&to.catalog) {
            narrowed.clone()
        } else {
            as_logged(to.catalog.filtered(|id, _| in_scope(id)), &narrowed)
        },
        from: narrowed,
    };
    if let Some(declared) = to.declared {
        declared.let_go();
    }
    scoped
}

/// A partitioned table holds no rows, its partitions do not get its UNLOGGED, and no statement changes it (from 18 on, it cannot have
/// it): it is as found.
fn as_logged(to: Catalog, from: &Catalog) -> Catalog {
    let logged = |id: &ObjectId, catalog: &Catalog| {
        Table::get(catalog, id).filter(|table| table.partition_key.is_some()).map(|table| table.logged)
    };
    let tables = to.iter().filter(|(id, _)| id.kind() == KindTag::Table).map(|(id, _)| id);
    let found: Vec<(ObjectId, bool)> = tables
        .filter_map(|id| Some((id.clone(), logged(id, from)?)))
        .filter(|(id, found)| logged(id, &to).is_some_and(|said| said != *found))
        .collect();
    if found.is_empty() {
        return to;
    }
    let mut builder = to.to_builder();
    for (id, found) in found {
        if let Some(Object::Table(table)) = builder.get_mut(&id) {
            std::sync::Arc::make_mut(table).logged = found;
        }
    }
    builder.finish_unchecked()
}

/// What earlier runs archived, with the indexes and sequences that went along.
pub fn archived(catalog: &Catalog, data: &crate::data::Data) -> BTreeSet<ObjectId> {
    if data.retired_tables.is_empty() {
        return BTreeSet::new();
    }
    let tables: BTreeSet<ObjectId> =
        catalog.iter().map(|(id, _)| id).filter(|id| id.top() == **id && data.is_archived(id)).cloned().collect();
    let belong = catalog
        .iter()
        .filter(|(id, object)| object.belongs_to(id, catalog).is_some_and(|owner| tables.contains(&owner.top())));
    belong.map(|(id, _)| id.top()).chain(tables.iter().cloned()).collect()
}

/// Whether an object was archived, or stands for the schema that holds what was (`archived` are the objects found so).
pub fn is_archived(id: &ObjectId, archived: &BTreeSet<ObjectId>, data: &crate::data::Data) -> bool {
    !data.retired_tables.is_empty()
        && (archived.contains(id.top_str())
            || data.archives_in(&id.schema().unwrap_or_default())
                && id.parent().is_none_or(|_| id.kind().is_component()))
}

/// Whether a root object that is not declared (an extension) is the platform's.
fn is_platform_root(id: &ObjectId) -> bool {
    root_of(id).is_some_and(|root| root.kind() == KindTag::Extension)
}

/// Whether default privileges are the platform's: those of its own roles, which nobody else may change, and those in its own schemas.
pub fn is_platforms_default(default: &DefaultPrivilege) -> bool {
    is_platforms_role(&default.role)
        || default.schema.as_deref().is_some_and(|schema| SUPABASE_SCHEMAS.contains(&schema))
}

fn is_platforms_role(role: &str) -> bool {
    role.starts_with("supabase_") || role.starts_with("pgsodium_") || ["dashboard_user", "pgbouncer"].contains(&role)
}

/// How the query for what is not modelled calls what a role may do with a part of an extension, named `<part> for <role>`.
const PART_PRIVILEGE: &str = "privilege on a part of an extension";
/// The same where default privileges say so.
const DEFAULT_PART_PRIVILEGE: &str = "default privilege on a part of an extension";
/// The same for what every PostgreSQL has, and for what else is done to the parts of extensions.
const OF_POSTGRESQL: &str = "privilege on a part of PostgreSQL";
const PART_CHANGE: &str = "change to a part of an extension";
/// How it calls what `ALTER DATABASE … SET` says, and what the platform says by it.
const SETTING: &str = "setting of the database";
const PLATFORM_SETTINGS: &[&str] = &["search_path", "app.settings.jwt_secret", "app.settings.jwt_exp"];

/// Whether it is the platform's doing: it grants the parts of its extensions to its administrators, those in its own schemas to its
/// users as well, and has default privileges. What else is granted there, or taken from PUBLIC, is the user's doing.
fn is_platforms(kind: &str, name: &str) -> bool {
    let (part, role) = match kind {
        DEFAULT_PART_PRIVILEGE => return true,
        SETTING => return PLATFORM_SETTINGS.contains(&name),
        PART_CHANGE => (name, ""),
        PART_PRIVILEGE | OF_POSTGRESQL => name.rsplit_once(" for ").unwrap_or((name, "")),
        _ => return false,
    };
    let within = |schema: &str| part.split(' ').any(|word| word.split_once('.').is_some_and(|(s, _)| s == schema));
    let administrator = role.starts_with("supabase_") || ["postgres", "dashboard_user"].contains(&role);
    let is_schema = |schema: &str| part.strip_prefix("schema ") == Some(schema);
    administrator || SUPABASE_SCHEMAS.iter().any(|s| *s != "extensions" && (within(s) || is_schema(s)))
}

/// As many objects of a kind that is not modelled are named.
const SHOWN: usize = 10;

/// Warnings for what a database holds and trueup does not model.
pub fn unmodelled(from: &Loaded, to: &Loaded, profile: Profile) -> Vec<Box<Diagnostic>> {
    let mut kinds: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    // What a declared state was tried in holds what its platform brings along; that says nothing of the two states.
    for state in [from, to].into_iter().filter(|state| state.declared.is_none()) {
        let found = state.catalog.origin.unmodelled.iter();
        for (kind, name) in found.filter(|(kind, name)| profile != Profile::Supabase || !is_platforms(kind, name)) {
            kinds.entry(kind).or_default().insert(name);
        }
    }
    let read = [from, to].into_iter().filter(|state| state.declared.is_none());
    let options = crate::kinds::options::unknown_options(read.map(|state| &state.catalog.origin));
    let kinds = kinds.into_iter().map(|(kind, names)| {
        let names: Vec<&str> = names.into_iter().collect();
        Diagnostic::warning(
            "unmodelled",
            format!("{} of kind {kind} is not modelled and is left alone: {}", names.len(), listed(&names, SHOWN)),
        )
        .note("it is neither compared nor changed; a plan that would lose it or that it stands in the way of says so")
    });
    kinds.chain(options).collect()
}

/// Says which schemas are left alone because the project says nothing of them, neither that they are managed nor what is in them.
pub fn unmentioned(from: &Loaded, to: &Loaded, project: &Project) -> Option<Box<Diagnostic>> {
    if project.schemas_said || to.declared.is_none() || from.declared.is_some() {
        return None;
    }
    let left = |id: &ObjectId| {
        id.parent_str().is_some()
            && !id.kind().is_component()
            && id.schema().is_some_and(|s| s != JOURNAL_SCHEMA && !project.manages(&s))
            && !(project.profile == Profile::Supabase && is_platform(id))
    };
    let schemas: BTreeSet<String> = from
        .catalog
        .iter()
        .map(|(id, _)| id)
        .filter(|id| left(id))
        .filter_map(|id| id.schema().map(|s| s.into_owned()))
        .collect();
    if schemas.is_empty() {
        return None;
    }
    let (word, is) = if schemas.len() == 1 { ("schema", "is") } else { ("schemas", "are") };
    let names = crate::core::name::ident_list(&schemas);
    Some(
        Diagnostic::info("unmentioned", format!("the {word} {names} {is} left alone: the project says nothing of it"))
            .help("to have it compared, and dropped what is not declared: manage: {schemas: \"*\"}, or a list, in trueup.yaml"),
    )
}

/// Says once what is otherwise than declared and no statement changes: the order of columns, and whether a table that inherits has
/// a column or check as its own as well.
pub fn unchangeable(from: &Catalog, to: &Catalog) -> Vec<Box<Diagnostic>> {
    if from.is_same(to) {
        return Vec::new();
    }
    let is_table = |id: &ObjectId, object: &Object| {
        object.kind().info().holds_data && id.parent().is_some_and(|p| p.kind() == KindTag::Schema)
    };
    let tables = to.iter().filter(|(id, object)| is_table(id, object) && from.contains(id));
    let moved = tables.map(|(id, _)| id).filter(|id| are_moved(&column_names(id, from), &column_names(id, to)));
    let held =
        to.iter().filter(|(id, object)| from.get(id).is_some_and(|found| is_held_otherwise(id, found, object, from)));
    let mut told = told(moved.map(ObjectId::sql_path).collect(), held.map(|(id, _)| id.sql_path()).collect());
    told.extend(composite::attributes_elsewhere(from, to));
    told
}

/// Whether a table that inherits has a column or check from its parents alone, and it is declared as its own as well, or the other
/// way round.
pub fn is_held_otherwise(id: &ObjectId, found: &Object, declared: &Object, live: &Catalog) -> bool {
    from_parents_alone(found) != from_parents_alone(declared)
        && id.parent().is_some_and(|table| live.children(&table, KindTag::Inheritance).next().is_some())
}

/// As [`unchangeable`], of tables whose columns stand in another order, and columns and checks that are held otherwise.
pub fn told(mut moved: Vec<String>, mut held: Vec<String>) -> Vec<Box<Diagnostic>> {
    [&mut moved, &mut held].into_iter().for_each(|paths| paths.sort());
    let order = (!moved.is_empty()).then(|| {
        Diagnostic::info(
            "column-order",
            format!("columns stand in another order than declared in {}", moved.join(", ")),
        )
        .note("PostgreSQL cannot move a column; new databases get the declared order")
    });
    let own = (!held.is_empty()).then(|| {
        Diagnostic::info(
            "inherited",
            format!(
                "otherwise than declared, the table's own as well as its parent's, or its parent's alone: {}",
                held.join(", ")
            ),
        )
        .note("PostgreSQL changes that only when the table stops to inherit; new databases get it as declared")
    });
    order.into_iter().chain(own).collect()
}
