//! A catalog that evolves through a script: every statement is resolved against what there is by then, and then heeded.

use std::collections::HashMap;
use std::ops::Range;

use crate::lint::body::Body;
use crate::lint::explain::{self, Finding, Way};
use crate::lint::names::{Found, Key, Names, Returns, Shape};
use crate::lint::scope::{Item, Resolver, Variables};
use crate::sql::tree::Value;

/// Numbers of `ObjectType` in parse trees.
const COLUMN: i64 = 7;
const FOREIGN_TABLE: i64 = 19;
const MATERIALIZED_VIEW: i64 = 24;
const SCHEMA: i64 = 37;
const SEQUENCE: i64 = 38;
const TABLE: i64 = 42;
const VIEW: i64 = 52;
const RELATIONS: [i64; 5] = [FOREIGN_TABLE, MATERIALIZED_VIEW, SEQUENCE, TABLE, VIEW];

/// Functions of extensions that create or alter tables.
const MAKERS: &[&str] = &[
    "addgeometrycolumn",
    "dropgeometrycolumn",
    "create_parent",
    "create_graph",
    "create_table",
    "populate_geometry_columns",
];

/// What holds after the statements so far.
#[derive(Clone, Debug, Default)]
pub struct Checker {
    /// The names there are.
    pub names: Names,
    /// Which tables' triggers call a function.
    pub triggers: HashMap<Key, Vec<Key>>,
    /// Bodies of routines, checked when everything is there.
    pub bodies: Vec<Body>,
    /// Routines that create, alter or drop things, or run computed text.
    pub makers: Vec<String>,
    /// Parents and their children: partitions and inheritance.
    pub children: Vec<(Key, Key)>,
    /// The names at the last BEGIN.
    saved: Option<Box<Names>>,
    /// Statements may or may not run: what they add is there, what they drop stays.
    pub tolerant: bool,
    /// The search path that routines without one of their own are taken to run under.
    pub home: Vec<String>,
    /// Calls are not made: a query that is only declared, a statement in a body.
    pub still: bool,
    /// Which text the statement stands in, and where.
    pub origin: (usize, usize),
}

pub(crate) fn offset(node: &Value) -> Option<usize> {
    node.field("location").number().map_or(Some(0), |n| usize::try_from(n).ok())
}

fn number(node: &Value, field: &str) -> i64 {
    node.field(field).number().unwrap_or(0)
}

/// Schema and name in a list of strings.
pub(crate) fn split_name(parts: &[String]) -> Option<(Option<&str>, &str)> {
    let (name, rest) = parts.split_last()?;
    Some((rest.last().map(String::as_str), name))
}

/// The first place of a name at or behind an offset, as a whole word.
pub(crate) fn word_at(sql: &str, from: usize, name: &str) -> Option<usize> {
    let lower = sql.to_ascii_lowercase();
    let name = name.to_ascii_lowercase();
    let mut at = from;
    loop {
        let found = at + lower.get(at..)?.find(&name)?;
        let part = |c: char| c.is_alphanumeric() || c == '_';
        let before = lower.get(..found)?.chars().next_back().is_some_and(part);
        let after = lower.get(found + name.len()..)?.chars().next().is_some_and(part);
        if !before && !after {
            return Some(found);
        }
        at = found + name.len().max(1);
    }
}

impl Checker {
    /// Resolves one statement, then heeds what it changes. Offsets are those of the text.
    pub fn statement(&mut self, sql: &str, node: &Value, variables: &Variables) -> Vec<Finding> {
        let mut found = Vec::new();
        self.one(sql, node, variables, &mut found);
        if self.names.wild {
            found.clear();
        }
        found.sort_by_key(|finding: &Finding| finding.span.start);
        found.dedup_by(|a, b| a.span == b.span);
        found
    }

    fn key(&self, range: &Value) -> Key {
        let temporary = range.field("relpersistence").text() == Some("t");
        let name = range.field("relname").text().unwrap_or_default();
        let schema = range.field("schemaname").text().map(|s| if s.starts_with("pg_temp") { "pg_temp" } else { s });
        self.names.creation_key(schema, name, temporary)
    }

    fn with<R>(
        &self,
        sql: &str,
        variables: &Variables,
        found: &mut Vec<Finding>,
        work: impl FnOnce(&mut Resolver<'_>) -> R,
    ) -> R {
        let mut resolver = Resolver::new(&self.names, sql, variables);
        let result = work(&mut resolver);
        found.append(&mut resolver.findings);
        result
    }

    fn item(&self, sql: &str, range: &Value, found: &mut Vec<Finding>) -> Item {
        self.with(sql, &Variables::default(), found, |r| r.table(range))
    }

    fn put(&mut self, key: Key, mut shape: Shape, keep: bool) {
        if (keep || self.tolerant)
            && let Some(old) = self.names.relation(&key)
        {
            let extra: Vec<String> = old.shape.columns.iter().filter(|c| !shape.has(c)).cloned().collect();
            shape.columns.extend(extra);
            shape.open |= old.shape.open;
        }
        self.names.put(key, shape);
    }

    fn one(&mut self, sql: &str, node: &Value, variables: &Variables, found: &mut Vec<Finding>) {
        let Some(kind) = node.node() else { return };
        match kind {
            "SelectStmt" | "InsertStmt" | "UpdateStmt" | "DeleteStmt" | "MergeStmt" => {
                let shape = self.with(sql, variables, found, |r| r.query(node));
                self.calls(node);
                let into = node.field("into_clause");
                if into.node().is_some() {
                    self.put(self.key(into.field("rel")), shape, false);
                }
            }
            "ExplainStmt" | "PrepareStmt" | "DeclareCursorStmt" => {
                self.with(sql, variables, found, |r| r.query(node.field("query")));
            }
            "CreateTableAsStmt" => {
                let into = node.field("into");
                let shape = self.with(sql, variables, found, |r| r.query(node.field("query")));
                let shape = shape.renamed(&into.field("col_names").strings());
                let keep = node.field("if_not_exists").number().is_some();
                self.put(self.key(into.field("rel")), shape, keep);
            }
            "ViewStmt" => {
                let view = node.field("view");
                let key = self.key(view);
                let aliases = node.field("aliases").strings();
                let recursive = Shape::of(aliases.clone());
                let query = node.field("query");
                let shape = if query.field("with_clause").field("recursive").number().is_some() && !aliases.is_empty() {
                    self.with(sql, variables, found, |r| r.query(query));
                    recursive
                } else {
                    self.with(sql, variables, found, |r| r.query(query)).renamed(&aliases)
                };
                self.put(key, shape, false);
            }
            "CreateStmt" => self.create_table(sql, node, variables, found),
            "CreateForeignTableStmt" => self.create_table(sql, node.field("base_stmt"), variables, found),
            "AlterTableStmt" => self.alter_table(sql, node, variables, found),
            "RenameStmt" => self.rename(sql, node, found),
            "AlterObjectSchemaStmt" => self.move_schema(node),
            "DropStmt" => self.drop(sql, node, found),
            "CreateSeqStmt" => {
                let key = self.key(node.field("sequence"));
                let columns = ["last_value", "log_cnt", "is_called"].map(str::to_owned).to_vec();
                self.names.put(key, Shape::of(columns));
            }
            "CompositeTypeStmt" => {
                let key = self.key(node.field("typevar"));
                let list = node.field("coldeflist").list();
                let columns = list.iter().filter_map(|c| c.field("colname").text()).map(str::to_owned).collect();
                self.names.put_type(key, Shape::of(columns));
            }
            "CreateFunctionStmt" => self.routine(sql, node, found),
            "IndexStmt" => {
                let item = self.item(sql, node.field("relation"), found);
                let start = offset(node.field("relation")).unwrap_or(0);
                let lists = node.field("index_params").list().iter().chain(node.field("index_including_params").list());
                for element in lists {
                    self.index_element(sql, &item, element, start, found);
                }
                self.with(sql, variables, found, |r| r.expression(vec![item], node.field("where_clause")));
            }
            "CreateTrigStmt" => self.trigger(sql, node, found),
            "CreatePolicyStmt" | "AlterPolicyStmt" => {
                let item = self.item(sql, node.field("table"), found);
                for key in ["qual", "with_check"] {
                    self.with(sql, variables, found, |r| {
                        r.way = Way::Subquery;
                        r.expression(vec![item.clone()], node.field(key));
                    });
                }
            }
            "RuleStmt" => {
                let item = self.item(sql, node.field("relation"), found);
                let rows = ["old", "new"].map(|n| Item { alias: n.to_owned(), ..item.clone() }).to_vec();
                for key in ["where_clause", "actions"] {
                    self.with(sql, variables, found, |r| r.expression(rows.clone(), node.field(key)));
                }
            }
            "CopyStmt" => {
                self.with(sql, variables, found, |r| r.query(node.field("query")));
                if node.field("relation").node().is_some() {
                    let item = self.item(sql, node.field("relation"), found);
                    let start = offset(node.field("relation")).unwrap_or(0);
                    for column in node.field("attlist").strings() {
                        self.column(sql, &item, &column, start, found);
                    }
                }
            }
            "TruncateStmt" | "LockStmt" => {
                for range in node.field("relations").list() {
                    self.item(sql, range, found);
                }
            }
            "GrantStmt" if number(node, "objtype") == TABLE && number(node, "targtype") == 1 => {
                for range in node.field("objects").list() {
                    self.item(sql, range, found);
                }
            }
            "CommentStmt" => self.comment(sql, node, found),
            "CreateSchemaStmt" => self.schema(sql, node, variables, found),
            "CreateExtensionStmt" => self.names.extension(node.field("extname").text().unwrap_or_default()),
            "ImportForeignSchemaStmt" | "LoadStmt" => self.names.wild = true,
            "CallStmt" => self.calls(node),
            "VariableSetStmt" => self.set(node),
            "TransactionStmt" => match number(node, "kind") {
                1 | 2 => self.saved = Some(Box::new(self.names.clone())),
                4 => match self.saved.take() {
                    Some(names) => self.names = *names,
                    None => self.names.wild = true,
                },
                7 => self.names.wild = true,
                _ => {}
            },
            "DoStmt" => self.block(sql, node, found),
            _ => {}
        }
    }

    fn index_element(&self, sql: &str, item: &Item, element: &Value, start: usize, found: &mut Vec<Finding>) {
        if let Some(name) = element.field("name").text() {
            let at = offset(element).filter(|o| *o > start).or_else(|| word_at(sql, start, name));
            self.with(sql, &Variables::default(), found, |r| r.target(item, name, at));
        }
        self.with(sql, &Variables::default(), found, |r| r.expression(vec![item.clone()], element.field("expr")));
    }

    fn column(&self, sql: &str, item: &Item, name: &str, start: usize, found: &mut Vec<Finding>) {
        let at = word_at(sql, start, name).or(Some(start));
        self.with(sql, &Variables::default(), found, |r| r.target(item, name, at));
    }

    fn trigger(&mut self, sql: &str, node: &Value, found: &mut Vec<Finding>) {
        let item = self.item(sql, node.field("relation"), found);
        let start = offset(node.field("relation")).unwrap_or(0);
        for column in node.field("columns").strings() {
            // `update of a on t`: in front of the table.
            let at = word_at(sql, 0, "of").unwrap_or(0);
            self.column(sql, &item, &column, at.min(start), found);
        }
        let rows = ["old", "new"].map(|n| Item { alias: n.to_owned(), ..item.clone() }).to_vec();
        self.with(sql, &Variables::default(), found, |r| r.expression(rows, node.field("when_clause")));
        let function = node.field("funcname").strings();
        if let (Some((schema, name)), Some(table)) = (split_name(&function), item.table) {
            let key = self.names.creation_key(schema, name, false);
            self.triggers.entry(key).or_default().push(table);
        }
    }

    fn schema(&mut self, sql: &str, node: &Value, variables: &Variables, found: &mut Vec<Finding>) {
        let Some(name) = node.field("schemaname").text() else { return };
        if !self.tolerant && node.field("if_not_exists").number().is_none() {
            self.names.closed.insert(name.to_owned());
        }
        let path = self.names.search_path.clone();
        self.names.search_path.insert(0, name.to_owned());
        for element in node.field("schema_elts").list() {
            self.one(sql, element, variables, found);
        }
        self.names.search_path = path;
    }

    fn set(&mut self, node: &Value) {
        if node.field("name").text() != Some("search_path") {
            return;
        }
        match number(node, "kind") {
            1 => {
                let text = |arg: &Value| arg.field("val").text().map(str::to_owned);
                let args = node.field("args").list();
                let path: Option<Vec<String>> = args.iter().map(text).collect();
                // An empty text is left out of the tree.
                self.names.search_path = path.unwrap_or_default().into_iter().filter(|s| !s.is_empty()).collect();
            }
            _ => self.names.wild |= self.names.search_path != ["public"],
        }
    }

    /// Calls whose effect on names is known, or known to be unknown.
    fn calls(&mut self, node: &Value) {
        if self.still {
            return;
        }
        if node.node() == Some("FuncCall") {
            let parts = node.field("funcname").strings();
            let name = parts.last().map(String::as_str).unwrap_or_default().to_ascii_lowercase();
            let args = node.field("args").list();
            let constant = |i: usize| args.get(i).filter(|a| a.node() == Some("AConst")).map(|a| a.field("val"));
            if name == "set_config" && constant(0).and_then(Value::text) == Some("search_path") {
                match constant(1) {
                    Some(value) => {
                        let text = value.text().unwrap_or_default();
                        let unquoted = |s: &str| s.trim().trim_matches('"').to_owned();
                        self.names.search_path = text.split(',').map(unquoted).filter(|s| !s.is_empty()).collect();
                    }
                    None => self.names.wild = true,
                }
            }
            if MAKERS.contains(&name.as_str()) || self.makers.contains(&name) {
                self.names.wild = true;
            }
        }
        node.each(|_, child| self.calls(child));
    }

    fn comment(&self, sql: &str, node: &Value, found: &mut Vec<Finding>) {
        let parts = node.field("object").strings();
        let table = match number(node, "objtype") {
            COLUMN => parts.get(..parts.len().saturating_sub(1)).unwrap_or(&[]),
            TABLE | VIEW | MATERIALIZED_VIEW | FOREIGN_TABLE => parts.as_slice(),
            _ => return,
        };
        let Some((schema, name)) = split_name(table) else { return };
        let at = word_at(sql, 0, schema.unwrap_or(name)).unwrap_or(0);
        match self.names.find(schema, name) {
            Found::Missing => found.push(explain::unknown_table(&self.names, sql, at, schema, name)),
            Found::Known(relation) if number(node, "objtype") == COLUMN => {
                let item =
                    Item { alias: name.to_owned(), shape: relation.shape.clone(), table: Some(relation.key.clone()) };
                if let Some(column) = parts.last() {
                    self.column(sql, &item, column, at, found);
                }
            }
            _ => {}
        }
    }

    /// Applies a change of columns to a table and to what inherits from it.
    pub(crate) fn change(&mut self, key: &Key, change: &dyn Fn(&mut Shape)) {
        let mut all = vec![key.clone()];
        let mut i = 0;
        while let Some(parent) = all.get(i).cloned() {
            let below: Vec<Key> = self
                .children
                .iter()
                .filter(|(p, c)| *p == parent && !all.contains(c))
                .map(|(_, c)| c.clone())
                .collect();
            all.extend(below);
            i += 1;
        }
        for key in all {
            self.names.change(&key, change);
        }
    }

    fn rename(&mut self, sql: &str, node: &Value, found: &mut Vec<Finding>) {
        let relation = node.field("relation");
        let new = node.field("newname").text().unwrap_or_default().to_owned();
        let missing_ok = node.field("missing_ok").number().is_some();
        match number(node, "rename_type") {
            COLUMN => {
                if !RELATIONS.contains(&number(node, "relation_type")) {
                    return;
                }
                let mut own = Vec::new();
                let item = self.item(sql, relation, &mut own);
                let old = node.field("subname").text().unwrap_or_default().to_owned();
                let start = offset(relation).map_or(0, |o| explain::name_span(sql, o).end);
                self.column(sql, &item, &old, start, &mut own);
                if !missing_ok {
                    found.append(&mut own);
                }
                let Some(key) = item.table else { return };
                let tolerant = self.tolerant;
                self.change(&key, &|shape| {
                    if tolerant {
                        shape.columns.push(new.clone());
                    } else if let Some(column) = shape.columns.iter_mut().find(|c| **c == old) {
                        column.clone_from(&new);
                    }
                });
                for fk in &mut self.names.foreign_keys {
                    if fk.from == key {
                        fk.columns.iter_mut().filter(|c| **c == old).for_each(|c| c.clone_from(&new));
                    }
                    if fk.to == key {
                        fk.referenced.iter_mut().filter(|c| **c == old).for_each(|c| c.clone_from(&new));
                    }
                }
            }
            kind if RELATIONS.contains(&kind) => {
                let mut own = Vec::new();
                let item = self.item(sql, relation, &mut own);
                if !missing_ok {
                    found.append(&mut own);
                }
                let Some(key) = item.table else { return };
                self.rename_relation(&key, (key.0.clone(), new));
            }
            SCHEMA => self.names.wild = true,
            // An attribute of a composite type.
            5 => {
                let (schema, name) = (relation.field("schemaname").text(), relation.field("relname").text());
                let key = self.names.creation_key(schema, name.unwrap_or_default(), false);
                self.names.put_type(key, Shape::open());
            }
            _ => {}
        }
    }

    fn rename_relation(&mut self, old: &Key, new: Key) {
        let Some(shape) = self.names.relation(old).map(|r| r.shape.clone()) else { return };
        let keys = self.names.foreign_keys.clone();
        let primary = self.names.primary_keys.get(old).cloned();
        if !self.tolerant {
            self.names.remove(old);
        }
        self.names.put(new.clone(), shape);
        self.names.foreign_keys = keys;
        for fk in &mut self.names.foreign_keys {
            for end in [&mut fk.from, &mut fk.to] {
                if end == old {
                    end.clone_from(&new);
                }
            }
        }
        for (parent, child) in &mut self.children {
            for end in [parent, child] {
                if end == old {
                    end.clone_from(&new);
                }
            }
        }
        for tables in self.triggers.values_mut() {
            tables.iter_mut().filter(|t| *t == old).for_each(|t| t.clone_from(&new));
        }
        if let Some(columns) = primary {
            self.names.primary_keys.insert(new, columns);
        }
    }

    fn move_schema(&mut self, node: &Value) {
        let (relation, new) = (node.field("relation"), node.field("newschema").text().unwrap_or_default());
        if relation.node().is_some()
            && let Some(name) = relation.field("relname").text()
            && let Some(key) = self.names.key_of(relation.field("schemaname").text(), name)
        {
            let target = (new.to_owned(), key.1.clone());
            self.rename_relation(&key, target);
        }
    }

    fn drop(&mut self, sql: &str, node: &Value, found: &mut Vec<Finding>) {
        let kind = number(node, "remove_type");
        let missing_ok = node.field("missing_ok").number().is_some();
        for object in node.field("objects").list() {
            if kind == SCHEMA {
                let Some(schema) = object.text() else { continue };
                let keys: Vec<Key> = self.names.relation_keys().filter(|k| k.0 == schema).cloned().collect();
                if !self.tolerant {
                    keys.iter().for_each(|key| self.names.remove(key));
                }
                continue;
            }
            if !RELATIONS.contains(&kind) {
                // A function: what is left of its name is not known.
                let parts = object.field("objname").strings();
                if let Some((schema, name)) = split_name(&parts) {
                    self.bodies.retain(|b| b.key.1 != name);
                    let key = self.names.creation_key(schema, name, false);
                    self.names.put_routine(key, Returns::Unknown);
                }
                continue;
            }
            let parts = object.strings();
            let Some((schema, name)) = split_name(&parts) else { continue };
            match self.names.find(schema, name) {
                Found::Known(relation) if !self.tolerant => {
                    self.names.remove(&relation.key);
                    self.triggers.values_mut().for_each(|tables| tables.retain(|t| *t != relation.key));
                }
                Found::Missing if !missing_ok => {
                    let at = word_at(sql, 0, schema.unwrap_or(name)).unwrap_or(0);
                    found.push(explain::unknown_table(&self.names, sql, at, schema, name));
                }
                _ => {}
            }
        }
    }

    /// DO: its statements may or may not run.
    fn block(&mut self, sql: &str, node: &Value, found: &mut Vec<Finding>) {
        let argument = |name: &str| {
            let list = node.field("args").list();
            list.iter().find(|a| a.field("defname").text() == Some(name)).map(|a| a.field("arg"))
        };
        let language = argument("language").and_then(Value::text).unwrap_or("plpgsql");
        let Some(text) = argument("as").and_then(Value::text) else { return };
        if language != "plpgsql" {
            self.names.wild = true;
            return;
        }
        let body = Body {
            language: language.to_owned(),
            text: text.to_owned(),
            base: body_place(sql, 0, text),
            search_path: self.names.search_path.clone(),
            fixed_path: true,
            ..Body::default()
        };
        let tolerant = std::mem::replace(&mut self.tolerant, true);
        let mut own = body.check(self);
        self.tolerant = tolerant;
        found.append(&mut own);
    }

    fn routine(&mut self, sql: &str, node: &Value, found: &mut Vec<Finding>) {
        let name = node.field("funcname").strings();
        let Some((schema, name)) = split_name(&name) else { return };
        let key = self.names.creation_key(schema, name, false);
        let returns = returns_of(node);
        self.names.put_routine(key.clone(), returns);
        // BEGIN ATOMIC and RETURN: names are looked up when the routine is made, not when it is called.
        let parsed = node.field("sql_body");
        if *parsed != Value::Nothing {
            let parameters = node.field("parameters").list();
            let mut variables = Variables::default();
            variables.names.extend(parameters.iter().filter_map(|p| p.field("name").text()).map(str::to_owned));
            variables.names.push(key.1.clone());
            self.with(sql, &variables, found, |r| r.expression(Vec::new(), parsed));
            return;
        }
        let Some(mut body) = Body::of_statement(sql, node, key, &self.home) else { return };
        body.owner = self.origin.0;
        body.base = body.base.take().map(|r| r.start + self.origin.1..r.end + self.origin.1);
        if body.makes() {
            self.makers.push(body.key.1.to_ascii_lowercase());
        }
        // The last one of a signature counts; which one that is, only the arguments tell.
        self.bodies.retain(|b| b.key != body.key || b.signature != body.signature);
        self.bodies.push(body);
    }
}

/// Where the text of a body starts in the statement, where it stands there as it is.
pub(crate) fn body_place(sql: &str, from: usize, text: &str) -> Option<Range<usize>> {
    let mut lexer = crate::sql::lexer::Lexer::from(sql, from.min(sql.len()));
    while let Ok(Some(token)) = lexer.next_token() {
        if let Some(inner) = token.text(sql).find(text)
            && matches!(token.kind, crate::sql::lexer::Kind::Dollar | crate::sql::lexer::Kind::Text)
            && !text.is_empty()
        {
            let start = token.start + inner;
            return Some(start..start + text.len());
        }
    }
    None
}

/// What a function gives in FROM.
fn returns_of(node: &Value) -> Returns {
    // FunctionParameterMode: OUT 2, INOUT 3, TABLE 5.
    let outputs: Vec<String> = node
        .field("parameters")
        .list()
        .iter()
        .filter(|p| matches!(p.field("mode").number(), Some(2 | 3 | 5)))
        .map(|p| p.field("name").text().unwrap_or_default().to_owned())
        .collect();
    let table = node.field("parameters").list().iter().any(|p| p.field("mode").number() == Some(5));
    if (table || outputs.len() > 1) && outputs.iter().all(|o| !o.is_empty()) {
        return Returns::Columns(outputs);
    }
    let of = node.field("return_type");
    let names = of.field("names").strings();
    match split_name(&names) {
        Some((schema, name)) if of.field("array_bounds").list().is_empty() && outputs.is_empty() => {
            Returns::Type(schema.map(str::to_owned), name.to_owned())
        }
        _ => Returns::Unknown,
    }
}
