//! Of whom a project says what they may do, whether or not that is anything: for scripts that meet a state they have not read.

use std::collections::BTreeSet;

use crate::core::catalog::{Catalog, CatalogBuilder};
use crate::core::id::ObjectId;
use crate::core::name::{dollar_quoted, ident, literal};
use crate::kinds::table::column::Column;
use crate::kinds::{KindTag, Object};

use super::acl::Privileges;
use super::complete::{ManageAccess, Named};
use super::{DefaultPrivilege, Grant, Owner, grant, object_type, sequence_grant};

/// What a project decides about privileges, as declared, in terms of the completed state.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    /// The [`Grant`]s and [`SequenceGrant`]s, also those that are not to be.
    grants: BTreeSet<ObjectId>,
    /// Default privileges that are not to be.
    closed: Vec<DefaultPrivilege>,
    /// The roles of the platform's API.
    api_roles: Vec<String>,
}

impl Decided {
    /// Reads it from what a project declares, before it is completed.
    pub fn of(declared: &CatalogBuilder, manage: &ManageAccess<'_>) -> Self {
        let named = Named::of(declared.iter());
        let everyone = || {
            let always = manage.api_roles.iter().map(|role| (*role).to_owned()).chain(["public".to_owned()]);
            named.grantees.union(&named.mentioned).cloned().chain(always)
        };
        let api_roles = manage.api_roles.iter().map(|role| (*role).to_owned()).collect();
        let mut decided = Self { api_roles, ..Self::default() };
        let mut defaults = BTreeSet::new();
        for (id, object) in declared.iter() {
            let Some(parent) = id.parent() else {
                if let Some(default) = DefaultPrivilege::of(object) {
                    defaults.insert((default.role.clone(), default.schema.clone(), default.object_type.clone()));
                }
                continue;
            };
            if !matches!(id.kind(), KindTag::Grant | KindTag::SequenceGrant) {
                continue;
            }
            if !Grant::is_complete_list(id) {
                decided.grants.insert(id.clone());
            } else if manage.manages_schema_of(&parent) {
                decided.grants.extend(everyone().map(|grantee| parent.child(id.kind(), &grantee)));
            }
        }
        for (role, schema, object_type) in defaults {
            for grantee in everyone().filter(|grantee| named.grantees.contains(grantee) || manage.always(grantee)) {
                let none = DefaultPrivilege {
                    role: role.clone(),
                    schema: schema.clone(),
                    object_type: object_type.clone(),
                    grantee,
                    privileges: Privileges::new(),
                };
                let said = declared.get(&none.id()).and_then(DefaultPrivilege::of);
                // What PUBLIC has without being declared is taken from it only where the project says so.
                if said.map_or(schema.is_some(), |said| said.privileges.is_empty()) && none.grantee != role {
                    decided.closed.push(none);
                }
            }
        }
        decided
    }

    /// The privileges that nobody is to have, of objects that are to be there.
    pub fn closed<'a>(&'a self, to: &'a Catalog) -> impl Iterator<Item = &'a ObjectId> {
        let is_owner = |id: &ObjectId| {
            let owner = id.parent().and_then(|object| Owner::get(to, &Owner::id(&object.top())));
            owner.is_some_and(|owner| *owner.role == *id.name())
        };
        let is_there = |id: &ObjectId| id.parent().is_some_and(|object| to.contains(&object));
        self.grants.iter().filter(move |id| !to.contains(id) && is_there(id) && !is_owner(id))
    }

    /// The default privileges that nobody is to have.
    pub fn closed_defaults(&self) -> &[DefaultPrivilege] {
        &self.closed
    }

    /// The grantees of whom the project says what they may do with an object, and with the sequences of its identity columns: what
    /// stands behind ON, with them.
    fn targets(&self, id: &ObjectId, object: &Object, to: &Catalog) -> Vec<(String, BTreeSet<String>)> {
        let decided = |kind: KindTag, of: &ObjectId| -> BTreeSet<String> {
            let ours = self.grants.range(of.child(kind, "")..).take_while(|grant| grant.is_within(of));
            ours.filter(|grant| grant.kind() == kind && grant.parent_str() == Some(of.as_str()))
                .map(|grant| grant.name().into_owned())
                .collect()
        };
        let mut targets = Vec::new();
        if object_type(id.kind()).is_some_and(|letter| letter != 'c') {
            targets.push((grant::target(id, object).1, decided(KindTag::Grant, id)));
        }
        let columns = to.children(id, KindTag::Column).chain(std::iter::once((id, object)));
        for (column, object) in columns {
            if let Some(sequence) = Column::of(object).and_then(|c| c.identity_sequence(column)) {
                targets.push((sequence_grant::on(&sequence), decided(KindTag::SequenceGrant, column)));
            }
        }
        targets
    }

    /// The lines of a block that take from those of whom the project says what they may do with an object whatever default
    /// privileges gave them when it was created. What they are to have is granted afterwards.
    pub fn cleared(&self, id: &ObjectId, object: &Object, to: &Catalog) -> Option<String> {
        let mut body = String::new();
        self.targets(id, object, to).iter().for_each(|(on, grantees)| taken_back(on, grantees, &mut body));
        (!body.is_empty()).then_some(body)
    }

    /// Whether what default privileges gave somebody is taken back by [`Decided::taken_back_unread`]; the id is that of the privileges.
    pub fn is_taken_back_unread(&self, grant: &ObjectId) -> bool {
        self.grants.contains(grant) && self.api_roles.iter().any(|role| *role == *grant.name())
    }

    /// The same as plain statements, for the roles of the platform's API alone: they are there.
    pub fn taken_back_unread(&self, id: &ObjectId, object: &Object, to: &Catalog) -> Vec<String> {
        let owner = Owner::get(to, &Owner::id(id)).map(|owner| owner.role.as_str());
        let of = |(on, grantees): (String, BTreeSet<String>)| {
            let is_theirs = |role: &&String| grantees.contains(*role) && Some(role.as_str()) != owner;
            let roles: Vec<String> = self.api_roles.iter().filter(is_theirs).map(|role| ident(role)).collect();
            (!roles.is_empty()).then(|| format!("REVOKE ALL ON {on} FROM {}", roles.join(", ")))
        };
        self.targets(id, object, to).into_iter().filter_map(of).collect()
    }
}

/// The lines of a PL/pgSQL block that take all from some grantees. A role that is not there has nothing.
fn taken_back(on: &str, grantees: &BTreeSet<String>, body: &mut String) {
    if grantees.contains("public") {
        body.push_str(&format!("    REVOKE ALL ON {on} FROM PUBLIC;\n"));
    }
    let roles: Vec<String> = grantees.iter().filter(|grantee| *grantee != "public").map(|role| literal(role)).collect();
    if !roles.is_empty() {
        body.push_str(&format!(
            "    FOR who IN SELECT pg_catalog.quote_ident(rolname) FROM pg_catalog.pg_roles WHERE rolname IN ({}) AND rolname <> current_user LOOP\n      \
             EXECUTE {} || who;\n    END LOOP;\n",
            roles.join(", "),
            literal(&format!("REVOKE ALL ON {on} FROM "))
        ));
    }
}

/// The setting that says, in such a script, whether an object was there before.
const WAS_THERE: &str = "trueup.was_there";

/// The statements around those that create an object: what takes back what default privileges gave runs only where it was not there.
pub fn around_creation(there: &str, taken_back: &str) -> (String, String) {
    let before = format!("SELECT set_config({}, ({there})::text, true)", literal(WAS_THERE));
    let body = format!(
        "\nDECLARE\n  who text;\nBEGIN\n  IF current_setting({}) = 'false' THEN\n{taken_back}  END IF;\nEND\n",
        literal(WAS_THERE)
    );
    (before, format!("DO {}", dollar_quoted(&body)))
}

/// An SQL expression that is true where nobody has such default privileges.
pub fn is_closed(default: &DefaultPrivilege) -> String {
    let role = match default.role.as_str() {
        "" => "current_user".to_owned(),
        role => literal(role),
    };
    let schema = match &default.schema {
        Some(schema) => format!("(SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = {})", literal(schema)),
        None => "0".to_owned(),
    };
    format!(
        "NOT EXISTS (SELECT FROM pg_catalog.pg_default_acl a CROSS JOIN LATERAL aclexplode(a.defaclacl) e \
         WHERE a.defaclrole = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = {role}) AND a.defaclnamespace = {schema} \
         AND a.defaclobjtype = '{}' AND e.grantee = {})",
        default.letter_of_catalog(),
        grantee_oid(&default.grantee)
    )
}

/// The oid of a grantee in access lists, as an SQL expression.
pub fn grantee_oid(grantee: &str) -> String {
    match grantee {
        "public" => "0".to_owned(),
        role => format!("(SELECT oid FROM pg_catalog.pg_roles WHERE rolname = {})", literal(role)),
    }
}
