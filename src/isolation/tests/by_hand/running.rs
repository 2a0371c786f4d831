//! Resources whose own policy lets somebody change what they run, from another account or from their own (Lambda Developer
//! Guide, "Granting Lambda function access to other accounts").

use serde_json::{Value as Json, json};

use super::*;

const CI: &str = "arn:aws:iam::111111111111:role/ci";
const LOW: &str = "arn:aws:iam::333333333333:role/low";
const FN: &str = "arn:aws:iam::333333333333:role/fn";
const FUNCTION_ARN: &str = "arn:aws:lambda:eu-west-1:333333333333:function:orders";

fn named(arn: &str, trusted: &Json, own: &Json) -> PrincipalNode {
    role(&json!({
        "Arn": arn,
        "AssumeRolePolicyDocument": statement(json!({"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": trusted})),
        "RolePolicyList": [{"PolicyName": "main", "PolicyDocument": statement(own.clone())}],
    }))
}

fn may(action: &str) -> Json {
    json!({"Effect": "Allow", "Action": action, "Resource": "*"})
}

/// Dev's `ci`, with a function of shared's whose policy has this statement; production lets in shared's `fn`.
fn estate(ci: &str, lets: &Json, more: Vec<PrincipalNode>) -> Facts {
    let lambda = json!({"Service": "lambda.amazonaws.com"});
    let assume = may("sts:AssumeRole");
    let mut all = vec![ci_with(ci), named(FN, &lambda, &assume), deploy(FN)];
    all.extend(more);
    let mut facts = facts(all);
    facts.accounts.push(account("shared", SHARED));
    let function = resource(&FUNCTION, FUNCTION_ARN, Some(&statement(lets.clone())));
    facts.resources = vec![ResourceNode { account: handle("shared"), ..function }];
    facts
}

fn lets(whom: &str, action: &str) -> Json {
    json!({"Effect": "Allow", "Principal": {"AWS": whom}, "Action": action, "Resource": FUNCTION_ARN})
}

#[test]
fn who_changes_what_a_function_runs_is_its_role() {
    let other = || {
        let lambda = json!({"Service": "lambda.amazonaws.com"});
        named("arn:aws:iam::333333333333:role/other", &lambda, &may("s3:ListAllMyBuckets"))
    };
    let low = |own: &str| named(LOW, &json!({"AWS": CI}), &may(own));
    let (code, other_code) = ("lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration");
    let tagged = |mut statement: Json| {
        statement["Condition"] = json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
        statement
    };
    use WallVerdict::{Conditional, Isolated, Reachable, Undetermined};
    let cases = [
        ("code", estate("lambda:*", &lets(CI, code), vec![]), Reachable),
        ("code, by a pattern", estate("*", &lets(CI, "lambda:Update*"), vec![]), Reachable),
        ("code, from a network", estate("*", &tagged(lets(CI, code)), vec![]), Conditional),
        // AWS does not say that a function's policy permits this to other accounts.
        ("its configuration", estate("*", &lets(CI, other_code), vec![]), Undetermined),
        ("which role it has", estate("*", &lets(CI, code), vec![other()]), Undetermined),
        ("calling it", estate("*", &lets(CI, "lambda:InvokeFunction"), vec![]), Isolated),
        ("its own side", estate("s3:*", &lets(CI, code), vec![]), Isolated),
        ("a whole account", estate("*", &lets(DEV, code), vec![]), Reachable),
        ("somebody else", estate("*", &lets("444444444444", code), vec![]), Isolated),
        // In its own account a policy of the function permits by itself.
        ("a neighbour", estate("sts:*", &lets(LOW, code), vec![low("s3:*")]), Reachable),
        (
            "a neighbour, its configuration",
            estate("sts:*", &lets(LOW, other_code), vec![low("s3:*")]),
            Reachable,
        ),
        (
            "a neighbour who calls it",
            estate("sts:*", &lets(LOW, "lambda:InvokeFunction"), vec![low("s3:*")]),
            Isolated,
        ),
    ];
    for (name, facts, right) in cases {
        assert_eq!(into_production(&AccessModel::new(facts)), right, "{name}");
    }
    let outside = |facts: Facts| wall(&AccessModel::new(facts), &Origin::External);
    let far = estate("*", &lets("444444444444", code), vec![]);
    assert_eq!(outside(far), Undetermined, "an account outside");
    assert_eq!(outside(estate("*", &lets(CI, code), vec![])), Isolated);
}

/// Dev gets in as shared's `hop`, whom the policy of a function in a third account lets change its code. `hop` itself has this
/// right.
pub(in super::super) fn function_far_away(own: &Json) -> Facts {
    let hop = "arn:aws:iam::333333333333:role/hop";
    let mut facts = estate("sts:*", &lets(hop, "lambda:UpdateFunctionCode"), vec![]);
    facts.principals.push(named(hop, &json!({"AWS": CI}), own).into());
    // The function lies in another account than the one that is entered first.
    let lambda = json!({"Service": "lambda.amazonaws.com"});
    let run = "arn:aws:iam::444444444444:role/run";
    let mut role = named(run, &lambda, &may("sts:AssumeRole"));
    role.account = handle("far");
    facts.principals.push(role.into());
    facts.principals.retain(|p| !p.arn.contains("deploy") && p.arn != FN);
    facts.principals.push(deploy(run).into());
    facts.accounts.push(account("far", "444444444444"));
    let arn = FUNCTION_ARN.replace(SHARED, "444444444444");
    let policy = statement(json!({"Effect": "Allow", "Principal": {"AWS": hop},
        "Action": "lambda:UpdateFunctionCode", "Resource": arn}));
    let function = resource(&FUNCTION, &arn, Some(&policy));
    facts.resources = vec![ResourceNode { account: handle("far"), ..function }];
    facts
}

/// Who may first permit itself what the function's policy asks for.
#[test]
fn who_is_permitted_it_on_the_way_changes_it_too() {
    let hop = "arn:aws:iam::333333333333:role/hop";
    let itself = json!({"Effect": "Allow", "Action": "iam:PutRolePolicy", "Resource": hop});
    let far = |own: &Json| into_production(&AccessModel::new(function_far_away(own)));
    assert_eq!(far(&itself), WallVerdict::Reachable);
    assert_eq!(far(&may("lambda:UpdateFunctionCode")), WallVerdict::Reachable);
    assert_eq!(far(&may("iam:GetRole")), WallVerdict::Isolated);
}

/// AWS takes no token of its own for web identity federation into AWS: "The JSON Web Tokens (JWTs) generated by the
/// GetWebIdentityToken API cannot be used for OpenID Connect (OIDC) federation into AWS" (IAM User Guide, "Getting started
/// with outbound identity federation").
#[test]
fn tokens_of_aws_itself_let_nobody_of_the_estate_in() {
    let issuer = "0a1b2c3d-0000-4000-8000-000000000000.tokens.sts.global.api.aws";
    let trust = json!({
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": format!("arn:aws:iam::{PRODUCTION}:oidc-provider/{issuer}")},
        "Condition": {"StringEquals": {format!("{issuer}:sub"): CI, format!("{issuer}:aud"): "x"}},
    });
    let deploy = role(&json!({
        "Arn": "arn:aws:iam::222222222222:role/deploy",
        "AssumeRolePolicyDocument": statement(trust),
        "RolePolicyList": [],
    }));
    let model = AccessModel::new(facts(vec![ci_with("sts:GetWebIdentityToken"), deploy]));
    assert_eq!(into_production(&model), WallVerdict::Isolated);
}

/// What a proof rests on of code and identities that nobody looks at.
#[test]
fn a_proof_rests_on_code_and_identities_that_may_lie_elsewhere() {
    use crate::isolation::assumptions::Assumptions;
    use crate::isolation::section::AssumptionKind;
    let rests = |facts: Facts| -> Vec<(AssumptionKind, String)> {
        let (before, model) = (AccessModel::new(Facts::default()), AccessModel::new(facts));
        let compared = compare(&before, &model);
        let pair = (Origin::Environment("dev".to_owned()), "production".to_owned());
        assert_eq!(verdict(&model, &compared.after.1, &pair).0, WallVerdict::Isolated);
        let all = Assumptions::new(&model, &compared.after.1);
        let all = all.of(&pair, &mut std::collections::BTreeMap::default()).into_iter();
        all.flat_map(|one| one.objects.into_iter().map(move |object| (one.kind, object))).collect()
    };
    // Functions of shared, whose policies nobody read, have a role that crosses.
    let lambda = json!({"Service": "lambda.amazonaws.com"});
    let between = |trusted: &Json| {
        let all = vec![ci_with("lambda:*"), named(FN, trusted, &may("sts:AssumeRole")), deploy(FN)];
        let mut facts = facts(all);
        facts.accounts.push(account("shared", SHARED));
        facts
    };
    let function = (AssumptionKind::ResourcePolicies, "AWS::Lambda::Function".to_owned());
    let count = |facts: Facts| rests(facts).iter().filter(|one| **one == function).count();
    assert_eq!(count(between(&lambda)), 2, "in production, and in shared");
    assert_eq!(count(between(&json!({"Service": "ec2.amazonaws.com"}))), 1);
    let mut read = between(&lambda);
    read.listed_beside.insert(handle("shared"), [FUNCTION.name].into());
    assert_eq!(count(read), 1);
    // A service of which nobody knows what it does with a role, in an account that dev gets into.
    let inside = |service: &str| {
        let trusted = json!({"Service": service});
        let low = named(LOW, &json!({"AWS": CI}), &may("s3:ListAllMyBuckets"));
        let mut facts = facts(vec![
            ci_with("sts:AssumeRole"),
            low,
            named(FN, &trusted, &may("sts:AssumeRole")),
            deploy(FN),
        ]);
        facts.accounts.push(account("shared", SHARED));
        rests(facts)
    };
    let code = (AssumptionKind::RunningCode, FN.to_owned());
    assert!(inside("lambda.amazonaws.com").contains(&code));
    assert!(inside("quicksight.amazonaws.com").contains(&code));
    // Dev gets into shared, which is in no environment, only by permitting a role elsewhere to assume one there.
    let hop = "arn:aws:iam::444444444444:role/hop";
    let itself = json!({"Effect": "Allow", "Action": "iam:PutRolePolicy", "Resource": hop});
    let mut far = named(hop, &json!({"AWS": CI}), &itself);
    far.account = handle("far");
    let mut by_power = facts(vec![
        ci_with("sts:AssumeRole"),
        far,
        named(LOW, &json!({"AWS": hop}), &may("s3:ListAllMyBuckets")),
        named(FN, &lambda, &may("sts:AssumeRole")),
        deploy(FN),
    ]);
    by_power.accounts.push(account("shared", SHARED));
    by_power.accounts.push(account("far", "444444444444"));
    assert!(rests(by_power).contains(&code));
    // A trust anchor may rest on a certificate authority of dev's.
    let anchor = deploy_by(&json!({"Service": "rolesanywhere.amazonaws.com"}));
    let rested = rests(facts(vec![ci_with("acm-pca:*"), anchor]));
    let issued = rested.iter().filter(|(kind, _)| *kind == AssumptionKind::IdentityIssuers);
    assert_eq!(issued.count(), 1);
}

fn deploy_by(trusted: &Json) -> PrincipalNode {
    named("arn:aws:iam::222222222222:role/deploy", trusted, &may("s3:ListAllMyBuckets"))
}
