//! Any text as a configuration: it is loaded, checked, evaluated and formatted, and nothing may
//! panic, hang or overflow the stack. What formats must stay the same configuration.

#![no_main]

use libfuzzer_sys::fuzz_target;
use palisade::config::{fmt, load_sources};
use palisade::diag::Source;
use palisade::eval::{NothingKnown, evaluate_configuration};
use palisade::graph;

fuzz_target!(|text: &str| {
    let source = Source::new("main.hcl", text);
    let loaded = load_sources([source.clone()]);
    for diagnostic in &loaded.diagnostics {
        if let Some(loc) = &diagnostic.loc {
            assert!(loc.source().text().get(loc.span()).is_some(), "{diagnostic:?}");
        }
    }
    if loaded.complete {
        let _ = graph::check(&loaded.configuration);
        let _ = evaluate_configuration(&loaded.configuration, &NothingKnown);
    }
    if let Ok(once) = fmt::format(&source) {
        let again = Source::new("main.hcl", once.as_str());
        assert_eq!(fmt::format(&again).as_deref(), Ok(once.as_str()), "formatting does not settle");
    }
});
