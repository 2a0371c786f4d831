//! The `palisade` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    palisade::cli::run()
}
