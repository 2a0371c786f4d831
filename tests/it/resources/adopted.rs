//! `adopt --type`: blocks for objects of AWS resource types that nobody manages.

use serde_json::json;

use super::{ESTATE, Held};
use crate::support::cli::Program;

/// The estate without its blocks of resource types.
fn head() -> &'static str {
    ESTATE.split_at(ESTATE.find("variable \"days\"").expect("a head")).0
}

#[tokio::test]
async fn what_an_account_holds_of_a_type_is_written_and_adopted_as_it_is() {
    let p = Program::new(ESTATE);
    p.run(&["apply", "--auto-approve"]).code(0);
    let held = Held::open(&p).await;
    let groups = held.of("AWS::Logs::LogGroup").await;
    let networks = held.of("AWS::EC2::VPC").await;
    drop(held);
    let adopt =
        ["adopt", "--account", "dev", "--type", "AWS::Logs::LogGroup", "--type", "AWS::EC2::VPC"];
    let managed = p.run(&adopt).code(0);
    let line = "1 object of the kind `AWS::EC2::VPC` not written: Palisade manages them already";
    assert!(managed.err.contains(line) && managed.out.is_empty(), "{}{}", managed.out, managed.err);

    for block in ["AWS::EC2::Subnet\"].each", "AWS::EC2::VPC\"].main", "AWS::Logs::LogGroup\"].app"]
    {
        p.run(&["state", "rm", &format!("resource[\"{block}")]).code(0);
    }
    p.write("main.hcl", head());
    p.run(&[&adopt[..], &["--out", "adopted.hcl"]].concat()).code(0);
    let text = std::fs::read_to_string(p.path().join("adopted.hcl")).expect("written");
    assert!(text.contains("resource \"AWS::Logs::LogGroup\" \"app\" {"), "{text}");
    assert!(text.contains("RetentionInDays = 30") && text.contains("team  = \"app\""), "{text}");
    assert!(
        !text.contains("Arn") && !text.contains("palisade:") && !text.contains("Subnet"),
        "{text}"
    );
    p.run(&["fmt", "--check", "adopted.hcl"]).code(0);

    let plan = p.run(&["plan", "--json"]).code(0).json();
    for change in plan["resource_changes"].as_array().expect("a list") {
        let adopted = change["kind"].as_str().expect("a kind").starts_with("AWS::");
        assert_eq!(change["action"], json!(if adopted { "adopt" } else { "no_op" }), "{change}");
        // Its mark is of the address that it had.
        let changed = change["changed"].as_array().expect("paths");
        let is_mark = |path: &serde_json::Value| {
            path.as_str().expect("a path").starts_with("$.tags[\"palisade:")
        };
        assert!(changed.iter().all(is_mark), "{change}");
    }
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    let held = Held::open(&p).await;
    assert_eq!(held.of("AWS::Logs::LogGroup").await, groups);
    let now = held.of("AWS::EC2::VPC").await;
    assert_eq!((now.len(), &now[0].0), (1, &networks[0].0));
}

#[test]
fn what_aws_never_returns_is_named() {
    let directory = r#"
resource "AWS::AppStream::DirectoryConfig" "main" {
  accounts = [account.dev]
  properties = {
    DirectoryName                        = "corp.example"
    OrganizationalUnitDistinguishedNames = ["OU=a"]
    ServiceAccountCredentials            = { AccountName = "joiner", AccountPassword = "hidden-word" }
  }
}
"#;
    let p = Program::new(&format!("{}{directory}", head()));
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    p.run(&["state", "rm", "resource[\"AWS::AppStream::DirectoryConfig\"].main"]).code(0);
    p.write("main.hcl", head());
    let written = p
        .run(&["adopt", "--account", "dev", "--type", "AWS::AppStream::DirectoryConfig"])
        .code(0)
        .out;
    let line = "# AWS does not return ServiceAccountCredentials.AccountPassword: write what the object was created with";
    assert!(written.contains(line), "{written}");
    assert!(written.contains("AccountName = \"joiner\"") && !written.contains("hidden-word"));
}

#[test]
fn a_type_that_cannot_be_found_says_what_to_do() {
    let p = Program::new(head());
    p.run(&["apply", "--auto-approve"]).code(0);
    for (ty, wrong, advice) in [
        ("AWS::IAM::Role", "has a kind of its own", "use `--kind iam_role`"),
        ("AWS::Logs::LogGroop", "there is no resource type", "did you mean `AWS::Logs::LogGroup`?"),
        ("AWS::SNS::TopicInlinePolicy", "cannot list objects", "an `import` block"),
        ("AWS::ApiGateway::Resource", "by `RestApiId` only", "an `import` block"),
        ("AWS::SQS::QueuePolicy", "cannot create, read and delete", "API of their service"),
    ] {
        let refused = p.run(&["adopt", "--account", "dev", "--type", ty]).code(1).err;
        assert!(refused.contains(wrong) && refused.contains(advice), "{ty}: {refused}");
    }
    let refused = p.run(&["adopt", "--organization", "--type", "AWS::EC2::VPC"]).code(1).err;
    assert!(refused.contains("finds objects in an account"), "{refused}");
}
