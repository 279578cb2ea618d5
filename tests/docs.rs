//! The documentation is true: its examples load, and the reference says what the code knows.
//!
//! A block of YAML in docs/*.md and README.md may say behind `yaml` what it is:
//!
//! | word | the block |
//! | --- | --- |
//! | `project` | is a file of a project, which `trueup check` finds nothing wrong with |
//! | `previous` | is another file of the project that the block before it is of |
//! | `elaborate` | is a project that PostgreSQL accepts, too |
//! | `supabase` | needs the profile of that name |
//! | `test` | declares tests that pass and notice every weaker policy |
//! | `settings` | is a trueup.yaml |
//!
//! docs/reference.md is written by `TRUEUP_BLESS=1 cargo test --test docs`.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use support::trueup::trueup;
use trueup::yaml::{Definition, Shape};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A block: where it stands, its words, its text.
struct Block {
    place: String,
    words: Vec<String>,
    text: String,
}

fn blocks() -> Vec<Block> {
    let mut pages: Vec<PathBuf> = std::fs::read_dir(root().join("docs"))
        .expect("docs/ can be read")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .collect();
    pages.push(root().join("README.md"));
    pages.sort();
    let mut found = Vec::new();
    for page in pages {
        let text = std::fs::read_to_string(&page).expect("a page can be read");
        let mut open: Option<Block> = None;
        for (number, line) in text.lines().enumerate() {
            match &mut open {
                Some(block) if line.starts_with("```") => {
                    let block =
                        std::mem::replace(block, Block { place: String::new(), words: vec![], text: String::new() });
                    if block.words.first().is_some_and(|word| word == "yaml") {
                        found.push(block);
                    }
                    open = None;
                }
                Some(block) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                None => {
                    if let Some(words) = line.strip_prefix("```") {
                        let name = page.file_name().unwrap_or_default().to_string_lossy().into_owned();
                        open = Some(Block {
                            place: format!("{name}:{}", number + 1),
                            words: words.split_whitespace().map(str::to_owned).collect(),
                            text: String::new(),
                        });
                    }
                }
            }
        }
        assert!(open.is_none(), "{}: a block is not closed", page.display());
    }
    found
}

#[test]
fn examples_are_right() {
    let server = support::servers::server();
    let home = tempfile::tempdir().expect("a folder");
    let mut wrong = Vec::new();
    let mut folder = PathBuf::new();
    for (number, block) in blocks().iter().enumerate() {
        let is = |word: &str| block.words.iter().any(|w| w == word);
        if block.words.len() < 2 {
            continue;
        }
        if !is("previous") {
            folder = home.path().join(number.to_string());
            std::fs::create_dir(&folder).expect("a folder");
        }
        if is("supabase") {
            std::fs::write(folder.join("trueup.yaml"), "version: 1\nprofile: supabase\nmanage: {schemas: [public]}\n")
                .expect("a file");
        }
        let name = if is("settings") { "trueup.yaml".to_owned() } else { format!("{number}.yaml") };
        if is("settings") {
            std::fs::write(folder.join("a.yaml"), "tables: {t: {columns: {a: int}}}\n").expect("a file");
        }
        std::fs::write(folder.join(name), &block.text).expect("a file");
        // What refers to the file behind it is checked with it.
        if blocks().get(number + 1).is_some_and(|next| next.words.iter().any(|w| w == "previous")) {
            continue;
        }
        let project = folder.display().to_string();
        let check = trueup(&["check", "--to", &project]);
        if !check.fine() {
            wrong.push(format!("{}: {}", block.place, check.report()));
        } else if let Some(server) = server.filter(|_| is("elaborate")) {
            let scratch = server.scratch();
            let diff = trueup(&["diff", "--from", "empty", "--to", &project, "--ephemeral", &scratch]);
            if diff.status != support::trueup::DIFFERS {
                wrong.push(format!("{}: {}", block.place, diff.report()));
            }
            if is("test") {
                let test = trueup(&["test", "--to", &project, "--mutate", "--ephemeral", &scratch]);
                if !test.fine() {
                    wrong.push(format!("{}: {}{}", block.place, test.report(), test.stdout));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What stands under a key, in words.
fn shape(shape: &Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Sql => "SQL".to_owned(),
        Shape::Name => "name".to_owned(),
        Shape::Boolean => "true or false".to_owned(),
        Shape::Integer => "number".to_owned(),
        Shape::TextList => "list of texts, or one".to_owned(),
        Shape::TextMap => "names to texts".to_owned(),
        Shape::TextOrFile => "text, or `!file path`".to_owned(),
        Shape::OneOf(words) => words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", "),
        Shape::Ref(name) => format!("[{name}](#{name})"),
        Shape::MapOf(inner) => format!("names to {}", self::shape(inner)),
        Shape::ListOf(inner) => format!("list of {}", self::shape(inner)),
        Shape::AnyOf(shapes) => shapes.iter().map(self::shape).collect::<Vec<_>>().join("; or "),
        Shape::Any => "see [yaml.md](yaml.md)".to_owned(),
    }
}

fn section(out: &mut String, definition: &Definition) {
    let cell = |text: &str| text.replace('|', "\\|");
    let _ = writeln!(out, "\n## {}\n\n{}", definition.name, definition.doc);
    if let Some(scalar) = definition.scalar {
        let _ = writeln!(out, "\nMay be a fragment: {}", scalar.trim_end_matches('.').trim());
    }
    if definition.keys.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n| key | holds | is |\n| --- | --- | --- |");
    for key in definition.keys {
        let _ = writeln!(out, "| `{}` | {} | {} |", key.name, cell(&shape(&key.shape)), cell(key.doc));
    }
}

fn reference() -> String {
    let mut out = String::from(
        "# Every key\n\nWritten from the code's own tables by `TRUEUP_BLESS=1 cargo test --test docs`; a test fails when it is not as they are. \
         [yaml.md](yaml.md) explains by example.\n\n# trueup.yaml\n",
    );
    for definition in trueup::declare::project::DEFINITIONS {
        section(&mut out, definition);
    }
    out.push_str("\n# The other files\n");
    for definition in trueup::declare::schema::definitions() {
        section(&mut out, &definition);
    }
    out
}

#[test]
fn the_reference_is_what_the_code_knows() {
    let path = root().join("docs/reference.md");
    let wanted = reference();
    if std::env::var_os("TRUEUP_BLESS").is_some() {
        std::fs::write(&path, &wanted).expect("docs/reference.md can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "docs/reference.md is not up to date; run: TRUEUP_BLESS=1 cargo test --test docs");
}

#[test]
fn every_option_is_in_the_page_of_commands() {
    let page = std::fs::read_to_string(root().join("docs/commands.md")).expect("docs/commands.md");
    let section = |title: &str| {
        let start = page.find(title)?;
        let rest = &page[start + 3..];
        Some(&rest[..rest.find("\n## ").unwrap_or(rest.len())])
    };
    let common = section("## Options of every command").expect("a section on common options");
    let help = trueup(&["--help"]).stdout;
    let commands = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let mut missing = Vec::new();
    for line in commands.take_while(|line| !line.trim().is_empty()) {
        let Some(command) = line.split_whitespace().next().filter(|name| *name != "help") else { continue };
        let Some(section) = section(&format!("## `trueup {command}")) else {
            missing.push(format!("no section on `trueup {command}`"));
            continue;
        };
        let help = trueup(&[command, "--help"]).stdout;
        for word in help.lines().filter(|l| l.trim_start().starts_with('-')).flat_map(str::split_whitespace) {
            let option: String = word.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            if option.len() > 2 && option.starts_with("--") && !section.contains(&option) && !common.contains(&option) {
                missing.push(format!("{command} {option}"));
            }
        }
    }
    missing.sort();
    missing.dedup();
    assert!(missing.is_empty(), "docs/commands.md does not speak of: {}", missing.join(", "));
}
