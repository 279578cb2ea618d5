//! Real and adversarial pairs of schemas: from `old` (with its rows) trueup must reach `new`.
//!
//! The pairs are in `pairs.jsonl` and `pairs/*/{old,new}.sql` of the corpus. Each ends as one of [`Outcome`]; the machine-readable
//! report is `target/pairs-report.jsonl`.
//!
//! * `TRUEUP_PAIRS=text|text` runs only the pairs whose `corpus/name` contains one of these, without asserting the ratios.
//! * `TRUEUP_PAIRS_LIMIT=n` runs only the first n, `TRUEUP_PAIRS_EVERY=n` every n-th.
//! * `TRUEUP_MAJOR=18` runs them on another major version than the default one.
//! * `TRUEUP_TEST_WORKERS=n` runs n at a time, each on a cluster of its own (2).
//!
//! Each worker has its own cluster because roles belong to the cluster, and it is swept after each pair.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use support::judge::{Options, judge};
use support::servers::Server;
use support::trueup::{FINE, REFUSED, trueup};

/// What must converge at least: of the pairs made of everyday kinds only, and of all.
const MODELLED_AT_LEAST: f64 = 0.97;
const ALL_AT_LEAST: f64 = 0.90;

#[derive(Debug, Clone, Deserialize)]
struct Pair {
    corpus: String,
    name: String,
    #[serde(default)]
    old: String,
    #[serde(default)]
    new: String,
    /// Rows, loaded after `old`.
    #[serde(default)]
    seed: String,
    /// Names of roles that both need, separated by semicolons.
    #[serde(default)]
    roles: String,
    /// SQL that runs before both.
    #[serde(default)]
    pre: String,
}

/// How a pair ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// The database is what was declared, its rows are there, and `diff` says so.
    Converged,
    /// It is not, and trueup said why.
    Said,
    /// It is, but `diff` still finds a difference.
    Unsettled,
    /// It is not, or rows are gone, and trueup claimed success.
    WrongInSilence,
    /// The pair itself does not load here.
    DoesNotLoad,
}

/// One line of the report.
#[derive(Debug, Serialize)]
struct Result {
    pair: String,
    corpus: String,
    outcome: Outcome,
    /// Kinds beyond the everyday ones that either side holds.
    beyond: Vec<String>,
    /// Where it ended: load, pull, apply, judge, rows, diff.
    stage: &'static str,
    reason: String,
    /// Scratch databases that trueup left behind.
    left_behind: Vec<String>,
    seconds: f64,
}

#[test]
fn pairs_converge() {
    let Some(corpus) = support::corpus() else {
        return;
    };
    if support::servers::server().is_none() {
        return;
    }
    let only = support::filter("TRUEUP_PAIRS");
    let limit = support::filter("TRUEUP_PAIRS_LIMIT").and_then(|text| text.parse().ok()).unwrap_or(usize::MAX);
    let mut pairs = read(&corpus);
    pairs.retain(|pair| support::passes(only.as_deref(), &format!("{}/{}", pair.corpus, pair.name)));
    pairs.truncate(limit);
    let every = support::filter("TRUEUP_PAIRS_EVERY").and_then(|text| text.parse().ok()).unwrap_or(1).max(1);
    let pairs: Vec<Pair> = pairs.into_iter().step_by(every).collect();
    assert!(!pairs.is_empty(), "no pair matches the filter");

    let servers: Vec<OnceLock<Server>> = (0..support::workers()).map(|_| OnceLock::new()).collect();
    let results = support::in_parallel(&pairs, |worker, pair| {
        let start =
            || Server::start(support::servers::major()).expect("a second cluster starts where the first one did");
        let server = servers[worker].get_or_init(start);
        let began = Instant::now();
        let mut beyond = Vec::new();
        let (outcome, stage, reason) = one(server, pair, &mut beyond);
        let left_behind = server.sweep();
        Result {
            pair: format!("{}/{}", pair.corpus, pair.name),
            corpus: pair.corpus.clone(),
            outcome,
            beyond,
            stage,
            reason,
            left_behind,
            seconds: began.elapsed().as_secs_f64(),
        }
    });
    drop(servers);
    write(&results);
    summarize(&results);
    judge_all(&results, only.is_none() && limit == usize::MAX && every == 1);
}

fn read(corpus: &Path) -> Vec<Pair> {
    let text = std::fs::read_to_string(corpus.join("pairs.jsonl")).unwrap_or_default();
    let mut pairs: Vec<Pair> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line of pairs.jsonl")).collect();
    let mut folders: Vec<_> =
        std::fs::read_dir(corpus.join("pairs")).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    folders.sort();
    for folder in folders {
        let file = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        pairs.push(Pair {
            corpus: "real".into(),
            name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            old: file("old.sql"),
            new: file("new.sql"),
            seed: file("seed.sql"),
            roles: String::new(),
            pre: String::new(),
        });
    }
    pairs
}

/// Runs one pair; returns how and where it ended, and why.
fn one(server: &Server, pair: &Pair, beyond: &mut Vec<String>) -> (Outcome, &'static str, String) {
    let (old, new) = (server.database(), server.database());
    let roles: String = pair
        .roles
        .split([';', '\n', ','])
        .map(str::trim)
        .filter(|role| !role.is_empty())
        .map(|role| format!("do $$ begin create role {role}; exception when duplicate_object then null; end $$;\n"))
        .collect();
    for (what, database, parts) in [
        ("old", &old, [&roles, &pair.pre, &pair.old, &pair.seed]),
        ("new", &new, [&roles, &pair.pre, &pair.new, &roles]),
    ] {
        if let Some(why) = parts.into_iter().find_map(|part| database.load(part).err()) {
            return (Outcome::DoesNotLoad, "load", format!("{what}: {why}"));
        }
    }
    for database in [&old, &new] {
        for kind in support::catalog::beyond(database).unwrap_or_default() {
            if !beyond.contains(&kind) {
                beyond.push(kind);
            }
        }
    }
    // Most pairs have no rows; asking costs connections.
    let has_rows = !pair.seed.is_empty() || pair.old.to_lowercase().contains("insert into");
    let rows_before = if has_rows { old.row_counts() } else { BTreeMap::new() };

    let Ok(folder) = tempfile::tempdir() else {
        return (Outcome::DoesNotLoad, "load", "no temporary folder".into());
    };
    let project = folder.path().join("project").display().to_string();
    let scratch = server.scratch();
    let pull = trueup(&["pull", "--from", &new.url, "--out", &project]);
    if !pull.fine() {
        return (failed(&pull), "pull", pull.report());
    }
    let apply =
        trueup(&["apply", "--from", &old.url, "--to", &project, "--yes", "--allow", "all", "--ephemeral", &scratch]);
    if !apply.fine() {
        // A build of a server may lack what another build of the same version has, as a method of compression.
        let scratch = server.other_scratch().map(Server::database);
        let mut parts = [&roles, &pair.pre, &pair.new].into_iter();
        return match scratch.and_then(|scratch| parts.find_map(|part| scratch.load(part).err())) {
            Some(why) => (Outcome::DoesNotLoad, "load", format!("new, on the scratch server: {why}")),
            None => (failed(&apply), "apply", apply.report()),
        };
    }

    let verdict = match judge(&new, &old, Options { ignore_column_order: true, fixpoint: true }) {
        Ok(verdict) => verdict,
        Err(why) => return (Outcome::DoesNotLoad, "judge", why),
    };
    let diff = trueup(&["diff", "--from", &old.url, "--to", &project, "--ephemeral", &scratch]);
    if !verdict.same() {
        let said = pull.says_unmodelled() || apply.says_unmodelled();
        let outcome = if said { Outcome::Said } else { Outcome::WrongInSilence };
        return (outcome, "judge", format!("diff exit {}; {}", diff.status, verdict.report()));
    }
    let rows_after = if rows_before.is_empty() { BTreeMap::new() } else { old.row_counts() };
    let lost: Vec<String> = rows_before
        .iter()
        .filter_map(|(table, before)| {
            let after = rows_after.get(table)?;
            (after < before).then(|| format!("{table}: {before} rows before, {after} after"))
        })
        .collect();
    if !lost.is_empty() {
        // Consent was given to all; still it must have been said what is lost.
        let said = format!("{}{}", apply.stdout, apply.stderr).contains("data-loss");
        let outcome = if said { Outcome::Said } else { Outcome::WrongInSilence };
        return (outcome, "rows", lost.join("; "));
    }
    if diff.status != FINE {
        let said = if diff.stdout.trim().is_empty() { diff.report() } else { support::head(&diff.stdout, 12) };
        return (Outcome::Unsettled, "diff", format!("exit {}: {said}", diff.status));
    }
    (Outcome::Converged, "diff", String::new())
}

/// A failure with a message is a failure; one without, or a crash, is not an answer.
fn failed(run: &support::trueup::Run) -> Outcome {
    let answered = run.status == 1 || run.status == REFUSED;
    let crashed = run.stderr.contains("panicked at");
    if answered && !crashed && !run.stderr.trim().is_empty() { Outcome::Said } else { Outcome::WrongInSilence }
}

fn write(results: &[Result]) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap_or(Path::new("."));
    let path = target.join("pairs-report.jsonl");
    if let Ok(mut file) = std::fs::File::create(&path) {
        for result in results {
            let _ = writeln!(file, "{}", serde_json::to_string(result).unwrap_or_default());
        }
        println!("report: {}", path.display());
    }
}

/// Counts of one group: all, and those made of everyday kinds only.
#[derive(Default)]
struct Count {
    loaded: usize,
    converged: usize,
    modelled: usize,
    modelled_converged: usize,
    by: BTreeMap<Outcome, usize>,
}

impl Count {
    fn add(&mut self, result: &Result) {
        *self.by.entry(result.outcome).or_default() += 1;
        if result.outcome == Outcome::DoesNotLoad {
            return;
        }
        let converged = usize::from(result.outcome == Outcome::Converged);
        self.loaded += 1;
        self.converged += converged;
        if result.beyond.is_empty() {
            self.modelled += 1;
            self.modelled_converged += converged;
        }
    }

    fn of(&self, outcome: Outcome) -> usize {
        self.by.get(&outcome).copied().unwrap_or(0)
    }

    fn line(&self, name: &str) -> String {
        format!(
            "{name:<18} {:>5} {:>6.1} % {:>6.1} % of {:<4} {:>5} {:>9} {:>6} {:>9}",
            self.loaded,
            100.0 * ratio(self.converged, self.loaded),
            100.0 * ratio(self.modelled_converged, self.modelled),
            self.modelled,
            self.of(Outcome::Said),
            self.of(Outcome::Unsettled),
            self.of(Outcome::WrongInSilence),
            self.of(Outcome::DoesNotLoad),
        )
    }
}

fn ratio(part: usize, all: usize) -> f64 {
    if all == 0 { 1.0 } else { part as f64 / all as f64 }
}

fn summarize(results: &[Result]) {
    let mut failing: Vec<&Result> = results.iter().filter(|result| result.outcome != Outcome::Converged).collect();
    failing.sort_by_key(|result| (result.outcome, result.stage, &result.pair));
    for result in failing {
        let reason = support::head(&result.reason, 8).replace('\n', "\n      ");
        println!("{:?} ({}) {} {:?}\n      {reason}", result.outcome, result.stage, result.pair, result.beyond);
    }
    let mut groups: BTreeMap<&str, Count> = BTreeMap::new();
    let mut all = Count::default();
    for result in results {
        groups.entry(&result.corpus).or_default().add(result);
        all.add(result);
    }
    println!("\ncorpus             loads converged  everyday kinds   said unsettled  wrong  no load");
    for (name, count) in &groups {
        println!("{}", count.line(name));
    }
    println!("{}", all.line("all"));
    let left: usize = results.iter().map(|result| result.left_behind.len()).sum();
    if left > 0 {
        println!("{left} scratch databases were left behind");
    }
}

/// What must hold; the ratios only when all pairs ran.
fn judge_all(results: &[Result], complete: bool) {
    let mut all = Count::default();
    results.iter().for_each(|result| all.add(result));
    let mut wrong = Vec::new();
    if all.of(Outcome::WrongInSilence) > 0 {
        wrong.push(format!("{} pairs are wrong in silence", all.of(Outcome::WrongInSilence)));
    }
    let left: usize = results.iter().map(|result| result.left_behind.len()).sum();
    if left > 0 {
        wrong.push(format!("{left} scratch databases were left behind"));
    }
    if complete {
        for (what, part, whole, least) in [
            ("all pairs", all.converged, all.loaded, ALL_AT_LEAST),
            ("the pairs of everyday kinds", all.modelled_converged, all.modelled, MODELLED_AT_LEAST),
        ] {
            if ratio(part, whole) < least {
                wrong.push(format!("{part} of {whole} of {what} converge, {:.0} % are asked", 100.0 * least));
            }
        }
    }
    // What does not converge is written down for users, pair by pair.
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/convergence.md");
    if let Ok(page) = std::fs::read_to_string(page) {
        let unlisted: Vec<&str> = results
            .iter()
            .filter(|result| matches!(result.outcome, Outcome::Said | Outcome::Unsettled))
            .map(|result| result.pair.as_str())
            .filter(|pair| !page.contains(pair))
            .collect();
        if !unlisted.is_empty() {
            wrong.push(format!("not listed in docs/convergence.md: {}", unlisted.join(", ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("; "));
}
