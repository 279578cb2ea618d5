//! The two forms of a connection string, read into parameters: URLs and `key=value` lists.
//!
//! Follows `conninfo_parse` and `conninfo_uri_parse` of libpq's `fe-connect.c`. No error repeats a value that could be
//! a password.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::core::diagnostic::{Diagnostic, Result, nearest};

/// A parameter that libpq knows, and the environment variable that sets it.
pub(crate) struct Known {
    pub key: &'static str,
    pub env: Option<&'static str>,
}

const fn known(key: &'static str, env: &'static str) -> Known {
    Known { key, env: Some(env) }
}

const fn plain(key: &'static str) -> Known {
    Known { key, env: None }
}

/// All parameters of libpq 18 (`PQconninfoOptions`).
pub(crate) const KNOWN: &[Known] = &[
    known("application_name", "PGAPPNAME"),
    known("channel_binding", "PGCHANNELBINDING"),
    known("client_encoding", "PGCLIENTENCODING"),
    known("connect_timeout", "PGCONNECT_TIMEOUT"),
    known("dbname", "PGDATABASE"),
    plain("fallback_application_name"),
    known("gssdelegation", "PGGSSDELEGATION"),
    known("gssencmode", "PGGSSENCMODE"),
    known("gsslib", "PGGSSLIB"),
    known("host", "PGHOST"),
    known("hostaddr", "PGHOSTADDR"),
    plain("keepalives"),
    plain("keepalives_count"),
    plain("keepalives_idle"),
    plain("keepalives_interval"),
    known("krbsrvname", "PGKRBSRVNAME"),
    known("load_balance_hosts", "PGLOADBALANCEHOSTS"),
    known("max_protocol_version", "PGMAXPROTOCOLVERSION"),
    known("min_protocol_version", "PGMINPROTOCOLVERSION"),
    plain("oauth_client_id"),
    plain("oauth_client_secret"),
    plain("oauth_issuer"),
    plain("oauth_scope"),
    known("options", "PGOPTIONS"),
    known("passfile", "PGPASSFILE"),
    known("password", "PGPASSWORD"),
    known("port", "PGPORT"),
    plain("replication"),
    known("require_auth", "PGREQUIREAUTH"),
    known("requirepeer", "PGREQUIREPEER"),
    plain("scram_client_key"),
    plain("scram_server_key"),
    plain("service"),
    plain("servicefile"),
    known("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION"),
    known("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"),
    known("sslcert", "PGSSLCERT"),
    known("sslcertmode", "PGSSLCERTMODE"),
    known("sslcompression", "PGSSLCOMPRESSION"),
    known("sslcrl", "PGSSLCRL"),
    known("sslcrldir", "PGSSLCRLDIR"),
    known("sslkey", "PGSSLKEY"),
    plain("sslkeylogfile"),
    known("sslmode", "PGSSLMODE"),
    known("sslnegotiation", "PGSSLNEGOTIATION"),
    plain("sslpassword"),
    known("sslrootcert", "PGSSLROOTCERT"),
    known("sslsni", "PGSSLSNI"),
    known("target_session_attrs", "PGTARGETSESSIONATTRS"),
    plain("tcp_user_timeout"),
    known("user", "PGUSER"),
];

/// Parameters that other programs put into URLs and that mean nothing here: Prisma's, poolers', drivers'.
const FOREIGN: &[&str] = &[
    "binary_parameters",
    "connection_limit",
    "max_connections",
    "pgbouncer",
    "pool_mode",
    "pool_timeout",
    "prepareThreshold",
    "prepare_threshold",
    "prepared_statements",
    "schema",
    "socket_timeout",
    "sslaccept",
    "statement_cache_capacity",
    "statement_cache_size",
    "supa",
    "uselibpqcompat",
    "workaround",
];

/// The parameter of that name.
pub(crate) fn known_key(name: &str) -> Option<&'static str> {
    KNOWN.iter().find(|k| k.key == name).map(|k| k.key)
}

/// A connection string as parameters; `warnings` takes what was ignored.
pub(crate) fn read(text: &str, warnings: &mut Vec<String>) -> Result<BTreeMap<&'static str, String>> {
    let text = text.trim();
    for scheme in ["postgres://", "postgresql://"] {
        if let Some(rest) = text.strip_prefix(scheme) {
            return url(rest, warnings);
        }
    }
    if let Some((scheme, _)) = text.split_once("://")
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        && !scheme.is_empty()
    {
        return Err(Diagnostic::error("bad-url", format!("`{scheme}://` is no scheme of a PostgreSQL URL"))
            .help("begin the URL with postgres:// or postgresql://"));
    }
    key_values(text)
}

/// A `key=value` list: blanks around `=` allowed, values in single quotes where they hold blanks, backslash escapes.
pub(crate) fn key_values(text: &str) -> Result<BTreeMap<&'static str, String>> {
    let mut out = BTreeMap::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            return Ok(out);
        }
        let mut key = String::new();
        while let Some(c) = chars.next_if(|c| *c != '=' && !c.is_whitespace()) {
            key.push(c);
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.next_if_eq(&'=').is_none() {
            // The word may be the tail of a password that was not quoted: it is not repeated.
            return Err(Diagnostic::error("bad-conninfo", "a word of the connection string is not followed by `=`")
                .note("a connection string is a URL or a list of key=value")
                .help("put a value that holds blanks into single quotes: password='two words'"));
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let mut value = String::new();
        if chars.next_if_eq(&'\'').is_some() {
            loop {
                match chars.next() {
                    None => {
                        return Err(Diagnostic::error(
                            "bad-conninfo",
                            "a quote in the connection string is not closed",
                        )
                        .note(format!("the value of `{}` begins with a single quote", shown_key(&key)))
                        .help("a quote inside a value is written \\'"));
                    }
                    Some('\'') => break,
                    Some('\\') => value.extend(chars.next()),
                    Some(c) => value.push(c),
                }
            }
        } else {
            while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
                if c == '\\' {
                    value.extend(chars.next());
                } else {
                    value.push(c);
                }
            }
        }
        let Some(known) = known_key(&key) else { return Err(unknown(&key)) };
        out.insert(known, value);
    }
}

/// A key as it may be shown: only what looks like a key.
fn shown_key(key: &str) -> &str {
    if key.len() <= 40 && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') { key } else { "…" }
}

fn unknown(key: &str) -> Box<Diagnostic> {
    let error = Diagnostic::error("unknown-parameter", format!("`{}` is no connection parameter", shown_key(key)));
    let near = nearest(key, KNOWN.iter().map(|k| k.key));
    match near.first() {
        Some(name) => error.help(format!("did you mean `{name}`?")),
        None => error.help("the usual ones are host, port, user, password, dbname, sslmode"),
    }
}

/// A URL after its scheme: `[user[:password]@][host[:port],…][/dbname][?key=value&…]`.
fn url(rest: &str, warnings: &mut Vec<String>) -> Result<BTreeMap<&'static str, String>> {
    let mut out = BTreeMap::new();
    let (before, query) = rest.split_once('?').map_or((rest, None), |(b, q)| (b, Some(q)));
    let (authority, path) = before.split_once('/').unwrap_or((before, ""));
    // libpq ends the user part at the first `@`. A password with a raw `@` is a common slip: the last `@` reads it as
    // meant, and no host name holds one.
    let authority = match authority.rsplit_once('@') {
        Some((credentials, hosts)) => {
            let (user, password) = credentials.split_once(':').map_or((credentials, None), |(u, p)| (u, Some(p)));
            insert(&mut out, "user", decode(user, "user name")?);
            if let Some(password) = password {
                insert(&mut out, "password", decode(password, "password")?);
            }
            hosts
        }
        None => authority,
    };
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for part in authority.split(',') {
        let (host, port) = if let Some(inner) = part.strip_prefix('[') {
            let Some((address, after)) = inner.split_once(']') else {
                return Err(Diagnostic::error(
                    "bad-url",
                    "the URL has a `[` without the `]` that ends an IPv6 address",
                ));
            };
            match after.strip_prefix(':') {
                Some(port) => (address, port),
                None if after.is_empty() => (address, ""),
                None => {
                    return Err(Diagnostic::error("bad-url", "only a port may follow the `]` of an IPv6 address"));
                }
            }
        } else {
            part.split_once(':').unwrap_or((part, ""))
        };
        if !port.chars().all(|c| c.is_ascii_digit()) {
            return Err(Diagnostic::error("bad-url", "the port in the URL is not a number")
                .help("percent-encode special characters of the password: `@` is %40, `:` is %3A, `/` is %2F, `#` is %23, `?` is %3F"));
        }
        hosts.push(decode(host, "host")?);
        ports.push(port.to_owned());
    }
    if hosts.iter().any(|h| !h.is_empty()) {
        out.insert("host", hosts.join(","));
    }
    if ports.iter().any(|p| !p.is_empty()) {
        out.insert("port", ports.join(","));
    }
    insert(&mut out, "dbname", decode(path, "database name")?);
    for pair in query.unwrap_or_default().split('&').filter(|p| !p.is_empty()) {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(Diagnostic::error("bad-url", "a parameter of the URL has no `=`")
                .help("parameters are written ?key=value&key=value"));
        };
        let (key, value) = (decode(key, "parameter name")?, decode(value, "parameter")?);
        match (known_key(&key), key.as_str()) {
            (Some(known), _) => insert(&mut out, known, value),
            // As libpq: the JDBC way of asking for TLS.
            (None, "ssl") if matches!(value.as_str(), "true" | "1") => {
                insert(&mut out, "sslmode", "require".to_owned())
            }
            (None, "ssl") => {}
            (None, foreign) if FOREIGN.contains(&foreign) => {}
            // A misspelt sslmode must not silently leave the connection unprotected.
            (None, other) if KNOWN.iter().any(|k| strsim::damerau_levenshtein(k.key, &other.to_lowercase()) <= 2) => {
                return Err(unknown(other));
            }
            (None, other) => {
                warnings.push(format!("the URL's parameter `{}` is not known and is ignored", shown_key(other)));
            }
        }
    }
    Ok(out)
}

fn insert(out: &mut BTreeMap<&'static str, String>, key: &'static str, value: String) {
    if !value.is_empty() {
        out.insert(key, value);
    }
}

/// Undoes percent-encoding.
fn decode(text: &str, what: &str) -> Result<String> {
    let bad = || {
        Diagnostic::error(
            "bad-url",
            format!("the {what} in the URL has a `%` that two hexadecimal digits do not follow"),
        )
        .help("a percent sign itself is written %25")
    };
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(bad()) };
        match u8::try_from(high * 16 + low) {
            Ok(0) | Err(_) => {
                return Err(Diagnostic::error("bad-url", format!("the {what} in the URL holds a zero byte (%00)")));
            }
            Ok(byte) => out.push(byte),
        }
    }
    String::from_utf8(out)
        .map_err(|_| Diagnostic::error("bad-url", format!("the {what} in the URL is not UTF-8 after decoding")))
}

/// Percent-encodes all but letters, digits and `-._~`.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_and_unique() {
        assert!(KNOWN.is_sorted_by(|a, b| a.key < b.key));
        assert!(FOREIGN.iter().all(|f| known_key(f).is_none()));
    }

    #[test]
    fn values_are_unquoted() {
        let got = key_values(r"password='a\'b\\c d' user = x\ y dbname=''").unwrap();
        assert_eq!(got["password"], r"a'b\c d");
        assert_eq!(got["user"], "x y");
        assert_eq!(got["dbname"], "");
    }

    #[test]
    fn a_raw_at_sign_in_a_password_is_read_as_meant() {
        let got = read("postgres://u:p@ss@h/d", &mut Vec::new()).unwrap();
        assert_eq!((got["password"].as_str(), got["host"].as_str()), ("p@ss", "h"));
    }
}
