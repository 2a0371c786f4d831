//! What GitHub makes of a comment beyond its Markdown: mentions, issues, links and emoji.

use super::*;

fn comment(finding: &str) -> String {
    let mut plan = realistic();
    plan.isolation.findings.truncate(1);
    plan.isolation.findings[0].text = finding.to_owned();
    let text = rendered(&plan, Format::Markdown, &Style::plain());
    let line = text.lines().find(|line| line.starts_with("- **warning:**")).expect("a finding");
    line.to_owned()
}

#[test]
fn names_in_prose_are_code_and_can_be_copied() {
    let line = comment(
        "data of `arn:aws:s3:::acme` reaches arn:aws:kms:eu-west-1:1:key:secret:x, as said",
    );
    assert!(line.contains("<code>arn:aws:s3:::acme</code>"), "{line}");
    assert!(line.contains("<code>arn:aws:kms:eu-west-1:1:key:secret:x</code>,"), "{line}");
    assert!(!line.contains("&#8203;"), "{line}");
    // One backtick too many is a character.
    assert!(comment("a ` b").contains("a &#96; b"));
}

#[test]
fn prose_becomes_no_issue_mention_or_emoji() {
    for (text, apart) in [
        ("see GH-12 now", "GH-&#8203;12"),
        ("see acme/shop#12", "acme/shop&#35;&#8203;12"),
        ("ask @acme/owners", "&#64;&#8203;acme/owners"),
        ("a :secret: thing", ":&#8203;secret:"),
        ("x:alarm_clock:y", "x:&#8203;alarm&#95;clock:y"),
        ("https://evil.example", "https:&#8203;//evil.example"),
        ("www.evil.example", "www&#8203;.evil.example"),
    ] {
        let line = comment(text);
        assert!(line.contains(apart), "{text}: {line}");
    }
    // What is none of them stays as it is.
    for text in ["high-12 level", "dev: isolated", "at main.hcl:3", "AWS::KMS::Key"] {
        assert!(comment(text).contains(text), "{}", comment(text));
    }
}

#[test]
fn a_comment_is_titled_by_its_estate() {
    let mut plan = realistic();
    plan.estate.name = "acme".to_owned();
    plan.selection.environments = vec!["staging".to_owned()];
    let text = rendered(&plan, Format::Markdown, &Style::plain());
    assert!(text.contains("\n## Palisade plan of acme, only environment staging\n"), "{text}");
}
