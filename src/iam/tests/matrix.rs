//! The whole matrix of the evaluation rules: principal kind x resource-policy match x identity x
//! boundary x session x account x SCP, against a table written down from the IAM User Guide
//! ("Policy evaluation logic", "Cross-account policy evaluation logic", "Permissions boundaries").

use std::sync::Arc;

use serde_json::{Value, json};

use crate::iam::decision::PolicyDecision;
use crate::iam::document::{Document, Use};
use crate::iam::eval::{ChainLevel, Policies, evaluate};
use crate::iam::policy::Policy;
use crate::iam::request::{Principal, Request};

const HOME: &str = "111122223333";
const AWAY: &str = "444455556666";

/// What one kind of policy says about the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Absent,
    Allow,
    Silent,
    Deny,
}

const SAYS: [Says; 4] = [Says::Absent, Says::Allow, Says::Silent, Says::Deny];

fn policy(says: Says, principal: Option<Value>) -> Option<Arc<Policy>> {
    let (effect, action) = match says {
        Says::Absent => return None,
        Says::Allow => ("Allow", "s3:GetObject"),
        Says::Silent => ("Allow", "s3:PutObject"),
        Says::Deny => ("Deny", "s3:GetObject"),
    };
    let mut statement = json!({"Effect": effect, "Action": action, "Resource": "*"});
    let mut role = Use::Identity;
    if let Some(principal) = principal {
        statement["Principal"] = principal;
        role = Use::Resource("s3".into());
    }
    let value = json!({"Version": "2012-10-17", "Statement": statement});
    let (document, _) = Document::from_json(&value, role).expect("valid");
    Some(Arc::new(Policy::new("p", &document)))
}

/// Which of identity (`I`), boundary (`B`) and session (`S`) must allow; `None`: never allowed.
type Needs = Option<&'static str>;

/// Principal, the way its resource policy names it, what must allow in the same account, across.
type Row = (&'static str, &'static str, Needs, Needs);

const TABLE: [Row; 23] = [
    ("role", "none", Some("IBS"), None),
    ("role", "account", Some("IBS"), Some("IBS")),
    ("role", "role", Some("BS"), Some("IBS")),
    ("role", "own", Some(""), Some("IBS")),
    ("role", "everyone", Some(""), Some("IBS")),
    ("user", "none", Some("IBS"), None),
    ("user", "account", Some("IBS"), Some("IBS")),
    ("user", "own", Some(""), Some("IBS")),
    ("user", "everyone", Some(""), Some("IBS")),
    // A session of GetFederationToken has no permissions of its own without a session policy.
    ("federated-user", "none", Some("IBS!"), None),
    ("federated-user", "account", Some("IBS!"), Some("IBS!")),
    ("federated-user", "own", Some(""), Some("IBS!")),
    ("federated-user", "everyone", Some(""), Some("IBS!")),
    // No policy can be attached to a root user.
    ("root", "none", Some(""), None),
    ("root", "account", Some(""), Some("")),
    ("root", "everyone", Some(""), Some("")),
    // Nobody's identity policies bind a service, an assertion or an unsigned request.
    ("service", "none", None, None),
    ("service", "own", Some(""), Some("")),
    ("service", "everyone", Some(""), Some("")),
    ("federated", "own", Some(""), Some("")),
    ("federated", "none", None, None),
    ("anonymous", "none", None, None),
    ("anonymous", "everyone", Some(""), Some("")),
];

fn caller(kind: &str) -> (Principal, Value) {
    let arn = |arn: &str| (Principal::Arn(arn.to_owned()), json!({"AWS": arn}));
    match kind {
        "role" => arn("arn:aws:sts::111122223333:assumed-role/r/s"),
        "user" => arn("arn:aws:iam::111122223333:user/u"),
        "federated-user" => arn("arn:aws:sts::111122223333:federated-user/f"),
        "root" => arn("arn:aws:iam::111122223333:root"),
        "service" => {
            let name = "logs.amazonaws.com".to_owned();
            (Principal::Service(name.clone()), json!({"Service": name}))
        }
        "federated" => {
            let name = "arn:aws:iam::111122223333:oidc-provider/x.example".to_owned();
            (Principal::Federated(name.clone()), json!({"Federated": name}))
        }
        _ => (Principal::Anonymous, json!("*")),
    }
}

#[test]
fn the_whole_matrix() {
    let mut cases = 0;
    for (kind, named, same, cross) in TABLE {
        let (principal, own) = caller(kind);
        let signed = !matches!(kind, "service" | "federated" | "anonymous");
        let limited = signed && kind != "root";
        let name = match named {
            "none" => json!({"AWS": "arn:aws:iam::999999999999:role/other"}),
            "account" => json!({"AWS": HOME}),
            "role" => json!({"AWS": "arn:aws:iam::111122223333:role/r"}),
            "own" => own,
            _ => json!("*"),
        };
        let resource = policy(Says::Allow, Some(name));
        for (account, needs) in [(HOME, same), (AWAY, cross)] {
            for identity in SAYS {
                for boundary in SAYS {
                    for session in SAYS {
                        for scp in SAYS {
                            let policies = Policies {
                                identity: policy(identity, None).into_iter().collect(),
                                boundary: policy(boundary, None),
                                session: policy(session, None).into_iter().collect(),
                                service_control: policy(scp, None)
                                    .map(|p| ChainLevel {
                                        target: String::new(),
                                        policies: vec![p],
                                    })
                                    .into_iter()
                                    .collect(),
                                resource: resource.clone(),
                                ..Policies::default()
                            };
                            let mut request =
                                Request::new(principal.clone(), "s3:GetObject", "arn:aws:s3:::b/k");
                            request.resource_account = Some(account.to_owned());
                            let passes = |says: Says| matches!(says, Says::Absent | Says::Allow);
                            let denied = (signed && scp == Says::Deny)
                                || (limited && [identity, boundary, session].contains(&Says::Deny));
                            let allowed = needs.is_some_and(|needs| {
                                (!needs.contains('I') || identity == Says::Allow)
                                    && (!needs.contains('B') || passes(boundary))
                                    && (!needs.contains('S') || passes(session))
                                    && (!needs.contains('!') || session != Says::Absent)
                            }) && (!signed || passes(scp));
                            let expected = if denied {
                                PolicyDecision::ExplicitDeny
                            } else if allowed {
                                PolicyDecision::Allow
                            } else {
                                PolicyDecision::ImplicitDeny
                            };
                            let decision = evaluate(&request, &policies);
                            assert_eq!(
                                decision.decision, expected,
                                "{kind} named by {named} in {account}: identity {identity:?} boundary {boundary:?} session {session:?} scp {scp:?}: {decision:?}"
                            );
                            cases += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(cases, 23 * 2 * 256);
}

/// Trust policies and key policies open their resource alone: nothing else can.
#[test]
fn trust_and_key_policies_are_mandatory() {
    let read = |value: Value, role: Use| {
        Arc::new(Policy::new("p", &Document::from_json(&value, role).expect("valid").0))
    };
    for (action, resource) in [
        ("sts:AssumeRole", "arn:aws:iam::111122223333:role/target"),
        ("kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/k"),
    ] {
        let identity = read(
            json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}}),
            Use::Identity,
        );
        let grant = |principal: Value| {
            read(
                json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Principal": principal}}),
                Use::Resource(String::new()),
            )
        };
        let role = json!({"AWS": "arn:aws:iam::111122223333:role/r"});
        for (resource_policy, with_identity, expected) in [
            (None, true, false),
            (Some(grant(json!({"AWS": "999999999999"}))), true, false),
            (Some(grant(json!({"AWS": HOME}))), true, true),
            (Some(grant(json!({"AWS": HOME}))), false, false),
            (Some(grant(role.clone())), false, true),
            (Some(grant(json!("*"))), false, true),
        ] {
            let policies = Policies {
                identity: with_identity.then(|| Arc::clone(&identity)).into_iter().collect(),
                resource: resource_policy,
                ..Policies::default()
            };
            let request = Request::new(caller("role").0, action, resource);
            assert_eq!(
                evaluate(&request, &policies).is_allowed(),
                expected,
                "{action} {with_identity}"
            );
        }
    }
}
