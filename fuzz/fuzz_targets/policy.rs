//! Any text as a policy document of every use: it is read or refused, and what is read survives
//! being written and read again with the same meaning.

#![no_main]

use libfuzzer_sys::fuzz_target;
use palisade::diag::Source;
use palisade::iam::{self, Document, Limits, Use};

fuzz_target!(|text: &str| {
    for role in [Use::Identity, Use::Trust, Use::Resource("s3".to_owned()), Use::Scp, Use::Rcp] {
        let source = Source::new("policy.json", text);
        let Ok((document, _)) = Document::parse(&source, 0, role.clone()) else { continue };
        let _ = iam::validate(&document, &role, &Limits::default());
        let written = document.to_json().to_string();
        let again = Source::new("policy.json", written.as_str());
        let (read, _) = Document::parse(&again, 0, role)
            .unwrap_or_else(|found| panic!("{written} is not read again: {found}"));
        assert!(iam::semantic_eq(&document, &read), "{written} means something else");
    }
});
