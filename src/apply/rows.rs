//! Checks of rows while a plan runs: what waits for a check that fails is not run, all else is.
//!
//! A remedy walks the keys of a table once, while the application goes on writing: rows that come in behind it are not mended.
//! So where a check finds violations, the statements that should have mended them run again, as long as they still change
//! rows, and a few times at the most: a remedy that cannot make its violations go away ends here.

use std::collections::BTreeSet;

use super::run::Runner;
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::step::{Action, Step, Transaction};
use crate::plan::PlanTransaction;
use crate::postgres::sql_error;

/// How often the statements of a remedy run before its violations are taken to be there to stay.
const PASSES: u32 = 3;

/// What is known of the rows so far.
pub(super) struct Rows<'a> {
    /// The statements that change rows, by position in the plan.
    statements: Vec<(usize, &'a Step)>,
    /// Checks that failed.
    failed: BTreeSet<&'a str>,
    /// What is wrong with the rows, in the order in which it was found.
    problems: Vec<Box<Diagnostic>>,
    /// Steps that were left out.
    left_out: usize,
}

impl<'a> Rows<'a> {
    pub(super) fn new(transactions: &[&'a PlanTransaction]) -> Self {
        let steps = transactions.iter().flat_map(|t| &t.steps).enumerate();
        let statements = steps.filter(|(_, s)| s.action == Action::Data && s.check.is_none()).collect();
        Self { statements, failed: BTreeSet::new(), problems: Vec::new(), left_out: 0 }
    }

    /// Whether a step may run after what has been found so far.
    pub(super) fn allow(&mut self, step: &Step) -> bool {
        let stopped = step.behind.iter().any(|check| self.failed.contains(check.as_str()));
        self.left_out += usize::from(stopped);
        !stopped
    }

    /// What there is to say at the end.
    pub(super) fn problem(self, committed: usize, total: usize) -> Option<Box<Diagnostic>> {
        let mut problems = self.problems.into_iter();
        let mut first = problems.next()?;
        for other in problems {
            match other.location {
                Some(location) => {
                    let rows = other.notes.first().map(|note| format!("; {note}")).unwrap_or_default();
                    first.related.push((location, format!("{}{rows}", other.message)));
                }
                None => first.notes.push(format!("also: {}", other.message)),
            }
        }
        let left_out = match self.left_out {
            0 => "no step waits for it".to_owned(),
            1 => "1 step waits for it and was not run".to_owned(),
            n => format!("{n} steps wait for it and were not run"),
        };
        Some(first.note(format!("{committed} of {total} steps are done; {left_out}")))
    }
}

/// Rows that are not as they should be: which, and what to do.
pub(super) fn violation(step: &Step, error: tokio_postgres::Error) -> Box<Diagnostic> {
    let (message, rows, hint) = match error.as_db_error() {
        Some(db) => (db.message().to_owned(), db.detail().map(str::to_owned), db.hint().map(str::to_owned)),
        None => return sql_error(error, None),
    };
    let mut problem = Diagnostic::error("rows-violate", message);
    problem.location.clone_from(&step.location);
    problem.notes.extend(rows.map(|rows| format!("rows that are wrong: {}", rows.replace('\n', ", "))));
    problem.help.extend(hint);
    problem
}

impl Runner<'_> {
    /// Runs a check of rows, and the statements that it is about again where that helps.
    pub(super) async fn check<'a>(&mut self, index: usize, step: &'a Step, rows: &mut Rows<'a>) -> Result<()> {
        let mut passes = 1;
        loop {
            let Err(problem) = self.together(Transaction::Own, &[(index, step)]).await else { return Ok(()) };
            if !std::mem::take(&mut self.violated) {
                return Err(problem);
            }
            // Of a run that is resumed, the statements may have run before.
            let changes = step.group.as_ref().is_some_and(|group| self.changed.get(group).is_none_or(|n| *n > 0));
            if passes == PASSES || !changes || !self.again(step, rows).await? {
                self.observer.note("these rows are not as they should be; what waits for them is left out");
                rows.failed.extend(step.check.as_deref());
                rows.problems.push(problem);
                return Ok(());
            }
            passes += 1;
        }
    }

    /// Runs the statements of a check's group again; whether there are any.
    async fn again(&mut self, check: &Step, rows: &Rows<'_>) -> Result<bool> {
        let group = check.group.as_ref().filter(|_| check.action == Action::Data);
        let own: Vec<_> =
            rows.statements.iter().filter(|(_, s)| group.is_some() && s.group.as_ref() == group).collect();
        if !own.is_empty() {
            self.observer.note("rows are left or came in meanwhile; once more");
        }
        if let Some(group) = group {
            self.changed.insert(group.clone(), 0);
        }
        let (committed, transactions) = (self.committed, self.transactions);
        for (index, step) in &own {
            if step.transaction == Transaction::None {
                self.alone(*index, step).await?;
            } else {
                self.together(step.transaction, &[(*index, *step)]).await?;
            }
        }
        (self.committed, self.transactions) = (committed, transactions);
        Ok(!own.is_empty())
    }
}
