//! `palisade console`.

use std::io::{self, IsTerminal as _, Write as _};

use clap::Args;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::cli::output;
use crate::engine::console::Console;
use crate::render;
use crate::value::Value;

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
        match evaluator.evaluate_text(&format!("line {number}"), text) {
            Ok(value) => print(&value, args.json, context)?,
            Err(diagnostics) => {
                failed = true;
                context.tell(&diagnostics);
            }
        }
        Ok(())
    };
    if !args.eval.is_empty() {
        for (index, text) in args.eval.iter().enumerate() {
            one(text, index + 1)?;
        }
        return if failed { Err(Exit::Told) } else { Ok(()) };
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
    if failed && !interactive { Err(Exit::Told) } else { Ok(()) }
}

fn print(value: &Value, json: bool, context: &Context) -> Result<(), Exit> {
    let mut out = context.stdout();
    if value.has_sensitive() {
        writeln!(out, "(sensitive value)")?;
    } else if let Value::Unknown(unknown) = value {
        writeln!(out, "{}", render::style::safe(&unknown.to_string()))?;
    } else if json {
        render::json::write(&value.to_json(), &mut out)?;
    } else {
        writeln!(out, "{}", render::value::text(value))?;
    }
    Ok(out.flush()?)
}
