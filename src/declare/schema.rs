//! The JSON Schema of the YAML language, for editors.

use serde_json::Value;

use crate::data::declare as rows;
use crate::kinds::DECLARERS;
use crate::kinds::common::Declare;
use crate::kinds::component::default_privilege::DefaultPrivilege;
use crate::verify::declare as tests;
use crate::yaml::{Definition, KeyDoc, Shape, json_schema as of_definitions};

/// The schema of a project's YAML files (not of the project file).
pub fn json_schema() -> Value {
    of_definitions(&definitions())
}

/// Everything that a project's YAML files can hold, a whole file first. Editors, and docs/reference.md, are told from here.
pub fn definitions() -> Vec<Definition> {
    let mut definitions: Vec<Definition> =
        vec![Definition { name: "file", doc: "A file of a trueup project.", scalar: None, keys: FILE_KEYS }];
    definitions.extend(DECLARERS.iter().map(|d| *d.definition));
    definitions.extend(crate::kinds::nested_definitions());
    definitions.push(DefaultPrivilege::DEFINITION);
    definitions.extend([rows::INVARIANT, rows::REMEDY, rows::BATCH, rows::BACKFILL, rows::RETIRED, rows::RETIREMENT]);
    definitions.extend([tests::TEST, tests::AS, tests::EXPECT]);
    definitions
}

const FILE_KEYS: &[KeyDoc] = &[
    KeyDoc {
        name: "schema",
        doc: "The schema of everything below that is not qualified; default public.",
        shape: Shape::Name,
    },
    KeyDoc { name: "schemas", doc: "Schemas.", shape: Shape::MapOf(&Shape::Ref("schemas")) },
    KeyDoc { name: "extensions", doc: "Extensions.", shape: Shape::MapOf(&Shape::Ref("extensions")) },
    KeyDoc { name: "enums", doc: "Enum types.", shape: Shape::MapOf(&Shape::Ref("enums")) },
    KeyDoc { name: "domains", doc: "Domains.", shape: Shape::MapOf(&Shape::Ref("domains")) },
    KeyDoc { name: "types", doc: "Composite types.", shape: Shape::MapOf(&Shape::Ref("types")) },
    KeyDoc { name: "sequences", doc: "Sequences.", shape: Shape::MapOf(&Shape::Ref("sequences")) },
    KeyDoc { name: "tables", doc: "Tables.", shape: Shape::MapOf(&Shape::Ref("tables")) },
    KeyDoc { name: "views", doc: "Views.", shape: Shape::MapOf(&Shape::Ref("views")) },
    KeyDoc {
        name: "materialized_views",
        doc: "Materialized views.",
        shape: Shape::MapOf(&Shape::Ref("materialized_views")),
    },
    KeyDoc { name: "functions", doc: "Functions, by signature.", shape: Shape::MapOf(&Shape::Ref("functions")) },
    KeyDoc { name: "procedures", doc: "Procedures, by signature.", shape: Shape::MapOf(&Shape::Ref("procedures")) },
    KeyDoc {
        name: "default_privileges",
        doc: "Privileges that new objects get.",
        shape: Shape::ListOf(&Shape::Ref("default_privileges")),
    },
    KeyDoc {
        name: "invariants",
        doc: "What must hold of the rows, by name.",
        shape: Shape::MapOf(&Shape::Ref("invariants")),
    },
    KeyDoc { name: "retired", doc: "What is on its way out.", shape: Shape::Ref("retired") },
    KeyDoc { name: "tests", doc: "Tests of policies and data, by name.", shape: Shape::MapOf(&Shape::Ref("tests")) },
];

#[cfg(test)]
mod checks {
    use super::*;

    fn references(shape: &Shape, found: &mut Vec<&'static str>) {
        match shape {
            Shape::Ref(name) => found.push(name),
            Shape::MapOf(inner) | Shape::ListOf(inner) => references(inner, found),
            Shape::AnyOf(shapes) => shapes.iter().for_each(|shape| references(shape, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_of_the_language_is_defined_once() {
        let definitions = definitions();
        let mut names: Vec<_> = definitions.iter().map(|d| d.name).collect();
        let mut found = Vec::new();
        for key in definitions.iter().flat_map(|d| d.keys) {
            references(&key.shape, &mut found);
        }
        for name in found {
            assert!(names.contains(&name), "{name} is referred to and not defined");
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "a definition is there twice");
    }

    #[test]
    fn a_file_may_hold_every_kind() {
        for declarer in DECLARERS {
            assert!(FILE_KEYS.iter().any(|key| key.name == declarer.definition.name), "{}", declarer.definition.name);
        }
    }
}
