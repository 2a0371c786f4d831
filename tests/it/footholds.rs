//! Walls judged from end to end, configuration to matrix: what a foothold in an account in between is made into, and
//! what conditions really ask. The rules one by one are tested beside the code (`isolation/tests/escalation.rs`,
//! `isolation/tests/conditions.rs`).

use serde_json::Value as Json;

use crate::support::cli::Program;

const ESTATE: &str = r#"
palisade {
  name = "harbour"
}
organization "harbour" {
  enabled_policy_types = ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"]
}
account "lab" {
  name  = "harbour-lab"
  email = "lab@harbour.example"
}
account "build" {
  name  = "harbour-build"
  email = "build@harbour.example"
}
account "live" {
  name  = "harbour-live"
  email = "live@harbour.example"
}
environment "lab" {
  accounts = [account.lab]
}
environment "build" {
  accounts = [account.build]
}
environment "live" {
  accounts = [account.live]
}
"#;

/// A builder of lab that enters build as `guest`, and live's `release`, which build's `ferry` alone may be.
const IN_BETWEEN: &str = r#"
iam_role "builder" {
  environments = [environment.lab]
  trust {
    services = ["codebuild.amazonaws.com"]
  }
  statement "enter" {
    actions   = ["sts:AssumeRole"]
    resources = ["*"]
  }
}
iam_role "guest" {
  environments = [environment.build]
  trust {
    aws = [iam_role.builder.at["lab"].arn]
  }
  statement "own" {
    actions   = [RIGHTS]
    resources = ["*"]
  }
}
iam_role "ferry" {
  environments = [environment.build]
  trust {
    TRUST
  }
  statement "cross" {
    actions   = ["sts:AssumeRole"]
    resources = ["*"]
  }
}
iam_role "release" {
  environments = [environment.live]
  trust {
    aws = [iam_role.ferry.at["build"].arn]
  }
}
"#;

/// A reader of lab that may do anything with S3.
const READER: &str = r#"
iam_role "reader" {
  environments = [environment.lab]
  trust {
    services = ["ec2.amazonaws.com"]
  }
  statement "objects" {
    actions   = ["s3:*", "sts:AssumeRole"]
    resources = ["*"]
  }
}
"#;

/// What becomes of a wall once the estate is there and `more` is planned.
fn wall(base: &str, more: &str, from: &str, to: &str) -> (String, Json) {
    let p = Program::new(&format!("{ESTATE}{base}"));
    p.run(&["apply", "--auto-approve"]).code(0);
    p.write("main.hcl", &format!("{ESTATE}{base}{more}"));
    let plan = p.run(&["plan", "--format", "json"]).code(0).json();
    let rows = plan["isolation"]["matrix"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["from"] == from && row["to"] == to).expect("a row");
    (row["after"].as_str().expect("a verdict").to_owned(), plan)
}

/// Lab's wall to live, where `guest` has these rights and `ferry` this trust.
fn crossed(rights: &[&str], trust: &str) -> String {
    let quoted: Vec<String> = rights.iter().map(|right| format!("\"{right}\"")).collect();
    let base = IN_BETWEEN.replace("RIGHTS", &quoted.join(", ")).replace("TRUST", trust);
    wall(&base, "", "lab", "live").0
}

#[test]
fn a_foothold_is_closed_over() {
    let machine = "services = [\"ec2.amazonaws.com\"]";
    let neighbours = "aws = [account.build]";
    for (rights, trust, expected) in [
        (&["iam:PutRolePolicy"][..], machine, "reachable"),
        (&["iam:AttachRolePolicy"], neighbours, "reachable"),
        (&["iam:ListRoles"], machine, "isolated"),
        (
            &["iam:PassRole", "ecs:CreateService"],
            "services = [\"ecs-tasks.amazonaws.com\"]",
            "reachable",
        ),
        (&["iam:PassRole", "glue:UpdateJob"], "services = [\"glue.amazonaws.com\"]", "reachable"),
        (&["iam:PassRole", "glue:UpdateJob"], "services = [\"lambda.amazonaws.com\"]", "isolated"),
        (&["iam:PassRole"], "services = [\"novel.amazonaws.com\"]", "undetermined"),
    ] {
        assert_eq!(crossed(rights, trust), expected, "{rights:?} {trust}");
    }
}

#[test]
fn conditions_are_what_they_really_ask() {
    let bucket = |statement: &str| {
        format!(
            "s3_bucket \"ledger\" {{\n  environments = [environment.live]\n  bucket = \"harbour-live-ledger\"\n  block_public_access = false\n  statement \"a\" {{\n    effect = \"Allow\"\n    {statement}\n  }}\n}}\n"
        )
    };
    let reader = "principals {\n      type = \"AWS\"\n      identifiers = [iam_role.reader.at[\"lab\"].arn]\n    }";
    let everybody = "principals {\n      type = \"*\"\n      identifiers = [\"*\"]\n    }";
    let objects = "resources = [\"arn:aws:s3:::harbour-live-ledger/*\"]";
    let on_bucket = "resources = [\"arn:aws:s3:::harbour-live-ledger\"]";
    let get = "actions = [\"s3:GetObject\"]";
    let condition = |test: &str, key: &str, value: &str| {
        format!(
            "condition {{\n      test = \"{test}\"\n      variable = \"{key}\"\n      values = [\"{value}\"]\n    }}"
        )
    };
    let paths = condition("ForAllValues:StringLike", "aws:PrincipalOrgPaths", "o-yyyyyyyyyy/*");
    for (name, more, from, expected) in [
        ("read by name", bucket(&format!("{get}\n{objects}\n{reader}")), "lab", "reachable"),
        (
            "an action on objects, on the bucket",
            bucket(&format!("{get}\n{on_bucket}\n{reader}")),
            "lab",
            "isolated",
        ),
        (
            "its policy",
            bucket(&format!("actions = [\"s3:PutBucketPolicy\"]\n{on_bucket}\n{reader}")),
            "lab",
            "isolated",
        ),
        (
            "an absent key",
            bucket(&format!("{get}\n{objects}\n{everybody}\n{paths}")),
            "$anonymous",
            "reachable",
        ),
    ] {
        assert_eq!(wall(READER, &more, from, "live").0, expected, "{name}");
    }
}
