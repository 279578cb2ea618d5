//! A connected session.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::poll_fn;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::config::{ChannelBinding as Binding, SslMode as WireMode, SslNegotiation};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::NoTls;
use tokio_postgres::{AsyncMessage, CancelToken, Client, Connection, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::conninfo::{ChannelBinding, ConnInfo, SessionAttrs, Target};
use super::error::{connect_error, sql_error};
use super::tls::SslMode;
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::versions::OLDEST_MAJOR;

/// As many messages of the server are kept until they are taken; older ones are forgotten.
const KEPT_NOTICES: usize = 1000;

/// A message that the server sent beside the results: NOTICE, WARNING and so on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// `NOTICE`, `WARNING`, … in the server's language.
    pub severity: String,
    /// The SQLSTATE.
    pub code: String,
    /// The message.
    pub message: String,
    /// DETAIL, where there is one.
    pub detail: Option<String>,
    /// HINT, where there is one.
    pub hint: Option<String>,
}

type Notices = Arc<Mutex<VecDeque<Notice>>>;

/// A connected session. Dropping it ends the connection.
pub struct Session {
    /// The client, for queries.
    pub client: Client,
    info: ConnInfo,
    version_num: u32,
    backend_pid: i32,
    tls: Option<MakeRustlsConnect>,
    notices: Notices,
}

/// Asks the server to give up what a session is doing; can be sent to other tasks.
#[derive(Clone)]
pub struct Canceller {
    token: CancelToken,
    tls: Option<MakeRustlsConnect>,
}

impl Canceller {
    /// Sends the request. Whether it had an effect shows in the statement's own result (SQLSTATE 57014); failing to
    /// send it is not reported, since there is nothing to be done about it.
    pub async fn cancel(&self) {
        let request = async {
            match &self.tls {
                Some(tls) => self.token.cancel_query(tls.clone()).await,
                None => self.token.cancel_query(NoTls).await,
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(5), request).await;
    }
}

/// How one attempt encrypts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Plain,
    Prefer,
    Tls,
}

impl Session {
    /// Connects to the first server of `info` that will have us.
    ///
    /// The session's `application_name` is `trueup` unless given, messages from NOTICE up are collected.
    ///
    /// # Errors
    /// `cannot-connect`, `wrong-password`, `password-missing`, `no-such-database`, `not-authorized`,
    /// `too-many-connections`, `tls`, `server-too-old`, `wrong-session-attrs`; none shows a password.
    pub async fn connect(info: &ConnInfo) -> Result<Self> {
        let mut targets: Vec<&Target> = info.targets.iter().collect();
        if info.random_order && targets.len() > 1 {
            // No secret depends on this order: the clock's low digits spread connections well enough.
            let nanos =
                std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
            let by = usize::try_from(nanos / 1000).unwrap_or(0) % targets.len();
            targets.rotate_left(by);
        }
        let passes: &[SessionAttrs] = match info.session_attrs {
            SessionAttrs::PreferStandby => &[SessionAttrs::Standby, SessionAttrs::Any],
            ref one => std::slice::from_ref(one),
        };
        let mut first: Option<Box<Diagnostic>> = None;
        for attrs in passes {
            for target in &targets {
                match Self::connect_target(info, target, *attrs).await {
                    Ok(session) => return Ok(session),
                    Err(error) => {
                        // As libpq: a server that is reached and refuses the user ends the search.
                        let last = matches!(
                            error.code,
                            "wrong-password" | "password-missing" | "not-authorized" | "no-such-database"
                        );
                        first = Some(match first {
                            None => error,
                            Some(first) if last => error.note(format!("before: {}", first.message)),
                            Some(first) => first.note(format!("also: {}", error.message)),
                        });
                        if last {
                            return Err(first.unwrap_or_else(no_server));
                        }
                    }
                }
            }
        }
        Err(first.unwrap_or_else(no_server))
    }

    async fn connect_target(info: &ConnInfo, target: &Target, attrs: SessionAttrs) -> Result<Self> {
        let attempts: &[Attempt] = if target.is_socket() {
            // sslmode is ignored for unix sockets.
            &[Attempt::Plain]
        } else {
            match info.tls.mode {
                SslMode::Disable => &[Attempt::Plain],
                SslMode::Allow => &[Attempt::Plain, Attempt::Tls],
                SslMode::Prefer => &[Attempt::Prefer, Attempt::Plain],
                SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => &[Attempt::Tls],
            }
        };
        let mut error: Option<Box<Diagnostic>> = None;
        for attempt in attempts {
            let connecting = Self::connect_once(info, target, *attempt);
            let outcome = match info.connect_timeout {
                Some(limit) => tokio::time::timeout(limit, connecting)
                    .await
                    .unwrap_or_else(|_| Err(timed_out(info, target, limit))),
                None => connecting.await,
            };
            match outcome {
                Ok(mut session) => {
                    session.settle(attrs).await?;
                    return Ok(session);
                }
                Err(failure) => {
                    // Another way of encrypting helps only where the handshake or pg_hba.conf was the obstacle.
                    let again = failure.code == "tls" || failure.code == "not-authorized";
                    error.get_or_insert(failure);
                    if !again {
                        break;
                    }
                }
            }
        }
        Err(error.unwrap_or_else(no_server))
    }

    async fn connect_once(info: &ConnInfo, target: &Target, attempt: Attempt) -> Result<Self> {
        let mut config = tokio_postgres::Config::new();
        config.host(&target.host).port(target.port).user(info.user()).dbname(info.database());
        if let Some(address) = target.hostaddr.as_deref().and_then(|a| a.parse().ok()) {
            config.hostaddr(address);
        }
        if let Some((password, _)) = info.password_for(target) {
            config.password(password);
        }
        if let Some(options) = &info.options {
            config.options(options.as_str());
        }
        config.application_name(info.application_name.as_deref().unwrap_or("trueup"));
        let keepalive = &info.keepalive;
        config.keepalives(keepalive.enabled);
        if let Some(idle) = keepalive.idle {
            config.keepalives_idle(idle);
        }
        if let Some(interval) = keepalive.interval {
            config.keepalives_interval(interval);
        }
        if let Some(retries) = keepalive.retries {
            config.keepalives_retries(retries);
        }
        if let Some(timeout) = keepalive.user_timeout {
            config.tcp_user_timeout(timeout);
        }
        config.channel_binding(match info.channel_binding {
            ChannelBinding::Disable => Binding::Disable,
            ChannelBinding::Prefer => Binding::Prefer,
            ChannelBinding::Require => Binding::Require,
        });
        if info.tls.direct {
            config.ssl_negotiation(SslNegotiation::Direct);
        }
        config.ssl_mode(match attempt {
            Attempt::Plain => WireMode::Disable,
            Attempt::Prefer => WireMode::Prefer,
            Attempt::Tls => WireMode::Require,
        });
        let notices = Notices::default();
        let fail = |e| connect_error(&e, info, target);
        let (client, tls) = if attempt == Attempt::Plain {
            let (client, connection) = config.connect(NoTls).await.map_err(fail)?;
            drive(connection, Arc::clone(&notices));
            (client, None)
        } else {
            let tls = info.tls.connector()?;
            let (client, connection) = config.connect(tls.clone()).await.map_err(fail)?;
            drive(connection, Arc::clone(&notices));
            (client, Some(tls))
        };
        // What later sessions and errors should name is the server that answered.
        let info = info.only(target);
        Ok(Self { client, info, version_num: 0, backend_pid: 0, tls, notices })
    }

    /// Finds out who answered and whether that will do.
    async fn settle(&mut self, attrs: SessionAttrs) -> Result<()> {
        let sql = "set client_min_messages = notice; select current_setting('server_version_num'), pg_backend_pid(), \
                   current_setting('transaction_read_only'), pg_is_in_recovery()";
        let messages = self.client.simple_query(sql).await.map_err(|e| sql_error(e, None))?;
        let row = messages.iter().find_map(|m| match m {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let field = |i| row.and_then(|row| row.try_get(i).ok().flatten()).unwrap_or_default();
        self.version_num = field(0).parse().unwrap_or(0);
        self.backend_pid = field(1).parse().unwrap_or(0);
        let (read_only, standby) = (field(2) == "on", field(3) == "t");
        if self.server_major() < OLDEST_MAJOR {
            return Err(too_old(self.server_major(), &self.info.hosts()));
        }
        let (fits, wanted) = match attrs {
            SessionAttrs::Any | SessionAttrs::PreferStandby => (true, ""),
            SessionAttrs::ReadWrite => (!read_only, "read-write"),
            SessionAttrs::ReadOnly => (read_only, "read-only"),
            SessionAttrs::Primary => (!standby, "primary"),
            SessionAttrs::Standby => (standby, "standby"),
        };
        if fits {
            return Ok(());
        }
        Err(Diagnostic::error("wrong-session-attrs", format!("the server at {} is not {wanted}", self.info.hosts()))
            .note(format!("target_session_attrs={wanted} asks for it")))
    }

    /// The server's major version, such as 17.
    pub fn server_major(&self) -> u32 {
        self.version_num / 10_000
    }

    /// The server's version as `server_version_num` has it, such as 170005.
    pub fn server_version_num(&self) -> u32 {
        self.version_num
    }

    /// The process id of the backend that serves this session.
    pub fn backend_pid(&self) -> i32 {
        self.backend_pid
    }

    /// How this session was reached: of several servers, the one that answered.
    pub fn info(&self) -> &ConnInfo {
        &self.info
    }

    /// Takes the messages that the server sent since the last time, oldest first; a thousand at most are kept.
    pub fn take_notices(&self) -> Vec<Notice> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    /// Has the server parse a text, without running it: it must be exactly one statement to its grammar.
    ///
    /// # Errors
    /// What the server says against it.
    pub async fn parses_as_one(&self, sql: &str) -> Result<()> {
        self.client.prepare(sql).await.map(|_| ()).map_err(|error| sql_error(error, Some(sql)))
    }

    /// Runs statements by the simple query protocol: several at once run in one transaction, unless they say otherwise.
    ///
    /// # Errors
    /// As [`sql_error`], with the place in `sql`.
    pub async fn batch(&self, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).await.map_err(|e| sql_error(e, Some(sql)))
    }

    /// Runs a query by the simple query protocol and gives its rows as text.
    ///
    /// # Errors
    /// As [`sql_error`], with the place in `sql`.
    pub async fn rows(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>> {
        let messages = self.client.simple_query(sql).await.map_err(|e| sql_error(e, Some(sql)))?;
        let row = |m: &SimpleQueryMessage| match m {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|i| row.try_get(i).ok().flatten().map(str::to_owned)).collect())
            }
            _ => None,
        };
        Ok(messages.iter().filter_map(row).collect())
    }

    /// Asks the server to give up the running statement; see [`Canceller::cancel`].
    pub async fn cancel(&self) {
        self.canceller().cancel().await;
    }

    /// A handle that cancels from elsewhere.
    pub fn canceller(&self) -> Canceller {
        Canceller { token: self.client.cancel_token(), tls: self.tls.clone() }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({}, PostgreSQL {}, pid {})", self.info, self.server_major(), self.backend_pid)
    }
}

fn too_old(major: u32, hosts: &str) -> Box<Diagnostic> {
    Diagnostic::error("server-too-old", format!("the server at {hosts} is PostgreSQL {major}, which is too old"))
        .note(format!("PostgreSQL {OLDEST_MAJOR} is the oldest that trueup knows"))
        .help(format!("upgrade the server to PostgreSQL {OLDEST_MAJOR} or later"))
}

/// Whether a SQLSTATE says that nothing is wrong with the statement itself and it may be tried again: a lock that was
/// not to be had, a deadlock, a serialization failure.
pub fn is_retryable(code: &SqlState) -> bool {
    [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE].contains(code)
}

/// Runs the connection's own side until it ends, keeping what the server says.
fn drive<S, T>(mut connection: Connection<S, T>, notices: Notices)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        // An error of the connection reaches the queries as "connection closed".
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            let AsyncMessage::Notice(db) = message else { continue };
            let notice = Notice {
                severity: db.severity().to_owned(),
                code: db.code().code().to_owned(),
                message: db.message().to_owned(),
                detail: db.detail().map(str::to_owned),
                hint: db.hint().map(str::to_owned),
            };
            let mut kept = notices.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() == KEPT_NOTICES {
                kept.pop_front();
            }
            kept.push_back(notice);
        }
    });
}

fn timed_out(info: &ConnInfo, target: &Target, limit: Duration) -> Box<Diagnostic> {
    let one = info.only(target);
    Diagnostic::error("cannot-connect", format!("failed to connect to {one} within {} s", limit.as_secs())).help(
        "is the host right, and does a firewall or an allow list stand between? connect_timeout=SECONDS waits longer",
    )
}

fn no_server() -> Box<Diagnostic> {
    Diagnostic::error("cannot-connect", "there is no server to connect to")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_too_old_is_named_with_the_oldest_that_will_do() {
        let error = too_old(13, "db:5432");
        assert_eq!(error.message, "the server at db:5432 is PostgreSQL 13, which is too old");
        assert!(error.help.iter().any(|help| help.contains("PostgreSQL 14")), "{error:?}");
    }
}
