//! Default privileges (`pg_default_acl`; ALTER DEFAULT PRIVILEGES): what objects get that a role creates later.
//!
//! One object per role, schema (or none), object type and grantee, where the grantee's privileges differ from what would hold
//! without any setting: nothing in a schema; the built-in defaults (`acldefault`) for the role and PUBLIC otherwise. An object
//! without privileges says that a built-in default is revoked. Settings within a schema add to the ones without.
//!
//! Their steps run last, so that what else the plan creates is not changed by them; see `initial_privileges`.

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::name::{ident, role as role_sql};
use crate::core::step::{HazardKind, Phase, Step};
use crate::core::versions;
use crate::declare::context::DeclareContext;
use crate::introspect::{Reader, Row};
use crate::kinds::common::{Declare, Introspect, WriteContext};
use crate::kinds::{Attribute, Kind, KindInfo, KindTag, Mention, Mentions};
use crate::plan::context::PlanContext;
use crate::yaml::{Definition, Fields, Key, KeyDoc, Node, Out, Shape};

use super::acl::{self, Access, Privileges, Subject};

attributes! {
    /// What a grantee gets on the objects of one type that a role will create.
    pub struct DefaultPrivilege {
        /// The role that creates the objects; empty in a declaration: the connecting role.
        role: String => Replace,
        /// The schema they are created in; none: everywhere.
        schema: Option<String> => Replace,
        /// `tables`, `sequences`, `functions`, `types`, `schemas` or (from 18 on) `large_objects`.
        object_type: String => Replace,
        /// Who gets the privileges; `public` for PUBLIC.
        grantee: String => Replace,
        /// The privileges; see [`super::Grant::privileges`].
        privileges: Privileges => Alter(|c| c.new.steps(c.id, &c.old.privileges, &c.new.privileges, c.cx)),
    }
}

/// The words for object types, with the letters of `pg_default_acl` and of `acldefault`.
const TYPES: &[(&str, char, char)] = &[
    ("tables", 'r', 'r'),
    ("sequences", 'S', 's'),
    ("functions", 'f', 'f'),
    ("types", 'T', 'T'),
    ("schemas", 'n', 'n'),
    ("large_objects", 'L', 'L'),
];

const TYPE_WORDS: &[&str] = &["tables", "sequences", "functions", "types", "schemas", "large_objects"];

/// The letter that `acldefault` takes for a word of the language.
pub(in crate::kinds) fn letter(word: &str) -> char {
    TYPES.iter().find(|(w, ..)| *w == word).map_or('r', |(.., l)| *l)
}

impl DefaultPrivilege {
    /// The id: the words of the statement, in which the quoted names cannot be mistaken for one another.
    pub fn id(&self) -> ObjectId {
        let mut name = ident(&self.role);
        if let Some(schema) = &self.schema {
            name.push_str(&format!(" in {}", ident(schema)));
        }
        name.push_str(&format!(" on {} to {}", self.object_type, role_sql(&self.grantee)));
        ObjectId::root(KindTag::DefaultPrivilege, &name)
    }

    /// What says nothing of a role but that its default privileges are declared, and that there are none: what it has itself without a word.
    fn of_nobody(role: String, schema: Option<String>, object_type: &str) -> Self {
        let privileges = schema.is_none().then(|| ("ALL".to_owned(), false)).into_iter().collect();
        Self { grantee: role.clone(), role, schema, object_type: object_type.to_owned(), privileges }
    }

    /// What the grantee gets without this object.
    fn base(&self, major: u32) -> Privileges {
        if self.schema.is_some() {
            return Privileges::new();
        }
        acl::builtin(letter(&self.object_type), &self.role, major).remove(&self.grantee).unwrap_or_default()
    }

    /// Whether it says nothing that would not hold without it.
    pub(super) fn is_base(&self, major: u32) -> bool {
        self.privileges == self.base(major)
    }

    /// The letter of its type of objects in `pg_default_acl`, which has a capital for sequences where `acldefault` takes a small one.
    pub(in crate::kinds) fn letter_of_catalog(&self) -> char {
        TYPES.iter().find(|(word, ..)| *word == self.object_type).map_or('r', |(_, letter, _)| *letter)
    }

    /// Whether it gives every privilege, none of them to be granted on. MAINTAIN may be missing: not every server has it.
    pub fn is_all(&self) -> bool {
        let known = acl::words_of(letter(&self.object_type), versions::MAINTAIN - 1);
        known.iter().all(|word| self.privileges.get(*word) == Some(&false))
    }

    /// Whether it gives less than would hold without it.
    pub(super) fn is_restriction(&self, major: u32) -> bool {
        let base = self.base(major);
        !self.is_base(major)
            && self.privileges.iter().all(|(word, option)| base.get(word).is_some_and(|had| had >= option))
    }

    fn steps(&self, id: &ObjectId, before: &Privileges, after: &Privileges, cx: &PlanContext<'_>) -> Vec<Step> {
        let is_said = cx.to.contains(id);
        let object_type = letter(&self.object_type);
        let mut prefix = "ALTER DEFAULT PRIVILEGES ".to_owned();
        if !self.role.is_empty() {
            prefix.push_str(&format!("FOR ROLE {} ", ident(&self.role)));
        }
        if let Some(schema) = &self.schema {
            prefix.push_str(&format!("IN SCHEMA {} ", ident(schema)));
        }
        let on = self.object_type.replace('_', " ").to_uppercase();
        let subject =
            Subject { prefix: &prefix, on: &on, column: None, grantee: &self.grantee, object_type, major: cx.major };
        let expanded = |p: &Privileges| acl::expanded(p, object_type, cx.major);
        let statements = subject.statements(&expanded(before), &expanded(after));
        statements
            .into_iter()
            .enumerate()
            .map(|(rank, s)| {
                let step = Step::alter(id, s.sql).phase(Phase::Expand);
                let step = if s.revokes || is_said {
                    step.hazard(HazardKind::Access, "changes who may use objects created later")
                } else {
                    let who = &self.grantee;
                    let reason = format!("{who} may use objects created later, by what no file of the project says");
                    step.hazard_to_consent_to(HazardKind::Access, reason)
                };
                step.rank(u8::try_from(rank).unwrap_or(u8::MAX))
            })
            .collect()
    }
}

impl Kind for DefaultPrivilege {
    const INFO: KindInfo = KindInfo {
        last: true,
        composed: true,
        setting: true,
        ..KindInfo::new("default_privilege", "default privileges")
    };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        id.name().into_owned()
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let mut steps = self.steps(id, &self.base(cx.major), &self.privileges, cx);
        for step in &mut steps {
            step.action = crate::core::step::Action::Create;
        }
        if let Some(first) = steps.first_mut() {
            first.creates.push(id.clone());
        }
        steps
    }

    fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let mut steps = self.steps(id, &self.privileges, &self.base(cx.major), cx);
        for step in &mut steps {
            step.action = crate::core::step::Action::Drop;
        }
        if let Some(last) = steps.last_mut() {
            last.destroys.push(id.clone());
        }
        steps
    }

    fn belongs_to(&self, _id: &ObjectId, _catalog: &Catalog) -> Option<ObjectId> {
        self.schema.as_ref().map(|s| ObjectId::root(KindTag::Schema, s))
    }

    fn after_renames(&self, _id: &ObjectId, now: &dyn Fn(&ObjectId) -> ObjectId) -> Option<(ObjectId, Self)> {
        let schema = now(&ObjectId::root(KindTag::Schema, self.schema.as_ref()?)).name().into_owned();
        let moved = Self { schema: Some(schema), ..self.clone() };
        Some((moved.id(), moved))
    }

    fn rename(&self, _old: &ObjectId, _new: &ObjectId) -> Vec<Step> {
        Vec::new()
    }

    fn mentions(&self, _id: &ObjectId, out: &mut Mentions) {
        if let Some(schema) = &self.schema {
            out.add(Mention::Object(ObjectId::root(KindTag::Schema, schema)));
        }
    }
}

impl Introspect for DefaultPrivilege {
    const QUERY: &'static str = include_str!("default_privilege.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let role = out.role(row.number("role")?);
        let schema = row.opt_string("schema")?;
        let namespace: u32 = row.number("namespace")?;
        let kind = row.char("type")?;
        let Some((word, _, letter)) = TYPES.iter().find(|(_, k, _)| *k == kind) else {
            out.left_out("default privileges", &format!("for role {role}, object type {kind}"));
            return Ok(());
        };
        let access = acl::read(&row.list("acl")?);
        let base = if schema.is_some() { Access::new() } else { acl::builtin(*letter, &role, out.major) };
        let grantees: std::collections::BTreeSet<&String> = access.keys().chain(base.keys()).collect();
        for grantee in grantees {
            let privileges = access.get(grantee).cloned().unwrap_or_default();
            if privileges == base.get(grantee).cloned().unwrap_or_default() {
                continue;
            }
            let object = Self {
                role: role.clone(),
                schema: schema.clone(),
                object_type: (*word).to_owned(),
                grantee: grantee.clone(),
                privileges,
            };
            let id = object.id();
            if let Some(schema) = out.at("pg_namespace", namespace, 0).cloned() {
                out.builder.depend(&id, &schema, crate::core::catalog::Edge::Hard);
            }
            out.builder.put(id, object);
        }
        Ok(())
    }
}

/// The privileges that an object gets when `role` creates it, by grantee, with the default privileges of a catalog.
///
/// Rests on `get_user_default_acl()` in `src/backend/catalog/aclchk.c`: a setting without a schema takes the place of the
/// built-in defaults, one within the schema adds to it.
pub(super) fn initial(catalog: &Catalog, id: &ObjectId, object_type: char, role: &str, major: u32) -> Access {
    let mut access = acl::builtin(object_type, role, major);
    let settings = || {
        catalog.roots(KindTag::DefaultPrivilege).filter_map(|(_, o)| DefaultPrivilege::of(o)).filter(|d| {
            letter(&d.object_type) == object_type
                && (d.role == role || d.role.is_empty() && role == catalog.origin.role)
        })
    };
    for setting in settings().filter(|d| d.schema.is_none()) {
        access.insert(setting.grantee.clone(), acl::expanded(&setting.privileges, object_type, major));
    }
    let schema = if object_type == 'n' { None } else { id.schema() };
    for setting in settings().filter(|d| d.schema.is_some() && d.schema.as_deref() == schema.as_deref()) {
        let entry = access.entry(setting.grantee.clone()).or_default();
        *entry = acl::union(std::mem::take(entry), &acl::expanded(&setting.privileges, object_type, major));
    }
    access.retain(|grantee, privileges| grantee == role || !privileges.is_empty());
    access
}

impl Declare for DefaultPrivilege {
    const DEFINITION: Definition = Definition {
        name: "default_privileges",
        doc: "What roles get on the objects that a role will create (ALTER DEFAULT PRIVILEGES); a list.",
        scalar: None,
        keys: &[
            KeyDoc {
                name: "role",
                doc: "The role that creates the objects; default the connecting role.",
                shape: Shape::Name,
            },
            KeyDoc { name: "schema", doc: "The schema they are created in; default any.", shape: Shape::Name },
            KeyDoc { name: "on", doc: "The type of the objects.", shape: Shape::OneOf(TYPE_WORDS) },
            KeyDoc {
                name: "grants",
                doc: "Role to privileges: a list, `all`, or [] where a built-in default is revoked; {} where nobody gets any.",
                shape: Shape::MapOf(&Shape::TextList),
            },
        ],
    };

    /// Reads one item of the list.
    fn declare(_parent: Option<&ObjectId>, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
        let fields = Fields::of(node, "default privileges", Self::DEFINITION.keys)?;
        let connecting = cx.live.map(|c| c.origin.role.clone()).unwrap_or_default();
        let role = fields.name("role")?.map_or(connecting, str::to_owned);
        let schema = fields.name("schema")?.map(str::to_owned);
        let Some(object_type) = fields.one_of("on")? else {
            fields.require("on")?;
            return Ok(());
        };
        if schema.is_some() && matches!(object_type, "schemas" | "large_objects") {
            return Err(Diagnostic::error("default-privileges", format!("`{object_type}` do not lie in a schema"))
                .at(fields.place())
                .help("leave out `schema`"));
        }
        fields.require("grants")?;
        let grants = fields.map("grants")?;
        if grants.is_empty() && !role.is_empty() {
            let object = Self::of_nobody(role, schema, object_type);
            return cx.add(object.id(), object, &key.location);
        }
        for (grantee, node) in grants {
            let privileges = super::yaml::privileges(node, letter(object_type), cx)?;
            let object = Self {
                role: role.clone(),
                schema: schema.clone(),
                object_type: object_type.to_owned(),
                grantee: super::yaml::grantee(grantee),
                privileges,
            };
            let place = if node.is_null() { &key.location } else { &grantee.location };
            cx.add(object.id(), object, place)?;
        }
        Ok(())
    }

    fn write(&self, _id: &ObjectId, cx: &WriteContext<'_>) -> Out {
        item(self, vec![grant(self, cx.catalog)])
    }
}

/// Reads the top-level list `default_privileges`.
///
/// # Errors
/// `wrong-type`, `unknown-key` and the like; an entry given twice.
pub fn declare_all(node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
    let items = node.as_list("`default_privileges`")?;
    let connecting = cx.live.map(|c| c.origin.role.clone()).unwrap_or_default();
    // An empty list says that the connecting role gives nothing; of which type it is said is all one.
    if items.is_empty() && !node.is_null() && !connecting.is_empty() {
        let object = DefaultPrivilege::of_nobody(connecting, None, "large_objects");
        cx.add(object.id(), object, &node.place())?;
    }
    for item in items {
        let key = Key { text: String::new(), location: item.place() };
        DefaultPrivilege::declare(None, &key, item, cx)?;
    }
    Ok(())
}

fn grant(object: &DefaultPrivilege, catalog: &Catalog) -> (String, Out) {
    let value = super::yaml::out(&object.privileges, letter(&object.object_type), catalog.origin.major);
    (super::yaml::grantee_key(&object.grantee), value)
}

fn item(object: &DefaultPrivilege, grants: Vec<(String, Out)>) -> Out {
    let mut entries = Vec::new();
    if !object.role.is_empty() {
        entries.push(("role".to_owned(), Out::text(&object.role)));
    }
    if let Some(schema) = &object.schema {
        entries.push(("schema".to_owned(), Out::text(schema)));
    }
    entries.push(("on".to_owned(), Out::text(&object.object_type)));
    entries.push(("grants".to_owned(), Out::Map(grants)));
    Out::Map(entries)
}

/// All default privileges as the top-level list: one item per role, schema and type. Nothing where there are none.
pub fn write_all(catalog: &Catalog, is_written: &dyn Fn(&DefaultPrivilege) -> bool) -> Option<Out> {
    let mut objects: Vec<&DefaultPrivilege> = catalog
        .roots(KindTag::DefaultPrivilege)
        .filter_map(|(_, o)| DefaultPrivilege::of(o))
        .filter(|d| is_written(d))
        .collect();
    let key = |d: &DefaultPrivilege| (d.role.clone(), d.schema.clone(), d.object_type.clone());
    objects.sort_by_cached_key(|d| (key(d), d.grantee.clone()));
    let items: Vec<Out> = objects
        .chunk_by(|a, b| key(a) == key(b))
        .filter_map(|group| Some(item(group.first()?, group.iter().map(|d| grant(d, catalog)).collect())))
        .collect();
    (!items.is_empty()).then_some(Out::List(items))
}
