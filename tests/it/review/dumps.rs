//! What the dumps leave open, whose account an object lies in, and input that is not what it should be.

use palisade::isolation::WallVerdict::{Conditional, Isolated, Reachable, Undetermined};
use palisade::isolation::section::AssumptionKind;
use serde_json::{Value, json};

use super::lab::{
    Change, DEV, Lab, PRODUCTION, Plan, TOOLS, allow, document, lets_in, root, trust, wall,
};
use crate::support::cli::Program;

fn open_trust() -> Change {
    Change {
        address: "aws_iam_role.new",
        after: json!({"name": "new", "path": "/", "assume_role_policy": trust(&root(DEV)).to_string()}),
        unknown: json!({"arn": true}),
        ..Change::default()
    }
}

#[test]
fn without_a_change_the_walls_of_today_are_shown() {
    let outcome = Lab::new().review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Isolated));
    assert_eq!(outcome.isolation.broken(), 0);
    let open = Lab::new();
    open.edit_role(PRODUCTION, "settle", |settle| {
        settle["AssumeRolePolicyDocument"] = trust(&root(DEV))
    });
    let outcome = open.review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production"), (Reachable, Reachable));
    assert!(outcome.isolation.broken() > 0, "what stands open breaks the rule as well");
}

#[test]
fn two_dumps_tell_what_has_opened_and_closed_since() {
    let (shut, open) = (Lab::new(), Lab::new());
    open.edit_role(PRODUCTION, "settle", |settle| {
        settle["AssumeRolePolicyDocument"] = trust(&root(DEV))
    });
    let between = |earlier: &Lab, later: &Lab| {
        let mut request = later.request();
        request.since = Some(earlier.folder().to_owned());
        palisade::engine::review::run(&request).expect("a review")
    };
    let opened = between(&shut, &open);
    assert_eq!(wall(&opened, "dev", "production"), (Isolated, Reachable));
    let changes = |outcome: &palisade::engine::review::ReviewOutcome| {
        let all = outcome.isolation.changes.iter();
        all.map(|path| format!("{:?}", path.change)).collect::<Vec<_>>()
    };
    assert_eq!(changes(&opened), ["Added"]);
    let closed = between(&open, &shut);
    assert_eq!(wall(&closed, "dev", "production"), (Reachable, Isolated));
    assert_eq!(changes(&closed), ["Removed"]);
    assert!(changes(&between(&open, &open)).is_empty());
    // What the earlier folder lacks was not isolated then.
    shut.remove(&format!("accounts/{PRODUCTION}/buckets.json"));
    let partly = between(&shut, &open);
    assert_eq!(wall(&partly, "dev", "production"), (Undetermined, Reachable));
    let told = &partly.change.not_read;
    assert!(told.iter().any(|t| t.starts_with(&format!("{PRODUCTION} before: "))), "{told:?}");

    let program = Program::new("");
    let folder = |lab: &Lab| lab.folder().display().to_string();
    let (earlier, later) = (folder(&shut), folder(&open));
    let ids = [format!("dev={DEV}"), format!("production={PRODUCTION}")];
    let args = ["review", "--accounts", &later, "--since", &earlier, "-e", &ids[0], "-e", &ids[1]];
    let run = program.run(&args).code(3);
    assert!(run.out.contains(&format!("compared with {earlier}")), "{}", run.out);
    let alone = program.run(&["review", "--since", &earlier, "-e", &ids[0]]).code(1);
    assert!(alone.err.contains("--accounts"), "{}", alone.err);
}

#[test]
fn a_file_that_is_absent_was_not_read() {
    for file in ["account-authorization-details.json", "buckets.json"] {
        for id in [DEV, PRODUCTION] {
            let lab = Lab::new();
            lab.remove(&format!("accounts/{id}/{file}"));
            let outcome = lab.review().expect("a review");
            let (from, to) = if id == DEV { ("production", "dev") } else { ("dev", "production") };
            assert_eq!(wall(&outcome, from, to).1, Undetermined, "{file} of {id}");
        }
    }
    let mut lab = Lab::new();
    lab.environments.push(("staging", "444444444444"));
    let outcome = lab.review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "staging").1, Undetermined, "no dump at all");
    assert_eq!(wall(&outcome, "dev", "production").1, Isolated, "the others are judged");
}

#[test]
fn unknown_guardrails_let_nothing_be_called_reachable() {
    let lab = Lab::new();
    lab.remove("organization.json");
    let outcome = lab.plan(&Plan::new(vec![open_trust()])).review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Conditional));
    assert!(
        outcome
            .isolation
            .changes
            .iter()
            .all(|path| path.conditions.iter().any(|c| c.contains("organization.json")))
    );
    let none = Lab::new();
    none.write("organization.json", &json!({"organization": null}));
    let outcome = none.plan(&Plan::new(vec![open_trust()])).review().expect("a review");
    assert_eq!(
        wall(&outcome, "dev", "production"),
        (Isolated, Reachable),
        "there is none, and the file says so"
    );
}

/// In a closed account nobody acts: it breaks no rule, in the words of either API.
#[test]
fn a_closed_account_is_no_way_in() {
    use palisade::isolation::WallVerdict::Closed;
    for (key, value) in [("state", "CLOSED"), ("status", "SUSPENDED")] {
        let lab = Lab::new().plan(&Plan::new(vec![open_trust()]));
        lab.edit("organization.json", |dump| {
            let accounts = dump["accounts"].as_array_mut().expect("a list");
            let dev = accounts.iter_mut().find(|account| account["id"] == DEV).expect("dev");
            dev.as_object_mut().expect("an object").remove("status");
            dev[key] = json!(value);
        });
        let outcome = lab.review().expect("a review");
        assert_eq!(wall(&outcome, "dev", "production").1, Closed, "{key}");
    }
}

#[test]
fn documents_may_be_encoded_as_the_api_sends_them() {
    let lab = Lab::new();
    lab.edit_role(PRODUCTION, "settle", |settle| {
        let text = trust(&root(DEV)).to_string();
        let encoded: String = text.bytes().map(|b| format!("%{b:02X}")).collect();
        settle["AssumeRolePolicyDocument"] = json!(encoded);
    });
    let outcome = lab.review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production").1, Reachable);
}

#[test]
fn parts_of_plans_prove_nothing() {
    for (key, value) in [
        ("errored", json!(true)),
        ("complete", json!(false)),
        ("deferred_changes", json!([{"reason": "x"}])),
    ] {
        let lab = Lab::new().plan(&Plan::new(vec![]).with(|plan| plan[key] = value));
        let outcome = lab.review().expect("a review");
        for (from, to) in [("dev", "production"), ("production", "dev")] {
            assert_eq!(wall(&outcome, from, to), (Isolated, Undetermined), "{key}");
        }
    }
}

#[test]
fn plans_of_one_change_are_judged_together() {
    let porter = Change {
        address: "aws_iam_role.porter",
        provider: "aws.dev",
        after: json!({"name": "porter", "path": "/", "assume_role_policy": trust("ec2.amazonaws.com").to_string()}),
        unknown: json!({"arn": true}),
        ..Change::default()
    };
    let walk = Change {
        address: "aws_iam_role_policy.walk",
        provider: "aws.dev",
        after: json!({"role": "porter", "name": "walk", "policy": json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
        ]}).to_string()}),
        ..Change::default()
    };
    let lets_porter_in = Change {
        address: "aws_iam_role.open",
        after: json!({"name": "open", "path": "/", "assume_role_policy": trust(&format!("arn:aws:iam::{DEV}:role/porter")).to_string()}),
        unknown: json!({"arn": true}),
        ..Change::default()
    };
    let outcome = Lab::new()
        .plan(&Plan::new(vec![porter, walk]))
        .plan(&Plan::new(vec![lets_porter_in]))
        .review();
    let outcome = outcome.expect("a review");
    assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Reachable));
}

#[test]
fn an_account_is_told_by_evidence_or_not_at_all() {
    let plain = || Change { provider: "aws", ..open_trust() };
    let refused = Lab::new().plan(&Plan::new(vec![plain()])).refusal();
    assert!(
        refused.contains("`aws_iam_role.new`") && refused.contains("--provider 'aws="),
        "{refused}"
    );
    // Each of these tells that it is production.
    let told = |outcome: palisade::engine::review::ReviewOutcome, by: &str| {
        assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Reachable), "{by}");
    };
    let mut given = Lab::new().plan(&Plan::new(vec![plain()]));
    given.providers.insert("aws".to_owned(), PRODUCTION.to_owned());
    told(given.review().expect("a review"), "--provider");
    let provider = |edit: fn(&mut serde_json::Value)| {
        Lab::new().plan(&Plan::new(vec![plain()]).with(|plan| {
            edit(&mut plan["configuration"]["provider_config"]["aws"]["expressions"]);
            plan["variables"] = json!({"target": {"value": "arn:aws:iam::222222222222:role/terraform"}, "id": {"value": PRODUCTION}});
        })).review().expect("a review")
    };
    told(
        provider(|e| e["allowed_account_ids"] = json!({"constant_value": [PRODUCTION]})),
        "allowed_account_ids",
    );
    told(
        provider(|e| e["assume_role"] = json!([{"role_arn": {"references": ["var.target"]}}])),
        "a variable's ARN",
    );
    told(
        provider(|e| e["assume_role"] = json!([{"role_arn": {"references": ["var.id"]}}])),
        "a variable's account",
    );
    let read = Lab::new().plan(&Plan::new(vec![plain()]).with(|plan| {
        plan["configuration"]["root_module"]["resources"].as_array_mut().expect("a list").push(json!({
            "address": "data.aws_caller_identity.me", "mode": "data", "type": "aws_caller_identity", "name": "me", "provider_config_key": "aws"
        }));
        plan["prior_state"] = json!({"format_version": "1.0", "values": {"root_module": {"resources": [{
            "address": "data.aws_caller_identity.me", "mode": "data", "type": "aws_caller_identity", "name": "me", "values": {"account_id": PRODUCTION}
        }]}}});
    }));
    told(read.review().expect("a review"), "aws_caller_identity");
    // A role that cannot be told is no reason to believe the next best evidence.
    let unclear = Lab::new().plan(&Plan::new(vec![plain()]).with(|plan| {
        let expressions = &mut plan["configuration"]["provider_config"]["aws"]["expressions"];
        expressions["assume_role"] = json!([{"role_arn": {"references": ["local.role"]}}]);
    }));
    assert!(unclear.refusal().contains("is not known"));
}

#[test]
fn a_module_is_served_by_the_provider_that_it_is_given() {
    let module = Plan::new(vec![]).with(|plan| {
        plan["resource_changes"] = json!([{
            "address": "module.access[\"x.y\"].aws_iam_role.new", "module_address": "module.access[\"x.y\"]", "mode": "managed",
            "type": "aws_iam_role", "name": "new", "provider_name": "registry.terraform.io/hashicorp/aws",
            "change": {"actions": ["create"], "before": null, "after": open_trust().after, "after_unknown": {"arn": true}}
        }]);
        plan["configuration"]["root_module"]["module_calls"] = json!({"access": {"source": "./access", "module": {"resources": [{
            "address": "aws_iam_role.new", "mode": "managed", "type": "aws_iam_role", "name": "new", "provider_config_key": "aws.production"
        }]}}});
    });
    let outcome = Lab::new().plan(&module).review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Reachable));
}

#[test]
fn input_that_is_something_else_is_refused_with_its_place() {
    let no_plan = Lab::new().plan_text("PK\u{3}\u{4}binary").refusal();
    assert!(no_plan.contains("terraform show -json"), "{no_plan}");
    let state = Lab::new().plan_text(r#"{"version": 4, "resources": []}"#).refusal();
    assert!(state.contains("format_version"), "{state}");
    let newer = Lab::new().plan_text(r#"{"format_version": "2.0"}"#).refusal();
    assert!(newer.contains("2.0"), "{newer}");
    // The frame of a plan is that of a state, and of what `terraform validate -json` prints.
    let state = r#"{"format_version": "1.0", "terraform_version": "1.11.4", "values": {"root_module": {}}}"#;
    let state = Lab::new().plan_text(state).refusal();
    assert!(state.contains("is a state and no plan"), "{state}");
    let validated =
        r#"{"format_version": "1.0", "valid": true, "error_count": 0, "diagnostics": []}"#;
    for other in [validated, r#"{"format_version": "1.2"}"#] {
        let other = Lab::new().plan_text(other).refusal();
        assert!(other.contains("is no plan"), "{other}");
    }
    let refreshed =
        r#"{"format_version": "1.2", "complete": true, "planned_values": {"root_module": {}}}"#;
    Lab::new().plan_text(refreshed).review().expect("a plan that changes nothing");
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let deep = format!(r#"{{"format_version": "1.2", "variables": {{"x": {{"value": {deep}}}}}}}"#);
    let deep = Lab::new().plan_text(&deep).refusal();
    assert!(deep.contains("cannot be read"), "{deep}");
    let dump = Lab::new();
    dump.write_text(&format!("accounts/{DEV}/buckets.json"), "{\n  \"buckets\": 5\n}");
    let error = dump.review().expect_err("refused");
    let first = error.diagnostics().expect("a reason").iter().next().expect("one").clone();
    assert_eq!(first.loc.as_ref().map(palisade::diag::Loc::line), Some(2), "{}", first.summary);
    let swapped = Lab::new();
    swapped.edit(&format!("accounts/{TOOLS}/account-authorization-details.json"), |details| {
        details["RoleDetailList"][0]["Arn"] = json!(format!("arn:aws:iam::{DEV}:role/hop"));
    });
    assert!(swapped.refusal().contains("is not of account"), "a dump in the wrong folder");
    let stray = Lab::new();
    stray.write("accounts/dev/buckets.json", &json!({}));
    assert!(stray.refusal().contains("by its account's id"));
}

/// Values that a plan holds in the clear are in no output.
#[test]
fn secrets_of_a_plan_are_not_shown() {
    const SECRET: &str = "s3cr3t-in-the-clear";
    let lab = Lab::new().plan(&Plan::new(vec![open_trust()]).with(|plan| {
        plan["variables"] = json!({"password": {"value": SECRET}});
        plan["configuration"]["provider_config"]["aws"]["expressions"]["secret_key"] = json!({"constant_value": SECRET});
        plan["planned_values"] = json!({"outputs": {"password": {"sensitive": true, "value": SECRET}}});
        plan["resource_changes"].as_array_mut().expect("a list").push(json!({
            "address": "aws_db_instance.d", "mode": "managed", "type": "aws_db_instance", "name": "d",
            "provider_name": "registry.terraform.io/hashicorp/aws",
            "change": {"actions": ["create"], "before": null, "after": {"password": SECRET}, "after_unknown": {}, "after_sensitive": {"password": true}}
        }));
    }));
    let request = lab.request();
    let dir = request.accounts.as_ref().expect("dumps").display().to_string();
    let plan = request.terraform_plans[0].display().to_string();
    let p = Program::new("");
    for format in ["text", "json", "markdown"] {
        let run = p.run(&[
            "review",
            "--accounts",
            &dir,
            "--terraform-plan",
            &plan,
            "-e",
            "dev=111111111111",
            "-e",
            "production=222222222222",
            "--format",
            format,
        ]);
        assert_eq!(run.code, 3, "{}", run.err);
        assert!(run.out.contains("aws_iam_role.new"), "{format}: {}", run.out);
        assert!(!run.out.contains(SECRET) && !run.err.contains(SECRET), "{format}");
    }
}

/// A policy that a plan marks sensitive is in no output, nor judged: what is judged is shown.
#[test]
fn a_policy_that_is_marked_sensitive_is_not_shown() {
    const SECRET: &str = "s3cr3t-external-id";
    let lab = Lab::new().plan(&Plan::new(vec![open_trust()]).with(|plan| {
        let change = &mut plan["resource_changes"][0]["change"];
        let text = change["after"]["assume_role_policy"].as_str().expect("a policy").to_owned();
        let mut policy: Value = serde_json::from_str(&text).expect("JSON");
        policy["Statement"][0]["Condition"] = json!({"StringEquals": {"sts:ExternalId": SECRET}});
        change["after"]["assume_role_policy"] = json!(policy.to_string());
        change["after_sensitive"] = json!({"assume_role_policy": true});
    }));
    let request = lab.request();
    let dir = request.accounts.as_ref().expect("dumps").display().to_string();
    let plan = request.terraform_plans[0].display().to_string();
    let p = Program::new("");
    let environments = ["-e", "dev=111111111111", "-e", "production=222222222222"];
    for format in ["text", "json", "markdown", "html", "sarif"] {
        let mut args = vec!["review", "--accounts", &dir, "--terraform-plan", &plan];
        args.extend(environments.iter().copied().chain(["--format", format]));
        let run = p.run(&args);
        // A log for code scanning has no place for what was not judged.
        assert!(run.out.contains("marked sensitive") || format == "sarif", "{format}: {}", run.out);
        assert!(!run.out.contains(SECRET) && !run.err.contains(SECRET), "{format}");
    }
}

/// Not even an account without a role leaves open in which partition its buckets lie: its organization's.
#[test]
fn an_account_without_identities_lies_where_the_others_do() {
    for partition in ["aws", "aws-cn", "aws-us-gov"] {
        let lab = Lab::new();
        let ours = |text: &str| text.replace("arn:aws:", &format!("arn:{partition}:"));
        for id in [DEV, PRODUCTION, TOOLS] {
            lab.edit(&format!("accounts/{id}/account-authorization-details.json"), |details| {
                *details = serde_json::from_str(&ours(&details.to_string())).expect("JSON");
                if id == PRODUCTION {
                    details["RoleDetailList"] = json!([]);
                }
            });
        }
        lab.edit(&format!("accounts/{PRODUCTION}/buckets.json"), |dump| {
            let reads = json!({
                "Effect": "Allow", "Principal": {"AWS": DEV}, "Action": "s3:GetObject",
                "Resource": ours("arn:aws:s3:::acme-ledger/*"),
            });
            dump["buckets"][0]["policy"] = json!({"Version": "2012-10-17", "Statement": [reads]});
        });
        lab.remove(&format!("accounts/{PRODUCTION}/resource-policies.json"));
        let outcome = lab.review().expect("a review");
        assert_eq!(wall(&outcome, "dev", "production").1, Reachable, "{partition}");
    }
}

/// What stands in a dump settles what it is about, for its account alone.
#[test]
fn the_types_of_an_account_s_resource_policies_are_settled_by_its_file() {
    let rests = |lab: &Lab| -> Vec<String> {
        let outcome = lab.review().expect("a review");
        let row = outcome.isolation.matrix.iter().find(|r| r.from == "dev" && r.to == "production");
        let all = row.expect("a wall").assumptions.iter();
        all.flat_map(|assumption| assumption.objects.clone()).collect()
    };
    let (has, lacks) = (Lab::new(), Lab::new());
    lacks.remove(&format!("accounts/{PRODUCTION}/resource-policies.json"));
    for kind in ["AWS::KMS::Key", "AWS::SecretsManager::Secret", "AWS::SQS::Queue"] {
        assert!(!rests(&has).iter().any(|object| object == kind), "{kind}");
        assert!(rests(&lacks).iter().any(|object| object == kind), "{kind}");
    }
    // Of a type that no file holds nobody has looked.
    assert!(rests(&has).iter().any(|object| object == "AWS::Events::EventBus"));
}

/// Which types a file lists may stand in it, and what it could not read.
#[test]
fn a_file_of_resource_policies_says_what_it_leaves_out() {
    let edited = |edit: &dyn Fn(&mut Value)| {
        let lab = Lab::new();
        lab.edit(&format!("accounts/{PRODUCTION}/resource-policies.json"), edit);
        lab.review()
    };
    let outcome = edited(&|dump| {
        dump["types"] = json!({"AWS::SQS::Queue": null, "AWS::KMS::Key": "outside eu-west-1"});
    });
    let outcome = outcome.expect("a review");
    assert_eq!(wall(&outcome, "dev", "production").1, Isolated);
    let row = outcome.isolation.matrix.iter().find(|r| r.from == "dev" && r.to == "production");
    let rests = row.expect("a wall").assumptions.iter().flat_map(|one| &one.objects);
    let rests: Vec<&str> = rests.map(String::as_str).collect();
    assert!(rests.contains(&"AWS::KMS::Key outside eu-west-1"), "{rests:?}");
    assert!(rests.contains(&"AWS::SecretsManager::Secret"), "{rests:?}");
    assert!(!rests.contains(&"AWS::SQS::Queue"), "{rests:?}");
    for unread in [
        json!({"resources": [], "unread": {"AWS::SQS::Queue": "denied"}}),
        json!({"resources": [{"arn": format!("arn:aws:sqs:us-east-1:{PRODUCTION}:orders"), "unread": "denied"}]}),
    ] {
        let outcome = edited(&|dump| *dump = unread.clone()).expect("a review");
        assert_eq!(wall(&outcome, "dev", "production").1, Undetermined, "{unread}");
        let told = outcome.change.not_read.join("\n");
        assert!(told.contains("`AWS::SQS::Queue` could not be read: denied"), "{told}");
    }
    let refused = edited(&|dump| dump["types"] = json!({"AWS::KMS::Kay": null}));
    let told = format!("{:?}", refused.expect_err("an error"));
    assert!(told.contains("resource-policies.json` lists `AWS::KMS::Kay`"), "{told}");
}

/// AWS CLI User Guide, "Using the pagination options": `NextToken` says that a listing goes on.
#[test]
fn what_a_dump_does_not_say_is_not_known() {
    let cut = Lab::new();
    cut.edit(&format!("accounts/{DEV}/account-authorization-details.json"), |details| {
        details["NextToken"] = json!("eyJNYXJrZXIiOiBudWxsfQ==");
    });
    let outcome = cut.review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production").1, Undetermined);
    let silent = Lab::new();
    silent.edit(&format!("accounts/{PRODUCTION}/buckets.json"), |dump| {
        let bucket = dump["buckets"][0].as_object_mut().expect("a bucket");
        bucket.remove("policy");
    });
    let outcome = silent.review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production").1, Undetermined);
    let none = Lab::new();
    none.edit("organization.json", |organization| {
        organization["root"]["policy_types"] =
            json!([{"Type": "RESOURCE_CONTROL_POLICY", "Status": "ENABLED"}]);
        organization.as_object_mut().expect("an organization").remove("rcps");
    });
    let said = none.refusal();
    assert!(said.contains("has no `rcps`"), "{said}");
}

/// The objects of one kind of assumption of the wall to `production`.
fn rests_on(lab: &Lab, from: &str, kind: AssumptionKind) -> Vec<String> {
    let outcome = lab.review().expect("a review");
    let row = outcome.isolation.matrix.iter().find(|r| r.from == from && r.to == "production");
    let all = row.expect("a wall").assumptions.iter().filter(|a| a.kind == kind);
    all.flat_map(|assumption| assumption.objects.clone()).collect()
}

/// S3 User Guide, "Controlling ownership of objects and disabling ACLs for your bucket"; "Blocking public access to your
/// Amazon S3 storage", `IgnorePublicAcls`.
#[test]
fn walls_assume_that_access_control_lists_grant_nothing() {
    let lists = |lab: &Lab| {
        ["dev", "$external", "$anonymous"]
            .map(|from| rests_on(lab, from, AssumptionKind::AccessLists).len())
    };
    let with = |change: &dyn Fn(&mut Value)| {
        let lab = Lab::new();
        lab.edit(&format!("accounts/{PRODUCTION}/buckets.json"), |dump| {
            dump["buckets"][0].as_object_mut().expect("a bucket").remove("ownership");
            change(dump);
        });
        lab
    };
    let unread = with(&|_| ());
    let ownership =
        |name: &'static str| with(&move |dump| dump["buckets"][0]["ownership"] = json!(name));
    assert_eq!(lists(&unread), [1, 1, 1], "not read");
    assert_eq!(
        rests_on(&unread, "dev", AssumptionKind::AccessLists),
        ["s3_bucket/acme-ledger@production"]
    );
    assert_eq!(lists(&ownership("ObjectWriter")), [1, 1, 1]);
    assert_eq!(lists(&ownership("BucketOwnerPreferred")), [1, 1, 1]);
    assert_eq!(lists(&ownership("BucketOwnerEnforced")), [0, 0, 0]);
    let ignored = json!({"IgnorePublicAcls": true});
    let by_bucket = with(&|dump| dump["buckets"][0]["public_access_block"] = ignored.clone());
    assert_eq!(lists(&by_bucket), [1, 1, 0]);
    let by_account = with(&|dump| dump["account_public_access_block"] = ignored.clone());
    assert_eq!(lists(&by_account), [1, 1, 0]);
    let none = with(&|dump| dump["buckets"] = json!([]));
    assert_eq!(lists(&none), [0, 0, 0]);
    // Guardrails limit what the lists grant.
    let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:PrincipalAccount": PRODUCTION}}});
    unread.organize(&[], &[("p-own", document(json!([deny])), &["ou-live"])]);
    assert_eq!(lists(&unread), [0, 0, 0]);
    // Plans that change Object Ownership.
    let controls = |ownership: &str| json!({"bucket": "acme-ledger", "id": "acme-ledger", "rule": [{"object_ownership": ownership}]});
    let planned = |lab: Lab, actions: &'static [&'static str], before: Value, after: Value| {
        let change = Change {
            address: "aws_s3_bucket_ownership_controls.ledger",
            actions,
            before,
            after,
            ..Change::default()
        };
        lists(&lab.plan(&Plan::new(vec![change])))
    };
    let (on, off) = (controls("ObjectWriter"), controls("BucketOwnerEnforced"));
    assert_eq!(planned(Lab::new(), &["update"], off.clone(), on.clone()), [1, 1, 1]);
    assert_eq!(planned(Lab::new(), &["delete"], off.clone(), Value::Null), [1, 1, 1]);
    assert_eq!(planned(ownership("ObjectWriter"), &["update"], on, off), [0, 0, 0]);
}

/// Organizations User Guide, "Delegated administrator for AWS services that work with Organizations".
#[test]
fn walls_assume_that_accounts_are_no_delegated_administrators() {
    let administers = |lab: &Lab| rests_on(lab, "dev", AssumptionKind::DelegatedAdministrators);
    let stacks = "member.org.stacksets.cloudformation.amazonaws.com";
    let trusting = |lab: &Lab, trusted: Option<Value>| {
        lab.edit("organization.json", |organization| {
            let all = organization.as_object_mut().expect("an organization");
            all.remove("trusted_services");
            all.extend(trusted.map(|trusted| ("trusted_services".to_owned(), trusted)));
        });
    };
    let with = |may: Value, trusted: Option<Value>| {
        let lab = Lab::new();
        lab.edit(&format!("accounts/{DEV}/account-authorization-details.json"), |details| {
            details["RoleDetailList"][0]["RolePolicyList"] = json!([{"PolicyName": "p",
                "PolicyDocument": document(json!([may]))}]);
            details["RoleDetailList"][0]["AttachedManagedPolicies"] = json!([]);
        });
        trusting(&lab, trusted);
        lab
    };
    let all = || allow("cloudformation:*", "*");
    assert_eq!(administers(&with(all(), None)), [stacks], "trusted services not read");
    assert_eq!(administers(&with(all(), Some(json!([stacks])))), [stacks]);
    assert_eq!(administers(&with(all(), Some(json!(["sso.amazonaws.com"])))), [""; 0]);
    assert_eq!(administers(&with(all(), Some(json!([])))), [""; 0], "no service is trusted");
    assert_eq!(
        administers(&with(allow("sso:*", "*"), Some(json!(["sso.amazonaws.com"])))),
        ["sso.amazonaws.com"]
    );
    assert_eq!(administers(&with(allow("cloudformation:CreateStackSet", "*"), None)), [""; 0]);
    assert_eq!(administers(&with(allow("s3:*", "*"), None)), [""; 0], "no principal may do that");
    let kept = with(all(), None);
    let deny = json!({"Effect": "Deny", "Action": "cloudformation:*StackSet*", "Resource": "*"});
    kept.organize(&[("p-sets", document(json!([deny])), &["ou-build"])], &[]);
    trusting(&kept, None);
    assert_eq!(administers(&kept), [""; 0], "an SCP denies it");
}

/// Secrets Manager User Guide, "Access AWS Secrets Manager secrets from a different account".
#[test]
fn a_secret_also_needs_a_key_for_other_accounts() {
    let needs = |action: &str| -> Vec<String> {
        let lab = Lab::new();
        lab.edit(&format!("accounts/{PRODUCTION}/resource-policies.json"), |dump| {
            let builder = format!("arn:aws:iam::{DEV}:role/builder");
            dump["resources"][2]["policy"] = lets_in(&builder, action, "*");
        });
        let outcome = lab.review().expect("a review");
        assert_eq!(wall(&outcome, "dev", "production").1, Reachable, "{action}");
        let paths = outcome.isolation.violations.iter();
        let paths = paths.filter(|path| path.from.environment == "dev");
        paths.flat_map(|path| path.also_needs.clone().unwrap_or_default()).collect()
    };
    let read = needs("secretsmanager:GetSecretValue");
    assert!(read.iter().any(|one| one.starts_with("kms:Decrypt on the KMS key")), "{read:?}");
    assert!(
        read.iter().any(|one| one.contains("other accounts cannot use aws/secretsmanager")),
        "{read:?}"
    );
    assert_eq!(needs("secretsmanager:DescribeSecret"), [""; 0]);
}

/// IAM API Reference, `SetDefaultPolicyVersion`: it makes an existing version the default.
#[test]
fn a_right_to_restore_an_old_version_counts_if_versions_differ() {
    let deny = |action: &str| {
        document(
            json!([{"Effect": "Deny", "Action": action, "Resource": format!("arn:aws:iam::{PRODUCTION}:role/*")}]),
        )
    };
    let verdict = |old: Option<Value>, identified: bool, own: &str| {
        let lab = Lab::new();
        lab.edit(&format!("accounts/{TOOLS}/account-authorization-details.json"), |details| {
            let version = |id: &str, document: Value, is_default: bool| {
                let mut version =
                    json!({"VersionId": id, "Document": document, "IsDefaultVersion": is_default});
                if !identified {
                    version.as_object_mut().expect("an object").remove("VersionId");
                }
                version
            };
            let arn = format!("arn:aws:iam::{TOOLS}:policy/guard");
            let mut versions = vec![version("v2", deny("sts:AssumeRole"), true)];
            versions.extend(old.map(|old| version("v1", old, false)));
            details["Policies"].as_array_mut().expect("a list").push(json!({
                "PolicyName": "guard", "Arn": arn, "PolicyVersionList": versions,
            }));
            let hop = &mut details["RoleDetailList"][0];
            hop["AttachedManagedPolicies"] = json!([{"PolicyName": "guard", "PolicyArn": arn}]);
            hop["RolePolicyList"] = json!([{"PolicyName": "p", "PolicyDocument":
                document(json!([allow("sts:AssumeRole", "*"), allow(own, "*")]))}]);
        });
        lab.edit_role(PRODUCTION, "settle", |settle| {
            settle["AssumeRolePolicyDocument"] = trust(&format!("arn:aws:iam::{TOOLS}:role/hop"));
        });
        let outcome = lab.review().expect("a review");
        wall(&outcome, "dev", "production").1
    };
    let set = "iam:SetDefaultPolicyVersion";
    assert_eq!(verdict(None, true, set), Isolated, "no other version");
    assert_eq!(verdict(Some(deny("sts:AssumeRole")), true, set), Isolated, "an equivalent version");
    assert_eq!(
        verdict(Some(deny("sts:TagSession")), true, set),
        Reachable,
        "a version with another Deny"
    );
    let open = document(json!([allow("sts:*", "*")]));
    assert_eq!(verdict(Some(open.clone()), true, set), Reachable, "a version without a Deny");
    assert_eq!(verdict(None, false, set), Reachable, "the list may be incomplete");
    assert_eq!(verdict(None, true, "iam:CreatePolicyVersion"), Reachable, "a new version");
    assert_eq!(verdict(Some(open), true, "iam:GetPolicyVersion"), Isolated, "only a right to read");
}
