//! The numbers of trueup, side by side with `pg_dump --schema-only` in one run on one machine.
//!
//! ```text
//! numbers run [--tables 1000,10000] [--repeat 3]     Markdown on stdout
//! numbers generate --url URL --tables N              only the database
//! ```
//!
//! Needs PostgreSQL 15 with pg_dump. Time is wall clock; memory is the high-water mark of the process (VmHWM).
#![allow(clippy::disallowed_methods, reason = "a test waits for processes and connects without the library")]
#![allow(clippy::print_stdout, clippy::print_stderr, dead_code)]

mod generate;
#[path = "../../tests/support/servers.rs"]
mod servers;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use servers::{DEFAULT_MAJOR, Server};

type Result<T> = std::result::Result<T, String>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let result = match arguments.first().map(String::as_str) {
        Some("run") => run(value("--tables").unwrap_or("1000,10000"), value("--repeat").unwrap_or("3")),
        Some("generate") => match (value("--url"), value("--tables").and_then(|text| text.parse().ok())) {
            (Some(url), Some(tables)) => generate(url, tables),
            _ => Err("generate needs --url URL --tables N".into()),
        },
        _ => {
            println!("numbers run [--tables N,N] [--repeat N] | generate --url URL --tables N");
            Ok(())
        }
    };
    if let Err(why) = result {
        eprintln!("numbers: {why}");
        std::process::exit(1);
    }
}

/// Creates the database, a transaction per piece on one connection at a time: foreign keys reach back.
fn generate(url: &str, tables: usize) -> Result<()> {
    for piece in generate::pieces(tables) {
        servers::run(url, &piece).map_err(|error| servers::describe(&error))?;
    }
    servers::run(url, "vacuum analyze").map_err(|error| servers::describe(&error))
}

/// What one program took, over its repetitions.
#[derive(Default)]
struct Taken {
    seconds: Vec<f64>,
    kilobytes: u64,
    failed: Option<String>,
}

impl Taken {
    fn min(&self) -> f64 {
        self.seconds.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn median(&self) -> f64 {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// Runs a command once more; `fine` are the exit statuses that count as done.
    fn time(&mut self, command: &mut Command, fine: &[i32]) {
        let began = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(mut child) = child else {
            self.failed = Some("does not start".into());
            return;
        };
        let status = Path::new("/proc").join(child.id().to_string()).join("status");
        let mut polls = 0u32;
        let ended = loop {
            match child.try_wait() {
                Ok(None) => {}
                Ok(Some(ended)) => break ended.code(),
                Err(_) => break None,
            }
            // Seldom enough not to disturb, often enough to see the peak.
            if polls.is_multiple_of(10) {
                let text = std::fs::read_to_string(&status).unwrap_or_default();
                let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
                let peak = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
                self.kilobytes = self.kilobytes.max(peak.unwrap_or(0));
            }
            polls += 1;
            std::thread::sleep(Duration::from_micros(500));
        };
        self.seconds.push(began.elapsed().as_secs_f64());
        if !ended.is_some_and(|status| fine.contains(&status)) {
            self.failed = Some(format!("exit {ended:?}"));
        }
    }
}

fn trueup(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
    command.args(arguments).env_remove("DATABASE_URL").env("NO_COLOR", "1");
    command
}

/// One line of the table: what it is, what it took, what `pg_dump` took meanwhile, what to reach.
fn line(what: &str, taken: &Taken, reference: Option<&Taken>, reach: &str) {
    let ratio = reference.map_or(String::from("–"), |other| format!("{:.2}", taken.min() / other.min()));
    let note = taken.failed.as_ref().map_or(String::new(), |why| format!(" **FAILED: {why}**"));
    println!(
        "| {what}{note} | {:.3} | {:.3} | {ratio} | {reach} | {} |",
        taken.min(),
        taken.median(),
        taken.kilobytes / 1024
    );
}

fn run(sizes: &str, repeat: &str) -> Result<()> {
    let repeat: usize = repeat.parse().map_err(|_| "--repeat needs a number")?;
    let sizes: Vec<usize> = sizes
        .split(',')
        .map(|size| size.trim().parse().map_err(|_| format!("--tables: {size} is not a number")))
        .collect::<Result<_>>()?;
    if sizes.iter().any(|size| *size < 20) {
        return Err("--tables: at least 20".into());
    }
    let server = Server::start(DEFAULT_MAJOR)?;
    small(&server, repeat)?;
    let mut growth: Vec<(usize, f64, f64)> = Vec::new();
    for tables in sizes {
        growth.push(size(&server, tables, repeat)?);
    }
    println!(
        "\n### Growth\n\n| tables | pull FILE.json, ms per table | diff unchanged, ms per table |\n| ---: | ---: | ---: |"
    );
    for (tables, read, diff) in growth {
        let per_table = |seconds: f64| 1000.0 * seconds / tables as f64;
        println!("| {tables} | {:.3} | {:.3} |", per_table(read), per_table(diff));
    }
    Ok(())
}

const HEAD: &str =
    "| work | min s | median s | ÷ pg_dump | reach | peak MB |\n| --- | ---: | ---: | ---: | ---: | ---: |";

/// What does not depend on the size: the start of the program, a project of 20 tables.
fn small(server: &Server, repeat: usize) -> Result<()> {
    let database = server.database();
    generate(&database.url, 20)?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let project = folder.path().join("project").display().to_string();
    let (mut help, mut diff, mut pull) = (Taken::default(), Taken::default(), Taken::default());
    pull.time(&mut trueup(&["pull", "--from", &database.url, "--out", &project]), &[0]);
    // Edited, so that something is elaborated.
    servers::run(&database.url, &generate::five_edits(20)).map_err(|error| servers::describe(&error))?;
    let arguments = || trueup(&["diff", "--from", &database.url, "--to", &project]);
    Taken::default().time(&mut arguments(), &[2]);
    for _ in 0..repeat.max(5) {
        help.time(&mut trueup(&["--help"]), &[0]);
        diff.time(&mut arguments(), &[2]);
    }
    println!("### Small\n\n{HEAD}");
    line("`trueup --help`", &help, None, "< 0.015 s");
    line("`diff` of 20 tables, 5 edited, warm", &diff, None, "< 0.25 s");
    Ok(())
}

/// One size; returns the seconds of reading and of an unchanged diff.
fn size(server: &Server, tables: usize, repeat: usize) -> Result<(usize, f64, f64)> {
    let database = server.database();
    let began = Instant::now();
    generate(&database.url, tables)?;
    println!("\n### {tables} tables (generated in {:.1} s)\n\n{HEAD}", began.elapsed().as_secs_f64());
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (project, snapshot) = (path("project"), path("snapshot.json"));
    let dump = || {
        let bin = servers::installed().get(&DEFAULT_MAJOR).map(|folder| folder.join("pg_dump"));
        let mut command = Command::new(bin.filter(|program| program.is_file()).unwrap_or("pg_dump".into()));
        command.args(["--schema-only", "--file", "/dev/null", &database.url]);
        command
    };
    let pull = |out: &str| {
        let _ = std::fs::remove_dir_all(out);
        trueup(&["pull", "--from", &database.url, "--out", out])
    };
    let diff = || trueup(&["diff", "--from", &database.url, "--to", &project]);

    let (mut dumped, mut read, mut pulled, mut unchanged) =
        (Taken::default(), Taken::default(), Taken::default(), Taken::default());
    // Taken in turns, so that a slow moment of the machine falls on all alike.
    for _ in 0..repeat {
        dumped.time(&mut dump(), &[0]);
        read.time(&mut pull(&snapshot), &[0]);
        pulled.time(&mut pull(&project), &[0]);
        unchanged.time(&mut diff(), &[0]);
    }
    line("`pg_dump --schema-only`", &dumped, Some(&dumped), "1");
    line("`pull` to a snapshot (reading)", &read, Some(&dumped), "≤ 0.30");
    line("`pull` to YAML", &pulled, Some(&dumped), "≤ 0.60");
    line("`diff`, nothing changed", &unchanged, Some(&dumped), "≤ 0.50, ≤ 400 MB");

    servers::run(&database.url, &generate::five_edits(tables)).map_err(|error| servers::describe(&error))?;
    let (mut dumped, mut edited) = (Taken::default(), Taken::default());
    for _ in 0..repeat {
        dumped.time(&mut dump(), &[0]);
        edited.time(&mut diff(), &[2]);
    }
    line("`diff`, 5 edited", &edited, Some(&dumped), "≤ 0.60, ≤ 400 MB");
    Ok((tables, read.min(), unchanged.min()))
}
