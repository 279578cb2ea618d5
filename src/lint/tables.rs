//! CREATE TABLE and ALTER TABLE in a script.

use crate::lint::explain::Finding;
use crate::lint::names::{Found, Key, Shape};
use crate::lint::paths::ForeignKey;
use crate::lint::scope::{Item, Resolver, Variables};
use crate::lint::script::{Checker, offset, split_name, word_at};
use crate::sql::tree::Value;

/// Numbers of `ConstrType` in parse trees.
mod constraint {
    pub const DEFAULT: i64 = 3;
    pub const PRIMARY: i64 = 7;
}

impl Checker {
    fn parent(&self, range: &Value) -> (Option<Key>, Shape) {
        match self.names.find(range.field("schemaname").text(), range.field("relname").text().unwrap_or_default()) {
            Found::Known(relation) => (Some(relation.key.clone()), relation.shape.clone()),
            _ => (None, Shape::open()),
        }
    }

    pub(super) fn create_table(&mut self, sql: &str, node: &Value, variables: &Variables, found: &mut Vec<Finding>) {
        let relation = node.field("relation");
        let schema = relation.field("schemaname").text();
        let temporary = relation.field("relpersistence").text() == Some("t");
        let key = self.names.creation_key(schema, relation.field("relname").text().unwrap_or_default(), temporary);
        let mut shape = Shape::default();
        for range in node.field("inh_relations").list() {
            // Says it, where it is missing.
            self.resolve(sql, variables, found, |r| r.table(range));
            let (parent, columns) = self.parent(range);
            shape.columns.extend(columns.columns);
            shape.open |= columns.open;
            if let Some(parent) = parent {
                self.children.push((parent, key.clone()));
            }
        }
        let of = node.field("of_typename").field("names").strings();
        if let Some((schema, name)) = split_name(&of) {
            let row = self.names.row_type(schema, name).unwrap_or_else(Shape::open);
            shape.columns.extend(row.columns);
            shape.open |= row.open;
        }
        let elements = node.field("table_elts").list();
        for element in elements {
            match element.node() {
                Some("ColumnDef") => shape.columns.extend(element.field("colname").text().map(str::to_owned)),
                Some("TableLikeClause") => {
                    let item = self.resolve(sql, variables, found, |r| r.table(element.field("relation")));
                    shape.columns.extend(item.shape.columns);
                    shape.open |= item.shape.open;
                }
                _ => {}
            }
        }
        let keep = node.field("if_not_exists").number().is_some() || self.tolerant;
        if keep && let Some(old) = self.names.relation(&key) {
            let more: Vec<String> = old.shape.columns.iter().filter(|c| !shape.has(c)).cloned().collect();
            shape.columns.extend(more);
            shape.open |= old.shape.open;
        } else {
            self.names.foreign_keys.retain(|f| f.from != key);
        }
        self.names.put(key.clone(), shape.clone());
        let item = Item { alias: key.1.clone(), shape, table: Some(key.clone()) };
        for element in elements.iter().chain(node.field("constraints").list()) {
            self.element(sql, &item, &key, element, variables, found);
        }
    }

    fn resolve<R>(
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

    /// A column or constraint of a table.
    fn element(
        &mut self,
        sql: &str,
        item: &Item,
        key: &Key,
        element: &Value,
        variables: &Variables,
        found: &mut Vec<Finding>,
    ) {
        match element.node() {
            Some("ColumnDef") => {
                let own: Vec<String> = element.field("colname").text().map(str::to_owned).into_iter().collect();
                for constraint in element.field("constraints").list() {
                    self.constraint(sql, item, key, constraint, Some(&own), variables, found);
                }
            }
            Some("Constraint") => self.constraint(sql, item, key, element, None, variables, found),
            _ => {}
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn constraint(
        &mut self,
        sql: &str,
        item: &Item,
        key: &Key,
        node: &Value,
        own: Option<&[String]>,
        variables: &Variables,
        found: &mut Vec<Finding>,
    ) {
        let kind = node.field("contype").number().unwrap_or(0);
        let start = offset(node).unwrap_or(0);
        let items = if kind == constraint::DEFAULT { Vec::new() } else { vec![item.clone()] };
        for field in ["raw_expr", "where_clause"] {
            self.resolve(sql, variables, found, |r| r.expression(items.clone(), node.field(field)));
        }
        let columns = node.field("keys").strings();
        for name in columns.iter().chain(&node.field("including").strings()).chain(&node.field("fk_attrs").strings()) {
            let at = word_at(sql, start, name).or(Some(start));
            self.resolve(sql, variables, found, |r| r.target(item, name, at));
        }
        for pair in node.field("exclusions").list() {
            if let Some(element) = pair.list().first() {
                if let Some(name) = element.field("name").text() {
                    let at = word_at(sql, start, name).or(Some(start));
                    self.resolve(sql, variables, found, |r| r.target(item, name, at));
                }
                self.resolve(sql, variables, found, |r| r.expression(vec![item.clone()], element.field("expr")));
            }
        }
        if kind == constraint::PRIMARY {
            let columns = if columns.is_empty() { own.unwrap_or_default().to_vec() } else { columns };
            self.names.primary_keys.insert(key.clone(), columns);
        }
        let target = node.field("pktable");
        if target.node().is_some() {
            let other = self.resolve(sql, variables, found, |r| r.table(target));
            let behind = offset(target).map_or(start, |o| crate::lint::explain::name_span(sql, o).end);
            let referenced = node.field("pk_attrs").strings();
            for name in &referenced {
                let at = word_at(sql, behind, name).or(Some(behind));
                self.resolve(sql, variables, found, |r| r.target(&other, name, at));
            }
            let columns = node.field("fk_attrs").strings();
            let columns = if columns.is_empty() { own.unwrap_or_default().to_vec() } else { columns };
            if let Some(to) = other.table {
                self.names.foreign_keys.push(ForeignKey { from: key.clone(), columns, to, referenced });
            }
        }
    }

    pub(super) fn alter_table(&mut self, sql: &str, node: &Value, variables: &Variables, found: &mut Vec<Finding>) {
        // ObjectType: foreign table 19, materialized view 24, table 42, view 52; a composite type is 50.
        let kind = node.field("objtype").number().unwrap_or(0);
        let relation = node.field("relation");
        if kind == 50 {
            let name = relation.field("relname").text().unwrap_or_default();
            let key = self.names.creation_key(relation.field("schemaname").text(), name, false);
            self.names.put_type(key, Shape::open());
            return;
        }
        if !matches!(kind, 19 | 24 | 42 | 52) {
            return;
        }
        let mut own = Vec::new();
        let mut item = self.resolve(sql, variables, &mut own, |r| r.table(relation));
        if node.field("missing_ok").number().is_none() {
            found.append(&mut own);
        }
        let cmds = node.field("cmds").list();
        let subtype = |cmd: &Value| cmd.field("subtype").number().unwrap_or(0);
        let added: Vec<String> = cmds
            .iter()
            .filter(|c| subtype(c) == 1)
            .filter_map(|c| c.field("def").field("colname").text().map(str::to_owned))
            .collect();
        item.shape.columns.extend(added.iter().filter(|a| !item.shape.has(a)).cloned().collect::<Vec<_>>());
        let mut dropped: Vec<String> = Vec::new();
        let start = offset(relation).map_or(0, |o| crate::lint::explain::name_span(sql, o).end);
        let Some(key) = item.table.clone() else { return };
        // New columns are there for the checks of the others, and for foreign keys to oneself.
        self.change(&key, &|shape| {
            let new: Vec<String> = added.iter().filter(|a| !shape.has(a)).cloned().collect();
            shape.columns.extend(new);
        });
        for cmd in cmds {
            let def = cmd.field("def");
            let name = cmd.field("name").text();
            match subtype(cmd) {
                1 => self.element(sql, &item, &key, def, variables, found),
                3 | 5..=12 | 14 | 25 | 63..=65 => {
                    let missing_ok = cmd.field("missing_ok").number().is_some();
                    if let Some(name) = name.filter(|_| !missing_ok) {
                        let at = word_at(sql, start, name).or(Some(start));
                        self.resolve(sql, variables, found, |r| r.target(&item, name, at));
                    }
                    match subtype(cmd) {
                        14 => dropped.extend(name.map(str::to_owned)),
                        25 => {
                            let using = def.field("raw_default");
                            self.resolve(sql, variables, found, |r| r.expression(vec![item.clone()], using));
                        }
                        7 => self.resolve(sql, variables, found, |r| r.expression(vec![item.clone()], def)),
                        3 => self.resolve(sql, variables, found, |r| r.expression(Vec::new(), def)),
                        _ => {}
                    }
                }
                17 => self.element(sql, &item, &key, def, variables, found),
                // ATTACH PARTITION and INHERIT: what is added to the parent is added to the child.
                50 | 60 => {
                    let (range, attach) = if subtype(cmd) == 60 { (def.field("name"), true) } else { (def, false) };
                    let other = self.resolve(sql, variables, found, |r| r.table(range));
                    if let Some(other) = other.table {
                        let pair = if attach { (key.clone(), other) } else { (other, key.clone()) };
                        self.children.push(pair);
                    }
                }
                // OF type.
                52 => self.change(&key, &|shape| shape.open = true),
                _ => {}
            }
        }
        if !self.tolerant {
            self.change(&key, &|shape| shape.columns.retain(|c| !dropped.contains(c) || added.contains(c)));
            self.names
                .foreign_keys
                .retain(|f| f.from != key || !f.columns.iter().any(|c| dropped.contains(c) && !added.contains(c)));
        }
    }
}
