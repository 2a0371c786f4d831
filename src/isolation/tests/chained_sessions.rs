//! Two steps of a chain that speak of one session: what the first demands of its name, its source identity and its tags the
//! second meets or does not.

use super::hunt::{judge, with};
use super::power::statements;
use super::*;

const CI: &str = "arn:aws:iam::111111111111:role/ci";
const LOW: &str = "arn:aws:iam::222222222222:role/low";

/// Dev's `ci` is shared's `low` as its trust lets it; `low` is production's `deploy` as that one's trust lets it.
fn chain(low: Json, deploy: Json) -> Fixture {
    let rights = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];
    let all: Vec<(&str, &str)> = rights.iter().map(|action| (*action, "*")).collect();
    let low = role("shared", "low", low, Some(statements(&all)));
    Fixture::new()
        .both(lambda("dev", "ci", statements(&all)))
        .both(with(low, "unique_id", json!("AROALOWLOWLOWLOWLOW12")))
        .both(role("production", "deploy", deploy, None))
}

fn lets(whom: &str, actions: Json, condition: Json) -> Json {
    trust(json!({"Principal": {"AWS": whom}, "Action": actions, "Condition": condition}))
}

fn equals(key: &str, value: &str) -> Json {
    json!({"StringEquals": {key: value}})
}

#[test]
fn a_session_is_called_what_the_first_step_demands() {
    let named = |name: &str| lets(CI, json!("sts:AssumeRole"), equals("sts:RoleSessionName", name));
    let session = |name: &str| format!("arn:aws:sts::222222222222:assumed-role/low/{name}");
    let only = |name: &str| lets(&session(name), json!("sts:AssumeRole"), json!({}));
    let id = |pattern: &str| {
        lets(LOW, json!("sts:AssumeRole"), json!({"StringLike": {"aws:userid": pattern}}))
    };
    let either = || {
        lets(
            CI,
            json!("sts:AssumeRole"),
            json!({"StringEquals": {"sts:RoleSessionName": ["a", "b"]}}),
        )
    };
    let patterned =
        || lets(CI, json!("sts:AssumeRole"), json!({"StringLike": {"sts:RoleSessionName": "a*"}}));
    let two_ways = || {
        let mut both = named("a");
        let other = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": CI},
            "Condition": {"Bool": {"aws:SecureTransport": "true"}}});
        both["Statement"].as_array_mut().expect("statements").push(other);
        both
    };
    // Who may rewrite the trust names its sessions as it likes.
    let rewriting = |fixture: Fixture| {
        let own = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*",
            "Action": ["sts:AssumeRole", "iam:UpdateAssumeRolePolicy"]}]});
        let low = role("shared", "low", named("a"), Some(own));
        fixture.then(with(low, "unique_id", json!("AROALOWLOWLOWLOWLOW12")))
    };
    let cases = [
        ("the same", chain(named("a"), only("a")), "reachable"),
        ("another", chain(named("a"), only("b")), "isolated"),
        ("one of two", chain(either(), only("b")), "reachable"),
        ("neither", chain(either(), only("c")), "isolated"),
        ("a pattern", chain(patterned(), only("ab")), "reachable"),
        ("by another statement", chain(two_ways(), only("b")), "reachable"),
        ("an id of the same", chain(named("a"), id("*:a")), "reachable"),
        ("an id of another", chain(named("a"), id("*:b")), "isolated"),
        ("the trust is rewritten", rewriting(chain(named("a"), only("b"))), "reachable"),
        ("and for an id", rewriting(chain(named("a"), id("*:b"))), "reachable"),
    ];
    judge(cases.map(|(name, fixture, right)| (name, fixture, "dev", "production", right)).into());
}

#[test]
fn a_session_keeps_the_source_identity_and_the_tags_that_the_first_step_demands() {
    let identity = json!(["sts:AssumeRole", "sts:SetSourceIdentity"]);
    let set = |value: &str| lets(CI, identity.clone(), equals("sts:SourceIdentity", value));
    let has = |value: &str| lets(LOW, identity.clone(), equals("aws:SourceIdentity", value));
    let tagging = json!(["sts:AssumeRole", "sts:TagSession"]);
    let pass = |value: &str| lets(CI, tagging.clone(), equals("aws:RequestTag/team", value));
    let bears =
        |value: &str| lets(LOW, json!("sts:AssumeRole"), equals("aws:PrincipalTag/team", value));
    let own = |fixture: Fixture, passed: Json| {
        let all = statements(&[("sts:AssumeRole", "*"), ("sts:TagSession", "*")]);
        let low = with(role("shared", "low", passed, Some(all)), "tags", json!({"team": "b"}));
        fixture.then(low)
    };
    let optional =
        || lets(CI, tagging.clone(), json!({"StringEqualsIfExists": {"aws:RequestTag/team": "a"}}));
    let cases = [
        ("the same identity", chain(set("alice"), has("alice")), "reachable"),
        ("another identity", chain(set("alice"), has("bob")), "isolated"),
        ("the same tag", own(chain(pass("a"), bears("a")), pass("a")), "reachable"),
        ("the role's own tag", own(chain(pass("a"), bears("b")), pass("a")), "isolated"),
        ("which need not be passed", own(chain(optional(), bears("b")), optional()), "conditional"),
    ];
    judge(cases.map(|(name, fixture, right)| (name, fixture, "dev", "production", right)).into());
}

/// IAM User Guide, "Monitor and control actions taken with assumed roles": who has a source identity needs the right to set it for
/// the next role too, "otherwise the assume role operation fails".
#[test]
fn who_has_a_source_identity_takes_it_along() {
    let both = json!(["sts:AssumeRole", "sts:SetSourceIdentity"]);
    let any = || lets(CI, both.clone(), json!({"StringLike": {"sts:SourceIdentity": "*"}}));
    let plain = || lets(LOW, json!("sts:AssumeRole"), json!({}));
    let sets = || lets(LOW, both.clone(), json!({}));
    let either = || {
        let mut one = any();
        let more = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": CI}});
        one["Statement"].as_array_mut().expect("statements").push(more);
        one
    };
    let lacks = |fixture: Fixture| {
        fixture.then(role("shared", "low", any(), Some(statements(&[("sts:AssumeRole", "*")]))))
    };
    let cases = [
        ("the next trust lets it be set", chain(any(), sets()), "reachable"),
        ("the next trust does not", chain(any(), plain()), "isolated"),
        ("its own side does not", lacks(chain(any(), sets())), "isolated"),
        ("it need not have one", chain(either(), plain()), "reachable"),
    ];
    judge(cases.map(|(name, fixture, right)| (name, fixture, "dev", "production", right)).into());
}

/// IAM User Guide, "AWS JSON policy elements: Principal" and "Principal key values": a machine's session is called like the machine.
#[test]
fn the_session_of_a_machine_is_called_like_it() {
    let id = |pattern: &str| {
        lets(LOW, json!("sts:AssumeRole"), json!({"StringLike": {"aws:userid": pattern}}))
    };
    let on = |trusting: Json, pattern: &str| {
        let low = role("shared", "low", trusting, Some(statements(&[("sts:AssumeRole", "*")])));
        let runs = [("iam:PassRole", "*"), ("ec2:*", "*")];
        Fixture::new()
            .both(lambda("dev", "ci", statements(&[("sts:AssumeRole", "*")])))
            .both(role("shared", "boss", by("dev", "ci"), Some(statements(&runs))))
            .both(with(low, "unique_id", json!("AROALOWLOWLOWLOWLOW12")))
            .both(role("production", "deploy", id(pattern), None))
    };
    let machine = || trust(json!({"Principal": {"Service": "ec2.amazonaws.com"}}));
    let cases = [
        ("a machine", on(machine(), "*:i-*"), "reachable"),
        ("somebody else", on(machine(), "*:admin"), "isolated"),
        ("any of its sessions", on(machine(), "AROALOWLOWLOWLOWLOW12:*"), "reachable"),
        ("who names it", on(by("dev", "ci"), "*:admin"), "reachable"),
    ];
    judge(cases.map(|(name, fixture, right)| (name, fixture, "dev", "production", right)).into());
}
