//! Reads a project's YAML files into a declared state.
//!
//! Two steps: every file is read into a tree, in parallel; then the trees are given meaning, in the order of the file names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::core::catalog::{Catalog, CatalogBuilder, MANY};
use crate::core::diagnostic::{Diagnostic, Result, Severity, Source};
use crate::core::id::ObjectId;
use crate::core::places;
use crate::declare::context::DeclareContext;
use crate::declare::in_parallel;
use crate::declare::project::{FILE, Project};
use crate::kinds::{DECLARERS, KindTag};
use crate::yaml::{Node, Value};

/// A declared state: what the files say, before PostgreSQL has seen it.
#[derive(Debug)]
pub struct Declared {
    /// The objects, as written. Dependencies are not known yet.
    pub builder: CatalogBuilder,
    /// `was:` declarations, new id to old.
    pub renames: std::collections::BTreeMap<ObjectId, (ObjectId, crate::core::diagnostic::Location)>,
    /// Enum values renamed.
    pub value_renames: std::collections::BTreeMap<(ObjectId, String), String>,
    /// Declared tests.
    pub tests: Vec<crate::verify::Test>,
    /// What is declared about rows.
    pub data: crate::data::Data,
    /// Objects whose names the project did not choose.
    pub unnamed: Vec<ObjectId>,
    /// Tables of which it is said whether row-level security is on.
    pub guarded: Vec<ObjectId>,
    /// What was noticed, and stops nothing.
    pub notes: Problems,
    /// Fragments that the grammar at hand refuses and a newer server may read.
    pub unread: Vec<crate::declare::context::Unread>,
}

impl Declared {
    /// The schemas that the project speaks of: it declares something in them, renames from there, or retires what is there.
    pub fn schemas(&self) -> std::collections::BTreeSet<String> {
        let declared = self.builder.iter().map(|(id, _)| id).filter(|id| id.as_str() == id.top_str());
        let was = self.renames.values().map(|(old, _)| old);
        let retired = self.data.retired_columns.iter().chain(&self.data.retired_tables).map(|retired| &retired.id);
        let mut schemas = std::collections::BTreeSet::new();
        for schema in declared.chain(was).chain(retired).filter_map(ObjectId::schema) {
            if !schemas.contains(&*schema) {
                schemas.insert(schema.into_owned());
            }
        }
        schemas
    }
}

/// Everything that is wrong with a project.
pub type Problems = Vec<Box<Diagnostic>>;

/// The YAML files of a project, in the order of their names; the project file is not among them.
pub fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(if path.file_name().is_some_and(|n| n == FILE) {
            files(path.parent().unwrap_or(Path::new(".")))?
        } else {
            vec![path.to_owned()]
        });
    }
    let mut found = Vec::new();
    walk(path, &mut found)?;
    found.sort();
    Ok(found)
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let failed =
        |e: std::io::Error| Diagnostic::error("read", format!("failed to read the folder {}: {e}", places::shown(dir)));
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // Hidden folders, build outputs and packages hold other people's YAML.
        if name.starts_with('.') || name == "node_modules" || name == "target" {
            continue;
        }
        if path.is_dir() {
            walk(&path, found)?;
        } else if (name.ends_with(".yaml") || name.ends_with(".yml")) && name != FILE {
            found.push(path);
        }
    }
    Ok(())
}

/// The files of a project, read but not yet given meaning.
#[derive(Debug)]
pub struct Trees {
    path: PathBuf,
    trees: Vec<Node>,
}

/// Reads the files of a project.
///
/// # Errors
/// All files that are no YAML, or hold something that is not asked for.
pub fn read_trees(path: &Path) -> Result<Trees, Problems> {
    Trees::of(path, read_all(&sources(path)?))
}

/// A file, and its text under the name that it has in messages.
#[derive(Clone, Debug)]
struct Text {
    path: PathBuf,
    source: Arc<Source>,
}

/// The texts of a project's files.
fn sources(path: &Path) -> Result<Vec<Text>, Problems> {
    let files = files(path).map_err(|e| vec![e])?;
    if files.is_empty() {
        return Err(vec![
            Diagnostic::error("empty-project", format!("there is no YAML file in {}", places::shown(path)))
                .help("`trueup init` starts a project; `trueup pull --from … --out DIR` writes one from a database"),
        ]);
    }
    let (texts, problems) = apart(in_parallel(&files, |file| source(file)));
    if problems.is_empty() { Ok(texts) } else { Err(problems) }
}

fn source(path: &Path) -> Result<Text> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Diagnostic::error("read", format!("failed to read {}: {e}", places::shown(path))))?;
    Ok(Text { path: path.to_owned(), source: places::source(path, text) })
}

fn apart<T>(results: Vec<Result<T>>) -> (Vec<T>, Problems) {
    let (mut fine, mut problems) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => fine.push(value),
            Err(problem) => problems.push(problem),
        }
    }
    (fine, problems)
}

/// A project's files that are read while something else is waited for.
#[derive(Debug)]
pub struct Reading {
    path: PathBuf,
    trees: std::thread::JoinHandle<Result<Trees, Problems>>,
}

impl Reading {
    /// Begins to read a project. What stands in a file that might hold more than one fragment where one is asked for has been
    /// read when this returns, and is handed to `judge` along with all the rest: nothing is connected to before.
    ///
    /// # Errors
    /// As of [`read_trees`], as far as it is known already; and what `judge` says.
    pub fn start(path: &Path, judge: impl Fn(&Trees) -> Result<(), Problems>) -> Result<Self, Problems> {
        let sources = sources(path)?;
        let suspicious: Vec<Text> = sources.iter().filter(|s| could_smuggle(&s.source.text)).cloned().collect();
        // Where one of them is no YAML, all that are not are told of together.
        let suspicious = Trees::of(path, read_all(&suspicious)).or_else(|_| Trees::of(path, read_all(&sources)))?;
        let owned = path.to_owned();
        let trees = if suspicious.may_smuggle() {
            let trees = Trees::of(path, read_all(&sources))?;
            judge(&trees)?;
            std::thread::spawn(move || Ok(trees))
        } else {
            std::thread::spawn(move || Trees::of(&owned, read_all(&sources)))
        };
        Ok(Self { path: path.to_owned(), trees })
    }

    /// The path that is read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The files, when they have been read.
    ///
    /// # Errors
    /// As of [`read_trees`].
    pub fn finish(self) -> Result<Trees, Problems> {
        self.trees.join().unwrap_or_else(|_| read_trees(&self.path))
    }
}

/// Whether a file may hold a semicolon in some text: as it is, by an escape, or in a file that it includes.
fn could_smuggle(text: &str) -> bool {
    text.contains([';', '\\']) || text.contains("!file")
}

impl Trees {
    fn of(path: &Path, trees: Vec<Result<Node>>) -> Result<Self, Problems> {
        let (trees, problems) = apart(trees);
        if problems.is_empty() { Ok(Self { path: path.to_owned(), trees }) } else { Err(problems) }
    }

    /// The path they were read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether some text might be more than the one fragment that is asked for there. Where none might, nothing that is
    /// declared can smuggle a statement in, which is known without parsing every fragment.
    pub fn may_smuggle(&self) -> bool {
        self.trees.iter().any(|tree| may_smuggle(tree, false))
    }
}

/// Texts that are statements by their nature, or none at all. They are quoted as a whole or parsed where they are used.
const WHOLE_TEXTS: &[&str] = &["body", "comment"];

fn may_smuggle(node: &Node, whole: bool) -> bool {
    let suspicious = |text: &str| text.contains(';');
    match &node.value {
        // A body of SQL's own (`begin atomic`, `return`) is not quoted, but a part of the statement.
        Value::Text { text, .. } => {
            suspicious(text)
                && (!whole
                    || text.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("return"))
                    || text.to_ascii_lowercase().contains("atomic"))
        }
        Value::List(items) => items.iter().any(|item| may_smuggle(item, whole)),
        Value::Map(entries) => entries
            .iter()
            .any(|(key, item)| suspicious(&key.text) || may_smuggle(item, WHOLE_TEXTS.contains(&key.text.as_str()))),
        Value::Null | Value::File(_) => false,
    }
}

/// Reads a project. `live` is the live catalog, where there is one: what it says word for word is not parsed again.
///
/// # Errors
/// All that is wrong, each with its place.
pub fn load(path: &Path, project: &Project, live: Option<&Catalog>) -> Result<Declared, Problems> {
    declare(&read_trees(path)?, project, live)
}

/// Gives meaning to files that were read; otherwise as [`load`].
///
/// # Errors
/// All that is wrong, each with its place.
pub fn declare(trees: &Trees, project: &Project, live: Option<&Catalog>) -> Result<Declared, Problems> {
    // What is known of a large database is worth dividing.
    let shares = if live.map_or(0, Catalog::len) < MANY { 1 } else { 2 };
    let cx = declare_in(shares, &trees.trees, project, live);
    if cx.problems.iter().any(|p| p.severity >= Severity::Error) {
        return Err(cx.problems);
    }
    let folded = cx.folded.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut notes: Problems = crate::kinds::options::of_servers(&cx.of_servers).into_iter().collect();
    notes.extend(super::keys::remarks(&folded, &cx.builder));
    Ok(Declared {
        builder: cx.builder,
        renames: cx.renames,
        value_renames: cx.value_renames,
        unnamed: cx.unnamed,
        guarded: cx.guarded,
        unread: cx.unread,
        data: cx.data,
        tests: cx.tests,
        notes,
    })
}

/// Gives meaning to files in so many shares, each on a thread of its own.
fn declare_in<'a>(shares: usize, trees: &[Node], project: &Project, live: Option<&'a Catalog>) -> DeclareContext<'a> {
    let tables = Arc::new(table_names(trees));
    let expected = live.map_or(0, Catalog::len);
    let declared = |(first, files): &(bool, &[Node])| {
        let mut cx = DeclareContext::new("public", live);
        // The others are put to the first.
        cx.builder.reserve(if *first { expected } else { expected / shares });
        cx.search_path.clone_from(&project.search_path);
        cx.platform = Some(project.clone());
        cx.tables = Arc::clone(&tables);
        for tree in *files {
            let result = file(tree, &mut cx);
            cx.note(result);
        }
        cx
    };
    let share = trees.len().div_ceil(shares).max(1);
    let shares: Vec<(bool, &[Node])> = trees.chunks(share).enumerate().map(|(i, files)| (i == 0, files)).collect();
    let mut parts = in_parallel(&shares, declared).into_iter();
    let mut cx = parts.next().unwrap_or_else(|| declared(&(true, &[])));
    parts.for_each(|part| cx.absorb(part));
    cx
}

/// The tables that files declare, wherever they stand: what refers to one may stand before it.
fn table_names(trees: &[Node]) -> FxHashSet<ObjectId> {
    fn add(tables: &Node, schema: &str, found: &mut FxHashSet<ObjectId>) {
        let Value::Map(entries) = &tables.value else { return };
        for (key, definition) in entries {
            if let Ok((own, name)) = crate::sql::qualified_name(&key.text) {
                found.insert(ObjectId::in_schema(KindTag::Table, own.as_deref().unwrap_or(schema), &name));
            }
            if let Value::Map(parts) = &definition.value
                && let Some((_, partitions)) = parts.iter().find(|(key, _)| key.text == "partitions")
            {
                add(partitions, schema, found);
            }
        }
    }
    let mut found = FxHashSet::default();
    for tree in trees {
        let Value::Map(entries) = &tree.value else { continue };
        let value = |name: &str| entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value);
        let schema = value("schema").and_then(Node::text).unwrap_or("public");
        if let Some(tables) = value("tables") {
            add(tables, schema, &mut found);
        }
    }
    found
}

/// The trees of a project's files, as far as they can be read: for those who look up where something stands.
pub fn trees(path: &Path) -> Vec<Node> {
    let sources = in_parallel(&files(path).unwrap_or_default(), |file| source(file));
    read_all(&apart(sources).0).into_iter().flatten().collect()
}

fn read_all(sources: &[Text]) -> Vec<Result<Node>> {
    in_parallel(sources, read)
}

fn read(text: &Text) -> Result<Node> {
    let mut node = crate::yaml::parse(&text.source)?;
    include(&mut node, text.path.parent().unwrap_or(Path::new(".")))?;
    Ok(node)
}

/// Puts the text of a file in the place of `!file path`.
fn include(node: &mut Node, dir: &Path) -> Result<()> {
    match &mut node.value {
        Value::File(path) => {
            let path = dir.join(&*path);
            let text = std::fs::read_to_string(&path).map_err(|e| {
                Diagnostic::error("read", format!("failed to read {}: {e}", places::shown(&path)))
                    .at(node.location.clone())
            })?;
            let end = text.len();
            node.location = crate::core::diagnostic::Location::new(&places::source(&path, text.clone()), 0..end);
            node.value = Value::Text { text, plain: false };
        }
        Value::List(items) => {
            for item in items {
                include(item, dir)?;
            }
        }
        Value::Map(entries) => {
            for (_, item) in entries {
                include(item, dir)?;
            }
        }
        Value::Null | Value::Text { .. } => {}
    }
    Ok(())
}

/// Keys of a file that are no kind.
const OTHER_KEYS: &[&str] = &["schema", "default_privileges", "procedures", "invariants", "retired", "tests"];

fn file(node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
    if node.is_null() {
        return Ok(());
    }
    let entries = node.as_map("a schema file")?;
    cx.schema = match entries.iter().find(|(key, _)| key.text == "schema") {
        Some((_, name)) => name.as_text("`schema`")?.to_owned(),
        None => "public".to_owned(),
    };
    for (key, value) in entries {
        if key.text == "schema" {
            continue;
        }
        if key.text == "default_privileges" {
            let result = crate::kinds::component::default_privilege::declare_all(value, cx);
            cx.note(result);
            continue;
        }
        if key.text == "retired" {
            let result = crate::data::declare::retired(value, cx);
            cx.note(result);
            continue;
        }
        if key.text == "tests" {
            for (name, definition) in value.as_map("`tests`")? {
                let result = crate::verify::declare::test(name, definition, cx);
                cx.note(result);
            }
            continue;
        }
        if key.text == "invariants" {
            for (name, definition) in value.as_map("`invariants`")? {
                let result = crate::data::declare::invariant(name, definition, cx);
                cx.note(result);
            }
            continue;
        }
        let declarer = DECLARERS.iter().find(|d| d.definition.name == key.text);
        let procedure = key.text == "procedures";
        let Some(declare) =
            declarer.map(|d| d.declare).or(procedure.then_some(crate::kinds::routine::declare_procedure as _))
        else {
            let known: Vec<&str> =
                DECLARERS.iter().map(|d| d.definition.name).chain(OTHER_KEYS.iter().copied()).collect();
            let mut problem = Diagnostic::error("unknown-key", format!("`{}` is no kind of object", key.text))
                .at(key.location.clone());
            for near in crate::core::diagnostic::nearest(&key.text, known.iter().copied()) {
                problem = problem.help(format!("did you mean `{near}`?"));
            }
            cx.problems.push(problem.note(format!("known are {}", known.join(", "))));
            continue;
        };
        match value.as_map(&format!("`{}`", key.text)) {
            Ok(entries) => {
                for (name, definition) in entries {
                    let result = declare(None, name, definition, cx);
                    cx.note(result);
                }
            }
            Err(problem) => cx.problems.push(problem),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Object;

    fn trees(texts: &[&str]) -> Vec<Node> {
        let source = |(i, text): (usize, &&str)| Source::new(format!("{i}.yaml"), *text);
        texts.iter().enumerate().filter_map(|source_of| crate::yaml::parse(&source(source_of)).ok()).collect()
    }

    /// A table that refers to one in a later file, under the search path.
    const FILES: [&str; 3] = [
        "schema: a\ntables: {t: {columns: {id: integer primary key, of: integer references u}}}",
        "schema: b\ntables: {u: {columns: {id: integer primary key}}}\ninvariants: {i: select id from b.u}",
        "schema: b\ntables: {v: {columns: {id: integer primary key, of: integer references u}}}",
    ];

    #[test]
    fn shares_come_to_the_same() {
        let project = Project { search_path: vec!["b".to_owned()], ..Project::default() };
        let trees = trees(&FILES);
        let [one, two, many] = [1, 2, 9].map(|shares| declare_in(shares, &trees, &project, None));
        let objects = |cx: &DeclareContext<'_>| -> Vec<String> {
            cx.builder.iter().map(|(id, object)| format!("{id} {object:?}")).collect()
        };
        assert!(one.problems.is_empty(), "{:?}", one.problems);
        assert_eq!(objects(&one), objects(&two));
        assert_eq!(objects(&one), objects(&many));
        assert_eq!(two.data.invariants.len(), 1);
        let recorded: Vec<_> = one.builder.recorded().collect();
        assert_eq!(recorded, two.builder.recorded().collect::<Vec<_>>());
        // The table that is meant stands in another schema, and in a later file.
        let key = ObjectId::in_schema(KindTag::Table, "a", "t").child(KindTag::Constraint, "t_of_fkey");
        let Some(Object::Constraint(key)) = two.builder.get(&key) else { panic!("{:?}", objects(&two)) };
        assert_eq!(key.references, Some(ObjectId::in_schema(KindTag::Table, "b", "u")));
    }

    #[test]
    fn what_two_shares_have_is_told() {
        let trees = trees(&[FILES[1], FILES[1]]);
        let one = declare_in(1, &trees, &Project::default(), None);
        let two = declare_in(2, &trees, &Project::default(), None);
        let told = |cx: &DeclareContext<'_>| {
            let mut told: Vec<String> =
                cx.problems.iter().map(|p| format!("{} {}", p.message, p.related.len())).collect();
            told.sort();
            told
        };
        assert!(told(&one).iter().any(|text| text.contains("invariant")), "{:?}", told(&one));
        assert!(told(&one).iter().any(|text| text.contains("table")), "{:?}", told(&one));
        // Within one share a table that is there already is not gone into.
        assert!(told(&one).iter().all(|text| told(&two).contains(text)), "{:?} {:?}", told(&one), told(&two));
    }
}
