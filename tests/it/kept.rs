//! What a configuration says nothing of survives a write: AWS resets what a call leaves out.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{
    AbacStatus, BlockedEncryptionTypes, BucketAbacStatus, EncryptionType, ObjectOwnership,
    OwnershipControls, OwnershipControlsRule, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
};
use aws_sdk_ssm::types::{ParameterMetadata, ParameterTier, ParameterType};
use palisade::sandbox::{Options, Sandbox};

use crate::support::cli::{Program, Run};
use crate::support::endpoint::{Endpoint, s3};
use crate::support::estates::two_environments;

/// A secret and two values in `dev`, with what is said of them beside their values.
fn parameters(values: &str, more: &str) -> String {
    let schema = r#"config_schema "app" {
  key "token" {
    secret = true
  }
  key "text" {}
}
"#;
    let config = format!(
        "environment \"dev\" {{\n  config \"app\" {{\n    {more}\n    values = {{ token = secret(\"env:TOKEN\"), {values} }}\n  }}"
    );
    two_environments(schema).replace("environment \"dev\" {", &config)
}

#[track_caller]
fn run(program: &Program, token: &str, args: &[&str]) -> Run {
    program.command(args).env("TOKEN", token).output().expect("the program starts").into()
}

async fn dev(program: &Program) -> aws_config::SdkConfig {
    let dir = program.path().join(".palisade/sandbox");
    let endpoint = Endpoint::of(Sandbox::open(&dir, Options::default()).await.expect("opens"));
    let accounts = endpoint.accounts().await;
    let dev = accounts.iter().find(|a| a.name == "acme-dev").expect("there");
    endpoint.account(&dev.id).await
}

async fn described(program: &Program, name: &str) -> ParameterMetadata {
    let ssm = aws_sdk_ssm::Client::new(&dev(program).await);
    let all = ssm.describe_parameters().send().await.expect("described");
    let found = all.parameters().iter().find(|p| p.name() == Some(name));
    found.expect("there").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_keeps_the_key_that_it_has() {
    const TOKEN: &str = "/acme/dev/app/token";
    let program = Program::new(&parameters("text = \"a\"", ""));
    run(&program, "first-token", &["apply", "--auto-approve"]).code(0);
    assert_eq!(described(&program, TOKEN).await.key_id(), Some("alias/aws/ssm"));
    let ssm = aws_sdk_ssm::Client::new(&dev(&program).await);
    ssm.put_parameter()
        .name(TOKEN)
        .value("first-token")
        .r#type(ParameterType::SecureString)
        .key_id("alias/payments")
        .description("asked for by the auditors")
        .overwrite(true)
        .send()
        .await
        .expect("put");
    let drift = run(&program, "first-token", &["drift"]).code(2);
    assert!(drift.out.contains("kms_key_id"), "{}", drift.out);
    run(&program, "second-token", &["apply", "--auto-approve"]).code(0);
    let after = described(&program, TOKEN).await;
    assert_eq!(after.key_id(), Some("alias/payments"));
    assert_eq!(after.description(), Some("asked for by the auditors"));
    // It still has the key of others, so a plan has nothing to say.
    run(&program, "second-token", &["plan", "--detailed-exitcode"]).code(0);

    // Declared, the key changes, and the plan says so.
    program.write("main.hcl", &parameters("text = \"a\"", "kms_key_id = \"alias/own\""));
    let plan = run(&program, "second-token", &["plan"]);
    assert!(plan.out.contains("alias/payments") && plan.out.contains("alias/own"), "{}", plan.out);
    run(&program, "second-token", &["apply", "--auto-approve"]).code(0);
    assert_eq!(described(&program, TOKEN).await.key_id(), Some("alias/own"));
    run(&program, "second-token", &["plan", "--detailed-exitcode"]).code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nearest_declaration_of_a_key_counts() {
    let estate = |environment: &str, key: &str, config: &str| {
        let main = parameters("text = \"a\"", config);
        let main = main.replace("secret = true", &format!("secret = true\n    {key}"));
        main.replacen(
            "environment \"dev\" {",
            &format!("environment \"dev\" {{\n  {environment}"),
            1,
        )
    };
    let id = |name: &str| format!("kms_key_id = \"alias/{name}\"");
    let program = Program::new(&estate(&id("environment"), "", ""));
    for (main, right) in [
        (estate(&id("environment"), "", ""), "alias/environment"),
        (estate(&id("environment"), &id("schema"), ""), "alias/schema"),
        (estate(&id("environment"), &id("schema"), &id("config")), "alias/config"),
    ] {
        program.write("main.hcl", &main);
        run(&program, "some-token", &["apply", "--auto-approve"]).code(0);
        assert_eq!(described(&program, "/acme/dev/app/token").await.key_id(), Some(right));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_stays_what_its_size_has_made_it() {
    const TEXT: &str = "/acme/dev/app/text";
    let program = Program::new(&parameters("text = \"ami-0123\"", ""));
    run(&program, "some-token", &["apply", "--auto-approve"]).code(0);
    let ssm = aws_sdk_ssm::Client::new(&dev(&program).await);
    ssm.put_parameter()
        .name(TEXT)
        .value("ami-0123")
        .r#type(ParameterType::String)
        .data_type("aws:ec2:image")
        .overwrite(true)
        .send()
        .await
        .expect("put");
    let long = "x".repeat(5_000);
    program.write("main.hcl", &parameters(&format!("text = \"{long}\""), ""));
    let plan = run(&program, "some-token", &["plan", "--json"]).json();
    let change = plan["resource_changes"].as_array().expect("changes").iter();
    let change = change.clone().find(|c| c["display"].as_str().is_some_and(|d| d.contains("text")));
    let changed = change.expect("the text changes")["changed"].to_string();
    assert!(changed.contains("tier"), "{changed}");
    run(&program, "some-token", &["apply", "--auto-approve"]).code(0);
    assert_eq!(described(&program, TEXT).await.tier(), Some(&ParameterTier::Advanced));
    // AWS makes no advanced parameter a standard one again.
    program.write("main.hcl", &parameters("text = \"ami-0456\"", ""));
    run(&program, "some-token", &["apply", "--auto-approve"]).code(0);
    let after = described(&program, TEXT).await;
    assert_eq!(after.tier(), Some(&ParameterTier::Advanced));
    assert_eq!(after.data_type(), Some("aws:ec2:image"));
    run(&program, "some-token", &["plan", "--detailed-exitcode"]).code(0);
}

fn bucket(encryption: &str) -> String {
    two_environments(&format!(
        "s3_bucket \"data\" {{\n  accounts = [account.dev]\n  bucket   = \"acme-kept-data\"\n  {encryption}\n}}\n"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_bucket_refuses_to_take_stays_refused() {
    let program = Program::new(&bucket(""));
    program.run(&["apply", "--auto-approve"]).code(0);
    let client = s3(&dev(&program).await);
    let by_default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(ServerSideEncryption::Aes256)
        .build()
        .expect("complete");
    let blocked = BlockedEncryptionTypes::builder().encryption_type(EncryptionType::SseC).build();
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(by_default)
        .blocked_encryption_types(blocked)
        .build();
    let configuration =
        ServerSideEncryptionConfiguration::builder().rules(rule).build().expect("complete");
    client
        .put_bucket_encryption()
        .bucket("acme-kept-data")
        .server_side_encryption_configuration(configuration)
        .send()
        .await
        .expect("put");
    program.run(&["plan", "--detailed-exitcode"]).code(0);

    let rule = async || {
        let read = client.get_bucket_encryption().bucket("acme-kept-data").send().await;
        let read = read.expect("read").server_side_encryption_configuration.expect("one");
        read.rules().first().expect("a rule").clone()
    };
    let types = |rule: &ServerSideEncryptionRule| {
        rule.blocked_encryption_types().map(|b| b.encryption_type().to_vec()).unwrap_or_default()
    };
    let dsse = "encryption {\n    algorithm  = \"aws:kms:dsse\"\n    kms_key_id = \"1234abcd-12ab-34cd-56ef-1234567890ab\"\n  }";
    program.write("main.hcl", &bucket(dsse));
    program.run(&["apply", "--auto-approve"]).code(0);
    let after = rule().await;
    let by_default = after.apply_server_side_encryption_by_default().expect("one");
    assert_eq!(by_default.sse_algorithm().as_str(), "aws:kms:dsse");
    assert_eq!(types(&after), [EncryptionType::SseC]);
    program.run(&["plan", "--detailed-exitcode"]).code(0);

    // Declared, it changes.
    program.write("main.hcl", &bucket(&format!("{dsse}\n  blocked_encryption_types = [\"NONE\"]")));
    program.run(&["apply", "--auto-approve"]).code(0);
    assert_eq!(types(&rule().await), [EncryptionType::None]);
    program.run(&["plan", "--detailed-exitcode"]).code(0);

    for (wrong, told) in [
        ("encryption {\n    algorithm = \"aws:kmss\"\n  }", "no encryption `aws:kmss`"),
        (
            "encryption {\n    algorithm  = \"AES256\"\n    kms_key_id = \"k\"\n  }",
            "uses no KMS key",
        ),
        ("blocked_encryption_types = [\"SSE-S3\"]", "cannot block `SSE-S3`"),
    ] {
        program.write("main.hcl", &bucket(wrong));
        let refused = program.run(&["validate"]).code(1);
        assert!(refused.err.contains(told), "{wrong}\n{}", refused.err);
    }
}

/// The tags that S3 holds of the bucket, ownership tags apart.
async fn bucket_tags(client: &aws_sdk_s3::Client) -> BTreeMap<String, String> {
    let read = client.get_bucket_tagging().bucket("acme-kept-data").send().await.expect("read");
    let pairs = read.tag_set.into_iter().map(|tag| (tag.key, tag.value));
    pairs.filter(|(key, _)| !key.starts_with("palisade:")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_that_decide_about_access_are_changed_one_by_one() {
    let program = Program::new(&bucket("tags = {\n    class = \"open\"\n    team  = \"web\"\n  }"));
    program.run(&["apply", "--auto-approve"]).code(0);
    let client = s3(&dev(&program).await);
    let status = async || {
        let read = client.get_bucket_abac().bucket("acme-kept-data").send().await.expect("read");
        read.abac_status.and_then(|abac| abac.status).expect("a status")
    };
    assert_eq!(status().await, BucketAbacStatus::Disabled);

    // Turned on by hand it stays so, and tags change all the same.
    let on = AbacStatus::builder().status(BucketAbacStatus::Enabled).build();
    client.put_bucket_abac().bucket("acme-kept-data").abac_status(on).send().await.expect("put");
    program.run(&["plan", "--detailed-exitcode"]).code(0);
    let refused = client.delete_bucket_tagging().bucket("acme-kept-data").send().await;
    assert!(refused.is_err(), "S3 takes no whole set of tags any more");
    program.write("main.hcl", &bucket("tags = {\n    class = \"secret\"\n    zone  = \"a\"\n  }"));
    program.run(&["apply", "--auto-approve"]).code(0);
    let pairs = [("class", "secret"), ("zone", "a")];
    let wanted = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(bucket_tags(&client).await, BTreeMap::from(wanted));
    assert_eq!(status().await, BucketAbacStatus::Enabled);
    program.run(&["plan", "--detailed-exitcode"]).code(0);

    // Declared, it changes, tags with it.
    program.write("main.hcl", &bucket("abac = false\n  tags = {\n    class = \"open\"\n  }"));
    program.run(&["apply", "--auto-approve"]).code(0);
    assert_eq!(status().await, BucketAbacStatus::Disabled);
    assert_eq!(
        bucket_tags(&client).await,
        BTreeMap::from([("class".to_owned(), "open".to_owned())])
    );
    program.write("main.hcl", &bucket("abac = true"));
    program.run(&["apply", "--auto-approve"]).code(0);
    assert_eq!(status().await, BucketAbacStatus::Enabled);
    assert!(bucket_tags(&client).await.is_empty());
    program.run(&["plan", "--detailed-exitcode"]).code(0);

    // Undeclared again it stays, and expressions read what it is.
    program.write("main.hcl", &bucket(""));
    program.run(&["apply", "--auto-approve"]).code(0);
    assert_eq!(status().await, BucketAbacStatus::Enabled);
    let read = program.run(&["console", "-e", "s3_bucket.data.at[\"dev\"].abac"]).code(0);
    assert_eq!(read.out.trim(), "true", "{}", read.err);
}

/// S3 User Guide, "Controlling ownership of objects and disabling ACLs for your bucket".
#[tokio::test(flavor = "multi_thread")]
async fn access_control_lists_are_an_assumption_of_walls_until_the_bucket_turns_them_off() {
    let program = Program::new(&bucket(""));
    program.run(&["apply", "--auto-approve"]).code(0);
    let client = s3(&dev(&program).await);
    let ownership = async || {
        let read = client.get_bucket_ownership_controls().bucket("acme-kept-data").send().await;
        let controls = read.expect("read").ownership_controls.expect("controls");
        controls.rules()[0].object_ownership().clone()
    };
    let rests = || {
        let plan = program.run(&["plan", "--json"]).code(0).json();
        let rows = plan["isolation"]["matrix"].as_array().expect("rows").clone();
        let of_dev = rows.iter().filter(|row| row["to"] == "dev");
        let all = of_dev.flat_map(|row| row["assumptions"].as_array().cloned().unwrap_or_default());
        all.filter(|one| one["kind"] == "access_lists").count()
    };
    assert_eq!(ownership().await, ObjectOwnership::BucketOwnerEnforced);
    assert_eq!(rests(), 0, "a new bucket has none");

    // If somebody turns them on by hand, they stay on, and the walls report it.
    let rule = OwnershipControlsRule::builder().object_ownership(ObjectOwnership::ObjectWriter);
    let on = OwnershipControls::builder().rules(rule.build().expect("complete"));
    let put = client.put_bucket_ownership_controls().bucket("acme-kept-data");
    put.ownership_controls(on.build().expect("complete")).send().await.expect("put");
    program.run(&["plan", "--detailed-exitcode"]).code(0);
    assert!(rests() > 0);

    program.write("main.hcl", &bucket("object_ownership = \"BucketOwnerEnforced\""));
    program.run(&["apply", "--auto-approve"]).code(0);
    assert_eq!(ownership().await, ObjectOwnership::BucketOwnerEnforced);
    assert_eq!(rests(), 0);

    program.write("main.hcl", &bucket("object_ownership = \"Everybody\""));
    let refused = program.run(&["validate"]).code(1);
    assert!(refused.err.contains("`Everybody` is not a valid Object Ownership"), "{}", refused.err);
}
