//! What the steps take for granted of the rows, asked before the first of them.

use std::time::{Duration, Instant};

use crate::core::diagnostic::Diagnostic;
use crate::core::id::ObjectId;
use crate::core::name::{says, search_path};
use crate::core::step::{Action, Phase, Premise, Step};
use crate::plan::Plan;
use crate::postgres::Session;

/// Violations are counted up to this number.
const COUNTED: u32 = 10_000;

/// Violations that are shown.
const SHOWN: u32 = 3;

/// How long the rows are asked: what is not answered by then, the steps themselves find out.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// All questions together.
    pub all: Duration,
    /// One question, in seconds.
    pub each: u32,
}

impl Patience {
    /// Before a plan is run.
    pub const TO_RUN: Self = Self { all: Duration::from_secs(20), each: 5 };
    /// While a plan is only shown.
    pub const TO_SHOW: Self = Self { all: Duration::from_secs(5), each: 2 };
}

/// Asks the rows what the steps up to a phase take for granted: an error for each premise that does not hold.
///
/// What steps of the plan may mend before it matters is passed over, and so is what cannot be answered in a few seconds. It
/// changes nothing and waits for nobody's locks.
///
/// Also says of how many steps that could not be found out.
pub async fn premises(
    session: &Session,
    plan: &Plan,
    until: Option<Phase>,
    patience: Patience,
) -> (Vec<Box<Diagnostic>>, usize) {
    let began = Instant::now();
    let (mut found, mut unanswered) = (Vec::new(), 0);
    let data: Vec<&Step> = plan.steps().filter(|step| step.action == Action::Data).collect();
    for step in plan.steps().filter(|step| until.is_none_or(|until| step.phase <= until)) {
        let Some(premise) = &step.premise else { continue };
        if began.elapsed() > patience.all {
            unanswered += 1;
            continue;
        }
        if data.iter().any(|step| may_change(step, premise)) {
            continue;
        }
        let Some((count, examples)) = ask(session, plan, premise, patience).await else {
            unanswered += 1;
            continue;
        };
        if count == 0 {
            continue;
        }
        let number = if count > COUNTED { format!("more than {COUNTED}") } else { count.to_string() };
        let mut problem = Diagnostic::error("rows-violate", premise.message(&number));
        if let Some(examples) = examples {
            problem = problem.note(format!("such as {examples}"));
        }
        problem.location.clone_from(&step.location);
        found.push(problem.help(premise.help.clone()));
    }
    (found, unanswered)
}

/// How many values or rows a query of a premise finds, as far as they are counted; nothing where that cannot be answered, or where
/// steps of the plan may change the rows before.
pub async fn count(session: &Session, plan: &Plan, premise: &Premise, patience: Patience) -> Option<u32> {
    if plan.steps().any(|step| step.action == Action::Data && may_change(step, premise)) {
        return None;
    }
    ask(session, plan, premise, patience).await.map(|(count, _)| count)
}

/// Whether a step about rows may touch those of the premise's table.
fn may_change(step: &Step, premise: &Premise) -> bool {
    std::iter::once(&premise.table).chain(&premise.others).any(|table| may_change_in(step, premise, table))
}

fn may_change_in(step: &Step, premise: &Premise, table: &ObjectId) -> bool {
    let object = &step.object;
    if step.label.is_some() && step.sql.starts_with("DO ") {
        // A check: it raises or does nothing.
        return false;
    }
    if let Some(sequence) = set_sequence(&step.sql) {
        // How far a sequence has counted is asked by premises about that sequence alone.
        return premise.violations.contains(sequence);
    }
    if object.parent().as_ref() == Some(table) && !premise.columns.is_empty() {
        // A backfill sets one column.
        return premise.columns.iter().any(|column| *column == object.name());
    }
    object.top() == *table
        || step.batch.as_ref().is_some_and(|batch| batch.table == *table)
        || step.uses_unconstrained.contains(table)
        || says(&step.sql, &table.name())
}

/// The sequence, as SQL, that a statement sets to another value.
fn set_sequence(sql: &str) -> Option<&str> {
    let rest = sql.strip_prefix("SELECT setval('")?;
    // An apostrophe within a name is doubled.
    let end = rest.match_indices('\'').map(|(at, _)| at).find(|at| !rest[at + 1..].starts_with('\''))?;
    Some(&rest[..end])
}

/// How many violations there are, and some of them; nothing where that cannot be answered.
async fn ask(session: &Session, plan: &Plan, premise: &Premise, patience: Patience) -> Option<(u32, Option<String>)> {
    let (limit, seconds) = (COUNTED + 1, patience.each);
    let sql = format!(
        "BEGIN READ ONLY; SET LOCAL search_path = {}; SET LOCAL statement_timeout = '{seconds}s'; SET LOCAL lock_timeout = '500ms'; \
         SET LOCAL row_security = off; \
         WITH v(shown) AS ({} LIMIT {limit}) SELECT pg_catalog.count(*), \
         (SELECT pg_catalog.string_agg(pg_catalog.left(s.shown, 80), '; ') FROM (SELECT shown FROM v LIMIT {SHOWN}) s) FROM v; \
         COMMIT",
        search_path(&plan.search_path),
        premise.violations
    );
    let Ok(rows) = session.rows(&sql).await else {
        let _ = session.batch("ROLLBACK").await;
        return None;
    };
    let [Some(count), examples] = rows.first()?.as_slice() else { return None };
    Some((count.parse().ok()?, examples.clone()))
}
