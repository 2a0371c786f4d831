//! Policies on resources in reviews over the accounts as they are, and in the folders that these write.

use serde_json::{Value, json};

use crate::resource_walls::Beside;
use crate::support::wire::Act;

/// An estate that was applied, and the flags of its reviews.
struct Estate {
    beside: Beside,
    flags: Vec<String>,
    dumps: std::cell::Cell<usize>,
}

impl Estate {
    fn new() -> Self {
        let beside = Beside::new("");
        let mut flags: Vec<String> = ["review", "--fail-on", "none"].map(str::to_owned).into();
        for account in ["dev", "production"] {
            flags.push("-e".to_owned());
            flags.push(format!("{account}={}", beside.id(account)));
        }
        Self { beside, flags, dumps: std::cell::Cell::default() }
    }

    fn run(&self, more: &[&str]) -> Value {
        let args: Vec<&str> = self.flags.iter().map(String::as_str).chain(more.to_vec()).collect();
        self.beside.wire.run(&self.beside.p, &[&args[..], &["--json"]].concat()).code(0).json()
    }

    /// A review of the accounts as they are, which is what one of the folder that is written of them says.
    #[track_caller]
    fn review(&self) -> Value {
        self.dumps.set(self.dumps.get() + 1);
        let dir = format!("dumps-{}", self.dumps.get());
        let live = self.run(&["--read-role", "OrganizationAccountAccessRole"]);
        let (wire, p) = (&self.beside.wire, &self.beside.p);
        let wrote = wire.run(p, &["review", "--dump", &dir]).code(0).out;
        for what in live["change"]["not_read"].as_array().expect("a list") {
            let (account, what) = what.as_str().and_then(|w| w.split_once(": ")).expect("a phrase");
            assert!(wrote.contains(&format!("not read: {account}: {what}")), "{wrote}");
        }
        assert_eq!(self.run(&["--accounts", &dir]), live);
        live
    }
}

/// The row of the wall from dev to production.
fn row(review: &Value) -> &Value {
    let rows = review["isolation"]["matrix"].as_array().expect("a matrix");
    let row = rows.iter().find(|row| row["from"] == "dev" && row["to"] == "production");
    row.expect("a row")
}

fn verdict(review: &Value) -> &str {
    row(review)["after"].as_str().expect("a verdict")
}

/// The types that the proof of the wall rests on.
fn types(review: &Value) -> Vec<String> {
    let all = row(review)["assumptions"].as_array().cloned().unwrap_or_default();
    let policies = all.iter().filter(|one| one["kind"] == "resource_policies");
    let objects = policies.flat_map(|one| one["objects"].as_array().expect("types").clone());
    objects.map(|of| of.as_str().expect("a name").to_owned()).collect()
}

fn letting_in(action: &str) -> Value {
    let statement =
        json!({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": action, "Resource": "*"});
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

#[test]
fn a_policy_that_nobody_dumped_opens_a_wall() {
    let estate = Estate::new();
    let make = |region: &str, ty: &str, properties: Value| {
        estate.beside.make(region, ty, &properties);
    };
    make("eu-west-1", "AWS::SQS::Queue", json!({ "QueueName": "own" }));
    let shut = estate.review();
    assert_eq!(verdict(&shut), "isolated");
    let rests = types(&shut);
    assert!(rests.iter().any(|of| of == "AWS::Kinesis::Stream"), "{rests:?}");
    assert!(!rests.iter().any(|of| of == "AWS::KMS::Key"), "{rests:?}");
    make("us-east-2", "AWS::KMS::Key", json!({ "KeyPolicy": letting_in("kms:Decrypt") }));
    let open = estate.review();
    assert_eq!(verdict(&open), "reachable");
    let told = open["isolation"].to_string();
    assert!(told.contains("arn:aws:kms:us-east-2:"), "{told}");

    let other = Estate::new();
    let url = other.beside.make("eu-west-1", "AWS::SQS::Queue", &json!({ "QueueName": "orders" }));
    assert_eq!(verdict(&other.review()), "isolated");
    let policy = letting_in("sqs:SendMessage");
    let inline = json!({ "Queue": url, "PolicyDocument": policy });
    other.beside.make("eu-west-1", "AWS::SQS::QueueInlinePolicy", &inline);
    assert_eq!(verdict(&other.review()), "reachable");
}

#[test]
fn what_could_not_be_read_is_said_live_and_dumped() {
    let estate = Estate::new();
    estate.beside.make("eu-west-1", "AWS::KMS::Key", &json!({}));
    for operation in ["ListKeys", "GetKeyPolicy"] {
        estate.beside.wire.rule(move |arrived| match arrived.operation == operation {
            true => Act::json(400, "AccessDeniedException", "not for you"),
            false => Act::Pass,
        });
        let review = estate.review();
        assert_eq!(verdict(&review), "undetermined", "{operation}");
        let told = review["change"]["not_read"].to_string();
        assert!(told.contains("AWS::KMS::Key") && told.contains("not for you"), "{told}");
    }
    // A Region that the organization has closed is named, and the rest counts.
    estate.beside.make("us-east-2", "AWS::SQS::Queue", &json!({ "QueueName": "far" }));
    estate.beside.wire.rule(|arrived| match arrived.operation.as_str() {
        "ListKeys" if arrived.region == "us-east-2" => Act::json(
            400,
            "AccessDeniedException",
            "User is not authorized to perform: kms:ListKeys with an explicit deny in a service control policy",
        ),
        _ => Act::Pass,
    });
    let review = estate.review();
    assert_eq!(verdict(&review), "isolated");
    assert!(types(&review).contains(&"AWS::KMS::Key in us-east-2".to_owned()), "{review}");
    // SecurityAudit lets nobody ask for the Regions.
    estate.beside.wire.rule(|arrived| match arrived.path.contains("listRegions") {
        true => Act::json(403, "AccessDeniedException", "not for you"),
        false => Act::Pass,
    });
    let review = estate.review();
    assert_eq!(verdict(&review), "isolated");
    assert!(types(&review).contains(&"AWS::KMS::Key outside eu-west-1".to_owned()), "{review}");
    assert_eq!(review["change"]["not_read"], json!([]));
}

/// Grants on keys are in the folder, too; one that nobody asked for is named.
#[test]
fn a_grant_opens_a_wall_live_and_dumped() {
    let estate = Estate::new();
    let key = estate.beside.make("eu-west-1", "AWS::KMS::Key", &json!({}));
    let role = format!("arn:aws:iam::{}:role/ci", estate.beside.id("dev"));
    let shut = estate.review();
    assert_eq!(verdict(&shut), "isolated");
    assert!(!types(&shut).iter().any(|of| of.contains("grants of")), "{shut}");
    let dump =
        format!("dumps-1/accounts/{}/resource-policies.json", estate.beside.id("production"));
    let path = estate.beside.p.path().join(dump);
    let mut old: Value =
        serde_json::from_str(&std::fs::read_to_string(&path).expect("a file")).expect("JSON");
    for resource in old["resources"].as_array_mut().expect("a list") {
        resource.as_object_mut().expect("an object").remove("grants").expect("grants");
    }
    std::fs::write(&path, old.to_string()).expect("written");
    let without = estate.run(&["--accounts", "dumps-1"]);
    assert_eq!(verdict(&without), "isolated");
    assert!(types(&without).contains(&"grants of AWS::KMS::Key".to_owned()), "{without}");

    estate.beside.inside("production", "eu-west-1", async |sdk| {
        let grant = aws_sdk_kms::Client::new(sdk).create_grant().key_id(&key);
        let grant = grant.grantee_principal(&role).operations("Decrypt".into());
        grant.send().await.expect("granted");
    });
    assert_eq!(verdict(&estate.review()), "reachable");
    estate.beside.wire.rule(|arrived| match arrived.operation == "ListGrants" {
        true => Act::json(400, "AccessDeniedException", "not for you"),
        false => Act::Pass,
    });
    let unread = estate.review();
    assert_eq!(verdict(&unread), "undetermined");
    let told = unread["change"]["not_read"].to_string();
    assert!(told.contains("the grants on one `AWS::KMS::Key` could not be read"), "{told}");
}
