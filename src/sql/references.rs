//! What a text refers to: relations, functions, types, columns, and more.
//!
//! Used for guesses: the order of elaboration, checks without a database. The walk is over `tree::Value`, which holds
//! every field of every node, so a new kind of node is walked without being known here.

use std::ops::Range;

use super::parse::{SyntaxError, Wrapped, on_parser_thread, statements};
use super::plpgsql;
use super::tree::Value;

/// A name that a text refers to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameRef {
    /// The schema, where it is given.
    pub schema: Option<String>,
    /// The name.
    pub name: String,
    /// The byte offset in the text given, where it is known.
    pub offset: Option<usize>,
}

/// A column as a text names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnRef {
    /// The parts: `["a"]`, `["t", "a"]`, `["s", "t", "a"]`; `*` for all columns.
    pub parts: Vec<String>,
    /// The byte offset in the text given, where it is known.
    pub offset: Option<usize>,
}

/// Everything that a text refers to, in the order of the text, repeated where it is repeated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Tables, views, sequences and other relations; names of WITH queries are left out.
    pub relations: Vec<NameRef>,
    /// Functions, procedures and aggregates.
    pub functions: Vec<NameRef>,
    /// Types and domains. SQL's own spellings (`int`) have the schema `pg_catalog`.
    pub types: Vec<NameRef>,
    /// Columns (and, where nothing tells them apart, variables and whole rows).
    pub columns: Vec<ColumnRef>,
    /// Collations.
    pub collations: Vec<NameRef>,
    /// Operators, PostgreSQL's own included.
    pub operators: Vec<NameRef>,
    /// Operator classes.
    pub operator_classes: Vec<NameRef>,
    /// Relations named by a text constant: cast to regclass, or the argument of nextval and its like.
    pub regclass: Vec<NameRef>,
    /// Roles.
    pub roles: Vec<String>,
    /// Relations, functions and types that the text itself creates.
    pub defines: Vec<NameRef>,
}

impl References {
    /// Adds another text's references, with their offsets moved.
    pub(super) fn absorb(&mut self, mut other: Self, shift: isize, within: Option<Range<usize>>) {
        let moved = |offset: &mut Option<usize>| {
            *offset = offset
                .and_then(|o| o.checked_add_signed(shift))
                .filter(|o| within.as_ref().is_none_or(|range| range.contains(o)));
        };
        for list in other.lists() {
            list.iter_mut().for_each(|name| moved(&mut name.offset));
        }
        other.columns.iter_mut().for_each(|column| moved(&mut column.offset));
        self.columns.append(&mut other.columns);
        self.roles.append(&mut other.roles);
        for (mine, theirs) in self.lists().into_iter().zip(other.lists()) {
            mine.append(theirs);
        }
    }

    fn lists(&mut self) -> [&mut Vec<NameRef>; 8] {
        [
            &mut self.relations,
            &mut self.functions,
            &mut self.types,
            &mut self.collations,
            &mut self.operators,
            &mut self.operator_classes,
            &mut self.regclass,
            &mut self.defines,
        ]
    }
}

/// The references of a text of any number of statements.
///
/// # Errors
/// When PostgreSQL's grammar refuses the text.
pub fn references_of_statement(sql: &str) -> Result<References, SyntaxError> {
    let sql = sql.to_owned();
    on_parser_thread(move || direct(&sql))?
}

/// On the parser thread.
pub(super) fn direct(sql: &str) -> Result<References, SyntaxError> {
    let mut walker = Walker::default();
    for statement in statements(sql)? {
        walker.walk(&Value::of(&statement));
    }
    Ok(walker.out)
}

fn wrapped(head: &str, text: &str, tail: &str, what: &str) -> Result<References, SyntaxError> {
    let wrapped = Wrapped::new(head, text, tail, what)?;
    let found = references_of_statement(&wrapped.sql).map_err(|error| wrapped.own(error))?;
    let mut out = References::default();
    let shift = isize::try_from(wrapped.base).unwrap_or(0);
    out.absorb(found, -shift, Some(0..text.len()));
    Ok(out)
}

/// The references of one expression.
///
/// # Errors
/// When the text is not an expression.
pub fn references_of_expression(text: &str) -> Result<References, SyntaxError> {
    wrapped("select (", text, ")", "expression")
}

/// The references of one query.
///
/// # Errors
/// When the text is not a query.
pub fn references_of_query(text: &str) -> Result<References, SyntaxError> {
    references_of_statement(text)
}

/// The references of one type.
///
/// # Errors
/// When the text is not a type.
pub fn references_of_type(text: &str) -> Result<References, SyntaxError> {
    if let Some(name) = plain_type(text) {
        return Ok(References { types: vec![name], ..References::default() });
    }
    // RETURNS takes more than a cast does: SETOF, `t.a%type`.
    let mut found = wrapped("create function f() returns ", text, "language sql", "type")?;
    found.defines.clear();
    Ok(found)
}

/// SQL's own spellings of types, and the types in `pg_catalog` that they mean.
const SPELLINGS: &[(&str, &str)] = &[
    ("integer", "int4"),
    ("int", "int4"),
    ("bigint", "int8"),
    ("smallint", "int2"),
    ("boolean", "bool"),
    ("numeric", "numeric"),
    ("decimal", "numeric"),
    ("real", "float4"),
    ("double precision", "float8"),
    ("character varying", "varchar"),
    ("varchar", "varchar"),
    ("character", "bpchar"),
    ("char", "bpchar"),
    ("timestamp with time zone", "timestamptz"),
    ("timestamp without time zone", "timestamp"),
    ("timestamp", "timestamp"),
    ("time with time zone", "timetz"),
    ("time without time zone", "time"),
    ("time", "time"),
    ("interval", "interval"),
    ("bit", "bit"),
    ("bit varying", "varbit"),
];

/// The common types need no grammar: a project of 10,000 tables names 100,000 of them.
fn plain_type(text: &str) -> Option<NameRef> {
    let base = text.split(['(', '[']).next().unwrap_or(text).trim();
    let rest = text.get(base.len()..)?;
    rest.chars().all(|c| matches!(c, '(' | ')' | '[' | ']' | ',' | ' ') || c.is_ascii_digit()).then_some(())?;
    let own = |name: &str| NameRef { schema: Some("pg_catalog".to_owned()), name: name.to_owned(), offset: Some(0) };
    if let Some((_, name)) = SPELLINGS.iter().find(|(spelling, _)| spelling.eq_ignore_ascii_case(base)) {
        return Some(own(name));
    }
    let (schema, name) = match base.split_once('.') {
        Some((schema, name)) => (Some(schema), name),
        None => (None, base),
    };
    let plain = |part: &str| crate::core::name::is_bare(part);
    (plain(name) && schema.is_none_or(plain)).then(|| NameRef {
        schema: schema.map(str::to_owned),
        name: name.to_owned(),
        offset: Some(0),
    })
}

/// What the words of a text seem to refer to: for texts that the grammar refuses, where a guess is better than nothing.
pub fn references_by_words(text: &str) -> References {
    plpgsql::by_words(text)
}

/// The references of the body of a routine, as far as they can be seen: `sql` and `plpgsql`; nothing for other languages.
/// Best effort, never an error. A body of SQL may also be `BEGIN ATOMIC … END` or `RETURN …`.
pub fn references_of_routine_body(language: &str, body: &str) -> References {
    let (language, body) = (language.to_ascii_lowercase(), body.to_owned());
    on_parser_thread(move || routine_body(&language, &body)).unwrap_or_default()
}

/// On the parser thread.
pub(super) fn routine_body(language: &str, body: &str) -> References {
    match language {
        "sql" => {
            let first = super::lexer::Lexer::new(body).next_token().ok().flatten();
            let atomic = first.is_some_and(|t| t.is(body, "begin") || t.is(body, "return"));
            let head = if atomic { "create function f() returns int language sql " } else { "" };
            match direct(&format!("{head}{body}")) {
                Ok(found) => {
                    let mut out = References::default();
                    out.absorb(found, -isize::try_from(head.len()).unwrap_or(0), Some(0..body.len()));
                    if atomic {
                        out.defines.clear();
                        out.types.retain(|t| t.offset.is_some());
                    }
                    out
                }
                Err(_) => plpgsql::by_words(body),
            }
        }
        "plpgsql" => plpgsql::references(body),
        _ => References::default(),
    }
}

#[derive(Default)]
struct Walker {
    out: References,
    /// Names of WITH queries in scope.
    ctes: Vec<String>,
}

fn offset(node: &Value) -> Option<usize> {
    node.field("location").number().map_or(Some(0), |n| usize::try_from(n).ok())
}

fn name_ref(mut parts: Vec<String>, offset: Option<usize>) -> Option<NameRef> {
    let name = parts.pop()?;
    Some(NameRef { schema: parts.pop(), name, offset })
}

fn relation(node: &Value) -> Option<NameRef> {
    Some(NameRef {
        schema: node.field("schemaname").text().map(str::to_owned),
        name: node.field("relname").text()?.to_owned(),
        offset: offset(node),
    })
}

/// A name inside a text constant.
fn constant(text: &str, offset: Option<usize>) -> Option<NameRef> {
    let (schema, name) = super::qualified_name(text.split('(').next().unwrap_or(text)).ok()?;
    Some(NameRef { schema, name, offset })
}

fn constant_text(node: &Value) -> Option<(&str, Option<usize>)> {
    match node.node()? {
        "AConst" => node.field("val").text().map(|text| (text, offset(node))),
        "TypeCast" => constant_text(node.field("arg")),
        _ => None,
    }
}

/// Whether a field holds the name of what the statement creates.
fn is_definition(kind: &str, key: &str) -> bool {
    matches!(
        (kind, key),
        ("CreateStmt", "relation")
            | ("ViewStmt", "view")
            | ("IntoClause", "rel")
            | ("CreateSeqStmt", "sequence")
            | ("CompositeTypeStmt", "typevar")
    )
}

impl Walker {
    fn children(&mut self, node: &Value) {
        node.each(|_, child| self.walk(child));
    }

    fn walk(&mut self, value: &Value) {
        let Value::Node(kind, fields) = value else {
            if let Value::List(_) = value {
                self.children(value);
            }
            return;
        };
        // WITH belongs to the statement that has it as a field: its names hold in all of that statement.
        let outer = self.ctes.len();
        if let Some((_, with)) = fields.iter().find(|(key, _)| *key == "with_clause") {
            self.with(with);
        }
        self.node(kind, value);
        self.define(kind, value);
        for (key, child) in fields {
            // `(a, b) = (select …)` holds its source once for each column.
            let again = *kind == "MultiAssignRef" && value.field("colno").number() != Some(1);
            if *key != "with_clause" && !again && !is_definition(kind, key) {
                self.walk(child);
            }
        }
        self.ctes.truncate(outer);
    }

    fn with(&mut self, with: &Value) {
        let name = |cte: &Value| cte.field("ctename").text().unwrap_or("").to_owned();
        let ctes = with.field("ctes").list();
        if with.field("recursive").number().is_some() {
            self.ctes.extend(ctes.iter().map(name));
            self.children(with);
        } else {
            for cte in ctes {
                self.walk(cte);
                self.ctes.push(name(cte));
            }
        }
    }

    fn define(&mut self, kind: &str, value: &Value) {
        let found = match kind {
            "CreateStmt" => relation(value.field("relation")),
            "ViewStmt" => relation(value.field("view")),
            "IntoClause" => relation(value.field("rel")),
            "CreateSeqStmt" => relation(value.field("sequence")),
            "CompositeTypeStmt" => relation(value.field("typevar")),
            "CreateFunctionStmt" => name_ref(value.field("funcname").strings(), None),
            "CreateEnumStmt" | "CreateRangeStmt" => name_ref(value.field("type_name").strings(), None),
            "CreateDomainStmt" => name_ref(value.field("domainname").strings(), None),
            "DefineStmt" => name_ref(value.field("defnames").strings(), None),
            _ => None,
        };
        self.out.defines.extend(found);
    }

    fn node(&mut self, kind: &str, value: &Value) {
        match kind {
            "RangeVar" => {
                if let Some(found) = relation(value)
                    && (found.schema.is_some() || !self.ctes.contains(&found.name))
                {
                    self.out.relations.push(found);
                }
            }
            "ColumnRef" => {
                let part = |item: &Value| match item.node() {
                    Some("AStar") => Some("*".to_owned()),
                    _ => item.text().map(str::to_owned),
                };
                let parts: Vec<String> = value.field("fields").list().iter().filter_map(part).collect();
                self.out.columns.push(ColumnRef { parts, offset: offset(value) });
            }
            "FuncCall" => self.call(value),
            "CreateTrigStmt" | "CreateEventTrigStmt" => {
                self.out.functions.extend(name_ref(value.field("funcname").strings(), None));
            }
            // Functions by their arguments: COMMENT ON, GRANT, CREATE CAST, CREATE OPERATOR CLASS.
            "ObjectWithArgs" => self.out.functions.extend(name_ref(value.field("objname").strings(), None)),
            "CreatePlangStmt" => {
                for key in ["plhandler", "plinline", "plvalidator"] {
                    self.out.functions.extend(name_ref(value.field(key).strings(), None));
                }
            }
            "RangeTableSample" => self.out.functions.extend(name_ref(value.field("method").strings(), offset(value))),
            "TypeName" => self.type_name(value),
            "TypeCast" => self.cast(value),
            "CollateClause" => self.out.collations.extend(name_ref(value.field("collname").strings(), offset(value))),
            "AExpr" => self.out.operators.extend(name_ref(value.field("name").strings(), offset(value))),
            "SubLink" => self.out.operators.extend(name_ref(value.field("oper_name").strings(), offset(value))),
            "SortBy" => self.out.operators.extend(name_ref(value.field("use_op").strings(), offset(value))),
            "Constraint" => {
                for pair in value.field("exclusions").list() {
                    let operator = pair.list().get(1).map(Value::strings).unwrap_or_default();
                    self.out.operators.extend(name_ref(operator, None));
                }
            }
            "IndexElem" | "PartitionElem" => {
                self.out.collations.extend(name_ref(value.field("collation").strings(), None));
                self.out.operator_classes.extend(name_ref(value.field("opclass").strings(), None));
                let column = value.field("name").text().map(|name| vec![name.to_owned()]);
                self.out
                    .columns
                    .extend(column.map(|parts| ColumnRef { parts, offset: offset(value).filter(|o| *o > 0) }));
            }
            "RoleSpec" => self.out.roles.extend(value.field("rolename").text().map(str::to_owned)),
            // CREATE AGGREGATE, OPERATOR, TYPE: functions are given like types (`sfunc = f`).
            "DefineStmt" => {
                for element in value.field("definition").list() {
                    let names = element.field("arg").field("names").strings();
                    self.out.functions.extend(name_ref(names, offset(element.field("arg"))));
                }
            }
            "CreateFunctionStmt" | "DoStmt" => self.body(value),
            "DropStmt" => {
                let kind = value.field("remove_type").number();
                value.field("objects").list().iter().for_each(|object| self.object(kind, object));
            }
            "CommentStmt" | "SecLabelStmt" => self.object(value.field("objtype").number(), value.field("object")),
            _ => {}
        }
    }

    /// An object that COMMENT or DROP names by a list of names.
    fn object(&mut self, kind: Option<i64>, object: &Value) {
        use pg_query::protobuf::ObjectType::*;
        let mut parts = object.strings();
        match kind.and_then(|k| i32::try_from(k).ok()).and_then(|k| pg_query::protobuf::ObjectType::try_from(k).ok()) {
            Some(ObjectTable | ObjectView | ObjectMatview | ObjectSequence | ObjectForeignTable | ObjectIndex) => {}
            Some(ObjectColumn | ObjectTrigger | ObjectPolicy | ObjectRule | ObjectTabconstraint) => {
                parts.pop();
            }
            _ => return,
        }
        self.out.relations.extend(name_ref(parts, None));
    }

    fn call(&mut self, value: &Value) {
        let name = name_ref(value.field("funcname").strings(), offset(value));
        if let Some(NameRef { name, .. }) = &name
            && matches!(name.as_str(), "nextval" | "currval" | "setval" | "pg_get_serial_sequence")
            && let Some((text, at)) = value.field("args").list().first().and_then(constant_text)
        {
            // A cast to regclass inside is found on its own.
            let cast = value.field("args").list().first().and_then(Value::node) == Some("TypeCast");
            if !cast {
                self.out.regclass.extend(constant(text, at));
            }
        }
        self.out.functions.extend(name);
    }

    fn type_name(&mut self, value: &Value) {
        let mut parts = value.field("names").strings();
        if value.field("pct_type").number().is_some() {
            // `t.a%type`: the type of a column.
            self.out.columns.push(ColumnRef { parts: parts.clone(), offset: offset(value) });
            parts.pop();
            self.out.relations.extend(name_ref(parts, offset(value)));
        } else {
            self.out.types.extend(name_ref(parts, offset(value)));
        }
    }

    fn cast(&mut self, value: &Value) {
        let names = value.field("type_name").field("names").strings();
        let Some((text, at)) = constant_text(value.field("arg")) else { return };
        match names.last().map(String::as_str) {
            Some("regclass") => self.out.regclass.extend(constant(text, at)),
            Some("regproc" | "regprocedure") => self.out.functions.extend(constant(text, at)),
            Some("regtype") => self.out.types.extend(constant(text, at)),
            Some("regcollation") => self.out.collations.extend(constant(text, at)),
            _ => {}
        }
    }

    /// The body of a function or DO block that is a text.
    fn body(&mut self, value: &Value) {
        let options = if value.node() == Some("DoStmt") { value.field("args") } else { value.field("options") };
        let option = |name: &str| {
            let element = options.list().iter().find(|o| o.field("defname").text() == Some(name))?;
            let arg = element.field("arg");
            arg.text().map(str::to_owned).or_else(|| arg.strings().into_iter().next())
        };
        let default = if value.node() == Some("DoStmt") { "plpgsql" } else { "sql" };
        let language = option("language").map_or_else(|| default.to_owned(), |l| l.to_ascii_lowercase());
        if let Some(body) = option("as") {
            let mut found = routine_body(&language, &body);
            // The constant may hold escapes: places in it are not places in the statement.
            found.lists().into_iter().flatten().for_each(|name| name.offset = None);
            found.columns.iter_mut().for_each(|column| column.offset = None);
            found.defines.clear();
            self.out.absorb(found, 0, None);
        }
    }
}

#[cfg(test)]
#[path = "references_tests.rs"]
mod tests;
