//! What libpq takes from around a process: variables, the home folder, the user's name.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The surroundings a connection string is read in; a value, so that tests can make their own.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The environment variables.
    pub vars: BTreeMap<String, String>,
    /// The home folder, where `.pgpass`, `.pg_service.conf` and `.postgresql` are looked for.
    pub home: Option<PathBuf>,
    /// The operating system's name of the user.
    pub user: Option<String>,
}

impl Environment {
    /// The surroundings of this process. Variables that are not UTF-8 are left out.
    pub fn of_process() -> Self {
        let vars: BTreeMap<String, String> =
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect();
        let account = Account::by_uid(rustix::process::geteuid().as_raw());
        let home = vars.get("HOME").filter(|h| !h.is_empty()).map(PathBuf::from);
        let home = home.or_else(|| account.as_ref().map(|a| a.home.clone()));
        // Accounts of a directory service are not in /etc/passwd; the variables name them then.
        let named = || vars.get("USER").or_else(|| vars.get("LOGNAME")).cloned();
        let user = account.map(|a| a.name).or_else(named);
        Self { vars, home, user }
    }

    /// A variable's value.
    pub fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name).cloned()
    }

    /// A path in the home folder.
    pub fn in_home(&self, path: &str) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(path))
    }
}

/// An account of this machine, as `/etc/passwd` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: PathBuf,
}

impl Account {
    pub fn by_uid(uid: u32) -> Option<Self> {
        Self::all().into_iter().find(|a| a.uid == uid)
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|a| a.name == name)
    }

    /// The first account of a person or program that is not the system's own.
    pub fn first_ordinary() -> Option<Self> {
        Self::all().into_iter().find(|a| a.uid >= 1000 && a.uid < 65_000)
    }

    fn all() -> Vec<Self> {
        let text = std::fs::read("/etc/passwd").unwrap_or_default();
        String::from_utf8_lossy(&text).lines().filter_map(Self::from_line).collect()
    }

    fn from_line(line: &str) -> Option<Self> {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        let home = PathBuf::from(fields.nth(1)?);
        Some(Self { name, uid, gid, home })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read() {
        let account = Account::from_line("postgres:x:101:104:PostgreSQL,,,:/var/lib/postgresql:/bin/bash").unwrap();
        assert_eq!((account.uid, account.gid), (101, 104));
        assert_eq!(account.home, PathBuf::from("/var/lib/postgresql"));
        assert_eq!(Account::from_line("+::::::"), None);
    }
}
