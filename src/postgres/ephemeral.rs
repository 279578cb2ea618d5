//! Scratch servers: a real PostgreSQL to elaborate declared states in, gone when nobody needs it any more.
//!
//! [`Ephemeral::start`] gets a server, [`Ephemeral::create_database`] an empty database in it. The server itself comes
//! from [`super::cluster`] (binaries of this machine), from [`super::docker`], or is one that the user gave.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::binaries::{self, Installation};
use super::cluster::{self, Cluster};
use super::conninfo::ConnInfo;
use super::docker::{self, DockerServer};
use super::environment::Environment;
use super::janitor::{self, Janitor, Template};
use super::session::Session;
use super::{scratch, supabase};
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::name::{ident, literal};
use crate::core::versions;

/// An advisory lock in the scratch server's `postgres` database: held while what all its databases share is changed
/// (roles, the template). The number is arbitrary.
const SHARED_LOCK: i64 = 0x7472_7565_7570;

/// How to get a scratch server.
#[derive(Clone, Debug, Default)]
pub enum EphemeralChoice {
    /// Binaries of this machine, else Docker.
    #[default]
    Auto,
    /// A server to make scratch databases on, given by the user.
    Url(ConnInfo),
    /// A Docker container of an image (`name:tag`), by default the official one of the major.
    Docker(Option<String>),
    /// Scratch databases on the live server itself; needs CREATEDB there.
    SameServer(ConnInfo),
    /// The binaries in a folder that holds `postgres` and `initdb`.
    Binaries(PathBuf),
}

/// What the scratch server is to be like.
#[derive(Clone, Debug, Default)]
pub struct EphemeralOptions {
    /// How to get it.
    pub choice: EphemeralChoice,
    /// The major version to come closest to: the live server's.
    pub major: Option<u32>,
    /// Whether databases begin as a Supabase project does ([`supabase`]) rather than empty.
    pub supabase: bool,
    /// Whether new tables, functions and sequences of `public` are open to the roles of Supabase's API there.
    pub exposed: bool,
    /// The folder to keep clusters in; by default the user's cache folder.
    pub cache_dir: Option<PathBuf>,
    /// The role that scratch databases belong to and are connected to as, so that what is made there has the owner that
    /// it has on the live server. Made, as a superuser, where it is missing. On servers that the user gave it is
    /// ignored: there the user of the connection string is it.
    pub role: Option<String>,
}

/// A scratch server in use. Cheap to clone; when the last clone and the last [`ScratchDatabase`] are dropped, a server
/// that was started here is stopped, unless another run uses it.
///
/// A run that is killed leaves its server running (about 40 MB, idle): the next run uses it, drops what databases
/// were left, and stops it in the end.
#[derive(Clone)]
pub struct Ephemeral {
    inner: Arc<Inner>,
}

struct Inner {
    /// On a cluster of our own. Stopped before the server is: fields are dropped in their order.
    janitor: Option<Janitor>,
    /// Connected to the server's maintenance database.
    admin: Session,
    server: Server,
    describe: String,
    supabase: bool,
    exposed: bool,
    role: Option<String>,
    is_live_server: bool,
}

/// What keeps the server there.
enum Server {
    Cluster(Box<Cluster>),
    Docker(#[expect(dead_code, reason = "held for its Drop")] Box<DockerServer>),
    /// Not ours to stop, nor to leave anything on.
    Given,
}

impl Ephemeral {
    /// Gets a scratch server; starting one takes about 50 ms, 600 ms the first time.
    ///
    /// # Errors
    /// `no-ephemeral` when nothing serves, with what was looked for, what was found and what to install; `ephemeral` for
    /// failures on the way; errors of [`Session::connect`] for servers that are given.
    pub async fn start(options: &EphemeralOptions) -> Result<Self> {
        let env = Environment::of_process();
        let (server, admin, describe) = match &options.choice {
            EphemeralChoice::Url(info) => {
                let admin = Session::connect(info).await?;
                scratch::clear(&admin).await?;
                let describe = format!("scratch databases at {info}");
                (Server::Given, admin, describe)
            }
            EphemeralChoice::SameServer(info) => {
                let admin = Session::connect(info).await?;
                require_createdb(&admin).await?;
                scratch::clear(&admin).await?;
                let describe = format!("scratch databases on the live server at {info}");
                (Server::Given, admin, describe)
            }
            EphemeralChoice::Docker(image) => match docker::start(image.as_deref(), options.major).await {
                Ok((server, admin, describe)) => (Server::Docker(Box::new(server)), admin, describe),
                Err(why) => return Err(nothing_serves(options, vec![why])),
            },
            EphemeralChoice::Binaries(folder) => {
                let run_as = cluster::run_as()?;
                match binaries::probe(folder, run_as.as_ref()) {
                    Ok(installation) => from_binaries(&installation, options.cache_dir.as_deref(), &env).await?,
                    Err(why) => return Err(nothing_serves(options, vec![why])),
                }
            }
            EphemeralChoice::Auto => {
                let run_as = cluster::run_as()?;
                let found = binaries::search(options.major, &env, run_as.as_ref());
                let mut report = found.report;
                let begun = match &found.chosen {
                    Some(installation) => {
                        from_binaries(installation, options.cache_dir.as_deref(), &env).await.map_err(Some)
                    }
                    None => Err(None),
                };
                match begun {
                    Ok(begun) => begun,
                    Err(error) => {
                        report.extend(error.iter().map(|e| format!("{}: {}", e.message, e.notes.join("; "))));
                        match docker::start(None, options.major).await {
                            Ok((server, admin, describe)) => (Server::Docker(Box::new(server)), admin, describe),
                            Err(why) => {
                                report.push(why);
                                return Err(nothing_serves(options, report));
                            }
                        }
                    }
                }
            }
        };
        let describe = format!("PostgreSQL {} ({describe})", version(&admin));
        let role = options.role.clone().filter(|_| !matches!(server, Server::Given));
        let janitor = match &server {
            Server::Cluster(cluster) => Some(Janitor::start(admin.info().clone(), cluster.leftovers.clone())),
            Server::Docker(_) | Server::Given => None,
        };
        let is_live_server = matches!(options.choice, EphemeralChoice::SameServer(_));
        let (supabase, exposed) = (options.supabase, options.exposed);
        let inner = Inner { janitor, admin, server, describe, supabase, exposed, role, is_live_server };
        inner.prepare().await?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The server's major version.
    pub fn major(&self) -> u32 {
        self.inner.admin.server_major()
    }

    /// Drops roles that were made for a scratch database which is gone, on a server that is not ours: nothing is left there.
    /// Those that are in use by then stay.
    pub(crate) async fn forget_roles(&self, made: &[String]) {
        if matches!(self.inner.server, Server::Given) {
            for role in made {
                let _ = self.inner.admin.batch(&format!("drop role if exists {}", ident(role))).await;
            }
        }
    }

    /// Whether it is the live server.
    pub fn is_live_server(&self) -> bool {
        self.inner.is_live_server
    }

    /// What it is and where it came from, in words, such as `PostgreSQL 15.13 (/usr/lib/postgresql/15/bin)`.
    pub fn describe(&self) -> String {
        self.inner.describe.clone()
    }

    /// Makes a database: UTF-8, from `template0`, or with what a Supabase project begins with. Some milliseconds where an
    /// earlier run has left a spare one, else 30 to 60.
    ///
    /// # Errors
    /// Refusals of the server.
    pub async fn create_database(&self) -> Result<ScratchDatabase> {
        let inner = &self.inner;
        let name = scratch::new_name();
        let given = matches!(inner.server, Server::Given);
        let quoted = ident(&name);
        let template = if inner.supabase && !given { Template::Supabase } else { Template::Plain };
        let mut info = inner.admin.info().with_database(&name);
        if let Some(role) = &inner.role {
            info = info.with_user(role);
        }
        // From here on the database is dropped when this is, whatever happens.
        let database = ScratchDatabase { info, server: Arc::clone(inner), dropped: false };
        let claimed = inner.janitor.is_some() && janitor::claim(&inner.admin, template, &name).await?;
        if !claimed {
            let sql = match inner.server {
                Server::Given => format!("create database {quoted} template template0 encoding 'UTF8'"),
                Server::Cluster(_) | Server::Docker(_) => template.create(&name, self.major()),
            };
            inner.admin.batch(&sql).await.map_err(|e| {
                e.note("while creating a scratch database")
                    .help("the role needs CREATEDB; or name another scratch server")
            })?;
        }
        if let Some(janitor) = &inner.janitor {
            janitor.replenish(template);
        }
        if let Some(role) = &inner.role {
            inner.admin.batch(&format!("alter database {quoted} owner to {}", ident(role))).await?;
        }
        if inner.supabase {
            if given {
                let session = database.connect().await?;
                supabase::apply(&session).await?;
            }
            if inner.exposed {
                supabase::expose(&database.connect().await?).await?;
            }
            // Settings of a database do not come with its template.
            let path = supabase::SEARCH_PATH;
            inner.admin.batch(&format!("alter database {quoted} set search_path = {path}")).await?;
        }
        Ok(database)
    }
}

impl std::fmt::Debug for Ephemeral {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ephemeral({})", self.inner.describe)
    }
}

impl Inner {
    /// Makes what all databases of a server of our own share. Several runs may come here at once.
    async fn prepare(&self) -> Result<()> {
        if matches!(self.server, Server::Given) || (!self.supabase && self.role.is_none()) {
            return Ok(());
        }
        let admin = &self.admin;
        admin.batch(&format!("select pg_advisory_lock({SHARED_LOCK})")).await?;
        let done = async {
            if self.supabase {
                supabase::ensure_template(admin, &supabase::template_name()).await?;
            }
            if let Some(role) = &self.role {
                let there = admin
                    .rows(&format!("select rolsuper and rolcanlogin from pg_roles where rolname = {}", literal(role)))
                    .await?;
                let there = there.into_iter().flatten().flatten().next();
                match there.as_deref() {
                    None => admin.batch(&format!("create role {} superuser login", ident(role))).await?,
                    Some("t") => {}
                    Some(_) => admin.batch(&format!("alter role {} superuser login", ident(role))).await?,
                }
            }
            Ok(())
        };
        let outcome = done.await;
        admin.batch(&format!("select pg_advisory_unlock({SHARED_LOCK})")).await?;
        outcome
    }
}

async fn from_binaries(
    installation: &Installation,
    cache: Option<&Path>,
    env: &Environment,
) -> Result<(Server, Session, String)> {
    let run_as = cluster::run_as()?;
    let (cluster, admin) = Cluster::start(installation, cache, env, run_as.as_ref()).await?;
    Ok((Server::Cluster(Box::new(cluster)), admin, installation.bin.display().to_string()))
}

/// The version as people write it, from the number: 15.13.
fn version(session: &Session) -> String {
    format!("{}.{}", session.server_major(), session.server_version_num() % 10_000)
}

async fn require_createdb(admin: &Session) -> Result<()> {
    let rows = admin.rows("select rolcreatedb or rolsuper from pg_roles where rolname = current_user").await?;
    if rows.into_iter().flatten().flatten().next().as_deref() == Some("t") {
        return Ok(());
    }
    let user = admin.info().user();
    Err(Diagnostic::error(
        "ephemeral",
        format!("the role `{user}` may not create scratch databases on the live server"),
    )
    .note("a scratch database on the same server needs the CREATEDB attribute")
    .help(format!("as a superuser: ALTER ROLE {} CREATEDB", ident(user)))
    .help("or use another scratch server: PostgreSQL binaries on this machine, Docker, or --ephemeral URL"))
}

fn nothing_serves(options: &EphemeralOptions, report: Vec<String>) -> Box<Diagnostic> {
    let mut error = Diagnostic::error("no-ephemeral", "there is no PostgreSQL to work out the declared state with");
    for line in report {
        error = error.note(line);
    }
    let major = options.major.unwrap_or(versions::NEWEST_MAJOR);
    error
        .help(format!(
            "install the server: apt-get install postgresql (Debian, Ubuntu), dnf install postgresql-server (Fedora), \
             apk add postgresql{major} (Alpine), brew install postgresql@{major} (macOS); it need not be running"
        ))
        .help("or start Docker")
        .help("or name a scratch server with --ephemeral URL, or the live one with --ephemeral same-server")
        .help("binaries in an unusual place are found through TRUEUP_PG_BIN (the folder that holds `postgres` and `initdb`)")
}

/// A database for one job. Dropping this drops the database, on a server of our own at leisure, on one that was given
/// before going on; what is left behind is dropped by a later run.
pub struct ScratchDatabase {
    info: ConnInfo,
    server: Arc<Inner>,
    dropped: bool,
}

impl ScratchDatabase {
    /// How to reach it.
    pub fn info(&self) -> &ConnInfo {
        &self.info
    }

    /// A new session in it.
    ///
    /// # Errors
    /// As [`Session::connect`].
    pub async fn connect(&self) -> Result<Session> {
        Session::connect(&self.info).await
    }

    /// Drops the database now, ending the sessions in it. Where nobody depends on its being gone, letting the value go
    /// out of scope is faster.
    ///
    /// # Errors
    /// Refusals of the server.
    pub async fn drop(mut self) -> Result<()> {
        self.dropped = true;
        scratch::drop(&self.server.admin, self.info.database()).await
    }
}

impl Drop for ScratchDatabase {
    fn drop(&mut self) {
        if let (false, Some(janitor)) = (self.dropped, &self.server.janitor) {
            janitor.drop_database(self.info.database());
            return;
        }
        // A container goes as a whole.
        if self.dropped || matches!(self.server.server, Server::Docker(_)) {
            return;
        }
        let (admin, sql) = (self.server.admin.info().clone(), scratch::drop_statement(self.info.database()));
        // There may be no runtime to wait on here, so a short-lived one is made; the admin session belongs to another.
        let work = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                runtime.block_on(async {
                    let work = async { Session::connect(&admin).await?.batch(&sql).await };
                    let _ = tokio::time::timeout(std::time::Duration::from_secs(10), work).await;
                });
            }
        };
        let _ = std::thread::spawn(work).join();
    }
}

impl std::fmt::Debug for ScratchDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ScratchDatabase({})", self.info)
    }
}
