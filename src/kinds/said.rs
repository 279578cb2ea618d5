//! Whether something is said of an object already. A script that may meet any state says again only what is not: much of it takes the
//! owner of the object, also where it would change nothing, and not all that a project has was made by the role that runs the script.

use sha2::{Digest, Sha256};

use crate::core::id::ObjectId;
use crate::core::name::{Ident, dollar_quoted, ident_list, literal};
use crate::core::options::Options;
use crate::core::step::Step;
use crate::core::versions;
use crate::kinds::component::decided::grantee_oid;
use crate::kinds::component::{acl, default_privilege, object_type};
use crate::kinds::ensure::{exists, index_name, labels, once_types_are_there, regclass, when};
use crate::kinds::holds::{access_list, access_of_counter, options_are, settings_are, wrapped};
use crate::kinds::options::Holder;
use crate::kinds::routine::Routine;
use crate::kinds::sequence::Sequence;
use crate::kinds::trigger::letter_of;
use crate::kinds::{KindTag, Object};

/// Statements about an object, run where they would change something. `create` are those that were made for it.
pub fn unless_said(
    id: &ObjectId,
    object: &Object,
    statements: Vec<String>,
    create: &[String],
    major: u32,
) -> Vec<String> {
    if let Object::View(view) = object
        && !view.columns.is_empty()
        && !statements.is_empty()
    {
        let columns: Vec<String> = view.columns.iter().map(|(name, _)| name.clone()).collect();
        return vec![unless_view_is(id, &columns, &view.options, &view.query, &statements)];
    }
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
        Object::SequenceGrant(grant) => {
            let all = acl::expanded(&grant.privileges, 's', major);
            are_exactly(&id.name(), &all, &access_of_counter(&id.parent()?))
        }
        Object::Routine(routine) => routine_is(id, routine)?,
        Object::Default(default) => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
             WHERE a.attrelid = {} AND a.attname = {} AND pg_get_expr(d.adbin, d.adrelid) = {})",
            regclass(&id.top_sql()),
            literal(&id.parent()?.name()),
            literal(&default.expression)
        ),
        Object::ReplicaIdentity(identity) => match &identity.index {
            Some(index) => format!(
                "EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indrelid \
                 WHERE i.indexrelid = {} AND i.indisreplident AND c.relreplident = 'i')",
                regclass(&index_name(index))
            ),
            None => format!(
                "EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = {} AND relreplident = '{}')",
                regclass(&id.top_sql()),
                if identity.mode == "full" { 'f' } else { 'n' }
            ),
        },
        Object::TriggerState(state) => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = {} AND tgname = {name} AND tgenabled = '{}')",
            regclass(&id.top_sql()),
            letter_of(&state.enabled)
        ),
        Object::ViewColumn(column) => {
            let default = column.default.as_deref().map_or_else(|| "NULL".to_owned(), literal);
            format!(
                "EXISTS (SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
                 LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
                 WHERE a.attrelid = {} AND a.attname = {name} AND pg_get_expr(d.adbin, d.adrelid) IS NOT DISTINCT FROM {default} AND {})",
                regclass(&id.top_sql()),
                settings_are(
                    column.storage.as_deref(),
                    column.compression.as_deref(),
                    column.statistics,
                    &column.options
                )
            )
        }
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
            let is = |column: &str, text: &Option<String>| match text {
                Some(text) => format!("pg_get_expr({column}, polrelid) IN ({})", wrapped(text)),
                None => format!("{column} IS NULL"),
            };
            let command = match policy.command.as_str() {
                "select" => 'r',
                "insert" => 'a',
                "update" => 'w',
                "delete" => 'd',
                _ => '*',
            };
            format!(
                "EXISTS (SELECT FROM pg_catalog.pg_policy WHERE polrelid = {} AND polname = {name} AND polcmd = '{command}' \
                 AND polpermissive = {} AND {} AND {} \
                 AND ARRAY(SELECT (CASE WHEN r = 0 THEN 'public' ELSE pg_get_userbyid(r)::text END) COLLATE \"C\" FROM unnest(polroles) r ORDER BY 1) = {})",
                regclass(&id.top_sql()),
                policy.permissive,
                is("polqual", &policy.using),
                is("polwithcheck", &policy.check),
                labels(&policy.roles)
            )
        }
        Object::Trigger(trigger) => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = {} AND tgname = {name} AND NOT tgisinternal AND tgenabled = '{}' \
             AND {})",
            regclass(&id.top_sql()),
            letter_of(&trigger.enabled),
            is_printed("pg_get_triggerdef(oid)", create.first()?)
        ),
        _ => return None,
    })
}

/// Statements that create a view, run where it is not as declared. Major and minor releases print one query in several ways, so where
/// the text is another one, the server is asked how it prints the declared query.
fn unless_view_is(id: &ObjectId, columns: &[String], options: &Options, query: &str, statements: &[String]) -> String {
    let shape = format!(
        "EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = {} AND c.relkind = 'v' \
         AND {} AND ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum) = {})",
        regclass(&id.sql()),
        options_are("c.reloptions", Holder::View, options),
        labels(columns)
    );
    let create: String = statements.iter().map(|s| format!("      EXECUTE {};\n", literal(s))).collect();
    let body = format!(
        "\nDECLARE\n  query text := {query};\n  same boolean := {shape};\nBEGIN\n  \
         IF same AND btrim(rtrim(btrim(pg_get_viewdef({view}), E' \\n'), ';'), E' \\n') <> query THEN\n    BEGIN\n      \
         EXECUTE {before} || query;\n      same := pg_get_viewdef({view}) = pg_get_viewdef(to_regclass('pg_temp.trueup_declared'));\n      \
         DROP VIEW pg_temp.trueup_declared;\n    EXCEPTION WHEN OTHERS THEN\n      same := false;\n    END;\n  END IF;\n  \
         IF NOT same THEN\n    BEGIN\n{create}    EXCEPTION WHEN insufficient_privilege THEN\n      \
         RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = {what} || SQLERRM,\n        HINT = {hint};\n    END;\n  END IF;\nEND\n",
        query = literal(query),
        view = regclass(&id.sql()),
        before = literal(&format!("CREATE TEMPORARY VIEW trueup_declared ({}) AS ", ident_list(columns))),
        what = literal(&format!("view {} cannot be made as declared: ", id.sql_path())),
        hint =
            literal("Nothing has been changed. Run this script as the owner of the view, or have its owner change it.")
    );
    format!("DO {}", dollar_quoted(&body))
}

/// True where the server prints a trigger as this statement, which has its keywords in lower case and leaves out what is the default.
/// What stands in quotes is compared as it is.
fn is_printed(printed: &str, statement: &str) -> String {
    let said = literal(statement);
    let mut same = format!(
        "replace(replace(lower({printed}), ' not deferrable initially immediate', ''), ' deferrable initially immediate', ' deferrable') = lower({said})"
    );
    if statement.contains(['\'', '"']) {
        let quoted = |text: &str| {
            let part = literal(r#"('([^']|'')*'|"([^"]|"")*")"#);
            format!("ARRAY(SELECT m[1] FROM regexp_matches({text}, {part}, 'g') m)")
        };
        same.push_str(&format!(" AND {} = {}", quoted(printed), quoted(&said)));
    }
    same
}

/// A statement that alters a new object, run where it would change something.
pub fn unless_altered(step: &Step, object: &Object, sql: String, major: u32) -> String {
    let statements = if step.object.kind().is_component() {
        unless_said(&step.object, object, vec![sql], &[], major)
    } else {
        match altered(step, object, major) {
            Some(said) => vec![when(&format!("NOT {said}"), &[sql])],
            None => vec![sql],
        }
    };
    statements.concat()
}

/// An expression that is true where a step that alters a new object would change nothing.
fn altered(step: &Step, object: &Object, major: u32) -> Option<String> {
    let id = &step.object;
    let clustered = |index: &str| {
        format!("EXISTS (SELECT FROM pg_catalog.pg_index WHERE indexrelid = {} AND indisclustered)", regclass(index))
    };
    let is_clustered = step.sql.ends_with(&format!(" CLUSTER ON {}", Ident(&id.name())));
    Some(match object {
        Object::Table(_) => {
            let what = step.sql.strip_prefix(&format!("ALTER TABLE {} ", id.sql()))?;
            let column = match what {
                "ENABLE ROW LEVEL SECURITY" => "relrowsecurity",
                "FORCE ROW LEVEL SECURITY" => "relforcerowsecurity",
                _ => return None,
            };
            format!("EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = {} AND {column})", regclass(&id.sql()))
        }
        Object::Column(column) => {
            let head = format!("ALTER TABLE ONLY {} ALTER COLUMN {} SET ", id.top_sql(), Ident(&id.name()));
            let what = step.sql.strip_prefix(&head)?;
            ["STORAGE ", "COMPRESSION ", "STATISTICS ", "("].into_iter().find(|word| what.starts_with(word))?;
            format!(
                "EXISTS (SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
                 WHERE a.attrelid = {} AND a.attname = {} AND NOT a.attisdropped AND {})",
                regclass(&id.top_sql()),
                literal(&id.name()),
                settings_are(
                    column.storage.as_deref(),
                    column.compression.as_deref(),
                    column.statistics,
                    &column.options
                )
            )
        }
        Object::Index(_) if is_clustered => clustered(&id.sql()),
        Object::Constraint(_) if is_clustered => clustered(&index_name(id)),
        Object::Index(_) => {
            let what = step.sql.strip_prefix(&format!("ALTER INDEX {} ALTER COLUMN ", id.sql()))?;
            let (number, target) = what.split_once(" SET STATISTICS ")?;
            format!(
                "EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = {} AND attnum = {number} AND coalesce(attstattarget, -1) = {target})",
                regclass(&id.sql())
            )
        }
        Object::Trigger(trigger) => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = {} AND tgname = {} AND NOT tgisinternal AND tgenabled = '{}')",
            regclass(&id.top_sql()),
            literal(&id.name()),
            letter_of(&trigger.enabled)
        ),
        Object::ViewColumn(_) | Object::TriggerState(_) => said(id, object, &[], major)?,
        _ => return None,
    })
}

/// True where a routine is as declared. A body that is a text is told by its hash, so that it is not written twice.
fn routine_is(id: &ObjectId, routine: &Routine) -> Option<String> {
    if routine.library.is_some() || !routine.transforms.is_empty() {
        return None;
    }
    let or_null = |text: Option<&str>| text.map_or_else(|| "NULL".to_owned(), literal);
    let first = |word: &str| word.chars().next().unwrap_or_default();
    let usual_cost = if routine.language == "internal" { 1.0 } else { 100.0 };
    let body = match (&routine.body, &routine.sql_body) {
        (Some(body), _) => format!(
            "p.prosqlbody IS NULL AND encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex') = '{:x}'",
            Sha256::digest(body.as_bytes())
        ),
        (None, Some(body)) => format!("pg_get_function_sqlbody(p.oid) = {}", literal(body)),
        (None, None) => return None,
    };
    let config: Vec<String> = routine.config.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let is = format!(
        "EXISTS (SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang \
         WHERE p.oid = to_regprocedure({}) AND pg_get_function_arguments(p.oid) = {} \
         AND (pg_get_function_result(p.oid), p.prokind, l.lanname, p.provolatile, p.proparallel, p.proisstrict, p.prosecdef, p.proleakproof, \
         p.procost, p.prorows, nullif(p.prosupport::text, '-'), p.proconfig) \
         IS NOT DISTINCT FROM ({}, '{}', {}, '{}', '{}', {}, {}, {}, {}, {}, {}, {}) AND {body})",
        literal(&id.sql()),
        literal(&routine.arguments),
        or_null(routine.returns.as_deref()),
        first(&routine.routine_kind),
        literal(&routine.language),
        first(&routine.volatility),
        first(&routine.parallel),
        routine.strict,
        routine.security_definer,
        routine.leakproof,
        routine.cost.unwrap_or(usual_cost),
        routine.rows.unwrap_or(if routine.returns_set() { 1000.0 } else { 0.0 }),
        or_null(routine.support.as_deref()),
        if config.is_empty() { "NULL".to_owned() } else { labels(&config) }
    );
    Some(once_types_are_there(id, &is))
}

/// True where a sequence belongs to a column.
pub(super) fn belongs(sequence: &ObjectId, column: &ObjectId) -> String {
    format!(
        "EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
         WHERE d.classid = 'pg_class'::regclass AND d.objid = {} AND d.refclassid = 'pg_class'::regclass AND d.refobjid = {} AND a.attname = {} AND d.deptype = 'a')",
        regclass(&sequence.top_sql()),
        regclass(&column.top_sql()),
        literal(&column.name())
    )
}

/// A condition on `pg_sequence s`: it counts as declared.
pub(super) fn counts_as(sequence: &Sequence) -> String {
    format!(
        "(format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle) = ({}, {}, {}, '{}', '{}', {}, {})",
        literal(&sequence.type_name),
        sequence.start,
        sequence.increment,
        sequence.min,
        sequence.max,
        sequence.cache,
        sequence.cycle
    )
}

/// True where a relation has these storage parameters, and its TOAST table those that are for it, and none besides.
pub(super) fn options_of(relation: &str, holder: Holder, options: &Options) -> String {
    let toast: Options =
        options.iter().filter_map(|(k, v)| Some((k.strip_prefix("toast.")?.to_owned(), v.clone()))).collect();
    let toast = match toast.is_empty() {
        true => String::new(),
        false => format!(
            " AND EXISTS (SELECT FROM pg_catalog.pg_class t WHERE t.oid = c.reltoastrelid AND {})",
            options_are("t.reloptions", holder, &toast)
        ),
    };
    let own = options_are("c.reloptions", holder, options);
    format!("EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = {} AND {own}{toast})", regclass(relation))
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
