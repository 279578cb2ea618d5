//! Gets the catalog of a state.

use std::path::{Path, PathBuf};

use crate::core::catalog::{Catalog, Ids, Snapshot};
use crate::core::diagnostic::{Diagnostic, Location, Result, Severity, Source};
use crate::core::id::ObjectId;
use crate::core::name::says;
use crate::core::places;
use crate::declare::context::Unread;
use crate::declare::exposure::Exposure;
use crate::declare::project::{FILE, Project};
use crate::declare::refused::on_scratch;
use crate::declare::{load as files, resolve};
use crate::engine::revision::{Checkout, at_revision};
use crate::engine::{Settings, is_supabase, majors, project_state, rename, scope, words};
use crate::introspect::introspect;
use crate::kinds::KindTag;
use crate::kinds::component::Decided;
use crate::postgres::{ConnInfo, Ephemeral, EphemeralOptions, Session, sql_error};
use crate::state::StateSpec;

/// A state's catalog, and what its declaration says besides.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The catalog.
    pub catalog: Catalog,
    /// What a project declares; `None` for states that are read from a server or a snapshot.
    pub declared: Option<Ids>,
    /// What a project refers to and neither declares nor manages.
    pub context: std::collections::BTreeSet<ObjectId>,
    /// Whether SQL files made it, which say of the schema `public` only what they change.
    pub is_of_files: bool,
    /// What the project declares about rows.
    pub data: crate::data::Data,
    /// `was:` declarations.
    pub renames: rename::Renames,
    /// Enum values renamed.
    pub value_renames: rename::ValueRenames,
    /// Objects whose name the project did not choose.
    pub unnamed: Vec<ObjectId>,
    /// Tables of which a project says whether row-level security is on.
    pub guarded: Vec<ObjectId>,
    /// Of whom a project says what they may do.
    pub decided: Decided,
    /// The state to start from after the project's renames, where some are still to be done.
    pub renamed: Option<rename::Renamed>,
}

/// What the loading of two states shares: the project's settings, the scratch server.
pub struct Workplace<'a> {
    /// The settings of the command.
    pub settings: &'a Settings,
    /// The project that governs: that of `to`, else of `from`, else the defaults.
    pub project: Project,
    /// The major version of the live server; 0 where there is none.
    pub major: u32,
    /// The role that the live server is spoken to as.
    pub role: Option<String>,
    /// The tables of the state to start from, also of schemas that are not managed.
    pub live_tables: std::collections::BTreeSet<ObjectId>,
    /// Its schemas.
    pub live_schemas: std::collections::BTreeSet<String>,
    /// Files of SQL that are a state, which a platform's settings may stand beside.
    migrations: Option<PathBuf>,
    ephemeral: Option<Ephemeral>,
    notes: Vec<Box<Diagnostic>>,
    checkouts: Vec<Checkout>,
    /// The declared state's files, read ahead while another state is loaded.
    ahead: Option<files::Reading>,
}

/// The folder of the project that a state is, where it is one.
fn project_dir(state: &StateSpec) -> Option<PathBuf> {
    match state {
        StateSpec::Project(path) if path.is_dir() => Some(path.clone()),
        StateSpec::Project(path) => {
            // A single file belongs to the project whose file stands beside or above it.
            let absolute = std::path::absolute(path).ok()?;
            absolute
                .ancestors()
                .skip(1)
                .find(|dir| dir.join(FILE).is_file())
                .map(Path::to_owned)
                .or_else(|| absolute.parent().map(Path::to_owned))
        }
        _ => None,
    }
}

impl<'a> Workplace<'a> {
    /// The place for comparing two states.
    pub fn new(from: &StateSpec, to: &StateSpec, settings: &'a Settings) -> Result<Self> {
        let dir = project_dir(to).or_else(|| project_dir(from));
        let project = match dir {
            Some(dir) => Project::read(&dir)?,
            None => Project { all_grants: true, ..Project::read(&settings.project_dir)? },
        };
        Ok(Self {
            settings,
            project,
            major: 0,
            role: None,
            live_tables: Default::default(),
            live_schemas: Default::default(),
            migrations: [from, to].into_iter().find_map(|state| match state {
                StateSpec::Sql(path) => Some(path.clone()),
                _ => None,
            }),
            ephemeral: None,
            notes: Vec::new(),
            checkouts: Vec::new(),
            ahead: None,
        })
    }

    /// What was noticed on the way.
    pub fn take_notes(&mut self) -> Vec<Box<Diagnostic>> {
        std::mem::take(&mut self.notes)
    }

    /// Keeps what was noticed while a state was loaded.
    pub fn add_notes(&mut self, notes: impl IntoIterator<Item = Box<Diagnostic>>) {
        self.notes.extend(notes);
    }

    /// The scratch server, started when it is first needed.
    pub async fn ephemeral(&mut self) -> Result<Ephemeral> {
        if let Some(ephemeral) = &self.ephemeral {
            return Ok(ephemeral.clone());
        }
        self.settings.progress.stage("starting a scratch PostgreSQL");
        let major = (self.major != 0).then_some(self.major);
        let supabase = is_supabase(self.project.profile);
        let exposed = supabase && self.exposure()?.is_on;
        let options =
            EphemeralOptions { supabase, exposed, ..self.settings.ephemeral_options(major, self.role.clone()) };
        let ephemeral = Ephemeral::start(&options).await?;
        if let Some(major) = major
            && ephemeral.major() != major
        {
            let scratch = ephemeral.major();
            let said = format!(
                "the live server is PostgreSQL {major}: what is declared is tried out, and compared, on {scratch}"
            );
            self.notes.push(
                Diagnostic::info("major", said)
                    .help(format!("install the binaries of PostgreSQL {major}, or use --ephemeral same-server")),
            );
        }
        self.ephemeral = Some(ephemeral.clone());
        Ok(ephemeral)
    }

    /// Whether the profile's platform opens new tables.
    pub fn exposure(&self) -> Result<Exposure> {
        Exposure::of(&self.project, self.migrations.as_deref())
    }

    /// Whether the SQL files that are a state say a word anywhere; what cannot be read is no reason to think so.
    pub fn files_say(&self, word: &str) -> bool {
        let files = self.migrations.as_deref().and_then(|path| sql_files(path).ok()).unwrap_or_default();
        files.iter().any(|file| std::fs::read_to_string(file).is_ok_and(|text| says(&text, word)))
    }

    /// The connection of a live state or an environment.
    pub fn connection(&self, state: &StateSpec) -> Result<Option<ConnInfo>> {
        Ok(match state {
            StateSpec::Live(info) => Some((**info).clone()),
            StateSpec::Environment(name) => Some(ConnInfo::parse(&self.project.environment_url(name)?)?),
            _ => None,
        })
    }

    /// A project as declared, with its tests; nothing is asked of a server.
    pub fn declared(&self, state: &StateSpec) -> Result<(Catalog, Vec<crate::verify::Test>)> {
        let StateSpec::Project(path) = state else {
            return Err(Diagnostic::error("test", "tests are declared in a YAML project").help("trueup test --to DIR"));
        };
        let mut declared = files::load(path, &self.project, None).map_err(together)?;
        project_state::with_access(&self.project, |access| {
            crate::kinds::component::complete(&mut declared.builder, None, access, &ObjectId::clone);
        });
        resolve::declared_edges(&mut declared.builder, &self.project.search_path);
        Ok((declared.builder.finish_unchecked(), declared.tests))
    }

    /// Loads the state to start from.
    pub async fn load_from(&mut self, state: &StateSpec) -> Result<Loaded> {
        let loaded = Box::pin(self.load(state, None)).await?;
        for (id, object) in loaded.catalog.iter() {
            match object.kind() {
                KindTag::Table => _ = self.live_tables.insert(id.clone()),
                KindTag::Schema => _ = self.live_schemas.insert(id.name().into_owned()),
                _ => {}
            }
        }
        if self.connection(state)?.is_some() {
            self.major = loaded.catalog.origin.major;
            self.role = Some(loaded.catalog.origin.role.clone());
        }
        Ok(loaded)
    }

    /// Begins to read the files of a declared state. A fragment that is more than one is refused before anything is connected
    /// to; other errors may wait until the live catalog spares most of the parsing.
    pub fn read_ahead(&mut self, state: &StateSpec) -> Result<()> {
        let StateSpec::Project(path) = state else { return Ok(()) };
        self.settings.progress.stage(&format!("reading {}", places::shown(path)));
        let judge = |trees: &files::Trees| files::declare(trees, &self.project, None).map(|_| ());
        self.ahead = Some(files::Reading::start(path, judge).map_err(together)?);
        Ok(())
    }

    /// What is wrong with the declared state, where the other one could not be had: there is no need to reach a server
    /// first to be told.
    pub fn instead_of(&mut self, error: Box<Diagnostic>) -> Box<Diagnostic> {
        let Some(ahead) = self.ahead.take() else { return error };
        match ahead.finish().and_then(|trees| files::declare(&trees, &self.project, None)) {
            Err(problems) => together(problems),
            Ok(_) => error,
        }
    }

    /// Loads the state to reach; what the first says word for word need not be elaborated again.
    pub async fn load_to(&mut self, state: &StateSpec, from: &Loaded) -> Result<Loaded> {
        let live = (from.catalog.origin.major != 0).then_some(&from.catalog);
        let mut loaded = Box::pin(self.load(state, live)).await?;
        let major = loaded.catalog.origin.major;
        if let Some(live) = live.filter(|live| loaded.declared.is_none() && major != 0 && live.origin.major != major) {
            let ephemeral = self.ephemeral().await?;
            self.settings.progress.stage("comparing two major versions");
            let is_files = loaded.is_of_files;
            let settled = majors::in_words_of(live, &loaded.catalog, is_files, &ephemeral, &self.project).await;
            match settled {
                Ok(settled) => {
                    let worded = words::of_another(settled, live, major);
                    self.notes.extend(worded.notes(major, live.origin.major));
                    loaded.catalog = worded.catalog;
                }
                Err(why) => self.notes.push(majors::incomparable([live.origin.major, major], ephemeral.major(), &why)),
            }
        }
        if let Some(live) = live.filter(|_| loaded.declared.is_none()) {
            let mut parts = project_state::renamed_parts(&loaded.catalog, live);
            parts.retain(|id, _| scope::managed(id, &self.project));
            // Two databases are compared without a scratch server as well.
            match rename::by_definition(live, &loaded.catalog, &parts, self).await {
                Ok(renamed) => loaded.renamed = renamed,
                Err(why) => self.notes.push(
                    Diagnostic::warning(
                        "part-names",
                        "parts of partitioned indexes have other names, and cannot be renamed",
                    )
                    .note(format!("what that makes of the state was not to be tried: {}", why.message))
                    .help("name a scratch server (--ephemeral), or rename them beforehand: ALTER INDEX … RENAME TO"),
                ),
            }
        }
        Ok(loaded)
    }

    async fn load(&mut self, state: &StateSpec, live: Option<&Catalog>) -> Result<Loaded> {
        if let Some(info) = self.connection(state)? {
            self.settings.progress.stage(&format!("reading {info}"));
            let session = Session::connect(&info).await?;
            let catalog = introspect(&session, &self.project.search_path).await?;
            return Ok(Loaded { catalog, ..Loaded::default() });
        }
        match state {
            StateSpec::Empty => Ok(Loaded::default()),
            StateSpec::Snapshot(path) => {
                let text = read(path)?;
                let snapshot: Snapshot = serde_json::from_str(&text).map_err(|e| snapshot_error(path, &text, &e))?;
                Ok(Loaded { catalog: snapshot.into_catalog()?, ..Loaded::default() })
            }
            StateSpec::Sql(path) => self.load_sql(path).await,
            StateSpec::Project(path) => {
                self.settings.progress.stage(&format!("reading {}", places::shown(path)));
                let declared = match self.ahead.take() {
                    Some(ahead) if ahead.path() == path => ahead.finish().and_then(|trees| {
                        let declared = files::declare(&trees, &self.project, live);
                        // Taking the trees apart need not be waited for.
                        std::thread::spawn(move || drop(trees));
                        declared
                    }),
                    _ => files::load(path, &self.project, live),
                }
                .map_err(together)?;
                project_state::load(declared, live, self).await
            }
            StateSpec::Git { rev, path } => {
                let (dir, inner) = at_revision(rev, path.as_deref())?;
                self.checkouts.push(dir);
                // The revision's own settings of the platform, unless other migrations are compared with it.
                if let StateSpec::Sql(files) = &inner {
                    self.migrations.get_or_insert_with(|| files.clone());
                }
                Box::pin(self.load(&inner, live)).await
            }
            StateSpec::Live(_) | StateSpec::Environment(_) => Ok(Loaded::default()),
        }
    }

    async fn load_sql(&mut self, path: &Path) -> Result<Loaded> {
        let ephemeral = self.ephemeral().await?;
        if is_supabase(self.project.profile) {
            let note = self.exposure()?.note();
            self.notes.push(note);
        }
        self.settings.progress.stage(&format!("running {}", places::shown(path)));
        let scratch = ephemeral.create_database().await?;
        let session = scratch.connect().await?;
        let result = run_files(&session, &ephemeral, path).await;
        let catalog = match result {
            Ok(()) => introspect(&session, &self.project.search_path).await,
            Err(error) => Err(error),
        };
        drop(session);
        scratch.drop().await?;
        Ok(Loaded { catalog: catalog?, is_of_files: true, ..Loaded::default() })
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|e| Diagnostic::error("read", format!("failed to read {}: {e}", places::shown(path))))
}

fn snapshot_error(path: &Path, text: &str, error: &serde_json::Error) -> Box<Diagnostic> {
    let source = places::source(path, text);
    let offset = text.lines().take(error.line().saturating_sub(1)).map(|l| l.len() + 1).sum::<usize>()
        + error.column().saturating_sub(1);
    Diagnostic::error("snapshot", format!("{} is no snapshot of this trueup: {error}", places::shown(path)))
        .at(Location::new(&source, offset..offset + 1))
        .help("write it again with `trueup pull --out FILE.json`")
}

/// One error for many: the first, with the number of the others.
fn together(mut problems: Vec<Box<Diagnostic>>) -> Box<Diagnostic> {
    problems.retain(|p| p.severity >= Severity::Error);
    if problems.is_empty() {
        return Diagnostic::error("project", "the project cannot be read");
    }
    let others = problems.len() - 1;
    let first = problems.swap_remove(0);
    if others == 0 {
        first
    } else {
        let (problems, were) = if others == 1 { ("problem", "was") } else { ("problems", "were") };
        first.help(format!("{others} more {problems} {were} found; `trueup check` shows all"))
    }
}

/// The texts of SQL files, in the order given; the files of a folder by name.
fn sql_sources(paths: &[PathBuf]) -> Result<Vec<std::sync::Arc<Source>>> {
    let mut sources = Vec::new();
    for path in paths {
        for path in sql_files(path)? {
            sources.push(places::source(&path, read(&path)?));
        }
    }
    Ok(sources)
}

/// A SQL file, or those of a folder in the order of their names.
fn sql_files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |e: std::io::Error| {
        Diagnostic::error("read", format!("failed to read the folder {}: {e}", places::shown(path)))
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?.path();
        if entry.extension().is_some_and(|e| e == "sql") {
            paths.push(entry);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Runs SQL files in name order, statement by statement.
async fn run_files(session: &Session, ephemeral: &Ephemeral, path: &Path) -> Result<()> {
    for path in sql_files(path)? {
        let text = read(&path)?;
        let source = places::source(&path, text.clone());
        let statements = crate::sql::split_statements(&text).map_err(|e| {
            Diagnostic::error("sql-syntax", e.message.clone())
                .at(Location::new(&source, e.offset.unwrap_or(0)..e.offset.unwrap_or(0) + 1))
        })?;
        for statement in statements.statements {
            // A file's own transactions and settings are its business; what belongs to other databases is not this state's.
            if matches!(statement.kind, crate::sql::StatementClass::CopyFromStdin | crate::sql::StatementClass::Cluster)
            {
                continue;
            }
            if let Err(error) = session.client.batch_execute(statement.text).await {
                let mut problem = on_scratch(sql_error(error, Some(statement.text)), statement.text, ephemeral);
                let offset = problem.location.as_ref().map_or(0, |l| l.span.start);
                let start = statement.span.start + offset;
                problem.location = Some(Location::new(&source, start..start + 1));
                return Err(problem);
            }
        }
    }
    Ok(())
}

/// What can be known of a project without a database.
#[derive(Debug, Default)]
pub struct CheckReport {
    /// What is wrong.
    pub problems: Vec<Box<Diagnostic>>,
    /// How many objects are declared.
    pub objects: usize,
}

/// Checks a project without a database: syntax, keys, names, references; and files of SQL against what it declares.
pub async fn check(to: &StateSpec, sql: &[PathBuf], settings: &Settings) -> Result<CheckReport> {
    let revision = match to {
        StateSpec::Git { rev, path } => Some(at_revision(rev, path.as_deref())?),
        _ => None,
    };
    let to = revision.as_ref().map_or(to, |(_, state)| state);
    let mut place = Workplace::new(to, to, settings)?;
    let StateSpec::Project(path) = to else {
        return Err(Diagnostic::error("check", format!("`check` reads what a project declares; {to} is none"))
            .help("a YAML project: trueup check --to DIR, or --to git:REV:DIR")
            .help("files of SQL are checked against a project: trueup check --to DIR FILE.sql"));
    };
    let mut declared = match files::load(path, &place.project, None) {
        Ok(declared) => declared,
        Err(problems) => return Ok(CheckReport { problems, objects: 0 }),
    };
    place.project.mentions(declared.schemas());
    resolve::declared_edges(&mut declared.builder, &place.project.search_path);
    let mut problems = std::mem::take(&mut declared.notes);
    problems.append(&mut crate::lint::references::check(&declared.builder, &declared.tests, &place.project));
    let trees = files::trees(path);
    let (checker, mut found) = crate::lint::declared::check(&declared.builder, &place.project, &trees);
    problems.append(&mut found);
    problems.append(&mut crate::lint::rows::check(&declared.builder, &place.project, &declared.data));
    if !sql.is_empty() {
        problems.append(&mut crate::lint::files::check(sql_sources(sql)?, checker));
    }
    for Unread { statement, mut problem } in declared.unread {
        if let Some((what, since)) = crate::sql::beyond_grammar(&statement, &problem.message) {
            problem.severity = Severity::Warning;
            problem.code = "sql-unread";
            problem.message = format!("{what} is SQL of PostgreSQL {since}, which is not read without a server");
        }
        problems.push(problem);
    }
    let objects = declared.builder.iter().filter(|(id, _)| !id.kind().is_component()).count();
    Ok(CheckReport { problems, objects })
}
