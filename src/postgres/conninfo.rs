//! How to reach a database, told the way every libpq program is told.
//!
//! Rests on "34.1.1 Connection Strings", "34.15 Environment Variables", "34.16 The Password File" and "34.17 The
//! Connection Service File" of the PostgreSQL manual. A parameter comes from the first of: the connection string, the
//! service file, the environment, the built-in default. The text is read in [`super::syntax`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::environment::Environment;
use super::passfile::{self, PassEntry};
use super::syntax::{self, KNOWN};
use super::{service, tls};
use crate::core::diagnostic::{Diagnostic, Result};

/// Where sockets are looked for when no host is given; the first that exists.
const SOCKET_FOLDERS: &[&str] = &["/var/run/postgresql", "/run/postgresql", "/tmp"];

/// The port of PostgreSQL when none is given.
const DEFAULT_PORT: u16 = 5432;

/// A time limit on connecting where none is given. libpq would wait for ever; a command line tool should not.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// One server to try.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// A host name, an address or a socket folder.
    pub host: String,
    /// A numeric address to use in place of a look-up of the host.
    pub hostaddr: Option<String>,
    pub port: u16,
}

impl Target {
    /// Whether this is a folder with a unix socket in it (or an abstract one).
    pub fn is_socket(&self) -> bool {
        self.hostaddr.is_none() && (self.host.starts_with('/') || self.host.starts_with('@'))
    }
}

/// What the server must be for a session to be kept (`target_session_attrs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionAttrs {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

/// Whether SCRAM is bound to the TLS channel (`channel_binding`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChannelBinding {
    Disable,
    Prefer,
    Require,
}

/// TCP settings of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keepalive {
    pub enabled: bool,
    pub idle: Option<Duration>,
    pub interval: Option<Duration>,
    pub retries: Option<u32>,
    pub user_timeout: Option<Duration>,
}

/// Where a password came from, for error messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PasswordOrigin {
    Text,
    Service,
    Environment,
    File,
}

impl PasswordOrigin {
    pub fn describe(self) -> &'static str {
        match self {
            Self::Text => "the connection string",
            Self::Service => "the service file",
            Self::Environment => "PGPASSWORD",
            Self::File => "the password file",
        }
    }
}

/// Everything needed to connect: from a URL or a key=value string, the `PG*` environment, a service file and a
/// password file, as libpq does it.
///
/// `Debug` and `Display` show `postgres://user@host:port/database` and never a password.
#[derive(Clone)]
pub struct ConnInfo {
    pub(crate) targets: Vec<Target>,
    user: String,
    database: String,
    password: Option<(String, PasswordOrigin)>,
    pass_entries: Arc<[PassEntry]>,
    pub(crate) options: Option<String>,
    pub(crate) application_name: Option<String>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) keepalive: Keepalive,
    pub(crate) session_attrs: SessionAttrs,
    pub(crate) random_order: bool,
    pub(crate) channel_binding: ChannelBinding,
    pub(crate) tls: tls::TlsOptions,
    /// What was ignored or is doubtful in what was given, one sentence each; never a secret.
    pub warnings: Vec<String>,
}

impl ConnInfo {
    /// Reads a URL (`postgres://…`, `postgresql://…`) or a `key=value` string and fills in the rest from the service
    /// file, the environment and the password file. An empty text, or a bare `postgres://`, takes all from there.
    ///
    /// # Errors
    /// Malformed text, unknown keys, values that libpq would refuse, and parameters that promise a protection that
    /// trueup cannot give (such as `sslcrl`).
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_in(text, &Environment::of_process())
    }

    /// [`parse`](Self::parse) with an environment of the caller's making.
    pub fn parse_in(text: &str, env: &Environment) -> Result<Self> {
        let mut warnings = Vec::new();
        let mut given = syntax::read(text, &mut warnings)?;
        let mut password_origin = PasswordOrigin::Text;
        let had_password = given.contains_key("password");

        let named = given.get("service").cloned().or_else(|| env.var("PGSERVICE"));
        if let Some(name) = named.filter(|n| !n.is_empty()) {
            let file = given.get("servicefile").map(PathBuf::from);
            for (key, value) in service::look_up(&name, file.as_deref(), env)? {
                if key == "password" && !had_password {
                    password_origin = PasswordOrigin::Service;
                }
                given.entry(key).or_insert(value);
            }
        }
        let has_password = given.contains_key("password");
        for known in KNOWN {
            if let Some(value) = known.env.and_then(|name| env.var(name)) {
                // An empty variable counts as unset, as in libpq.
                if !value.is_empty() {
                    given.entry(known.key).or_insert(value);
                }
            }
        }
        if !has_password {
            password_origin = PasswordOrigin::Environment;
        }
        // PGREQUIRESSL is obsolete and still honoured by libpq.
        if !given.contains_key("sslmode") && env.var("PGREQUIRESSL").is_some_and(|v| v.starts_with('1')) {
            given.insert("sslmode", "require".to_owned());
        }
        Self::build(given, password_origin, env, warnings)
    }

    fn build(
        mut given: BTreeMap<&'static str, String>,
        password_origin: PasswordOrigin,
        env: &Environment,
        mut warnings: Vec<String>,
    ) -> Result<Self> {
        // An empty value means the default, but for a password and options it is a value like any other.
        given.retain(|_, value| !value.is_empty());
        refuse_unsupported(&given)?;
        let take = |key: &str| given.get(key).cloned();

        let user = match take("user").or_else(|| env.user.clone()) {
            Some(user) => user,
            None => {
                return Err(Diagnostic::error("no-user", "no user name to connect with")
                    .note("the name of the operating system user could not be found out")
                    .help("name it: postgres://USER@host/database, or set PGUSER"));
            }
        };
        let database = take("dbname").unwrap_or_else(|| user.clone());
        let targets = targets(&given)?;
        if let Some(encoding) = take("client_encoding") {
            let folded = encoding.to_ascii_lowercase().replace(['-', '_'], "");
            if !matches!(folded.as_str(), "utf8" | "auto" | "unicode") {
                warnings.push(format!("client_encoding={encoding} is ignored: the connection always speaks UTF-8"));
            }
        }
        if given.contains_key("krbsrvname") || given.contains_key("gsslib") || given.contains_key("gssdelegation") {
            warnings.push("GSSAPI parameters are ignored: trueup does not authenticate by GSSAPI".to_owned());
        }
        let pass_file = take("passfile").map(PathBuf::from).or_else(|| env.in_home(".pgpass"));
        let pass_entries = match pass_file {
            Some(file) if !given.contains_key("password") => passfile::read(&file, &mut warnings),
            _ => Vec::new(),
        };
        let timeout = match seconds(&given, "connect_timeout")? {
            None => Some(DEFAULT_CONNECT_TIMEOUT),
            Some(n) if n <= 0 => None,
            // libpq does not wait less than two seconds.
            Some(n) => Some(Duration::from_secs(n.max(2).unsigned_abs())),
        };
        let positive = |key| -> Result<Option<Duration>> {
            Ok(seconds(&given, key)?.filter(|n| *n > 0).map(|n| Duration::from_secs(n.unsigned_abs())))
        };
        let keepalive = Keepalive {
            enabled: seconds(&given, "keepalives")?.is_none_or(|n| n != 0),
            idle: positive("keepalives_idle")?,
            interval: positive("keepalives_interval")?,
            retries: seconds(&given, "keepalives_count")?.and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0),
            user_timeout: seconds(&given, "tcp_user_timeout")?
                .filter(|n| *n > 0)
                .map(|n| Duration::from_millis(n.unsigned_abs())),
        };
        let session_attrs = one_of(
            &given,
            "target_session_attrs",
            SessionAttrs::Any,
            &[
                ("any", SessionAttrs::Any),
                ("read-write", SessionAttrs::ReadWrite),
                ("read-only", SessionAttrs::ReadOnly),
                ("primary", SessionAttrs::Primary),
                ("standby", SessionAttrs::Standby),
                ("prefer-standby", SessionAttrs::PreferStandby),
            ],
        )?;
        let channel_binding = one_of(
            &given,
            "channel_binding",
            ChannelBinding::Prefer,
            &[
                ("disable", ChannelBinding::Disable),
                ("prefer", ChannelBinding::Prefer),
                ("require", ChannelBinding::Require),
            ],
        )?;
        let random_order = one_of(&given, "load_balance_hosts", false, &[("disable", false), ("random", true)])?;
        let tls = tls::TlsOptions::from_params(&given, env)?;
        let password = take("password").map(|p| (p, password_origin));
        let application_name = take("application_name").or_else(|| take("fallback_application_name"));
        let options = take("options");
        Ok(Self {
            targets,
            user,
            database,
            password,
            pass_entries: pass_entries.into(),
            options,
            application_name,
            connect_timeout: timeout,
            keepalive,
            session_attrs,
            random_order,
            channel_binding,
            tls,
            warnings,
        })
    }

    /// A host or socket folder without TLS or password and with nothing from the environment: how trueup reaches the
    /// servers it starts itself.
    pub(crate) fn private(host: &str, port: u16, user: &str, database: &str) -> Self {
        Self {
            targets: vec![Target { host: host.to_owned(), hostaddr: None, port }],
            user: user.to_owned(),
            database: database.to_owned(),
            password: None,
            pass_entries: Arc::from([]),
            options: None,
            application_name: None,
            connect_timeout: Some(DEFAULT_CONNECT_TIMEOUT),
            keepalive: Keepalive { enabled: true, idle: None, interval: None, retries: None, user_timeout: None },
            session_attrs: SessionAttrs::Any,
            random_order: false,
            channel_binding: ChannelBinding::Prefer,
            tls: tls::TlsOptions::disabled(),
            warnings: Vec::new(),
        }
    }

    /// The same, for another database on the same server.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        Self { database: name.to_owned(), ..self.clone() }
    }

    /// The same, with one of its servers alone.
    pub(crate) fn only(&self, target: &Target) -> Self {
        Self { targets: vec![target.clone()], ..self.clone() }
    }

    /// The same, as another user; only for servers that ask for no password.
    pub(crate) fn with_user(&self, name: &str) -> Self {
        Self { user: name.to_owned(), ..self.clone() }
    }

    /// Whether both name the same database of the same servers, whoever connects.
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.targets == other.targets && self.database == other.database
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The role to connect as.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password for one server, from the text, the environment or the password file.
    pub(crate) fn password_for(&self, target: &Target) -> Option<(&str, PasswordOrigin)> {
        if let Some((password, origin)) = &self.password {
            return Some((password, *origin));
        }
        let host = if target.is_socket() && SOCKET_FOLDERS.contains(&target.host.as_str()) {
            "localhost"
        } else {
            &target.host
        };
        passfile::find(&self.pass_entries, host, target.port, &self.database, &self.user)
            .map(|password| (password, PasswordOrigin::File))
    }

    /// The servers as `host:port`, separated by commas.
    pub(crate) fn hosts(&self) -> String {
        self.targets.iter().map(display_host).collect::<Vec<_>>().join(",")
    }

    /// A URL **with the password**, for the environment of a child process (such as `psql`) and for nothing else: it
    /// must never be printed, logged or stored.
    ///
    /// TLS parameters, `options` and `target_session_attrs` are included.
    pub fn to_url(&self) -> String {
        let mut url = format!("postgresql://{}", syntax::percent_encode(&self.user));
        let password = self.targets.first().and_then(|t| self.password_for(t));
        if let Some((password, _)) = password {
            url.push(':');
            url.push_str(&syntax::percent_encode(password));
        }
        url.push('@');
        url.push_str(&self.hosts());
        url.push('/');
        url.push_str(&syntax::percent_encode(&self.database));
        let mut parameters = self.tls.parameters();
        if let Some(options) = &self.options {
            parameters.push(("options", options.clone()));
        }
        if self.targets.iter().any(|t| t.hostaddr.is_some()) {
            let list = self.targets.iter().map(|t| t.hostaddr.clone().unwrap_or_default()).collect::<Vec<_>>();
            parameters.push(("hostaddr", list.join(",")));
        }
        for (i, (key, value)) in parameters.iter().enumerate() {
            url.push(if i == 0 { '?' } else { '&' });
            url.push_str(key);
            url.push('=');
            url.push_str(&syntax::percent_encode(value));
        }
        url
    }
}

impl fmt::Display for ConnInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (user, database) = (syntax::percent_encode(&self.user), syntax::percent_encode(&self.database));
        write!(f, "postgres://{user}@{}/{database}", self.hosts())
    }
}

impl fmt::Debug for ConnInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnInfo({self})")
    }
}

fn display_host(target: &Target) -> String {
    let host = if target.is_socket() {
        syntax::percent_encode(&target.host)
    } else if target.host.contains(':') {
        format!("[{}]", target.host)
    } else {
        target.host.clone()
    };
    format!("{host}:{}", target.port)
}

/// Parameters that promise something which cannot be kept are refused rather than ignored.
fn refuse_unsupported(given: &BTreeMap<&'static str, String>) -> Result<()> {
    for (key, why) in [
        ("sslcrl", "certificate revocation lists are not read"),
        ("sslcrldir", "certificate revocation lists are not read"),
        ("requirepeer", "the owner of the server process is not checked"),
        ("require_auth", "the authentication method is the server's choice"),
        ("sslpassword", "encrypted private keys are not read"),
        ("replication", "replication connections are not made"),
        ("scram_client_key", "SCRAM keys are not passed through"),
        ("scram_server_key", "SCRAM keys are not passed through"),
    ] {
        if given.get(key).is_some_and(|v| !matches!(v.as_str(), "0" | "no" | "off" | "false")) {
            return Err(Diagnostic::error(
                "unsupported-parameter",
                format!("the connection parameter `{key}` is not supported"),
            )
            .note(why)
            .help(format!("leave `{key}` out, if the connection is as safe without it")));
        }
    }
    if given.get("gssencmode").is_some_and(|v| v == "require") {
        return Err(Diagnostic::error("unsupported-parameter", "gssencmode=require is not supported")
            .note("GSSAPI encryption is not available; TLS is")
            .help("use sslmode=verify-full instead"));
    }
    Ok(())
}

/// An integer parameter.
fn seconds(given: &BTreeMap<&'static str, String>, key: &str) -> Result<Option<i64>> {
    let Some(text) = given.get(key) else { return Ok(None) };
    text.trim().parse::<i64>().map(Some).map_err(|_| {
        Diagnostic::error("bad-parameter", format!("the connection parameter `{key}` must be an integer"))
            .note(format!("it is `{text}`"))
    })
}

/// A parameter that is one word of a few.
pub(crate) fn one_of<T: Copy>(
    given: &BTreeMap<&'static str, String>,
    key: &str,
    default: T,
    words: &[(&str, T)],
) -> Result<T> {
    let Some(text) = given.get(key) else { return Ok(default) };
    words.iter().find(|(word, _)| word == text).map(|(_, value)| *value).ok_or_else(|| {
        let known = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        Diagnostic::error("bad-parameter", format!("`{text}` is no value of the connection parameter `{key}`"))
            .help(format!("it can be {known}"))
    })
}

fn targets(given: &BTreeMap<&'static str, String>) -> Result<Vec<Target>> {
    let list = |key: &str| -> Vec<String> {
        given.get(key).map(|v| v.split(',').map(|s| s.trim().to_owned()).collect()).unwrap_or_default()
    };
    let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    let count = hosts.len().max(addresses.len()).max(1);
    if !hosts.is_empty() && !addresses.is_empty() && hosts.len() != addresses.len() {
        let (h, a) = (hosts.len(), addresses.len());
        return Err(Diagnostic::error("bad-parameter", format!("{h} hosts but {a} addresses (hostaddr) are given"))
            .help("give one address for each host; an element may be empty"));
    }
    if ports.len() > 1 && ports.len() != count {
        let p = ports.len();
        return Err(Diagnostic::error("bad-parameter", format!("{p} ports but {count} hosts are given"))
            .help("give one port for all hosts or one for each"));
    }
    let mut targets = Vec::with_capacity(count);
    for i in 0..count {
        let port = ports.get(i).or_else(|| if ports.len() == 1 { ports.first() } else { None });
        let port = match port.map(String::as_str) {
            None | Some("") => DEFAULT_PORT,
            Some(text) => text.parse::<u16>().ok().filter(|p| *p > 0).ok_or_else(|| {
                Diagnostic::error("bad-parameter", format!("`{text}` is no port"))
                    .help("a port is a number from 1 to 65535; the usual one is 5432")
            })?,
        };
        let hostaddr = addresses.get(i).filter(|a| !a.is_empty()).cloned();
        if let Some(address) = &hostaddr
            && address.parse::<std::net::IpAddr>().is_err()
        {
            return Err(Diagnostic::error("bad-parameter", format!("hostaddr `{address}` is no numeric address"))
                .help("put a name into `host` instead"));
        }
        let host = match (hosts.get(i).filter(|h| !h.is_empty()), &hostaddr) {
            (Some(host), _) => host.clone(),
            (None, Some(address)) => address.clone(),
            (None, None) => default_host(port),
        };
        targets.push(Target { host, hostaddr, port });
    }
    Ok(targets)
}

/// The socket folder that holds a socket for the port, else the first that exists, else localhost.
fn default_host(port: u16) -> String {
    let socket = format!(".s.PGSQL.{port}");
    SOCKET_FOLDERS
        .iter()
        .find(|f| Path::new(f).join(&socket).exists())
        .map_or_else(|| "localhost".to_owned(), |f| (*f).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(vars: &[(&str, &str)]) -> Environment {
        Environment {
            vars: vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            home: None,
            user: Some("osuser".to_owned()),
        }
    }

    fn parse(text: &str) -> ConnInfo {
        ConnInfo::parse_in(text, &env(&[])).expect(text)
    }

    fn fails(text: &str) -> Box<Diagnostic> {
        ConnInfo::parse_in(text, &env(&[])).expect_err(text)
    }

    #[test]
    fn what_libpq_accepts_is_accepted() {
        for (text, shown) in [
            ("postgresql://u@h/d", "postgres://u@h:5432/d"),
            ("postgres://u:p@h:5433/d", "postgres://u@h:5433/d"),
            ("postgres://h", "postgres://osuser@h:5432/osuser"),
            ("postgres://u@/d?host=h&port=9", "postgres://u@h:9/d"),
            ("postgres://u@h1:1,h2,h3:3/d", "postgres://u@h1:1,h2:5432,h3:3/d"),
            ("postgres://u@[2001:db8::1]:5433/d", "postgres://u@[2001:db8::1]:5433/d"),
            ("postgres://u@%2Ftmp%2Fx:5433/d", "postgres://u@%2Ftmp%2Fx:5433/d"),
            ("postgres:///d?host=/tmp/x&user=u", "postgres://u@%2Ftmp%2Fx:5432/d"),
            ("postgres://a%40b:p%3Aq@h/d%2Fe", "postgres://a%40b@h:5432/d%2Fe"),
            ("host=h user=u dbname=d", "postgres://u@h:5432/d"),
            ("host = h  user = 'u v' dbname='it\\'s'", "postgres://u%20v@h:5432/it%27s"),
            ("host=h user=a\\ b", "postgres://a%20b@h:5432/a%20b"),
            ("host=h user=u password='' dbname=d", "postgres://u@h:5432/d"),
            ("host=a,b port=1,2 user=u dbname=d", "postgres://u@a:1,b:2/d"),
            ("hostaddr=127.0.0.1 user=u", "postgres://u@127.0.0.1:5432/u"),
            ("postgres://u@h/d?ssl=true", "postgres://u@h:5432/d"),
            ("postgres://u@h/d?application_name=x%20y&options=-c%20jit%3Doff", "postgres://u@h:5432/d"),
        ] {
            assert_eq!(parse(text).to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, part) in [
            ("host=h usr=u", "usr"),
            ("host=h user", "="),
            ("host='h", "quote"),
            ("postgres://u@h:x/d", "port"),
            ("postgres://u@h:70000/d", "port"),
            ("postgres://u@[::1/d", "]"),
            ("postgres://u%zz@h/d", "%"),
            ("postgres://u@h/d?sslmode=sometimes", "sometimes"),
            ("postgres://u@h/d?sslmod=require", "sslmod"),
            ("postgres://u@h/d?connect_timeout=soon", "connect_timeout"),
            ("host=a,b port=1,2,3", "3 ports"),
            ("hostaddr=example.com", "numeric"),
            ("host=h sslcrl=x", "sslcrl"),
            ("mysql://h/d", "mysql"),
        ] {
            let error = fails(text);
            assert!(error.message.contains(part), "{text}: {}", error.message);
        }
        assert!(fails("host=h usr=u").help.iter().any(|h| h.contains("user")));
    }

    #[test]
    fn foreign_parameters_of_urls_are_ignored_with_a_word() {
        let info = parse("postgres://u@h/d?pgbouncer=true&supa=base-pooler.x&connection_limit=1&whatever=1");
        assert_eq!(info.warnings.len(), 1, "{:?}", info.warnings);
        assert!(info.warnings[0].contains("whatever"));
    }

    #[test]
    fn environment_fills_gaps() {
        let vars = [
            ("PGHOST", "eh"),
            ("PGPORT", "99"),
            ("PGUSER", "eu"),
            ("PGDATABASE", "ed"),
            ("PGPASSWORD", "secret"),
            ("PGSSLMODE", "require"),
            ("PGOPTIONS", "-c jit=off"),
            ("PGAPPNAME", ""),
        ];
        let all = ConnInfo::parse_in("", &env(&vars)).unwrap();
        assert_eq!(all.to_string(), "postgres://eu@eh:99/ed");
        assert_eq!(all.password_for(&all.targets[0]), Some(("secret", PasswordOrigin::Environment)));
        assert_eq!(all.options.as_deref(), Some("-c jit=off"));
        assert_eq!(all.application_name, None);
        let some = ConnInfo::parse_in("postgres://h:1/d", &env(&vars)).unwrap();
        assert_eq!(some.to_string(), "postgres://eu@h:1/d");
        assert_eq!(ConnInfo::parse_in("postgres://", &env(&vars)).unwrap().to_string(), all.to_string());
    }

    #[test]
    fn no_password_is_ever_shown() {
        for text in [
            "postgres://u:hunter2@h/d",
            "host=h user=u password=hunter2 dbname=d",
            "postgres://h/?user=u&password=hunter2",
        ] {
            let info = parse(text);
            assert!(!format!("{info} {info:?} {info:#?}").contains("hunter2"));
            assert!(info.to_url().contains("hunter2"));
        }
        for text in [
            "postgres://u:hunter2@h:port/d",
            "host=h password='hunter2",
            "host=h password=hunter2 x",
            "postgres://u:hunter2%zz@h/d",
            "postgres://u:hunter2@[h/d",
            "postgres://u@h/d?pasword=hunter2",
        ] {
            let error = fails(text);
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn urls_written_are_read_again() {
        let info = parse("postgres://a%40b:p%20%2F%3Aq@h1,[::1]:7/d%25?sslmode=verify-ca&options=-c%20a%3Db");
        let again = parse(&info.to_url());
        assert_eq!(again.to_string(), info.to_string());
        assert_eq!(again.password_for(&again.targets[0]), info.password_for(&info.targets[0]));
        assert_eq!(again.options, info.options);
        assert_eq!(again.to_url(), info.to_url());
    }

    #[test]
    fn password_file_is_used_per_server_and_database() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pass");
        std::fs::write(&file, "h1:5432:d:u:one\nh2:*:*:u:two\nlocalhost:5432:d:u:local\n").unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let text = format!("host=h1,h2,/tmp user=u dbname=d passfile={}", file.display());
        let info = parse(&text);
        let found = |i: &ConnInfo, n: usize| i.password_for(&i.targets[n]).map(|(p, _)| p.to_owned());
        assert_eq!(found(&info, 0).as_deref(), Some("one"));
        assert_eq!(found(&info, 1).as_deref(), Some("two"));
        assert_eq!(found(&info, 2).as_deref(), Some("local"));
        assert_eq!(found(&info.with_database("e"), 0), None);
    }
}
