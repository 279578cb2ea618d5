//! The `trueup` program: all of it stands in [`trueup::cli`].

use std::process::ExitCode;

/// Catalogs are hundreds of thousands of small texts, made and thrown away.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    trueup::cli::main()
}
