//! Any text as a file that a review reads: dumps, a Terraform plan, a template.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../properties.rs"]
#[allow(dead_code, reason = "the other targets use the rest")]
mod properties;

fuzz_target!(|text: &str| properties::review(text));
