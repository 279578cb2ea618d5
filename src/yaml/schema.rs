//! The language described: which keys a thing has and what stands under them. One table serves the reader (unknown
//! keys), the documentation, and the JSON Schema that gives editors completion.

use serde_json::{Map, Value, json};

/// A key that a mapping can have.
#[derive(Clone, Copy, Debug)]
pub struct KeyDoc {
    /// The key as written.
    pub name: &'static str,
    /// What it means, in a sentence or two.
    pub doc: &'static str,
    /// What stands under it.
    pub shape: Shape,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A text for people, or any scalar.
    Text,
    /// A piece of SQL.
    Sql,
    /// A name; `null`, `no` and `010` are names like others.
    Name,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A list of scalars, or one scalar.
    TextList,
    /// A mapping from names to scalars.
    TextMap,
    /// A text, or `!file path`.
    TextOrFile,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Something described by a [`Definition`] of this name.
    Ref(&'static str),
    /// A mapping from names to values of this shape.
    MapOf(&'static Shape),
    /// A list of values of this shape.
    ListOf(&'static Shape),
    /// Any of these.
    AnyOf(&'static [Shape]),
    /// Anything (rows of test data).
    Any,
}

/// One thing of the language that is written as a mapping: a table, a column, a policy.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Its name, to which [`Shape::Ref`] refers.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// When it may also be written as a fragment of SQL: what that fragment is, with an example.
    pub scalar: Option<&'static str>,
    /// The keys of its mapping.
    pub keys: &'static [KeyDoc],
}

/// The JSON Schema (draft 2020-12) of the language. The first definition is a whole file.
pub fn json_schema(definitions: &[Definition]) -> Value {
    let defs: Map<String, Value> = definitions.iter().map(|d| (d.name.to_owned(), definition(d))).collect();
    let mut schema = Map::new();
    schema.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".into(), json!("trueup"));
    if let Some(root) = definitions.first() {
        schema.insert("$ref".into(), json!(format!("#/$defs/{}", root.name)));
    }
    schema.insert("$defs".into(), Value::Object(defs));
    Value::Object(schema)
}

fn definition(definition: &Definition) -> Value {
    let properties: Map<String, Value> = definition
        .keys
        .iter()
        .map(|key| {
            let mut value = shape(&key.shape);
            if let Value::Object(map) = &mut value {
                map.insert("description".into(), json!(key.doc));
            }
            (key.name.to_owned(), value)
        })
        .collect();
    // A key with nothing under it reads as an empty mapping.
    let mapping = json!({"type": ["object", "null"], "properties": properties, "additionalProperties": false});
    let mut value = match definition.scalar {
        Some(doc) => json!({"anyOf": [{"type": SCALAR, "description": doc}, mapping]}),
        None => mapping,
    };
    if let Value::Object(map) = &mut value {
        map.insert("description".into(), json!(definition.doc));
    }
    value
}

/// What editors take for numbers or booleans are texts to us.
const SCALAR: [&str; 4] = ["string", "number", "boolean", "null"];

fn shape(of: &Shape) -> Value {
    match of {
        Shape::Text => json!({"type": ["string", "number", "boolean"]}),
        Shape::TextOrFile | Shape::Sql | Shape::Name => json!({"type": SCALAR}),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Integer => json!({"type": "integer"}),
        Shape::TextList => json!({"anyOf": [{"type": SCALAR}, {"type": "array", "items": {"type": SCALAR}}]}),
        Shape::TextMap => json!({"type": ["object", "null"], "additionalProperties": {"type": SCALAR}}),
        Shape::OneOf(words) => json!({"enum": words}),
        Shape::Ref(name) => json!({"$ref": format!("#/$defs/{name}")}),
        Shape::MapOf(inner) => json!({"type": ["object", "null"], "additionalProperties": shape(inner)}),
        Shape::ListOf(inner) => json!({"type": ["array", "null"], "items": shape(inner)}),
        Shape::AnyOf(shapes) => json!({"anyOf": shapes.iter().map(shape).collect::<Vec<_>>()}),
        Shape::Any => json!({}),
    }
}

/// The names that [`Shape::Ref`]s mention without a definition; a test of the whole language expects none.
pub fn dangling_references(definitions: &[Definition]) -> Vec<&'static str> {
    fn collect(shape: &Shape, out: &mut Vec<&'static str>) {
        match shape {
            Shape::Ref(name) => out.push(name),
            Shape::MapOf(inner) | Shape::ListOf(inner) => collect(inner, out),
            Shape::AnyOf(shapes) => shapes.iter().for_each(|s| collect(s, out)),
            _ => {}
        }
    }
    let mut names = Vec::new();
    definitions.iter().flat_map(|d| d.keys).for_each(|key| collect(&key.shape, &mut names));
    names.retain(|name| !definitions.iter().any(|d| d.name == *name));
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANGUAGE: &[Definition] = &[
        Definition {
            name: "file",
            doc: "A file of a project.",
            scalar: None,
            keys: &[KeyDoc { name: "tables", doc: "Tables.", shape: Shape::MapOf(&Shape::Ref("table")) }],
        },
        Definition {
            name: "table",
            doc: "A table.",
            scalar: None,
            keys: &[
                KeyDoc { name: "rls", doc: "Row level security.", shape: Shape::OneOf(&["enabled", "forced"]) },
                KeyDoc { name: "columns", doc: "Columns.", shape: Shape::MapOf(&Shape::Ref("column")) },
            ],
        },
        Definition {
            name: "column",
            doc: "A column.",
            scalar: Some("A column definition: `text not null`"),
            keys: &[KeyDoc { name: "type", doc: "The data type.", shape: Shape::Text }],
        },
    ];

    #[test]
    fn the_schema_follows_the_tables() {
        let schema = json_schema(LANGUAGE);
        assert_eq!(schema["$ref"], "#/$defs/file");
        assert_eq!(schema["$defs"]["table"]["properties"]["rls"]["enum"], json!(["enabled", "forced"]));
        assert_eq!(schema["$defs"]["table"]["properties"]["rls"]["description"], "Row level security.");
        assert_eq!(schema["$defs"]["table"]["properties"]["columns"]["additionalProperties"]["$ref"], "#/$defs/column");
        assert_eq!(schema["$defs"]["table"]["additionalProperties"], false);
        assert_eq!(schema["$defs"]["column"]["anyOf"][0]["description"], "A column definition: `text not null`");
        assert!(dangling_references(LANGUAGE).is_empty());
        assert_eq!(dangling_references(&LANGUAGE[..2]), ["column"]);
    }
}
