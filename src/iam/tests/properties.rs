//! Properties over generated documents and hostile texts.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::diag::Source;
use crate::iam::diff::diff;
use crate::iam::document::{Document, Use};
use crate::iam::limits::Limits;
use crate::iam::normal::{digest, semantic_eq};
use crate::iam::simulate::simulate_line;
use crate::iam::validate::check;

fn role() -> Use {
    Use::Resource("ecr".into())
}

fn strings(all: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(all).prop_map(|s| json!(s)),
        prop::collection::vec(prop::sample::select(all), 1..4).prop_map(|v| json!(v)),
    ]
}

fn statement() -> impl Strategy<Value = Value> {
    let principal = prop_oneof![
        Just(json!("*")),
        strings(&[
            "*",
            "111122223333",
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::111122223333:role/x"
        ])
        .prop_map(|v| json!({"AWS": v})),
    ];
    let actions = strings(&["s3:Get*", "s3:GetObject", "S3:getobject", "*"]);
    let resources = strings(&["*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/${aws:username}"]);
    let condition = prop_oneof![
        Just(Value::Null),
        (
            prop::sample::select(
                &[
                    "StringEquals",
                    "ArnLike",
                    "ArnEquals",
                    "StringNotLikeIfExists",
                    "ForAnyValue:StringLike"
                ][..]
            ),
            prop::sample::select(&["aws:PrincipalArn", "aws:principalarn", "aws:x"][..]),
            strings(&["a", "b", "arn:aws:iam::1:role/*"])
        )
            .prop_map(|(op, key, v)| json!({op: {key: v}})),
    ];
    (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        prop::option::of("[a-c]"),
        principal,
        actions,
        resources,
        condition,
    )
        .prop_map(
            |(allow, not_action, not_resource, sid, principal, actions, resources, condition)| {
                let mut out =
                    json!({"Effect": if allow { "Allow" } else { "Deny" }, "Principal": principal});
                out[if not_action { "NotAction" } else { "Action" }] = actions;
                out[if not_resource { "NotResource" } else { "Resource" }] = resources;
                if let Some(sid) = sid {
                    out["Sid"] = json!(sid);
                }
                if !condition.is_null() {
                    out["Condition"] = condition;
                }
                out
            },
        )
}

fn document() -> impl Strategy<Value = Document> {
    (prop::collection::vec(statement(), 1..4), any::<bool>()).prop_map(|(statements, new)| {
        let version = if new { "2012-10-17" } else { "2008-10-17" };
        let value = json!({"Version": version, "Statement": statements});
        Document::from_json(&value, role()).expect("valid").0
    })
}

proptest! {
    #[test]
    fn json_and_text_keep_the_meaning(document in document()) {
        let (again, _) = Document::from_json(&document.to_json(), role()).expect("valid");
        prop_assert!(semantic_eq(&document, &again));
        let (again, _) = Document::parse_text(&document.to_text(), role()).expect("valid");
        prop_assert!(semantic_eq(&document, &again));
        prop_assert_eq!(digest(&document), digest(&again));
    }

    #[test]
    fn the_diff_is_empty_exactly_when_the_meaning_is_the_same(a in document(), b in document()) {
        prop_assert_eq!(diff(&a, &b).is_empty(), semantic_eq(&a, &b));
        prop_assert_eq!(digest(&a) == digest(&b), semantic_eq(&a, &b));
        prop_assert!(diff(&a, &a).is_empty());
    }

    #[test]
    fn order_never_matters(document in document(), seed in any::<usize>()) {
        let mut other = document.clone();
        let by = seed % other.statements.len();
        other.statements.rotate_left(by);
        for statement in &mut other.statements {
            statement.actions.reverse();
            statement.resources.reverse();
            statement.conditions.reverse();
        }
        prop_assert!(semantic_eq(&document, &other));
        prop_assert!(diff(&document, &other).is_empty());
    }

    #[test]
    fn hostile_text_never_panics(text in "\\PC{0,200}") {
        let source = Source::new("p", text.as_str());
        let _ = check(&source, 0..text.len(), &Use::Scp, &Limits::default());
        let answer: Value = serde_json::from_str(&simulate_line(&text, true)).expect("json");
        prop_assert!(answer["error"].is_string());
    }

    #[test]
    fn damaged_documents_never_panic(document in document(), at in any::<prop::sample::Index>(), byte in any::<char>()) {
        let mut text = document.pretty();
        let mut position = at.index(text.len());
        while !text.is_char_boundary(position) {
            position -= 1;
        }
        text.insert(position, byte);
        let source = Source::new("p", text.as_str());
        if let Err(found) = check(&source, 0..text.len(), &role(), &Limits::default()) {
            prop_assert!(found.iter().all(|d| d.loc.is_some()), "{:?}", found);
        }
    }
}
