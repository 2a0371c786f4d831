//! Evaluation is bounded: few lines that ask for all time or memory end with an error that names the place
//! and the limit.

use std::time::{Duration, Instant};

use crate::support::cli::Program;

/// What `validate` says of a configuration that asks for too much, quickly.
#[track_caller]
fn refused(p: &Program, place: &str, limit: &str) {
    let began = Instant::now();
    let run = p.run(&["validate"]).code(1);
    assert!(began.elapsed() < Duration::from_secs(180), "{:?}", began.elapsed());
    let said = run.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(limit) && said.contains(place), "{}", run.err);
    assert!(run.err.len() < 10_000, "told once: {}", run.err.len());
}

#[test]
fn modules_that_call_modules_twice_each_are_refused_before_they_are_made() {
    let call =
        |name: &str, next: usize| format!("module \"{name}\" {{\n  source = \"./m{next}\"\n}}\n");
    let p = Program::new(&format!("{}{}", call("a", 0), call("b", 0)));
    let last = 23;
    for at in 0..=last {
        // Sources lie below the module that names them.
        let dir = (0..=at).map(|n| format!("m{n}")).collect::<Vec<_>>().join("/");
        std::fs::create_dir_all(p.path().join(&dir)).expect("made");
        let text = match at == last {
            true => "locals {\n  x = 1\n}\n".to_owned(),
            false => format!("{}{}", call("a", at + 1), call("b", at + 1)),
        };
        p.write(&format!("{dir}/main.hcl"), &text);
    }
    refused(&p, "main.hcl:", "the configuration makes more than 50000 module instances");
}

#[test]
fn blocks_by_the_hundred_thousand_are_refused() {
    let block = |name: &str| {
        format!(
            "organizational_unit \"{name}\" {{\n  count = 100000\n  name  = \"{name}-${{count.index}}\"\n}}\n"
        )
    };
    let all: String = (0..6).map(|n| block(&format!("u{n}"))).collect();
    let p = Program::new(&format!("organization \"acme\" {{}}\n{all}"));
    refused(&p, "main.hcl:", "the configuration makes more than 500000 objects");
}

#[test]
fn a_search_that_would_not_end_is_refused() {
    // Long enough that the search costs, and small once it is compiled.
    let (pattern, text) = ("ab".repeat(10_000), "ab".repeat(2_000));
    let p = Program::new(&format!(
        "locals {{\n  text  = join(\"\", [for i in range(1000) : \"{text}\"])\n  found = regexall(\"{pattern}x\", local.text)\n}}\noutput \"found\" {{\n  value = length(local.found)\n}}\n"
    ));
    refused(&p, "main.hcl:3", "functions and comparisons look at more than 16 GiB here");
    let long = "a".repeat(70 * 1024);
    let p =
        Program::new(&format!("output \"found\" {{\n  value = regexall(\"{long}\", \"a\")\n}}\n"));
    refused(&p, "main.hcl:2", "the pattern is longer than 64 KiB");
}

#[test]
fn policies_beyond_any_limit_of_aws_end() {
    let p = Program::new("");
    let statement = |n: usize, action: &str| {
        format!(
            r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{n:012}:role/r{n}"}},"Action":"{action}","Resource":"arn:aws:s3:::bucket-{n}/*"}}"#
        )
    };
    let policy = |count: usize, action: &str| {
        let all: Vec<String> = (1..=count).map(|n| statement(n, action)).collect();
        format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, all.join(","))
    };
    p.write("old.json", &policy(1_500, "s3:GetObject"));
    p.write("new.json", &policy(1_500, "s3:*"));
    let began = Instant::now();
    let run = p.run(&["compare-policies", "old.json", "new.json"]).code(3);
    assert!(began.elapsed() < Duration::from_secs(120), "{:?}", began.elapsed());
    assert!(
        run.out.contains("not every request was compared"),
        "{}",
        &run.out[..run.out.len().min(4000)]
    );
    p.write("huge.json", &policy(12_000, "s3:GetObject"));
    let run = p.run(&["compare-policies", "old.json", "huge.json"]).code(1);
    assert!(run.err.contains("`huge.json` is larger than 512 KiB"), "{}", run.err);
}

/// An expression over a list of 655,360 numbers, an object of 65,536 keys and a text of 2 MB.
fn expression(text: &str) -> Program {
    Program::new(&format!(
        "locals {{\n  big = flatten([for a in range(10) : range(65536)])\n  \
         obj = {{ for i in range(65536) : \"k${{i}}\" => i }}\n  \
         txt = join(\"\", [for i in range(2000) : \"{}\"])\n  \
         ids = toset([for i in range(65536) : \"k${{i}}\"])\n}}\n\
         output \"x\" {{\n  value = {text}\n}}\n",
        "a".repeat(1000)
    ))
}

#[test]
fn results_of_functions_and_copies_of_text_are_looked_at_as_well() {
    let work = "functions and comparisons look at more than 16 GiB here";
    for text in [
        "length([for i in range(65536) : setproduct(range(700), range(700))[0]])",
        "length([for a in range(700) : [for i in range(3000) : range(65536)[0]]])",
        "length([for a in range(3000) : [for i in range(3000) : can(format(\"%10000s\", \"a\").x)]])",
        "length([for a in range(3000) : [for i in range(3000) : can((true ? local.txt : \"\").x)]])",
        "length([for a in range(3000) : [for i in range(3000) : try(local.big)[0]]])",
        "length([for a in range(3000) : [for i in range(3000) : (true ? local.big : [\"a\"])[0]]])",
        "length([for a in range(3000) : [for i in range(3000) : can((true ? local.ids : [1]).x)]])",
    ] {
        refused(&expression(text), "main.hcl:8", work);
    }
}

#[test]
fn each_element_of_a_splat_is_a_step() {
    let steps = "this takes more than 50 million steps";
    let splat = "length([for i in range(3000) : length((local.big[*])) > 0])";
    refused(&expression(splat), "main.hcl:8", steps);
}

#[test]
fn a_reference_to_a_long_list_and_a_key_that_is_missing_take_no_time() {
    for text in [
        "length([for i in range(20000) : (local.big)[0]])",
        "length([for i in range(20000) : (true ? local.big : local.big)[i]])",
        "length([for i in range(20000) : try(local.obj.none, local.obj[\"none${i}\"], 1)])",
        "length([for i in range(20000) : try(local.big[*].none, 1)])",
        "length([for i in range(20000) : try([for x in local.big : x.none], 1)])",
    ] {
        let p = expression(text);
        let began = Instant::now();
        p.run(&["validate"]).code(0);
        assert!(began.elapsed() < Duration::from_secs(100), "{text}: {:?}", began.elapsed());
    }
}
