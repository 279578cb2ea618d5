//! What a GRANT or REVOKE is about, as far as it decides who may run it.

use pg_query::NodeEnum;
use pg_query::protobuf::{GrantStmt, ObjectType, RoleSpecType};

use crate::core::id::ObjectId;
use crate::core::name::{ident, qualified};

/// A GRANT or REVOKE on an object that is there. PostgreSQL only warns where it can do nothing of it, or not all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Granting {
    /// Whether it gives.
    pub(crate) gives: bool,
    /// The letter of the object's type, as `acldefault` takes it.
    pub(crate) letter: char,
    /// The object's name: as SQL has it for what lies in a schema, else without quotes.
    pub(crate) name: String,
    /// The name as people read it.
    pub(crate) shown: String,
    /// The columns, where only those are meant.
    pub(crate) columns: Vec<String>,
    /// The privileges; none stands for all.
    pub(crate) words: Vec<String>,
    /// Who they are given to or taken from; `public` for PUBLIC.
    pub(crate) grantees: Vec<String>,
    /// The object of the step.
    pub(crate) object: ObjectId,
}

impl Granting {
    /// Reads one from its statement. A routine is known by its signature, which `object` has.
    pub(crate) fn of(statement: &GrantStmt, object: &ObjectId) -> Option<Self> {
        let letter = match statement.objtype() {
            ObjectType::ObjectTable => 'r',
            ObjectType::ObjectSequence => 's',
            ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectRoutine => 'f',
            ObjectType::ObjectSchema => 'n',
            ObjectType::ObjectType | ObjectType::ObjectDomain => 'T',
            ObjectType::ObjectFdw => 'F',
            ObjectType::ObjectForeignServer => 'S',
            ObjectType::ObjectLanguage => 'l',
            _ => return None,
        };
        let (name, shown) = match statement.objects.first()?.node.as_ref()? {
            NodeEnum::RangeVar(relation) if !relation.schemaname.is_empty() => {
                let name = qualified(&relation.schemaname, &relation.relname);
                (name.clone(), name)
            }
            NodeEnum::List(list) => {
                let parts: Vec<String> = list.items.iter().filter_map(|item| text(item.node.as_ref()?)).collect();
                let [schema, name] = parts.as_slice() else { return None };
                (qualified(schema, name), qualified(schema, name))
            }
            NodeEnum::String(name) => (name.sval.clone(), ident(&name.sval)),
            NodeEnum::ObjectWithArgs(_) => {
                let routine = std::iter::successors(Some(object.clone()), ObjectId::parent)
                    .find(|id| id.kind().name_is_signature())?;
                (routine.sql(), routine.sql())
            }
            _ => return None,
        };
        let (mut words, mut columns) = (Vec::new(), Vec::new());
        for privilege in &statement.privileges {
            let Some(NodeEnum::AccessPriv(privilege)) = &privilege.node else { continue };
            if !privilege.priv_name.is_empty() {
                words.push(privilege.priv_name.to_uppercase());
            }
            columns.extend(privilege.cols.iter().filter_map(|column| text(column.node.as_ref()?)));
        }
        let grantees = statement.grantees.iter().filter_map(|grantee| match grantee.node.as_ref()? {
            NodeEnum::RoleSpec(role) if role.roletype() == RoleSpecType::RolespecPublic => Some("public".to_owned()),
            NodeEnum::RoleSpec(role) => Some(role.rolename.clone()),
            _ => None,
        });
        let grantees = grantees.collect();
        Some(Self { gives: statement.is_grant, letter, name, shown, columns, words, grantees, object: object.clone() })
    }
}

fn text(node: &NodeEnum) -> Option<String> {
    match node {
        NodeEnum::String(text) => Some(text.sval.clone()),
        _ => None,
    }
}
