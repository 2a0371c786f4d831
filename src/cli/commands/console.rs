//! `palisade console`.

use std::io::{self, IsTerminal as _, Write as _};

use clap::Args;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::cli::output;
use crate::engine::console::Console;
use crate::render;

/// Flags of `console`.
#[derive(Debug, Args)]
#[command(
    after_help = "Reads one expression a line. It knows what the state holds, and asks AWS nothing.\n\n\
                        Example:\n  echo 'upper(\"ab\")' | palisade console"
)]
pub struct ConsoleArgs {
    /// Values for variables.
    #[command(flatten)]
    vars: VarArgs,
    /// Evaluate this and leave; repeatable
    #[arg(long = "eval", short = 'e', value_name = "EXPRESSION", allow_hyphen_values = true)]
    eval: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Evaluates expressions.
///
/// # Errors
/// The configuration is wrong; an expression given with `--eval` or through a pipe is wrong.
pub async fn run(args: &ConsoleArgs, context: &Context) -> Result<(), Exit> {
    let console = Console::open(&context.workspace()?, &args.vars.variables()).await?;
    let known = console.known();
    let evaluator = console.evaluator(&known);
    let mut failed = false;
    let mut one = |text: &str, number: usize| -> Result<(), Exit> {
        match evaluator.evaluate(&format!("expression {number}"), text) {
            Ok(value) => {
                let mut out = context.stdout();
                render::value::console(&value, args.json, &mut out)?;
                Ok(out.flush()?)
            }
            Err(error) => {
                failed = true;
                context.tell(error.diagnostics().into_iter().flatten());
                Ok(())
            }
        }
    };
    if !args.eval.is_empty() {
        for (index, text) in args.eval.iter().enumerate() {
            one(text, index + 1)?;
        }
        return if failed { Err(Exit::Reported) } else { Ok(()) };
    }
    let interactive = io::stdin().is_terminal();
    let prompt = || {
        if interactive {
            output::ask("> ");
        }
    };
    prompt();
    let mut number = 0;
    while let Some(line) = context.read_line().await? {
        number += 1;
        match line.trim() {
            "" => {}
            "exit" | "quit" => break,
            text => one(text, number)?,
        }
        prompt();
    }
    if failed && !interactive { Err(Exit::Reported) } else { Ok(()) }
}
