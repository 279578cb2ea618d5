//! Rules of this repository, as tests. Each says how to keep it; the exceptions stand in one list per rule.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

mod kind_names;
mod layers;
mod source;

/// The longest a source file may be, in lines.
const LONGEST_FILE: usize = 800;

/// Files that speak of CASCADE for another reason than to emit it.
const MENTIONS_CASCADE: &[(&str, &str)] = &[
    ("src/sql/column_fast.rs", "reads the word in a declared foreign key"),
    ("src/kinds/table/constraint.rs", "prints the action of a foreign key, ON DELETE CASCADE, as the catalog has it"),
    ("src/kinds/view/mod.rs", "WITH CASCADED CHECK OPTION"),
    ("src/postgres/error.rs", "keeps the server's advice to use it from people"),
];

/// Files of the library that may print.
const MAY_PRINT: &[&str] = &["src/main.rs", "src/cli/"];

/// One line of code, without its comment.
struct Line {
    file: String,
    number: usize,
    text: String,
}

fn root() -> PathBuf {
    // The variable of the run, not of the build: a working copy may have moved.
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// All files below a folder, with their paths relative to the repository.
fn files(folder: &str, extension: &str) -> BTreeMap<String, String> {
    fn walk(folder: &Path, extension: &str, found: &mut BTreeMap<String, String>, root: &Path) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, extension, found, root);
            } else if path.extension().is_some_and(|e| e == extension) {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                found.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&root().join(folder), extension, &mut found, &root());
    found
}

/// The code of src/ outside comments and tests.
fn code() -> Vec<Line> {
    let mut lines = Vec::new();
    let product = source::product();
    for (file, text) in files("src", "rs").into_iter().filter(|(file, _)| product.contains_key(file)) {
        let mut in_tests = false;
        for (index, line) in text.lines().enumerate() {
            // Test modules stand last in a file; the attribute is at the margin.
            in_tests |= line.starts_with("#[cfg(test)]");
            if !in_tests {
                lines.push(Line { file: file.clone(), number: index + 1, text: without_comment(line).to_owned() });
            }
        }
    }
    assert!(lines.len() > 100, "the source was not found");
    lines
}

/// A line up to its `//`, unless that stands in a string.
fn without_comment(line: &str) -> &str {
    let mut in_string = false;
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        match c {
            '\\' if in_string && !escaped => {
                escaped = true;
                continue;
            }
            '"' if !escaped => in_string = !in_string,
            '/' if !in_string && line[at..].starts_with("//") => return &line[..at],
            _ => {}
        }
        escaped = false;
    }
    line
}

fn is_in(file: &str, places: &[&str]) -> bool {
    places.iter().any(|place| file == *place || (place.ends_with('/') && file.starts_with(place)))
}

/// Fails with all places where a rule is broken, and how to keep it.
fn report(rule: &str, broken: &[String]) {
    let mut text = String::new();
    for line in broken {
        let _ = writeln!(text, "  {line}");
    }
    assert!(broken.is_empty(), "{rule}:\n{text}");
}

fn where_is(line: &Line) -> String {
    format!("{}:{}: {}", line.file, line.number, line.text.trim())
}

/// The identifiers that follow `prefix` in a line.
fn names_after<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(prefix).filter(|(at, _)| !line[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_')).map(
        move |(at, _)| {
            let rest = &line[at + prefix.len()..];
            &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())]
        },
    )
}

#[test]
fn files_are_short() {
    let long: Vec<String> = files("src", "rs")
        .into_iter()
        .filter_map(|(file, text)| {
            let lines = text.lines().count();
            (lines > LONGEST_FILE).then(|| format!("{file}: {lines} lines"))
        })
        .collect();
    report(&format!("split files of more than {LONGEST_FILE} lines by what they are about"), &long);
}

#[test]
fn nothing_emits_cascade() {
    let mut broken = Vec::new();
    for line in code() {
        let text = line.text.to_lowercase();
        // What a foreign key does is declared by its owner; a DROP … CASCADE removes what nobody was told of.
        let rest = text.replace("on delete cascade", "").replace("on update cascade", "");
        if rest.contains("cascade") && rest.contains('"') && !is_in(&line.file, &listed(MENTIONS_CASCADE)) {
            broken.push(where_is(&line));
        }
    }
    for (file, text) in files("src", "sql") {
        for (index, line) in text.lines().enumerate() {
            let code = line.split("--").next().unwrap_or_default().to_lowercase();
            if code.contains("drop ") && code.contains("cascade") {
                broken.push(format!("{file}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    report(
        "never CASCADE: a plan drops by name what has to go (MENTIONS_CASCADE lists what only reads the word)",
        &broken,
    );
}

fn listed(list: &'static [(&'static str, &'static str)]) -> Vec<&'static str> {
    list.iter().map(|(file, _)| *file).collect()
}

/// Whether a line compares a major version, or a `server_version_num`, with a bare number.
fn compares_with_a_bare_version(line: &str) -> bool {
    let is_version = |rest: &str| {
        let number = rest.trim_start();
        let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        matches!(number[..digits].parse(), Ok(9..=99 | 90_000..=999_999))
    };
    let after_major = ["major", "major()", "server_version_num", "version_num::int"];
    let compared = ["<=", ">=", "==", "!=", "<", ">"].iter().flat_map(|sign| line.match_indices(sign));
    let mut compared = compared.map(|(at, sign)| (line[..at].trim_end(), &line[at + sign.len()..]));
    compared.any(|(before, after)| after_major.iter().any(|word| before.ends_with(word)) && is_version(after))
        || line.split_once("unwrap_or(").is_some_and(|(before, after)| before.contains("major") && is_version(after))
}

#[test]
fn versions_have_names() {
    let broken: Vec<String> = code()
        .iter()
        .filter(|line| line.file != "src/core/versions.rs" && compares_with_a_bare_version(&line.text))
        .map(where_is)
        .collect();
    report("name what the version brought, in src/core/versions.rs", &broken);
}

#[test]
fn bare_versions_are_seen() {
    for line in ["if cx.major >= 17 {", "let a = out.major<15;", "server_major() == 14", "x.major.unwrap_or(18)"] {
        assert!(compares_with_a_bare_version(line), "{line}");
    }
    for line in ["if cx.major >= versions::MAINTAIN {", "if origin.major == 0 {", "if lines > 20 {"] {
        assert!(!compares_with_a_bare_version(line), "{line}");
    }
}

#[test]
fn nothing_is_left_to_do() {
    let broken: Vec<String> = code()
        .iter()
        .filter(|line| ["todo!(", "unimplemented!(", "dbg!("].iter().any(|word| line.text.contains(word)))
        .map(where_is)
        .collect();
    report("finish it or return a diagnostic", &broken);
}

#[test]
fn the_library_does_not_print() {
    let printing = ["print!", "println!", "eprint!", "eprintln!"];
    let broken: Vec<String> = code()
        .iter()
        .filter(|line| !is_in(&line.file, MAY_PRINT))
        .filter(|line| printing.iter().any(|word| line.text.contains(word)))
        .map(where_is)
        .collect();
    report("return a value or report progress through its interface; src/cli prints", &broken);
}

/// The commands are the files of src/cli that define a `…Args` structure for clap.
#[test]
fn the_documentation_mentions_every_command() {
    let commands: Vec<String> = files("src/cli", "rs")
        .into_iter()
        .filter(|(_, text)| text.contains("derive(") && text.contains("Args"))
        .filter_map(|(file, _)| Some(Path::new(&file).file_stem()?.to_str()?.to_owned()))
        .filter(|name| {
            ["init", "pull", "check", "diff", "plan", "apply", "sql", "verify", "test", "graph"]
                .contains(&name.as_str())
        })
        .collect();
    if commands.is_empty() {
        return;
    }
    let mut pages: String = files("docs", "md").into_values().collect();
    pages.push_str(&std::fs::read_to_string(root().join("README.md")).unwrap_or_default());
    let missing: Vec<String> =
        commands.into_iter().map(|name| format!("trueup {name}")).filter(|command| !pages.contains(command)).collect();
    report("write about each command in README.md or docs/", &missing);
}

/// A dependency without a reason is a dependency to remove.
#[test]
fn every_dependency_has_its_reason() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let page = std::fs::read_to_string(root().join("docs/dependencies.md")).unwrap();
    let mut section = "";
    let mut missing = Vec::new();
    for line in manifest.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if section.ends_with("dependencies")
            && let Some((name, _)) = line.split_once('=').filter(|_| !line.starts_with(['#', ' ']))
            && !page.contains(&format!("`{}`", name.trim()))
        {
            missing.push(name.trim().to_owned());
        }
    }
    report("say in docs/dependencies.md what each is for", &missing);
}

#[test]
fn comments_and_names_are_told_apart() {
    assert_eq!(without_comment(r#"let a = "//"; // b"#), r#"let a = "//"; "#);
    assert_eq!(without_comment(r#"let a = "\"//"; // b"#), r#"let a = "\"//"; "#);
    assert_eq!(names_after("use crate::kinds::table::T; xkinds::y", "kinds::").collect::<Vec<_>>(), ["table"]);
}
