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
