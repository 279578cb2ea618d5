//! Resolves the names in a parse tree as PostgreSQL's analysis does (`src/backend/parser/parse_clause.c`,
//! `parse_relation.c`, `parse_cte.c`), as far as it can be done without a server. What is not certain passes.

use crate::core::name::ident;
use crate::lint::explain::{self, Finding, Way, called};
use crate::lint::figure::{self, Label};
pub use crate::lint::level::{Item, Level, Variables};
use crate::lint::level::{OF_ROWS, SYSTEM};
use crate::lint::names::{Found, Names, Shape};
use crate::sql::tree::Value;

/// Resolves the names of one statement.
pub struct Resolver<'a> {
    names: &'a Names,
    sql: &'a str,
    variables: &'a Variables,
    /// What is wrong so far.
    pub findings: Vec<Finding>,
    /// How other tables can be reached from a plain expression.
    pub way: Way,
    levels: Vec<Level>,
    ctes: Vec<(String, Shape)>,
    /// How many queries are open.
    queries: usize,
}

fn offset(node: &Value) -> Option<usize> {
    node.field("location").number().map_or(Some(0), |n| usize::try_from(n).ok())
}

impl<'a> Resolver<'a> {
    /// A resolver of a text whose offsets are those of the tree's locations.
    pub fn new(names: &'a Names, sql: &'a str, variables: &'a Variables) -> Self {
        Self {
            names,
            sql,
            variables,
            findings: Vec::new(),
            way: Way::Closed,
            levels: Vec::new(),
            ctes: Vec::new(),
            queries: 0,
        }
    }

    /// Resolves an expression over items: a check constraint, a policy, an index.
    pub fn expression(&mut self, items: Vec<Item>, expression: &Value) {
        self.levels.push(Level { items, ..Level::default() });
        // Outside any query.
        let queries = std::mem::take(&mut self.queries);
        self.walk(expression);
        self.queries = queries;
        self.levels.pop();
    }

    /// An item of a table by its name; an error where it does not exist.
    pub fn table(&mut self, range: &Value) -> Item {
        let (schema, name) = (range.field("schemaname").text(), range.field("relname").text().unwrap_or_default());
        let alias = range.field("alias").field("aliasname").text().unwrap_or(name).to_owned();
        let (shape, table) = match self.names.find(schema, name) {
            Found::Known(relation) => (relation.shape.clone(), Some(relation.key.clone())),
            Found::Unknown => (Shape::open(), None),
            Found::Missing => {
                if let Some(at) = offset(range) {
                    self.findings.push(explain::unknown_table(self.names, self.sql, at, schema, name));
                }
                (Shape::open(), None)
            }
        };
        let columns = range.field("alias").field("colnames").strings();
        Item { alias, shape: shape.renamed(&columns), table }
    }

    fn with(&mut self, with: &Value) {
        let recursive = with.field("recursive").number().is_some();
        let ctes = with.field("ctes").list();
        let name = |cte: &Value| cte.field("ctename").text().unwrap_or_default().to_owned();
        if recursive {
            self.ctes.extend(ctes.iter().map(|cte| (name(cte), Shape::open())));
        }
        let first = self.ctes.len() - if recursive { ctes.len() } else { 0 };
        for (i, cte) in ctes.iter().enumerate() {
            let columns = cte.field("aliascolnames").strings();
            let query = cte.field("ctequery");
            if recursive {
                // The columns are those of the part that does not refer back; its findings come again below.
                let left = query.field("larg");
                if left.node().is_some() {
                    let kept = self.findings.len();
                    let shape = self.query(left).renamed(&columns);
                    self.findings.truncate(kept);
                    if let Some(own) = self.ctes.get_mut(first + i) {
                        own.1 = with_search(shape, cte);
                    }
                }
            }
            let shape = with_search(self.query(query).renamed(&columns), cte);
            if recursive {
                if let Some(own) = self.ctes.get_mut(first + i) {
                    own.1 = shape;
                }
            } else {
                self.ctes.push((name(cte), shape));
            }
        }
    }

    /// Resolves a query or a statement that changes rows; its output columns.
    pub fn query(&mut self, node: &Value) -> Shape {
        let outer = self.ctes.len();
        let with = node.field("with_clause");
        if with.node().is_some() {
            self.with(with);
        }
        self.queries += 1;
        let shape = match node.node() {
            Some("SelectStmt") => self.select(node),
            Some("InsertStmt") => self.insert(node),
            Some("UpdateStmt") => self.update(node),
            Some("DeleteStmt") => self.delete(node),
            Some("MergeStmt") => self.merge(node),
            _ => Shape::open(),
        };
        self.queries -= 1;
        self.ctes.truncate(outer);
        shape
    }

    fn select(&mut self, node: &Value) -> Shape {
        if node.field("op").number().is_some_and(|op| op > 1) {
            let shape = self.query(node.field("larg"));
            self.query(node.field("rarg"));
            self.order_of_set(node.field("sort_clause"), &shape);
            self.limits(node);
            return shape;
        }
        let values = node.field("values_lists").list();
        if let Some(first) = values.first() {
            self.levels.push(Level::default());
            values.iter().for_each(|row| self.walk(row));
            self.levels.pop();
            self.limits(node);
            return Shape::of((1..=first.list().len()).map(|i| format!("column{i}")).collect());
        }
        let level = self.sources(node.field("from_clause").list());
        self.levels.push(level);
        let targets = node.field("target_list").list();
        targets.iter().for_each(|target| self.walk(target));
        let shape = self.outputs(targets);
        for key in ["where_clause", "having_clause", "window_clause"] {
            self.walk(node.field(key));
        }
        for key in ["group_clause", "sort_clause", "distinct_clause"] {
            for item in node.field(key).list() {
                self.by_output(item, &shape);
            }
        }
        self.levels.pop();
        self.limits(node);
        shape
    }

    fn limits(&mut self, node: &Value) {
        self.levels.push(Level::default());
        self.walk(node.field("limit_offset"));
        self.walk(node.field("limit_count"));
        self.levels.pop();
    }

    /// ORDER BY over UNION and its like takes names of the output alone.
    fn order_of_set(&mut self, sort: &Value, shape: &Shape) {
        for item in sort.list() {
            let node = item.field("node");
            let (Some("ColumnRef"), Some(at)) = (node.node(), offset(node)) else { continue };
            let parts = node.field("fields").strings();
            if let [name] = parts.as_slice()
                && node.field("fields").list().len() == 1
                && !shape.open
                && !shape.has(name)
                && !self.variables.names.contains(name)
            {
                let message = format!("the result of the set operation has no column {}", ident(name));
                let mut finding = Finding::new("unknown-column", message, self.sql, at);
                let item = Item { alias: String::new(), shape: shape.clone(), table: None };
                explain::unknown_column(self.names, &mut finding, name, &[&item], &[], Way::Closed);
                self.findings.push(finding);
            }
        }
    }

    /// An item of GROUP BY, ORDER BY or DISTINCT ON, which may name an output column.
    fn by_output(&mut self, item: &Value, outputs: &Shape) {
        match item.node() {
            Some("SortBy") => self.by_output(item.field("node"), outputs),
            Some("GroupingSet") => item.field("content").list().iter().for_each(|i| self.by_output(i, outputs)),
            Some("List" | "RowExpr") => {
                item.list().iter().chain(item.field("args").list()).for_each(|i| self.by_output(i, outputs));
            }
            Some("ColumnRef") => {
                let named = match item.field("fields").list() {
                    [one] => one.text().is_some_and(|name| outputs.open || outputs.has(name)),
                    _ => false,
                };
                if !named {
                    self.walk(item);
                }
            }
            _ => self.walk(item),
        }
    }

    fn outputs(&self, targets: &[Value]) -> Shape {
        let mut shape = Shape::default();
        for target in targets {
            let value = target.field("val");
            if let Some(name) = target.field("name").text() {
                shape.columns.push(name.to_owned());
                continue;
            }
            let star = value.node() == Some("ColumnRef")
                && value.field("fields").list().last().is_some_and(|f| f.node() == Some("AStar"));
            if star {
                self.star(value, &mut shape);
                continue;
            }
            match figure::label(value) {
                Label::Name(name) => shape.columns.push(name),
                Label::Star | Label::Unknown => shape.open = true,
            }
        }
        shape
    }

    fn star(&self, value: &Value, shape: &mut Shape) {
        let parts = value.field("fields").strings();
        let mut add = |item: &Item| {
            shape.columns.extend(item.shape.columns.iter().cloned());
            shape.open |= item.shape.open;
            shape.vague |= item.shape.vague;
        };
        match parts.last() {
            None => {
                let Some(level) = self.levels.last() else { return };
                level.items.iter().for_each(add);
                shape.vague |= level.vague;
            }
            Some(name) => match self.item(name) {
                Some(item) => add(item),
                None => shape.open = true,
            },
        }
    }

    fn item(&self, alias: &str) -> Option<&Item> {
        self.levels.iter().rev().find_map(|level| level.items.iter().find(|i| i.alias == alias))
    }

    fn sources(&mut self, list: &[Value]) -> Level {
        let mut level = Level::default();
        for node in list {
            let items = self.source(node, &level.items.clone(), &mut level.vague);
            level.items.extend(items);
        }
        level
    }

    /// What one entry of FROM adds. `left` is what LATERAL sees.
    fn source(&mut self, node: &Value, left: &[Item], vague: &mut bool) -> Vec<Item> {
        let alias = node.field("alias");
        let name = alias.field("aliasname").text().unwrap_or_default().to_owned();
        let columns = alias.field("colnames").strings();
        match node.node() {
            Some("RangeVar") => vec![self.range(node)],
            Some("RangeSubselect") => {
                let lateral = node.field("lateral").number().is_some();
                self.levels.push(Level {
                    items: if lateral { left.to_vec() } else { Vec::new() },
                    hidden: if lateral { Vec::new() } else { left.to_vec() },
                    vague: false,
                });
                let shape = self.query(node.field("subquery")).renamed(&columns);
                self.levels.pop();
                vec![Item { alias: name, shape, table: None }]
            }
            Some("RangeFunction") => {
                self.levels.push(Level { items: left.to_vec(), ..Level::default() });
                self.walk(node.field("functions"));
                self.levels.pop();
                vec![self.function(node, name, &columns)]
            }
            Some("RangeTableFunc") => {
                self.levels.push(Level { items: left.to_vec(), ..Level::default() });
                self.walk(node.field("docexpr"));
                self.walk(node.field("rowexpr"));
                self.levels.pop();
                let list = node.field("columns").list();
                let own = list.iter().filter_map(|c| c.field("colname").text()).map(str::to_owned).collect();
                let alias = if name.is_empty() { "xmltable".to_owned() } else { name };
                vec![Item { alias, shape: Shape::of(own).renamed(&columns), table: None }]
            }
            Some("RangeTableSample") => {
                let items = self.source(node.field("relation"), left, vague);
                self.levels.push(Level { items: left.to_vec(), ..Level::default() });
                self.walk(node.field("args"));
                self.walk(node.field("repeatable"));
                self.levels.pop();
                items
            }
            Some("JoinExpr") => self.join(node, left, vague, name, &columns),
            // JSON_TABLE, and what else may come.
            _ => vec![Item { alias: name, shape: Shape::open(), table: None }],
        }
    }

    fn range(&mut self, node: &Value) -> Item {
        let name = node.field("relname").text().unwrap_or_default();
        let cte = self.ctes.iter().rev().find(|(n, _)| n == name);
        if let (true, Some((_, shape))) = (node.field("schemaname").text().is_none(), cte) {
            let alias = node.field("alias");
            let columns = alias.field("colnames").strings();
            return Item {
                alias: alias.field("aliasname").text().unwrap_or(name).to_owned(),
                shape: shape.clone().renamed(&columns),
                table: None,
            };
        }
        self.table(node)
    }

    fn function(&self, node: &Value, alias: String, columns: &[String]) -> Item {
        let functions = node.field("functions").list();
        let parts = |f: &Value| f.list().first().map(|c| c.field("funcname").strings()).unwrap_or_default();
        let called = functions.first().map(parts).unwrap_or_default();
        let own = called.last().cloned().unwrap_or_default();
        let alias = if alias.is_empty() { own.clone() } else { alias };
        let defined = node.field("coldeflist").list();
        let mut shape = match functions {
            [_] if !defined.is_empty() => {
                Shape::of(defined.iter().filter_map(|c| c.field("colname").text()).map(str::to_owned).collect())
            }
            [_] if !self.names.wild => {
                let schema = called.len().checked_sub(2).and_then(|i| called.get(i)).map(String::as_str);
                self.names.returned(schema, &own).unwrap_or_else(Shape::open)
            }
            _ => Shape::open(),
        };
        if node.field("ordinality").number().is_some() {
            shape.columns.push("ordinality".to_owned());
        }
        Item { alias, shape: shape.renamed(columns), table: None }
    }

    fn join(&mut self, node: &Value, left: &[Item], vague: &mut bool, name: String, columns: &[String]) -> Vec<Item> {
        let l = self.source(node.field("larg"), left, vague);
        let mut seen = left.to_vec();
        seen.extend(l.iter().cloned());
        let r = self.source(node.field("rarg"), &seen, vague);
        let using = node.field("using_clause").list();
        *vague |= !using.is_empty() || node.field("is_natural").number().is_some();
        for column in using.iter().filter_map(Value::text) {
            for side in [&l, &r] {
                self.using(node, column, side);
            }
        }
        let mut items = l;
        items.extend(r);
        self.levels.push(Level { items: items.clone(), hidden: left.to_vec(), vague: false });
        self.walk(node.field("quals"));
        self.levels.pop();
        let merged = node.field("join_using_alias").field("aliasname").text();
        if let Some(alias) = merged {
            let own = using.iter().filter_map(Value::text).map(str::to_owned).collect();
            items.push(Item { alias: alias.to_owned(), shape: Shape::of(own), table: None });
            *vague = true;
        }
        if name.is_empty() {
            return items;
        }
        let mut shape = Shape { vague: *vague, ..Shape::default() };
        for item in &items {
            shape.columns.extend(item.shape.columns.iter().cloned());
            shape.open |= item.shape.open;
        }
        vec![Item { alias: name, shape: shape.renamed(columns), table: None }]
    }

    /// A column of USING must be on either side.
    fn using(&mut self, join: &Value, column: &str, side: &[Item]) {
        if side.iter().any(|i| i.shape.open || i.shape.has(column)) {
            return;
        }
        // The tree does not say where it stands: behind what is joined.
        let Some(at) = self.place_behind(join, column) else { return };
        self.report(column, side, side, at);
    }

    fn place_behind(&self, join: &Value, column: &str) -> Option<usize> {
        let mut last = None;
        last_offset(join.field("rarg"), &mut last);
        let rest = self.sql.get(last?..)?;
        let lower = rest.to_ascii_lowercase();
        let using = lower.find("using")?;
        let found = lower.get(using..)?.find(&column.to_ascii_lowercase())?;
        Some(last? + using + found)
    }

    /// Resolves what lies in an expression.
    pub fn walk(&mut self, value: &Value) {
        match value.node() {
            Some("ColumnRef") => self.column(value),
            Some("SubLink") => {
                self.walk(value.field("testexpr"));
                self.query(value.field("subselect"));
            }
            Some("SelectStmt" | "InsertStmt" | "UpdateStmt" | "DeleteStmt" | "MergeStmt") => {
                self.query(value);
            }
            Some("AIndirection") => self.indirection(value),
            Some("TypeName" | "RangeVar" | "CurrentOfExpr") => {}
            Some(_) => value.each(|_, child| self.walk(child)),
            None => value.list().iter().for_each(|item| self.walk(item)),
        }
    }

    /// `(t).a`: a field of a whole row.
    fn indirection(&mut self, value: &Value) {
        self.walk(value.field("arg"));
        for part in value.field("indirection").list().iter().filter(|p| p.text().is_none()) {
            self.walk(part);
        }
        let arg = value.field("arg");
        let (Some("ColumnRef"), [one]) = (arg.node(), arg.field("fields").list()) else { return };
        let (Some(name), Some(at)) = (one.text(), offset(arg)) else { return };
        let is_column = self.levels.iter().rev().flat_map(|l| &l.items).any(|i| i.shape.open || i.shape.has(name));
        let Some(field) = value.field("indirection").list().first().and_then(Value::text) else { return };
        if is_column || self.variables.names.iter().any(|v| v == name) || self.is_function(field) {
            return;
        }
        if let Some(item) = self.item(name).cloned().filter(|i| !i.shape.has(field) && !SYSTEM.contains(&field)) {
            let scope = self.visible();
            self.report(field, &[item], &scope, at);
        }
    }

    fn is_function(&self, name: &str) -> bool {
        OF_ROWS.contains(&name) || self.names.has_routine(name)
    }

    fn visible(&self) -> Vec<Item> {
        self.levels.last().map(|l| l.items.clone()).unwrap_or_default()
    }

    fn report(&mut self, column: &str, items: &[Item], scope: &[Item], at: usize) {
        let way = if self.queries > 0 { Way::Join } else { self.way };
        let own: Vec<&Item> = items.iter().collect();
        let scope: Vec<&Item> = scope.iter().collect();
        let message = match own.as_slice() {
            [] => format!("there is no column {}", ident(column)),
            [one] => match &one.table {
                Some(key) => format!("{} has no column {}", explain::shown(self.names, key), ident(column)),
                None if one.alias.is_empty() => format!("there is no column {}", ident(column)),
                None => format!("{} has no column {}", ident(&one.alias), ident(column)),
            },
            many => {
                let all: Vec<String> =
                    many.iter().filter(|i| !i.alias.is_empty()).map(|i| called(self.names, i)).collect();
                format!("none of {} has a column {}", all.join(", "), ident(column))
            }
        };
        let mut finding = Finding::new("unknown-column", message, self.sql, at);
        explain::unknown_column(self.names, &mut finding, column, &own, &scope, way);
        if self.sql.as_bytes().get(at) == Some(&b'"') {
            let text = column.replace('\'', "''");
            finding.help.push(format!("double quotes are for names; a text is written '{text}'"));
        }
        if items.is_empty() && self.queries == 0 && finding.help.is_empty() {
            finding.help.push(format!("a text is written '{}'", column.replace('\'', "''")));
        }
        self.findings.push(finding);
    }

    fn column(&mut self, node: &Value) {
        let Some(at) = offset(node) else { return };
        let fields = node.field("fields").list();
        let star = fields.last().is_some_and(|f| f.node() == Some("AStar"));
        let parts = node.field("fields").strings();
        match (parts.as_slice(), star) {
            ([name], false) => self.plain(name, at),
            ([table, column], false) => self.dotted(table, Some(column), at),
            ([table], true) => self.dotted(table, None, at),
            ([_, table, column], false) => {
                // schema.table.column; of a variable's field's field nothing is known.
                let bad = self.item(table).filter(|i| i.table.is_some() && self.lacks(i, column)).cloned();
                if let Some(item) = bad
                    && parts.first().is_some_and(|s| item.table.as_ref().is_some_and(|k| k.0 == *s))
                {
                    let scope = self.visible();
                    self.report(column, &[item], &scope, at);
                }
            }
            _ => {}
        }
    }

    fn lacks(&self, item: &Item, column: &str) -> bool {
        !item.shape.open && !item.shape.has(column) && !SYSTEM.contains(&column) && !self.is_function(column)
    }

    fn plain(&mut self, name: &str, at: usize) {
        if self.names.wild || self.variables.names.iter().any(|v| v == name) || SYSTEM.contains(&name) {
            return;
        }
        let here = |i: &Item| i.shape.open || i.shape.has(name) || i.alias == name;
        if self.levels.iter().any(|l| l.items.iter().any(here)) {
            return;
        }
        let mut items =
            self.levels.iter().rev().find(|l| !l.items.is_empty()).map(|l| l.items.clone()).unwrap_or_default();
        // Of RETURNING the row is enough, without its old and new self.
        if items.iter().any(|i| i.alias != "old" && i.alias != "new") {
            items.retain(|i| i.alias != "old" && i.alias != "new");
        }
        let hidden: Vec<Item> = self.levels.iter().flat_map(|l| l.hidden.clone()).collect();
        let before = self.findings.len();
        self.report(name, &items, &items, at);
        if let (Some(item), Some(finding)) = (hidden.iter().find(|i| i.shape.has(name)), self.findings.get_mut(before))
        {
            finding
                .help
                .push(format!("{} has it, but only LATERAL lets this subquery see it", called(self.names, item)));
        }
    }

    fn dotted(&mut self, table: &str, column: Option<&str>, at: usize) {
        if self.names.wild {
            return;
        }
        if let Some(item) = self.item(table).cloned() {
            if let Some(column) = column.filter(|c| self.lacks(&item, c)) {
                let scope = self.visible();
                self.report(column, &[item], &scope, at);
            }
            return;
        }
        if let Some(shape) = self.variables.rows.get(table) {
            if let Some(column) = column.filter(|c| !shape.open && !shape.has(c) && !SYSTEM.contains(c)) {
                let item = Item { alias: table.to_owned(), shape: shape.clone(), table: None };
                self.report(column, &[item], &[], at);
            }
            return;
        }
        if self.variables.names.iter().any(|v| v == table) {
            return;
        }
        let message = format!("nothing is called {} here", ident(table));
        let mut finding = Finding::new("unknown-alias", message, self.sql, at);
        let items: Vec<&Item> =
            self.levels.iter().rev().flat_map(|l| &l.items).filter(|i| !i.alias.is_empty()).collect();
        let column = column.unwrap_or("*");
        if let Some(hidden) = self.levels.iter().rev().flat_map(|l| &l.hidden).find(|i| i.alias == table) {
            finding.notes.push(format!(
                "{} stands in the same FROM, but cannot be seen from here: a subquery needs LATERAL, and a condition of JOIN sees only what it joins",
                called(self.names, hidden)
            ));
            finding
                .help
                .push("join with JOIN throughout instead of a comma, or move the condition to WHERE".to_owned());
        } else if let Some(item) = items.iter().find(|i| i.table.as_ref().is_some_and(|k| k.1 == table)) {
            finding.notes.push(format!("{} is called {} here", ident(table), ident(&item.alias)));
            finding.help.push(format!("write `{}.{column}`", ident(&item.alias)));
        } else {
            let aliases: Vec<&str> = items.iter().map(|i| i.alias.as_str()).collect();
            for near in crate::core::diagnostic::nearest(table, aliases.iter().copied()) {
                finding.help.push(format!("did you mean `{}.{column}`?", ident(near)));
            }
            if finding.help.is_empty() && !aliases.is_empty() {
                let all: Vec<String> = aliases.iter().map(|a| ident(a)).collect();
                finding.notes.push(format!("FROM has {}", all.join(", ")));
            }
        }
        self.findings.push(finding);
    }

    /// A column that a statement assigns to.
    pub fn target(&mut self, item: &Item, name: &str, at: Option<usize>) {
        if let Some(at) = at.filter(|_| !item.shape.open && !item.shape.has(name)) {
            let queries = std::mem::take(&mut self.queries);
            self.report(name, std::slice::from_ref(item), std::slice::from_ref(item), at);
            self.queries = queries;
        }
    }

    fn targets(&mut self, item: &Item, list: &Value) {
        for target in list.list() {
            if let Some(name) = target.field("name").text() {
                self.target(item, name, offset(target));
            }
        }
    }

    fn returning(&mut self, node: &Value, items: Vec<Item>, target: &Item) -> Shape {
        let clause = node.field("returning_clause");
        if clause.node().is_none() {
            return Shape::open();
        }
        let mut level = Level { items, ..Level::default() };
        // PostgreSQL 18: the old and the new row, under names that can be chosen.
        for name in ["old", "new"] {
            level.items.push(Item { alias: name.to_owned(), ..target.clone() });
        }
        for option in clause.field("options").list() {
            if let Some(name) = option.field("value").text() {
                level.items.push(Item { alias: name.to_owned(), ..target.clone() });
            }
        }
        self.levels.push(level);
        let list = clause.field("exprs").list();
        list.iter().for_each(|target| self.walk(target));
        // `*` means the row (and FROM), not old and new.
        if let Some(level) = self.levels.last_mut() {
            level.items.retain(|i| i.alias != "old" && i.alias != "new" || i == target);
        }
        let shape = self.outputs(list);
        self.levels.pop();
        shape
    }

    fn insert(&mut self, node: &Value) -> Shape {
        let item = self.table(node.field("relation"));
        self.targets(&item, node.field("cols"));
        self.query(node.field("select_stmt"));
        let conflict = node.field("on_conflict_clause");
        let infer = conflict.field("infer");
        for element in infer.field("index_elems").list() {
            if let Some(name) = element.field("name").text() {
                let at = offset(element).filter(|at| *at > 0).or_else(|| self.word_in(infer, name));
                self.target(&item, name, at);
            }
            self.expression(vec![item.clone()], element.field("expr"));
        }
        self.expression(vec![item.clone()], infer.field("where_clause"));
        if conflict.node().is_some() {
            self.targets(&item, conflict.field("target_list"));
            let excluded = Item { alias: "excluded".to_owned(), ..item.clone() };
            self.levels.push(Level { items: vec![item.clone(), excluded], ..Level::default() });
            for target in conflict.field("target_list").list() {
                self.walk(target);
            }
            self.walk(conflict.field("where_clause"));
            self.levels.pop();
        }
        self.returning(node, vec![item.clone()], &item)
    }

    /// Where a name stands behind a node's own place.
    fn word_in(&self, node: &Value, name: &str) -> Option<usize> {
        let start = offset(node)?;
        let found = self.sql.get(start..)?.to_ascii_lowercase().find(&name.to_ascii_lowercase())?;
        Some(start + found)
    }

    fn update(&mut self, node: &Value) -> Shape {
        let item = self.table(node.field("relation"));
        self.targets(&item, node.field("target_list"));
        let mut level = self.sources_beside(&item, node.field("from_clause").list());
        level.items.insert(0, item.clone());
        let items = level.items.clone();
        self.levels.push(level);
        self.conditions(node);
        self.levels.pop();
        self.returning(node, items, &item)
    }

    /// SET and WHERE of UPDATE and DELETE, where nothing can be joined to the table itself.
    fn conditions(&mut self, node: &Value) {
        let queries = std::mem::take(&mut self.queries);
        let way = std::mem::replace(&mut self.way, Way::Subquery);
        self.walk(node.field("target_list"));
        self.walk(node.field("where_clause"));
        self.queries = queries;
        self.way = way;
    }

    /// FROM of UPDATE and USING of DELETE, which cannot see the target, not even with LATERAL.
    fn sources_beside(&mut self, item: &Item, list: &[Value]) -> Level {
        self.levels.push(Level { hidden: vec![item.clone()], ..Level::default() });
        let level = self.sources(list);
        self.levels.pop();
        level
    }

    fn delete(&mut self, node: &Value) -> Shape {
        let item = self.table(node.field("relation"));
        let mut level = self.sources_beside(&item, node.field("using_clause").list());
        level.items.insert(0, item.clone());
        let items = level.items.clone();
        self.levels.push(level);
        self.conditions(node);
        self.levels.pop();
        self.returning(node, items, &item)
    }

    fn merge(&mut self, node: &Value) -> Shape {
        let item = self.table(node.field("relation"));
        let mut vague = false;
        let mut items = self.source(node.field("source_relation"), &[], &mut vague);
        items.insert(0, item.clone());
        self.levels.push(Level { items: items.clone(), ..Level::default() });
        self.walk(node.field("join_condition"));
        for clause in node.field("merge_when_clauses").list() {
            self.targets(&item, clause.field("target_list"));
            for key in ["condition", "target_list", "values"] {
                self.walk(clause.field(key));
            }
        }
        self.levels.pop();
        self.returning(node, items, &item)
    }
}

/// SEARCH and CYCLE add columns.
fn with_search(mut shape: Shape, cte: &Value) -> Shape {
    let names = [
        cte.field("search_clause").field("search_seq_column"),
        cte.field("cycle_clause").field("cycle_mark_column"),
        cte.field("cycle_clause").field("cycle_path_column"),
    ];
    shape.columns.extend(names.into_iter().filter_map(Value::text).map(str::to_owned));
    shape
}

fn last_offset(value: &Value, last: &mut Option<usize>) {
    if let Some(at) = value.field("location").number().and_then(|n| usize::try_from(n).ok()) {
        *last = (*last).max(Some(at));
    }
    value.each(|_, child| last_offset(child, last));
}
