//! Groups ordered steps into transactions.

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
