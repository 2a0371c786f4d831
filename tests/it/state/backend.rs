//! The bucket that `init --create-backend` makes, asked by plain SDK calls.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, ObjectOwnership, ServerSideEncryption};
use palisade::sandbox::{self, Sandbox};
use palisade::state::bootstrap::{Bucket, create_backend};

use super::stores::sandbox_config;

const NAME: &str = "acme-state";

/// A state bucket, and a client that speaks TLS and one that does not.
async fn made(require_conditional_writes: bool) -> (Client, Client) {
    let options = sandbox::Options { enforce: true, ..sandbox::Options::default() };
    let sandbox = Sandbox::in_memory(options).await;
    let config = sandbox_config(&sandbox);
    let secure = Client::new(&config);
    let bucket = Bucket {
        name: NAME.to_owned(),
        region: "eu-west-1".into(),
        partition: "aws".into(),
        prefix: "estate/".into(),
        kms_key: Some("alias/state".into()),
        require_conditional_writes,
        plain_http: false,
    };
    // What was interrupted half-way is finished by the next.
    for _ in 0..2 {
        create_backend(&secure, &bucket).await.expect("made");
    }
    let plain = aws_sdk_s3::config::Builder::from(&config)
        .endpoint_url("http://s3.eu-west-1.amazonaws.com")
        .force_path_style(true)
        .build();
    (secure, Client::from_conf(plain))
}

/// How a write ends: with `ok`, or with an error's code.
async fn put(client: &Client, key: &str, condition: Option<&str>) -> String {
    let request = client.put_object().bucket(NAME).key(key).body(ByteStream::from_static(b"{}"));
    let request = match condition {
        Some("*") => request.if_none_match("*"),
        other => request.set_if_match(other.map(str::to_owned)),
    };
    match request.send().await {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.code().unwrap_or("no code").to_owned(),
    }
}

async fn etag(client: &Client, key: &str) -> String {
    let head = client.head_object().bucket(NAME).key(key).send().await.expect("there");
    head.e_tag().expect("a tag").to_owned()
}

#[tokio::test]
async fn it_keeps_versions_is_encrypted_and_closed_to_the_public() {
    let (s3, _) = made(true).await;
    let versioning = s3.get_bucket_versioning().bucket(NAME).send().await.expect("told");
    assert_eq!(versioning.status(), Some(&BucketVersioningStatus::Enabled));
    let encryption = s3.get_bucket_encryption().bucket(NAME).send().await.expect("told");
    let rules = encryption.server_side_encryption_configuration().expect("one").rules();
    let default = rules[0].apply_server_side_encryption_by_default().expect("one");
    assert_eq!(default.sse_algorithm(), &ServerSideEncryption::AwsKms);
    assert_eq!(default.kms_master_key_id(), Some("alias/state"));
    let block = s3.get_public_access_block().bucket(NAME).send().await.expect("told");
    let block = block.public_access_block_configuration().expect("one");
    let all = [
        block.block_public_acls(),
        block.block_public_policy(),
        block.ignore_public_acls(),
        block.restrict_public_buckets(),
    ];
    assert_eq!(all, [Some(true); 4]);
    let controls = s3.get_bucket_ownership_controls().bucket(NAME).send().await.expect("told");
    let rules = controls.ownership_controls().expect("one").rules();
    assert_eq!(rules[0].object_ownership(), &ObjectOwnership::BucketOwnerEnforced);
}

#[tokio::test]
async fn it_answers_over_tls_alone() {
    let (secure, plain) = made(true).await;
    let key = "estate/scopes/org/state.json";
    assert_eq!(put(&plain, key, Some("*")).await, "AccessDenied");
    assert_eq!(put(&secure, key, Some("*")).await, "ok");
    let read = plain.get_object().bucket(NAME).key(key).send().await.expect_err("refused");
    assert_eq!(read.code(), Some("AccessDenied"));
    let list = plain.list_objects_v2().bucket(NAME).send().await.expect_err("refused");
    assert_eq!(list.code(), Some("AccessDenied"));
    secure.get_object().bucket(NAME).key(key).send().await.expect("read");
}

#[tokio::test]
async fn it_takes_state_with_a_condition_alone_and_keeps_records() {
    let (s3, _) = made(true).await;
    for key in
        ["estate/palisade.json", "estate/scopes/org/state.json", "estate/scopes/org/lock.json"]
    {
        assert_eq!(put(&s3, key, None).await, "AccessDenied", "{key}");
        assert_eq!(put(&s3, key, Some("*")).await, "ok", "{key}");
        assert_eq!(put(&s3, key, None).await, "AccessDenied", "{key}");
        let tag = etag(&s3, key).await;
        assert_eq!(put(&s3, key, Some(&tag)).await, "ok", "{key}");
    }
    // A record is written once, and stays.
    for key in ["estate/audit/00000001.json", "estate/releases/app/0123.json"] {
        assert_eq!(put(&s3, key, Some("*")).await, "ok", "{key}");
        let tag = etag(&s3, key).await;
        assert_eq!(put(&s3, key, Some(&tag)).await, "AccessDenied", "{key}");
        let gone = s3.delete_object().bucket(NAME).key(key).send().await.expect_err("refused");
        assert_eq!(gone.code(), Some("AccessDenied"), "{key}");
    }
    // A journal that was folded goes.
    let journal = "estate/scopes/org/journal/r/00000001.json";
    assert_eq!(put(&s3, journal, Some("*")).await, "ok");
    s3.delete_object().bucket(NAME).key(journal).send().await.expect("deleted");
    // Where a server does not know the keys, TLS and the records' safety are left.
    let (s3, plain) = made(false).await;
    assert_eq!(put(&s3, "estate/scopes/org/state.json", None).await, "ok");
    assert_eq!(put(&plain, "estate/scopes/org/state.json", None).await, "AccessDenied");
}
