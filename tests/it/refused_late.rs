//! What AWS would refuse in the middle of an apply is said before anything is written, and what does less than it
//! seems is told.

use std::process::Command;

use crate::support::cli::{Program, Run};
use crate::support::endpoint::enter;
use crate::support::front::{self, Front, Way};
use crate::support::http::Request;

const ESTATE: &str = r#"
palisade {
  name = "heron"
}
provider "aws" {
  region = "us-east-1"
}
organization "heron" {
  enabled_policy_types = ["SERVICE_CONTROL_POLICY"]
}
organizational_unit "work" {}
account "dev" {
  parent = organizational_unit.work
  name   = "heron-dev"
  email  = "aws+dev@heron.example"
}
environment "dev" {
  accounts = [account.dev]
}
"#;

fn command(program: &Program, front: &Front, args: &[&str]) -> Command {
    let keys = front.sandbox.management_credentials();
    let mut command = program.command(args);
    command
        .env_remove("PALISADE_SANDBOX")
        .env("AWS_ENDPOINT_URL", front.url())
        .env("AWS_ACCESS_KEY_ID", keys.access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key());
    command
}

#[track_caller]
fn run(program: &Program, front: &Front, args: &[&str]) -> Run {
    command(program, front, args).output().expect("the program starts").into()
}

fn management(front: &Front) -> aws_config::SdkConfig {
    aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new("us-east-1"))
        .http_client(front.sandbox.http_client())
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
            front.sandbox.management_credentials(),
        ))
        .build()
}

fn organizations(front: &Front) -> aws_sdk_organizations::Client {
    aws_sdk_organizations::Client::new(&management(front))
}

/// The name of the account with this e-mail address, and its id.
fn account(front: &Front, email: &str) -> (String, String) {
    front.wait(async {
        let listed = organizations(front).list_accounts().send().await.expect("listed");
        let found = listed.accounts().iter().find(|a| a.email() == Some(email)).expect("there");
        let text = |text: Option<&str>| text.expect("told").to_owned();
        (text(found.name()), text(found.id()))
    })
}

/// Whether a request changes anything of the organization or of an account.
fn writes(seen: &Request) -> bool {
    let operation = seen.operation();
    ["Create", "Put", "Attach", "Detach", "Enable", "Delete", "Update", "Tag"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}

#[test]
fn an_account_is_renamed_through_its_api() {
    let front = Front::open(Way::default());
    let program = Program::new(ESTATE);
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    let (_, id) = account(&front, "aws+dev@heron.example");
    let renamed = ESTATE.replace("\"heron-dev\"", "\"heron-playground\"");

    // Without trusted access AWS renames no member: said before anything is written.
    program.write("main.hcl", &renamed);
    front.forget();
    let refused = run(&program, &front, &["apply", "--auto-approve"]).code(1);
    assert!(
        refused.err.contains("`account.dev` cannot be renamed: the organization does not trust"),
        "{}",
        refused.err
    );
    assert!(refused.err.contains("\"account.amazonaws.com\" to `trusted_services`"));
    assert!(!front.seen().iter().any(writes));

    let trusting = renamed.replace(
        "enabled_policy_types =",
        "trusted_services     = [\"account.amazonaws.com\"]\n  enabled_policy_types =",
    );
    program.write("main.hcl", &trusting);
    let plan = run(&program, &front, &["plan"]).code(0);
    assert!(
        plan.out.contains("2 to update") && plan.out.contains("heron-playground"),
        "{}",
        plan.out
    );
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    assert_eq!(account(&front, "aws+dev@heron.example"), ("heron-playground".to_owned(), id));
    run(&program, &front, &["plan", "--detailed-exitcode"]).code(0);
}

/// As every service that is called, Account Management may have an endpoint of its own.
#[test]
fn the_service_that_renames_is_called_where_its_variable_says() {
    let front = Front::open(Way::default());
    let accounts = Front::open(Way::default().instead(|_| front::answer(200, "{}")));
    let trusting = ESTATE.replace(
        "enabled_policy_types =",
        "trusted_services     = [\"account.amazonaws.com\"]\n  enabled_policy_types =",
    );
    let program = Program::new(&trusting);
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    program.write("main.hcl", &trusting.replace("\"heron-dev\"", "\"heron-playground\""));
    let mut apply = command(&program, &front, &["apply", "--auto-approve"]);
    apply.env("AWS_ENDPOINT_URL_ACCOUNT", accounts.url());
    let applied: Run = apply.output().expect("it starts").into();
    applied.code(0);
    let seen = accounts.seen();
    // The walls ask for the Regions that an account has enabled.
    let seen = seen.iter().map(|seen| seen.path()).filter(|path| *path != "/listRegions");
    assert_eq!(seen.collect::<Vec<_>>(), ["/putAccountName"]);
}

#[test]
fn credentials_of_a_member_are_told_before_anything_is_written() {
    let front = Front::open(Way::default());
    let program = Program::new(ESTATE);
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    let (_, id) = account(&front, "aws+dev@heron.example");
    let member = front.wait(async { enter(&management(&front), &id).await });
    let keys = front.wait(async {
        use aws_credential_types::provider::ProvideCredentials as _;
        let provider = member.credentials_provider().expect("given");
        provider.provide_credentials().await.expect("given")
    });
    let as_member = |args: &[&str]| -> Run {
        let mut command = command(&program, &front, args);
        command
            .env("AWS_ACCESS_KEY_ID", keys.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key())
            .env("AWS_SESSION_TOKEN", keys.session_token().expect("a session"));
        command.output().expect("starts").into()
    };
    let manager = front.sandbox.management_account().to_string();
    let told = format!(
        "these credentials are of the account `{id}`, a member of the organization, and not of its management account `{manager}`"
    );
    for args in [&["plan"][..], &["apply", "--auto-approve"]] {
        front.forget();
        let refused = as_member(args).code(1);
        assert!(refused.err.contains(&told), "{}", refused.err);
        assert!(refused.err.contains("`management_role_arn`"), "{}", refused.err);
        assert!(!front.seen().iter().any(writes));
    }

    // A delegated administrator reads the organization, and changes its units no more than others do.
    front.wait(async {
        let client = organizations(&front);
        client
            .enable_aws_service_access()
            .service_principal("sso.amazonaws.com")
            .send()
            .await
            .expect("trusted");
        let delegated = client.register_delegated_administrator().account_id(&id);
        delegated.service_principal("sso.amazonaws.com").send().await.expect("delegated");
    });
    program.write("main.hcl", &format!("{ESTATE}organizational_unit \"more\" {{}}\n"));
    let mut plan = as_member(&["plan", "--target", "organizational_unit.more"]);
    assert_eq!(plan.code, 0, "{}", plan.err);
    front.forget();
    plan = as_member(&["apply", "--auto-approve", "--target", "organizational_unit.more"]).code(1);
    assert!(plan.err.contains(&told), "{}", plan.err);
    assert!(plan.err.contains("only the management account may change `organizational_unit.more`"));
    assert!(!front.seen().iter().any(|seen| seen.operation() == "CreateOrganizationalUnit"));
}

#[test]
fn an_organization_with_consolidated_billing_alone_is_told_before_anything_is_written() {
    let front = Front::open(Way::default());
    front.wait(async {
        let client = organizations(&front);
        let feature_set = aws_sdk_organizations::types::OrganizationFeatureSet::ConsolidatedBilling;
        client.create_organization().feature_set(feature_set).send().await.expect("made");
    });
    let program = Program::new(ESTATE);
    let refused = run(&program, &front, &["apply", "--auto-approve"]).code(1);
    let told = "`enabled_policy_types` of `organization.heron`: the organization has consolidated billing alone";
    assert!(refused.err.contains(told), "{}", refused.err);
    assert!(refused.err.contains("aws organizations enable-all-features"), "{}", refused.err);
    assert!(!front.seen().iter().any(writes), "{:?}", front.seen());
    // Units and accounts it has all the same.
    program.write(
        "main.hcl",
        &ESTATE.replace("  enabled_policy_types = [\"SERVICE_CONTROL_POLICY\"]\n", ""),
    );
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    run(&program, &front, &["plan", "--detailed-exitcode"]).code(0);
}

/// What is attached to a target, by name.
fn attached(front: &Front, target: &str) -> Vec<String> {
    front.wait(async {
        let listed = organizations(front).list_policies_for_target().target_id(target);
        let scp = aws_sdk_organizations::types::PolicyType::ServiceControlPolicy;
        let listed = listed.filter(scp).send().await.expect("listed");
        let mut names: Vec<String> =
            listed.policies().iter().filter_map(|p| p.name().map(str::to_owned)).collect();
        names.sort();
        names
    })
}

#[test]
fn an_allow_list_beside_full_access_is_told_and_full_access_is_detached_on_purpose() {
    let list = r#"
service_control_policy "only_data" {
  targets = [organizational_unit.work]
  statement "Data" {
    effect    = "Allow"
    actions   = ["s3:*", "iam:*", "sts:*", "ssm:*"]
    resources = ["*"]
  }
}
"#;
    let front = Front::open(Way::default());
    let program = Program::new(&format!("{ESTATE}{list}"));
    let told = "what `service_control_policy.only_data` does not allow stays allowed at `organizational_unit.work`: `FullAWSAccess` is attached there too";
    for _ in 0..2 {
        let plan = run(&program, &front, &["plan"]).code(0);
        assert!(plan.err.contains(told), "{}", plan.err);
        assert!(plan.err.contains("`detached_from`"), "{}", plan.err);
        run(&program, &front, &["apply", "--auto-approve"]).code(0);
    }

    // On purpose: a block of AWS's own policy.
    let full = |from: &str| {
        format!(
            "service_control_policy \"full_access\" {{\n  name          = \"FullAWSAccess\"\n  detached_from = [{from}]\n}}\n"
        )
    };
    let main = format!("{ESTATE}{list}{}", full("organizational_unit.work"));
    program.write("main.hcl", &main);
    let plan = run(&program, &front, &["plan"]).code(0);
    assert!(!plan.err.contains(told), "{}", plan.err);
    assert!(plan.out.contains("service_control_policy.full_access"), "{}", plan.out);
    front.forget();
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    let calls: Vec<String> =
        front.seen().iter().filter(|seen| writes(seen)).map(Request::operation).collect();
    assert_eq!(calls, ["DetachPolicy"], "nothing else of AWS's own policy is touched");
    let unit = front.wait(async {
        let client = organizations(&front);
        let roots = client.list_roots().send().await.expect("listed");
        let root = roots.roots().first().and_then(|r| r.id()).expect("a root").to_owned();
        let units = client.list_organizational_units_for_parent().parent_id(root);
        let units = units.send().await.expect("listed");
        units.organizational_units().first().and_then(|u| u.id()).expect("there").to_owned()
    });
    let (_, dev) = account(&front, "aws+dev@heron.example");
    assert_eq!(attached(&front, &unit), ["only_data"]);
    assert_eq!(attached(&front, &dev), ["FullAWSAccess"]);
    run(&program, &front, &["plan", "--detailed-exitcode"]).code(0);

    // Without it and without the rest nothing would be left: AWS keeps one, and the guard keeps the way in.
    let tight = list.replace("\"s3:*\", \"iam:*\", \"sts:*\", \"ssm:*\"", "\"s3:*\"");
    program.write("main.hcl", &format!("{ESTATE}{tight}{}", full("organizational_unit.work")));
    let refused = run(&program, &front, &["apply", "--auto-approve"]).code(1);
    assert!(refused.err.contains("OrganizationAccountAccessRole"), "{}", refused.err);
    program.write(
        "main.hcl",
        &format!("{ESTATE}{list}{}", full("organizational_unit.work, account.dev")),
    );
    let refused = run(&program, &front, &["plan"]).code(1);
    assert!(refused.err.contains("is the last SCP of `account.dev`"), "{}", refused.err);

    // Back again: what is not detached any more gets it back, and a block that goes leaves it where it is.
    program.write("main.hcl", &format!("{ESTATE}{list}{}", full("")));
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    assert_eq!(attached(&front, &unit), ["FullAWSAccess", "only_data"]);
    program.write("main.hcl", &format!("{ESTATE}{list}"));
    let plan = run(&program, &front, &["apply", "--auto-approve"]).code(0);
    assert!(plan.out.contains("it stays in AWS"), "{}", plan.out);
    assert_eq!(attached(&front, &unit), ["FullAWSAccess", "only_data"]);
}

/// AWS attaches its own policy to a unit as it makes it: the same apply detaches it there.
#[test]
fn full_access_is_detached_from_a_unit_in_the_apply_that_makes_it() {
    let full = |from: &str| {
        format!(
            "service_control_policy \"full_access\" {{\n  name          = \"FullAWSAccess\"\n  detached_from = [{from}]\n}}\n"
        )
    };
    let list = |targets: &str| {
        format!(
            "service_control_policy \"only_data\" {{\n  targets = [{targets}]\n  statement \"Data\" {{\n    effect    = \"Allow\"\n    actions   = [\"s3:*\", \"iam:*\", \"sts:*\", \"ssm:*\"]\n    resources = [\"*\"]\n  }}\n}}\n"
        )
    };
    let unit = |name: &str| format!("organizational_unit \"{name}\" {{}}\n");
    let front = Front::open(Way::default());
    let first = format!("{ESTATE}{}{}", list("organizational_unit.work"), full(""));
    let program = Program::new(ESTATE);
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    program.write("main.hcl", &first);
    run(&program, &front, &["apply", "--auto-approve"]).code(0);

    // Without another policy nothing would be left there.
    let from = full("organizational_unit.data");
    program.write(
        "main.hcl",
        &format!("{ESTATE}{}{}{from}", unit("data"), list("organizational_unit.work")),
    );
    let refused = run(&program, &front, &["plan"]).code(1);
    assert!(
        refused.err.contains("is the last SCP of `organizational_unit.data`"),
        "{}",
        refused.err
    );

    let both = list("organizational_unit.work, organizational_unit.data");
    program.write("main.hcl", &format!("{ESTATE}{}{both}{from}", unit("data")));
    let plan = run(&program, &front, &["plan"]).code(0);
    assert!(plan.out.contains("it is detached there right afterwards"), "{}", plan.out);
    let idle = "stays allowed at `organizational_unit.data`";
    assert!(!plan.err.contains(idle), "{}", plan.err);
    front.forget();
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    let calls: Vec<String> =
        front.seen().iter().filter(|seen| writes(seen)).map(Request::operation).collect();
    assert_eq!(calls, ["CreateOrganizationalUnit", "AttachPolicy", "DetachPolicy"]);
    let units = || {
        front.wait(async {
            let client = organizations(&front);
            let roots = client.list_roots().send().await.expect("listed");
            let root = roots.roots().first().and_then(|r| r.id()).expect("a root").to_owned();
            let units = client.list_organizational_units_for_parent().parent_id(root);
            let units = units.send().await.expect("listed").organizational_units.expect("units");
            let named = units.into_iter().filter_map(|u| Some((u.name?, u.id?)));
            named.collect::<std::collections::BTreeMap<String, String>>()
        })
    };
    assert_eq!(attached(&front, &units()["data"]), ["only_data"]);
    run(&program, &front, &["plan", "--detailed-exitcode"]).code(0);
    run(&program, &front, &["drift"]).code(0);

    // What AWS attaches it to beside is no drift, and stands in the way of no detachment.
    let more = full("organizational_unit.data, organizational_unit.work");
    program.write("main.hcl", &format!("{ESTATE}{}{}{both}{more}", unit("data"), unit("open")));
    run(&program, &front, &["apply", "--auto-approve"]).code(0);
    assert_eq!(attached(&front, &units()["work"]), ["only_data"]);
    assert_eq!(attached(&front, &units()["open"]), ["FullAWSAccess"]);
    run(&program, &front, &["plan", "--detailed-exitcode"]).code(0);
    run(&program, &front, &["drift"]).code(0);
}

#[test]
fn of_awss_own_policy_only_its_places_can_be_declared() {
    for (more, told) in [
        ("description = \"mine\"", "only `detached_from` can be declared"),
        ("targets = [organization.heron]", "only `detached_from` can be declared"),
        (
            "statement \"A\" {\n    actions   = [\"*\"]\n    resources = [\"*\"]\n  }",
            "its statements are AWS's",
        ),
    ] {
        let block = format!(
            "service_control_policy \"full\" {{\n  name = \"FullAWSAccess\"\n  detached_from = []\n  {more}\n}}\n"
        );
        let run = Program::new(&format!("{ESTATE}{block}")).run(&["validate"]).code(1);
        assert!(run.err.contains(told), "{}", run.err);
    }
    let rcp = "resource_control_policy \"full\" {\n  name = \"RCPFullAWSAccess\"\n  targets = [organization.heron]\n  statement \"A\" {\n    actions = [\"s3:*\"]\n    resources = [\"*\"]\n  }\n}\n";
    let run = Program::new(&format!("{ESTATE}{rcp}")).run(&["validate"]).code(1);
    assert!(run.err.contains("this name belongs to AWS"), "{}", run.err);
}

/// A parameter's type changes where one of its values becomes a secret.
#[test]
fn a_parameter_changes_its_type_without_being_gone_where_aws_lets_it() {
    let config = |secret: &str| {
        ESTATE.replace(
            "environment \"dev\" {\n  accounts = [account.dev]\n}\n",
            &format!("config_schema \"app\" {{\n  key \"token\" {{\n    secret = {secret}\n  }}\n}}\nenvironment \"dev\" {{\n  accounts = [account.dev]\n  config \"app\" {{\n    values = {{ token = {} }}\n  }}\n}}\n", if secret == "true" { "secret(\"env:TOKEN\")" } else { "\"plain\"" }),
        )
    };
    let changed = |seen: &Request| {
        seen.operation() == "PutParameter"
            && seen.text().contains("\"Overwrite\":true")
            && seen.text().contains("SecureString")
    };
    for takes in [true, false] {
        let front = Front::open(Way::default().instead(move |seen| {
            (takes && changed(seen))
                .then(|| front::answer(200, r#"{"Tier":"Standard","Version":2}"#))
                .flatten()
        }));
        let program = Program::new(&config("false"));
        run(&program, &front, &["apply", "--auto-approve"]).code(0);
        program.write("main.hcl", &config("true"));
        let plan = run(&program, &front, &["plan"]).code(0);
        let said = plan.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("its type changes in place"), "{}", plan.out);
        assert!(said.contains("cannot be read in between (about a second)"), "{}", plan.out);
        assert!(said.contains("its earlier versions stay in its history"), "{}", plan.out);
        front.forget();
        let mut apply = command(&program, &front, &["apply", "--auto-approve"]);
        let apply: Run = apply.env("TOKEN", "hidden-value").output().expect("starts").into();
        apply.code(0);
        let seen = front.seen();
        let calls: Vec<String> = seen
            .iter()
            .filter(|s| s.service() == Some("ssm") && writes(s))
            .map(Request::operation)
            .collect();
        match takes {
            true => assert!(!calls.iter().any(|call| call == "DeleteParameter"), "{calls:?}"),
            false => {
                assert_eq!(&calls[..3], ["PutParameter", "DeleteParameter", "PutParameter"]);
                let last = seen.iter().rfind(|s| s.operation() == "PutParameter").expect("put");
                assert!(last.text().contains("palisade:address"), "it is born with its tags");
                run(&program, &front, &["plan", "--detailed-exitcode"]).code(0);
            }
        }
    }
}
