//! What the statements of a plan take for granted on a server: roles, extensions, privileges.
//!
//! Read from the statements themselves, parsed, so that no kind has to say it a second time. A statement that does not parse
//! is passed over: the server will say what is wrong with it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableType, Constraint, GrantStmt, Node, RangeVar, RoleSpec, RoleSpecType};

use crate::core::id::ObjectId;
use crate::core::name::qualified;
use crate::core::step::{Action, Step};
use crate::plan::Plan;
use crate::plan::granting::Granting;
use crate::sql::parse::{parse_one, statements};

/// What a plan takes for granted. Each with the object of the first step that does.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    /// Roles that are named, by name.
    pub(crate) roles: BTreeMap<String, ObjectId>,
    /// Extensions that are installed, by name.
    pub(crate) extensions: BTreeMap<String, ObjectId>,
    /// A schema that is created.
    pub(crate) new_schema: Option<ObjectId>,
    /// Objects that only superusers create.
    pub(crate) superuser: Vec<ObjectId>,
    /// Objects that exist, and that only their owners may change or drop.
    pub(crate) owned: BTreeSet<ObjectId>,
    /// Relations that exist, and that something is done to for which PostgreSQL asks for a privilege on them instead of owning them.
    pub(crate) privileges: BTreeSet<Privilege>,
    /// Roles that must be ours, each in every way that a statement asks for: since 16, one can hold without another.
    pub(crate) members: BTreeMap<(String, Membership), ObjectId>,
    /// Relations that something is created on, and that the plan takes for being there.
    pub(crate) relations: BTreeMap<String, ObjectId>,
    /// What is granted and revoked on objects that exist.
    pub(crate) grants: BTreeSet<Granting>,
    /// Schemas that exist, and that something is created in.
    pub(crate) create_in: BTreeMap<String, ObjectId>,
    created_roles: BTreeSet<String>,
}

/// What only holders of a privilege on a relation may do to it, besides its owner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Privilege {
    /// The relation's qualified name, as SQL has it.
    pub(crate) relation: String,
    /// Which privilege.
    pub(crate) right: Right,
    /// The columns that are meant, where not all are.
    pub(crate) columns: Vec<String>,
    /// The object for which it is needed.
    pub(crate) object: ObjectId,
}

/// What allows to do something to a relation that one does not own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Right {
    /// To create a trigger.
    Trigger,
    /// To refer to it by a foreign key.
    References,
    /// To refresh, analyze, reindex it; it has this privilege since 17.
    Maintain,
    /// Nothing but being its owner: to index it, to make a partition of it or inherit from it.
    Owner,
    /// The same; but a managed service may make an exception for policies.
    Policy,
    /// The same for the drop of triggers.
    DropTrigger,
}

/// In which way a role must be ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Membership {
    /// Something is given to it.
    NewOwner,
    /// We act for it.
    Acting,
    /// It has granted what is taken back.
    Grantor,
}

impl Needs {
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut needs = Self::default();
        let created: BTreeSet<&ObjectId> = plan.steps().flat_map(|s| &s.creates).collect();
        let new_relations: BTreeSet<String> = created.iter().map(|id| id.top_sql()).collect();
        let schemas: BTreeSet<Cow<'_, str>> =
            created.iter().filter(|c| c.parent_str().is_none()).filter_map(|c| c.schema()).collect();
        for step in plan.steps() {
            needs.add_privileges(step, &created, &schemas);
            let object = step.object.clone();
            if worth_parsing(&step.sql)
                && let Ok(found) = parse_one(&step.sql, move |statement| Found::of_step(statement, &object))
            {
                let of_old = found.relations.iter().filter(|(relation, ..)| !new_relations.contains(relation));
                needs.privileges.extend(of_old.map(|(relation, right, columns)| {
                    let (relation, object) = (relation.clone(), step.object.clone());
                    Privilege { relation, right: *right, columns: columns.clone(), object }
                }));
                let top = step.object.top();
                let is_new = created.contains(&top) || top.schema().is_some_and(|s| schemas.contains(&s));
                needs.add(Found { granting: found.granting.clone().filter(|_| !is_new), ..found }, &step.object);
            }
        }
        let created = std::mem::take(&mut needs.created_roles);
        needs.roles.retain(|role, _| !created.contains(role));
        // What is renamed, or moved, has its new name only by then.
        let moves = |step: &Step| {
            step.action == Action::Rename || step.sql.contains(" RENAME ") || step.sql.contains(" SET SCHEMA ")
        };
        if plan.steps().any(moves) {
            needs.relations.clear();
        }
        needs
    }

    fn add(&mut self, found: Found, object: &ObjectId) {
        for role in found.roles {
            self.roles.entry(role).or_insert_with(|| object.clone());
        }
        self.grants.extend(found.granting);
        for (role, membership) in found.members {
            self.members.entry((role, membership)).or_insert_with(|| object.clone());
        }
        self.created_roles.extend(found.created_role);
        if let Some(extension) = found.extension {
            self.extensions.entry(extension).or_insert_with(|| object.clone());
        }
        if found.new_schema {
            self.new_schema.get_or_insert_with(|| object.clone());
        }
        if found.superuser {
            self.superuser.push(object.clone());
        }
    }

    fn add_privileges(&mut self, step: &Step, created: &BTreeSet<&ObjectId>, new_schemas: &BTreeSet<Cow<'_, str>>) {
        let (object, top) = (&step.object, step.object.top());
        // Rights to grant go beyond owners, and rows have rights of their own.
        let grants =
            step.sql.starts_with("GRANT ") || step.sql.starts_with("REVOKE ") || step.sql.starts_with("ALTER DEFAULT ");
        let in_new_schema = top.schema().is_some_and(|s| new_schemas.contains(&s));
        let is_new = in_new_schema || created.contains(&top);
        if is_new && *object != top || grants || step.action == Action::Data {
            return;
        }
        if step.action == Action::Create && *object == top {
            let Some(schema) = object.schema() else { return };
            if object.parent().is_some() && !object.kind().is_component() && !in_new_schema {
                self.create_in.entry(schema.into_owned()).or_insert_with(|| object.clone());
            }
        } else if !is_new {
            let on_relation = [
                "CREATE TRIGGER ",
                "CREATE CONSTRAINT TRIGGER ",
                "CREATE POLICY ",
                "CREATE INDEX ",
                "CREATE UNIQUE INDEX ",
            ];
            if on_relation.iter().any(|begin| step.sql.starts_with(begin)) && top.schema().is_some() {
                self.relations.entry(top.sql()).or_insert_with(|| object.clone());
            }
            match right(&step.sql) {
                Some(right) => {
                    let (relation, columns, object) = (top.sql(), Vec::new(), object.clone());
                    self.privileges.insert(Privilege { relation, right, columns, object });
                }
                None => _ = self.owned.insert(top),
            }
        }
    }
}

/// What allows to run a statement on an object that one does not own, where there is such a thing.
fn right(sql: &str) -> Option<Right> {
    const RIGHTS: &[(&str, Right)] = &[
        ("CREATE TRIGGER ", Right::Trigger),
        ("CREATE OR REPLACE TRIGGER ", Right::Trigger),
        ("CREATE CONSTRAINT TRIGGER ", Right::Trigger),
        ("DROP TRIGGER ", Right::DropTrigger),
        ("CREATE POLICY ", Right::Policy),
        ("ALTER POLICY ", Right::Policy),
        ("DROP POLICY ", Right::Policy),
        ("REFRESH MATERIALIZED VIEW ", Right::Maintain),
        ("ANALYZE ", Right::Maintain),
        ("REINDEX ", Right::Maintain),
    ];
    RIGHTS.iter().find(|(begin, _)| sql.starts_with(begin)).map(|(_, right)| *right)
}

/// The roles that statements name, but for those that they create.
pub(crate) fn roles_named(steps: &[&Step]) -> BTreeSet<String> {
    let mut needs = Needs::default();
    for step in steps.iter().filter(|step| worth_parsing(&step.sql)) {
        if let Ok(found) = parse_one(&step.sql, Found::of) {
            needs.add(found, &step.object);
        }
    }
    let Needs { roles, created_roles, .. } = needs;
    roles.into_keys().filter(|role| !created_roles.contains(role)).collect()
}

/// Whether a statement may name a role or an extension, or need a superuser. Plans may have many thousands of statements.
fn worth_parsing(sql: &str) -> bool {
    const WORDS: &[&str] = &[
        " TO ",
        "GRANT ",
        "REVOKE ",
        "OWNER",
        "EXTENSION",
        " ROLE ",
        "AUTHORIZATION",
        "EVENT TRIGGER",
        "CREATE SCHEMA",
        "WRAPPER",
        "OPERATOR",
        "REFERENCES ",
        "INDEX ",
        "PARTITION OF ",
        "INHERITS ",
    ];
    WORDS.iter().any(|word| sql.contains(word))
}

/// What one statement takes for granted.
#[derive(Debug, Default)]
struct Found {
    roles: Vec<String>,
    created_role: Option<String>,
    extension: Option<String>,
    new_schema: bool,
    superuser: bool,
    members: Vec<(String, Membership)>,
    relations: Vec<(String, Right, Vec<String>)>,
    granting: Option<Granting>,
}

impl Found {
    fn of_step(statement: &NodeEnum, object: &ObjectId) -> Self {
        let mut found = Self::of(statement);
        if let NodeEnum::GrantStmt(grant) = statement {
            found.granting = Granting::of(grant, object);
        }
        found
    }

    fn of(statement: &NodeEnum) -> Self {
        let mut found = Self::default();
        match statement {
            NodeEnum::CreatePolicyStmt(s) => found.nodes(&s.roles),
            NodeEnum::AlterPolicyStmt(s) => found.nodes(&s.roles),
            NodeEnum::GrantStmt(s) => found.grant(s),
            NodeEnum::AlterDefaultPrivilegesStmt(s) => {
                for option in &s.options {
                    if let Some(NodeEnum::DefElem(option)) = &option.node
                        && let Some(NodeEnum::List(list)) = option.arg.as_ref().and_then(|a| a.node.as_ref())
                    {
                        let before = found.roles.len();
                        found.nodes(&list.items);
                        if option.defname == "roles" {
                            let acting = found.roles.iter().skip(before).map(|r| (r.clone(), Membership::Acting));
                            found.members.extend(acting.collect::<Vec<_>>());
                        }
                    }
                }
                if let Some(action) = &s.action {
                    found.grant(action);
                }
            }
            NodeEnum::GrantRoleStmt(s) => {
                found.nodes(&s.grantee_roles);
                for granted in &s.granted_roles {
                    if let Some(NodeEnum::AccessPriv(granted)) = &granted.node {
                        found.roles.push(granted.priv_name.clone());
                    }
                }
            }
            NodeEnum::AlterOwnerStmt(s) => found.new_owner(s.newowner.as_ref()),
            NodeEnum::AlterTableStmt(s) => {
                for command in &s.cmds {
                    let Some(NodeEnum::AlterTableCmd(command)) = &command.node else { continue };
                    if command.subtype() == AlterTableType::AtChangeOwner {
                        found.new_owner(command.newowner.as_ref());
                    }
                    match command.def.as_ref().and_then(|def| def.node.as_ref()) {
                        Some(NodeEnum::Constraint(constraint)) => found.foreign_key(constraint),
                        Some(NodeEnum::ColumnDef(column)) => found.foreign_keys(&column.constraints),
                        Some(NodeEnum::PartitionCmd(part)) => found.relation(part.name.as_ref(), Right::Owner),
                        _ => {}
                    }
                    if command.subtype() == AlterTableType::AtAddInherit
                        && let Some(NodeEnum::RangeVar(parent)) = command.def.as_ref().and_then(|d| d.node.as_ref())
                    {
                        found.relation(Some(parent), Right::Owner);
                    }
                }
            }
            NodeEnum::CreateStmt(s) => {
                for parent in &s.inh_relations {
                    if let Some(NodeEnum::RangeVar(parent)) = &parent.node {
                        found.relation(Some(parent), Right::Owner);
                    }
                }
                found.foreign_keys(&s.table_elts);
                found.foreign_keys(&s.constraints);
            }
            NodeEnum::IndexStmt(s) => found.relation(s.relation.as_ref(), Right::Owner),
            NodeEnum::CreateSchemaStmt(s) => {
                found.new_schema = true;
                found.new_owner(s.authrole.as_ref());
            }
            NodeEnum::DoStmt(s) => {
                for argument in &s.args {
                    if let Some(NodeEnum::DefElem(argument)) = &argument.node
                        && let Some(NodeEnum::String(body)) = argument.arg.as_ref().and_then(|arg| arg.node.as_ref())
                    {
                        found.become_grantor(&body.sval);
                    }
                }
            }
            NodeEnum::CreateRoleStmt(s) => found.created_role = Some(s.role.clone()),
            NodeEnum::CreateExtensionStmt(s) => found.extension = Some(s.extname.clone()),
            NodeEnum::CreateEventTrigStmt(_)
            | NodeEnum::CreateFdwStmt(_)
            | NodeEnum::CreateOpClassStmt(_)
            | NodeEnum::CreateOpFamilyStmt(_)
            | NodeEnum::CreateAmStmt(_) => found.superuser = true,
            _ => {}
        }
        found
    }

    /// A block that becomes another role, to take back what that role has granted.
    fn become_grantor(&mut self, body: &str) {
        let inside = body.trim().strip_prefix("BEGIN").and_then(|rest| rest.strip_suffix("END"));
        let Some(all) = inside.filter(|text| text.contains("SET LOCAL ROLE")).and_then(|text| statements(text).ok())
        else {
            return;
        };
        for statement in all.iter().filter_map(|raw| raw.stmt.as_ref()?.node.as_ref()) {
            let NodeEnum::VariableSetStmt(set) = statement else { continue };
            if set.name == "role"
                && let Some(NodeEnum::AConst(value)) = set.args.first().and_then(|arg| arg.node.as_ref())
                && let Some(pg_query::protobuf::a_const::Val::Sval(role)) = &value.val
            {
                self.members.push((role.sval.clone(), Membership::Grantor));
            }
        }
    }

    fn grant(&mut self, grant: &GrantStmt) {
        self.nodes(&grant.grantees);
    }

    fn nodes(&mut self, nodes: &[Node]) {
        for node in nodes {
            if let Some(NodeEnum::RoleSpec(role)) = &node.node {
                self.role(Some(role));
            }
        }
    }

    fn relation(&mut self, relation: Option<&RangeVar>, right: Right) {
        if let Some(relation) = relation.filter(|relation| !relation.schemaname.is_empty()) {
            self.relations.push((qualified(&relation.schemaname, &relation.relname), right, Vec::new()));
        }
    }

    fn foreign_keys(&mut self, nodes: &[Node]) {
        for node in nodes {
            match &node.node {
                Some(NodeEnum::Constraint(constraint)) => self.foreign_key(constraint),
                Some(NodeEnum::ColumnDef(column)) => self.foreign_keys(&column.constraints),
                _ => {}
            }
        }
    }

    fn foreign_key(&mut self, constraint: &Constraint) {
        let before = self.relations.len();
        self.relation(constraint.pktable.as_ref(), Right::References);
        if let Some((_, _, columns)) = self.relations.get_mut(before) {
            let name = |node: &Node| match &node.node {
                Some(NodeEnum::String(text)) => Some(text.sval.clone()),
                _ => None,
            };
            *columns = constraint.pk_attrs.iter().filter_map(name).collect();
        }
    }

    fn new_owner(&mut self, role: Option<&RoleSpec>) {
        let before = self.roles.len();
        self.role(role);
        let owners = self.roles.iter().skip(before).map(|role| (role.clone(), Membership::NewOwner));
        self.members.extend(owners.collect::<Vec<_>>());
    }

    /// A role by its name; `PUBLIC` and `CURRENT_USER` always exist.
    fn role(&mut self, role: Option<&RoleSpec>) {
        if let Some(role) = role
            && role.roletype() == RoleSpecType::RolespecCstring
        {
            self.roles.push(role.rolename.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_found_wherever_they_are_named() {
        let roles = |sql: &str| parse_one(sql, |s| Found::of(s).roles).unwrap();
        for (sql, names) in [
            ("CREATE POLICY p ON t TO a, \"B c\", public USING (true)", &["a", "B c"][..]),
            ("ALTER POLICY p ON t TO a", &["a"]),
            ("GRANT SELECT ON t TO a WITH GRANT OPTION", &["a"]),
            ("REVOKE ALL ON SCHEMA s FROM PUBLIC, a", &["a"]),
            ("ALTER TABLE t OWNER TO a", &["a"]),
            ("ALTER FUNCTION f(int) OWNER TO a", &["a"]),
            ("ALTER DEFAULT PRIVILEGES FOR ROLE a IN SCHEMA s GRANT SELECT ON TABLES TO b", &["a", "b"]),
            ("CREATE SCHEMA s AUTHORIZATION a", &["a"]),
            ("GRANT a TO b", &["b", "a"]),
            ("ALTER TABLE t RENAME TO x", &[]),
        ] {
            assert!(worth_parsing(sql), "{sql}");
            assert_eq!(roles(sql), names, "{sql}");
        }
    }
}
