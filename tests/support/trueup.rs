//! trueup's command line, as a test runs it.
#![allow(clippy::disallowed_methods, reason = "a test waits for processes and connects without the library")]

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long one run may take before it counts as hanging.
const LIMIT: Duration = Duration::from_secs(120);

/// Exit status: nothing to say.
pub const FINE: i32 = 0;
/// Exit status: something is wrong.
pub const ERROR: i32 = 1;
/// Exit status: differences found.
pub const DIFFERS: i32 = 2;
/// Exit status: refused for safety.
pub const REFUSED: i32 = 3;

/// What a run of trueup gave.
#[derive(Debug, Clone)]
pub struct Run {
    /// The exit status; -1 when a signal ended it or it was stopped for taking too long.
    pub status: i32,
    /// Results.
    pub stdout: String,
    /// Progress and diagnostics.
    pub stderr: String,
    /// How it was called, for a report.
    pub call: String,
}

impl Run {
    /// Whether it ended well.
    pub fn fine(&self) -> bool {
        self.status == FINE
    }

    /// The run, where it ended well; otherwise its report.
    pub fn must(self) -> Result<Self, String> {
        if self.fine() { Ok(self) } else { Err(self.report()) }
    }

    /// The call, its status and what it said, shortened.
    pub fn report(&self) -> String {
        let text = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        format!("`{}` exit {}: {}", self.call, self.status, super::head(text, 12))
    }

    /// Whether the run says that it leaves something out: a kind that is not modelled, or not supported, a name that no statement
    /// changes.
    pub fn says_unmodelled(&self) -> bool {
        let text = self.stderr.to_lowercase();
        [
            "not modelled",
            "unmodelled",
            "does not model",
            "not supported",
            "unsupported",
            "not managed",
            "keep their names",
        ]
        .iter()
        .any(|words| text.contains(words))
    }
}

/// Variables by which the caller's own settings would come in.
const FOREIGN: &[&str] =
    &["DATABASE_URL", "PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGOPTIONS", "PGSERVICE"];

/// trueup, about to be run in a folder with variables of its own, away from the caller's settings.
pub fn command(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
    for variable in FOREIGN {
        command.env_remove(variable);
    }
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").envs(variables.iter().copied());
    command
}

/// Runs trueup with these arguments, away from the caller's own settings.
pub fn trueup(arguments: &[&str]) -> Run {
    trueup_in(Path::new(env!("CARGO_TARGET_TMPDIR")), arguments)
}

/// Runs trueup in a folder.
pub fn trueup_in(folder: &Path, arguments: &[&str]) -> Run {
    trueup_with(folder, &[], arguments)
}

/// Runs trueup in a folder with variables of its own.
pub fn trueup_with(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    start(folder, variables, arguments).wait()
}

/// A trueup that runs.
pub struct Running {
    child: Child,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
    call: String,
}

/// Starts trueup, to be waited for.
pub fn start(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Running {
    let mut child = command(folder, variables, arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the trueup binary of this build starts");
    let collect = |stream: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut stream) = stream {
                let _ = stream.read_to_end(&mut bytes);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let stdout = collect(child.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>));
    let stderr = collect(child.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>));
    Running { child, stdout, stderr, call: format!("trueup {}", arguments.join(" ")) }
}

impl Running {
    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
        rustix::process::kill_process(pid, signal).expect("the child is ours");
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Run {
        let deadline = Instant::now() + LIMIT;
        let mut late = false;
        let status = loop {
            match self.child.try_wait().expect("the child is ours") {
                Some(status) => break status,
                None if !late && Instant::now() > deadline => {
                    late = true;
                    let _ = self.child.kill();
                }
                None => std::thread::sleep(Duration::from_millis(3)),
            }
        };
        let mut stderr = self.stderr.join().unwrap_or_default();
        if late {
            stderr.push_str(&format!("\nstopped by the test after {} s", LIMIT.as_secs()));
        }
        Run {
            status: status.code().unwrap_or(-1),
            stdout: self.stdout.join().unwrap_or_default(),
            stderr,
            call: self.call,
        }
    }
}
