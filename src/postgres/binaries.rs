//! PostgreSQL server binaries on this machine.
//!
//! Looked for, in this order: `TRUEUP_PG_BIN` (which decides alone), `PGBIN`, `PG_BIN`, the folders
//! of `TRUEUP_PG_HOMES` (each holding `<major>/bin`), `pg_config --bindir`, the versioned folders of distributions,
//! Homebrew, Postgres.app, `PATH`. Among several majors the one that fits best is taken (`rank`).

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::environment::{Account, Environment};
use crate::core::versions::OLDEST_MAJOR;

/// Folders whose subfolders each hold one major: the pattern's `*` is a subfolder's name.
const VERSIONED: &[(&str, &str, &str)] = &[
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr/lib64", "pgsql-", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),
    ("/opt/local/lib", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ("/Library/PostgreSQL", "", "bin"),
];

/// Folders that hold one installation.
const SINGLE: &[&str] = &[
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql/bin",
    "/usr/local/opt/postgresql/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql/bin",
    "/usr/lib/postgresql/bin",
];

/// PostgreSQL server binaries that work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The folder that holds `postgres` and `initdb`.
    pub bin: PathBuf,
    /// The major version.
    pub major: u32,
    /// The version as `postgres --version` gives it, such as `15.18 (Debian 15.18-0+deb12u1)`.
    pub version: String,
}

/// What the search came to: for the error message when nothing serves.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The best installation.
    pub chosen: Option<Installation>,
    /// What was looked for, found and found wanting; one line each.
    pub report: Vec<String>,
}

/// Finds the installation that fits `preferred` (the live server's major) best; `run_as` is the account that is to run
/// it, where that is another than ours.
pub(crate) fn search(preferred: Option<u32>, env: &Environment, run_as: Option<&Account>) -> Search {
    let mut found = Search::default();
    if let Some(bin) = env.var("TRUEUP_PG_BIN").filter(|v| !v.is_empty()) {
        match probe(Path::new(&bin), run_as) {
            Ok(installation) => found.chosen = Some(installation),
            Err(why) => found.report.push(format!("TRUEUP_PG_BIN: {why}")),
        }
        return found;
    }
    let mut folders = candidates(env);
    let mut seen = BTreeSet::new();
    // The same installation is often found in several ways.
    folders.retain(|folder| seen.insert(folder.canonicalize().unwrap_or_else(|_| folder.clone())));
    let mut guessed: Vec<(PathBuf, Option<u32>)> =
        folders.into_iter().map(|f| (guess(&f), f)).map(|(g, f)| (f, g)).collect();
    // Starting a binary only to ask for its version costs milliseconds: the folder's name is believed until proved wrong.
    loop {
        for (folder, major) in &mut guessed {
            if major.is_none() {
                match probe(folder, run_as) {
                    Ok(installation) => *major = Some(installation.major),
                    Err(why) => found.report.push(why),
                }
            }
        }
        guessed.retain(|(_, major)| major.is_some());
        let Some(best) =
            (0..guessed.len()).min_by_key(|i| guessed.get(*i).and_then(|g| g.1).map(|m| rank(m, preferred)))
        else {
            break;
        };
        let (folder, major) = guessed.swap_remove(best);
        match probe(&folder, run_as) {
            Ok(installation) if installation.major < OLDEST_MAJOR => {
                let (bin, major) = (installation.bin.display(), installation.major);
                found.report.push(format!("{bin}: PostgreSQL {major} is too old"));
            }
            Ok(installation) if Some(installation.major) == major => {
                found.chosen = Some(installation);
                break;
            }
            Ok(installation) => guessed.push((folder, Some(installation.major))),
            Err(why) => found.report.push(why),
        }
    }
    if found.chosen.is_none() && found.report.is_empty() {
        found.report.push(
            "PostgreSQL server binaries (postgres, initdb): none in TRUEUP_PG_BIN, TRUEUP_PG_HOMES, pg_config, \
             /usr/lib/postgresql/*/bin, /usr/pgsql-*/bin, /usr/local/pgsql/bin, Homebrew, Postgres.app, PATH"
                .to_owned(),
        );
    }
    found
}

/// How well a major fits, best first: the same, then the next higher ones, then the next lower ones; without a
/// preference the newest.
fn rank(major: u32, preferred: Option<u32>) -> (u32, u32) {
    match preferred {
        None => (0, u32::MAX - major),
        Some(wanted) if major >= wanted => (0, major - wanted),
        Some(wanted) => (1, wanted - major),
    }
}

/// The major that a folder's name tells: `…/15/bin`, `…/pgsql-15/bin`, `…/postgresql@15/bin`, `…/postgresql15`.
fn guess(bin: &Path) -> Option<u32> {
    let folder = if bin.file_name().is_some_and(|n| n == "bin") { bin.parent()? } else { bin };
    let name = folder.file_name()?.to_str()?;
    let digits = ["postgresql@", "postgresql-", "postgresql", "pgsql-", "pg"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    let digits = digits.split_once('.').map_or(digits, |(major, _)| major);
    digits.parse().ok().filter(|major| (OLDEST_MAJOR.min(9)..100).contains(major))
}

fn candidates(env: &Environment) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let usable = |folder: &Path| folder.join("postgres").exists() && folder.join("initdb").exists();
    for name in ["PGBIN", "PG_BIN"] {
        out.extend(env.var(name).filter(|v| !v.is_empty()).map(PathBuf::from));
    }
    for home in env.var("TRUEUP_PG_HOMES").unwrap_or_default().split(':').filter(|h| !h.is_empty()) {
        out.extend(subfolders(Path::new(home), "", "bin"));
    }
    for (folder, prefix, bin) in VERSIONED {
        out.extend(subfolders(Path::new(folder), prefix, bin));
    }
    out.extend(SINGLE.iter().map(PathBuf::from));
    let path: Vec<PathBuf> = env.var("PATH").map(|p| std::env::split_paths(&p).collect()).unwrap_or_default();
    for folder in &path {
        // A link leads to the installation; wrappers that choose a version (pg_wrapper) do not hold initdb.
        if let Ok(real) = folder.join("postgres").canonicalize() {
            out.extend(real.parent().map(Path::to_path_buf));
        }
    }
    out.retain(|folder| usable(folder));
    // pg_config is a process to start: only where nothing is in a known place.
    if out.is_empty()
        && let Some(program) = path.iter().map(|f| f.join("pg_config")).find(|p| p.exists())
        && let Ok(output) = Command::new(program).arg("--bindir").stderr(Stdio::null()).output()
    {
        let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        if usable(&folder) {
            out.push(folder);
        }
    }
    out
}

/// The subfolders whose name is a prefix and a number, in name order, with a folder inside appended.
fn subfolders(folder: &Path, prefix: &str, bin: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|n| n.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())))
        .collect();
    names.sort();
    names.into_iter().map(|n| if bin.is_empty() { folder.join(n) } else { folder.join(n).join(bin) }).collect()
}

/// Asks the binaries in a folder for their version; the error is a line for the report.
pub(crate) fn probe(bin: &Path, run_as: Option<&Account>) -> Result<Installation, String> {
    let shown = bin.display();
    for program in ["postgres", "initdb"] {
        if !bin.join(program).exists() {
            return Err(format!("{shown}: there is no `{program}` in it"));
        }
    }
    let mut command = command(bin, "postgres", run_as);
    let output = command.arg("--version").output().map_err(|e| match run_as {
        Some(account) => format!("{shown}: cannot be run as the user {}: {e}", account.name),
        None => format!("{shown}: cannot be run: {e}"),
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.trim().strip_prefix("postgres (PostgreSQL) ").unwrap_or_default().to_owned();
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    match digits.parse() {
        Ok(major) if output.status.success() => Ok(Installation { bin: bin.to_path_buf(), major, version }),
        _ => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("{shown}: `postgres --version` failed: {}", said.lines().next().unwrap_or("no version given")))
        }
    }
}

/// A program of an installation, with a clean environment, as the account that is to run it.
pub(crate) fn command(bin: &Path, program: &str, run_as: Option<&Account>) -> Command {
    let mut command = Command::new(bin.join(program));
    command.env_clear().stdin(Stdio::null()).current_dir("/");
    // Hand-made installations may need to be told where their libraries are.
    for name in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("LC_ALL", "C").env("TZ", "UTC");
    if let Some(account) = run_as {
        command.uid(account.uid).gid(account.gid);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_major_then_higher_then_lower() {
        let mut majors = vec![14, 15, 16, 17, 18];
        majors.sort_by_key(|m| rank(*m, Some(16)));
        assert_eq!(majors, [16, 17, 18, 15, 14]);
        majors.sort_by_key(|m| rank(*m, None));
        assert_eq!(majors, [18, 17, 16, 15, 14]);
    }

    #[test]
    fn majors_are_guessed_from_paths() {
        for (path, major) in [
            ("/usr/lib/postgresql/15/bin", Some(15)),
            ("/usr/pgsql-16/bin", Some(16)),
            ("/opt/homebrew/opt/postgresql@17/bin", Some(17)),
            ("/usr/libexec/postgresql18", Some(18)),
            ("/x/9.6/bin", Some(9)),
            ("/usr/local/pgsql/bin", None),
            ("/usr/bin", None),
        ] {
            assert_eq!(guess(Path::new(path)), major, "{path}");
        }
    }
}
