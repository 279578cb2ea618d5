//! The password file (`~/.pgpass`): `hostname:port:database:username:password` per line.
//!
//! Rests on "34.16 The Password File". `*` matches anything, a backslash escapes `:` and `\`, the first line that
//! matches counts. As in libpq, a file that others may read is not used.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// One line of a password file. No `Debug`: it holds a password.
#[derive(Clone)]
pub(crate) struct PassEntry {
    /// Host, port, database, user; `None` matches anything.
    fields: [Option<String>; 4],
    password: String,
}

/// The lines of a password file; none when it is missing, and none with a warning when it may not be used.
pub(crate) fn read(path: &Path, warnings: &mut Vec<String>) -> Vec<PassEntry> {
    let Ok(meta) = std::fs::metadata(path) else { return Vec::new() };
    let shown = path.display();
    if !meta.is_file() {
        warnings.push(format!("the password file {shown} is not a plain file and is ignored"));
        return Vec::new();
    }
    if meta.permissions().mode() & 0o077 != 0 {
        warnings
            .push(format!("the password file {shown} may be read by others and is ignored; run: chmod 0600 {shown}"));
        return Vec::new();
    }
    match std::fs::read(path) {
        Ok(bytes) => parse(&String::from_utf8_lossy(&bytes)),
        Err(error) => {
            warnings.push(format!("the password file {shown} cannot be read: {error}"));
            Vec::new()
        }
    }
}

fn parse(text: &str) -> Vec<PassEntry> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(entry).collect()
}

fn entry(line: &str) -> Option<PassEntry> {
    let mut fields = vec![String::new()];
    let mut raw = vec![String::new()];
    let mut chars = line.trim_end_matches('\r').chars();
    while let Some(c) = chars.next() {
        match c {
            // The password is the rest of the line, further colons included only where escaped; libpq ends it there.
            ':' => {
                if fields.len() == 5 {
                    break;
                }
                fields.push(String::new());
                raw.push(String::new());
            }
            _ => {
                let taken = if c == '\\' { chars.next().unwrap_or('\\') } else { c };
                fields.last_mut()?.push(taken);
                let raw = raw.last_mut()?;
                if c == '\\' {
                    raw.push('\\');
                }
                raw.push(taken);
            }
        }
    }
    if fields.len() != 5 {
        return None;
    }
    let password = fields.pop()?;
    // `*` matches anything; `\*` is an asterisk.
    let mut patterns = fields.into_iter().zip(raw).map(|(field, raw)| if raw == "*" { None } else { Some(field) });
    let fields = [patterns.next()?, patterns.next()?, patterns.next()?, patterns.next()?];
    Some(PassEntry { fields, password })
}

/// The password of the first line that matches.
pub(crate) fn find<'a>(entries: &'a [PassEntry], host: &str, port: u16, database: &str, user: &str) -> Option<&'a str> {
    let port = port.to_string();
    let wanted = [host, &port, database, user];
    entries
        .iter()
        .find(|e| e.fields.iter().zip(wanted).all(|(field, value)| field.as_deref().is_none_or(|f| f == value)))
        .map(|e| e.password.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_match_counts() {
        let entries = parse(
            "# comment\nh:5432:d:u:first\nh:*:*:u:second\n*:*:*:*:any\n\nbroken:line\na\\:b:5432:d:u\\\\v:p\\:w\\\\d\n",
        );
        assert_eq!(entries.len(), 4);
        for (host, port, database, user, password) in
            [("h", 5432, "d", "u", "first"), ("h", 1, "d", "u", "second"), ("x", 1, "y", "z", "any")]
        {
            assert_eq!(find(&entries, host, port, database, user), Some(password));
        }
        let escaped = parse("a\\:b:5432:d:u\\\\v:p\\:w\\\\d\n");
        assert_eq!(find(&escaped, "a:b", 5432, "d", "u\\v"), Some("p:w\\d"));
        assert_eq!(find(&escaped, "a", 5432, "d", "u\\v"), None);
    }

    #[test]
    fn a_file_that_others_may_read_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pgpass");
        std::fs::write(&path, "*:*:*:*:p\n").unwrap();
        for (mode, used) in [(0o644, false), (0o640, false), (0o600, true)] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let mut warnings = Vec::new();
            assert_eq!(!read(&path, &mut warnings).is_empty(), used);
            assert_eq!(warnings.is_empty(), used);
        }
        assert!(read(&folder.path().join("none"), &mut Vec::new()).is_empty());
    }
}
