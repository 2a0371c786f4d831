//! README and guides are true: their commands run, their configuration is valid, their reference is
//! the program's own.

use std::path::{Path, PathBuf};

use crate::support::cli::Program;
use crate::support::endpoint::Endpoint;

fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Fenced blocks of a Markdown text: language and content.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Option<(String, String, String)> = None;
    for line in text.lines() {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        match &mut open {
            None if ticks.len() >= 3 => {
                open = Some((ticks.clone(), line[ticks.len()..].trim().to_owned(), String::new()));
            }
            Some((fence, ..)) if ticks == *fence => {
                let (_, language, body) = open.take().expect("open");
                found.push((language, body));
            }
            Some((_, _, body)) => {
                body.push_str(line);
                body.push('\n');
            }
            None => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    found
}

fn guides() -> Vec<PathBuf> {
    let mut files = vec![top().join("README.md")];
    for entry in std::fs::read_dir(top().join("docs")).expect("docs/") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|x| x == "md") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Snippets that stand alone are valid; those marked `# fragment` are parsed.
#[test]
fn every_snippet_of_configuration_is_valid() {
    for file in guides() {
        let text = std::fs::read_to_string(&file).expect("readable");
        for (language, body) in blocks(&text) {
            if language != "hcl" {
                continue;
            }
            let p = Program::new(&body);
            if body.starts_with("# fragment") {
                p.run(&["fmt"]).code(0);
            } else {
                let run = p.run(&["validate"]);
                assert_eq!(run.code, 0, "{}:\n{body}\n{}", file.display(), run.err);
            }
        }
    }
}

/// Commands that read files alone.
const OFFLINE: [&str; 3] = ["validate", "show", "review"];

/// `console` blocks of a guide are one session in a directory with the guide's first snippet; of the
/// README, in the checkout (with `cargo run` as the program that was built).
#[test]
fn every_console_block_runs() {
    for file in guides() {
        let text = std::fs::read_to_string(&file).expect("readable");
        let all = blocks(&text);
        let sessions: Vec<&String> =
            all.iter().filter(|(l, _)| l == "console").map(|(_, body)| body).collect();
        if sessions.is_empty() {
            continue;
        }
        let first = all.iter().find(|(l, _)| l == "hcl").map_or("", |(_, body)| body.as_str());
        let p = Program::new(first);
        if text.contains("examples/") {
            for folder in ["examples", "modules"] {
                copy(&top().join(folder), &p.path().join(folder));
            }
        }
        let mut printed = String::new();
        let in_order =
            all.iter().filter(|(language, _)| language == "console" || language == "text");
        let is_tutorial = file.ends_with("getting-started.md");
        for (language, line) in
            in_order.flat_map(|(l, body)| body.lines().map(move |line| (l, line)))
        {
            if language == "text" {
                // What a tutorial shows is what its reader sees.
                assert!(!is_tutorial || printed.contains(line), "{line}\n{printed}");
                continue;
            }
            let Some(command) = line.strip_prefix("$ ") else { continue };
            if command == "cargo test" {
                continue; // This is it.
            }
            let command = command
                .strip_prefix("cargo run --quiet -- ")
                .or_else(|| command.strip_prefix("cargo run -- "))
                .or_else(|| command.strip_prefix("palisade "))
                .unwrap_or_else(|| panic!("{}: `{command}` cannot be run", file.display()));
            let place = format!("{}: `{command}`", file.display());
            let args: Vec<&str> = command.split(' ').collect();
            // Copied into a shell, it must not be filled in with file names, nor reach a real account.
            let globs = |arg: &&str| arg.contains(['*', '?']) && !arg.starts_with('\'');
            assert!(!args.iter().any(globs), "{place} is not quoted");
            let is_offline = args.iter().any(|arg| OFFLINE.contains(arg));
            assert!(is_offline || args.contains(&"--sandbox"), "{place} is about real accounts");
            let args: Vec<&str> = args.into_iter().map(|arg| arg.trim_matches('\'')).collect();
            let run = p.run(&args);
            // `drift` says by its code that there is some.
            let is_fine = run.code == 0 || (args.first() == Some(&"drift") && run.code == 2);
            assert!(is_fine, "{}: {command}\n{}\n{}", file.display(), run.out, run.err);
            printed = run.out;
        }
        if file.ends_with("README.md") {
            shows_real_plans(&p, &all);
        }
    }
}

/// The recipe by which the head of the audit log is signed, as a reader copies it: the signature is good, and is not when
/// the head is another.
#[test]
fn the_head_of_the_audit_log_is_signed_as_the_guide_says() {
    let version = std::process::Command::new("openssl").arg("version").output();
    let version = version.map(|run| String::from_utf8_lossy(&run.stdout).into_owned());
    if !version.as_deref().is_ok_and(|version| version.starts_with("OpenSSL 3")) {
        println!("not run: {version:?} is no OpenSSL 3");
        return;
    }
    let text = std::fs::read_to_string(top().join("docs/state.md")).expect("readable");
    let all = blocks(&text);
    let recipe = all.iter().find(|(_, body)| body.contains("openssl genpkey")).expect("a recipe");
    let p = Program::new(&crate::support::estates::two_environments(""));
    let bin = p.path().join("bin");
    std::fs::create_dir(&bin).expect("made");
    std::os::unix::fs::symlink(Program::executable(), bin.join("palisade")).expect("linked");
    let shell = |script: &str| {
        let path = std::env::var("PATH").unwrap_or_default();
        let command = p.command(&[]);
        let mut shell = std::process::Command::new("bash");
        shell.args(["-euc", script]).current_dir(p.path()).env_clear();
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let run = shell.env("PATH", format!("{}:{path}", bin.display())).output();
        let run = run.expect("bash starts");
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (run.status.success(), said(&run.stdout) + &said(&run.stderr))
    };
    let (well, said) = shell(&recipe.1);
    assert!(well && said.contains("Signature Verified Successfully"), "{said}");
    assert!(said.contains("the chain holds"), "{said}");
    let verify = recipe.1.lines().find(|line| line.contains("pkeyutl -verify")).expect("a check");
    let (well, said) = shell(&format!("sed -i.was 's/sha256:./sha256:g/' head.txt\n{verify}"));
    assert!(!well && said.contains("Verification Failure"), "{said}");
}

/// The plans of the README are what the program prints: the first of a small estate, after a change
/// by hand and one in its configuration; the second of the five environments.
fn shows_real_plans(five: &Program, blocks: &[(String, String)]) {
    let shown: Vec<&String> = blocks.iter().filter(|(l, _)| l == "text").map(|(_, b)| b).collect();
    let [roles, walls] = shown.as_slice() else { panic!("the README shows two plans") };
    let small = Program::new("");
    let text = std::fs::read_to_string(top().join("tests/fixtures/readme/roles.hcl"));
    let text = text.expect("the estate");
    small.write("roles.hcl", &text);
    small.run(&["apply", "--auto-approve"]).code(0);
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let endpoint = Endpoint::open(&small.path().join(".palisade/sandbox")).await;
        let accounts = endpoint.accounts().await;
        let production = accounts.iter().find(|a| a.name == "acme-production").expect("there");
        let iam = aws_sdk_iam::Client::new(&endpoint.account(&production.id).await);
        let attach = iam.attach_role_policy().role_name("deploy");
        let arn = "arn:aws:iam::aws:policy/AdministratorAccess";
        attach.policy_arn(arn).send().await.expect("attached");
    });
    let changed = text
        .replace("\"1h\"", "\"2h\"")
        .replace("aws = [account.production]", "aws = [account.production, account.tooling]");
    small.write("roles.hcl", &changed);
    let plan = small.run(&["plan"]).code(0).out;
    assert!(plan.starts_with(roles.as_str()), "README shows\n{roles}\nand the program\n{plan}");
    let plan = five.run(&["-C", "examples/five-environments", "plan", "--sandbox"]).code(0).out;
    assert!(plan.contains(walls.as_str()), "README shows\n{walls}\nand the program\n{plan}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_name().to_string_lossy().starts_with(".palisade") {
            continue;
        }
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// The commands' reference is written from the grammar: `PALISADE_BLESS=1 cargo test` rewrites it.
#[test]
fn the_reference_of_commands_is_current() {
    let path = top().join("docs/commands.md");
    let now = palisade::cli::reference::markdown();
    if std::env::var_os("PALISADE_BLESS").is_some() {
        std::fs::write(&path, &now).expect("written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == now, "docs/commands.md is out of date: PALISADE_BLESS=1 cargo test docs::");
}

/// Every page of the project: guides, and what stands beside the code.
fn pages() -> Vec<PathBuf> {
    let mut files = guides();
    for name in ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"] {
        files.push(top().join(name));
    }
    for folder in ["benches", "examples", "findings", "fuzz", "modules", "tests"] {
        readmes(&top().join(folder), &mut files);
    }
    files
}

fn readmes(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("target") {
            readmes(&path, into);
        } else if path.file_name().is_some_and(|name| name == "README.md") {
            into.push(path);
        }
    }
}

/// The anchor that a heading gets on the forge: lower case, spaces as hyphens, no punctuation.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
}

fn has_heading(text: &str, wanted: &str) -> bool {
    let headings = text.lines().filter_map(|l| l.strip_prefix('#'));
    headings.map(|l| anchor(l.trim_start_matches('#').trim())).any(|a| a == wanted)
}

/// Links between the documents lead somewhere, to the heading that they name.
#[test]
fn relative_links_lead_somewhere() {
    for file in pages() {
        let text = std::fs::read_to_string(&file).expect("readable");
        for part in text.split("](").skip(1) {
            let link = part.split(')').next().unwrap_or_default();
            if link.contains("://") || link.contains(char::is_whitespace) {
                continue;
            }
            let (target, heading) = link.split_once('#').unwrap_or((link, ""));
            let path = file.parent().expect("a parent").join(target);
            let path = if target.is_empty() { file.clone() } else { path };
            assert!(path.exists(), "{}: `{link}` leads nowhere", file.display());
            if !heading.is_empty() {
                let there = std::fs::read_to_string(&path).expect("a page");
                assert!(
                    has_heading(&there, heading),
                    "{}: `{link}` names no heading",
                    file.display()
                );
            }
        }
    }
}

/// The index of the documentation has every page.
#[test]
fn the_index_has_every_page() {
    let index = std::fs::read_to_string(top().join("docs/README.md")).expect("the index");
    for file in guides() {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(
            name == "README.md" || index.contains(&format!("]({name})")),
            "docs/README.md does not list docs/{name}"
        );
    }
}

/// Files that the pages for contributors send their readers to exist.
#[test]
fn contributors_are_sent_to_files_that_exist() {
    for (name, expected) in [("CONTRIBUTING.md", 30), ("ARCHITECTURE.md", 30)] {
        let page = std::fs::read_to_string(top().join(name)).expect("the page");
        let mut count = 0;
        for path in page.split('`').skip(1).step_by(2) {
            let roots = ["src/", "docs/", "tests/", "snapshots/", "fuzz/", ".ci/"];
            if roots.iter().any(|root| path.starts_with(root)) {
                let path = path.split(' ').next().unwrap_or_default();
                assert!(top().join(path).exists(), "{name} names `{path}`, which does not exist");
                count += 1;
            }
        }
        assert!(count > expected, "only {count} paths were found in {name}");
    }
}

/// The names that a text sends to, each with its file. A path in backticks is followed by a bracket that opens
/// with the names, in backticks too, and may say after a colon what they are.
fn names_in_code(text: &str) -> Vec<(&str, &str)> {
    let mut names = Vec::new();
    for (at, _) in text.match_indices("` (`") {
        let (before, after) = text.split_at(at);
        let path = before.rsplit('`').next().expect("a path");
        if !path.starts_with("src/") || !path.ends_with(".rs") {
            continue;
        }
        let listed = after.trim_start_matches("` (").split([':', ')']).next().expect("the names");
        names.extend(listed.split('`').skip(1).step_by(2).map(|name| (path, name)));
    }
    names
}

/// Whether a file defines a name; `name!` is a macro.
fn is_defined(text: &str, name: &str) -> bool {
    let keywords = ["fn", "const", "static", "struct", "enum", "trait"];
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    match name.strip_suffix('!') {
        Some(name) => text.contains(&format!("macro_rules! {name} ")),
        None => keywords
            .iter()
            .any(|keyword| text.split(&format!("{keyword} {name}")).skip(1).any(ends)),
    }
}

/// Where the table of changes names something in a file, as in `FILE` (`name`: ...), the file has it: a
/// reader finds the place of a limit, a gate, the comment, a retry or a type of resource at once.
#[test]
fn what_contributors_are_told_to_look_for_is_there() {
    let page = std::fs::read_to_string(top().join("CONTRIBUTING.md")).expect("the page");
    let section = page.split("## Where a change goes").nth(1).expect("the section");
    let section = section.split("## Commits").next().expect("its end");
    for (path, name) in names_in_code(section) {
        let text = std::fs::read_to_string(top().join(path)).expect("the file");
        assert!(is_defined(&text, name), "CONTRIBUTING.md sends to `{name}` in {path}");
    }
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() >= 8, "the table was read: {rows:#?}");
    for row in rows {
        assert!(!names_in_code(row).is_empty(), "a row without a name to look for: {row}");
    }
    for question in [
        "| an AWS limit or its default |",
        "| whether a failed call is tried again |",
        "| the comment on a pull request |",
        "| a type of resource that carries a policy |",
        "### A gate",
    ] {
        assert!(section.contains(question), "CONTRIBUTING.md does not answer `{question}`");
    }
}

/// A finding opens with what was guessed, what was seen and why it matters; it pins its packages and leaves
/// nothing behind. Whether it still holds is for people to run: it needs a network.
#[test]
fn every_finding_says_what_it_is() {
    let mut count = 0;
    for entry in std::fs::read_dir(top().join("findings")).expect("findings/") {
        let path = entry.expect("an entry").path();
        if path.ends_with("README.md") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("readable");
        let head: Vec<&str> = text.lines().take_while(|l| l.starts_with('#')).collect();
        for part in ["#!/usr/bin/env bash", "# Guess: ", "# Seen", "# Matters because: "] {
            assert!(head.iter().any(|l| l.starts_with(part)), "{} lacks `{part}`", path.display());
        }
        for part in ["set -euo pipefail", "mktemp -d", "trap 'rm -rf"] {
            assert!(text.contains(part), "{} lacks `{part}`", path.display());
        }
        let pinned = |line: &&str| line.contains("==") || line.contains("@");
        let mut installs = text.lines().filter(|l| l.contains(" install --"));
        assert!(installs.all(|l| pinned(&l)), "{} installs what is not pinned", path.display());
        count += 1;
    }
    assert!(count > 0, "there are no findings");
}
