//! The `trueup` program: all of it stands in [`trueup::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    trueup::cli::main()
}
