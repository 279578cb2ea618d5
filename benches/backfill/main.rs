//! Rows mended in batches, side by side with one raw UPDATE: the example `schema/leads` with many leads.
//!
//! ```text
//! backfill run [--leads 1000000]     Markdown on stdout
//! ```
//!
//! Needs PostgreSQL 15. Every way starts from a copy of one database, in which the column and its index are there already:
//! the raw UPDATE, trueup alone, trueup while an application updates single rows.
#![allow(clippy::disallowed_methods, reason = "a test waits for processes and connects without the library")]
#![allow(clippy::print_stdout, clippy::print_stderr, dead_code)]

#[path = "../../tests/support/servers.rs"]
mod servers;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use servers::{DEFAULT_MAJOR, Database, Server, describe};

type Result<T> = std::result::Result<T, String>;

/// The leads of the example.
const LEADS: u64 = 100_000;

/// The raw statement is the remedy's own.
const RAW: &str = "update leads_master l set customer_id = c.id from customers c \
                   where c.phone = l.phone_number_normalized and l.customer_id is distinct from c.id";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let leads = arguments.iter().position(|a| a == "--leads").and_then(|at| arguments.get(at + 1)?.parse().ok());
    let result = match arguments.first().map(String::as_str) {
        Some("run") => run(leads.unwrap_or(10 * LEADS)),
        _ => {
            println!("backfill run [--leads N]");
            Ok(())
        }
    };
    if let Err(why) = result {
        eprintln!("backfill: {why}");
        std::process::exit(1);
    }
}

fn sql(url: &str, text: &str) -> Result<()> {
    servers::run(url, text).map_err(|error| format!("{}: {text}", describe(&error)))
}

fn number(database: &Database, query: &str) -> Result<f64> {
    let rows = database.rows(query)?;
    rows.into_iter()
        .flatten()
        .flatten()
        .next()
        .and_then(|n| n.parse().ok())
        .ok_or_else(|| format!("{query}: no number"))
}

/// What an application saw that updated single rows.
#[derive(Default)]
struct Waits {
    longest: Duration,
    updates: u64,
}

fn run(leads: u64) -> Result<()> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/leads");
    let before = std::fs::read_to_string(project.join("before.sql")).map_err(|e| e.to_string())?;
    let project = project.display().to_string();
    // As many leads to a phone number as in the example.
    let scale = |n: u64| (n * leads / LEADS).to_string();
    let before = before.replace("100000", &leads.to_string()).replace("33000", &scale(33_000));
    let server = Server::start(DEFAULT_MAJOR)?;
    let start = server.database();
    start.load(&before)?;
    trueup(&server, &start, &project, "expand")?;
    // All customers are there: what is compared is the UPDATE alone.
    sql(
        &start.url,
        "insert into customers (phone) select distinct phone_number_normalized from leads_master \
         where phone_number_normalized is not null on conflict (phone) do nothing",
    )?;
    sql(&start.url, "vacuum analyze")?;

    let raw = copy(&server, &start)?;
    let (raw_seconds, raw_waits) = {
        let began = Instant::now();
        sql(&raw.url, RAW)?;
        let seconds = began.elapsed().as_secs_f64();
        let again = copy(&server, &start)?;
        let (result, waits) = with_updates(&again, leads, || sql(&again.url, RAW));
        result?;
        (seconds, waits)
    };
    let rows = number(&raw, "select count(*) from leads_master where customer_id is not null")?;
    drop(raw);

    let alone = copy(&server, &start)?;
    let peak = trueup(&server, &alone, &project, "migrate")?;
    let seconds = step_seconds(&alone)?;
    drop(alone);

    let busy = copy(&server, &start)?;
    let (result, waits) = with_updates(&busy, leads, || trueup(&server, &busy, &project, "migrate"));
    result?;
    let busy_seconds = step_seconds(&busy)?;
    let linked = number(&busy, "select count(*) from leads_master where customer_id is not null")?;
    if linked != rows {
        return Err(format!("{linked} rows were linked, {rows} by the raw UPDATE"));
    }

    println!("### {leads} leads, {rows} of them linked\n");
    println!("| way | s | rows per second | ÷ raw | longest wait of a single-row update, ms | peak MB |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let line = |way: &str, seconds: f64, waits: Option<&Waits>, peak: Option<u64>| {
        let wait = waits.map_or("–".to_owned(), |w| {
            format!("{:.0} (of {} updates)", w.longest.as_secs_f64() * 1000.0, w.updates)
        });
        let peak = peak.map_or("–".to_owned(), |kilobytes| (kilobytes / 1024).to_string());
        let per_second = rows / seconds;
        println!("| {way} | {seconds:.2} | {per_second:.0} | {:.2} | {wait} | {peak} |", raw_seconds / seconds);
    };
    line("one raw UPDATE", raw_seconds, Some(&raw_waits), None);
    line("trueup, batches", seconds, None, Some(peak));
    line("trueup, while single rows are updated", busy_seconds, Some(&waits), None);
    println!("\nTo reach: ≥ 0.80 of the raw UPDATE, waits ≤ 100 ms.");
    Ok(())
}

fn copy<'a>(server: &'a Server, start: &Database) -> Result<Database<'a>> {
    let copied = server.database();
    let name = |database: &Database| -> Result<String> {
        let rows = database.rows("select current_database()")?;
        rows.into_iter().flatten().flatten().next().ok_or_else(|| "no name".to_owned())
    };
    let (from, to) = (name(start)?, name(&copied)?);
    let maintenance = server.ephemeral();
    sql(&maintenance, &format!("drop database {to}"))?;
    sql(&maintenance, &format!("create database {to} template {from}"))?;
    sql(&maintenance, "checkpoint")?;
    Ok(copied)
}

/// Runs the project up to a phase; returns the most memory that the process had, in kilobytes.
fn trueup(server: &Server, database: &Database, project: &str, until: &str) -> Result<u64> {
    let scratch = server.ephemeral();
    let arguments =
        ["apply", "--yes", "--until", until, "--from", &database.url, "--to", project, "--ephemeral", &scratch];
    let mut child = Command::new(env!("CARGO_BIN_EXE_trueup"))
        .args(arguments)
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|e| e.to_string())?;
    let status = Path::new("/proc").join(child.id().to_string()).join("status");
    let mut peak = 0;
    loop {
        match child.try_wait().map_err(|e| e.to_string())? {
            Some(ended) if ended.success() => return Ok(peak),
            Some(ended) => return Err(format!("trueup apply --until {until}: {ended}")),
            None => {}
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = peak.max(line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// How long the step in batches took, by the journal, which stays as long as a phase is left.
fn step_seconds(database: &Database) -> Result<f64> {
    number(
        database,
        "select extract(epoch from max(finished_at - started_at)) from trueup.history where phase = 'migrate' and status = 'done'",
    )
}

/// Updates one row after the other while something is done.
fn with_updates<T>(database: &Database, leads: u64, work: impl FnOnce() -> T) -> (T, Waits) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let application = scope.spawn(|| {
            let mut waits = Waits::default();
            let mut id = 1;
            servers::in_one_session(
                &database.url,
                || {
                    if stop.load(Ordering::Relaxed) {
                        return None;
                    }
                    // A stride that visits all parts of the table.
                    id = (id + 611_953) % leads + 1;
                    Some(format!("update leads_master set name = 'seen' where id = {id}"))
                },
                |took| {
                    waits.updates += 1;
                    waits.longest = waits.longest.max(took);
                },
            );
            waits
        });
        let result = work();
        stop.store(true, Ordering::Relaxed);
        (result, application.join().unwrap_or_default())
    })
}
