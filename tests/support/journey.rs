//! The round trip: a database, its YAML, a new database from the YAML, the same again.

use trueup::core::catalog::Snapshot;
use trueup::core::diagnostic::Diagnostic;
use trueup::introspect::introspect_as;
use trueup::postgres::{ConnInfo, Session};

use super::judge::{Options, judge_without};
use super::servers::Server;
use super::trueup::trueup;
use super::{files_of, head};

/// How a round trip ended, when it did not fail.
#[derive(Debug)]
pub enum Ended {
    /// Everything held; the text says how it was judged.
    Well(String),
    /// It rests on kinds of objects that are not modelled, which trueup said, and building it was refused.
    Said(String),
    /// The SQL does not load into this server.
    DoesNotLoad(String),
}

/// Loads `sql` into a database, pulls it, applies the YAML to an empty database, and asks whether the two are the same.
///
/// Errors are texts for the report, one per thing that does not hold; the later steps are tried also when an earlier one failed,
/// as far as that makes sense.
pub fn round_trip(server: &Server, sql: &str) -> Result<Ended, String> {
    let (a, b) = (server.database(), server.database());
    if let Err(why) = a.load(sql) {
        return Ok(Ended::DoesNotLoad(why));
    }
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let (first_name, second_name) = (first.display().to_string(), second.display().to_string());
    let scratch = server.scratch();

    let pull = trueup(&["pull", "--from", &a.url, "--out", &first_name]);
    if !pull.fine() {
        return Err(pull.report());
    }
    if !first.is_dir() {
        return Err(format!("{}\nexit 0, but there is no {first_name}", pull.call));
    }
    let apply =
        trueup(&["apply", "--from", &b.url, "--to", &first_name, "--yes", "--allow", "all", "--ephemeral", &scratch]);
    let unmodelled = named_unmodelled(&pull.stderr);
    if !apply.fine() {
        // Where other objects rest on one of a kind that the pull said it leaves out, PostgreSQL refuses to build them, and the
        // refusal is reported. Without such a warning there is no excuse.
        return if unmodelled.is_empty() || !apply.stderr.contains("does not exist") {
            Err(apply.report())
        } else {
            Ok(Ended::Said(format!("{}; {}", unmodelled.join(", "), apply.stderr.lines().next().unwrap_or_default())))
        };
    }

    let mut wrong = Vec::new();
    wrong.extend(read_otherwise(&a.url)?);
    // What the pull said it leaves out is not compared; what it left out in silence is.
    let verdict = judge_without(&a, &b, Options { fixpoint: true, ..Options::default() }, &unmodelled)?;
    if !verdict.same() {
        wrong.push(verdict.report());
    }
    for (what, url) in [("the database that was pulled", &a.url), ("the database that was built", &b.url)] {
        let diff = trueup(&["diff", "--from", url, "--to", &first_name, "--ephemeral", &scratch]);
        if !diff.fine() {
            let said = if diff.stdout.trim().is_empty() { diff.report() } else { head(&diff.stdout, 12) };
            wrong.push(format!("diff finds a difference in {what} (exit {}): {said}", diff.status));
        }
    }
    let pull = trueup(&["pull", "--from", &b.url, "--out", &second_name]);
    if !pull.fine() {
        wrong.push(pull.report());
    }
    let (one, two) = (files_of(&first), files_of(&second));
    for name in one.keys().chain(two.keys().filter(|name| !one.contains_key(*name))) {
        if one.get(name) != two.get(name) {
            let text = |files: &std::collections::BTreeMap<String, Vec<u8>>| {
                String::from_utf8_lossy(files.get(name).map(Vec::as_slice).unwrap_or_default()).into_owned()
            };
            let (left, right) = (text(&one), text(&two));
            let diff = similar::TextDiff::from_lines(&left, &right);
            let shown = diff.unified_diff().context_radius(1).to_string();
            wrong.push(format!("a second pull writes another {name}: {}", head(&shown, 10)));
        }
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n  "));
    }
    let mut how = format!("{verdict:?}");
    if !unmodelled.is_empty() {
        how.push_str(&format!(", without what the pull names as not modelled: {}", unmodelled.join(", ")));
    }
    Ok(Ended::Well(how))
}

/// What is read otherwise in the way that is for large databases than in the one for others.
fn read_otherwise(url: &str) -> Result<Option<String>, String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let read = |large| async move {
        let session = Session::connect(&ConnInfo::parse(url)?).await?;
        let catalog = introspect_as(&session, &["public".to_owned()], Some(large)).await?;
        Ok::<_, Box<Diagnostic>>(serde_json::to_string_pretty(&Snapshot::from(&catalog)).unwrap_or_default())
    };
    let both = runtime.block_on(async { Ok::<_, Box<Diagnostic>>((read(false).await?, read(true).await?)) });
    let (small, large) = both.map_err(|error| error.to_string())?;
    let diff = similar::TextDiff::from_lines(&small, &large);
    let shown = diff.unified_diff().context_radius(1).to_string();
    Ok((small != large).then(|| format!("a large database is read otherwise: {}", head(&shown, 10))))
}

/// The kinds of objects that a run warns it does not model: `warning[unmodelled]: 1 of kind publication is not modelled …`.
fn named_unmodelled(stderr: &str) -> Vec<String> {
    let lines = stderr.lines().filter(|line| line.starts_with("warning[unmodelled]"));
    lines
        .filter_map(|line| line.split_once(" of kind ")?.1.split_once(" is not modelled"))
        .map(|(kind, _)| kind.to_owned())
        .collect()
}
