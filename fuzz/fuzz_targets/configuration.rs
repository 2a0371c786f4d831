//! Any text as a configuration.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../properties.rs"]
#[allow(dead_code, reason = "the other target uses the rest")]
mod properties;

fuzz_target!(|text: &str| properties::configuration(text));
