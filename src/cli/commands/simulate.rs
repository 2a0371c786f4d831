//! `palisade simulate`.

use std::io::{self, BufRead, Write as _};
use std::path::PathBuf;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::Diagnostic;
use crate::engine::simulate::{self, SimulationRequest};

/// Flags of `simulate`.
#[derive(Debug, Args)]
#[command(
    after_help = "Reads one JSON object a line, with the request and the policies that bear on it, and answers each with \
                        one line: the decision, and the statements that made it. Exits with 1 where a line is no valid \
                        request; the others are answered all the same.\n\n\
                        Examples:\n  printf %s '{\"request\":{\"principal\":\"arn:aws:iam::111111111111:role/ci\",' \\\n    \
                        '\"action\":\"s3:GetObject\",\"resource\":\"arn:aws:s3:::b/k\"}}' \\\n    | palisade simulate\n  \
                        palisade simulate --cases requests.jsonl --explain"
)]
pub struct SimulateArgs {
    /// A file of requests; standard input when none is named, or `-`
    #[arg(conflicts_with = "cases")]
    file: Option<PathBuf>,
    /// The same
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// Add to each answer every statement that was looked at, and why it matches or does not
    #[arg(long)]
    explain: bool,
}

/// Answers line by line.
///
/// # Errors
/// The requests cannot be read, or one of them cannot be judged: the others are answered all the same.
pub fn run(args: &SimulateArgs, context: &Context) -> Result<(), Exit> {
    let file = args.cases.as_ref().or(args.file.as_ref()).filter(|path| path.as_os_str() != "-");
    let reader: Box<dyn BufRead> = match file {
        None => Box::new(io::stdin().lock()),
        Some(path) => match std::fs::File::open(path) {
            Ok(file) => Box::new(io::BufReader::new(file)),
            Err(error) => {
                return Err(Exit::error(format!("cannot read `{}`: {error}", path.display())));
            }
        },
    };
    let mut out = context.stdout();
    let mut failed = false;
    for (number, line) in (1..).zip(reader.lines()) {
        let line = line.map_err(|e| Exit::error(format!("cannot read the requests: {e}")))?;
        if context.is_interrupted() {
            return Err(Exit::Interrupted);
        }
        if !line.trim().is_empty() {
            let request = SimulationRequest { case: &line, explain: args.explain };
            let outcome = simulate::run(request);
            writeln!(out, "{}", outcome.answer)?;
            // Whoever feeds one request at a time waits for its answer.
            out.flush()?;
            if let Some(why) = outcome.error {
                failed = true;
                let place = file.map_or("standard input".into(), |path| path.to_string_lossy());
                let wrong = format!("line {number} of {place} is not a valid request: {why}");
                context.tell([&Diagnostic::error(wrong)]);
            }
        }
    }
    out.flush()?;
    if failed { Err(Exit::Reported) } else { Ok(()) }
}
