//! What naive engines get wrong, one test each, with the AWS page that decides it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::iam::decision::{DecidedBy, Decision, PolicyDecision};
use crate::iam::document::{Document, Use};
use crate::iam::eval::{ChainLevel, Policies, evaluate, evaluate_all};
use crate::iam::policy::Policy;
use crate::iam::request::{Membership, Principal, Request, RequestContext};

const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/r/s";
const ROLE: &str = "arn:aws:iam::111122223333:role/r";
const OBJECT: &str = "arn:aws:s3:::b/k";

fn read(statement: Value, role: Use) -> Arc<Policy> {
    let value = json!({"Version": "2012-10-17", "Statement": statement});
    Arc::new(Policy::new("p", &Document::from_json(&value, role).expect("valid").0))
}

fn identity(statement: Value) -> Arc<Policy> {
    read(statement, Use::Identity)
}

fn resource(statement: Value) -> Arc<Policy> {
    read(statement, Use::Resource(String::new()))
}

fn allow_all() -> Arc<Policy> {
    identity(json!({"Effect": "Allow", "Action": "*", "Resource": "*"}))
}

fn level(policies: &[Arc<Policy>]) -> ChainLevel {
    ChainLevel { target: "t".into(), policies: policies.to_vec() }
}

fn request(principal: &str, action: &str, resource: &str) -> Request {
    Request::new(Principal::parse(principal).expect("principal"), action, resource)
}

fn get_object(principal: &str) -> Request {
    let mut request = request(principal, "s3:GetObject", OBJECT);
    request.resource_account = Some("111122223333".into());
    request
}

fn organization(management_account: bool) -> Option<Membership> {
    Some(Membership { id: "o-abcdefghij".into(), management_account })
}

fn verdict(decision: &Decision) -> (PolicyDecision, DecidedBy) {
    (decision.decision, decision.decided_by)
}

/// IAM User Guide, "Permissions boundaries", "Resource-based policies": a grant to a role's ARN is
/// limited by an implicit deny of its boundary or session policy; a grant to everybody that a
/// condition on `aws:PrincipalArn` narrows to the role is not.
#[test]
fn everyone_with_principal_arn_bypasses_boundaries_and_a_role_arn_does_not() {
    let silent = identity(json!({"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}));
    let with = |statement: Value| Policies {
        boundary: Some(Arc::clone(&silent)),
        resource: Some(resource(statement)),
        ..Policies::default()
    };
    let everyone = with(
        json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": OBJECT,
        "Condition": {"ArnEquals": {"aws:PrincipalArn": ROLE}}}),
    );
    let by_role = with(
        json!({"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "s3:GetObject", "Resource": OBJECT}),
    );
    let request = get_object(SESSION);
    assert_eq!(
        verdict(&evaluate(&request, &everyone)),
        (PolicyDecision::Allow, DecidedBy::ResourcePolicy)
    );
    assert_eq!(
        verdict(&evaluate(&request, &by_role)),
        (PolicyDecision::ImplicitDeny, DecidedBy::Boundary)
    );
}

/// IAM User Guide, "IAM JSON policy elements: Action": prefix and action name ignore case.
#[test]
fn actions_ignore_case_in_service_and_name() {
    let policies = Policies {
        identity: vec![identity(
            json!({"Effect": "Allow", "Action": "S3:gEtOb*", "Resource": "*"}),
        )],
        ..Policies::default()
    };
    for action in ["s3:GetObject", "S3:GETOBJECT"] {
        let mut request = get_object(SESSION);
        request.action = action.into();
        assert!(evaluate(&request, &policies).is_allowed(), "{action}");
    }
}

/// IAM User Guide, "IAM JSON policy elements: Condition": key names are not case-sensitive.
#[test]
fn condition_keys_ignore_case() {
    let policies = Policies {
        identity: vec![identity(json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*",
            "Condition": {"StringEquals": {"AWS:principaltag/TEAM": "red"}}}))],
        ..Policies::default()
    };
    let mut request = get_object(SESSION);
    request.context = RequestContext::default().with("aws:PrincipalTag/team", "red");
    assert!(evaluate(&request, &policies).is_allowed());
}

/// IAM User Guide, "Version" and "Policy elements: Variables and tags": without version 2012-10-17
/// variables are literal strings. A variable without a value matches nothing.
#[test]
fn policy_variables_depend_on_the_version_and_on_a_value() {
    let with = |version: &str, resource: &str| {
        let value = json!({"Version": version, "Statement":
            {"Effect": "Allow", "Action": "s3:*", "Resource": resource}});
        let document = Document::from_json(&value, Use::Identity).expect("valid").0;
        Policies { identity: vec![Arc::new(Policy::new("p", &document))], ..Policies::default() }
    };
    let ask = |key: &str, policies: &Policies, context: RequestContext| {
        let mut request = request(
            "arn:aws:iam::111122223333:user/jo",
            "s3:GetObject",
            &format!("arn:aws:s3:::b/{key}"),
        );
        request.context = context;
        evaluate(&request, policies).is_allowed()
    };
    let home = "arn:aws:s3:::b/${aws:username}/*";
    assert!(ask("jo/x", &with("2012-10-17", home), RequestContext::default()));
    assert!(!ask("jo/x", &with("2008-10-17", home), RequestContext::default()));
    assert!(ask("${aws:username}/x", &with("2008-10-17", home), RequestContext::default()));
    let team = "arn:aws:s3:::b/${aws:PrincipalTag/team}/*";
    assert!(!ask("/x", &with("2012-10-17", team), RequestContext::default()));
    assert!(ask(
        "red/x",
        &with("2012-10-17", team),
        RequestContext::default().with("aws:PrincipalTag/Team", "red")
    ));
    // A star in a value is no wildcard.
    assert!(!ask(
        "blue/x",
        &with("2012-10-17", team),
        RequestContext::default().with("aws:PrincipalTag/team", "*")
    ));
    let default = "arn:aws:s3:::b/${aws:PrincipalTag/team, 'all'}/*";
    assert!(ask("all/x", &with("2012-10-17", default), RequestContext::default()));
    assert!(ask("*/x", &with("2012-10-17", "arn:aws:s3:::b/${*}/x"), RequestContext::default()));
    assert!(!ask("a/x", &with("2012-10-17", "arn:aws:s3:::b/${*}/x"), RequestContext::default()));
}

/// IAM User Guide, "Permissions boundaries": "The NotPrincipal element with a Deny effect will
/// always deny any IAM principal that has a permissions boundary policy attached, regardless of the
/// values specified in the NotPrincipal element."
#[test]
fn deny_with_not_principal_hits_everybody_with_a_boundary() {
    let spare_all_names = resource(json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*",
        "NotPrincipal": {"AWS": ["111122223333", ROLE, SESSION]}}));
    let mut policies = Policies {
        identity: vec![allow_all()],
        resource: Some(spare_all_names),
        ..Policies::default()
    };
    assert!(evaluate(&get_object(SESSION), &policies).is_allowed());
    policies.boundary = Some(allow_all());
    assert_eq!(
        verdict(&evaluate(&get_object(SESSION), &policies)),
        (PolicyDecision::ExplicitDeny, DecidedBy::ResourcePolicy)
    );
}

/// IAM User Guide, "NotPrincipal": "We strongly recommend that you ... include both the ARN for a
/// role and the ARN for the account containing that role": listed by less, AWS "might" deny.
#[test]
fn not_principal_spares_for_sure_only_role_with_account() {
    let with = |names: Value| Policies {
        identity: vec![allow_all()],
        resource: Some(resource(
            json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*", "NotPrincipal": {"AWS": names}}),
        )),
        ..Policies::default()
    };
    let sure = evaluate(&get_object(SESSION), &with(json!([ROLE, "111122223333"])));
    assert!(sure.is_allowed() && sure.disputed.is_empty());
    for partly in [
        json!([ROLE]),
        json!([ROLE, SESSION]),
        json!(["111122223333"]),
        json!([SESSION, "111122223333"]),
    ] {
        let decision = evaluate(&get_object(SESSION), &with(partly));
        assert!(decision.is_allowed() && decision.disputed.len() == 1);
    }
    let other =
        evaluate(&get_object(SESSION), &with(json!(["arn:aws:iam::111122223333:role/other"])));
    assert_eq!(verdict(&other), (PolicyDecision::ExplicitDeny, DecidedBy::ResourcePolicy));
}

/// IAM User Guide, "Policy elements: Variables and tags": "If AWS cannot resolve a variable this
/// might cause the entire statement to be invalid": so under negation it is disputed.
#[test]
fn a_variable_without_value_under_negation_is_disputed() {
    let deny = identity(
        json!({"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::b/${aws:PrincipalTag/team}/*"}),
    );
    let policies = Policies { identity: vec![allow_all(), deny], ..Policies::default() };
    let decision = evaluate(&get_object(SESSION), &policies);
    assert!(decision.is_allowed());
    assert_eq!(decision.disputed.len(), 1);
    assert_eq!(decision.missing_context, ["aws:principaltag/team"]);
}

/// Organizations User Guide, "SCP syntax": since 19 September 2025 SCPs take the full IAM policy
/// language, `Allow` with conditions, resources and `NotAction` included.
#[test]
fn scp_allow_takes_conditions_resources_and_not_action() {
    let with = |statement: Value| Policies {
        identity: vec![allow_all()],
        service_control: vec![level(&[identity(statement)])],
        ..Policies::default()
    };
    for (statement, expected) in [
        (json!({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b/*"}), true),
        (json!({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::other/*"}), false),
        (json!({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}), true),
        (json!({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}), false),
        (
            json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}}),
            false,
        ),
        (
            json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEqualsIfExists": {"aws:RequestedRegion": "eu-west-1"}}}),
            true,
        ),
    ] {
        assert_eq!(
            evaluate(&get_object(SESSION), &with(statement.clone())).is_allowed(),
            expected,
            "{statement}"
        );
    }
}

/// Organizations User Guide, "SCP evaluation", "How SCPs work with Allow": an explicit `Allow` is
/// needed at every level from the root through each unit down to the account itself.
#[test]
fn an_scp_must_allow_at_every_level() {
    let full = level(&[allow_all()]);
    let policies = |levels: Vec<ChainLevel>| Policies {
        identity: vec![allow_all()],
        service_control: levels,
        ..Policies::default()
    };
    assert!(
        evaluate(&get_object(SESSION), &policies(vec![full.clone(), full.clone()])).is_allowed()
    );
    let gap = policies(vec![full.clone(), level(&[]), full]);
    assert_eq!(
        verdict(&evaluate(&get_object(SESSION), &gap)),
        (PolicyDecision::ImplicitDeny, DecidedBy::ServiceControlPolicy)
    );
}

/// Organizations User Guide, "Service control policies" and "Resource control policies": SCPs do not
/// affect users and roles of the management account, RCPs not its resources; both affect member
/// accounts that are delegated administrators.
#[test]
fn the_management_account_is_exempt_from_scps_and_rcps() {
    let deny = identity(json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
    let deny_resource =
        resource(json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}));
    let scp = Policies {
        identity: vec![allow_all()],
        service_control: vec![level(&[deny])],
        ..Policies::default()
    };
    let rcp = Policies {
        identity: vec![allow_all()],
        resource_control: vec![level(&[deny_resource])],
        ..Policies::default()
    };
    let mut request = get_object(SESSION);
    for management in [false, true] {
        // A delegated administrator is a member like any other.
        request.principal_organization = organization(management);
        request.resource_organization = organization(false);
        assert_eq!(evaluate(&request, &scp).is_allowed(), management);
        request.principal_organization = organization(false);
        request.resource_organization = organization(management);
        assert_eq!(evaluate(&request, &rcp).is_allowed(), management);
    }
}

/// Organizations User Guide, "Service control policies", "Tasks and entities not restricted by SCPs":
/// service-linked roles.
#[test]
fn service_linked_roles_are_exempt() {
    let deny = identity(json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
    let policies = Policies {
        identity: vec![allow_all()],
        service_control: vec![level(&[deny])],
        ..Policies::default()
    };
    let linked =
        "arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX";
    assert!(evaluate(&get_object(linked), &policies).is_allowed());
    assert!(!evaluate(&get_object(ROLE), &policies).is_allowed());
}

/// Organizations User Guide, "Resource control policies", "List of AWS services that support RCPs":
/// resources of other services are not covered.
#[test]
fn rcps_cover_only_services_that_support_them() {
    let deny =
        resource(json!({"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}));
    let policies = Policies {
        identity: vec![allow_all()],
        resource_control: vec![level(&[deny])],
        ..Policies::default()
    };
    assert!(!evaluate(&get_object(SESSION), &policies).is_allowed());
    let lambda = request(
        SESSION,
        "lambda:InvokeFunction",
        "arn:aws:lambda:eu-west-1:111122223333:function:f",
    );
    assert!(evaluate(&lambda, &policies).is_allowed());
}

/// Organizations User Guide, "RCPs": RCPs bind service principals and anonymous callers too; SCPs
/// bind neither.
#[test]
fn services_and_anonymous_callers_are_bound_by_rcps_alone() {
    let open = resource(
        json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": OBJECT}),
    );
    let deny = identity(json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
    let rcp = resource(
        json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
        "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-abcdefghij"}, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}}),
    );
    let with_scp = Policies {
        resource: Some(Arc::clone(&open)),
        service_control: vec![level(&[deny])],
        ..Policies::default()
    };
    let with_rcp = Policies {
        resource: Some(open),
        resource_control: vec![level(&[rcp])],
        ..Policies::default()
    };
    let service =
        Request::new(Principal::Service("logs.amazonaws.com".into()), "s3:GetObject", OBJECT);
    assert!(evaluate(&get_object("*"), &with_scp).is_allowed());
    assert!(evaluate(&service, &with_scp).is_allowed());
    assert!(!evaluate(&get_object("*"), &with_rcp).is_allowed());
    assert!(evaluate(&service, &with_rcp).is_allowed());
}

/// IAM User Guide, "Principal", "IAM role principals": a saved policy holds the role's unique id, so
/// a role deleted and created again no longer matches.
#[test]
fn replacing_a_role_severs_trust_saved_by_unique_id() {
    let trust = |id: &str| Policies {
        identity: vec![allow_all()],
        resource: Some(resource(
            json!({"Effect": "Allow", "Principal": {"AWS": id}, "Action": "sts:AssumeRole"}),
        )),
        ..Policies::default()
    };
    let mut request = request(SESSION, "sts:AssumeRole", "arn:aws:iam::444455556666:role/target");
    request.context = RequestContext::default().with("aws:userid", "AROANEWNEWNEWNEWNEW12:s");
    assert!(evaluate(&request, &trust("AROANEWNEWNEWNEWNEW12")).is_allowed());
    assert!(!evaluate(&request, &trust("AROAOLDOLDOLDOLDOLD12")).is_allowed());
}

/// IAM User Guide, "Principal", "AWS account principals": the account id and the root ARN mean the
/// same: every principal of the account that its own policies allow.
#[test]
fn an_account_id_is_its_root() {
    for name in ["111122223333", "arn:aws:iam::111122223333:root"] {
        let trust = resource(
            json!({"Effect": "Allow", "Principal": {"AWS": name}, "Action": "sts:AssumeRole"}),
        );
        let request = request(SESSION, "sts:AssumeRole", "arn:aws:iam::444455556666:role/target");
        let mut policies = Policies { resource: Some(trust), ..Policies::default() };
        assert!(!evaluate(&request, &policies).is_allowed(), "{name}");
        policies.identity.push(allow_all());
        assert!(evaluate(&request, &policies).is_allowed(), "{name}");
    }
}

/// S3 User Guide, "Blocking public access to your Amazon S3 storage": RestrictPublicBuckets leaves a
/// bucket with a public policy to AWS services and the owner's account.
#[test]
fn restrict_public_buckets_takes_away_cross_account_grants() {
    let mut policies = Policies {
        identity: vec![allow_all()],
        resource: Some(resource(json!([
            {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::b"},
            {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "s3:GetObject", "Resource": OBJECT}]))),
        ..Policies::default()
    };
    let mut foreign = get_object(SESSION);
    foreign.resource_account = Some("444455556666".into());
    assert!(evaluate(&foreign, &policies).is_allowed());
    policies.restrict_public_buckets = true;
    assert_eq!(
        verdict(&evaluate(&foreign, &policies)),
        (PolicyDecision::ImplicitDeny, DecidedBy::BlockPublicAccess)
    );
    assert!(evaluate(&get_object(SESSION), &policies).is_allowed());
}

/// S3 User Guide, "Using server-side encryption with AWS KMS keys": reading such an object also
/// needs `kms:Decrypt` on the key.
#[test]
fn a_read_under_sse_kms_needs_decrypt_too() {
    let s3 = Policies { identity: vec![allow_all()], ..Policies::default() };
    let key = |principal: &str| Policies {
        identity: vec![allow_all()],
        resource: Some(resource(
            json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "kms:*", "Resource": "*"}),
        )),
        ..Policies::default()
    };
    let read = get_object(SESSION);
    let decrypt = request(SESSION, "kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/k");
    let judge = |key: &Policies| evaluate_all([(&read, &s3), (&decrypt, key)]).expect("some");
    assert!(judge(&key("111122223333")).is_allowed());
    let refused = judge(&key("444455556666"));
    assert_eq!(verdict(&refused), (PolicyDecision::ImplicitDeny, DecidedBy::ResourcePolicy));
}

/// STS API Reference, GetCallerIdentity: it needs no permission and cannot be denied.
#[test]
fn get_caller_identity_is_always_allowed() {
    let deny = identity(json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
    let policies = Policies { identity: vec![deny], ..Policies::default() };
    assert!(evaluate(&request(SESSION, "STS:getCallerIdentity", "*"), &policies).is_allowed());
}

/// STS API Reference, AssumeRole: root credentials cannot call it. Organizations User Guide, "Service
/// control policies": SCPs affect the root users of member accounts.
#[test]
fn a_root_user_assumes_no_role_and_obeys_scps() {
    let root = "arn:aws:iam::111122223333:root";
    let trust = resource(
        json!({"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}),
    );
    let policies = Policies { resource: Some(trust), ..Policies::default() };
    let assume = request(root, "sts:AssumeRole", "arn:aws:iam::111122223333:role/target");
    assert_eq!(
        verdict(&evaluate(&assume, &policies)),
        (PolicyDecision::ImplicitDeny, DecidedBy::RootUser)
    );
    let deny = identity(json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}));
    let mut policies =
        Policies { service_control: vec![level(&[allow_all(), deny])], ..Policies::default() };
    let mut get = get_object(root);
    get.principal_organization = organization(false);
    assert!(!evaluate(&get, &policies).is_allowed());
    policies.service_control = vec![level(&[allow_all()])];
    assert!(evaluate(&get, &policies).is_allowed());
}

/// VPC User Guide, "Control access using endpoint policies": the endpoint's policy is one more limit.
#[test]
fn an_endpoint_policy_must_allow() {
    let endpoint = |action: &str| Policies {
        identity: vec![allow_all()],
        endpoint: Some(resource(
            json!({"Effect": "Allow", "Principal": "*", "Action": action, "Resource": "*"}),
        )),
        ..Policies::default()
    };
    assert!(evaluate(&get_object(SESSION), &endpoint("s3:*")).is_allowed());
    assert_eq!(
        verdict(&evaluate(&get_object(SESSION), &endpoint("s3:Put*"))),
        (PolicyDecision::ImplicitDeny, DecidedBy::Endpoint)
    );
}

/// IAM User Guide, "Resource": whether a star at the end of a segment crosses a colon is stated both
/// ways; `Allow` is read widest, `Deny` narrowest, and the decision says that it hangs on that.
#[test]
fn a_star_over_a_colon_is_disputed() {
    let wide = json!("arn:aws:s3*");
    let allow = Policies {
        identity: vec![identity(
            json!({"Sid": "w", "Effect": "Allow", "Action": "s3:*", "Resource": wide}),
        )],
        ..Policies::default()
    };
    let decision = evaluate(&get_object(SESSION), &allow);
    assert!(decision.is_allowed());
    assert_eq!(
        decision.disputed,
        ["policy `p` statement `w`: sources differ on whether it matches"]
    );
    let deny = Policies {
        identity: vec![
            allow_all(),
            identity(json!({"Effect": "Deny", "Action": "s3:*", "Resource": wide})),
        ],
        ..Policies::default()
    };
    let decision = evaluate(&get_object(SESSION), &deny);
    assert!(decision.is_allowed());
    assert_eq!(decision.disputed.len(), 1);
}

/// IAM User Guide, "Session policies" against "Principal": whether a session named in a resource
/// policy is limited by a silent session policy is stated both ways.
#[test]
fn a_named_session_with_a_silent_session_policy_is_disputed() {
    let policies = Policies {
        session: vec![identity(json!({"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}))],
        resource: Some(resource(
            json!({"Effect": "Allow", "Principal": {"AWS": SESSION}, "Action": "s3:GetObject", "Resource": OBJECT}),
        )),
        ..Policies::default()
    };
    let decision = evaluate(&get_object(SESSION), &policies);
    assert!(decision.is_allowed());
    assert_eq!(decision.disputed.len(), 1);
}

/// IAM User Guide, "Cross-account policy evaluation logic": both accounts must allow; a session ARN
/// in the other account's policy bypasses nothing here.
#[test]
fn across_accounts_a_session_arn_bypasses_nothing() {
    let grant = resource(
        json!({"Effect": "Allow", "Principal": {"AWS": SESSION}, "Action": "s3:GetObject", "Resource": OBJECT}),
    );
    let mut policies = Policies { resource: Some(grant), ..Policies::default() };
    let mut request = get_object(SESSION);
    assert!(evaluate(&request, &policies).is_allowed());
    request.resource_account = Some("444455556666".into());
    assert_eq!(
        verdict(&evaluate(&request, &policies)),
        (PolicyDecision::ImplicitDeny, DecidedBy::Identity)
    );
    policies.identity.push(allow_all());
    assert!(evaluate(&request, &policies).is_allowed());
}

/// STS API Reference, GetFederationToken: without a session policy the session has no permissions,
/// except where a resource policy names it.
#[test]
fn a_federation_token_without_session_policy_has_nothing_of_its_own() {
    let user = "arn:aws:sts::111122223333:federated-user/f";
    let mut policies = Policies { identity: vec![allow_all()], ..Policies::default() };
    assert_eq!(
        verdict(&evaluate(&get_object(user), &policies)),
        (PolicyDecision::ImplicitDeny, DecidedBy::Identity)
    );
    policies.session.push(allow_all());
    assert!(evaluate(&get_object(user), &policies).is_allowed());
}

/// An account that does not exist yet has a symbolic id: equal to itself, different from every other.
#[test]
fn an_account_without_an_id_yet_is_compared_by_its_symbol() {
    use crate::iam::text::{Placeholder, Text, TextRun};
    let trust = Text::from_parts([
        TextRun::Literal(r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::"#.into()),
        TextRun::Placeholder(Placeholder::new("account.ci.id")),
        TextRun::Literal(r#":role/r"}}}"#.into()),
    ]);
    let document = Document::parse_text(&trust, Use::Trust).expect("valid").0;
    let policies = Policies {
        identity: vec![allow_all()],
        resource: Some(Arc::new(Policy::new("trust", &document))),
        ..Policies::default()
    };
    let ask = |account: &str| {
        let principal = format!("arn:aws:iam::{account}:role/r");
        evaluate(
            &request(&principal, "sts:AssumeRole", "arn:aws:iam::444455556666:role/t"),
            &policies,
        )
        .is_allowed()
    };
    assert!(ask("\u{27e8}account.ci.id\u{27e9}"));
    assert!(!ask("\u{27e8}account.dev.id\u{27e9}"));
    assert!(!ask("111122223333"));
}
