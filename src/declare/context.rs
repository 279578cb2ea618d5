//! What the kinds declare their objects into.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashSet;

use crate::core::catalog::{Catalog, CatalogBuilder, Edge};
use crate::core::diagnostic::{Diagnostic, Location, Result};
use crate::core::id::ObjectId;
use crate::declare::keys::{Folded, is_folded};
use crate::kinds::{KindTag, Object};
use crate::yaml::{Fields, Key};

/// A fragment that the grammar at hand refuses and a newer server may read.
#[derive(Clone, Debug)]
pub struct Unread {
    /// A statement that is one exactly if the fragment is what it should be. The server parses it; it is never run.
    pub statement: String,
    /// What is wrong with it, where the server refuses it as well.
    pub problem: Box<Diagnostic>,
}

/// A declared state under construction.
pub struct DeclareContext<'a> {
    /// The objects so far.
    pub builder: CatalogBuilder,
    /// The schema that unqualified names lie in, for the file being read.
    pub schema: String,
    /// The project, which knows what belongs to the platform.
    pub platform: Option<crate::declare::project::Project>,
    /// Where unqualified names are looked for behind the own schema.
    pub search_path: Vec<String>,
    /// The tables that the project declares, in whichever file.
    pub tables: Arc<FxHashSet<ObjectId>>,
    /// The live catalog, where there is one: a text that is word for word what it says is known and need not be parsed.
    pub live: Option<&'a Catalog>,
    /// What the live catalog's texts of a table's columns hold of its constraints, for the table that was last asked about.
    pub(crate) in_columns: Option<(ObjectId, crate::kinds::table::declare::Shorthand)>,
    /// `was:` declarations: the new id, and the id it had.
    pub renames: BTreeMap<ObjectId, (ObjectId, Location)>,
    /// Enum values renamed: (enum, new label) to old label.
    pub value_renames: BTreeMap<(ObjectId, String), String>,
    /// Objects whose name the project did not choose (an unnamed constraint or index): they match a live one of the same definition.
    pub unnamed: Vec<ObjectId>,
    /// Tables of which it is said whether row-level security is on.
    pub guarded: Vec<ObjectId>,
    /// What is declared about rows.
    pub data: crate::data::Data,
    /// Declared tests.
    pub tests: Vec<crate::verify::Test>,
    /// Entries among options that a server keeps for itself.
    pub(crate) of_servers: Vec<(String, Location)>,
    /// Fragments that the grammar at hand refuses and a newer server may read.
    pub unread: Vec<Unread>,
    /// Keys that SQL reads in small letters though they have capitals.
    pub(super) folded: Mutex<Vec<Folded>>,
    /// Everything found wrong so far.
    pub problems: Vec<Box<Diagnostic>>,
}

impl<'a> DeclareContext<'a> {
    /// An empty state.
    pub fn new(schema: &str, live: Option<&'a Catalog>) -> Self {
        Self {
            builder: CatalogBuilder::new(),
            schema: schema.to_owned(),
            platform: None,
            search_path: vec!["public".to_owned()],
            tables: Arc::default(),
            live,
            in_columns: None,
            renames: BTreeMap::new(),
            value_renames: BTreeMap::new(),
            unnamed: Vec::new(),
            guarded: Vec::new(),
            data: crate::data::Data::default(),
            tests: Vec::new(),
            of_servers: Vec::new(),
            unread: Vec::new(),
            folded: Mutex::default(),
            problems: Vec::new(),
        }
    }

    /// The schema and name that a key such as `users`, `public.users` or `"A b".c` stands for.
    pub fn name(&self, key: &Key) -> Result<(String, String)> {
        let (schema, name) = crate::sql::qualified_name(&key.text).map_err(|e| {
            Diagnostic::error("name", format!("`{}` is no name: {}", key.text, e.message)).at(key.location.clone())
        })?;
        if is_folded(&key.text) {
            let folded = (key.text.clone(), key.location.clone());
            self.folded.lock().unwrap_or_else(PoisonError::into_inner).push(folded);
        }
        Ok((schema.unwrap_or_else(|| self.schema.clone()), name))
    }

    /// The id of an object of a kind that lies in a schema, from its key.
    pub fn id(&self, kind: KindTag, key: &Key) -> Result<ObjectId> {
        let (schema, name) = self.name(key)?;
        Ok(ObjectId::in_schema(kind, &schema, &name))
    }

    /// The schema and name that a text within a definition stands for.
    pub fn qualified(&self, text: &str, node: &crate::yaml::Node) -> Result<(String, String)> {
        let (schema, name) = crate::sql::qualified_name(text).map_err(|e| {
            Diagnostic::error("name", format!("`{text}` is no name: {}", e.message)).at(node.location.clone())
        })?;
        Ok((schema.unwrap_or_else(|| self.schema.clone()), name))
    }

    /// The schema in which an unqualified table is declared, the own schema first.
    pub fn find_relation_schema(&self, own: &str, name: &str) -> Option<String> {
        std::iter::once(own)
            .chain(self.search_path.iter().map(String::as_str))
            .find(|schema| self.tables.contains(&ObjectId::in_schema(KindTag::Table, schema, name)))
            .map(str::to_owned)
    }

    /// Whether objects of a schema are the project's: of others it may declare policies and triggers only.
    pub fn manages(&self, schema: &str) -> bool {
        self.platform.as_ref().is_none_or(|p| p.manages(schema))
    }

    /// Whether a schema belongs to the platform of the project's profile.
    pub fn is_platform(&self, schema: &str) -> bool {
        self.platform.as_ref().is_some_and(|project| project.is_platform(schema))
    }

    /// Keeps a problem for the end, so that a person hears of all of them at once.
    pub fn note(&mut self, result: Result<()>) {
        if let Err(problem) = result {
            self.problems.push(problem);
        }
    }

    /// Takes over what was declared in another context of the same project, as if it had been declared here.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.problems.extend(other.problems);
        self.of_servers.extend(other.of_servers);
        let folded = other.folded.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.folded.get_mut().unwrap_or_else(PoisonError::into_inner).extend(folded);
        self.problems.extend(self.builder.absorb(other.builder));
        self.renames.extend(other.renames);
        self.value_renames.extend(other.value_renames);
        self.unnamed.extend(other.unnamed);
        self.guarded.extend(other.guarded);
        self.unread.extend(other.unread);
        let twice = self.data.absorb(other.data);
        self.problems.extend(twice);
        self.tests.extend(other.tests);
    }

    /// Reads all entries of a mapping as objects of a kind that stand in another.
    pub fn each<K: crate::kinds::common::Declare>(&mut self, parent: &ObjectId, entries: &[(Key, crate::yaml::Node)]) {
        for (key, node) in entries {
            let result = K::declare(Some(parent), key, node, self);
            self.note(result);
        }
    }

    /// Adds an object.
    pub fn add(&mut self, id: ObjectId, object: impl Into<Object>, location: &Location) -> Result<()> {
        let limit = crate::core::name::MAX_IDENTIFIER_BYTES;
        let info = id.kind().info();
        if id.name().len() > limit && !info.signature && !info.composed && !id.kind().is_component() {
            let bytes = id.name().len();
            return Err(Diagnostic::error(
                "name-too-long",
                format!("the name of this {} has {bytes} bytes", info.label),
            )
            .at(location.clone())
            .note(format!("PostgreSQL keeps {limit} bytes of a name and cuts off the rest without an error"))
            .help("shorten it"));
        }
        let object = object.into();
        crate::kinds::options::declared(&object, location)?;
        // What the live catalog says as well is kept in memory once.
        let (id, object) = match self.live.and_then(|live| live.entry(&id)) {
            Some((known, same)) if *same == object => (known.clone(), same.clone()),
            _ => (id, object),
        };
        self.builder.add(id, object, Some(location.clone())).map(|_| ())
    }

    /// The live object of an id.
    pub fn known(&self, id: &ObjectId) -> Option<&'a Object> {
        self.live.and_then(|catalog| catalog.get(id))
    }

    /// Records a dependency that is true by construction.
    pub fn depend(&mut self, from: &ObjectId, to: &ObjectId) {
        self.builder.depend(from, to, Edge::Hard);
    }

    /// Takes the keys that every object may have (`comment`, `owner`, `grants`) out of a mapping.
    pub fn components(&mut self, fields: &Fields<'_>, id: &ObjectId) -> Result<()> {
        crate::kinds::component::declare(fields, id, self)
    }

    /// Takes the key `was` out of a mapping: the name the object had, in the same schema or table.
    pub fn was(&mut self, fields: &Fields<'_>, id: &ObjectId) -> Result<()> {
        let Some(node) = fields.get("was") else { return Ok(()) };
        let Some(old) = node.text() else {
            return Err(Diagnostic::error("was", "`was` takes the name the object had").at(node.location.clone()));
        };
        let old_id = match id.parent() {
            Some(parent) if parent.kind() == KindTag::Schema => {
                let (schema, name) = crate::sql::qualified_name(old).map_err(|e| {
                    Diagnostic::error("name", format!("`{old}` is no name: {}", e.message)).at(node.location.clone())
                })?;
                let schema = schema.unwrap_or_else(|| parent.name().into_owned());
                ObjectId::in_schema(id.kind(), &schema, &name)
            }
            Some(parent) => parent.child(id.kind(), old),
            None => ObjectId::root(id.kind(), old),
        };
        self.renames.insert(id.clone(), (old_id, node.location.clone()));
        Ok(())
    }
}

impl DeclareContext<'_> {
    /// An expression given by a key: exactly one, refused if it is more or less.
    pub fn expression(&mut self, fields: &Fields<'_>, key: &'static str) -> Result<Option<String>> {
        let Some(node) = fields.get(key) else { return Ok(None) };
        let Some(text) = node.text() else {
            return Err(
                Diagnostic::error("expression", format!("`{key}` takes a SQL expression")).at(node.location.clone())
            );
        };
        let text = text.trim();
        // The piece that was read, without comments around it: one behind it would swallow what the statement goes on with.
        let read = crate::sql::expression_of_any_major(text);
        Ok(Some(self.read(read, node, "expression")?.text))
    }

    /// What was read of a fragment. What the grammar at hand refuses is kept for the server to judge.
    pub fn read<T>(
        &mut self,
        read: std::result::Result<crate::sql::Read<T>, crate::sql::SyntaxError>,
        node: &crate::yaml::Node,
        what: &str,
    ) -> Result<T> {
        match read.map_err(|e| self.syntax(&e, node, what))? {
            crate::sql::Read::Whole(found) => Ok(found),
            crate::sql::Read::Unread { guess, statement, error } => {
                self.unread.push(Unread { statement, problem: self.syntax(&error, node, what) });
                Ok(guess)
            }
        }
    }

    /// A syntax error in a fragment, at its place in the YAML.
    pub fn syntax(&self, error: &crate::sql::SyntaxError, node: &crate::yaml::Node, what: &str) -> Box<Diagnostic> {
        Diagnostic::error("sql-syntax", format!("this is not one SQL {what}: {}", error.message))
            .at(node.place_of(error.offset.map_or(0..0, |o| o..o + 1)))
    }
}
