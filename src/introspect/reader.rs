//! What the kinds read their rows into.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap as HashMap;

use crate::core::catalog::{CatalogBuilder, Edge};
use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::introspect::printed::{self, Printer, Unprinted};
use crate::introspect::{Row, class_oid};
use crate::kinds::{KindTag, Object};

/// A sequence that is a part of a column and no object of its own, kept until the column is read.
#[derive(Debug)]
pub struct SequencePart {
    /// Its `pg_class.oid`.
    pub oid: u32,
    /// Its schema and name.
    pub name: (String, String),
    /// The role that owns it.
    pub owner: String,
    /// Its access list, where that is not the usual one.
    pub acl: Option<Vec<String>>,
    /// Whether it is UNLOGGED.
    pub unlogged: bool,
    /// What deviates from what PostgreSQL takes when it is not said.
    pub options: BTreeMap<String, String>,
}

/// A catalog under construction, with the way from `pg_depend` addresses to objects.
#[derive(Debug, Default)]
pub struct Reader {
    /// The objects so far.
    pub builder: CatalogBuilder,
    /// Major version of the server.
    pub major: u32,
    addresses: HashMap<(u32, u32, i32), u32>,
    schemas: HashMap<u32, String>,
    roles: HashMap<u32, String>,
    /// What belongs to an extension, or (0) comes and goes with something else.
    members: HashMap<(u32, u32), u32>,
    /// The sequences of identity columns, by the table's oid and the column's number.
    pub identities: HashMap<(u32, i32), SequencePart>,
    /// Whether queries give the trees of expressions instead of their texts, to be handed to [`Reader::print_later`]. In a query,
    /// `$later` says the same.
    pub prints_later: bool,
    pub(super) unprinted: Unprinted,
}

impl Reader {
    /// An empty reader for a server of this major version.
    pub fn new(major: u32) -> Self {
        Self { major, ..Self::default() }
    }

    /// Makes room for about so many objects.
    pub fn reserve(&mut self, objects: usize) {
        self.builder.reserve(objects);
        self.addresses.reserve(objects);
    }

    /// Notes something that the database holds and that is not modelled, to be named in a warning.
    pub fn left_out(&mut self, kind: &str, name: &str) {
        self.builder.origin.unmodelled.push((kind.to_owned(), name.to_owned()));
    }

    /// Notes a user schema.
    pub fn add_schema(&mut self, oid: u32, name: &str) {
        self.schemas.insert(oid, name.to_owned());
    }

    /// Notes a role.
    pub fn add_role(&mut self, oid: u32, name: &str) {
        self.roles.insert(oid, name.to_owned());
    }

    /// Notes that an object belongs to an extension, and so is not one of the user's.
    #[inline]
    pub fn add_member(&mut self, class: &'static str, oid: u32, extension: u32) {
        self.members.insert((class_oid(class), oid), extension);
    }

    /// The name of a user schema.
    pub fn schema(&self, oid: u32) -> Option<&str> {
        self.schemas.get(&oid).map(String::as_str)
    }

    /// The name of a role; `public` for 0; a number where it is gone.
    pub fn role(&self, oid: u32) -> String {
        if oid == 0 { "public".to_owned() } else { self.roles.get(&oid).cloned().unwrap_or_else(|| oid.to_string()) }
    }

    /// The id of an object of a kind in the schema named by the row's `namespace` column; `None` where the row is not the
    /// user's: a system schema, or a member of an extension.
    pub fn id_in(&self, row: &Row<'_>, kind: KindTag, class: &'static str) -> Result<Option<(ObjectId, u32)>> {
        let oid = row.number("oid")?;
        let namespace = row.number("namespace")?;
        if self.is_member(class, oid) {
            return Ok(None);
        }
        Ok(match self.schema(namespace) {
            Some(schema) => Some((ObjectId::in_schema(kind, schema, row.text("name")?), oid)),
            None => None,
        })
    }

    /// Whether an object belongs to an extension.
    #[inline]
    pub fn is_member(&self, class: &'static str, oid: u32) -> bool {
        self.members.contains_key(&(class_oid(class), oid))
    }

    /// The oids of the relations that belong to extensions, in their text form.
    pub fn relations_of_extensions(&self) -> Vec<String> {
        let class = class_oid("pg_class");
        self.members.keys().filter(|(of, _)| *of == class).map(|(_, oid)| oid.to_string()).collect()
    }

    /// Adds an object under its catalog address (`pg_class`, oid, column number or 0).
    #[inline]
    pub fn add(&mut self, id: ObjectId, object: impl Into<Object>, class: &'static str, oid: u32, sub: i32) -> u32 {
        let mut object = object.into();
        crate::kinds::options::only_users(&id, &mut object, &mut self.builder.origin);
        let handle = self.builder.put(id, object);
        self.addresses.insert((class_oid(class), oid, sub), handle);
        handle
    }

    /// Lets another address mean the same object: a view's rule, a table's row type, a constraint's index.
    #[inline]
    pub fn alias(&mut self, handle: u32, class: &'static str, oid: u32, sub: i32) {
        self.addresses.insert((class_oid(class), oid, sub), handle);
    }

    /// The handle of the object at an address.
    #[inline]
    pub fn handle(&self, class: &'static str, oid: u32, sub: i32) -> Option<u32> {
        self.addresses.get(&(class_oid(class), oid, sub)).copied()
    }

    /// As [`Reader::handle`], by the catalog's oid.
    pub(crate) fn handle_at(&self, class: u32, oid: u32, sub: i32) -> Option<u32> {
        self.addresses.get(&(class, oid, sub)).copied()
    }

    /// The extension that the object at an address belongs to.
    pub(crate) fn extension_of(&self, class: u32, oid: u32) -> Option<u32> {
        self.members.get(&(class, oid)).and_then(|extension| self.handle("pg_extension", *extension, 0))
    }

    /// The id of the object at an address.
    #[inline]
    pub fn at(&self, class: &'static str, oid: u32, sub: i32) -> Option<&ObjectId> {
        self.handle(class, oid, sub).map(|h| self.builder.id(h))
    }

    /// Has the expression of an object printed once all is read, from its tree (`pg_node_tree`). The text goes where the printer
    /// puts it. `oid` is the object's in its catalog, `relation` the one whose columns the expression may name.
    pub fn print_later(&mut self, printer: &'static Printer, tree: &str, relation: u32, oid: u32, handle: u32) {
        let names = |number| self.at("pg_class", relation, number).filter(|_| number > 0).map(ObjectId::written_name);
        let form = printed::form(tree, names);
        self.unprinted.add(printer, form, oid, handle);
    }

    /// Records a dependency between two objects.
    pub fn depend(&mut self, from: u32, to: u32, edge: Edge) {
        self.builder.edge(from, to, edge);
    }

    /// Adds the owner and the privileges that the row's columns `owner` (an oid) and `acl` (`aclitem[]` or NULL) give to
    /// an object. `object_type` is the letter that `acldefault` takes.
    pub fn access(&mut self, row: &Row<'_>, id: &ObjectId, object_type: char) -> Result<()> {
        crate::kinds::component::read_access(row, id, object_type, self)
    }
}
