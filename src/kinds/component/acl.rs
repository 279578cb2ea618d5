//! Privileges as sets: reading `aclitem` texts, the built-in defaults, and the statements between two sets.
//!
//! Rests on PostgreSQL's documentation, "Privileges" (the letters), and on `acldefault()` in `src/backend/utils/adt/acl.c`.

use crate::core::versions;
use std::collections::{BTreeMap, BTreeSet};

/// Privileges by their SQL words (`SELECT`), each with whether it may be granted on. `ALL` stands for every privilege of the
/// object's type in a declaration that has not been completed yet.
pub type Privileges = BTreeMap<String, bool>;

/// Privileges by grantee; `public` is PUBLIC.
pub type Access = BTreeMap<String, Privileges>;

const LETTERS: &[(char, &str)] = &[
    ('r', "SELECT"),
    ('a', "INSERT"),
    ('w', "UPDATE"),
    ('d', "DELETE"),
    ('D', "TRUNCATE"),
    ('x', "REFERENCES"),
    ('t', "TRIGGER"),
    ('m', "MAINTAIN"),
    ('X', "EXECUTE"),
    ('U', "USAGE"),
    ('C', "CREATE"),
    ('T', "TEMPORARY"),
    ('c', "CONNECT"),
    ('s', "SET"),
    ('A', "ALTER SYSTEM"),
];

/// The privileges that a type of object has, by the letter that `acldefault` takes (`r` for relations, `c` for columns, …).
pub fn words_of(object_type: char, major: u32) -> &'static [&'static str] {
    const RELATION: &[&str] =
        &["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"];
    match object_type {
        'r' if major < versions::MAINTAIN => RELATION.split_last().map_or(RELATION, |(_, rest)| rest),
        'r' => RELATION,
        'c' => &["SELECT", "INSERT", "UPDATE", "REFERENCES"],
        's' => &["USAGE", "SELECT", "UPDATE"],
        'f' => &["EXECUTE"],
        'n' => &["USAGE", "CREATE"],
        'L' => &["SELECT", "UPDATE"],
        'd' => &["CREATE", "TEMPORARY", "CONNECT"],
        't' => &["CREATE"],
        'p' => &["SET", "ALTER SYSTEM"],
        'T' | 'l' | 'F' | 'S' => &["USAGE"],
        _ => &[],
    }
}

/// Every privilege of a type of object.
pub fn all(object_type: char, option: bool, major: u32) -> Privileges {
    words_of(object_type, major).iter().map(|w| ((*w).to_owned(), option)).collect()
}

/// `ALL` spelled out, and what the server's version does not know left out.
pub fn expanded(privileges: &Privileges, object_type: char, major: u32) -> Privileges {
    let mut set = Privileges::new();
    if let Some(option) = privileges.get("ALL") {
        set = all(object_type, *option, major);
    }
    for (word, option) in
        privileges.iter().filter(|(w, _)| *w != "ALL" && (major >= versions::MAINTAIN || *w != "MAINTAIN"))
    {
        *set.entry(word.clone()).or_default() |= *option;
    }
    set
}

/// The union of two sets.
pub fn union(mut a: Privileges, b: &Privileges) -> Privileges {
    for (word, option) in b {
        *a.entry(word.clone()).or_default() |= *option;
    }
    a
}

/// What the owner of an object has without any GRANT. The owner always may grant, so its option is not noted.
pub fn owners_own(object_type: char, major: u32) -> Privileges {
    // Columns have no privileges of their own until some are granted.
    if object_type == 'c' { Privileges::new() } else { all(object_type, false, major) }
}

/// The privileges a new object has where no default privileges are set (`acldefault`).
pub fn builtin(object_type: char, owner: &str, major: u32) -> Access {
    let mut access = Access::new();
    let own = owners_own(object_type, major);
    if !own.is_empty() {
        access.insert(owner.to_owned(), own);
    }
    let public: &[&str] = match object_type {
        'f' => &["EXECUTE"],
        'T' | 'l' => &["USAGE"],
        'd' => &["TEMPORARY", "CONNECT"],
        _ => &[],
    };
    if !public.is_empty() {
        access.insert("public".to_owned(), public.iter().map(|w| ((*w).to_owned(), false)).collect());
    }
    access
}

/// Reads an `aclitem[]`, element by element, into what each grantee has, whoever granted it. Letters of later versions are
/// left out.
pub fn read(items: &[String]) -> Access {
    let mut access = Access::new();
    for item in items {
        let Some((grantee, letters)) = grantee(item) else { continue };
        let entry = access.entry(grantee).or_default();
        let mut letters = letters.chars().peekable();
        while let Some(letter) = letters.next() {
            if letter == '/' {
                break;
            }
            let option = letters.next_if_eq(&'*').is_some();
            if let Some((_, word)) = LETTERS.iter().find(|(l, _)| *l == letter) {
                *entry.entry((*word).to_owned()).or_default() |= option;
            }
        }
    }
    access
}

/// Privileges by grantee, then by who granted them.
pub type ByOthers = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// What others than the owner have granted.
pub fn by_others(items: &[String], owner: &str) -> ByOthers {
    let mut found = ByOthers::new();
    for item in items {
        let Some((grantee, rest)) = grantee(item) else { continue };
        let Some((letters, grantor)) = rest.split_once('/') else { continue };
        // A role's name is written as a grantee's is.
        let Some((grantor, _)) = self::grantee(&format!("{grantor}=")) else { continue };
        if grantor == owner {
            continue;
        }
        let words = LETTERS.iter().filter(|(letter, _)| letters.contains(*letter)).map(|(_, word)| (*word).to_owned());
        found.entry(grantee).or_default().entry(grantor).or_default().extend(words);
    }
    found
}

/// The grantee of an `aclitem` (`"a ""b"""=r*w/postgres`), and what follows its equals sign.
fn grantee(item: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut quoted = false;
    let mut chars = item.char_indices().peekable();
    while let Some((i, c)) = chars.next() {
        match c {
            '"' if quoted && chars.next_if(|(_, c)| *c == '"').is_some() => name.push('"'),
            '"' => quoted = !quoted,
            '=' if !quoted => {
                let name = if name.is_empty() { "public".to_owned() } else { name };
                return Some((name, &item[i + 1..]));
            }
            c => name.push(c),
        }
    }
    None
}

/// One statement on the way from one set of privileges to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The SQL.
    pub sql: String,
    /// Whether it takes something away.
    pub revokes: bool,
    /// Whether it takes the grant option away, and leaves the privilege.
    pub only_option: bool,
    /// The privileges it names.
    pub words: Vec<String>,
}

/// What the statements between two sets are about.
#[derive(Debug)]
pub struct Subject<'a> {
    /// What comes before GRANT or REVOKE, with a space at its end: `ALTER DEFAULT PRIVILEGES `; mostly nothing.
    pub prefix: &'a str,
    /// What follows ON: `TABLE s.t`, `TABLES`.
    pub on: &'a str,
    /// The quoted column, where it is one.
    pub column: Option<&'a str>,
    /// The grantee.
    pub grantee: &'a str,
    /// The type of the object.
    pub object_type: char,
    /// The server's major version.
    pub major: u32,
}

impl Subject<'_> {
    /// The fewest statements from one set to another. `ALL` must have been spelled out.
    pub fn statements(&self, before: &Privileges, after: &Privileges) -> Vec<Statement> {
        let known = words_of(self.object_type, self.major);
        let pick = |test: &dyn Fn(Option<bool>, Option<bool>) -> bool| -> Vec<&'static str> {
            known.iter().copied().filter(|w| test(before.get(*w).copied(), after.get(*w).copied())).collect()
        };
        let grantee = crate::core::name::role(self.grantee);
        let mut statements = Vec::new();
        let mut add = |words: Vec<&'static str>, revokes: bool, verb: &str, end: String| {
            if !words.is_empty() {
                let list = self.list(&words, known.len());
                statements.push(Statement {
                    sql: format!("{}{verb} {list} ON {} {end}", self.prefix, self.on),
                    revokes,
                    only_option: verb == "REVOKE GRANT OPTION FOR",
                    words: words.into_iter().map(str::to_owned).collect(),
                });
            }
        };
        add(pick(&|b, a| b.is_some() && a.is_none()), true, "REVOKE", format!("FROM {grantee}"));
        add(
            pick(&|b, a| b == Some(true) && a == Some(false)),
            true,
            "REVOKE GRANT OPTION FOR",
            format!("FROM {grantee}"),
        );
        add(pick(&|b, a| b.is_none() && a == Some(false)), false, "GRANT", format!("TO {grantee}"));
        add(
            pick(&|b, a| b != Some(true) && a == Some(true)),
            false,
            "GRANT",
            format!("TO {grantee} WITH GRANT OPTION"),
        );
        statements
    }

    fn list(&self, words: &[&str], known: usize) -> String {
        let all = ["ALL"];
        let words = if words.len() == known && known > 1 { &all } else { words };
        match self.column {
            Some(column) => words.iter().map(|w| format!("{w} ({column})")).collect::<Vec<_>>().join(", "),
            None => words.join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(words: &[(&str, bool)]) -> Privileges {
        words.iter().map(|(w, o)| ((*w).to_owned(), *o)).collect()
    }

    #[test]
    fn acl_items_are_read_whatever_the_role_is_called() {
        let items =
            ["postgres=arwdDxtm/postgres", "=r/postgres", "\"we\"\"ird ro,le=\"=r*w/\"a=b\"", "anon=r/a", "anon=w/b"];
        let access = read(&items.map(str::to_owned));
        assert_eq!(access["postgres"], all('r', false, 17));
        assert_eq!(access["public"], set(&[("SELECT", false)]));
        assert_eq!(access["we\"ird ro,le="], set(&[("SELECT", true), ("UPDATE", false)]));
        assert_eq!(access["anon"], set(&[("SELECT", false), ("UPDATE", false)]));
        assert!(read(&["nonsense".to_owned()]).is_empty());
    }

    #[test]
    fn what_others_have_granted_is_told_apart() {
        let items = ["anon=r*a/postgres", "b=r/anon", "b=w*d/\"an on\"", "=r/postgres"].map(str::to_owned);
        let found = by_others(&items, "postgres");
        assert_eq!(found.keys().collect::<Vec<_>>(), ["b"]);
        assert_eq!(found["b"]["anon"], BTreeSet::from(["SELECT".to_owned()]));
        assert_eq!(found["b"]["an on"], BTreeSet::from(["UPDATE".to_owned(), "DELETE".to_owned()]));
    }

    #[test]
    fn statements_are_the_fewest() {
        let subject = Subject { prefix: "", on: "TABLE t", column: None, grantee: "a b", object_type: 'r', major: 15 };
        let sql =
            |b: &Privileges, a: &Privileges| subject.statements(b, a).into_iter().map(|s| s.sql).collect::<Vec<_>>();
        assert_eq!(sql(&set(&[]), &all('r', false, 15)), ["GRANT ALL ON TABLE t TO \"a b\""]);
        assert_eq!(sql(&all('r', false, 15), &set(&[])), ["REVOKE ALL ON TABLE t FROM \"a b\""]);
        assert_eq!(
            sql(&set(&[("SELECT", true), ("INSERT", false)]), &set(&[("SELECT", false), ("UPDATE", true)])),
            [
                "REVOKE INSERT ON TABLE t FROM \"a b\"",
                "REVOKE GRANT OPTION FOR SELECT ON TABLE t FROM \"a b\"",
                "GRANT UPDATE ON TABLE t TO \"a b\" WITH GRANT OPTION"
            ]
        );
        let column = Subject { column: Some("\"c d\""), grantee: "public", object_type: 'c', ..subject };
        assert_eq!(
            column.statements(&set(&[]), &set(&[("SELECT", false), ("UPDATE", false)]))[0].sql,
            "GRANT SELECT (\"c d\"), UPDATE (\"c d\") ON TABLE t TO PUBLIC"
        );
    }

    #[test]
    fn all_is_what_the_version_knows() {
        assert_eq!(expanded(&set(&[("ALL", false)]), 'r', 16).len(), 7);
        assert!(expanded(&set(&[("ALL", false), ("SELECT", true)]), 'r', 17)["SELECT"]);
        assert!(expanded(&set(&[("MAINTAIN", false)]), 'r', 16).is_empty());
    }
}
