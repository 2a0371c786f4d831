//! The reference of the function library, `docs/functions.md`, written from the tables.

use std::fmt::Write as _;

use super::{ABSENT, FAMILIES, SPECIAL};

/// What the functions that the evaluator provides do.
const EVALUATED: &[(&str, &str, &str)] = &[
    ("can", "can(expression)", "Whether the expression has a value and no error."),
    (
        "secret",
        "secret(reference)",
        "A secret by reference, `env:NAME`, `ssm:/path` or `file:path`: resolved only at apply, only where a config value takes it whole.",
    ),
    (
        "templatefile",
        "templatefile(path, vars)",
        "The text of a template file of the configuration, rendered with the variables.",
    ),
    (
        "templatestring",
        "templatestring(template, vars)",
        "The template rendered with the variables.",
    ),
    ("try", "try(expressions...)", "The value of the first expression that has one and no error."),
];

/// The whole reference as Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::from(
        "# Functions\n\n\
         Terraform's standard library under the same names. Parameters that end in `?` may be left out, one that ends in\n\
         `...` takes any number of arguments, and `f(list...)` gives the elements of a list as arguments.\n\n\
         Values that are known only after apply pass through every function; strings keep the pieces of them that are known.\n\
         What is computed from a sensitive value is sensitive. File functions read only the configuration's directory and its\n\
         modules, symbolic links resolved. Results are bounded in size, so that no input can take all memory.\n",
    );
    for (family, tables) in FAMILIES {
        let mut functions: Vec<_> = tables.iter().flat_map(|t| t.iter()).collect();
        functions.sort_by_key(|f| f.name);
        section(&mut out, family);
        for function in functions {
            row(&mut out, &function.signature(), function.about);
        }
    }
    section(&mut out, "Evaluation");
    for (name, signature, about) in EVALUATED {
        if SPECIAL.contains(name) {
            row(&mut out, signature, about);
        }
    }
    out.push_str("\n## Missing on purpose\n\n| Function | Reason |\n|---|---|\n");
    for (name, reason) in ABSENT {
        row(&mut out, name, reason);
    }
    out
}

fn section(out: &mut String, name: &str) {
    // Writing to a string cannot fail.
    let _ = write!(out, "\n## {name}\n\n| Function | Result |\n|---|---|\n");
}

fn row(out: &mut String, code: &str, text: &str) {
    let _ = writeln!(out, "| `{code}` | {} |", text.replace('|', "\\|"));
}
