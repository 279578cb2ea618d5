//! From names in texts to edges: what a declared object, or the body of a routine, seems to depend on.
//!
//! These edges are guesses (soft). They order the building of a declared state, and let what runs a routine wait for what
//! the routine needs; where a guess is wrong, the build tries again, and the server's own `pg_depend` replaces it.

use std::collections::HashMap;

use crate::core::catalog::{Catalog, CatalogBuilder, Edge};
use crate::core::id::ObjectId;
use crate::kinds::{KindTag, Mention, Mentions, Object};
use crate::sql::References;

/// Objects by the name they are called by.
struct Names {
    relations: HashMap<(String, String), ObjectId>,
    types: HashMap<(String, String), ObjectId>,
    routines: HashMap<(String, String), Vec<ObjectId>>,
    search_path: Vec<String>,
    /// Whether names with a schema are left alone.
    unqualified_only: bool,
}

impl Names {
    fn of<'a>(objects: impl Iterator<Item = (&'a ObjectId, &'a Object)>, search_path: &[String]) -> Self {
        let mut names = Self {
            relations: HashMap::new(),
            types: HashMap::new(),
            routines: HashMap::new(),
            search_path: search_path.to_vec(),
            unqualified_only: false,
        };
        for (id, object) in objects {
            let info = object.kind().info();
            if info.namespaces.is_empty() && !info.signature {
                continue;
            }
            // Most have a table for a parent, which is seen without making its id.
            if id.parent_str().is_none_or(|parent| parent.contains('/')) {
                continue;
            }
            let Some(parent) = id.parent().filter(|p| p.kind() == KindTag::Schema) else { continue };
            let key = || (parent.name().into_owned(), id.name().into_owned());
            if info.namespaces.contains(&"relation") {
                names.relations.insert(key(), id.clone());
            }
            if info.namespaces.contains(&"type") {
                names.types.insert(key(), id.clone());
            }
            if info.signature {
                let signature = id.name();
                let name = signature_name(&signature);
                names.routines.entry((parent.name().into_owned(), name)).or_default().push(id.clone());
            }
        }
        names
    }

    fn find<'a, T>(
        &self,
        map: &'a HashMap<(String, String), T>,
        own: &str,
        schema: Option<&str>,
        name: &str,
    ) -> Option<&'a T> {
        match schema {
            Some(_) if self.unqualified_only => None,
            Some(schema) => map.get(&(schema.to_owned(), name.to_owned())),
            None => std::iter::once(own)
                .chain(self.search_path.iter().map(String::as_str))
                .find_map(|schema| map.get(&(schema.to_owned(), name.to_owned()))),
        }
    }

    fn add(&self, own: &str, references: &References, found: &mut Vec<ObjectId>) {
        for relation in &references.relations {
            let schema = relation.schema.as_deref();
            found.extend(self.find(&self.relations, own, schema, &relation.name).cloned());
        }
        for sequence in &references.regclass {
            found.extend(self.find(&self.relations, own, sequence.schema.as_deref(), &sequence.name).cloned());
        }
        for of in &references.types {
            found.extend(self.find(&self.types, own, of.schema.as_deref(), &of.name).cloned());
        }
        for function in &references.functions {
            found.extend(
                self.find(&self.routines, own, function.schema.as_deref(), &function.name)
                    .into_iter()
                    .flatten()
                    .cloned(),
            );
        }
    }

    fn mentioned(&self, own: &str, mention: &Mention, found: &mut Vec<ObjectId>) {
        match mention {
            Mention::Object(id) => found.push(id.clone()),
            Mention::Relation(schema, name) => {
                found.extend(self.find(&self.relations, own, schema.as_deref(), name).cloned())
            }
            Mention::Routine(schema, name) => {
                found.extend(self.find(&self.routines, own, schema.as_deref(), name).into_iter().flatten().cloned())
            }
            Mention::Type(text) => self.add(
                own,
                &crate::sql::references_of_type(text).unwrap_or_else(|_| crate::sql::references_by_words(text)),
                found,
            ),
            Mention::Expression(text) => self.add(
                own,
                &crate::sql::references_of_expression(text).unwrap_or_else(|_| crate::sql::references_by_words(text)),
                found,
            ),
            Mention::Query(text) => self.add(
                own,
                &crate::sql::references_of_query(text).unwrap_or_else(|_| crate::sql::references_by_words(text)),
                found,
            ),
            Mention::Statement(text) => self.add(
                own,
                &crate::sql::references_of_statement(text).unwrap_or_else(|_| crate::sql::references_by_words(text)),
                found,
            ),
            Mention::Body(language, text) => {
                self.add(own, &crate::sql::references_of_routine_body(language, text), found)
            }
        }
    }
}

/// The name in a routine's signature: what stands before the parenthesis, unquoted.
fn signature_name(signature: &str) -> String {
    if let Some(rest) = signature.strip_prefix('"') {
        let mut name = String::new();
        let mut chars = rest.chars().peekable();
        while let Some(c) = chars.next() {
            if c == '"' {
                if chars.peek() == Some(&'"') {
                    chars.next();
                } else {
                    break;
                }
            }
            name.push(c);
        }
        return name;
    }
    signature.split('(').next().unwrap_or(signature).to_owned()
}

/// What the texts of some objects name, each with who names it.
fn named<'a>(
    objects: impl Iterator<Item = (&'a ObjectId, &'a Object)>,
    names: &Names,
    wanted: impl Fn(&Mention) -> bool,
) -> Vec<(ObjectId, ObjectId)> {
    let mut edges: Vec<(ObjectId, ObjectId)> = Vec::new();
    let mut mentions = Mentions::default();
    let mut found = Vec::new();
    for (id, object) in objects {
        object.mentions(id, &mut mentions);
        let own = id.schema().unwrap_or_default().into_owned();
        for mention in mentions.texts.drain(..).filter(|m| wanted(m)) {
            names.mentioned(&own, &mention, &mut found);
        }
        edges.extend(
            found.drain(..).filter(|to| to != id && !id.is_within(to) && !to.is_within(id)).map(|to| (id.clone(), to)),
        );
    }
    edges
}

fn edges(
    builder: &mut CatalogBuilder,
    search_path: &[String],
    from: impl Fn(KindTag) -> bool,
    wanted: impl Fn(&Mention) -> bool,
) {
    let names = Names::of(builder.iter(), search_path);
    for (from, to) in named(builder.iter().filter(|(_, o)| from(o.kind())), &names, wanted) {
        builder.depend(&from, &to, Edge::Soft);
    }
}

/// What some declared objects name: of what else is declared, and of what the live database has.
pub fn guesses<'a>(
    objects: impl Iterator<Item = (&'a ObjectId, &'a Object)>,
    declared: &CatalogBuilder,
    live: &Catalog,
    search_path: &[String],
) -> Vec<(ObjectId, ObjectId)> {
    // What is declared takes the place of what is there.
    let names = Names::of(live.iter().chain(declared.iter()), search_path);
    named(objects, &names, |_| true)
}

/// Edges of routines whose bodies are texts: the server records none.
pub fn body_edges(builder: &mut CatalogBuilder, search_path: &[String]) {
    if builder.iter().any(|(_, object)| object.kind().info().signature) {
        edges(builder, search_path, |kind| kind.info().signature, |m| matches!(m, Mention::Body(..)));
    }
}

/// Edges of a declared state.
pub fn declared_edges(builder: &mut CatalogBuilder, search_path: &[String]) {
    edges(builder, search_path, |_| true, |_| true);
}

/// Objects outside of the search path whose texts, as PostgreSQL prints them under that path, would mean something else in a
/// project: a name without a schema, which is that of an object on the path, is looked for in the object's own schema first,
/// and there is one of that name there as well. Each with the object that would be found.
pub fn misread(catalog: &Catalog, search_path: &[String]) -> Vec<(ObjectId, ObjectId)> {
    let on_path = |id: &ObjectId| id.schema().is_some_and(|schema| search_path.iter().any(|s| *s == schema));
    let named_alike = |names: &Names| {
        let twice = |(schema, name): &(String, String), has: &dyn Fn(&(String, String)) -> bool| {
            !search_path.contains(schema) && search_path.iter().any(|s| has(&(s.clone(), name.clone())))
        };
        names.relations.keys().any(|key| twice(key, &|k| names.relations.contains_key(k)))
            || names.types.keys().any(|key| twice(key, &|k| names.types.contains_key(k)))
            || names.routines.keys().any(|key| twice(key, &|k| names.routines.contains_key(k)))
    };
    // Almost always, no name is there twice, and no text has to be looked at.
    if !named_alike(&Names::of(catalog.iter(), search_path)) {
        return Vec::new();
    }
    // What is in the own schema is always printed with it: a name without one is not meant to be that.
    let unqualified = Names { unqualified_only: true, ..Names::of(catalog.iter(), &[]) };
    let elsewhere = catalog.iter().filter(|(id, _)| id.schema().is_some() && !on_path(id));
    let not_a_body = |mention: &Mention| !matches!(mention, Mention::Body(..) | Mention::Object(..));
    named(elsewhere, &unqualified, not_a_body)
}

#[cfg(test)]
mod tests {
    use super::signature_name;

    #[test]
    fn names_of_signatures() {
        assert_eq!(signature_name("f(integer, text)"), "f");
        assert_eq!(signature_name("\"a(\"\"b\"(text)"), "a(\"b");
    }
}
