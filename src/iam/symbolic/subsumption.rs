//! Whether a policy surely permits no more than another one, by comparing statements: no request is tried, so no
//! number of patterns and no variable is too much for it.
//!
//! Claim: where [`permits_no_more`] says yes, whatever `new` permits, `old` permits. The argument: a request that `new`
//! permits matches an `Allow` of it by one action and one resource; an `Allow` of `old` takes in both, asks for no
//! condition that is not met, and names whoever is named. And it matches no `Deny` of `old`, since for each action and
//! resource of such a statement a `Deny` of `new` takes in both and asks for nothing more, so that `new` would deny it too.
//! Texts are compared as they stand: a variable is the same text in both, of policies of one version.

use crate::iam::document::{Document, Effect, Item, Principals, Statement};

/// Whether `new` surely permits nothing that `old` does not.
pub(super) fn permits_no_more(old: &Document, new: &Document) -> bool {
    let of = |document: &'_ Document, effect: Effect| -> Vec<Statement> {
        document.statements.iter().filter(|s| s.effect == effect).cloned().collect()
    };
    let (wide, narrow) = (of(old, Effect::Allow), of(new, Effect::Allow));
    let (denied, denying) = (of(old, Effect::Deny), of(new, Effect::Deny));
    old.version() == new.version()
        && narrow.iter().all(|statement| is_taken_in(statement, &wide))
        && denied.iter().all(|statement| is_taken_in(statement, &denying))
}

/// Whether each action of a statement on each of its resources is taken in by one of others.
fn is_taken_in(statement: &Statement, others: &[Statement]) -> bool {
    let one_by_one = |items: &'_ [Item]| -> Vec<Option<Item>> {
        if items.is_empty() { vec![None] } else { items.iter().cloned().map(Some).collect() }
    };
    let (actions, resources) = (one_by_one(&statement.actions), one_by_one(&statement.resources));
    actions.iter().all(|action| {
        resources.iter().all(|resource| {
            others.iter().any(|other| {
                names(other, statement)
                    && other.conditions.iter().all(|c| statement.conditions.contains(c))
                    && takes(
                        action.as_ref(),
                        (&other.actions, &other.not_actions),
                        &statement.not_actions,
                        true,
                    )
                    && takes(
                        resource.as_ref(),
                        (&other.resources, &other.not_resources),
                        &statement.not_resources,
                        false,
                    )
            })
        })
    })
}

/// Whether a statement names everybody that another one names.
fn names(wide: &Statement, narrow: &Statement) -> bool {
    matches!(wide.principals, Some(Principals::All))
        || (&wide.principals, &wide.not_principals) == (&narrow.principals, &narrow.not_principals)
}

/// Whether a text is among those of an element of another statement; where there is none, whether both leave out the
/// same, or neither has the element.
fn takes(
    one: Option<&Item>,
    (wide, left_out): (&[Item], &[Item]),
    own: &[Item],
    fold: bool,
) -> bool {
    let text = |item: &Item| {
        let text = item.text.symbolic();
        if fold { text.to_ascii_lowercase() } else { text.into_owned() }
    };
    match one {
        Some(item) => wide.iter().any(|other| spans(&text(other), &text(item), fold)),
        None => {
            (wide.iter().any(|other| text(other) == "*")) || (wide.is_empty() && left_out == own)
        }
    }
}

/// Whether a pattern is a text, or a text without wildcards that starts it, and a star. Variables in that start are the same
/// values in both, and values are literal. In an ARN the start reaches into the last field, for sources differ on stars
/// that cross fields.
fn spans(pattern: &str, text: &str, is_action: bool) -> bool {
    pattern == text
        || pattern == "*"
        || pattern.strip_suffix('*').is_some_and(|start| {
            text.starts_with(start)
                && without_variables(start).is_some_and(|plain| {
                    !plain.contains(['*', '?']) && (is_action || plain.matches(':').count() >= 5)
                })
        })
}

/// The text without its policy variables; `None` where one of them does not end, so that what follows might end it, or
/// stands for a wildcard character (`${*}`).
fn without_variables(text: &str) -> Option<String> {
    let (mut plain, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}')?;
        if name.contains(['*', '?', '$']) {
            return None;
        }
        plain.push_str(before);
        rest = after;
    }
    plain.push_str(rest);
    // A `$` at the end might begin a variable with what follows.
    (!plain.ends_with('$')).then_some(plain)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::iam::Use;

    fn policy(version: &str, statements: Json) -> Document {
        let policy = json!({"Version": version, "Statement": statements});
        Document::from_json(&policy, Use::Identity).expect("valid").0
    }

    fn own(resources: Json) -> Json {
        json!([{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": resources}])
    }

    #[test]
    fn what_is_left_of_a_policy_permits_no_more() {
        let home = "arn:aws:s3:::home/${aws:username}/*";
        let (now, then) = ("2012-10-17", "2008-10-17");
        let says = |old: Json, new: Json| permits_no_more(&policy(now, old), &policy(now, new));
        let with = |statements: Json, more: Json| -> Json {
            let mut all = statements.as_array().expect("a list").clone();
            all.push(more);
            json!(all)
        };
        let deny = |resource: &str, condition: Json| json!({"Effect": "Deny", "Action": "s3:*", "Resource": resource, "Condition": condition});
        let network = json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
        assert!(says(own(json!([home, "arn:aws:s3:::shared/*"])), own(json!([home]))));
        assert!(says(own(json!("arn:aws:s3:::home/*")), own(json!(home))));
        let (below, file) = (home.replace('*', "x/*"), home.replace('*', "file"));
        assert!(says(own(json!(home)), own(json!([below, file]))));
        assert!(!says(own(json!(below)), own(json!(home))));
        let another = "arn:aws:s3:::home/${aws:userid}/x";
        assert!(!says(own(json!(home)), own(json!(another))), "another variable");
        let cut = "arn:aws:s3:::home/${aws:user*";
        assert!(!says(own(json!(cut)), own(json!(home))), "a variable that does not end");
        let field = "arn:aws:sqs:${aws:RequestedRegion}:*";
        let queue = "arn:aws:sqs:${aws:RequestedRegion}:111111111111:q";
        assert!(!says(own(json!(field)), own(json!(queue))), "a star that crosses fields");
        assert!(!says(own(json!(home)), own(json!("arn:aws:s3:::home/*"))));
        assert!(!says(own(json!("arn:aws:s3*")), own(json!(home))), "a star that crosses fields");
        assert!(!permits_no_more(&policy(then, own(json!(home))), &policy(now, own(json!(home)))));
        let more = with(own(json!(home)), deny("arn:aws:s3:::home/*", network.clone()));
        assert!(says(own(json!(home)), more.clone()) && !says(more.clone(), own(json!(home))));
        let always = with(own(json!(home)), deny("arn:aws:s3:::home/*", json!({})));
        assert!(says(more.clone(), always.clone()) && !says(always, more));
        let mut within = own(json!(home));
        within[0]["Condition"] = network;
        assert!(says(own(json!(home)), within.clone()) && !says(within, own(json!(home))));
        let all_but = json!([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]);
        assert!(says(all_but.clone(), all_but.clone()) && !says(own(json!("*")), all_but.clone()));
        assert!(says(json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]), all_but));
    }
}
