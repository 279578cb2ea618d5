//! The project file, trueup.yaml.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::core::diagnostic::{Diagnostic, Location, Result};
use crate::core::places;
use crate::declare::exposure::KEY as KEY_OF_EXPOSURE;
use crate::yaml::{Definition, Fields, KeyDoc, Node, Shape};

/// The name of the project file.
pub const FILE: &str = "trueup.yaml";

/// What the platform owns and how roles are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// PostgreSQL and nothing else.
    #[default]
    Plain,
    /// A Supabase project: auth, storage and the like belong to the platform.
    Supabase,
}

/// What is done with objects of managed schemas that the project does not declare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Undeclared {
    /// They are dropped (with consent where rows are lost).
    #[default]
    Drop,
    /// They are left alone and reported.
    Keep,
}

/// An environment named in the project file.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The connection string, with `${VAR}` for what the environment holds.
    pub url: String,
    /// How long a step may wait for a lock.
    pub lock_timeout: Option<Duration>,
    /// Whether a person has to give its name before anything is changed there: `--yes` is not enough.
    pub confirm: bool,
    /// Where it stands.
    pub location: Location,
}

/// The contents of trueup.yaml.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// The folder of the project.
    pub dir: PathBuf,
    /// The profile.
    pub profile: Profile,
    /// The managed schemas; `None` is all, or those that [`Project::mentions`] is told of.
    pub schemas: Option<Vec<String>>,
    /// Whether the project says which schemas it manages. Where it does not, they are those that it mentions: what it is silent
    /// about is not dropped for that.
    pub schemas_said: bool,
    /// Whether extensions that are not declared are dropped; where the project does not say, those are that lie in managed schemas.
    pub all_extensions: Option<bool>,
    /// Whether grantees that the project names nowhere are managed, too.
    pub all_grants: bool,
    /// Whether the platform opens new tables and functions of `public` to the roles of its API, where trueup.yaml says so or that it
    /// does not.
    pub auto_expose_new_tables: Option<bool>,
    /// Whether what is declared without a name has the name that PostgreSQL would choose; else it may have any.
    pub usual_names: bool,
    /// What is done with undeclared objects.
    pub undeclared: Undeclared,
    /// The search path that texts are read under.
    pub search_path: Vec<String>,
    /// The environments.
    pub environments: BTreeMap<String, Environment>,
}

const KEYS: &[KeyDoc] = &[
    KeyDoc { name: "version", doc: "The version of the language: 1.", shape: Shape::Integer },
    KeyDoc { name: "profile", doc: "plain (default) or supabase.", shape: Shape::OneOf(&["plain", "supabase"]) },
    KeyDoc {
        name: "manage",
        doc: "What is managed: `schemas` (a list, or \"*\"), `extensions` and `grants` (declared or all), `names` (declared or usual).",
        shape: Shape::Ref("manage"),
    },
    KeyDoc {
        name: "undeclared",
        doc: "What is in a managed schema but not declared: drop (default) or keep.",
        shape: Shape::OneOf(&["drop", "keep"]),
    },
    KeyDoc {
        name: KEY_OF_EXPOSURE,
        doc: "Profile supabase: whether new tables and functions of public are open to anon, authenticated and service_role; default what \
              supabase/config.toml says under [api], else false, as in hosted projects.",
        shape: Shape::Boolean,
    },
    KeyDoc { name: "search_path", doc: "The search path that texts are read under.", shape: Shape::TextList },
    KeyDoc { name: "environments", doc: "Databases by name.", shape: Shape::MapOf(&Shape::Ref("environment")) },
];

const MANAGE: &[KeyDoc] = &[
    KeyDoc {
        name: "schemas",
        doc: "The managed schemas, or \"*\" for all; left out, those that the project declares something in.",
        shape: Shape::TextList,
    },
    KeyDoc {
        name: "extensions",
        doc: "declared: an extension that the project does not declare is left alone; all: it is dropped, with consent. Left out, it is \
              dropped (with consent) where its objects lie in a managed schema.",
        shape: Shape::OneOf(&["declared", "all"]),
    },
    KeyDoc {
        name: "grants",
        doc: "declared (default): only roles that the project names; all: every role.",
        shape: Shape::OneOf(&["declared", "all"]),
    },
    KeyDoc {
        name: "names",
        doc: "declared (default): a constraint declared without a name may have any; usual: it has the one that PostgreSQL chooses.",
        shape: Shape::OneOf(&["declared", "usual"]),
    },
];

const ENVIRONMENT: &[KeyDoc] = &[
    KeyDoc { name: "url", doc: "The connection string; ${VAR} is taken from the environment.", shape: Shape::Text },
    KeyDoc { name: "lock_timeout", doc: "How long a step may wait for a lock: 2s, 500ms.", shape: Shape::Text },
    KeyDoc {
        name: "confirm",
        doc: "Whether `apply` asks for the name of the environment to be typed (or given by `--confirm`); `--yes` is not enough.",
        shape: Shape::Boolean,
    },
];

/// The project file's keys, for the JSON Schema and the documentation.
pub const DEFINITIONS: &[Definition] = &[
    Definition { name: "project", doc: "trueup.yaml.", scalar: None, keys: KEYS },
    Definition { name: "manage", doc: "What is managed.", scalar: None, keys: MANAGE },
    Definition { name: "environment", doc: "A database.", scalar: None, keys: ENVIRONMENT },
];

/// The schemas that belong to the platform of the Supabase profile.
pub const SUPABASE_SCHEMAS: &[&str] = &[
    "auth",
    "storage",
    "extensions",
    "graphql",
    "graphql_public",
    "realtime",
    "supabase_functions",
    "supabase_migrations",
    "vault",
    "pgbouncer",
    "pgsodium",
    "pgsodium_masks",
    "net",
    "cron",
    "_realtime",
    "_analytics",
    "_supavisor",
    "pgtle",
    "pgmq",
    "repack",
    "tiger",
    "tiger_data",
    "topology",
];

/// The roles that the platform's API lets its callers in with.
pub const SUPABASE_API_ROLES: &[&str] = &["anon", "authenticated", "service_role"];

impl Project {
    /// A project without a file.
    pub fn bare(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), search_path: vec!["public".to_owned()], ..Self::default() }
    }

    /// Reads the project file of a folder; without one, everything has its default.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(FILE);
        if !path.is_file() {
            return Ok(Self::bare(dir));
        }
        let text = std::fs::read_to_string(&path)
            .map_err(|e| Diagnostic::error("read", format!("failed to read {}: {e}", places::shown(&path))))?;
        let source = places::source(&path, text);
        let node = crate::yaml::parse(&source)?;
        Self::from_node(dir, &node)
    }

    fn from_node(dir: &Path, node: &Node) -> Result<Self> {
        let fields = Fields::of(node, "a project file", KEYS)?;
        if let Some(version) = fields.integer::<i64>("version")?
            && version != 1
        {
            return Err(Diagnostic::error(
                "version",
                format!("version {version} of the language is not known; this trueup knows version 1"),
            )
            .at(fields.key_place("version").unwrap_or_else(|| fields.place())));
        }
        let profile = if fields.one_of("profile")? == Some("supabase") { Profile::Supabase } else { Profile::Plain };
        let mut project = Self { profile, ..Self::bare(dir) };
        if profile == Profile::Supabase {
            project.search_path.push("extensions".to_owned());
        }
        if let Some(manage) = fields.get("manage") {
            let manage = Fields::of(manage, "`manage`", MANAGE)?;
            if let Some(schemas) = manage.text_list("schemas")? {
                project.schemas_said = true;
                if schemas != ["*"] {
                    project.schemas = Some(schemas.into_iter().map(str::to_owned).collect());
                }
            }
            project.all_extensions = manage.one_of("extensions")?.map(|which| which == "all");
            project.all_grants = manage.one_of("grants")? == Some("all");
            project.usual_names = manage.one_of("names")? == Some("usual");
        }
        if fields.one_of("undeclared")? == Some("keep") {
            project.undeclared = Undeclared::Keep;
        }
        project.auto_expose_new_tables = fields.bool(KEY_OF_EXPOSURE)?;
        if profile == Profile::Plain && project.auto_expose_new_tables.is_some() {
            return Err(Diagnostic::error(
                "profile",
                format!("`{KEY_OF_EXPOSURE}` is a setting of the profile supabase"),
            )
            .at(fields.key_place(KEY_OF_EXPOSURE).unwrap_or_else(|| fields.place()))
            .help("write `profile: supabase` as well, or declare `default_privileges`"));
        }
        if let Some(path) = fields.text_list("search_path")? {
            project.search_path = path.into_iter().map(str::to_owned).collect();
        }
        for (name, node) in fields.map("environments")? {
            let fields = Fields::of(node, "an environment", ENVIRONMENT)?;
            let environment = Environment {
                url: fields.require_text("url")?.to_owned(),
                lock_timeout: fields
                    .text("lock_timeout")?
                    .map(|t| {
                        duration(t).ok_or_else(|| {
                            Diagnostic::error("duration", format!("`{t}` is no duration; write 2s or 500ms"))
                                .at(fields.place())
                        })
                    })
                    .transpose()?,
                confirm: fields.bool("confirm")?.unwrap_or(false),
                location: name.location.clone(),
            };
            project.environments.insert(name.text.clone(), environment);
        }
        Ok(project)
    }

    /// Takes note of schemas that the project declares objects in; where it does not say which it manages, it manages those.
    pub fn mentions(&mut self, schemas: impl IntoIterator<Item = String>) {
        if self.schemas_said {
            return;
        }
        let platform = self.profile == Profile::Supabase;
        let known = self.schemas.get_or_insert_default();
        for schema in schemas {
            let platforms = platform && SUPABASE_SCHEMAS.contains(&&*schema);
            if !platforms && !known.contains(&schema) {
                known.push(schema);
            }
        }
        known.sort();
    }

    /// Whether a schema belongs to the platform of the profile.
    pub fn is_platform(&self, schema: &str) -> bool {
        self.profile == Profile::Supabase && SUPABASE_SCHEMAS.contains(&schema)
    }

    /// Whether objects of a schema are the project's to change.
    pub fn manages(&self, schema: &str) -> bool {
        match &self.schemas {
            Some(schemas) => schemas.iter().any(|s| s == schema),
            None => !self.is_platform(schema),
        }
    }

    /// The connection string of an environment, with its variables filled in.
    pub fn environment_url(&self, name: &str) -> Result<String> {
        let Some(environment) = self.environments.get(name) else {
            let known = self.environments.keys().map(String::as_str);
            let mut problem = Diagnostic::error("environment", format!("no environment `{name}` is named in {FILE}"));
            for near in crate::core::diagnostic::nearest(name, known) {
                problem = problem.help(format!("did you mean `{near}`?"));
            }
            return Err(problem);
        };
        let mut url = String::new();
        let mut rest = environment.url.as_str();
        while let Some(start) = rest.find("${") {
            let Some(end) = rest[start..].find('}') else { break };
            let variable = &rest[start + 2..start + end];
            // Empty is as good as not set: an empty connection string means libpq's defaults, which is some other database.
            let value = std::env::var(variable).ok().filter(|value| !value.trim().is_empty()).ok_or_else(|| {
                Diagnostic::error(
                    "environment",
                    format!("environment `{name}` needs the variable {variable}, which is not set or empty"),
                )
                .at(environment.location.clone())
                .help(format!("export {variable}=postgres://…"))
            })?;
            url.push_str(&rest[..start]);
            url.push_str(&value);
            rest = &rest[start + end + 1..];
        }
        url.push_str(rest);
        Ok(url)
    }
}

/// Reads `2s`, `500ms`, `1min`.
pub fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..split].parse().ok()?;
    match text[split..].trim() {
        "ms" => Some(Duration::from_millis(number)),
        "s" | "" => Some(Duration::from_secs(number)),
        "min" | "m" => Some(Duration::from_secs(number * 60)),
        "h" => Some(Duration::from_secs(number * 3600)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::diagnostic::Source;

    fn read(text: &str) -> Result<Project> {
        Project::from_node(Path::new("."), &crate::yaml::parse(&Source::new(FILE, text))?)
    }

    #[test]
    fn a_project_file() {
        let project =
            read("version: 1\nprofile: supabase\nmanage: {schemas: [public, archive]}\nundeclared: keep\n").unwrap();
        assert!(project.manages("archive") && !project.manages("auth"));
        assert_eq!(project.undeclared, Undeclared::Keep);
        assert_eq!(project.search_path, ["public", "extensions"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(read("version: 2").unwrap_err().code, "version");
        assert_eq!(read("profil: plain").unwrap_err().code, "unknown-key");
    }

    #[test]
    fn what_is_mentioned_is_managed_where_nothing_is_said() {
        let mut open = read("version: 1\nprofile: supabase\n").unwrap();
        assert!(open.manages("app") && !open.manages("auth"));
        open.mentions(["public".to_owned(), "auth".to_owned()]);
        assert!(open.manages("public") && !open.manages("app") && !open.manages("auth"));
        for (text, other) in [("\"*\"", true), ("[public]", false)] {
            let mut said = read(&format!("version: 1\nmanage: {{schemas: {text}}}\n")).unwrap();
            said.mentions(["app".to_owned()]);
            assert_eq!(said.manages("app"), other);
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("2 parsecs"), None);
    }
}
