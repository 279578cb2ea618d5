//! Questions whether an object is there and is as declared: what a script says in the end.
//!
//! A part is asked with its whole (a default with its column). What a script states again in any case need not be asked.
//!
//! Many questions are asked at once (`render::result`), with a list of what stands in their literals: a literal is a text wherever it
//! differs from object to object, and what differs stands in literals (numbers and arrays as well), so that few forms are left.

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::name::literal;
use crate::core::options::Options;
use crate::core::versions;
use crate::kinds::component::{self, acl};
use crate::kinds::ensure::{CONSTRAINT_TEXT, INDEX_TEXT, exists, regclass};
use crate::kinds::options::Holder;
use crate::kinds::table::classes::{CONTESTED, is_contested};
use crate::kinds::table::column::Column;
use crate::kinds::table::comes_unproved;
use crate::kinds::table::default::Default;
use crate::kinds::trigger::letter_of;
use crate::kinds::{KindTag, Object};

/// As [`exists`], but a constraint that demands the same counts under whatever name it has.
pub fn there(id: &ObjectId, object: &Object, catalog: &Catalog) -> Option<String> {
    match object {
        Object::Constraint(constraint) => {
            // One that is declared itself counts for itself alone.
            let declared: Vec<String> =
                catalog.children(&id.top(), KindTag::Constraint).map(|(id, _)| id.name().into_owned()).collect();
            // What is to be attached is called by its name; it was renamed before where that could be (`restated::parts_follow`).
            if catalog.contains(&id.child(KindTag::IndexAttachment, "")) {
                return exists(id, object);
            }
            Some(format!(
                "EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = {} AND (conname = {} OR ({CONSTRAINT_TEXT} = {} AND conname <> ALL ({}) AND NOT (contype = 'c' AND coninhcount > 0))))",
                regclass(&id.top_sql()),
                literal(&id.name()),
                literal(&constraint.printed(true)),
                labels(&declared)
            ))
        }
        Object::Grant(_) => Some(format!("({}) IS NOT NULL", access_list(&id.parent()?)?)),
        Object::SequenceGrant(_) => Some(format!("({}) IS NOT NULL", access_of_counter(&id.parent()?))),
        Object::TriggerState(_) => Some(switched(id, None)),
        Object::ViewColumn(_) if id.top().kind() == KindTag::MaterializedView => {
            Some(format!("{} IS NOT NULL", regclass(&id.top_sql())))
        }
        _ => exists(id, object),
    }
}

/// A text that the server prints, without the operator classes that only some servers print, where the definition names one.
fn without_classes(printed: &str, definition: &str) -> String {
    match is_contested(definition) {
        true => format!(
            "regexp_replace({printed}, E' ((\"[^\"]+\"|[a-z0-9_$]+)\\\\.)?({})\\\\M', '', 'g')",
            CONTESTED.join("|")
        ),
        false => printed.to_owned(),
    }
}

/// True where a partition has a copy of a trigger, in some state or in one of its own.
fn switched(id: &ObjectId, enabled: Option<&str>) -> String {
    let state = enabled.map(|enabled| format!(" AND tgenabled = '{}'", letter_of(enabled))).unwrap_or_default();
    format!(
        "EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = {} AND tgname = {}{state})",
        regclass(&id.top_sql()),
        literal(&id.name())
    )
}

/// Whether a result speaks of the object only where it is not as declared.
pub fn is_quiet(object: &Object) -> bool {
    matches!(object, Object::Grant(_) | Object::SequenceGrant(_) | Object::ViewColumn(_))
}

/// An SQL expression that is true when the object is there and is as declared, as far as that can be asked shortly. `major` is the
/// version that the declared state was read from.
pub fn holds(id: &ObjectId, object: &Object, catalog: &Catalog, major: u32) -> Option<String> {
    let name = literal(&id.name());
    let relation = |conditions: &str| {
        format!("EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = {} AND {conditions})", regclass(&id.sql()))
    };
    Some(match object {
        Object::Column(column) => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
             WHERE a.attrelid = {} AND a.attname = {name} AND NOT a.attisdropped AND {})",
            regclass(&id.top_sql()),
            column_is(id, column, catalog)
        ),
        Object::ViewColumn(column) if id.top().kind() == KindTag::MaterializedView => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
             WHERE a.attrelid = {} AND a.attname = {name} AND {})",
            regclass(&id.top_sql()),
            settings_are(column.storage.as_deref(), column.compression.as_deref(), column.statistics, &column.options)
        ),
        Object::CompositeAttribute(attribute) => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
             WHERE a.attrelid = {} AND a.attname = {name} AND NOT a.attisdropped AND format_type(a.atttypid, a.atttypmod) = {} AND {})",
            regclass(&id.top_sql()),
            literal(&attribute.type_name),
            collation_is("a.attcollation", "t.typcollation", attribute.collation.as_deref())
        ),
        Object::Constraint(constraint) => {
            let index = match constraint.has_index() {
                true => format!(
                    " AND EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid WHERE c.oid = conindid AND {} AND {} AND {})",
                    if constraint.only { "NOT i.indisvalid" } else { "i.indisvalid" },
                    options_are("c.reloptions", Holder::constraint(constraint), &constraint.options),
                    tablespace_is(constraint.tablespace.as_deref())
                ),
                false => String::new(),
            };
            // Whether the rows satisfy what is NOT VALID for the parent is not declared, unless it is said of the table itself.
            let (text, validated) = match constraint.validated && comes_unproved(id, object, catalog) {
                true => (CONSTRAINT_TEXT, true),
                false => ("pg_get_constraintdef(oid)", constraint.validated),
            };
            format!(
                "EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = {} AND {} = {}{index})",
                regclass(&id.top_sql()),
                without_classes(text, &constraint.definition),
                literal(&constraint.printed(validated))
            )
        }
        Object::Table(table) => {
            let mut conditions = String::from("c.relkind IN ('r', 'p')");
            for (is, on) in [("c.relrowsecurity", table.rls), ("c.relforcerowsecurity", table.rls_forced)] {
                conditions.push_str(&format!(" AND {}{is}", if on { "" } else { "NOT " }));
            }
            // Of a partitioned table, it says nothing.
            if table.partition_key.is_none() {
                conditions.push_str(&format!(" AND {}c.relpersistence = 'u'", if table.logged { "NOT " } else { "" }));
            }
            conditions.push_str(&format!(
                " AND {}",
                options_are("c.reloptions", Holder::table(table.access_method.as_deref()), &table.options)
            ));
            let method = table.access_method.as_deref().unwrap_or("heap");
            conditions.push_str(&format!(
                " AND coalesce((SELECT amname FROM pg_catalog.pg_am WHERE oid = c.relam), 'heap') = {}",
                literal(method)
            ));
            relation(&format!("{conditions} AND {}", tablespace_is(table.tablespace.as_deref())))
        }
        Object::View(view) => relation(&format!("c.relkind = 'v' AND c.relnatts::text = '{}'", view.columns.len())),
        Object::MaterializedView(view) => relation(&format!(
            "c.relkind = 'm' AND {}c.relispopulated AND {} AND {}",
            if view.populated { "" } else { "NOT " },
            options_are("c.reloptions", Holder::table(view.access_method.as_deref()), &view.options),
            tablespace_is(view.tablespace.as_deref())
        )),
        // Numbers are compared as texts, because the table of results takes them from columns of texts; so this is not `counts_as`.
        Object::Sequence(sequence) => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid WHERE c.oid = {} \
             AND (format_type(s.seqtypid, NULL), s.seqstart::text, s.seqincrement::text, s.seqmin::text, s.seqmax::text, s.seqcache::text, s.seqcycle, \
             c.relpersistence = 'u') = ({}, '{}', '{}', '{}', '{}', '{}', {}, {}))",
            regclass(&id.sql()),
            literal(&sequence.type_name),
            sequence.start,
            sequence.increment,
            sequence.min,
            sequence.max,
            sequence.cache,
            sequence.cycle,
            sequence.unlogged
        ),
        Object::Index(index) => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
             WHERE c.oid = {} AND {} AND {} = {} AND i.indisclustered = {} AND {} AND {})",
            regclass(&id.sql()),
            if index.only { "NOT i.indisvalid" } else { "i.indisvalid" },
            without_classes(INDEX_TEXT, &index.definition),
            literal(&index.plain_statement(id)),
            index.clustered,
            options_are("c.reloptions", Holder::index(&index.definition), &index.options),
            tablespace_is(index.tablespace.as_deref())
        ),
        Object::Enum(kind) => format!(
            "ARRAY(SELECT enumlabel::text FROM pg_catalog.pg_enum WHERE enumtypid = to_regtype({}) ORDER BY enumsortorder) = {}",
            literal(&id.sql()),
            labels(&kind.values)
        ),
        Object::Domain(domain) => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_type d JOIN pg_catalog.pg_type t ON t.oid = d.typbasetype WHERE d.oid = to_regtype({}) \
             AND format_type(d.typbasetype, d.typtypmod) = {} AND d.typnotnull = {} \
             AND pg_get_expr(d.typdefaultbin, 0) IS NOT DISTINCT FROM {} AND {})",
            literal(&id.sql()),
            literal(&domain.type_name),
            domain.not_null,
            domain.default.as_deref().map_or_else(|| "NULL".to_owned(), literal),
            collation_is("d.typcollation", "t.typcollation", domain.collation.as_deref())
        ),
        Object::DomainConstraint(constraint) => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE contypid = to_regtype({}) AND conname = {name} AND convalidated = {} \
             AND pg_get_expr(conbin, 0) IN ({}))",
            literal(&id.top_sql()),
            constraint.validated,
            wrapped(&constraint.check)
        ),
        Object::Trigger(trigger) => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = {} AND tgname = {name} AND NOT tgisinternal \
             AND (tgconstraint <> 0) = {} AND tgenabled = '{}')",
            regclass(&id.top_sql()),
            trigger.constraint,
            letter_of(&trigger.enabled)
        ),
        Object::TriggerState(state) => switched(id, Some(&state.enabled)),
        Object::Attachment(attachment) => format!(
            "EXISTS (SELECT FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid \
             WHERE c.oid = {} AND i.inhparent = {} AND pg_get_expr(c.relpartbound, c.oid) = {})",
            regclass(&id.top_sql()),
            regclass(&attachment.parent.sql()),
            literal(&attachment.bound)
        ),
        Object::Extension(extension) => {
            let mut conditions = String::new();
            if let Some(version) = &extension.version.0 {
                conditions.push_str(&format!(" AND extversion = {}", literal(version)));
            }
            if let Some(schema) = &extension.schema.0 {
                let schema = literal(schema);
                conditions.push_str(&format!(
                    " AND extnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = {schema})"
                ));
            }
            format!("EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = {name}{conditions})")
        }
        Object::Grant(grant) => {
            let parent = id.parent()?;
            let of = component::object_type(parent.kind())?;
            no_more_than(id, &access_list(&parent)?, &acl::expanded(&grant.privileges, of, major), catalog, major)?
        }
        Object::SequenceGrant(grant) => {
            let list = access_of_counter(&id.parent()?);
            no_more_than(id, &list, &acl::expanded(&grant.privileges, 's', major), catalog, major)?
        }
        _ => exists(id, object)?,
    })
}

/// Conditions on `pg_attribute a` and its `pg_type t`: what may be set for a column, of a table or a materialized view.
pub(super) fn settings_are(
    storage: Option<&str>,
    compression: Option<&str>,
    statistics: Option<i32>,
    options: &Options,
) -> String {
    let letter = |word: Option<&str>, letters: &[(&str, char)]| {
        word.and_then(|word| letters.iter().find(|(w, _)| w.eq_ignore_ascii_case(word))).map(|(_, letter)| *letter)
    };
    let strategies = [("plain", 'p'), ("external", 'e'), ("main", 'm'), ("extended", 'x')];
    let strategy =
        letter(storage, &strategies).map_or_else(|| "t.typstorage".to_owned(), |letter| format!("'{letter}'"));
    let method = letter(compression, &[("pglz", 'p'), ("lz4", 'l')]).map(String::from).unwrap_or_default();
    let conditions = [
        format!("coalesce(nullif(a.attstattarget, -1)::int, -1)::text = '{}'", statistics.unwrap_or(-1)),
        options_are("a.attoptions", Holder::Column, options),
        format!("a.attstorage = {strategy}"),
        format!("a.attcompression = '{method}'"),
    ];
    conditions.join(" AND ")
}

/// Conditions on `pg_attribute a` and its `pg_type t`.
fn column_is(id: &ObjectId, column: &Column, catalog: &Catalog) -> String {
    let mut conditions = vec![
        format!("format_type(a.atttypid, a.atttypmod) = {}", literal(&column.type_name)),
        collation_is("a.attcollation", "t.typcollation", column.collation.as_deref()),
        settings_are(column.storage.as_deref(), column.compression.as_deref(), column.statistics, &column.options),
    ];
    match &column.not_null {
        // A NOT NULL that is not proved is one of 18, and does not count as one there.
        Some(not_null) => {
            if !not_null.not_valid {
                conditions.push("a.attnotnull".to_owned());
            }
            let name = not_null.name.as_ref().map(|name| format!(" AND n.conname = {}", literal(name)));
            conditions.push(format!(
                "(current_setting('server_version_num')::int < {} OR EXISTS (SELECT FROM pg_catalog.pg_constraint n \
                 WHERE n.conrelid = a.attrelid AND n.contype = 'n' AND n.conkey = ARRAY[a.attnum] AND n.connoinherit = {} AND n.convalidated = {}{}))",
                versions::first_number_of(versions::NAMED_NOT_NULL),
                not_null.no_inherit,
                !not_null.not_valid,
                name.unwrap_or_default()
            ));
        }
        None => conditions.push("NOT a.attnotnull".to_owned()),
    }
    let identity = match &column.identity {
        Some(identity) if identity.always => "a",
        Some(_) => "d",
        None => "",
    };
    conditions.push(format!("a.attidentity = '{identity}'"));
    let default = Default::get(catalog, &id.child(KindTag::Default, "")).map(|default| literal(&default.expression));
    if let Some(text) = default.or_else(|| column.generated.as_ref().map(|generated| wrapped(&generated.expression))) {
        conditions.push(format!(
            "EXISTS (SELECT FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum \
             AND pg_get_expr(d.adbin, d.adrelid) IN ({text}))"
        ));
    }
    conditions.join(" AND ")
}

/// An expression as PostgreSQL may print it: with or without the parentheses around it.
pub(crate) fn wrapped(expression: &str) -> String {
    format!("{}, {}", literal(expression), literal(&format!("({expression})")))
}

fn collation_is(own: &str, usual: &str, declared: Option<&str>) -> String {
    match declared {
        Some(collation) => format!("{own} = to_regcollation({})", literal(collation)),
        None => format!("{own} IN (0, {usual})"),
    }
}

/// Whether the options that users set are exactly these; those of a TOAST table are not asked for.
pub(super) fn options_are(own: &str, holder: Holder, declared: &Options) -> String {
    let wanted: Vec<String> =
        declared.iter().filter(|(k, _)| !k.starts_with("toast.")).map(|(k, v)| format!("{k}={v}")).collect();
    let own = format!("ARRAY(SELECT o FROM unnest({own}) o WHERE {})", holder.condition());
    let wanted = labels(&wanted);
    format!("{own} @> {wanted} AND {own} <@ {wanted}")
}

fn tablespace_is(declared: Option<&str>) -> String {
    match declared {
        Some(space) => {
            format!("c.reltablespace = (SELECT oid FROM pg_catalog.pg_tablespace WHERE spcname = {})", literal(space))
        }
        None => "c.reltablespace = 0".to_owned(),
    }
}

/// Texts as one literal, which is the same question whatever their number.
fn labels(values: &[String]) -> String {
    let quoted = |value: &String| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    format!("CAST({} AS text[])", literal(&format!("{{{}}}", values.iter().map(quoted).collect::<Vec<_>>().join(","))))
}

/// The access list of an object, as an SQL expression.
pub(super) fn access_list(id: &ObjectId) -> Option<String> {
    let of = component::object_type(id.kind())?;
    let (list, kind, owner, from) = match of {
        'r' | 's' => ("relacl", of, "relowner", format!("pg_catalog.pg_class WHERE oid = {}", regclass(&id.sql()))),
        'f' => (
            "proacl",
            of,
            "proowner",
            format!("pg_catalog.pg_proc WHERE oid = to_regprocedure({})", literal(&id.sql())),
        ),
        'n' => ("nspacl", of, "nspowner", format!("pg_catalog.pg_namespace WHERE nspname = {}", literal(&id.name()))),
        'T' => ("typacl", of, "typowner", format!("pg_catalog.pg_type WHERE oid = to_regtype({})", literal(&id.sql()))),
        'c' => {
            return Some(format!(
                "SELECT coalesce(attacl, pg_catalog.acldefault(CAST('c' AS \"char\"), 10)) FROM pg_catalog.pg_attribute WHERE attrelid = {} AND attname = {} AND NOT attisdropped",
                regclass(&id.top_sql()),
                literal(&id.name())
            ));
        }
        _ => return None,
    };
    Some(format!("SELECT coalesce({list}, acldefault(CAST('{kind}' AS \"char\"), {owner})) FROM {from}"))
}

/// The access list of the sequence that an identity column counts with, as an SQL expression.
pub(super) fn access_of_counter(column: &ObjectId) -> String {
    let (table, name) = (column.top_sql(), literal(&column.name()));
    format!(
        "SELECT coalesce(c.relacl, acldefault('s', c.relowner)) FROM pg_catalog.pg_attribute a \
         JOIN pg_catalog.pg_class c ON c.oid = pg_get_serial_sequence(a.attrelid::regclass::text, a.attname)::regclass \
         WHERE a.attrelid = {} AND a.attname = {name} AND NOT a.attisdropped",
        regclass(&table)
    )
}

/// SQL expressions that are true where the object of a privilege is there, and where the grantee that its id names has none, as declared.
pub fn closed(id: &ObjectId, catalog: &Catalog, major: u32) -> Option<(String, String)> {
    let list = match id.kind() {
        KindTag::SequenceGrant => access_of_counter(&id.parent()?),
        _ => access_list(&id.parent()?)?,
    };
    let none = no_more_than(id, &list, &acl::Privileges::new(), catalog, major)?;
    Some((format!("({list}) IS NOT NULL"), none))
}

/// True where a grantee has none but these privileges: a script that takes nothing away leaves what it has beyond them.
fn no_more_than(
    id: &ObjectId,
    list: &str,
    privileges: &acl::Privileges,
    catalog: &Catalog,
    major: u32,
) -> Option<String> {
    let grantee = id.name();
    let object = id.parent()?;
    let holder = if component::object_type(object.kind()) == Some('c') { object.parent()? } else { object };
    let owner = component::Owner::get(catalog, &component::Owner::id(&holder));
    if owner.is_some_and(|owner| *owner.role == *grantee) {
        return None;
    }
    let role = component::decided::grantee_oid(&grantee);
    let mut words: Vec<String> = privileges.keys().cloned().collect();
    if major < versions::MAINTAIN {
        // A word that the version does not know from which the declared state was read.
        words.push("MAINTAIN".to_owned());
    }
    Some(format!(
        "NOT EXISTS (SELECT FROM aclexplode(({list})) AS e WHERE e.grantee = {role} AND e.grantee <> e.grantor AND e.privilege_type <> ALL ({}))",
        labels(&words)
    ))
}
