//! The layering of `ARCHITECTURE.md`, and what every file owes its reader.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::circles::{used_by, uses_among};
use crate::support::names::{Source, Sources, texts as all};

/// Which module may use which, lowest first. A module may always use itself.
const MAY_USE: &[(&str, &[&str])] = &[
    ("diag", &[]),
    ("ids", &[]),
    ("redact", &[]),
    ("stack", &[]),
    ("workers", &[]),
    ("trace", &[]),
    ("cause", &["trace", "diag"]),
    ("patience", &[]),
    ("address", &["ids"]),
    ("value", &["address", "ids", "diag"]),
    ("iam", &["ids", "diag"]),
    ("access", &["iam", "ids", "diag"]),
    ("isolation", &["access", "iam", "ids", "diag", "workers"]),
    ("resource_types", &["diag"]),
    ("schema", &["resource_types", "iam", "value", "address", "ids", "diag"]),
    ("review", &["access", "schema", "resource_types", "iam", "ids", "diag", "workers"]),
    ("config", &["schema", "resource_types", "value", "address", "ids", "diag", "stack"]),
    ("fetch", &["config", "diag"]),
    ("graph", &["config", "schema", "value", "address", "ids", "diag"]),
    ("eval", &["graph", "config", "schema", "iam", "value", "address", "ids", "diag", "stack"]),
    ("state", &["redact", "value", "address", "ids", "diag", "cause", "patience", "trace"]),
    (
        "provider",
        &[
            "schema",
            "resource_types",
            "iam",
            "value",
            "address",
            "ids",
            "diag",
            "cause",
            "patience",
            "trace",
        ],
    ),
    ("difference", &["state", "schema", "iam", "value", "address", "ids", "diag"]),
    ("sandbox", &["provider", "resource_types", "iam", "value", "address", "ids", "diag"]),
    ("live", &["eval", "config", "state", "provider", "schema", "value", "address", "ids", "diag"]),
    (
        "plan",
        &[
            "live",
            "difference",
            "isolation",
            "access",
            "eval",
            "graph",
            "config",
            "state",
            "provider",
            "schema",
            "iam",
            "value",
            "address",
            "ids",
            "diag",
            "stack",
        ],
    ),
    (
        "promotion",
        &[
            "redact",
            "isolation",
            "plan",
            "live",
            "difference",
            "eval",
            "config",
            "state",
            "provider",
            "schema",
            "iam",
            "value",
            "address",
            "ids",
            "diag",
        ],
    ),
    (
        "apply",
        &[
            "plan",
            "live",
            "difference",
            "eval",
            "state",
            "provider",
            "schema",
            "iam",
            "value",
            "address",
            "ids",
            "diag",
        ],
    ),
    (
        "engine",
        &[
            "resource_types",
            "review",
            "fetch",
            "redact",
            "trace",
            "patience",
            "cause",
            "apply",
            "promotion",
            "isolation",
            "sandbox",
            "plan",
            "live",
            "difference",
            "eval",
            "graph",
            "config",
            "state",
            "provider",
            "schema",
            "iam",
            "value",
            "address",
            "ids",
            "diag",
        ],
    ),
    (
        "render",
        &[
            "trace",
            "engine",
            "apply",
            "promotion",
            "isolation",
            "plan",
            "live",
            "difference",
            "eval",
            "state",
            "schema",
            "iam",
            "value",
            "address",
            "ids",
            "diag",
        ],
    ),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The layer that a file belongs to; none for what stands above them all.
fn layer(file: &str) -> Option<&str> {
    let inside = file.strip_prefix("src/")?.trim_end_matches(".rs");
    let layer = inside.split('/').next()?;
    (!matches!(layer, "lib" | "main" | "cli")).then_some(layer)
}

/// What a file uses that its layer may not.
fn against_the_table(sources: &Sources, source: &Source) -> Vec<String> {
    let file = &source.file;
    let Some(own) = layer(file) else { return Vec::new() };
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == own) else {
        return vec![format!("{file}: `{own}` has no place among the layers")];
    };
    let used = used_by(sources, source);
    let others = used.iter().filter(|other| *other != "src/lib.rs");
    let others = others.filter(|other| layer(other) != Some(own));
    others
        .filter(|other| !layer(other).is_some_and(|it| allowed.contains(&it)))
        .map(|other| format!("{file}: `{own}` uses {other}"))
        .collect()
}

#[test]
fn modules_use_only_what_stands_below_them() {
    let sources = Sources::of_the_crate();
    let wrong = sources.files.iter().flat_map(|source| against_the_table(&sources, source));
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_use_of_what_stands_above_is_found_however_it_is_written() {
    let mut sources = Sources::of_the_crate();
    // An allowed layer that names again what stands above it does not hide it.
    sources.add(
        "src/ids/again.rs",
        "pub use crate::render::text as words;\npub use crate::engine::*;",
    );
    for (file, text, used) in [
        ("src/engine/planted.rs", "use crate::render::text;", "src/render/text.rs"),
        (
            "src/engine/planted.rs",
            "use crate::{\n    ids,\n    cli::{self, args},\n};",
            "src/cli/args.rs",
        ),
        ("src/engine/planted.rs", "use super::super::render;", "src/render/mod.rs"),
        ("src/engine/planted.rs", "use palisade::render;", "src/render/mod.rs"),
        (
            "src/engine/planted.rs",
            "use crate::*; fn f() { render::text::x(); }",
            "src/render/text.rs",
        ),
        ("src/engine/planted.rs", "use crate::ids::again::words;", "src/render/text.rs"),
        (
            "src/state/planted.rs",
            "use crate::ids::again as other; fn f() { other::Workspace::x(); }",
            "src/engine/workspace.rs",
        ),
        (
            "src/engine/planted.rs",
            "mod inside { mod further { use super::super::super::super::render; } }",
            "src/render/mod.rs",
        ),
        (
            "src/engine/planted.rs",
            "#[cfg(unix)] mod inside { use crate::render; }",
            "src/render/mod.rs",
        ),
        (
            "src/engine/planted.rs",
            "#[cfg(not(test))] mod inside { use crate::render; }",
            "src/render/mod.rs",
        ),
        (
            "src/engine/planted.rs",
            "struct S { #[serde(with = \"crate::render::text\")] a: u8 }",
            "src/render/text.rs",
        ),
        (
            "src/isolation/planted.rs",
            "fn f() { crate::plan::select::check(); }",
            "src/plan/select.rs",
        ),
        ("src/access/planted.rs", "fn f(x: crate::isolation::Analysis) {}", "src/isolation/"),
        ("src/iam/planted.rs", "type A = crate::value::Attrs;", "src/value/"),
        ("src/ids/planted.rs", "fn f() { vec![crate::iam::Use::Trust]; }", "src/iam/"),
    ] {
        sources.add(file, text);
        let source = sources.files.last().expect("it was added");
        let wrong = against_the_table(&sources, source);
        assert!(wrong.iter().any(|line| line.contains(used)), "{text}: {wrong:?}");
        sources.remove(file);
    }
    sources.add("src/news/mod.rs", "");
    let nowhere = against_the_table(&sources, sources.files.last().expect("it was added"));
    assert_eq!(nowhere, ["src/news/mod.rs: `news` has no place among the layers"]);
}

/// What is compiled is what stands in the file of its name: code from elsewhere would be seen by no test of these.
#[test]
fn no_code_comes_from_a_file_of_another_name() {
    let is_code = |line: &str| line.contains("#[path") || line.contains("include!(");
    let wrong: Vec<String> = all("src")
        .into_iter()
        .filter(|(_, text)| text.lines().any(is_code))
        .map(|(file, _)| file)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// What the engine must not hold: whoever drives it reads the process and writes, not the engine.
const NOT_IN_THE_ENGINE: &[(&str, &str)] = &[
    ("clap", "arguments are the command line's"),
    ("indicatif", "progress is the host's"),
    ("miette", "diagnostics are shown by the host"),
    ("std::env", "the environment comes in with the workspace"),
    ("env::var", "the environment comes in with the workspace"),
    ("println!", "output is the host's"),
    ("eprint", "output is the host's"),
    ("stdout", "output is the host's"),
    ("stderr", "output is the host's"),
    ("stdin", "questions go to the host"),
    ("Timestamp::now", "the time is the host's"),
    ("SystemTime", "the time is the host's"),
    ("Instant", "the clock is the host's"),
    ("tokio::time", "the clock is the host's"),
    ("process::exit", "how a process ends is not known here"),
    ("ExitCode", "how a process ends is not known here"),
];

/// What a file of the engine holds of it.
fn not_in_the_engine(file: &str, text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let found = lines.flat_map(|(at, line)| {
        let words = NOT_IN_THE_ENGINE.iter().filter(|(word, _)| line.contains(word));
        words.map(move |(word, why)| format!("{file}:{}: `{word}`: {why}", at + 1))
    });
    found.collect()
}

#[test]
fn the_engine_talks_through_its_host_alone() {
    for (word, _) in NOT_IN_THE_ENGINE {
        let planted = format!("fn f() {{\n    // {word}\n    {word}\n}}\n");
        assert!(!not_in_the_engine("planted.rs", &planted).is_empty(), "{word} is not found");
    }
    let all = all("src/engine");
    let wrong: Vec<String> =
        all.iter().flat_map(|(file, text)| not_in_the_engine(file, text)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every public function of a text, from its name to its body, on one line; methods of public traits too.
fn signatures(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut in_trait = false;
    let mut open: Option<String> = None;
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        in_trait = line.starts_with("pub trait ") || (in_trait && !line.starts_with('}'));
        let code = line.trim();
        let is_public = code.starts_with("pub fn ") || code.starts_with("pub async fn ");
        let is_method = in_trait && (code.starts_with("fn ") || code.starts_with("async fn "));
        if is_public || is_method {
            open = Some(String::new());
        }
        if let Some(mut signature) = open.take() {
            signature.push(' ');
            signature.push_str(code);
            if code.ends_with('{') || code.ends_with(';') || code.ends_with('}') {
                found.push(signature.trim().to_owned());
            } else {
                open = Some(signature);
            }
        }
    }
    found
}

/// The error of a function that returns a `Result`.
fn error_of(signature: &str) -> Option<String> {
    let (_, result) = signature.rsplit_once("-> ")?;
    let inside = result.strip_prefix("Result<")?;
    let (mut depth, mut last) = (0, 0);
    for (at, c) in inside.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' if depth == 0 => return Some(inside.get(last..at)?.trim().to_owned()),
            '>' | ')' | ']' => depth -= 1,
            ',' if depth == 0 => last = at + 1,
            _ => {}
        }
    }
    None
}

/// Types of the SDK, which stay inside: [`NAMES_THE_SDK`] is the exception.
const OF_THE_SDK: [&str; 3] = ["aws_", "SdkConfig", "Client"];

/// Public items of the engine that are the SDK's, and why.
const NAMES_THE_SDK: &[(&str, &str)] =
    &[("src/engine/connect.rs", "`Connection`: a way to AWS that stands already is configured so")];

#[test]
fn the_engine_has_one_error_and_no_type_of_the_sdk() {
    let read = "pub async fn a(\nx: u8,\n) -> Result<BTreeMap<String, (u8, B)>, StateError> {\n";
    assert_eq!(signatures(read).len(), 1);
    assert_eq!(error_of(&signatures(read)[0]).as_deref(), Some("StateError"));
    let mut wrong = Vec::new();
    for (file, text) in all("src/engine") {
        for signature in signatures(&text) {
            if error_of(&signature).is_some_and(|error| error != "EngineError") {
                wrong.push(format!("{file}: another error than `EngineError`: {signature}"));
            }
            if signature.contains("io::Result") {
                wrong.push(format!("{file}: another error than `EngineError`: {signature}"));
            }
            if OF_THE_SDK.iter().any(|word| signature.contains(word)) {
                wrong.push(format!("{file}: a type of the SDK: {signature}"));
            }
        }
        let fields = text.lines().filter(|line| line.trim_start().starts_with("pub "));
        let named = fields.filter(|line| OF_THE_SDK.iter().any(|word| line.contains(word)));
        if named.count() > 0 && !NAMES_THE_SDK.iter().any(|(justified, _)| *justified == file) {
            wrong.push(format!("{file}: a public item is the SDK's"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Layers that are given what they need and wait for nothing: what they say is the same at any time, however long
/// AWS takes.
const NEVER_WAIT: &[&str] = &[
    "access",
    "address",
    "config",
    "diag",
    "eval",
    "graph",
    "iam",
    "ids",
    "isolation",
    "live",
    "plan",
    "render",
    "review",
    "schema",
    "value",
];

#[test]
fn the_core_waits_for_nothing() {
    let mut wrong = Vec::new();
    for (file, text) in all("src") {
        let inside = file.trim_start_matches("src/").trim_end_matches(".rs");
        if !NEVER_WAIT.contains(&inside.split('/').next().unwrap_or_default()) {
            continue;
        }
        let lines =
            text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        for (number, line) in lines {
            if line.contains(".await") || line.contains("async fn") || line.contains("async move") {
                wrong.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "what waits belongs to `engine`:\n{}", wrong.join("\n"));
}

/// What the inside of the command line uses: the engine, the views, and the small values in which people write.
const THE_COMMAND_LINE_MAY_USE: &[&str] = &["engine", "render", "diag", "ids", "address"];

/// What single files of it use beyond that, and why. A command has no exception.
const THE_COMMAND_LINE_ALSO_USES: &[(&str, &str, &str)] = &[
    ("src/cli/clock.rs", "sandbox", "the sandbox's own time, which a variable sets by hand"),
    ("src/cli/clock.rs", "state", "the machine's clock, which the engine's host waits on"),
    ("src/cli/context.rs", "sandbox", "how the sandbox behaves, from the environment's variables"),
    ("src/cli/environment.rs", "sandbox", "how the sandbox misbehaves, from a variable"),
    ("src/cli/log.rs", "trace", "which events are the run's own, and what they add up to"),
];

#[test]
fn the_command_line_stands_on_the_engine_and_the_views() {
    let mut found = BTreeSet::new();
    let sources = Sources::of_the_crate().behind(&["engine", "render"]);
    let uses = uses_among(&sources).into_iter();
    for (file, used) in uses.filter(|(file, _)| file.starts_with("src/cli/")) {
        let layers = used.iter().filter_map(|other| layer(other)).map(str::to_owned);
        let more = layers.filter(|layer| !THE_COMMAND_LINE_MAY_USE.contains(&layer.as_str()));
        found.extend(more.map(|layer| (file.clone(), layer)));
    }
    let justified: BTreeSet<(String, String)> = THE_COMMAND_LINE_ALSO_USES
        .iter()
        .map(|(file, layer, _)| ((*file).to_owned(), (*layer).to_owned()))
        .collect();
    let unjustified: Vec<_> = found.difference(&justified).collect();
    assert!(unjustified.is_empty(), "the work is a use case of `engine`: {unjustified:?}");
    let idle: Vec<_> = justified.difference(&found).collect();
    assert!(idle.is_empty(), "these exceptions are used no more: {idle:?}");
    let commands: Vec<_> =
        justified.iter().filter(|(file, _)| file.starts_with("src/cli/commands")).collect();
    assert!(commands.is_empty(), "a command has no exception: {commands:?}");
}

/// What a command must not do by itself.
const NOT_IN_A_COMMAND: &[(&str, &str)] = &[
    ("ledger", "what it does with the state is a use case"),
    ("serde_json", "a view makes the JSON"),
    ("Evaluator", "what expressions mean is a use case"),
    ("io::stderr", "`cli/output.rs` writes to it"),
];

#[test]
fn commands_leave_the_work_to_the_engine() {
    let mut wrong = Vec::new();
    for (file, text) in all("src/cli/commands") {
        let words = NOT_IN_A_COMMAND.iter().filter(|(word, _)| text.contains(word));
        wrong.extend(words.map(|(word, why)| format!("{file} has `{word}`: {why}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Who touches the standard streams, and for what.
const TOUCHES_THE_TERMINAL: &[(&str, &str)] = &[
    ("src/cli/environment.rs", "asks whether they are terminals"),
    ("src/cli/output.rs", "writes: what is written to standard error is inert"),
    ("src/cli/progress.rs", "draws, on the terminal that standard error is"),
];

#[test]
fn the_terminal_is_written_in_one_place() {
    /// What writes to a stream of the process. (`Command::stderr` and `child.stdout` are another's.)
    const WRITES: [&str; 9] = [
        "io::stderr",
        "io::stdout",
        "stderr_with_hz",
        "println!",
        "print!(",
        "dbg!",
        "Term::stderr",
        "with_writer(std",
        "/dev/tty",
    ];
    let mut found = BTreeSet::new();
    for (file, text) in all("src") {
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        if code.into_iter().any(|line| WRITES.iter().any(|word| line.contains(word))) {
            found.insert(file);
        }
    }
    let justified: BTreeSet<String> =
        TOUCHES_THE_TERMINAL.iter().map(|(file, _)| (*file).to_owned()).collect();
    assert_eq!(found, justified, "the streams of the process are `cli/output.rs`'s");
}

/// Where the analysis names the partition of the commercial regions, and why that asks nothing.
const NAMES_A_PARTITION: &[(&str, &str)] =
    &[("src/isolation/who.rs", "the example of a help text")];

#[test]
fn the_analysis_takes_the_partition_from_the_account() {
    let mut found = Vec::new();
    for (file, text) in all("src/isolation") {
        if file.split(['/', '.']).any(|room| room == "tests") {
            continue;
        }
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        found.extend(code.filter(|line| line.contains("arn:aws")).map(|_| file.clone()));
    }
    let justified: Vec<&str> = NAMES_A_PARTITION.iter().map(|(file, _)| *file).collect();
    assert_eq!(found, justified, "these ask about ARNs of one partition");
}

/// Test code stands in a module `tests`: at the end of a file, in `tests.rs`, or below `tests/`. What is compiled for
/// tests and for users is the same.
#[test]
fn test_code_stands_in_rooms_of_its_own() {
    let mut wrong = Vec::new();
    for (file, text) in all("src") {
        let mut lines = text.lines().enumerate().peekable();
        while let Some((number, line)) = lines.next() {
            let code = line.trim();
            if code.starts_with("//") || !code.contains("cfg") || !code.contains("test") {
                continue;
            }
            let next = lines.peek().map(|(_, line)| line.trim()).unwrap_or_default();
            let is_room = next.ends_with("mod tests;") || next.ends_with("mod tests {");
            if code != "#[cfg(test)]" || !is_room {
                wrong.push(format!("{file}:{}: {code} {next}", number + 1));
            }
        }
        let rooms: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
        let is_room = rooms.contains(&"tests");
        let named = rooms.iter().any(|room| *room != "tests" && room.contains("test"));
        if named && !is_room {
            wrong.push(format!("{file}: a room of tests is called `tests`"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_itself_has_no_circle() {
    for (at, (module, uses)) in MAY_USE.iter().enumerate() {
        for other in *uses {
            let place = MAY_USE.iter().position(|(m, _)| m == other);
            assert!(place.is_some_and(|p| p < at), "`{module}` is listed before `{other}`");
        }
    }
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<String> = ["src", "tests/it"]
        .into_iter()
        .flat_map(all)
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(file, _)| file)
        .collect();
    assert!(silent.is_empty(), "these files do not open with `//!`: {silent:?}");
}

#[test]
fn no_test_file_is_forgotten() {
    let main = fs::read_to_string(root().join("tests/it/main.rs")).expect("main.rs");
    let declared: BTreeSet<&str> = main
        .lines()
        .filter_map(|l| l.strip_prefix("mod ").and_then(|l| l.strip_suffix(';')))
        .collect();
    for entry in fs::read_dir(root().join("tests/it")).expect("readable") {
        let name = entry.expect("entry").file_name().to_string_lossy().into_owned();
        let module = name.trim_end_matches(".rs");
        assert!(
            module == "main" || declared.contains(module),
            "tests/it/{name} is not declared in tests/it/main.rs"
        );
    }
    for entry in fs::read_dir(root().join("tests")).expect("readable") {
        let path = entry.expect("entry").path();
        assert!(
            path.extension().is_none_or(|e| e != "rs"),
            "{path:?} would be a binary of its own"
        );
    }
}
