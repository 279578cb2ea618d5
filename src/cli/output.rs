//! Where everything is written: results to stdout; diagnostics, progress and questions to stderr.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::core::diagnostic::{Diagnostic, Result};
use crate::engine::Progress;
use crate::render::diagnostic::{Drawing, draw};
use crate::render::text::Paint;
use crate::render::{clean, json};

use super::args::Color;
use super::progress::Bars;

/// The two streams, and how to write to them.
pub struct Output {
    color_out: bool,
    color_err: bool,
    width: usize,
    json: bool,
    /// Whether `-v` was given.
    pub verbose: bool,
    bars: Bars,
    progress: Arc<dyn Progress>,
}

/// More diagnostics than this are counted rather than drawn, unless `-v` is given.
const MOST_DRAWN: usize = 50;

impl Output {
    /// Decides on colours and width; `json`: diagnostics as one JSON object per line.
    pub fn new(color: Color, verbose: bool, json: bool) -> Self {
        let choice = match color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::AlwaysAnsi,
            Color::Never => anstream::ColorChoice::Never,
        };
        // Settles NO_COLOR, CLICOLOR, CLICOLOR_FORCE and TERM=dumb.
        let colored = |choice: anstream::ColorChoice| choice != anstream::ColorChoice::Never;
        let decided = |auto: anstream::ColorChoice| {
            if choice == anstream::ColorChoice::Auto { colored(auto) } else { colored(choice) }
        };
        let bars = Bars::new(verbose);
        Self {
            color_out: decided(anstream::AutoStream::choice(&io::stdout())),
            color_err: decided(anstream::AutoStream::choice(&io::stderr())),
            width: super::progress::width(),
            json,
            verbose,
            progress: Arc::new(bars.clone()),
            bars,
        }
    }

    /// How results are coloured.
    pub fn paint(&self) -> Paint {
        Paint::new(self.color_out)
    }

    /// For the engine, to say how far it is.
    pub fn progress(&self) -> &Arc<dyn Progress> {
        &self.progress
    }

    /// The bars behind [`progress`](Self::progress).
    pub fn bars(&self) -> &Bars {
        &self.bars
    }

    /// Takes away whatever is being drawn.
    pub fn end_progress(&self) {
        self.progress.done();
    }

    /// Writes a result that is safe to show (rendered by `crate::render`).
    pub fn result(&self, text: &str) -> Result<()> {
        self.end_progress();
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            // Whoever was reading has seen enough.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(e) => Err(Diagnostic::error("cannot-write", format!("cannot write to stdout: {e}"))),
            Ok(()) => Ok(()),
        }
    }

    /// Writes SQL: exactly as it is to a file or a pipe, made harmless on a terminal.
    pub fn sql(&self, text: &str) -> Result<()> {
        if io::stdout().is_terminal() { self.result(&clean(text)) } else { self.result(text) }
    }

    /// Writes JSON.
    pub fn json(&self, value: &Value) -> Result<()> {
        self.result(&json::text(value))
    }

    /// Writes a file, by way of a temporary one beside it, so that nobody reads half of it.
    pub fn file(&self, path: &Path, text: &str) -> Result<()> {
        let write = || -> io::Result<()> {
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            // A device or a pipe is written to; it cannot be replaced.
            if path.exists() && !path.is_file() {
                return std::fs::write(path, text);
            }
            let mut builder = tempfile::Builder::new();
            // Readable for others as the umask allows; a temporary file's own mode is narrower.
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
            let mut file = builder.prefix(".trueup-").tempfile_in(folder)?;
            file.write_all(text.as_bytes())?;
            file.persist(path).map_err(|e| e.error)?;
            Ok(())
        };
        write().map_err(|e| Diagnostic::error("cannot-write", format!("cannot write {}: {e}", path.display())))?;
        self.line(&format!("wrote {}", path.display()));
        Ok(())
    }

    /// One line on stderr.
    pub fn line(&self, text: &str) {
        self.stderr(&format!("{}\n", clean(text)));
    }

    /// A diagnostic on stderr.
    pub fn diagnostic(&self, diagnostic: &Diagnostic) {
        let text = if self.json {
            json::line(&json::diagnostic(diagnostic))
        } else {
            draw(diagnostic, Drawing { color: self.color_err, width: self.width })
        };
        self.stderr(&text);
    }

    /// Diagnostics on stderr, with an empty line after each.
    pub fn diagnostics(&self, all: &[Box<Diagnostic>]) {
        let most = if self.verbose || self.json { all.len() } else { MOST_DRAWN };
        for diagnostic in all.iter().take(most) {
            self.diagnostic(diagnostic);
            if !self.json {
                self.stderr("\n");
            }
        }
        if all.len() > most {
            self.line(&format!("… and {} more; -v shows all", all.len() - most));
        }
    }

    /// Whether there is a terminal to ask on.
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks on the terminal whether to go on.
    pub async fn ask(&self, question: &str) -> bool {
        let answer = self.ask_for(&format!("{question} [y/N]")).await;
        matches!(answer.to_lowercase().as_str(), "y" | "yes")
    }

    /// Asks on the terminal for a line.
    pub async fn ask_for(&self, question: &str) -> String {
        self.end_progress();
        self.stderr(&format!("{} ", clean(question)));
        let answer: String = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            io::stdin().read_line(&mut line).map(|_| line).unwrap_or_default()
        })
        .await
        .unwrap_or_default();
        answer.trim().to_owned()
    }

    fn stderr(&self, text: &str) {
        // Where stderr is closed there is nobody to tell.
        self.bars.suspend(|| {
            let _ = io::stderr().lock().write_all(text.as_bytes());
        });
    }
}
