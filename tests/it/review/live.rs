//! Reviews over the accounts as they are, and the folders that they write for reviews without credentials.

use serde_json::{Value, json};

use crate::support::cli::Program;

const ESTATE: &str = r#"
palisade {
  name = "acme"
}
organization "acme" {
  enabled_policy_types = ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"]
}
organizational_unit "work" {}
account "dev" {
  parent = organizational_unit.work
  name   = "acme-dev"
  email  = "dev@acme.example"
}
account "production" {
  parent = organizational_unit.work
  name   = "acme-production"
  email  = "production@acme.example"
}
environment "dev" {
  accounts = [account.dev]
}
environment "production" {
  accounts = [account.production]
}
service_control_policy "keep" {
  targets = [organizational_unit.work]
  statement "Keep" {
    effect    = "Deny"
    actions   = ["organizations:LeaveOrganization"]
    resources = ["*"]
  }
}
resource_control_policy "buckets" {
  targets = [account.production]
  statement "OwnOrganization" {
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "StringNotEqualsIfExists"
      variable = "aws:PrincipalOrgID"
      values   = [organization.acme.id]
    }
  }
}
iam_policy "bounds" {
  accounts = [account.dev]
  statement "Read" {
    effect    = "Allow"
    actions   = ["s3:*", "sts:AssumeRole"]
    resources = ["*"]
  }
}
iam_role "builder" {
  accounts             = [account.dev]
  permissions_boundary = iam_policy.bounds
  tags                 = { team = "build" }
  trust {
    services = ["ec2.amazonaws.com"]
  }
  statement "Read" {
    effect    = "Allow"
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }
}
iam_role "settle" {
  accounts         = [account.production]
  managed_policies = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
  trust {
    services = ["lambda.amazonaws.com"]
  }
}
s3_bucket "ledger" {
  accounts            = [account.production]
  bucket              = "acme-production-ledger"
  block_public_access = false
  LETS_IN
}
"#;

const LETS_DEV_IN: &str = r#"
  statement "Dev" {
    effect    = "Allow"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::acme-production-ledger/*"]
    principals {
      type        = "AWS"
      identifiers = [iam_role.builder.at["dev"].arn]
    }
  }
"#;

/// An estate that was applied, and the flags that name its environments.
struct Applied {
    program: Program,
    dev: String,
    environments: [String; 2],
}

impl Applied {
    fn new(bucket: &str) -> Self {
        let program = Program::new(&ESTATE.replace("LETS_IN", bucket));
        program.run(&["apply", "--auto-approve"]).code(0);
        let id = |account: &str| {
            let shown = program.run(&["state", "show", account, "--json"]).code(0).json();
            let id = shown[account]["attrs"]["id"].as_str();
            id.unwrap_or_else(|| panic!("{shown}")).to_owned()
        };
        let (dev, production) = (id("account.dev"), id("account.production"));
        let environments = [format!("dev={dev}"), format!("production={production}")];
        Self { program, dev, environments }
    }

    fn review(&self, code: i32, args: &[&str]) -> Value {
        let [dev, production] = &self.environments;
        let mut all = vec!["review", "-e", dev, "-e", production, "--json"];
        all.extend(args);
        self.program.run(&all).code(code).json()
    }
}

fn wall(review: &Value, from: &str, to: &str) -> String {
    let rows = review.pointer("/isolation/matrix").and_then(Value::as_array).expect("a matrix");
    let mut rows = rows.iter();
    let row = rows.find(|row| row["from"] == from && row["to"] == to).expect("a row");
    row["after"].as_str().expect("a verdict").to_owned()
}

const LIVE: [&str; 2] = ["--read-role", "OrganizationAccountAccessRole"];

/// What a review reads live is what it finds in the folder that it wrote.
#[test]
fn a_dump_is_judged_as_the_accounts_are() {
    for (bucket, code, expected) in [("", 0, "isolated"), (LETS_DEV_IN, 3, "reachable")] {
        let applied = Applied::new(bucket);
        let live = applied.review(code, &LIVE);
        assert_eq!(wall(&live, "dev", "production"), expected);
        assert_eq!(wall(&live, "production", "dev"), "isolated");
        assert_eq!(live.pointer("/change/not_read"), Some(&json!([])));

        let wrote = applied.program.run(&["review", "--dump", "dumps"]).code(0);
        assert_eq!(wrote.out, "wrote 3 dumps of accounts to `dumps`\n");
        assert_eq!(applied.review(code, &["--accounts", "dumps"]), live);

        let again = applied.program.run(&["review", "--dump", "dumps"]).code(1);
        assert!(again.err.contains("`dumps` is not empty"), "{}", again.err);
    }
}

/// An account that refuses is unread, with its reason, and the others are judged; so in the folder.
#[test]
fn an_account_that_refuses_is_unread() {
    let applied = Applied::new("");
    let closed = ["--read-role", "nobody"];
    let live = applied.review(3, &closed);
    assert_eq!(wall(&live, "dev", "production"), "undetermined");
    let told = live.pointer("/change/not_read").expect("what was not read").to_string();
    assert!(told.contains(&applied.dev) && told.contains("sts:AssumeRole"), "{told}");
    let wrote = applied.program.run(&["review", "--read-role", "nobody", "--dump", "dumps"]);
    let wrote = wrote.code(0);
    assert!(wrote.out.contains(&format!("not read: {}: ", applied.dev)), "{}", wrote.out);
    assert_eq!(applied.review(3, &["--accounts", "dumps"]), live);
}

/// A policy on its own, and what has changed since a dump, are judged over the accounts as they are.
#[test]
fn what_is_live_stands_in_place_of_a_dump() {
    let applied = Applied::new("");
    let program = &applied.program;
    program.run(&["review", "--dump", "earlier"]).code(0);
    program.write("main.hcl", &ESTATE.replace("LETS_IN", LETS_DEV_IN));
    program.run(&["apply", "--auto-approve"]).code(0);
    let since = applied.review(3, &[LIVE[0], LIVE[1], "--since", "earlier"]);
    let changes = since.pointer("/isolation/changes").and_then(Value::as_array).expect("changes");
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0]["change"], "added");
    program.write("deny.json", &json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}).to_string());
    let (dev, tried) = (applied.dev.as_str(), ["--policy", "deny.json", "--target"]);
    let denied = applied.review(0, &[&LIVE[..], &tried[..], &[dev]].concat());
    assert_eq!(wall(&denied, "dev", "production"), "isolated");
    // Without anything that stands there is nothing to try a policy on.
    let [of_dev, _] = &applied.environments;
    let alone = ["review", "-e", of_dev, "--policy", "deny.json", "--target", dev];
    let refused = program.run(&alone).code(1);
    assert!(refused.err.contains("--accounts"), "{}", refused.err);
}

/// Puts what stands of IAM in an account under a stack.
async fn import(
    sdk: &aws_config::SdkConfig,
    name: &str,
    template: &Value,
    ids: &[(&str, &str, &str)],
) -> String {
    use aws_sdk_cloudformation::types::{ChangeSetType, ResourceToImport};
    let client = aws_sdk_cloudformation::Client::new(sdk);
    let resources = ids.iter().map(|(id, kind, physical)| {
        let key = if *kind == "AWS::IAM::Role" { "RoleName" } else { "StackId" };
        ResourceToImport::builder()
            .resource_type(*kind)
            .logical_resource_id(*id)
            .resource_identifier(key, *physical)
            .build()
    });
    let made = client
        .create_change_set()
        .stack_name(name)
        .change_set_name("import")
        .change_set_type(ChangeSetType::Import)
        .template_body(template.to_string())
        .set_resources_to_import(Some(resources.collect()))
        .send()
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
    let executed =
        client.execute_change_set().change_set_name(made.id().expect("an id")).send().await;
    executed.unwrap_or_else(|error| panic!("{error:?}"));
    made.stack_id().expect("an id").to_owned()
}

/// Without `--deployed`, a stack is read as it stands, with those within it; one that is not there is new.
#[test]
fn stacks_are_read_as_they_stand() {
    use crate::support::endpoint::Endpoint;
    let applied = Applied::new("");
    let production = applied.environments[1].split_once('=').expect("an id").1.to_owned();
    let role = |principal: &str| {
        json!({"Type": "AWS::IAM::Role", "DeletionPolicy": "Retain", "Properties": {
            "RoleName": "settle", "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": principal}}
            ]}
        }})
    };
    let open = json!({"Type": "AWS::IAM::Role", "Properties": {
        "RoleName": "settle", "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": format!("arn:aws:iam::{}:root", applied.dev)}}
        ]}
    }});
    let nested = |file: &str| json!({"Type": "AWS::CloudFormation::Stack", "DeletionPolicy": "Retain", "Properties": {"TemplateURL": file}});
    let template = |id: &str, one: &Value| json!({"Resources": {id: one}});
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let endpoint = Endpoint::open(&applied.program.path().join(".palisade/sandbox")).await;
        let sdk = endpoint.account(&production).await;
        let inner = template("Settle", &role("lambda.amazonaws.com"));
        let inner =
            import(&sdk, "app-Inner-1", &inner, &[("Settle", "AWS::IAM::Role", "settle")]).await;
        let outer = template("Inner", &nested("inner.json"));
        import(&sdk, "app", &outer, &[("Inner", "AWS::CloudFormation::Stack", &inner)]).await;
    });
    let program = &applied.program;
    let stack = format!("app={production}/eu-west-1");
    let given = ["--cloudformation", "app.json", "--stack", &stack];
    let review = |code: i32| applied.review(code, &[&LIVE[..], &given[..]].concat());
    let judged = |review: &Value| review.pointer("/change/not_judged").cloned();
    // The role that stands is changed, not made: the same change in a new stack would find its name taken.
    program.write("app.json", &template("Inner", &nested("inner.json")).to_string());
    program.write("inner.json", &template("Settle", &open).to_string());
    let opened = review(3);
    assert_eq!(judged(&opened), Some(json!([])));
    assert_eq!(wall(&opened, "dev", "production"), "reachable");
    let changed = opened.pointer("/change/judged").and_then(Value::as_u64);
    assert_eq!(changed, Some(1));
    // Under another name none stands.
    let other = format!("other={production}/eu-west-1");
    program.write("other.json", &template("Made", &json!({"Type": "AWS::SQS::Queue"})).to_string());
    let new = ["--cloudformation", "other.json", "--stack", &other];
    let new = applied.review(0, &[&LIVE[..], &new[..]].concat());
    assert_eq!(judged(&new), Some(json!([])));
    // An account that lets nobody in says nothing of its stacks either.
    let shut = applied.review(3, &[&["--read-role", "nobody"][..], &given[..]].concat());
    let said = judged(&shut).expect("a list").to_string();
    assert!(said.contains("what the stack `app` holds now could not be read"), "{said}");
}
