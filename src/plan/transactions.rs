//! Groups ordered steps into transactions.

use std::collections::HashMap;

use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::step::{Step, Transaction};
use crate::plan::PlanTransaction;

/// Neighbours that may share a transaction do; phases are never mixed.
pub fn group(steps: Vec<Step>) -> Vec<PlanTransaction> {
    let mut groups: Vec<PlanTransaction> = Vec::new();
    for step in steps {
        match groups.last_mut() {
            Some(last)
                if last.mode == Transaction::Shared
                    && step.transaction == Transaction::Shared
                    && last.phase == step.phase =>
            {
                last.steps.push(step);
            }
            _ => groups.push(PlanTransaction { mode: step.transaction, phase: step.phase, steps: vec![step] }),
        }
    }
    groups
}

/// Makes sure that what is dropped only to be made again is dropped and made in one transaction: a policy or a view that is
/// missing meanwhile would open a table or break its readers, for as long as the next statement waits for a lock.
///
/// # Errors
/// `plan-torn`, which is a bug in the rules of order.
pub fn whole(groups: &[PlanTransaction]) -> Result<()> {
    let mut gone = HashMap::new();
    for (number, group) in groups.iter().enumerate() {
        for step in &group.steps {
            for id in step.creates.iter().filter(|_| step.transaction == Transaction::Shared) {
                if gone.get(id).is_some_and(|before| *before != number) {
                    return Err(Diagnostic::error(
                        "plan-torn",
                        format!("{id} would be dropped in one transaction and made again in another; this is a bug in trueup"),
                    )
                    .note("others would meanwhile work without it")
                    .help("please report it with the two schemas; splitting the change in two may avoid it"));
                }
            }
            if step.transaction == Transaction::Shared {
                gone.extend(step.destroys.iter().map(|id| (id.clone(), number)));
            }
        }
    }
    Ok(())
}
