//! The command line: grammar, commands, exit codes. The only layer that reads the environment,
//! the terminal and the clock, and the only one that prints.
//!
//! Data goes to standard output, everything else to standard error. Every way a command can end is
//! an [`error::Exit`], and each has one exit code.

pub mod args;
pub mod clock;
pub mod commands;
pub mod context;
pub mod endings;
pub mod environment;
pub mod error;
pub mod grammar;
pub mod host;
pub mod interrupt;
mod log;
pub mod output;
mod progress;
pub mod reference;
mod stack_args;
mod terraform;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

use clock::WallClock;
use context::Context;
use environment::ProcessEnvironment;
use error::Exit;
use grammar::Cli;
use host::{EventLines, SharedPrincipals};
use interrupt::Leaving;

use crate::engine::host::Cancel;
use crate::render;

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> ExitCode {
    run_with(std::env::args_os())
}

fn run_with(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match terraform::translate(args, &grammar::command()) {
        Ok(args) => args,
        Err(refused) => {
            output::tell([&refused], &ProcessEnvironment::read(&args::Global::default()).err);
            return ExitCode::FAILURE;
        }
    };
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => {
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let _ = quoting_safely(error, &args).print();
            // clap's own code for a wrong flag is 2, which here means that there are changes.
            return ExitCode::from(u8::from(!asked));
        }
    };
    let Cli { global, command } = cli;
    let interruption = command.after_interruption();
    let env = ProcessEnvironment::read(&global);
    let (clock, told) = match env.sandbox_clock(&global) {
        Ok(clock) => (clock, Ok(())),
        Err(exit) => (WallClock::default(), Err(exit)),
    };
    let (log, told) = match log::install(global.verbose, env.var("PALISADE_LOG")) {
        Ok(log) => (log, told),
        Err(exit) => (None, told.and(Err(exit))),
    };
    let principals = SharedPrincipals::new(log.is_some());
    let context = Context {
        global,
        env,
        cancel: Cancel::new(),
        clock,
        principals: principals.clone(),
        lines: EventLines::default(),
    };
    let (style, cancel) = (context.env.err, context.cancel.clone());
    let farewell = move || style.fold(&interruption.message(cancel.urgency()), 0);
    let told_then = farewell.clone();
    let leaving = Leaving {
        at_once: interruption.has_nothing_to_finish,
        tell: Arc::new(move || output::say(&told_then())),
    };
    let end = told
        .and_then(|()| enter(&context))
        .and_then(|()| on_runtime(grammar::dispatch(command, &context), &context, leaving));
    if let Some(timeline) = &log {
        let (style, known) = (&context.env.err, principals.known());
        let _ = render::requests::write(timeline, &known, style, &mut output::stderr());
    }
    if let Some(warning) = context.lines.warning() {
        context.tell([&warning]);
    }
    let Err(exit) = end else { return ExitCode::SUCCESS };
    if let Some(diagnostics) = exit.diagnostics() {
        context.tell(diagnostics);
    }
    if matches!(exit, Exit::Interrupted) {
        context.say(&farewell());
    }
    ExitCode::from(exit.code())
}

/// The error that clap has for the same arguments with nothing in them that steers a terminal or a
/// pipeline's runner: clap quotes arguments as they are.
fn quoting_safely(error: clap::Error, args: &[OsString]) -> clap::Error {
    let quiet: Vec<OsString> = args
        .iter()
        .map(|arg| {
            let text = arg.to_string_lossy();
            OsString::from(render::inert::inert(&render::style::safe(&text), true).into_owned())
        })
        .collect();
    if quiet == args {
        return error;
    }
    match Cli::try_parse_from(quiet) {
        Err(error) => error,
        // Only as it was typed is it wrong.
        Ok(_) => {
            Cli::command().error(error.kind(), "an argument holds characters that it cannot have")
        }
    }
}

fn enter(context: &Context) -> Result<(), Exit> {
    let Some(dir) = &context.global.chdir else { return Ok(()) };
    std::env::set_current_dir(dir)
        .map_err(|e| Exit::error(format!("cannot enter `{}`: {e}", dir.display())))
}

fn on_runtime(
    work: impl Future<Output = Result<(), Exit>>,
    context: &Context,
    leaving: Leaving,
) -> Result<(), Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(16 << 20)
        .build()
        .map_err(|e| Exit::error(format!("cannot start: {e}")))?;
    let end = runtime.block_on(async {
        interrupt::listen(&context.cancel, leaving);
        work.await
    });
    // The workers are joined, not let go of: detaching threads that are just ending can fault inside the
    // C library (seen with glibc 2.36: a run died of SIGSEGV after its work was done). A thread that
    // still waits for standard input must not hold the process, hence the bound.
    runtime.shutdown_timeout(Duration::from_millis(250));
    end
}
