//! Routines in YAML: `functions:` and `procedures:`, by signature.

use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::name::Ident;
use crate::declare::context::DeclareContext;
use crate::kinds::KindTag;
use crate::kinds::common::{Declare, WriteContext, canonical_type_name};
use crate::yaml::fields::TextOrFile;
use crate::yaml::{Definition, Fields, Key, KeyDoc, Node, Out, Shape};

use super::signature::Signature;
use super::{Routine, arguments, quoted_name, settings, signature};

const VOLATILITY: &[&str] = &["volatile", "stable", "immutable"];
const SECURITY: &[&str] = &["invoker", "definer"];
const PARALLEL: &[&str] = &["unsafe", "restricted", "safe"];

const LANGUAGE: KeyDoc = KeyDoc { name: "language", doc: "The language: sql, plpgsql, …", shape: Shape::Name };
const SECURITY_KEY: KeyDoc = KeyDoc {
    name: "security",
    doc: "With whose rights it runs: invoker (default) or definer.",
    shape: Shape::OneOf(SECURITY),
};
const TRANSFORMS: KeyDoc =
    KeyDoc { name: "transforms", doc: "The types whose transforms apply.", shape: Shape::TextList };
const SET: KeyDoc = KeyDoc {
    name: "set",
    doc: "Settings that hold during a call: `{search_path: \"\"}`.",
    shape: Shape::MapOf(&Shape::TextList),
};
const BODY: KeyDoc = KeyDoc { name: "body", doc: "The body, or `!file path`.", shape: Shape::TextOrFile };
const SQL_BODY: KeyDoc = KeyDoc {
    name: "sql_body",
    doc: "A body in standard SQL: `return a + b` or `begin atomic … end`.",
    shape: Shape::TextOrFile,
};
const LIBRARY: KeyDoc = KeyDoc { name: "library", doc: "The object file of a routine in C.", shape: Shape::Text };
const SYMBOL: KeyDoc =
    KeyDoc { name: "symbol", doc: "The link symbol of a routine in C, where it is not its name.", shape: Shape::Text };
const COMMENT: KeyDoc = KeyDoc { name: "comment", doc: "COMMENT ON FUNCTION or PROCEDURE.", shape: Shape::Text };
const OWNER: KeyDoc = KeyDoc { name: "owner", doc: "The role that owns it.", shape: Shape::Name };
const GRANTS: KeyDoc = KeyDoc {
    name: "grants",
    doc: "Privileges by role: `{authenticated: [execute]}`. Of the roles that the project names, those not listed have none.",
    shape: Shape::Any,
};
const WAS: KeyDoc = KeyDoc { name: "was", doc: "The name or signature it had before.", shape: Shape::Text };

/// How procedures are written.
pub const PROCEDURES: Definition = Definition {
    name: "procedures",
    doc: "Procedures, by signature: `archive_orders(before date)`.",
    scalar: None,
    keys: &[LANGUAGE, SECURITY_KEY, TRANSFORMS, SET, BODY, SQL_BODY, LIBRARY, SYMBOL, COMMENT, OWNER, GRANTS, WAS],
};

impl Declare for Routine {
    const DEFINITION: Definition = Definition {
        name: "functions",
        doc: "Functions, by signature: `f(a integer, b text default 'x')`.",
        scalar: None,
        keys: &[
            KeyDoc {
                name: "returns",
                doc: "The result: a type, `setof` a type, or `table(a integer, …)`.",
                shape: Shape::Sql,
            },
            LANGUAGE,
            KeyDoc { name: "window", doc: "Whether it is a window function.", shape: Shape::Boolean },
            KeyDoc {
                name: "volatility",
                doc: "volatile (default), stable or immutable.",
                shape: Shape::OneOf(VOLATILITY),
            },
            SECURITY_KEY,
            KeyDoc {
                name: "strict",
                doc: "Whether a NULL argument makes the result NULL without a call.",
                shape: Shape::Boolean,
            },
            KeyDoc {
                name: "leakproof",
                doc: "Whether it is trusted not to tell its arguments to anyone.",
                shape: Shape::Boolean,
            },
            KeyDoc { name: "parallel", doc: "unsafe (default), restricted or safe.", shape: Shape::OneOf(PARALLEL) },
            KeyDoc { name: "cost", doc: "The estimated cost of a call.", shape: Shape::Text },
            KeyDoc { name: "rows", doc: "The estimated number of rows.", shape: Shape::Text },
            KeyDoc { name: "support", doc: "The planner support function.", shape: Shape::Sql },
            TRANSFORMS,
            SET,
            BODY,
            SQL_BODY,
            LIBRARY,
            SYMBOL,
            COMMENT,
            OWNER,
            GRANTS,
            WAS,
        ],
    };

    fn declare(_parent: Option<&ObjectId>, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
        declare(false, key, node, cx)
    }

    fn write(&self, id: &ObjectId, cx: &WriteContext<'_>) -> Out {
        let mut entries = self.entries();
        entries.extend(cx.components(id));
        Out::Map(entries)
    }
}

/// The signature that a key stands for.
fn read_key(text: &str, procedure: bool, key: &Key) -> Result<Signature> {
    let what = if procedure { "procedure" } else { "function" };
    signature::read(text, procedure).map_err(|why| {
        Diagnostic::error("signature", format!("`{text}` is no signature of a {what}: {why}"))
            .at(key.location.clone())
            .help(format!("write a {what} with its arguments: `f(a integer, b text default 'x')`"))
    })
}

fn id_of(signature: &Signature, cx: &DeclareContext<'_>) -> ObjectId {
    let schema = signature.schema.as_deref().unwrap_or(&cx.schema);
    ObjectId::in_schema(KindTag::Routine, schema, &format!("{}({})", Ident(&signature.name), signature.types))
}

fn text_of(fields: &Fields<'_>, key: &'static str) -> Result<Option<String>> {
    match fields.text_or_file(key)? {
        None => Ok(None),
        Some(TextOrFile::Text(text)) => Ok(Some(text.to_owned())),
        Some(TextOrFile::File(path)) => {
            Err(Diagnostic::error("unread-file", format!("the file `{path}` has not been read")).at(fields.place()))
        }
    }
}

fn number(fields: &Fields<'_>, key: &'static str) -> Result<Option<f64>> {
    let Some(text) = fields.text(key)? else { return Ok(None) };
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(Some(number)),
        _ => Err(Diagnostic::error("wrong-type", format!("`{key}` must be a number above 0, not `{text}`"))
            .at(fields.place())),
    }
}

/// Reads one entry of `procedures:`.
///
/// # Errors
/// As [`Declare::declare`].
pub fn declare_procedure(
    _parent: Option<&ObjectId>,
    key: &Key,
    node: &Node,
    cx: &mut DeclareContext<'_>,
) -> Result<()> {
    declare(true, key, node, cx)
}

/// Reads one entry of `functions:` or `procedures:`.
fn declare(procedure: bool, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
    let signature = read_key(&key.text, procedure, key)?;
    let id = id_of(&signature, cx);
    let (routine, fields) = read(procedure, &signature, node)?;
    if let Some(was) = fields.name("was")? {
        let old = if was.contains('(') {
            id_of(&read_key(was, procedure, key)?, cx)
        } else {
            // A name alone: the arguments are the same.
            let named = read_key(&format!("{was}()"), procedure, key)?;
            id_of(&Signature { types: signature.types.clone(), ..named }, cx)
        };
        cx.renames.insert(id.clone(), (old, fields.place()));
    }
    cx.add(id.clone(), routine, &key.location)?;
    cx.components(&fields, &id)
}

/// Reads the mapping of a routine.
fn read<'a>(procedure: bool, signature: &Signature, node: &'a Node) -> Result<(Routine, Fields<'a>)> {
    let (what, keys) =
        if procedure { ("a procedure", PROCEDURES.keys) } else { ("a function", Routine::DEFINITION.keys) };
    let fields = Fields::of(node, what, keys)?;
    let mut routine = Routine {
        routine_kind: if procedure { "procedure" } else { "function" }.to_owned(),
        arguments: signature.arguments.clone(),
        volatility: "volatile".to_owned(),
        parallel: "unsafe".to_owned(),
        security_definer: fields.one_of("security")? == Some("definer"),
        transforms: fields.text_list("transforms")?.unwrap_or_default().into_iter().map(canonical_type_name).collect(),
        body: text_of(&fields, "body")?,
        sql_body: text_of(&fields, "sql_body")?.map(|b| b.trim().to_owned()),
        library: fields.text("library")?.map(str::to_owned),
        symbol: fields.text("symbol")?.filter(|s| *s != signature.name).map(str::to_owned),
        config: config(&fields)?,
        ..Routine::default()
    };
    routine.language = match fields.name("language")? {
        Some(language) => language.to_owned(),
        None if routine.sql_body.is_some() => "sql".to_owned(),
        None if routine.library.is_some() => "c".to_owned(),
        None => {
            return Err(Diagnostic::error("missing-key", format!("{what} needs the key `language`"))
                .at(fields.place())
                .help("`language: sql` or `language: plpgsql`"));
        }
    };
    for (key, before, after) in [
        ("returns", "CREATE FUNCTION f() RETURNS ", " LANGUAGE sql AS ''"),
        ("support", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS '' SUPPORT ", ""),
        ("sql_body", "CREATE FUNCTION f() RETURNS int LANGUAGE sql ", ""),
    ] {
        if keys.iter().any(|known| known.name == key)
            && let Some(node) = fields.get(key)
            && let Some(text) = node.text()
        {
            let statement = format!("{before}{text}\n{after}");
            crate::kinds::types::fragment::one_statement(&statement, text, node, &format!("one `{key}`"))?;
        }
    }
    let bodies = [routine.body.is_some(), routine.sql_body.is_some(), routine.library.is_some()];
    if bodies.into_iter().filter(|b| *b).count() != 1 {
        return Err(Diagnostic::error("body", format!("{what} needs exactly one of `body`, `sql_body` and `library`"))
            .at(fields.place()));
    }
    if procedure {
        return Ok((routine, fields));
    }
    if fields.bool("window")? == Some(true) {
        routine.routine_kind = "window".to_owned();
    }
    routine.returns = match fields.sql("returns")? {
        Some(returns) => Some(canonical_result(returns)),
        None => implied_result(&routine.arguments),
    };
    if routine.returns.is_none() {
        return Err(Diagnostic::error(
            "missing-key",
            "a function needs the key `returns` unless it has output arguments",
        )
        .at(fields.place())
        .help("`returns: void` for a function without a result; `procedures:` for procedures"));
    }
    routine.volatility = fields.one_of("volatility")?.unwrap_or("volatile").to_owned();
    routine.strict = fields.bool("strict")?.unwrap_or(false);
    routine.leakproof = fields.bool("leakproof")?.unwrap_or(false);
    routine.parallel = fields.one_of("parallel")?.unwrap_or("unsafe").to_owned();
    let compiled = matches!(routine.language.as_str(), "c" | "internal");
    routine.cost = number(&fields, "cost")?.filter(|c| *c != if compiled { 1.0 } else { 100.0 });
    routine.rows = number(&fields, "rows")?.filter(|r| !(routine.returns_set() && *r == 1000.0));
    routine.support = fields.sql("support")?.map(|s| s.trim().to_owned());
    Ok((routine, fields))
}

/// The settings of the key `set`, lists in the form in which they are stored.
fn config(fields: &Fields<'_>) -> Result<Vec<(String, String)>> {
    fields
        .map("set")?
        .iter()
        .map(|(key, node)| {
            let what = format!("`{}` in {}", key.text, fields.what("set"));
            let value = if node.items().is_some() {
                let items = node.as_words(&what)?;
                if settings::is_list(&key.text) { settings::stored(items) } else { items.join(", ") }
            } else {
                let text = node.as_word(&what, "a text")?;
                if settings::is_list(&key.text) { settings::stored(settings::items(text)) } else { text.to_owned() }
            };
            Ok((key.text.clone(), value))
        })
        .collect()
}

/// A result in the form that `pg_get_function_result` prints.
fn canonical_result(text: &str) -> String {
    let text = text.trim();
    match arguments::table_columns(text) {
        Some(columns) => {
            // Columns of TABLE have the form of arguments, without modes and defaults.
            let columns =
                signature::read(&format!("f({columns})"), false).map_or_else(|_| columns.to_owned(), |s| s.arguments);
            format!("TABLE({columns})")
        }
        None => signature::without_modifiers(&canonical_type_name(text)),
    }
}

/// The result of a function that says it by output arguments: the type of the only one, otherwise `record`.
fn implied_result(list: &str) -> Option<String> {
    let outputs: Vec<_> = arguments::split(list)
        .into_iter()
        .map(arguments::argument)
        .filter(|a| matches!(a.mode, "OUT" | "INOUT"))
        .collect();
    match outputs.as_slice() {
        [] => None,
        [only] => Some(signature::type_of(only)),
        _ => Some("record".to_owned()),
    }
}

impl Routine {
    /// The key under which it is written: its name and arguments, with the schema where it is not the file's.
    pub fn key(&self, id: &ObjectId, cx: &WriteContext<'_>) -> String {
        let name = id.name();
        let schema = id.schema().unwrap_or_default();
        let prefix = if schema == cx.schema { String::new() } else { format!("{}.", Ident(&schema)) };
        format!("{prefix}{}({})", quoted_name(&name), self.written_arguments())
    }

    /// Whether it stands under `procedures:` rather than `functions:`.
    pub fn stands_under_procedures(&self) -> bool {
        self.is_procedure()
    }

    fn written_arguments(&self) -> String {
        // IN is what an argument is anyway.
        let list = arguments::split(&self.arguments);
        list.into_iter().map(|a| a.strip_prefix("IN ").unwrap_or(a)).collect::<Vec<_>>().join(", ")
    }

    /// Its own keys.
    fn entries(&self) -> Vec<(String, Out)> {
        let mut entries = Vec::new();
        let mut entry = |name: &str, out: Out| entries.push((name.to_owned(), out));
        if let Some(returns) = self.returns.as_ref().filter(|r| implied_result(&self.arguments).as_ref() != Some(*r)) {
            entry("returns", Out::text(returns));
        }
        let implied =
            (self.sql_body.is_some() && self.language == "sql") || (self.library.is_some() && self.language == "c");
        if !implied {
            entry("language", Out::text(&self.language));
        }
        if self.routine_kind == "window" {
            entry("window", Out::Bool(true));
        }
        if !self.is_procedure() && self.volatility != "volatile" {
            entry("volatility", Out::text(&self.volatility));
        }
        if self.security_definer {
            entry("security", Out::text("definer"));
        }
        if self.strict {
            entry("strict", Out::Bool(true));
        }
        if self.leakproof {
            entry("leakproof", Out::Bool(true));
        }
        if self.parallel != "unsafe" {
            entry("parallel", Out::text(&self.parallel));
        }
        for (name, number) in [("cost", self.cost), ("rows", self.rows)] {
            if let Some(number) = number {
                entry(name, number_out(number));
            }
        }
        if let Some(support) = &self.support {
            entry("support", Out::text(support));
        }
        if !self.transforms.is_empty() {
            entry("transforms", Out::flow(&self.transforms));
        }
        if !self.config.is_empty() {
            let settings = self.config.iter().map(|(name, value)| {
                let plain = settings::is_list(name) && value == "\"\"";
                (name.clone(), Out::text(if plain { "" } else { value.as_str() }))
            });
            entry("set", Out::FlowMap(settings.collect()));
        }
        for (name, text) in [("sql_body", &self.sql_body), ("body", &self.body)] {
            if let Some(text) = text {
                entry(name, Out::Block(text.clone()));
            }
        }
        for (name, text) in [("library", &self.library), ("symbol", &self.symbol)] {
            if let Some(text) = text {
                entry(name, Out::text(text));
            }
        }
        entries
    }
}

fn number_out(number: f64) -> Out {
    let text = number.to_string();
    text.parse().map_or_else(|_| Out::text(text), Out::Int)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::diagnostic::Source;
    use crate::yaml::{parse, to_yaml};

    fn round_trip(routine: &Routine, name: &str) {
        let text = to_yaml(&Out::Map(routine.entries()));
        let node = parse(&Source::new("a.yaml", text.as_str())).unwrap();
        let key = format!("{name}({})", routine.written_arguments());
        let signature = signature::read(&key, routine.is_procedure()).unwrap();
        let (again, _) = read(routine.is_procedure(), &signature, &node).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(&again, routine, "{text}");
    }

    #[test]
    fn functions_round_trip() {
        let base = Routine {
            routine_kind: "function".into(),
            returns: Some("text".into()),
            language: "plpgsql".into(),
            volatility: "volatile".into(),
            parallel: "unsafe".into(),
            body: Some("\nbegin\n  return 'x';\nend;\n".into()),
            ..Routine::default()
        };
        round_trip(&base, "f");
        round_trip(
            &Routine {
                arguments: "a integer, b text DEFAULT 'x,''y('::text, VARIADIC c text[] DEFAULT '{}'::text[]".into(),
                returns: Some("TABLE(x integer, \"Y z\" numeric)".into()),
                volatility: "stable".into(),
                strict: true,
                security_definer: true,
                leakproof: true,
                parallel: "restricted".into(),
                cost: Some(0.5),
                rows: Some(12.0),
                support: Some("app.s".into()),
                transforms: vec!["jsonb".into(), "hstore".into()],
                config: vec![
                    ("search_path".into(), "\"\"".into()),
                    ("work_mem".into(), "64MB".into()),
                    ("app.x".into(), "a'b\\c".into()),
                ],
                body: Some(String::new()),
                ..base.clone()
            },
            "\"My f\"",
        );
        round_trip(
            &Routine {
                arguments: "integer, OUT o mood".into(),
                returns: Some("mood".into()),
                language: "sql".into(),
                body: None,
                sql_body: Some("RETURN 'sad'::mood".into()),
                ..base.clone()
            },
            "f",
        );
        round_trip(
            &Routine {
                routine_kind: "window".into(),
                language: "internal".into(),
                body: Some("window_row_number".into()),
                ..base.clone()
            },
            "f",
        );
        round_trip(
            &Routine {
                language: "c".into(),
                body: None,
                library: Some("$libdir/x".into()),
                symbol: Some("y".into()),
                arguments: "INOUT a integer, OUT b integer".into(),
                returns: Some("SETOF record".into()),
                rows: Some(5.0),
                ..base.clone()
            },
            "f",
        );
        round_trip(
            &Routine {
                routine_kind: "procedure".into(),
                returns: None,
                arguments: "IN a integer, INOUT b text DEFAULT 'q'::text".into(),
                config: vec![("search_path".into(), "\"$user\", public, \"A b\"".into())],
                body: Some("begin\n\n  commit;\nend".into()),
                ..base
            },
            "p",
        );
    }

    #[test]
    fn people_may_write_lists_and_aliases() {
        let node = parse(&Source::new(
            "a.yaml",
            "returns: setof varchar(10)\nlanguage: sql\nset: {search_path: [public, pg_temp], DateStyle: 'ISO, DMY'}\nbody: select 1\n",
        ))
        .unwrap();
        let (routine, _) = read(false, &signature::read("f()", false).unwrap(), &node).unwrap();
        assert_eq!(routine.returns.as_deref(), Some("SETOF character varying"));
        assert_eq!(routine.config[0].1, "public, pg_temp");
        assert_eq!(routine.config[1].1, "ISO, DMY");
    }

    #[test]
    fn what_is_missing_is_said() {
        for (yaml, code) in [
            ("returns: int\nbody: x\n", "missing-key"),
            ("language: sql\nbody: x\n", "missing-key"),
            ("language: sql\nreturns: int\n", "body"),
            ("language: sql\nreturns: int\nbody: x\nsql_body: return 1\n", "body"),
            ("language: sql\nreturns: int\nbody: x\ncost: -1\n", "wrong-type"),
        ] {
            let node = parse(&Source::new("a.yaml", yaml)).unwrap();
            let error = read(false, &signature::read("f()", false).unwrap(), &node).map(|_| ()).unwrap_err();
            assert_eq!(error.code, code, "{yaml}");
        }
    }
}
