//! Statements cut into batches: each batch a transaction of its own, walked by a key, sized by time.
//!
//! Nothing is remembered of how far it got. A remedy changes the rows that still need it, so a second run passes quickly over
//! the part of the keys that is done.

use std::time::{Duration, Instant};

use tokio_postgres::SimpleQueryMessage;

use super::failure::is_retryable;
use super::run::{Runner, rows_changed};
use crate::core::step::Step;
use crate::data::Batch;

/// How long a batch is to take: as long as this, an application's update of one of its rows waits for it.
const TARGET: Duration = Duration::from_millis(50);

/// Rows of the first batch, before anything is known about how long they take.
const FIRST: u32 = 500;

/// Rows of the smallest batch.
const LEAST: u32 = 50;

/// A batch is to cost what its rows cost, not what the tables hold that it joins: without this, the planner reads all of a
/// joined table for each batch of some thousand rows, which takes longer than to look up each row's partner by an index.
/// Where there is no index, it still reads the table.
const PLANNING: &str = "SET enable_seqscan = off; SET random_page_cost = 1.1; SET jit = off";

/// The role's own settings again.
const PLANNED: &str = "RESET enable_seqscan; RESET random_page_cost; RESET jit";

impl Runner<'_> {
    /// Runs a statement batch by batch.
    pub(super) async fn batches(
        &mut self,
        step: &Step,
        batch: &Batch,
        blockers: &mut [String],
    ) -> Result<u64, tokio_postgres::Error> {
        self.session.client.batch_execute(PLANNING).await?;
        let changed = self.all_batches(step, batch, blockers).await?;
        self.session.client.batch_execute(PLANNED).await?;
        Ok(changed)
    }

    async fn all_batches(
        &mut self,
        step: &Step,
        batch: &Batch,
        blockers: &mut [String],
    ) -> Result<u64, tokio_postgres::Error> {
        let mut low: Option<Vec<String>> = None;
        let mut rows = FIRST.min(batch.rows);
        let mut changed = 0;
        loop {
            let began = Instant::now();
            let high = self.key(&batch.next_key(low.as_deref(), rows)).await?;
            let sql = batch.statement(low.as_deref(), high.as_deref());
            changed += self.one_batch(step, &sql, blockers).await?;
            self.observer.rows(step, changed);
            if high.is_none() {
                return Ok(changed);
            }
            low = high;
            let took = began.elapsed().max(Duration::from_millis(1));
            let fitting = f64::from(rows) * (TARGET.as_secs_f64() / took.as_secs_f64()).clamp(0.25, 2.0);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped to the range of a batch"
            )]
            let next = fitting as u32;
            rows = next.clamp(LEAST.min(batch.rows), batch.rows);
        }
    }

    /// One batch; tried again where its locks are not to be had.
    async fn one_batch(
        &mut self,
        step: &Step,
        sql: &str,
        blockers: &mut [String],
    ) -> Result<u64, tokio_postgres::Error> {
        let mut attempt = 1;
        loop {
            match self.counted(sql).await {
                Err(error) if is_retryable(&error) && attempt < self.o.lock_attempts => {
                    self.observer.waiting_for_lock(step, attempt, blockers);
                    tokio::time::sleep(super::run::pause(attempt)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn counted(&self, sql: &str) -> Result<u64, tokio_postgres::Error> {
        Ok(rows_changed(&self.session.client.simple_query(sql).await?))
    }

    async fn key(&self, sql: &str) -> Result<Option<Vec<String>>, tokio_postgres::Error> {
        let messages = self.session.client.simple_query(sql).await?;
        Ok(messages.iter().find_map(|m| match m {
            SimpleQueryMessage::Row(row) => (0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect(),
            _ => None,
        }))
    }
}
