//! The bodies of routines: SQL, and the SQL inside PL/pgSQL.

use std::ops::Range;

use crate::lint::explain::Finding;
use crate::lint::names::{Found, Key, Shape};
use crate::lint::scope::Variables;
use crate::lint::script::{Checker, body_place};
use crate::sql::parse::statements;
use crate::sql::plpgsql;
use crate::sql::tree::Value;

/// The body of a routine.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// Which text it stands in, for whoever checks it.
    pub owner: usize,
    /// The routine.
    pub key: Key,
    /// What tells it from others of its name.
    pub signature: String,
    /// The language.
    pub language: String,
    /// The text.
    pub text: String,
    /// Where it stands in the owner's text, where it stands there as it is.
    pub base: Option<Range<usize>>,
    /// The names of its arguments and output columns.
    pub arguments: Vec<String>,
    /// Where unqualified names are looked for.
    pub search_path: Vec<String>,
    /// Whether that is set, rather than a guess.
    pub fixed_path: bool,
}

/// Names that PL/pgSQL gives.
const SPECIAL: &[&str] = &[
    "found",
    "sqlstate",
    "sqlerrm",
    "new",
    "old",
    "tg_name",
    "tg_when",
    "tg_level",
    "tg_op",
    "tg_relid",
    "tg_relname",
    "tg_table_name",
    "tg_table_schema",
    "tg_nargs",
    "tg_argv",
    "tg_event",
    "tg_tag",
];

/// Words of a body that looks what exists before it uses it, or catches that it does not.
const CAREFUL: &[&str] = &[
    "information_schema",
    "pg_catalog",
    "pg_class",
    "pg_attribute",
    "pg_tables",
    "pg_views",
    "pg_namespace",
    "pg_constraint",
    "pg_proc",
    "pg_type",
    "pg_trigger",
    "pg_extension",
    "to_regclass",
    "regclass",
    "undefined_table",
    "undefined_column",
    "undefined_object",
];

impl Body {
    /// The body in a CREATE FUNCTION statement.
    pub fn of_statement(sql: &str, node: &Value, key: Key, path: &[String]) -> Option<Self> {
        let options = node.field("options").list();
        let option =
            |name: &str| options.iter().find(|o| o.field("defname").text() == Some(name)).map(|o| o.field("arg"));
        let language = option("language").and_then(Value::text).unwrap_or("sql").to_ascii_lowercase();
        let text = option("as")?.strings();
        let [text] = text.as_slice() else { return None };
        let parameters = node.field("parameters").list();
        let mut search_path = path.to_vec();
        let mut fixed_path = false;
        for option in options.iter().filter(|o| o.field("defname").text() == Some("set")) {
            let set = option.field("arg");
            if set.field("name").text() == Some("search_path") {
                fixed_path = true;
                let args = set.field("args").list();
                let own: Vec<String> = args.iter().filter_map(|a| a.field("val").text()).map(str::to_owned).collect();
                search_path = own.into_iter().filter(|s| !s.is_empty()).collect();
                // FROM CURRENT and the like.
                if set.field("kind").number() != Some(1) {
                    return None;
                }
            }
        }
        let types = |p: &Value| p.field("arg_type").field("names").strings().join(".");
        let start = crate::lint::script::offset(node).unwrap_or(0);
        Some(Self {
            owner: 0,
            key,
            signature: parameters.iter().map(types).collect::<Vec<_>>().join(","),
            language,
            text: text.clone(),
            base: body_place(sql, start, text),
            arguments: parameters.iter().filter_map(|p| p.field("name").text()).map(str::to_owned).collect(),
            search_path,
            fixed_path,
        })
    }

    fn words(&self) -> impl Iterator<Item = String> + '_ {
        let words = self.text.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.filter(|w| !w.is_empty()).map(str::to_ascii_lowercase)
    }

    /// Whether calling it may change which relations and columns there are.
    pub fn makes(&self) -> bool {
        !matches!(self.language.as_str(), "sql" | "plpgsql")
            || self.words().any(|w| matches!(w.as_str(), "execute" | "create" | "alter" | "drop" | "rename"))
    }

    /// What is certainly wrong with it. In a tolerant checker (DO) what it creates stays.
    pub fn check(&self, checker: &mut Checker) -> Vec<Finding> {
        let careful = self.words().any(|w| CAREFUL.contains(&w.as_str()));
        let catches = self.words().zip(self.words().skip(1)).any(|(a, b)| a == "exception" && b == "when");
        let mut found = match self.language.as_str() {
            "sql" => self.sql(checker),
            "plpgsql" => self.plpgsql(checker),
            _ => Vec::new(),
        };
        if careful || catches {
            found.clear();
        }
        found
    }

    fn variables(&self, checker: &Checker) -> Variables {
        let mut variables = Variables { names: self.arguments.clone(), ..Variables::default() };
        variables.names.push(self.key.1.clone());
        if self.language == "plpgsql" {
            variables.names.extend(SPECIAL.iter().map(|s| (*s).to_owned()));
        }
        if let Some(tables) = checker.triggers.get(&self.key) {
            let mut row = Shape::default();
            for table in tables {
                match checker.names.relation(table) {
                    Some(relation) => {
                        row.columns.extend(relation.shape.columns.iter().cloned());
                        row.open |= relation.shape.open;
                    }
                    None => row.open = true,
                }
            }
            for name in ["new", "old"] {
                variables.rows.insert(name.to_owned(), row.clone());
            }
        }
        variables
    }

    fn moved(&self, mut finding: Finding, shift: isize) -> Finding {
        let at = |o: usize| o.checked_add_signed(shift).unwrap_or(0).min(self.text.len());
        finding.span = at(finding.span.start)..at(finding.span.end);
        finding
    }

    fn sql(&self, checker: &Checker) -> Vec<Finding> {
        let list = match statements(&self.text) {
            Ok(list) => list,
            // PostgreSQL's own parser: what it does not read, no server up to its version runs. Its other refusals (depth) are about us.
            Err(error) if error.message.starts_with("syntax error") => {
                let message = format!("the body does not parse: {}", error.message);
                return vec![Finding::unreadable(&self.text, &error, message)];
            }
            Err(_) => return Vec::new(),
        };
        let mut local = self.local(checker);
        let variables = self.variables(checker);
        let mut found = Vec::new();
        for statement in &list {
            let tree = Value::of(statement);
            found.extend(local.statement(&self.text, tree.field("stmt"), &variables));
        }
        found
    }

    /// The names as the body sees them.
    fn local(&self, checker: &Checker) -> Checker {
        let mut local = checker.clone();
        local.bodies.clear();
        local.tolerant = true;
        local.still |= !checker.tolerant;
        local.names.late = !checker.tolerant;
        local.names.loose = !self.fixed_path;
        local.names.search_path.clone_from(&self.search_path);
        local
    }

    fn plpgsql(&self, checker: &mut Checker) -> Vec<Finding> {
        let Some(pieces) = plpgsql::pieces(&self.text) else { return Vec::new() };
        let block = checker.tolerant;
        if pieces.dynamic && (block || self.words().any(|w| w == "alter" || w == "rename")) {
            // What computed text does to tables cannot be followed.
            checker.names.wild |= block;
            return Vec::new();
        }
        let mut variables = self.variables(checker);
        let mut local = self.local(checker);
        for (name, schema, of) in pieces.rows {
            // A name that is declared more than once may be either.
            let once = pieces.variables.iter().filter(|v| **v == name).count() == 1;
            if let (true, false, Found::Known(relation)) =
                (once, variables.names.contains(&name), local.names.find(schema.as_deref(), &of))
            {
                variables.rows.insert(name, relation.shape.clone());
            }
        }
        variables.names.extend(pieces.variables);
        let mut found = Vec::new();
        for piece in &pieces.pieces {
            let text = format!("{}{}", piece.head, piece.text);
            let Ok(list) = statements(&text) else { continue };
            let shift = piece.start as isize - piece.head.len() as isize;
            for statement in &list {
                let tree = Value::of(statement);
                let own = local.statement(&text, tree.field("stmt"), &variables);
                found.extend(own.into_iter().map(|f| self.moved(f, shift)));
            }
        }
        if block {
            let path = std::mem::take(&mut checker.names.search_path);
            checker.names = local.names;
            checker.names.late = false;
            checker.names.loose = false;
            checker.names.search_path = path;
            checker.children = local.children;
            checker.triggers = local.triggers;
        }
        found
    }
}
