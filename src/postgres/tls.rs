//! TLS with libpq's meaning of `sslmode` (manual, "34.19 SSL Support"), by rustls.
//!
//! | `sslmode` | encrypted | certificate |
//! | --- | --- | --- |
//! | `disable` | no | |
//! | `allow` | only if the server insists | not verified |
//! | `prefer` (default) | if the server can | not verified |
//! | `require` | yes | chain verified if a root certificate is there, else not verified |
//! | `verify-ca` | yes | chain |
//! | `verify-full` | yes | chain and host name |
//!
//! Roots: `sslrootcert`, else `~/.postgresql/root.crt` where it exists, else (for the verifying modes, where libpq would
//! fail) those that the machine trusts ([`super::roots`]), which is also what `sslrootcert=system` means.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::conninfo::one_of;
use super::environment::Environment;
use super::roots::SystemRoots;
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::versions;

/// libpq's `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl SslMode {
    pub fn word(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// Where the trusted roots come from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Roots {
    /// None are configured.
    None,
    /// `sslrootcert=system`.
    System,
    /// A PEM file; `chosen` when the user named it.
    File { path: PathBuf, chosen: bool },
}

/// Everything about TLS in a connection string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsOptions {
    pub mode: SslMode,
    /// `sslnegotiation=direct`: no question first (PostgreSQL 17 and later).
    pub direct: bool,
    roots: Roots,
    system: SystemRoots,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    certificate_required: bool,
    server_name: bool,
    tls13_only: bool,
    tls12_only: bool,
}

impl TlsOptions {
    /// No TLS at all.
    pub fn disabled() -> Self {
        Self {
            mode: SslMode::Disable,
            direct: false,
            roots: Roots::None,
            system: SystemRoots::default(),
            certificate: None,
            key: None,
            certificate_required: false,
            server_name: true,
            tls13_only: false,
            tls12_only: false,
        }
    }

    pub fn from_params(given: &BTreeMap<&'static str, String>, env: &Environment) -> Result<Self> {
        let roots = match given.get("sslrootcert").map(String::as_str) {
            Some("system") => Roots::System,
            Some(path) => Roots::File { path: PathBuf::from(path), chosen: true },
            None => match env.in_home(".postgresql/root.crt") {
                Some(path) if path.exists() => Roots::File { path, chosen: false },
                _ => Roots::None,
            },
        };
        // As libpq: trusting the whole world's authorities is only sound when the name is checked too.
        let default = if roots == Roots::System { SslMode::VerifyFull } else { SslMode::Prefer };
        let mode = one_of(
            given,
            "sslmode",
            default,
            &[
                ("disable", SslMode::Disable),
                ("allow", SslMode::Allow),
                ("prefer", SslMode::Prefer),
                ("require", SslMode::Require),
                ("verify-ca", SslMode::VerifyCa),
                ("verify-full", SslMode::VerifyFull),
            ],
        )?;
        if roots == Roots::System && mode != SslMode::VerifyFull {
            return Err(Diagnostic::error(
                "bad-parameter",
                format!("sslmode={} is too weak for sslrootcert=system", mode.word()),
            )
            .note("anyone can get a certificate of a public authority; only the host name tells the server apart")
            .help("use sslmode=verify-full"));
        }
        let direct = one_of(given, "sslnegotiation", false, &[("postgres", false), ("direct", true)])?;
        if direct && matches!(mode, SslMode::Disable | SslMode::Allow | SslMode::Prefer) {
            return Err(Diagnostic::error(
                "bad-parameter",
                format!("sslmode={} is too weak for sslnegotiation=direct", mode.word()),
            )
            .help("use sslmode=require, verify-ca or verify-full"));
        }
        let switch = |key, default| one_of(given, key, default, &[("0", false), ("1", true)]);
        let versions = [("TLSv1", 0), ("TLSv1.1", 1), ("TLSv1.2", 2), ("TLSv1.3", 3)];
        let lowest = one_of(given, "ssl_min_protocol_version", 2, &versions)?;
        let highest = one_of(given, "ssl_max_protocol_version", 3, &versions)?;
        if highest < 2 || highest < lowest {
            return Err(Diagnostic::error(
                "bad-parameter",
                "no TLS version is left between ssl_min_protocol_version and ssl_max_protocol_version",
            )
            .help("TLSv1.2 and TLSv1.3 are supported"));
        }
        let (mut certificate, mut key) = (None, None);
        let certificate_mode = one_of(given, "sslcertmode", 1, &[("disable", 0), ("allow", 1), ("require", 2)])?;
        if certificate_mode > 0 {
            let pick = |name: &str, file: &str| {
                let own = given.get(name).map(PathBuf::from);
                own.or_else(|| env.in_home(file).filter(|path| path.exists()))
            };
            certificate = pick("sslcert", ".postgresql/postgresql.crt");
            key = pick("sslkey", ".postgresql/postgresql.key");
        }
        Ok(Self {
            mode,
            direct,
            roots,
            system: SystemRoots::of(env),
            certificate,
            key,
            certificate_required: certificate_mode == 2,
            server_name: switch("sslsni", true)?,
            tls13_only: lowest == 3,
            tls12_only: highest == 2,
        })
    }

    /// The parameters of a URL that say the same.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut out = vec![("sslmode", self.mode.word().to_owned())];
        match &self.roots {
            Roots::System => out.push(("sslrootcert", "system".to_owned())),
            Roots::File { path, chosen: true } => out.push(("sslrootcert", path.display().to_string())),
            Roots::None | Roots::File { .. } => {}
        }
        if let Some(path) = &self.certificate {
            out.push(("sslcert", path.display().to_string()));
        }
        if let Some(path) = &self.key {
            out.push(("sslkey", path.display().to_string()));
        }
        if self.direct {
            out.push(("sslnegotiation", "direct".to_owned()));
        }
        out
    }

    /// The TLS side of a connection.
    ///
    /// # Errors
    /// Files that are missing, unreadable or not PEM.
    pub fn connector(&self) -> Result<MakeRustlsConnect> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions: &[&rustls::SupportedProtocolVersion] = match (self.tls13_only, self.tls12_only) {
            (true, _) => &[&rustls::version::TLS13],
            (_, true) => &[&rustls::version::TLS12],
            _ => &[&rustls::version::TLS13, &rustls::version::TLS12],
        };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .map_err(|e| Diagnostic::error("tls", format!("failed to set up TLS: {e}")))?
            .dangerous()
            .with_custom_certificate_verifier(self.verifier(provider)?);
        let mut config = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                let key = PrivateKeyDer::from_pem_file(key).map_err(|e| pem_error(key, &e))?;
                builder.with_client_auth_cert(certificates(certificate)?, key).map_err(|e| {
                    Diagnostic::error("tls", format!("failed to use the client certificate: {e}"))
                        .note(format!("it is {}", certificate.display()))
                })?
            }
            (Some(certificate), None) => {
                return Err(Diagnostic::error("tls", "the client certificate has no private key")
                    .note(format!("the certificate is {}", certificate.display()))
                    .help("name the key with sslkey=FILE"));
            }
            (None, _) if self.certificate_required => {
                return Err(Diagnostic::error("tls", "sslcertmode=require, but no client certificate is given")
                    .help("name it with sslcert=FILE and sslkey=FILE"));
            }
            (None, _) => builder.with_no_client_auth(),
        };
        config.enable_sni = self.server_name;
        if self.direct {
            config.alpn_protocols = vec![b"postgresql".to_vec()];
        }
        Ok(MakeRustlsConnect::new(config))
    }

    fn verifier(&self, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>> {
        let verify = match self.mode {
            SslMode::Disable | SslMode::Allow | SslMode::Prefer => false,
            // "for backwards compatibility", says the manual: with a root certificate, require is verify-ca.
            SslMode::Require => self.roots != Roots::None,
            SslMode::VerifyCa | SslMode::VerifyFull => true,
        };
        if !verify {
            return Ok(Arc::new(Lenient { chain: None, provider }));
        }
        let mut store = RootCertStore::empty();
        match &self.roots {
            Roots::File { path, .. } => {
                for certificate in certificates(path)? {
                    store.add(certificate).map_err(|e| {
                        Diagnostic::error("tls", format!("failed to use a root certificate: {e}"))
                            .note(format!("it is in {}", path.display()))
                    })?;
                }
            }
            Roots::None | Roots::System => store = self.system.store()?,
        }
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(&provider))
            .build()
            .map_err(|e| Diagnostic::error("tls", format!("failed to set up certificate verification: {e}")))?;
        if self.mode == SslMode::VerifyFull {
            Ok(chain)
        } else {
            Ok(Arc::new(Lenient { chain: Some(chain), provider }))
        }
    }

    /// What to do about a failed handshake.
    pub fn explain(&self, error: Box<Diagnostic>, cause: &(dyn std::error::Error + 'static)) -> Box<Diagnostic> {
        let mut text = String::new();
        let mut next = Some(cause);
        while let Some(e) = next {
            text.push_str(&e.to_string());
            text.push('\n');
            next = e.source();
        }
        if text.contains("does not support TLS") {
            return error
                .note(format!("sslmode={} asks for TLS, and the server has it switched off", self.mode.word()))
                .help("use sslmode=prefer or disable, if the way to the server is safe");
        }
        if text.contains("UnknownIssuer") || text.contains("CaUsedAsEndEntity") || text.contains("BadSignature") {
            let by = match &self.roots {
                Roots::File { path, .. } => format!("the roots in {}", path.display()),
                Roots::None | Roots::System => self.system.words().to_owned(),
            };
            return error
                .note(format!("the server's certificate is not vouched for by {by}"))
                .help("give the authority's certificate with sslrootcert=FILE (Supabase: Project Settings, Database, SSL)")
                .help("or use sslmode=require, which encrypts without verifying who answers");
        }
        if text.contains("NotValidForName") || text.contains("not valid for name") {
            return error
                .note("the server's certificate is for another host name")
                .help("connect under the name in the certificate, or use sslmode=verify-ca");
        }
        if self.direct && text.contains("eof") {
            return error.help(format!(
                "sslnegotiation=direct needs PostgreSQL {} or later; leave it out",
                versions::DIRECT_TLS
            ));
        }
        if text.contains("Expired") {
            return error.note("the server's certificate has expired");
        }
        error
    }
}

fn pem_error(path: &Path, error: &rustls::pki_types::pem::Error) -> Box<Diagnostic> {
    use rustls::pki_types::pem::Error;
    let why = match error {
        Error::Io(e) => e.to_string(),
        Error::NoItemsFound => "it holds no PEM section of the kind that is needed".to_owned(),
        other => other.to_string(),
    };
    Diagnostic::error("tls", format!("failed to read {}", path.display())).note(why)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let list: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<std::result::Result<_, _>>)
        .map_err(|e| pem_error(path, &e))?;
    if list.is_empty() {
        return Err(pem_error(path, &rustls::pki_types::pem::Error::NoItemsFound));
    }
    Ok(list)
}

/// Verifies less than rustls would: the chain without the name (`verify-ca`), or nothing (`require` and below), as
/// libpq does. The handshake's signature is verified in any case.
#[derive(Debug)]
struct Lenient {
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        // The verifier looks at the name last: when only the name is wrong, the chain was right.
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&'static str, &str)]) -> Result<TlsOptions> {
        let given = pairs.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
        TlsOptions::from_params(&given, &Environment::default())
    }

    #[test]
    fn modes_are_read() {
        assert_eq!(options(&[]).unwrap().mode, SslMode::Prefer);
        assert_eq!(options(&[("sslrootcert", "system")]).unwrap().mode, SslMode::VerifyFull);
        assert!(options(&[("sslrootcert", "system"), ("sslmode", "require")]).is_err());
        assert!(options(&[("sslnegotiation", "direct")]).is_err());
        assert!(options(&[("ssl_max_protocol_version", "TLSv1.1")]).is_err());
        for mode in ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] {
            let read = options(&[("sslmode", mode)]).unwrap();
            assert_eq!(read.mode.word(), mode);
            assert!(read.connector().is_ok(), "{mode}");
        }
    }

    #[test]
    fn a_missing_root_file_is_named() {
        let error = options(&[("sslmode", "verify-ca"), ("sslrootcert", "/nonexistent/ca.crt")]).unwrap().connector();
        assert!(error.err().unwrap().message.contains("/nonexistent/ca.crt"));
    }

    #[test]
    fn the_users_own_root_file_comes_first() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".postgresql")).unwrap();
        std::fs::write(home.path().join(".postgresql/root.crt"), "not pem").unwrap();
        let env = Environment { home: Some(home.path().to_owned()), ..Environment::default() };
        let given = [("sslmode", "require".to_owned())].into();
        let read = TlsOptions::from_params(&given, &env).unwrap();
        assert!(read.connector().is_err(), "require verifies when a root file is there, so the file is read");
        let given = [("sslmode", "prefer".to_owned())].into();
        assert!(TlsOptions::from_params(&given, &env).unwrap().connector().is_ok());
    }
}
