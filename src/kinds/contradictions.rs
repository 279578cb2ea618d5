//! What a script that only adds must not meet: objects that are there and contradict what is declared.
//!
//! One block asks for all of it before anything is changed, and names all of it at once.

use std::collections::BTreeMap;

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::name::{dollar_quoted, literal};
use crate::kinds::ensure::{CONSTRAINT_TEXT, INDEX_TEXT, index_name, labels, of_key};
use crate::kinds::holds::wrapped;
use crate::kinds::sequence::Sequence;
use crate::kinds::table::classes::is_contested;
use crate::kinds::table::partition::Attachment;
use crate::kinds::{KindTag, Object};
use crate::sql::is_printed_otherwise;

/// A question about many objects at once: a query over `d`, the rows of VALUES, that gives one message for each contradiction.
struct Question {
    /// The columns of a row.
    columns: &'static str,
    /// The query from FROM on, and the message before it; `{d}` stands for the rows.
    query: String,
}

/// The questions, by the word under which rows are collected.
fn question(about: &str) -> Question {
    let ask = |columns, query: String| Question { columns, query };
    match about {
        "relation" => ask(
            "(relation, kinds, word)",
            "SELECT format('%s is declared as a %s and is a %s', d.relation, d.word, CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' \
             WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'i' THEN 'index' WHEN 'I' THEN 'partitioned index' \
             WHEN 'f' THEN 'foreign table' ELSE 'composite type' END)\n    FROM {d} JOIN pg_catalog.pg_class c ON c.oid = to_regclass(d.relation)\n    \
             WHERE c.relkind::text <> ALL (d.kinds)"
                .to_owned(),
        ),
        "type" => ask(
            "(name, letter, word)",
            "SELECT format('type %s is declared as %s and is another kind of type', d.name, d.word)\n    \
             FROM {d} JOIN pg_catalog.pg_type t ON t.oid = to_regtype(d.name)\n    WHERE t.typtype::text <> d.letter"
                .to_owned(),
        ),
        "column" => ask(
            "(relation, name, type, generated, path)",
            "SELECT CASE WHEN format_type(a.atttypid, a.atttypmod) <> d.type THEN format('column %s is %s, declared is %s', d.path, \
             format_type(a.atttypid, a.atttypmod), d.type) WHEN d.generated THEN format('column %s is declared as generated and is not', d.path) \
             ELSE format('column %s is generated and is not declared so', d.path) END\n    FROM {d}\n    \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = to_regclass(d.relation) AND a.attname = d.name AND NOT a.attisdropped\n    \
             WHERE format_type(a.atttypid, a.atttypmod) <> d.type OR d.generated <> (a.attgenerated <> '')"
                .to_owned(),
        ),
        "identity" => ask(
            "(relation, name, path)",
            "SELECT format('column %s is declared as identity and has a default', d.path)\n    FROM {d}\n    \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = to_regclass(d.relation) AND a.attname = d.name AND NOT a.attisdropped\n    \
             WHERE a.attidentity = '' AND a.atthasdef"
                .to_owned(),
        ),
        "default" => ask(
            "(relation, name, path)",
            "SELECT format('column %s is declared with a default and is an identity column', d.path)\n    FROM {d}\n    \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = to_regclass(d.relation) AND a.attname = d.name AND NOT a.attisdropped\n    \
             WHERE a.attidentity <> ''"
                .to_owned(),
        ),
        "enum" => ask(
            "(name, wanted)",
            "SELECT format('enum %s has its values in another order than declared: %s', d.name, string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder))\n    \
             FROM {d} JOIN pg_catalog.pg_enum e ON e.enumtypid = to_regtype(d.name)\n    WHERE e.enumlabel = ANY (d.wanted)\n    GROUP BY d.name, d.wanted\n    \
             HAVING array_agg(e.enumlabel::text ORDER BY e.enumsortorder) <> array_agg(e.enumlabel::text ORDER BY array_position(d.wanted, e.enumlabel::text))"
                .to_owned(),
        ),
        "domain" => ask(
            "(name, base)",
            "SELECT format('domain %s is based on %s, declared is %s', d.name, format_type(t.typbasetype, t.typtypmod), d.base)\n    \
             FROM {d} JOIN pg_catalog.pg_type t ON t.oid = to_regtype(d.name) AND t.typtype = 'd'\n    \
             WHERE format_type(t.typbasetype, t.typtypmod) <> d.base"
                .to_owned(),
        ),
        "routine" => ask(
            "(schema, signature, kind, returns)",
            "SELECT format('function %s.%s returns %s, declared is %s', d.schema, d.signature, coalesce(pg_get_function_result(p.oid), 'nothing (it is a procedure)'), \
             coalesce(d.returns, 'nothing (a procedure)'))\n    FROM {d} JOIN pg_catalog.pg_namespace n ON n.nspname = d.schema\n    \
             JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid AND quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')' = d.signature\n    \
             WHERE p.prokind::text <> d.kind OR pg_get_function_result(p.oid) IS DISTINCT FROM d.returns"
                .to_owned(),
        ),
        // CREATE OR REPLACE takes a setting away that it does not name, and names are then looked up where the caller says.
        "search path" => ask(
            "(schema, signature)",
            "SELECT format('function %s.%s has a search_path of its own, and the project says none: without it, it would run with its owner''s rights under its caller''s path', \
             d.schema, d.signature)\n    FROM {d} JOIN pg_catalog.pg_namespace n ON n.nspname = d.schema\n    \
             JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid AND quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')' = d.signature\n    \
             WHERE EXISTS (SELECT FROM unnest(p.proconfig) o WHERE split_part(o, '=', 1) = 'search_path')"
                .to_owned(),
        ),
        // A script that adds would leave both, and whoever calls the one gets an error.
        "overload" => ask(
            "(schema, signature, others)",
            "SELECT format('function %s.%s(%s) is there, and its calls would be ambiguous beside those of the declared %s', d.schema, quote_ident(p.proname), \
             oidvectortypes(p.proargtypes), d.signature)\n    FROM {d} JOIN pg_catalog.pg_namespace n ON n.nspname = d.schema\n    \
             JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid AND quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')' = ANY (d.others)"
                .to_owned(),
        ),
        "constraint" => ask(
            "(relation, name, text)",
            format!(
                "SELECT format('constraint %s on %s is %s, declared is %s', d.name, d.relation, pg_get_constraintdef(oid), d.text)\n    \
                 FROM {{d}} JOIN pg_catalog.pg_constraint ON conrelid = to_regclass(d.relation) AND conname = d.name\n    WHERE {CONSTRAINT_TEXT} <> d.text"
            ),
        ),
        "index" => ask(
            "(name, text)",
            format!(
                "SELECT format('index %s is %s, declared is %s', d.name, {INDEX_TEXT}, d.text)\n    \
                 FROM {{d}} JOIN pg_catalog.pg_class c ON c.oid = to_regclass(d.name) AND c.relkind IN ('i', 'I')\n    \
                 JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid AND i.indisvalid\n    WHERE {INDEX_TEXT} <> d.text"
            ),
        ),
        // Neither becomes the other by an addition, and two cannot have one name.
        "index of a key" => ask(
            "(name)",
            format!(
                "SELECT format('index %s is that of a constraint, declared is an index by itself', d.name)\n    \
                 FROM {{d}} JOIN pg_catalog.pg_index i ON i.indexrelid = to_regclass(d.name)\n    WHERE {}",
                of_key("i.indexrelid")
            ),
        ),
        "key by name" => ask(
            "(name, relation, text)",
            format!(
                "SELECT format('%s is an index by itself, declared is a constraint of this name on %s', d.name, d.relation)\n    \
                 FROM {{d}} JOIN pg_catalog.pg_index i ON i.indexrelid = to_regclass(d.name)\n    \
                 WHERE NOT {} AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = to_regclass(d.relation) AND {CONSTRAINT_TEXT} = d.text)",
                of_key("i.indexrelid")
            ),
        ),
        // Of a table's generated column nothing is asked on another major than the declared one's, which may print another text.
        "generated" => ask(
            "(relation, name, expression, wrapped, path, major)",
            "SELECT format('column %s is generated as %s, declared is %s', d.path, pg_get_expr(f.adbin, f.adrelid), d.wrapped)\n    \
             FROM {d} JOIN pg_catalog.pg_attribute a ON a.attrelid = to_regclass(d.relation) AND a.attname = d.name AND a.attgenerated <> ''\n    \
             JOIN pg_catalog.pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum\n    \
             WHERE current_setting('server_version_num')::int / 10000 = d.major AND pg_get_expr(f.adbin, f.adrelid) NOT IN (d.expression, d.wrapped)"
                .to_owned(),
        ),
        "domain constraint" => ask(
            "(domain, name, expression, wrapped, major)",
            "SELECT format('constraint %s on domain %s is CHECK (%s), declared is CHECK (%s)', d.name, d.domain, pg_get_expr(c.conbin, 0), d.expression)\n    \
             FROM {d} JOIN pg_catalog.pg_constraint c ON c.contypid = to_regtype(d.domain) AND c.conname = d.name\n    \
             WHERE current_setting('server_version_num')::int / 10000 = d.major AND pg_get_expr(c.conbin, 0) NOT IN (d.expression, d.wrapped)"
                .to_owned(),
        ),
        "sequence" => ask(
            "(name, low, high)",
            "SELECT format('sequence %s stands at %s, outside of what is declared: %s to %s', d.name, s.last_value, d.low, d.high)\n    \
             FROM {d} JOIN pg_catalog.pg_sequences s ON format('%I.%I', s.schemaname, s.sequencename)::regclass = to_regclass(d.name)\n    \
             WHERE s.last_value NOT BETWEEN d.low AND d.high"
                .to_owned(),
        ),
        "counter" => ask(
            "(relation, name, low, high, path)",
            "SELECT format('column %s has counted to %s, outside of what is declared: %s to %s', d.path, pg_sequence_last_value(s.oid), d.low, d.high)\n    \
             FROM {d} JOIN pg_catalog.pg_attribute a ON a.attrelid = to_regclass(d.relation) AND a.attname = d.name AND a.attidentity <> ''\n    \
             JOIN pg_catalog.pg_depend p ON p.refclassid = 'pg_class'::regclass AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum \
             AND p.classid = 'pg_class'::regclass AND p.deptype = 'i'\n    \
             JOIN pg_catalog.pg_class s ON s.oid = p.objid AND s.relkind = 'S'\n    \
             WHERE CASE WHEN has_sequence_privilege(s.oid, 'SELECT, USAGE') THEN pg_sequence_last_value(s.oid) END NOT BETWEEN d.low AND d.high"
                .to_owned(),
        ),
        // CREATE OR REPLACE VIEW takes an option away that it does not name, and what is read then is open to more.
        "view option" => ask(
            "(relation, option)",
            "SELECT format('view %s has %s, and the project does not say it: without it, it would show more, or take more, than now', d.relation, d.option)\n    \
             FROM {d} JOIN pg_catalog.pg_class c ON c.oid = to_regclass(d.relation) AND c.relkind = 'v'\n    \
             CROSS JOIN LATERAL unnest(c.reloptions) o\n    WHERE split_part(o, '=', 1) = d.option AND CASE d.option WHEN 'check_option' THEN true ELSE split_part(o, '=', 2)::boolean END"
                .to_owned(),
        ),
        // A column cannot be added to a partition alone, nor to a table of a type, and a table has one place in the tree: none of it is
        // mended by additions.
        "place" => ask(
            "(relation, whole, type)",
            "SELECT m.message\n    FROM {d} JOIN pg_catalog.pg_class c ON c.oid = to_regclass(d.relation)\n    \
             LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid AND c.relispartition\n    \
             CROSS JOIN LATERAL (VALUES (c.relispartition AND i.inhparent IS DISTINCT FROM to_regclass(d.whole)::oid, \
             format('table %s is a partition of %s, declared is that it %s', d.relation, i.inhparent::regclass, coalesce('is one of ' || d.whole, 'stands alone'))),\n      \
             (CASE WHEN d.type IS NULL THEN c.reloftype <> 0 ELSE c.reloftype IS DISTINCT FROM to_regtype(d.type)::oid END, \
             format('table %s is of %s, declared is that it is of %s', d.relation, coalesce('type ' || nullif(c.reloftype, 0)::regtype, 'no type'), \
             coalesce('type ' || d.type, 'no type')))) AS m (wrong, message)\n    WHERE m.wrong"
                .to_owned(),
        ),
        "default partition" => ask(
            "(relation, whole)",
            "SELECT format('table %s has the default partition %s, declared is %s', d.whole, p.partdefid::regclass, d.relation)\n    \
             FROM {d} JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = to_regclass(d.whole) AND p.partdefid <> 0\n    \
             WHERE p.partdefid IS DISTINCT FROM to_regclass(d.relation)::oid"
                .to_owned(),
        ),
        "partition key" => ask(
            "(relation, key)",
            "SELECT format('table %s is partitioned by %s, declared is %s', d.relation, pg_get_partkeydef(c.oid), d.key)\n    \
             FROM {d} JOIN pg_catalog.pg_class c ON c.oid = to_regclass(d.relation) AND c.relkind = 'p'\n    WHERE pg_get_partkeydef(c.oid) <> d.key"
                .to_owned(),
        ),
        // CREATE OR REPLACE VIEW adds columns at the end, and does nothing else to columns.
        "view" => ask(
            "(relation, names, types)",
            "SELECT format('view %s has the columns %s; declared are %s, and a view keeps the names, types and places of its columns', d.relation, \
             string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum), \
             (SELECT string_agg(n || ' ' || t, ', ' ORDER BY i) FROM unnest(d.names, d.types) WITH ORDINALITY u (n, t, i)))\n    \
             FROM {d} JOIN pg_catalog.pg_class c ON c.oid = to_regclass(d.relation) AND c.relkind = 'v'\n    \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped\n    GROUP BY d.relation, d.names, d.types\n    \
             HAVING bool_or((a.attname::text, format_type(a.atttypid, a.atttypmod)) IS DISTINCT FROM (d.names[a.attnum], d.types[a.attnum]))"
                .to_owned(),
        ),
        // A call that minor releases print in several ways: what else there is in words is compared.
        "materialized view in words" => {
            let words = |text: &str| {
                format!(
                    "ARRAY(SELECT w FROM regexp_split_to_table(lower({text}), '[^[:alnum:]_]+') w WHERE w <> ALL ('{{\"\",as,at,boolean,cast,is,\
                     is_normalized,local,normalized,overlaps,text,time,timestamp,timezone,with,without,zone}}') ORDER BY 1)"
                )
            };
            ask(
                "(relation, text, major)",
                format!(
                    "SELECT format('materialized view %s has another query than declared', d.relation)\n    \
                     FROM {{d}} JOIN pg_catalog.pg_class c ON c.oid = to_regclass(d.relation) AND c.relkind = 'm'\n    \
                     WHERE current_setting('server_version_num')::int / 10000 = d.major AND {} <> {}",
                    words("pg_get_viewdef(c.oid)"),
                    words("d.text")
                ),
            )
        }
        // Texts that PostgreSQL writes differ in places between majors, so another major than the declared one's is not asked.
        _ => ask(
            "(relation, text, major)",
            "SELECT format('materialized view %s has another query than declared', d.relation)\n    \
             FROM {d} JOIN pg_catalog.pg_class c ON c.oid = to_regclass(d.relation) AND c.relkind = 'm'\n    \
             WHERE current_setting('server_version_num')::int / 10000 = d.major AND btrim(rtrim(btrim(pg_get_viewdef(c.oid), E' \\n'), ';'), E' \\n') <> d.text"
                .to_owned(),
        ),
    }
}

/// What is asked of one object: under which question, and the row.
fn rows(id: &ObjectId, object: &Object, to: &Catalog, major: u32) -> Vec<(&'static str, String)> {
    let relation = literal(&id.sql());
    let of = |kinds: &str, word: &str| ("relation", format!("({relation}, ARRAY[{kinds}], {})", literal(word)));
    let declared = |letter: &str, word: &str| ("type", format!("({relation}, '{letter}', {})", literal(word)));
    match object {
        Object::Table(table) => {
            let whole = Attachment::get(to, &id.child(KindTag::Attachment, "")).map(|a| literal(&a.parent.sql()));
            let of_type = table.of_type.as_deref().map(literal);
            let or_null = |text: Option<String>| text.unwrap_or_else(|| "NULL::text".to_owned());
            let part = ("place", format!("({relation}, {}, {})", or_null(whole), or_null(of_type)));
            let Some(key) = &table.partition_key else { return vec![of("'r'", "table"), part] };
            vec![of("'p'", "partitioned table"), part, ("partition key", format!("({relation}, {})", literal(key)))]
        }
        Object::View(view) => {
            let (names, types): (Vec<_>, Vec<_>) = view.columns.iter().cloned().unzip();
            let mut asked = vec![of("'v'", "view")];
            if !names.is_empty() {
                asked.push(("view", format!("({relation}, {}, {})", labels(&names), labels(&types))));
            }
            let unsaid = ["security_invoker", "security_barrier", "check_option"].into_iter();
            let unsaid = unsaid.filter(|o| !view.options.contains_key(o));
            asked.extend(unsaid.map(|option| ("view option", format!("({relation}, {})", literal(option)))));
            asked
        }
        Object::MaterializedView(view) => {
            let about = match is_printed_otherwise(&view.query) {
                true => "materialized view in words",
                false => "materialized view",
            };
            vec![
                of("'m'", "materialized view"),
                (about, format!("({relation}, {}, {major})", literal(view.query.trim()))),
            ]
        }
        Object::Sequence(sequence) => vec![
            of("'S'", "sequence"),
            ("sequence", format!("({relation}, '{}'::bigint, '{}'::bigint)", sequence.min, sequence.max)),
        ],
        Object::DomainConstraint(constraint) => vec![(
            "domain constraint",
            format!("({}, {}, {}, {major})", literal(&id.top_sql()), literal(&id.name()), wrapped(&constraint.check)),
        )],
        Object::Index(index) => {
            let mut asked = vec![of("'i', 'I'", "index"), ("index of a key", format!("({relation})"))];
            // Which class a server leaves out depends on its version.
            if !is_contested(&index.definition) {
                asked.push(("index", format!("({relation}, {})", literal(&index.plain_statement(id)))));
            }
            asked
        }
        Object::Enum(kind) => {
            vec![declared("e", "an enum"), ("enum", format!("({relation}, {})", labels(&kind.values)))]
        }
        Object::Domain(domain) => {
            vec![declared("d", "a domain"), ("domain", format!("({relation}, {})", literal(&domain.type_name)))]
        }
        Object::Composite(_) => vec![declared("c", "a composite type")],
        Object::Column(column) => {
            let (table, name, path) = (literal(&id.top_sql()), literal(&id.name()), literal(&id.sql_path()));
            let generated = column.generated.is_some();
            let mut asked =
                vec![("column", format!("({table}, {name}, {}, {generated}, {path})", literal(&column.type_name)))];
            if let Some(generated) = &column.generated {
                let expression = wrapped(&generated.expression);
                asked.push(("generated", format!("({table}, {name}, {expression}, {path}, {major})")));
            }
            if column.identity.is_some() {
                asked.push(("identity", format!("({table}, {name}, {path})")));
            }
            if let Some(identity) = &column.identity {
                let counter = Sequence::of_identity(&column.type_name, identity);
                let bounds = format!("'{}'::bigint, '{}'::bigint", counter.min, counter.max);
                asked.push(("counter", format!("({table}, {name}, {bounds}, {path})")));
            }
            asked
        }
        Object::Attachment(attachment) if attachment.bound == "DEFAULT" => {
            let (table, whole) = (literal(&id.top_sql()), literal(&attachment.parent.sql()));
            vec![("default partition", format!("({table}, {whole})"))]
        }
        Object::Default(_) => {
            let Some(column) = id.parent() else { return Vec::new() };
            let (table, name) = (literal(&id.top_sql()), literal(&column.name()));
            vec![("default", format!("({table}, {name}, {})", literal(&column.sql_path())))]
        }
        Object::CompositeAttribute(attribute) => vec![(
            "column",
            format!(
                "({}, {}, {}, false, {})",
                literal(&id.top_sql()),
                literal(&id.name()),
                literal(&attribute.type_name),
                literal(&id.sql_path())
            ),
        )],
        Object::Routine(routine) => {
            let kind = match routine.routine_kind.as_str() {
                "procedure" => "p",
                "window" => "w",
                _ => "f",
            };
            let returns = routine.returns.as_deref().map_or_else(|| "NULL".to_owned(), literal);
            let schema = literal(&id.schema().unwrap_or_default());
            let mut asked = vec![("routine", format!("({schema}, {}, '{kind}', {returns})", literal(&id.name())))];
            let others: Vec<String> = routine
                .overlaps(id)
                .into_iter()
                .filter(|other| !to.contains(other))
                .map(|other| other.name().into_owned())
                .collect();
            if routine.security_definer && !routine.has_search_path() {
                asked.push(("search path", format!("({schema}, {})", literal(&id.name()))));
            }
            if !others.is_empty() {
                asked.push(("overload", format!("({schema}, {}, {})", literal(&id.name()), labels(&others))));
            }
            asked
        }
        Object::Constraint(constraint) => {
            let (table, text) = (literal(&id.top_sql()), literal(&constraint.printed(true)));
            let mut asked = Vec::new();
            if constraint.has_index() {
                asked.push(("key by name", format!("({}, {table}, {text})", literal(&index_name(id)))));
            }
            if !is_contested(&constraint.definition) {
                asked.push(("constraint", format!("({table}, {}, {text})", literal(&id.name()))));
            }
            asked
        }
        _ => Vec::new(),
    }
}

/// A block that stops the script, naming all that contradicts what is declared; nothing where nothing can.
pub fn statement(to: &Catalog, major: u32) -> Option<String> {
    let mut asked: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for (id, object) in to.iter() {
        for (about, row) in rows(id, object, to, major) {
            asked.entry(about).or_default().push(row);
        }
    }
    let parts: Vec<String> = asked
        .iter()
        .map(|(about, rows)| {
            let question = question(about);
            let values = format!("(VALUES\n      {}\n    ) AS d {}", rows.join(",\n      "), question.columns);
            question.query.replacen("{d}", &values, 1)
        })
        .collect();
    (!parts.is_empty()).then(|| {
        stop(
            &parts.join("\n    UNION ALL\n    "),
            "datatype_mismatch",
            "Nothing has been changed. Change the declaration, or what is there, and run again.",
        )
    })
}

/// A block that stops the script where a type is there without values that the script itself uses.
pub fn uncommitted_values(id: &ObjectId, object: &Object, used: &[String]) -> Option<String> {
    let Object::Enum(_) = object else { return None };
    let name = literal(&id.sql());
    let query = format!(
        "SELECT format('enum %s lacks the value %s, which this script uses; PostgreSQL lets a new value be used only once it is committed', {name}, w)\n    \
         FROM unnest({}) w\n    WHERE to_regtype({name}) IS NOT NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_enum WHERE enumtypid = to_regtype({name}) AND enumlabel = w)",
        labels(used)
    );
    Some(stop(
        &query,
        "object_not_in_prerequisite_state",
        "Nothing has been changed. Have trueup write numbered files (--out DIR), of which the first adds the values, and run them one after the other.",
    ))
}

fn stop(query: &str, code: &str, hint: &str) -> String {
    let body = format!(
        "\nDECLARE\n  wrong text := (SELECT string_agg(message, E'\\n') FROM (\n    {query}\n  ) AS w (message));\nBEGIN\n  IF wrong IS NOT NULL THEN\n    \
         RAISE EXCEPTION USING ERRCODE = '{code}', MESSAGE = wrong, HINT = {};\n  END IF;\nEND\n",
        literal(hint)
    );
    format!("DO {}", dollar_quoted(&body))
}
