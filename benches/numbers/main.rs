//! The numbers of trueup, side by side with `pg_dump --schema-only` in one run on one machine.
//!
//! ```text
//! numbers run [--tables 1000,10000] [--repeat 3] [--server URL]     Markdown on stdout
//! numbers generate --url URL --tables N                             only the database
//! numbers read --url URL                                            only reads it, in this process
//! ```
//!
//! Needs PostgreSQL 15 with pg_dump, and starts a server of its own. With `--server` (of a database on it) that one is used, and the
//! generated databases, `numbers_N`, stay for the next run. Time is wall clock; CPU is the program's own, not the server's; memory
//! is the high-water mark of the process (VmHWM).
#![allow(clippy::disallowed_methods, reason = "a test waits for processes and connects without the library")]
#![allow(clippy::print_stdout, clippy::print_stderr, dead_code)]

mod generate;
#[path = "../../tests/support/servers.rs"]
mod servers;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use servers::{DEFAULT_MAJOR, Server};

/// The one that the program has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Result<T> = std::result::Result<T, String>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let result = match arguments.first().map(String::as_str) {
        Some("run") => {
            run(value("--tables").unwrap_or("1000,10000"), value("--repeat").unwrap_or("3"), value("--server"))
        }
        Some("read") => value("--url").map_or(Err("read needs --url URL".into()), read),
        Some("generate") => match (value("--url"), value("--tables").and_then(|text| text.parse().ok())) {
            (Some(url), Some(tables)) => generate(url, tables),
            _ => Err("generate needs --url URL --tables N".into()),
        },
        _ => {
            println!(
                "numbers run [--tables N,N] [--repeat N] [--server URL] | generate --url URL --tables N | read --url URL"
            );
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

/// Reads a database into a catalog, which is thrown away.
fn read(url: &str) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let reading = async {
        let session = trueup::postgres::Session::connect(&trueup::postgres::ConnInfo::parse(url)?).await?;
        trueup::introspect::introspect(&session, &["public".to_owned()]).await
    };
    let catalog = runtime.block_on(reading).map_err(|problem| problem.message.clone())?;
    println!("{} objects", catalog.len());
    // As the program itself, which ends when it is done.
    std::process::exit(0)
}

/// What one program took, over its repetitions.
#[derive(Default)]
struct Taken {
    seconds: Vec<f64>,
    cpu: Vec<f64>,
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
        let process = Path::new("/proc").join(child.id().to_string());
        let (status, stat) = (process.join("status"), process.join("stat"));
        let mut ticks = 0;
        let mut polls = 0u32;
        let ended = loop {
            match child.try_wait() {
                Ok(None) => {}
                Ok(Some(ended)) => break ended.code(),
                Err(_) => break None,
            }
            if polls.is_multiple_of(4) {
                ticks = ticks_of(&std::fs::read_to_string(&stat).unwrap_or_default()).unwrap_or(ticks);
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
        // The kernel's unit for programs, on every Linux: hundredths.
        self.cpu.push(ticks as f64 / 100.0);
        if !ended.is_some_and(|status| fine.contains(&status)) {
            self.failed = Some(format!("exit {ended:?}"));
        }
    }
}

/// The CPU time in a process's `stat`: of itself and of the children it has waited for, in the kernel's ticks.
fn ticks_of(stat: &str) -> Option<u64> {
    // Behind the name, which is in parentheses and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    fields.get(11..15)?.iter().map(|field| field.parse::<u64>().ok()).sum()
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
        "| {what}{note} | {:.3} | {:.3} | {:.2} | {ratio} | {reach} | {} |",
        taken.min(),
        taken.median(),
        taken.cpu.iter().copied().fold(f64::INFINITY, f64::min),
        taken.kilobytes / 1024
    );
}

/// Where the generated databases are.
enum Place {
    /// On a server that goes with the run.
    Own(Server),
    /// On one that stays: its URL but for the database's name, which is taken out of the middle.
    Kept(String, String),
}

/// A generated database, and what keeps it there.
struct Generated<'a> {
    url: String,
    seconds: f64,
    _database: Option<servers::Database<'a>>,
}

impl Place {
    fn new(server: Option<&str>) -> Result<Self> {
        let Some(url) = server else { return Ok(Self::Own(Server::start(DEFAULT_MAJOR)?)) };
        let (before, after) =
            url.split_once("//").and_then(|(_, rest)| rest.split_once('/')).ok_or("--server takes a URL")?;
        let after = after.split_once('?').map_or(String::new(), |(_, options)| format!("?{options}"));
        Ok(Self::Kept(format!("postgres://{before}/"), after))
    }

    /// The database of so many tables; made where it is not there.
    fn database(&self, tables: usize) -> Result<Generated<'_>> {
        let began = Instant::now();
        let made = |url: &str| generate(url, tables).map(|()| began.elapsed().as_secs_f64());
        match self {
            Self::Own(server) => {
                let database = server.database();
                let url = database.url.clone();
                Ok(Generated { seconds: made(&url)?, url, _database: Some(database) })
            }
            Self::Kept(before, after) => {
                let url = format!("{before}numbers_{tables}{after}");
                let known = servers::rows(&url, "select 1").is_ok();
                if !known {
                    servers::run(&format!("{before}postgres{after}"), &format!("create database numbers_{tables}"))
                        .map_err(|error| servers::describe(&error))?;
                }
                Ok(Generated { seconds: if known { 0.0 } else { made(&url)? }, url, _database: None })
            }
        }
    }
}

fn run(sizes: &str, repeat: &str, server: Option<&str>) -> Result<()> {
    let repeat: usize = repeat.parse().map_err(|_| "--repeat needs a number")?;
    let sizes: Vec<usize> = sizes
        .split(',')
        .map(|size| size.trim().parse().map_err(|_| format!("--tables: {size} is not a number")))
        .collect::<Result<_>>()?;
    if sizes.iter().any(|size| *size < 20) {
        return Err("--tables: at least 20".into());
    }
    let place = Place::new(server)?;
    small(&place, repeat)?;
    let mut growth: Vec<(usize, f64, f64)> = Vec::new();
    for tables in sizes {
        growth.push(size(&place, tables, repeat)?);
    }
    println!(
        "\n### Growth\n\n| tables | reading, ms per table | diff unchanged, ms per table |\n| ---: | ---: | ---: |"
    );
    for (tables, read, diff) in growth {
        let per_table = |seconds: f64| 1000.0 * seconds / tables as f64;
        println!("| {tables} | {:.3} | {:.3} |", per_table(read), per_table(diff));
    }
    Ok(())
}

const HEAD: &str = "| work | min s | median s | CPU s | ÷ pg_dump | reach | peak MB |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |";

/// What does not depend on the size: the start of the program, a project of 20 tables.
fn small(place: &Place, repeat: usize) -> Result<()> {
    let database = place.database(20)?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let folder = folder.path().join("project");
    let project = folder.display().to_string();
    let (mut help, mut diff, mut pull) = (Taken::default(), Taken::default(), Taken::default());
    pull.time(&mut trueup(&["pull", "--from", &database.url, "--out", &project]), &[0]);
    // Edited, so that something is elaborated.
    generate::five_edits(&folder)?;
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
fn size(place: &Place, tables: usize, repeat: usize) -> Result<(usize, f64, f64)> {
    let database = place.database(tables)?;
    println!("\n### {tables} tables (generated in {:.1} s)\n\n{HEAD}", database.seconds);
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
        let _ = std::fs::remove_dir_all(out).or_else(|_| std::fs::remove_file(out));
        trueup(&["pull", "--from", &database.url, "--out", out])
    };
    let diff = || trueup(&["diff", "--from", &database.url, "--to", &project]);

    let reading = || {
        let mut command = Command::new(std::env::current_exe().unwrap_or_default());
        command.args(["read", "--url", &database.url]);
        command
    };
    let mut dumped = Taken::default();
    let (mut read, mut written, mut pulled, mut unchanged) =
        (Taken::default(), Taken::default(), Taken::default(), Taken::default());
    // Taken in turns, so that a slow moment of the machine falls on all alike.
    for _ in 0..repeat {
        dumped.time(&mut dump(), &[0]);
        read.time(&mut reading(), &[0]);
        written.time(&mut pull(&snapshot), &[0]);
        pulled.time(&mut pull(&project), &[0]);
        unchanged.time(&mut diff(), &[0]);
    }
    line("`pg_dump --schema-only`", &dumped, Some(&dumped), "1");
    line("reading into a catalog", &read, Some(&dumped), "≤ 0.30");
    line("`pull` to a snapshot", &written, Some(&dumped), "–");
    line("`pull` to YAML", &pulled, Some(&dumped), "≤ 0.60");
    line("`diff`, nothing changed", &unchanged, Some(&dumped), "≤ 0.50, ≤ 400 MB");

    generate::five_edits(Path::new(&project))?;
    let (mut dumped, mut edited) = (Taken::default(), Taken::default());
    for _ in 0..repeat {
        dumped.time(&mut dump(), &[0]);
        edited.time(&mut diff(), &[2]);
    }
    line("`diff`, 5 edited", &edited, Some(&dumped), "≤ 0.60, ≤ 400 MB");
    Ok((tables, read.min(), unchanged.min()))
}
