//! What the documentation shows is what happens: the blocks of a page are run in order, and the output is compared.
//!
//! | block | is |
//! | --- | --- |
//! | `sql` | run in the database |
//! | `yaml` | the file of the project that its first line names, if it does |
//! | `console` | commands behind `$ `, each with what it prints below it; a line `…` stands for any number of lines |
//! | `<!-- tour: sql: … -->` | run in the database, not shown |
//! | `<!-- tour: file FILE: … -->` | a file of the project, not shown |
//! | `<!-- tour: run: … -->` | a command that is not shown, which has to succeed |
//! | ``<!-- tour: FILE: `old` becomes `new` -->`` | an edit of a file that the text speaks of |
//!
//! How long something took (`(12 ms)` at the end of a line) is not compared. `TRUEUP_BLESS=1 cargo test --test tour` writes what the commands
//! print, where no `…` stands.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use std::path::Path;

use support::servers::Database;
use support::trueup::trueup_in;

const ANYTHING: &str = "…";

struct Tour<'a> {
    database: &'a Database<'a>,
    folder: &'a Path,
    out: Vec<String>,
    wrong: Vec<String>,
}

impl Tour<'_> {
    fn directive(&self, text: &str) {
        let (subject, rest) = text.split_once(": ").expect("`<!-- tour: SUBJECT: …`");
        if subject == "sql" {
            return self.database.load(rest).expect("the statement runs");
        }
        if subject == "run" {
            self.run(rest);
            return;
        }
        if let Some(name) = subject.strip_prefix("file ") {
            return self.write(name, rest);
        }
        let (old, new) = rest.split_once("` becomes `").expect("`old` becomes `new`");
        let (old, new) = (old.strip_prefix('`').expect("a quote"), new.strip_suffix('`').expect("a quote"));
        let path = self.folder.join(subject);
        let before = std::fs::read_to_string(&path).expect("the file is there");
        assert!(before.contains(old), "{subject} does not hold `{old}`");
        std::fs::write(path, before.replacen(old, new, 1)).expect("the file can be written");
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, format!("{text}\n")).expect("the file can be written");
    }

    fn block(&mut self, kind: &str, lines: &[&str]) {
        match kind {
            "sql" => self.database.load(&lines.join("\n")).expect("the statements run"),
            "yaml" => {
                if let Some(name) = lines[0].strip_prefix("# ").filter(|name| name.ends_with(".yaml")) {
                    self.write(name, &lines.join("\n"));
                }
            }
            "console" => return self.console(lines),
            _ => {}
        }
        self.out.extend(lines.iter().map(|line| (*line).to_owned()));
    }

    fn console(&mut self, lines: &[&str]) {
        let mut rest = lines;
        while let Some((command, after)) = rest.split_first() {
            let command = command.strip_prefix("$ ").expect("a block of console begins with a command");
            let end = after.iter().position(|line| line.starts_with("$ ")).unwrap_or(after.len());
            let (expected, next) = after.split_at(end);
            rest = next;
            self.out.push(format!("$ {command}"));
            if !command.starts_with("trueup ") {
                self.out.extend(expected.iter().map(|line| (*line).to_owned()));
                continue;
            }
            let printed = self.run(command);
            let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
            let right = agree(expected, &printed);
            if !right {
                self.wrong.push(format!("$ {command}\n{}", printed.join("\n")));
            }
            let kept: Vec<&str> = if right || expected.contains(&ANYTHING) { expected.to_vec() } else { printed };
            self.out.extend(kept.into_iter().map(str::to_owned));
        }
    }

    /// What a command prints, with the database named as the tour names it.
    fn run(&self, command: &str) -> String {
        let command = command.replace("\"$DATABASE_URL\"", &self.database.url);
        let mut words: Vec<&str> = command.split_whitespace().skip(1).collect();
        let scratch = self.database.server.scratch();
        let needs_server = words[0] != "check";
        if needs_server && words[0] != "test" && !words.contains(&"--from") && !words.contains(&"--offline") {
            words.extend(["--from", &self.database.url]);
        }
        if needs_server && words[0] != "init" {
            words.extend(["--ephemeral", &scratch]);
        }
        let run = trueup_in(self.folder, &words);
        // As they come on a terminal: `check` says what is wrong before it counts.
        let text = if words[0] == "check" { run.stderr + &run.stdout } else { run.stdout + &run.stderr };
        let mut out = String::new();
        for (number, piece) in text.split("postgres://").enumerate() {
            if number == 0 {
                out.push_str(piece);
            } else {
                let end = piece.find(char::is_whitespace).unwrap_or(piece.len());
                out.push_str("postgres://postgres@%2Ftmp:5515/shop");
                out.push_str(&piece[end..]);
            }
        }
        out
    }
}

/// Whether what was printed is what is expected, `…` standing for any lines.
fn agree(expected: &[&str], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((&ANYTHING, rest)) => (0..=printed.len()).any(|skipped| agree(rest, &printed[skipped..])),
        Some((line, rest)) => {
            printed.first().is_some_and(|first| timeless(first) == timeless(line)) && agree(rest, &printed[1..])
        }
    }
}

/// A line without the time at its end, `(12 ms)`, which is never the same twice.
fn timeless(line: &str) -> &str {
    let line = line.trim_end().trim_end_matches('.');
    let is_time = |text: &str| {
        let (number, unit) = text.strip_suffix(')')?.split_once(' ')?;
        (number.parse::<f64>().is_ok() && ["µs", "ms", "s"].contains(&unit)).then_some(())
    };
    match line.rsplit_once(" (") {
        Some((head, time)) if is_time(time).is_some() => head.trim_end(),
        _ => line,
    }
}

/// Runs a page from one heading to another, each given with the line break before it; the whole page without them.
fn tour(page: &str, part: Option<(&str, &str)>) {
    let Some(server) = support::servers::server() else { return };
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = std::fs::read_to_string(&page).expect("the page can be read");
    let (start, end) = match part {
        Some((from, to)) => {
            let start = text.find(from).expect("the heading");
            (start, start + from.len() + text[start + from.len()..].find(to).expect("more behind it"))
        }
        None => (0, text.len()),
    };
    let database = server.database();
    let folder = tempfile::tempdir().expect("a folder");
    let mut tour = Tour { database: &database, folder: folder.path(), out: Vec::new(), wrong: Vec::new() };
    let mut lines = text[start..end].lines();
    while let Some(line) = lines.next() {
        tour.out.push(line.to_owned());
        if let Some(kind) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            tour.block(kind.split(' ').next().unwrap_or_default(), &block);
            tour.out.push("```".to_owned());
        } else if let Some(directive) = line.strip_prefix("<!-- tour: ") {
            let mut directive = directive.to_owned();
            while !directive.ends_with(" -->") {
                let next = lines.next().expect("the comment ends");
                tour.out.push(next.to_owned());
                directive.push('\n');
                directive.push_str(next);
            }
            tour.directive(directive.trim_end_matches(" -->"));
        }
    }
    if std::env::var_os("TRUEUP_BLESS").is_some() {
        let blessed = format!("{}{}\n{}", &text[..start], tour.out.join("\n"), &text[end..]);
        std::fs::write(&page, blessed).expect("the page can be written");
    } else {
        let wrong = tour.wrong.join("\n\n");
        assert!(wrong.is_empty(), "TRUEUP_BLESS=1 cargo test --test tour writes what is printed now:\n\n{wrong}");
    }
}

#[test]
fn the_tour_is_what_happens() {
    tour("README.md", Some(("## A tour", "\n## ")));
}

#[test]
fn the_page_of_commands_is_what_happens() {
    tour("docs/commands.md", None);
}

#[test]
fn the_page_of_rows_is_what_happens() {
    tour("docs/data.md", Some(("## `invariants`", "### Batches")));
}

#[test]
fn the_page_of_tests_is_what_happens() {
    tour("docs/tests.md", Some(("# Tests", "The example projects")));
}

#[test]
fn the_page_of_check_is_what_happens() {
    tour("docs/check.md", None);
}
