//! The texts of a declared schema, checked against what it declares; each problem at its place in the YAML.

use std::collections::HashMap;
use std::ops::Range;

use crate::core::catalog::CatalogBuilder;
use crate::core::diagnostic::{Diagnostic, Location};
use crate::core::id::ObjectId;
use crate::core::name::Ident;
use crate::declare::project::{Project, SUPABASE_SCHEMAS, Undeclared};
use crate::kinds::table::column_names_of;
use crate::kinds::table::constraint::ConstraintType;
use crate::kinds::{KindTag, Object};
use crate::lint::explain::Finding;
use crate::lint::names::{Key, Names, Shape};
use crate::lint::paths::ForeignKey;
use crate::lint::scope::Variables;
use crate::lint::script::Checker;
use crate::sql::parse::{on_parser_thread, statements};
use crate::sql::tree::Value;
use crate::yaml::{Node, Value as Yaml};

/// A statement that says what a declared object says, and the pieces of it that the project wrote.
struct Text {
    id: ObjectId,
    sql: String,
    /// The written pieces and where they start in the statement.
    pieces: Vec<(usize, String)>,
    /// Where unqualified names are looked for.
    path: Vec<String>,
    /// The view that the statement defines.
    view: Option<(Key, Vec<String>)>,
}

pub(super) fn key_of(id: &ObjectId) -> Key {
    (id.schema().unwrap_or_default().into_owned(), id.name().into_owned())
}

/// The names that a declared state has, with its views still unknown.
pub(super) fn names_of(builder: &CatalogBuilder, project: &Project) -> Checker {
    let mut names = Names::default();
    names.search_path.clone_from(&project.search_path);
    names.vague = project.undeclared == Undeclared::Keep;
    let mut columns: HashMap<ObjectId, Vec<(i32, String)>> = HashMap::new();
    let mut types: HashMap<ObjectId, Vec<(u32, String)>> = HashMap::new();
    let mut parents: Vec<(ObjectId, ObjectId)> = Vec::new();
    let mut schemas = vec!["public".to_owned()];
    for (id, object) in builder.iter() {
        let Some(parent) = id.parent() else {
            match object {
                Object::Extension(_) => names.extension(&id.name()),
                Object::Schema(_) => schemas.push(id.name().into_owned()),
                _ => {}
            }
            continue;
        };
        match object {
            Object::Column(column) => {
                columns.entry(parent).or_default().push((column.position, id.name().into_owned()));
            }
            Object::CompositeAttribute(attribute) => {
                types.entry(parent).or_default().push((attribute.position, id.name().into_owned()));
            }
            Object::Attachment(attachment) => parents.push((parent, attachment.parent.clone())),
            Object::Inheritance(inheritance) => parents.push((parent, inheritance.parent.clone())),
            Object::Constraint(constraint) => {
                let table = key_of(&parent);
                if constraint.constraint_type == ConstraintType::PrimaryKey {
                    names.primary_keys.insert(table.clone(), constraint.columns.clone());
                }
                if let Some(target) = &constraint.references {
                    names.foreign_keys.push(ForeignKey {
                        from: table,
                        columns: constraint.columns.clone(),
                        to: key_of(target),
                        referenced: column_names_of(&constraint.definition),
                    });
                }
            }
            Object::Sequence(_) => {
                let own = ["last_value", "log_cnt", "is_called"].map(str::to_owned).to_vec();
                names.put(key_of(id), Shape::of(own));
            }
            Object::View(_) | Object::MaterializedView(_) => names.put(key_of(id), Shape::open()),
            _ => {}
        }
        if matches!(object.kind(), KindTag::Table | KindTag::View | KindTag::MaterializedView) {
            schemas.extend(id.schema().map(std::borrow::Cow::into_owned));
        }
    }
    let sorted = |mut list: Vec<(i32, String)>| {
        list.sort();
        list.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    };
    let mut checker = Checker::default();
    for (id, object) in builder.iter() {
        match object {
            Object::Table(table) => {
                let mut shape = Shape::of(sorted(columns.remove(id).unwrap_or_default()));
                // What a typed table has, its type says.
                shape.open = table.of_type.is_some();
                names.put(key_of(id), shape);
            }
            Object::Composite(_) => {
                let mut own = types.remove(id).unwrap_or_default();
                own.sort();
                names.put_type(key_of(id), Shape::of(own.into_iter().map(|(_, n)| n).collect()));
            }
            _ => {}
        }
    }
    schemas.retain(|s| {
        project.manages(s) && (s == "public" || !SUPABASE_SCHEMAS.contains(&s.as_str()) || project.schemas.is_some())
    });
    names.closed = schemas.into_iter().collect();
    // Children have their parents' columns; grandparents need another round.
    for _ in 0..8 {
        for (child, parent) in &parents {
            let inherited = names.relation(&key_of(parent)).map_or_else(Shape::open, |r| r.shape.clone());
            names.change(&key_of(child), |shape| {
                shape.open |= inherited.open;
                let more: Vec<String> = inherited.columns.iter().filter(|c| !shape.has(c)).cloned().collect();
                shape.columns.extend(more);
            });
        }
    }
    checker.children = parents.iter().map(|(child, parent)| (key_of(parent), key_of(child))).collect();
    checker.names = names;
    checker
}

/// Puts a text together and remembers which of its pieces were written.
#[derive(Default)]
struct Composer {
    sql: String,
    pieces: Vec<(usize, String)>,
}

impl Composer {
    fn glue(mut self, text: &str) -> Self {
        self.sql.push_str(text);
        self
    }

    fn written(mut self, text: &str) -> Self {
        self.pieces.push((self.sql.len(), text.to_owned()));
        self.sql.push_str(text);
        self
    }

    /// `head text tail`, where there is a text. The tail stands on a line of its own: the text may end in a comment.
    fn clause(self, head: &str, text: Option<&String>, tail: &str) -> Self {
        match text {
            Some(text) => self.glue(head).written(text).glue("\n").glue(tail),
            None => self,
        }
    }
}

fn compose(id: &ObjectId, object: &Object) -> Option<Composer> {
    let new = Composer::default();
    let table = id.parent().map(|p| p.sql()).unwrap_or_default();
    let name = Ident(&id.name()).to_string();
    Some(match object {
        Object::View(view) => new.written(&view.query),
        Object::MaterializedView(view) => new.written(&view.query),
        Object::Policy(policy) => new
            .glue(&format!("create policy {name} on {table} "))
            .clause("using (", policy.using.as_ref(), ") ")
            .clause("with check (", policy.check.as_ref(), ")"),
        Object::Constraint(constraint)
            if matches!(constraint.constraint_type, ConstraintType::Check | ConstraintType::Exclusion) =>
        {
            new.glue(&format!("alter table {table} add constraint {name} ")).written(&constraint.definition)
        }
        Object::Index(index) => new
            .glue(&format!("create index on {} ", index.relation.sql()))
            .written(&index.definition)
            .clause(" where ", index.predicate.as_ref(), ""),
        Object::Default(default) => {
            let (owner, column) = (id.parent()?.parent()?, id.parent()?);
            new.glue(&format!("alter table {} alter column {} set default ", owner.sql(), Ident(&column.name())))
                .written(&default.expression)
        }
        Object::Column(column) => {
            let generated = column.generated.as_ref()?;
            new.glue(&format!("alter table {table} add constraint x check (("))
                .written(&generated.expression)
                .glue("\n) is null)")
        }
        Object::Trigger(trigger) => {
            let parts = crate::sql::trigger(&trigger.definition).ok()?;
            new.glue(&format!("create trigger {name} "))
                .written(&parts.before_on)
                .glue(&format!(" on {table} "))
                .written(&parts.after_on)
        }
        Object::Routine(routine) => {
            let signature = format!("{}.{}", Ident(&id.schema()?), id.name());
            let head = signature.split('(').next()?.to_owned();
            let kind = if routine.routine_kind == "procedure" { "procedure" } else { "function" };
            let returns = routine.returns.as_ref().map(|r| format!(" returns {r}")).unwrap_or_default();
            let mut sql =
                format!("create {kind} {head}({}){returns} language {}", routine.arguments, Ident(&routine.language));
            for (setting, value) in routine.config.iter().filter(|(s, _)| s == "search_path") {
                let value = if value.trim().is_empty() || value.trim() == "\"\"" { "''" } else { value.as_str() };
                sql.push_str(&format!(" set {setting} = {value}"));
            }
            if let Some(body) = &routine.sql_body {
                return Some(new.glue(&format!("{sql}\n")).written(body));
            }
            let body = routine.body.as_ref()?;
            let tag = (0..).map(|n| format!("$body{n}$")).find(|tag| !body.contains(tag.as_str()))?;
            new.glue(&format!("{sql} as {tag}")).written(body).glue(&tag)
        }
        _ => return None,
    })
}

fn texts_of(builder: &CatalogBuilder, project: &Project) -> Vec<Text> {
    let mut texts = Vec::new();
    for (id, object) in builder.iter() {
        let Some(composed) = compose(id, object) else { continue };
        let view = match object {
            Object::View(view) => Some((key_of(id), view.aliases.clone())),
            Object::MaterializedView(view) => Some((key_of(id), view.aliases.clone())),
            _ => None,
        };
        // Unqualified names mean the own schema first.
        let own = id.schema().map(std::borrow::Cow::into_owned);
        let mut path: Vec<String> = own.into_iter().filter(|s| !project.search_path.contains(s)).collect();
        path.extend(project.search_path.iter().cloned());
        texts.push(Text { id: id.clone(), sql: composed.sql, pieces: composed.pieces, path, view });
    }
    // What triggers call must be known before the bodies are looked at; those come last anyway.
    texts
}

/// A problem and the piece of text that it is in.
struct Placed {
    id: ObjectId,
    finding: Finding,
    piece: Option<(String, Range<usize>)>,
}

fn placed(text: &Text, finding: Finding) -> Placed {
    let found = text
        .pieces
        .iter()
        .find(|(start, piece)| (*start..start + piece.len()).contains(&finding.span.start) || piece.is_empty());
    let piece = found.map(|(start, piece)| {
        (piece.clone(), finding.span.start - start..finding.span.end.saturating_sub(*start).min(piece.len()))
    });
    Placed { id: text.id.clone(), finding, piece }
}

fn run(mut checker: Checker, texts: &[Text]) -> (Checker, Vec<Placed>) {
    let none = Variables::default();
    let mut out = Vec::new();
    let path = checker.names.search_path.clone();
    checker.still = true;
    // The columns of views follow from their queries, of which some read other views.
    let mut open: Vec<&Text> = texts.iter().filter(|t| t.view.is_some()).collect();
    for _ in 0..16 {
        let before = open.len();
        open.retain(|text| {
            checker.names.search_path.clone_from(&text.path);
            let (Ok(list), Some((key, aliases))) = (statements(&text.sql), &text.view) else { return false };
            let Some(tree) = list.first().map(Value::of) else { return false };
            let mut resolver = crate::lint::scope::Resolver::new(&checker.names, &text.sql, &none);
            let shape = resolver.query(tree.field("stmt")).renamed(aliases);
            let known = !shape.open;
            checker.names.change(key, |own| *own = shape);
            !known
        });
        if open.len() == before {
            break;
        }
    }
    for text in texts {
        checker.names.search_path.clone_from(&text.path);
        checker.home.clone_from(&text.path);
        let Ok(list) = statements(&text.sql) else { continue };
        for tree in &list {
            let bodies = checker.bodies.len();
            let tree = Value::of(tree);
            let tolerant = std::mem::replace(&mut checker.tolerant, true);
            let found = checker.statement(&text.sql, tree.field("stmt"), &none);
            checker.tolerant = tolerant;
            out.extend(found.into_iter().map(|f| placed(text, f)));
            // A body with the same signature cannot be declared twice.
            if checker.bodies.len() > bodies
                && let Some(body) = checker.bodies.last_mut()
            {
                body.base = None;
                body.signature.clone_from(&text.id.as_str().to_owned());
            }
        }
    }
    checker.names.search_path.clone_from(&path);
    checker.home = path;
    checker.still = false;
    let bodies = checker.bodies.clone();
    let by_id: HashMap<&str, &Text> = texts.iter().map(|text| (text.id.as_str(), text)).collect();
    for body in &bodies {
        let Some(text) = by_id.get(body.signature.as_str()) else { continue };
        for finding in body.check(&mut checker) {
            let piece = Some((body.text.clone(), finding.span.clone()));
            out.push(Placed { id: text.id.clone(), finding, piece });
        }
    }
    (checker, out)
}

/// The names a project declares, and what is wrong with its texts.
pub fn check(builder: &CatalogBuilder, project: &Project, trees: &[Node]) -> (Checker, Vec<Box<Diagnostic>>) {
    let checker = names_of(builder, project);
    let texts = texts_of(builder, project);
    let fallback = checker.clone();
    let Ok((checker, found)) = on_parser_thread(move || run(checker, &texts)) else { return (fallback, Vec::new()) };
    let places = Places::of(trees);
    let mut problems: Vec<Box<Diagnostic>> = found
        .into_iter()
        .map(|placed| {
            let place = places.find(builder, &placed);
            placed.finding.diagnostic(place).note(format!("in {}", placed.id))
        })
        .collect();
    problems.sort_by_key(|p| p.location.as_ref().map(|l| (l.source.name.clone(), l.span.start)));
    (checker, problems)
}

/// Where things stand in the YAML.
struct Places<'a> {
    nodes: HashMap<(&'a str, usize), &'a Node>,
}

impl<'a> Places<'a> {
    fn of(trees: &'a [Node]) -> Self {
        let mut places = Self { nodes: HashMap::new() };
        trees.iter().for_each(|tree| places.add(tree));
        places
    }

    fn add(&mut self, node: &'a Node) {
        let place = |l: &'a Location| (l.source.name.as_str(), l.span.start);
        self.nodes.entry(place(&node.location)).or_insert(node);
        match &node.value {
            Yaml::Map(entries) => {
                for (key, value) in entries {
                    self.nodes.insert(place(&key.location), value);
                    self.add(value);
                }
            }
            Yaml::List(items) => items.iter().for_each(|item| self.add(item)),
            _ => {}
        }
    }

    fn find(&self, builder: &CatalogBuilder, placed: &Placed) -> Option<Location> {
        let mut id = Some(placed.id.clone());
        while let Some(current) = id {
            if let Some(location) = builder.location(&current) {
                let node = self.nodes.get(&(location.source.name.as_str(), location.span.start));
                let exact = node.zip(placed.piece.as_ref()).and_then(|(node, (text, range))| within(node, text, range));
                return Some(exact.unwrap_or_else(|| location.clone()));
            }
            id = current.parent();
        }
        None
    }
}

/// Where a piece of a text stands below a node.
pub(super) fn within(node: &Node, text: &str, range: &Range<usize>) -> Option<Location> {
    let mut scalars = Vec::new();
    collect(node, &mut scalars);
    for (scalar, content) in &scalars {
        if let Some(base) = content.find(text.trim()) {
            let lead = text.len() - text.trim_start().len();
            let start = base + range.start.saturating_sub(lead);
            return Some(scalar.place_of(start..base + range.end.saturating_sub(lead)));
        }
    }
    // The text was put together from pieces: the word itself.
    let word = text.get(range.clone()).filter(|w| !w.is_empty())?;
    scalars.iter().find_map(|(scalar, content)| {
        let at = crate::lint::script::word_at(content, 0, word)?;
        Some(scalar.place_of(at..at + word.len()))
    })
}

fn collect<'a>(node: &'a Node, out: &mut Vec<(&'a Node, &'a str)>) {
    match &node.value {
        Yaml::Text { text, .. } => out.push((node, text)),
        Yaml::List(items) => items.iter().for_each(|i| collect(i, out)),
        Yaml::Map(entries) => entries.iter().for_each(|(_, v)| collect(v, out)),
        Yaml::Null | Yaml::File(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_found_in_the_statement() {
        let composed = Composer::default().glue("a ").written("b").clause(" (", Some(&"c".to_owned()), ")");
        assert_eq!(composed.sql, "a b (c\n)");
        assert_eq!(composed.pieces, [(2, "b".to_owned()), (5, "c".to_owned())]);
    }
}
