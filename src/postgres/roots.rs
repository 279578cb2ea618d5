//! The root certificates that this machine trusts: what `sslrootcert=system` means to libpq, which leaves it to OpenSSL.
//!
//! OpenSSL takes the file that `SSL_CERT_FILE` names, else its own, and the folders that `SSL_CERT_DIR` names, else its own; each
//! variable stands for its own half only. Where neither is set, the platform's store is read as its other programs read it. A
//! machine without any store (a bare container) gets the roots of Mozilla's programme, which are a part of the program.

use std::path::PathBuf;

use rustls::RootCertStore;
use rustls_native_certs::{load_certs_from_paths, load_native_certs};
use rustls_pki_types::CertificateDer;

use super::environment::Environment;
use crate::core::diagnostic::{Diagnostic, Result};

/// What the environment says of the machine's store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SystemRoots {
    file: Option<PathBuf>,
    folders: Option<Vec<PathBuf>>,
}

impl SystemRoots {
    pub fn of(env: &Environment) -> Self {
        let folders = env.var("SSL_CERT_DIR");
        Self {
            file: env.var("SSL_CERT_FILE").map(PathBuf::from),
            folders: folders.map(|all| std::env::split_paths(&all).filter(|p| !p.as_os_str().is_empty()).collect()),
        }
    }

    /// The certificates.
    ///
    /// # Errors
    /// Where a variable names what cannot be read: with other roots than those that were asked for, another server might be
    /// trusted.
    pub fn store(&self) -> Result<RootCertStore> {
        let mut store = RootCertStore::empty();
        match (&self.file, &self.folders) {
            (None, None) => _ = store.add_parsable_certificates(load_native_certs().certs),
            (file, folders) => {
                match file {
                    Some(file) => _ = store.add_parsable_certificates(read("SSL_CERT_FILE", file, false)?),
                    None => {
                        let usual = openssl_probe::probe().cert_file;
                        store.add_parsable_certificates(load_certs_from_paths(usual.as_deref(), None).certs);
                    }
                }
                match folders {
                    Some(folders) => {
                        for folder in folders {
                            store.add_parsable_certificates(read("SSL_CERT_DIR", folder, true)?);
                        }
                    }
                    None => {
                        for folder in openssl_probe::candidate_cert_dirs() {
                            store.add_parsable_certificates(load_certs_from_paths(None, Some(folder)).certs);
                        }
                    }
                }
                return Ok(store);
            }
        }
        if store.is_empty() {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Ok(store)
    }

    /// Whose roots they are, in words.
    pub fn words(&self) -> &'static str {
        match (&self.file, &self.folders) {
            (None, None) => "the authorities that this machine trusts",
            _ => "the authorities that this machine trusts (SSL_CERT_FILE, SSL_CERT_DIR)",
        }
    }
}

/// The certificates in what a variable names. In a folder, files that hold none are passed over.
fn read(variable: &str, path: &PathBuf, is_folder: bool) -> Result<Vec<CertificateDer<'static>>> {
    let failed = |why: String| {
        Diagnostic::error("tls", format!("failed to read {}, which {variable} names", path.display()))
            .note(why)
            .help(format!("set {variable} right, or leave it out"))
    };
    let found = if is_folder {
        std::fs::read_dir(path).map_err(|e| failed(e.to_string()))?;
        load_certs_from_paths(None, Some(path))
    } else {
        std::fs::File::open(path).map_err(|e| failed(e.to_string()))?;
        load_certs_from_paths(Some(path), None)
    };
    match found.errors.first().filter(|_| !is_folder && found.certs.is_empty()) {
        Some(error) => Err(failed(error.to_string())),
        None => Ok(found.certs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An authority that no machine has.
    const OURS: &str = include_str!("testing-ca.crt");

    fn roots(vars: &[(&str, &std::path::Path)]) -> SystemRoots {
        let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), value.display().to_string())).collect();
        SystemRoots::of(&Environment { vars, ..Environment::default() })
    }

    /// Whether the store trusts our authority.
    fn trusts(store: &RootCertStore) -> bool {
        store.roots.iter().any(|root| root.subject.windows(14).any(|name| name == b"trueup testing"))
    }

    #[test]
    fn variables_name_the_store_as_for_openssl() {
        let folder = tempfile::tempdir().unwrap();
        let (file, dir) = (folder.path().join("ca.pem"), folder.path().join("certs"));
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(&file, OURS).unwrap();
        let both = roots(&[("SSL_CERT_FILE", &file), ("SSL_CERT_DIR", &dir)]).store().unwrap();
        assert_eq!((both.len(), trusts(&both)), (1, true), "nothing but what is named");
        assert!(trusts(&roots(&[("SSL_CERT_FILE", &file)]).store().unwrap()));
        std::fs::write(dir.join("0.pem"), OURS).unwrap();
        std::fs::write(dir.join("notes"), "no certificate").unwrap();
        assert!(trusts(&roots(&[("SSL_CERT_DIR", &dir)]).store().unwrap()));
        let none = folder.path().join("empty");
        std::fs::create_dir(&none).unwrap();
        let two = std::env::join_paths([&none, &dir]).unwrap();
        assert!(trusts(&roots(&[("SSL_CERT_DIR", two.as_ref())]).store().unwrap()));
        let neither = roots(&[]).store().unwrap();
        assert!(!neither.is_empty(), "bundled roots, where the machine has none");
    }

    #[test]
    fn what_a_variable_names_must_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        let error = roots(&[("SSL_CERT_FILE", &gone)]).store().unwrap_err();
        assert!(error.message.contains("gone") && error.message.contains("SSL_CERT_FILE"), "{error:?}");
        assert!(roots(&[("SSL_CERT_DIR", &gone)]).store().is_err());
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "nothing").unwrap();
        let dir = folder.path();
        let error = roots(&[("SSL_CERT_FILE", &empty), ("SSL_CERT_DIR", dir)]).store();
        assert!(error.is_err() || error.is_ok_and(|store| store.is_empty()), "no other roots take the place");
    }
}
