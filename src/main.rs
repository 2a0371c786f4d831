//! The `palisade` binary.

use std::process::ExitCode;

/// Estates are millions of short texts, which this holds in less memory than the system's allocator.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    palisade::cli::run()
}
