//! `pull` and `init`: any state as YAML, or as a snapshot.

use std::path::{Path, PathBuf};

use crate::core::catalog::{Catalog, Snapshot};
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::versions;
use crate::declare::project::{FILE, Profile, Project, SUPABASE_API_ROLES};
use crate::declare::{resolve, write};
use crate::engine::load::{Loaded, Workplace};
use crate::engine::{Settings, scope};
use crate::kinds::KindTag;
use crate::kinds::component::{self, DefaultPrivilege};
use crate::state::StateSpec;

/// Where a pulled state goes.
#[derive(Clone, Debug)]
pub enum PullTarget {
    /// A project folder.
    Dir(PathBuf),
    /// A snapshot file.
    Json(PathBuf),
}

/// What a pull wrote.
#[derive(Debug, Default)]
pub struct PullReport {
    /// The files.
    pub files: Vec<PathBuf>,
    /// What is worth knowing.
    pub notes: Vec<Box<Diagnostic>>,
}

/// Writes a state as YAML files or as a snapshot. A project that is there already keeps its trueup.yaml; where its files hold
/// what only a person can have written, they are overwritten only if `overwrite` says so.
///
/// # Errors
/// `would-overwrite`, a refusal; what reading the state or writing the files says.
pub async fn pull(from: &StateSpec, out: &PullTarget, overwrite: bool, settings: &Settings) -> Result<PullReport> {
    // A project that is pulled into again keeps its settings.
    let existing = match out {
        PullTarget::Dir(dir) if dir.join(FILE).is_file() => Some(Project::read(dir)?),
        _ => None,
    };
    let mut place = Workplace::new(from, from, settings)?;
    if let Some(existing) = &existing {
        place.project = existing.clone();
    }
    let mut loaded = place.load_from(from).await?;
    let mut notes = place.take_notes();
    if matches!(out, PullTarget::Dir(_)) {
        qualify(&mut loaded, &mut place, from, existing.is_some(), &mut notes).await?;
    }
    // A new project of a platform's database gets the platform's profile.
    let platform = existing.is_none() && looks_like_supabase(&loaded.catalog);
    let profile = if platform { Profile::Supabase } else { place.project.profile };
    notes.extend(scope::unmodelled(&loaded, &Loaded::default(), profile));
    match out {
        PullTarget::Json(path) => {
            let catalog = in_project(&loaded.catalog, &place.project);
            let file = std::fs::File::create(path)
                .map_err(|e| Diagnostic::error("write", format!("failed to write {}: {e}", path.display())))?;
            serde_json::to_writer(std::io::BufWriter::new(file), &Snapshot::from(&catalog))
                .map_err(|e| Diagnostic::error("write", format!("failed to write {}: {e}", path.display())))?;
            Ok(PullReport { files: vec![path.clone()], notes })
        }
        PullTarget::Dir(dir) => {
            let mut project = place.project.clone();
            if existing.is_none() {
                project.dir.clone_from(dir);
                // What is left out as the usual name is that name.
                project.usual_names = true;
                if platform {
                    project.profile = profile;
                    if !project.search_path.is_empty() {
                        project.search_path = vec!["public".to_owned(), "extensions".to_owned()];
                    }
                    notes.push(Diagnostic::info(
                        "profile",
                        "this is a Supabase project: what the platform owns is left out (profile: supabase)",
                    ));
                } else {
                    project.all_grants = true;
                }
            }
            let mut catalog = in_project(&loaded.catalog, &project);
            if loaded.is_of_files && project.profile == Profile::Supabase && is_public_as_the_platform_has_it(&catalog)
            {
                let of_public = |id: &ObjectId| *id == public() || id.parent().is_some_and(|of| of == public());
                catalog = catalog.filtered(|id, _| !(of_public(id) && (id.kind().is_component() || *id == public())));
            }
            if loaded.is_of_files && project.profile == Profile::Supabase {
                let is_given = |id: &ObjectId| {
                    let top = id.top();
                    top.kind().info().brings
                        && SUPABASE_EXTENSIONS.contains(&&*top.name())
                        && !place.files_say(&top.name())
                };
                catalog = catalog.filtered(|id, _| !is_given(id));
            }
            notes.extend(granted_by_others(&catalog));
            settings.progress.stage("writing YAML");
            // What the platform gives by default stays in the catalog: it says which privileges of objects need no word.
            let exposed = loaded.is_of_files && project.profile == Profile::Supabase && place.exposure()?.is_on;
            let mut files = write::files(&catalog, &project, &|default| {
                project.profile == Profile::Plain
                    || !(scope::is_platforms_default(default) || exposed && is_exposure(default))
            });
            if existing.is_some() {
                files.remove(Path::new(FILE));
            }
            if !overwrite {
                refuse_to_lose(&write::would_lose(dir, &files))?;
            }
            for path in write::leftover(dir, &files) {
                notes.push(
                    Diagnostic::warning(
                        "leftover",
                        format!("{} was not written by this pull and is still part of the project", path.display()),
                    )
                    .help("remove it if what it declares is gone"),
                );
            }
            Ok(PullReport { files: write::write(dir, &files)?, notes })
        }
    }
}

/// A project says who has which privileges, not from whom: where it is applied to another database, all are the owner's grants.
fn granted_by_others(catalog: &Catalog) -> Option<Box<Diagnostic>> {
    const SHOWN: usize = 10;
    let found = component::grant::granted_by_others(catalog);
    let mut note = Diagnostic::warning(
        "granted-by-others",
        format!("{} by another role than the owner of the object", crate::render::counted(found.len(), "grant")),
    );
    for one in found.iter().take(SHOWN) {
        note = note.note(one.clone());
    }
    if let Some(more) = found.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        note = note.note(format!("and {more} more"));
    }
    (!found.is_empty())
        .then(|| note.help("YAML does not say who granted a privilege: in another database, the owner does"))
}

/// Reads the state once more, with every name qualified, where a name without a schema would be misread in the project.
async fn qualify(
    loaded: &mut Loaded,
    place: &mut Workplace<'_>,
    from: &StateSpec,
    settings_stay: bool,
    notes: &mut Vec<Box<Diagnostic>>,
) -> Result<()> {
    let misread = resolve::misread(&loaded.catalog, &place.project.search_path);
    let Some((object, found)) = misread.first() else { return Ok(()) };
    let why =
        format!("{object} names a `{}` of another schema, and its own schema has one as well: {found}", found.name());
    // A snapshot is what it is; the settings of a project that is there are its author's.
    if settings_stay || matches!(from, StateSpec::Snapshot(_)) {
        notes.push(
            Diagnostic::warning("search-path", why)
                .note("names without a schema are looked for in the object's own schema first: the project says something else")
                .help("have every name qualified: say `search_path: []` in trueup.yaml, and pull from the database again"),
        );
        return Ok(());
    }
    place.project.search_path = Vec::new();
    *loaded = place.load_from(from).await?;
    notes.extend(place.take_notes());
    let note = "so that each name means one thing, all are qualified (search_path: [] in trueup.yaml)";
    notes.push(Diagnostic::info("search-path", note).note(why));
    Ok(())
}

fn refuse_to_lose(lost: &[(PathBuf, usize, String)]) -> Result<()> {
    const SHOWN: usize = 5;
    if lost.is_empty() {
        return Ok(());
    }
    let mut problem = Diagnostic::refused(
        "would-overwrite",
        "nothing was written: files of the project hold what a person wrote and no database can give back",
    );
    for (path, line, text) in lost.iter().take(SHOWN) {
        problem = problem.note(format!("{}:{line}: {text}", path.display()));
    }
    if let Some(more) = lost.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        problem = problem.note(format!("and {more} more"));
    }
    Err(problem
        .help("pull into another folder and compare: trueup pull --out DIR")
        .help("or, with the project under version control, write over it and look at the difference: --overwrite"))
}

/// Whether default privileges are those with which the platform opens new tables: a project has them without saying so.
fn is_exposure(default: &DefaultPrivilege) -> bool {
    default.schema.as_deref() == Some("public")
        && ["tables", "functions", "sequences"].contains(&default.object_type.as_str())
        && (default.grantee == "postgres" || SUPABASE_API_ROLES.contains(&default.grantee.as_str()))
        && default.is_all()
}

/// Extensions that the throw-away server has because the platform's databases do. Migrations that do not name them take them for granted,
/// and so does what is pulled from them.
const SUPABASE_EXTENSIONS: &[&str] = &["pgcrypto", "uuid-ossp"];

fn public() -> ObjectId {
    ObjectId::root(KindTag::Schema, "public")
}

/// Whether the migrations left the schema `public` as they found it. Who may use it is then the platform's to say, and not written down.
fn is_public_as_the_platform_has_it(catalog: &Catalog) -> bool {
    let usage = |privileges: &component::acl::Privileges| privileges.iter().eq([(&"USAGE".to_owned(), &false)]);
    let is_usual = |(id, grant): (ObjectId, &component::Grant)| match &*id.name() {
        "public" => grant.privileges.get("USAGE") == Some(&false),
        "postgres" => usage(&grant.privileges),
        role => usage(&grant.privileges) && SUPABASE_API_ROLES.contains(&role),
    };
    let public = public();
    let grants: Vec<_> = catalog
        .children(&public, KindTag::Grant)
        .filter_map(|(id, object)| Some((id.clone(), component::Grant::of(object)?)))
        .collect();
    let has_all = SUPABASE_API_ROLES
        .iter()
        .chain(&["postgres", "public"])
        .all(|role| grants.iter().any(|(id, _)| id.name() == *role));
    let comment = component::Comment::get(catalog, &component::Comment::id(&public));
    let owner = component::Owner::get(catalog, &component::Owner::id(&public));
    let is_given = |owner: &component::Owner| {
        catalog.origin.major < versions::PUBLIC_SCHEMA_CLOSED || owner.role == "pg_database_owner"
    };
    has_all
        && grants.into_iter().all(is_usual)
        && comment.is_none_or(|comment| comment.text == "standard public schema")
        && owner.is_none_or(is_given)
}

/// A database with the platform's schemas, tables and roles.
fn looks_like_supabase(catalog: &Catalog) -> bool {
    let table = |schema: &str, name: &str| catalog.contains(&ObjectId::in_schema(KindTag::Table, schema, name));
    // The role of the platform's own migrations owns its schemas on a real project; a copy of its tables alone is no platform.
    table("auth", "users") && table("auth", "schema_migrations") && table("storage", "objects")
}

fn in_project(catalog: &Catalog, project: &Project) -> Catalog {
    catalog.filtered(|id, _| {
        (scope::managed(id, project) && !scope::is_given_default(id, catalog))
            || scope::is_users_own(id, catalog, project)
    })
}

/// What `init` wrote.
#[derive(Debug, Default)]
pub struct InitReport {
    /// The files.
    pub files: Vec<PathBuf>,
    /// What is worth knowing.
    pub notes: Vec<Box<Diagnostic>>,
}

const EXAMPLE: &str = "# Tables, in PostgreSQL's own words. `trueup check` reads this without a database; `trueup diff` says what it would change.
tables:
  notes:
    comment: One row per note
    columns:
      id: bigint generated always as identity primary key
      body: text not null
      created_at: timestamptz not null default now()
    indexes:
      notes_created_at_idx: (created_at)
";

/// Starts a project.
pub async fn init(from: Option<&StateSpec>, dir: &Path, settings: &Settings) -> Result<InitReport> {
    let file = dir.join(FILE);
    if file.exists() {
        return Err(Diagnostic::error("init", format!("{} exists already", file.display()))
            .help("`trueup pull --out DIR` reads a database into an existing project"));
    }
    let mut report = match from {
        Some(from) => {
            let pulled = pull(from, &PullTarget::Dir(dir.to_owned()), false, settings).await?;
            InitReport { files: pulled.files, notes: pulled.notes }
        }
        None => {
            let project = Project { schemas: Some(vec!["public".to_owned()]), ..Project::bare(dir) };
            let mut files = write::files(&Catalog::default(), &project, &|_| true);
            files.insert(PathBuf::from("schema/example.yaml"), EXAMPLE.to_owned());
            InitReport { files: write::write(dir, &files)?, notes: Vec::new() }
        }
    };
    let schema = crate::declare::schema::json_schema();
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n";
    let editor = [
        (PathBuf::from(".trueup/schema.json"), text),
        (
            PathBuf::from(".vscode/settings.json"),
            "{\n  \"yaml.schemas\": { \".trueup/schema.json\": [\"schema/**/*.yaml\"] }\n}\n".to_owned(),
        ),
    ];
    let new: std::collections::BTreeMap<_, _> =
        editor.into_iter().filter(|(path, _)| !dir.join(path).exists()).collect();
    report.files.extend(write::write(dir, &new)?);
    Ok(report)
}
