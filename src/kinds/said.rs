//! Whether something is said of an object already. A script that may meet any state says again only what is not: much of it takes the
//! owner of the object, also where it would change nothing, and not all that a project has was made by the role that runs the script.

use crate::core::id::ObjectId;
use crate::core::name::literal;
use crate::core::versions;
use crate::kinds::component::decided::grantee_oid;
use crate::kinds::component::{acl, default_privilege, object_type};
use crate::kinds::ensure::{exists, index_name, labels, regclass, when};
use crate::kinds::holds::{access_list, options_are};
use crate::kinds::options::Holder;
use crate::kinds::{KindTag, Object};

/// Statements about an object, run where they would change something. `create` are those that were made for it.
pub fn unless_said(
    id: &ObjectId,
    object: &Object,
    statements: Vec<String>,
    create: &[String],
    major: u32,
) -> Vec<String> {
    match said(id, object, create, major).filter(|_| !statements.is_empty()) {
        Some(said) => vec![when(&format!("({said}) IS NOT TRUE"), &statements)],
        None => statements,
    }
}

/// An expression that is true where a statement about the object would change nothing.
fn said(id: &ObjectId, object: &Object, create: &[String], major: u32) -> Option<String> {
    let name = literal(&id.name());
    Some(match object {
        // IF NOT EXISTS asks for the privilege to create schemas also where there is the schema.
        Object::Schema(_) => exists(id, object)?,
        Object::Comment(comment) => format!("coalesce({}, '') = {}", description(id)?, literal(&comment.text)),
        Object::Owner(owner) => {
            let (column, from) = owner_of(&id.parent()?)?;
            format!(
                "EXISTS (SELECT FROM {from} AND {column} = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = {}))",
                literal(&owner.role)
            )
        }
        Object::Grant(grant) => {
            let parent = id.parent()?;
            let all = acl::expanded(&grant.privileges, object_type(parent.kind())?, major);
            are_exactly(&id.name(), &all, &access_list(&parent)?)
        }
        Object::DefaultPrivilege(privilege) => {
            let letter = default_privilege::letter(&privilege.object_type);
            let role = match privilege.role.is_empty() {
                true => "(SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)".to_owned(),
                false => format!("(SELECT oid FROM pg_catalog.pg_roles WHERE rolname = {})", literal(&privilege.role)),
            };
            let kind = privilege.letter_of_catalog();
            let (schema, usual) = match &privilege.schema {
                Some(schema) => (
                    format!("(SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = {})", literal(schema)),
                    "pg_catalog.acldefault(CAST('c' AS \"char\"), 10)".to_owned(),
                ),
                None => ("0".to_owned(), format!("acldefault('{letter}', {role})")),
            };
            let list = format!(
                "SELECT coalesce((SELECT defaclacl FROM pg_catalog.pg_default_acl WHERE defaclrole = {role} \
                 AND defaclnamespace = {schema} AND defaclobjtype = '{kind}'), {usual})"
            );
            are_exactly(&privilege.grantee, &acl::expanded(&privilege.privileges, letter, major), &list)
        }
        Object::Policy(policy) => {
            let text = |text: &Option<String>| text.as_deref().map_or_else(|| "NULL".to_owned(), literal);
            let command = match policy.command.as_str() {
                "select" => 'r',
                "insert" => 'a',
                "update" => 'w',
                "delete" => 'd',
                _ => '*',
            };
            format!(
                "EXISTS (SELECT FROM pg_catalog.pg_policy WHERE polrelid = {} AND polname = {name} AND polcmd = '{command}' \
                 AND polpermissive = {} AND pg_get_expr(polqual, polrelid) IS NOT DISTINCT FROM {} \
                 AND pg_get_expr(polwithcheck, polrelid) IS NOT DISTINCT FROM {} \
                 AND ARRAY(SELECT (CASE WHEN r = 0 THEN 'public' ELSE pg_get_userbyid(r)::text END) COLLATE \"C\" FROM unnest(polroles) r ORDER BY 1) = {})",
                regclass(&id.top_sql()),
                policy.permissive,
                text(&policy.using),
                text(&policy.check),
                labels(&policy.roles)
            )
        }
        Object::Trigger(_) => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = {} AND tgname = {name} AND NOT tgisinternal AND tgenabled = 'O' \
             AND pg_get_triggerdef(oid) = {})",
            regclass(&id.top_sql()),
            literal(create.first()?)
        ),
        Object::View(view) if !view.columns.is_empty() => {
            let columns: Vec<String> = view.columns.iter().map(|(name, _)| name.clone()).collect();
            format!(
                "EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = {} AND c.relkind = 'v' AND btrim(rtrim(btrim(pg_get_viewdef(c.oid), E' \\n'), ';'), E' \\n') = {} \
                 AND {} AND ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum) = {})",
                regclass(&id.sql()),
                literal(&view.query),
                options_are("c.reloptions", Holder::View, &view.options),
                labels(&columns)
            )
        }
        _ => return None,
    })
}

/// True where a grantee has exactly these privileges, by an access list.
fn are_exactly(grantee: &str, privileges: &acl::Privileges, list: &str) -> String {
    let role = grantee_oid(grantee);
    let words = |without: &str| {
        let own = privileges.iter().filter(|(word, _)| *word != without);
        let mut words: Vec<String> =
            own.map(|(word, option)| format!("{word}{}", if *option { "*" } else { "" })).collect();
        words.sort();
        labels(&words)
    };
    let found = format!(
        "ARRAY(SELECT DISTINCT (e.privilege_type || CASE WHEN e.is_grantable THEN '*' ELSE '' END) COLLATE \"C\" \
         FROM aclexplode(({list})) e WHERE e.grantee = {role} ORDER BY 1)"
    );
    match privileges.contains_key("MAINTAIN") {
        // A word that older servers do not know.
        true => format!(
            "{found} = CASE WHEN current_setting('server_version_num')::int < {} THEN {} ELSE {} END",
            versions::first_number_of(versions::MAINTAIN),
            words("MAINTAIN"),
            words("")
        ),
        false => format!("{found} = {}", words("")),
    }
}

/// The column that holds the owner of an object, and where it is looked for.
fn owner_of(id: &ObjectId) -> Option<(&'static str, String)> {
    Some(match object_type(id.kind())? {
        'r' | 's' => ("relowner", format!("pg_catalog.pg_class WHERE oid = {}", regclass(&id.sql()))),
        'f' => ("proowner", format!("pg_catalog.pg_proc WHERE oid = to_regprocedure({})", literal(&id.sql()))),
        'n' => ("nspowner", format!("pg_catalog.pg_namespace WHERE nspname = {}", literal(&id.name()))),
        'T' => ("typowner", format!("pg_catalog.pg_type WHERE oid = to_regtype({})", literal(&id.sql()))),
        _ => return None,
    })
}

/// The comment that an object, or its part, has.
fn description(comment: &ObjectId) -> Option<String> {
    let id = comment.parent()?;
    let of = |oid: String, catalog: &str| Some(format!("obj_description({oid}, '{catalog}')"));
    let by_name = |from: &str, column: &str| {
        format!("(SELECT oid FROM pg_catalog.{from} WHERE {column} = {})", literal(&id.name()))
    };
    let table = regclass(&id.top_sql());
    let on = |from: &str, relation: &str, column: &str| {
        format!("(SELECT oid FROM pg_catalog.{from} WHERE {relation} = {table} AND {column} = {})", literal(&id.name()))
    };
    match (&*comment.name(), id.kind()) {
        ("index", KindTag::Constraint) => of(regclass(&index_name(&id)), "pg_class"),
        ("", KindTag::Schema) => of(by_name("pg_namespace", "nspname"), "pg_namespace"),
        ("", KindTag::Extension) => of(by_name("pg_extension", "extname"), "pg_extension"),
        ("", KindTag::Table | KindTag::View | KindTag::MaterializedView | KindTag::Sequence | KindTag::Index) => {
            of(regclass(&id.sql()), "pg_class")
        }
        ("", KindTag::Enum | KindTag::Domain | KindTag::Composite) => {
            of(format!("to_regtype({})", literal(&id.sql())), "pg_type")
        }
        ("", KindTag::Routine) => of(format!("to_regprocedure({})", literal(&id.sql())), "pg_proc"),
        ("", KindTag::Column | KindTag::ViewColumn | KindTag::CompositeAttribute) => Some(format!(
            "(SELECT col_description(attrelid, attnum) FROM pg_catalog.pg_attribute WHERE attrelid = {table} AND attname = {} AND NOT attisdropped)",
            literal(&id.name())
        )),
        ("", KindTag::Constraint) => of(on("pg_constraint", "conrelid", "conname"), "pg_constraint"),
        ("", KindTag::Policy) => of(on("pg_policy", "polrelid", "polname"), "pg_policy"),
        ("", KindTag::Trigger) => of(on("pg_trigger", "NOT tgisinternal AND tgrelid", "tgname"), "pg_trigger"),
        _ => None,
    }
}
