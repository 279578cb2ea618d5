//! The names that a text can refer to: relations with their columns, routines, composite types, foreign keys.
//!
//! Only what is certain is held against anybody. What lies outside the declared schema, and what cannot be followed, is
//! *open*: anything may be found there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::lint::paths::ForeignKey;

/// A schema and a name in it.
pub type Key = (String, String);

/// The columns of a relation, a subquery, a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Their names, in order.
    pub columns: Vec<String>,
    /// Whether there may be others.
    pub open: bool,
    /// Whether the order is uncertain (joins with USING).
    pub vague: bool,
}

impl Shape {
    /// Exactly these columns.
    pub fn of(columns: Vec<String>) -> Self {
        Self { columns, ..Self::default() }
    }

    /// Columns of which nothing is known.
    pub fn open() -> Self {
        Self { open: true, ..Self::default() }
    }

    /// Whether a column is there.
    pub fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|c| c == name)
    }

    /// The same with the first columns renamed, as an alias with a list of columns does.
    #[must_use]
    pub fn renamed(mut self, names: &[String]) -> Self {
        if names.is_empty() {
            return self;
        }
        self.open |= self.vague;
        for (i, name) in names.iter().enumerate() {
            match self.columns.get_mut(i) {
                Some(column) => column.clone_from(name),
                None => self.columns.push(name.clone()),
            }
        }
        self
    }
}

/// A table, view, sequence or the like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Schema and name.
    pub key: Key,
    /// Its columns.
    pub shape: Shape,
}

/// What a routine gives when it stands in FROM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Returns {
    /// TABLE (…) or several OUT arguments.
    Columns(Vec<String>),
    /// A type by name: a composite type or the rows of a relation, where one of that name is known.
    Type(Option<String>, String),
    /// Nothing certain.
    Unknown,
}

/// What a look-up finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A relation.
    Known(Arc<Relation>),
    /// It may exist, with any columns.
    Unknown,
    /// It certainly does not exist.
    Missing,
}

/// Everything that names can mean.
#[derive(Clone, Debug, Default)]
pub struct Names {
    relations: HashMap<Key, Arc<Relation>>,
    types: HashMap<Key, Shape>,
    routines: HashMap<Key, Vec<Returns>>,
    /// The foreign keys, in order.
    pub foreign_keys: Vec<ForeignKey>,
    /// The columns of primary keys.
    pub primary_keys: BTreeMap<Key, Vec<String>>,
    /// Schemas of which everything is known.
    pub closed: BTreeSet<String>,
    /// Where unqualified names are looked for.
    pub search_path: Vec<String>,
    /// Relations may exist that are not known: an extension that brings some, a script that cannot be followed.
    pub vague: bool,
    /// Nothing is certain any more.
    pub wild: bool,
    /// Whether an unqualified relation may be a temporary one of whoever calls.
    pub late: bool,
    /// The search path is a guess: it is whatever the caller of a body has.
    pub loose: bool,
    /// Relations that the script has dropped.
    pub dropped: BTreeSet<Key>,
}

/// Relations that extensions put into the schema they are installed in.
const EXTENSION_RELATIONS: &[&str] = &[
    "spatial_ref_sys",
    "geometry_columns",
    "geography_columns",
    "raster_columns",
    "raster_overviews",
    "topology",
    "layer",
    "hypopg_list_indexes",
    "hypopg_hidden_indexes",
    "part_config",
    "part_config_sub",
    "us_gaz",
    "us_lex",
    "us_rules",
    "wrappers_fdw_stats",
];

/// Extensions that bring no relations.
const PLAIN_EXTENSIONS: &[&str] = &[
    "plpgsql",
    "uuid-ossp",
    "pgcrypto",
    "citext",
    "pg_trgm",
    "btree_gin",
    "btree_gist",
    "hstore",
    "ltree",
    "unaccent",
    "fuzzystrmatch",
    "intarray",
    "tablefunc",
    "vector",
    "moddatetime",
    "cube",
    "earthdistance",
    "isn",
    "lo",
    "seg",
    "pgjwt",
    "pg_net",
    "pg_graphql",
    "pg_stat_statements",
    "dict_int",
    "dict_xsyn",
    "tcn",
    "autoinc",
    "insert_username",
    "refint",
    "sslinfo",
    "plv8",
    "plpython3u",
    "plperl",
    "pltcl",
    "http",
    "pg_hashids",
    "ulid",
    "pg_uuidv7",
    "rum",
    "bloom",
    "pageinspect",
    "pgrowlocks",
    "pgstattuple",
    "postgres_fdw",
    "dblink",
    "file_fdw",
    "amcheck",
    "pg_prewarm",
    "supabase_vault",
    "pgsodium",
];

/// Relations that nobody declares: those of extensions, and sequences of columns.
fn unnoticed(name: &str) -> bool {
    EXTENSION_RELATIONS.contains(&name) || name.ends_with("_seq")
}

impl Names {
    /// Adds a relation, or puts it in place of the one there.
    pub fn put(&mut self, key: Key, shape: Shape) {
        self.dropped.remove(&key);
        self.relations.insert(key.clone(), Arc::new(Relation { key, shape }));
    }

    /// Adds a composite type.
    pub fn put_type(&mut self, key: Key, shape: Shape) {
        self.types.insert(key, shape);
    }

    /// Adds a routine.
    pub fn put_routine(&mut self, key: Key, returns: Returns) {
        self.routines.entry(key).or_default().push(returns);
    }

    /// A relation by its whole name.
    pub fn relation(&self, key: &Key) -> Option<&Arc<Relation>> {
        self.relations.get(key)
    }

    /// Takes a relation out.
    pub fn remove(&mut self, key: &Key) {
        if self.relations.remove(key).is_some() {
            self.dropped.insert(key.clone());
        }
        self.foreign_keys.retain(|f| f.from != *key && f.to != *key);
        self.primary_keys.remove(key);
    }

    /// Changes the columns of a relation.
    pub fn change(&mut self, key: &Key, change: impl FnOnce(&mut Shape)) {
        if let Some(relation) = self.relations.get_mut(key) {
            change(&mut Arc::make_mut(relation).shape);
        }
    }

    /// All relations of certain schemas or of all, by name.
    pub fn relation_keys(&self) -> impl Iterator<Item = &Key> + '_ {
        self.relations.keys()
    }

    /// Heeds an extension: what it brings is not known.
    pub fn extension(&mut self, name: &str) {
        self.vague |= !PLAIN_EXTENSIONS.contains(&name);
    }

    /// Whether all of a schema is known.
    pub fn is_closed(&self, schema: &str) -> bool {
        !self.wild && self.closed.contains(schema)
    }

    /// The whole name of the relation that a name means.
    pub fn key_of(&self, schema: Option<&str>, name: &str) -> Option<Key> {
        match self.find(schema, name) {
            Found::Known(relation) => Some(relation.key.clone()),
            _ => None,
        }
    }

    /// Where a relation that is created without a schema goes.
    pub fn creation_key(&self, schema: Option<&str>, name: &str, temporary: bool) -> Key {
        let own = || self.search_path.iter().find(|s| *s != "$user").cloned().unwrap_or_else(|| "public".to_owned());
        let schema = if temporary { "pg_temp".to_owned() } else { schema.map_or_else(own, str::to_owned) };
        (schema, name.to_owned())
    }

    fn known(&self, schema: &str, name: &str) -> Option<Found> {
        let relation = self.relations.get(&(schema.to_owned(), name.to_owned()))?;
        if self.wild {
            return Some(Found::Unknown);
        }
        Some(Found::Known(Arc::clone(relation)))
    }

    /// The relation that a name means.
    pub fn find(&self, schema: Option<&str>, name: &str) -> Found {
        if let Some(schema) = schema {
            let schema = if schema.starts_with("pg_temp") { "pg_temp" } else { schema };
            if let Some(found) = self.known(schema, name) {
                return found;
            }
            let certain = self.is_closed(schema) && !self.vague && !unnoticed(name);
            return if certain { Found::Missing } else { Found::Unknown };
        }
        if let Some(found) = self.known("pg_temp", name) {
            return found;
        }
        if name.starts_with("pg_") || unnoticed(name) {
            return Found::Unknown;
        }
        let mut certain = !self.vague && !self.wild;
        for schema in self.search_path.iter().filter(|s| *s != "$user" && *s != "pg_temp" && *s != "pg_catalog") {
            if let Some(found) = self.known(schema, name) {
                return if self.loose && self.elsewhere(name).nth(1).is_some() { Found::Unknown } else { found };
            }
            certain &= self.is_closed(schema) || schema == "extensions";
        }
        if !certain {
            return Found::Unknown;
        }
        if self.late {
            // A body may read what its caller makes; but not what everybody knows under another name.
            let elsewhere = self.elsewhere(name).next().is_some();
            return if elsewhere && self.search_path.is_empty() { Found::Missing } else { Found::Unknown };
        }
        Found::Missing
    }

    /// The schemas, other than those searched, that have a relation of a name.
    pub fn elsewhere<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Key> + 'a {
        let mut found: Vec<&Key> = self.relations.keys().filter(|k| k.1 == name).collect();
        found.sort();
        found.into_iter()
    }

    /// Whether a routine of that name exists: `t.f` may mean `f(t)`.
    pub fn has_routine(&self, name: &str) -> bool {
        self.routines.keys().any(|k| k.1 == name)
    }

    /// The columns of a type by name: a composite type, or the rows of a relation.
    pub fn row_type(&self, schema: Option<&str>, name: &str) -> Option<Shape> {
        let one = |schema: &str| {
            let key = (schema.to_owned(), name.to_owned());
            self.types.get(&key).cloned().or_else(|| self.relations.get(&key).map(|r| r.shape.clone()))
        };
        match schema {
            Some(schema) => one(schema),
            None => self.search_path.iter().find_map(|s| one(s)),
        }
    }

    /// What a function gives in FROM, where that is certain: one function of that name, and it is ours.
    pub fn returned(&self, schema: Option<&str>, name: &str) -> Option<Shape> {
        let one = |schema: &str| self.routines.get(&(schema.to_owned(), name.to_owned()));
        let found = match schema {
            Some(schema) => one(schema)?,
            None => self.search_path.iter().find_map(|s| one(s))?,
        };
        match found.as_slice() {
            [Returns::Columns(columns)] => Some(Shape::of(columns.clone())),
            [Returns::Type(schema, name)] => self.row_type(schema.as_deref(), name),
            _ => None,
        }
    }
}
