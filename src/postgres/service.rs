//! The connection service file: named sets of parameters in INI form.
//!
//! Rests on "34.17 The Connection Service File": `servicefile`, else `PGSERVICEFILE`, else `~/.pg_service.conf`, then
//! `pg_service.conf` in `PGSYSCONFDIR`.

use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::syntax::known_key;
use crate::core::diagnostic::{Diagnostic, Location, Result, Source};

/// Where distributions keep the system-wide file.
const SYSTEM_FOLDERS: &[&str] =
    &["/etc/postgresql-common", "/etc/sysconfig/pgsql", "/usr/local/etc", "/opt/homebrew/etc"];

/// The parameters of a service.
pub(crate) fn look_up(name: &str, file: Option<&Path>, env: &Environment) -> Result<Vec<(&'static str, String)>> {
    let mut files: Vec<PathBuf> = Vec::new();
    let user_file = file.map(Path::to_path_buf).or_else(|| env.var("PGSERVICEFILE").map(PathBuf::from));
    files.extend(user_file.or_else(|| env.in_home(".pg_service.conf")));
    match env.var("PGSYSCONFDIR") {
        Some(folder) => files.push(Path::new(&folder).join("pg_service.conf")),
        None => files.extend(SYSTEM_FOLDERS.iter().map(|f| Path::new(f).join("pg_service.conf"))),
    }
    let mut names = Vec::new();
    for path in &files {
        let Ok(bytes) = std::fs::read(path) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        if let Some(found) = section(&text, name, &path.display().to_string(), &mut names)? {
            return Ok(found);
        }
    }
    let looked = files.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ");
    let mut error = Diagnostic::error("unknown-service", format!("the connection service `{name}` is not defined"))
        .note(format!("looked for in {looked}"));
    if let Some(near) = crate::core::diagnostic::nearest(name, names.iter().map(String::as_str)).first() {
        error = error.help(format!("did you mean `{near}`?"));
    }
    Err(error)
}

fn section(text: &str, name: &str, path: &str, names: &mut Vec<String>) -> Result<Option<Vec<(&'static str, String)>>> {
    let mut found: Option<Vec<(&'static str, String)>> = None;
    let mut offset = 0;
    for raw in text.split_inclusive('\n') {
        let span = offset..offset + raw.trim_end().len();
        offset += raw.len();
        let line = raw.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            let header = header.split(']').next().unwrap_or_default();
            names.push(header.to_owned());
            if header == name {
                found = Some(Vec::new());
            }
            continue;
        }
        let Some(parameters) = &mut found else { continue };
        // The excerpt would show the line; a line with a password must not be shown, so the source holds blanks only.
        let at = || {
            let blank = text.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect::<String>();
            Location::new(&Source::new(path, blank), span.clone())
        };
        let Some((key, value)) = line.split_once('=') else {
            return Err(Diagnostic::error("bad-service-file", "a line of the service file is not key=value").at(at()));
        };
        match known_key(key.trim()) {
            Some("service" | "servicefile") => {
                return Err(Diagnostic::error("bad-service-file", "a service cannot name another service").at(at()));
            }
            Some(known) => parameters.push((known, value.trim().to_owned())),
            None => {
                let message = format!("`{}` in the service file is no connection parameter", key.trim());
                return Err(Diagnostic::error("bad-service-file", message).at(at()));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::ConnInfo;

    fn environment(text: &str) -> (tempfile::TempDir, Environment) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".pg_service.conf"), text).unwrap();
        let home = Some(folder.path().to_owned());
        (folder, Environment { home, user: Some("me".into()), ..Environment::default() })
    }

    #[test]
    fn a_service_fills_what_the_text_leaves_open() {
        let (_keep, env) = environment("# c\n[a]\nhost=x\n[b]\nhost = h\nport=7\npassword=pw\ndbname=d\n[c]\nhost=y\n");
        let info = ConnInfo::parse_in("service=b dbname=mine", &env).unwrap();
        assert_eq!(info.to_string(), "postgres://me@h:7/mine");
        assert!(info.to_url().contains(":pw@"));
        assert_eq!(ConnInfo::parse_in("postgres://?service=c", &env).unwrap().to_string(), "postgres://me@y:5432/me");
        let error = ConnInfo::parse_in("service=bb", &env).unwrap_err();
        assert!(error.message.contains("bb"));
    }

    #[test]
    fn errors_show_no_line_of_the_file() {
        let (_keep, env) = environment("[a]\npasword=hunter2\n");
        let error = ConnInfo::parse_in("service=a", &env).unwrap_err();
        assert!(error.to_string().contains(":2:1"));
        assert!(!error.location.unwrap().source.text.contains("hunter2"));
    }
}
