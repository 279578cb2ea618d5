//! Progress on stderr: a bar on a terminal, nothing (or one line per stage with `-v`) elsewhere.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::apply::ApplyObserver;
use crate::core::step::Step;
use crate::engine::Progress;
use crate::render::{clean_line, object};

use super::output::Output;

/// Columns to lay out diagnostics in: `$COLUMNS`, else the terminal's, else 100.
pub fn width() -> usize {
    let given = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    given.or_else(terminal_width).filter(|columns| *columns >= 40).unwrap_or(100)
}

fn terminal_width() -> Option<usize> {
    #[cfg(unix)]
    {
        let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok()?;
        Some(size.ws_col.into())
    }
    #[cfg(not(unix))]
    None
}

/// The one bar at the bottom of the terminal.
#[derive(Clone)]
pub struct Bars {
    bar: Arc<Mutex<Option<ProgressBar>>>,
    terminal: bool,
    verbose: bool,
}

impl Bars {
    /// Draws only where stderr is a terminal.
    pub fn new(verbose: bool) -> Self {
        Self { bar: Arc::default(), terminal: std::io::stderr().is_terminal(), verbose }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Option<ProgressBar>) -> T) -> T {
        f(&mut self.bar.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes something else to stderr without tearing the bar.
    pub fn suspend(&self, f: impl FnOnce()) {
        // The lock is not held meanwhile: what is written may itself end the bar.
        match self.with(|bar| bar.clone()) {
            Some(bar) => bar.suspend(f),
            None => f(),
        }
    }

    fn spin(&self, what: String) {
        self.with(|slot| {
            let bar = slot.get_or_insert_with(|| {
                let bar = ProgressBar::new_spinner();
                bar.enable_steady_tick(Duration::from_millis(120));
                bar
            });
            bar.set_style(style("{spinner} {msg}"));
            bar.set_message(what);
        });
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

impl Progress for Bars {
    fn stage(&self, what: &str) {
        let what = clean_line(what).into_owned();
        if self.terminal {
            self.spin(what);
        } else if self.verbose {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "{what}");
        }
    }

    fn count(&self, done: u64, total: u64) {
        if !self.terminal || total == 0 {
            return;
        }
        self.with(|slot| {
            if let Some(bar) = slot {
                if bar.length() != Some(total) {
                    bar.set_length(total);
                    bar.set_style(style("{spinner} {msg} {wide_bar} {human_pos}/{human_len}"));
                }
                bar.set_position(done);
            }
        });
    }

    fn done(&self) {
        if let Some(bar) = self.with(Option::take) {
            bar.finish_and_clear();
        }
    }
}

/// Says on stderr what `apply` is doing.
pub struct Steps<'a> {
    output: &'a Output,
    terminal: bool,
}

impl<'a> Steps<'a> {
    /// Reports to this output.
    pub fn new(output: &'a Output) -> Self {
        Self { output, terminal: std::io::stderr().is_terminal() }
    }
}

impl ApplyObserver for Steps<'_> {
    fn step_started(&self, index: usize, total: usize, step: &Step) {
        if self.terminal {
            self.output.bars().spin(format!("[{}/{total}] {}", index + 1, title(step)));
            self.output.bars().count(index as u64, total as u64);
        }
    }

    fn step_finished(&self, index: usize, step: &Step, took: Duration) {
        self.output.line(&format!("{:>4}  {}  ({})", index + 1, title(step), time(took)));
    }

    fn rows(&self, step: &Step, changed: u64) {
        if self.terminal {
            self.output.bars().spin(format!("{}: {changed} rows", title(step)));
        }
    }

    fn waiting_for_lock(&self, step: &Step, attempt: u32, blockers: &[String]) {
        let on =
            step.lock.as_ref().map_or_else(|| object(&step.object), |(_, on)| clean_line(&on.sql_path()).into_owned());
        self.output.line(&format!("      waiting for a lock on {on}, attempt {attempt}"));
        for blocker in blockers {
            self.output.line(&format!("        {blocker}"));
        }
    }

    fn note(&self, text: &str) {
        self.output.line(&format!("      {text}"));
    }
}

/// The start of a step's statement, on one line.
fn title(step: &Step) -> String {
    let shown = step.shown();
    let one = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    let one = clean_line(&one);
    match one.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", &one[..at]),
        None => one.into_owned(),
    }
}

/// A duration for people: `12 ms`, `1.2 s`, `3 min 4 s`.
pub fn time(took: Duration) -> String {
    match took.as_millis() {
        ms @ 0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{:.1} s", took.as_secs_f64()),
        _ => format!("{} min {} s", took.as_secs() / 60, took.as_secs() % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(time(Duration::from_millis(12)), "12 ms");
        assert_eq!(time(Duration::from_millis(1234)), "1.2 s");
        assert_eq!(time(Duration::from_secs(184)), "3 min 4 s");
    }
}
