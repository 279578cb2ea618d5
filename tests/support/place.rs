//! A project in a folder beside the database that it declares, for tests of commands.

use std::path::Path;
use std::process::Command;

use super::servers::{Database, Server};
use super::trueup::{Run, trueup_with};

/// What the project declares, and what makes the database that it declares.
pub const SCHEMA: &str = "enums:\n  mood: [glad, sad]\ntables:\n  people:\n    columns:\n      id: int primary key\n      name: text not null\n      mood: {type: mood, default: \"'glad'\"}\n";
/// See [`SCHEMA`].
pub const SQL: &str = "create type mood as enum ('glad', 'sad');
create table people (id int primary key, name text not null, mood mood default 'glad');";

/// A project in a folder, with the database that it declares.
pub struct Place<'a> {
    pub folder: tempfile::TempDir,
    pub database: Database<'a>,
    pub scratch: String,
}

impl<'a> Place<'a> {
    pub fn new(server: &'a Server, sql: &str) -> Self {
        let database = server.database();
        database.load(sql).expect("the database can be made");
        let place = Self { folder: tempfile::tempdir().expect("a folder"), database, scratch: server.scratch() };
        place.write("p/trueup.yaml", "version: 1\n");
        place.write("p/schema.yaml", SCHEMA);
        place
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    /// Runs trueup in the folder, with the scratch server named.
    pub fn call(&self, arguments: &[&str]) -> Run {
        self.call_with(&[], arguments)
    }

    pub fn call_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
        trueup_with(self.path(), variables, &[arguments, &["--ephemeral", &self.scratch]].concat())
    }

    pub fn git(&self, arguments: &[&str]) {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"];
        let done =
            Command::new("git").args(identity).args(arguments).current_dir(self.path()).output().expect("git runs");
        assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

#[track_caller]
pub fn ends(run: Run, status: i32) -> Run {
    assert_eq!(run.status, status, "{}", run.report());
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    run
}

#[track_caller]
pub fn says(run: &Run, words: &[&str]) {
    for word in words {
        assert!(run.stderr.contains(word), "`{word}` is missing: {}", run.stderr);
    }
}
