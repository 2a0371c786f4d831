//! Tests of object storage through the SDK.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, Delete,
    ObjectIdentifier, VersioningConfiguration,
};

use crate::sandbox::Sandbox;
use crate::sandbox::tests::{code, management, member, sandbox};

async fn bucket(sandbox: &Sandbox, versioned: bool) -> Client {
    let s3 = Client::new(&management(sandbox));
    make(&s3, "state").await.expect("created");
    if versioned {
        let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        s3.put_bucket_versioning()
            .bucket("state")
            .versioning_configuration(on)
            .send()
            .await
            .expect("on");
    }
    s3
}

async fn make(s3: &Client, name: &str) -> Result<(), String> {
    let place = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::EuWest1)
        .build();
    let sent = s3.create_bucket().bucket(name).create_bucket_configuration(place).send().await;
    sent.map(|_| ()).map_err(|e| code(&e))
}

async fn put(s3: &Client, key: &str, body: &'static str) -> String {
    let body = ByteStream::from_static(body.as_bytes());
    let answer = s3.put_object().bucket("state").key(key).body(body).send().await.expect("put");
    answer.e_tag().expect("etag").to_owned()
}

async fn text(s3: &Client, key: &str) -> String {
    let answer = s3.get_object().bucket("state").key(key).send().await.expect("got");
    let bytes = answer.body.collect().await.expect("read").into_bytes();
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[tokio::test]
async fn writes_are_compare_and_swap() {
    let sandbox = sandbox().await;
    let s3 = bucket(&sandbox, true).await;
    let first = |body: &'static str| {
        s3.put_object()
            .bucket("state")
            .key("a/b ü.json")
            .if_none_match("*")
            .body(ByteStream::from_static(body.as_bytes()))
            .send()
    };
    let etag = first("one").await.expect("first").e_tag().expect("etag").to_owned();
    assert_eq!(code(&first("two").await.unwrap_err()), "PreconditionFailed");
    let swap = |etag: String, key: &'static str| {
        s3.put_object()
            .bucket("state")
            .key(key)
            .if_match(etag)
            .body(ByteStream::from_static(b"next"))
            .send()
    };
    let next = swap(etag.clone(), "a/b ü.json").await.expect("swapped");
    assert_ne!(next.e_tag(), Some(etag.as_str()));
    let lost = swap(etag.clone(), "a/b ü.json").await.unwrap_err();
    assert_eq!(lost.raw_response().map(|r| r.status().as_u16()), Some(412));
    let absent = swap(etag, "absent").await.unwrap_err();
    assert_eq!(code(&absent), "NoSuchKey");
    assert_eq!(absent.raw_response().map(|r| r.status().as_u16()), Some(404));
    assert_eq!(text(&s3, "a/b ü.json").await, "next");
}

#[tokio::test]
async fn one_of_twenty_racers_wins() {
    let sandbox = sandbox().await;
    let s3 = bucket(&sandbox, true).await;
    let races = (0..20).map(|n| {
        s3.put_object()
            .bucket("state")
            .key("lock")
            .if_none_match("*")
            .body(ByteStream::from(format!("{n}").into_bytes()))
            .send()
    });
    let results = futures::future::join_all(races).await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
}

#[tokio::test]
async fn versions_and_delete_markers_are_kept_in_order() {
    let sandbox = sandbox().await;
    let s3 = bucket(&sandbox, true).await;
    for body in ["1", "2", "3"] {
        put(&s3, "k", body).await;
    }
    let gone = s3.delete_object().bucket("state").key("k").send().await.expect("deleted");
    assert_eq!(gone.delete_marker(), Some(true));
    assert_eq!(
        code(&s3.get_object().bucket("state").key("k").send().await.unwrap_err()),
        "NoSuchKey"
    );
    put(&s3, "k", "4").await;
    let all = s3.list_object_versions().bucket("state").send().await.expect("listed");
    assert_eq!(all.versions().len(), 4);
    assert_eq!(all.delete_markers().len(), 1);
    let latest: Vec<_> = all.versions().iter().filter(|v| v.is_latest() == Some(true)).collect();
    assert_eq!(latest.len(), 1);
    // pages: every version once
    let (mut seen, mut key, mut version) = (0, None, None);
    loop {
        let page = s3
            .list_object_versions()
            .bucket("state")
            .max_keys(2)
            .set_key_marker(key)
            .set_version_id_marker(version)
            .send()
            .await
            .expect("a page");
        seen += page.versions().len() + page.delete_markers().len();
        if page.is_truncated() != Some(true) {
            break;
        }
        key = page.next_key_marker().map(str::to_owned);
        version = page.next_version_id_marker().map(str::to_owned);
    }
    assert_eq!(seen, 5);
    let old = all.versions().last().and_then(|v| v.version_id()).expect("an id");
    let got = s3.get_object().bucket("state").key("k").version_id(old).send().await.expect("got");
    assert_eq!(got.body.collect().await.expect("read").into_bytes().as_ref(), b"1");
    let full = s3.delete_bucket().bucket("state").send().await.unwrap_err();
    assert_eq!(code(&full), "BucketNotEmpty");
    let every: Vec<ObjectIdentifier> = all
        .versions()
        .iter()
        .map(|v| (v.key(), v.version_id()))
        .chain(all.delete_markers().iter().map(|m| (m.key(), m.version_id())))
        .map(|(key, id)| {
            let one = ObjectIdentifier::builder()
                .key(key.expect("key"))
                .set_version_id(id.map(str::to_owned));
            one.build().expect("whole")
        })
        .collect();
    let delete = Delete::builder().set_objects(Some(every)).build().expect("whole");
    s3.delete_objects().bucket("state").delete(delete).send().await.expect("deleted");
    s3.delete_bucket().bucket("state").send().await.expect("empty");
}

#[tokio::test]
async fn lists_have_prefixes_and_pages() {
    let sandbox = sandbox().await;
    let s3 = bucket(&sandbox, false).await;
    for key in ["p/a/1", "p/a/2", "p/b/1", "p/c", "p/é/1", "q"] {
        put(&s3, key, "x").await;
    }
    let mut pages = s3
        .list_objects_v2()
        .bucket("state")
        .prefix("p/")
        .delimiter("/")
        .max_keys(1)
        .into_paginator()
        .send();
    let (mut keys, mut prefixes) = (Vec::new(), Vec::new());
    while let Some(page) = pages.next().await {
        let page = page.expect("a page");
        keys.extend(page.contents().iter().filter_map(|o| o.key().map(str::to_owned)));
        prefixes
            .extend(page.common_prefixes().iter().filter_map(|p| p.prefix().map(str::to_owned)));
    }
    assert_eq!(keys, ["p/c"]);
    assert_eq!(prefixes, ["p/a/", "p/b/", "p/é/"]);
    let mut pages =
        s3.list_objects_v2().bucket("state").prefix("p/").max_keys(2).into_paginator().send();
    let mut count = 0;
    while let Some(page) = pages.next().await {
        count += page.expect("a page").contents().len();
    }
    assert_eq!(count, 5);
}

#[tokio::test]
async fn streams_metadata_dates_and_heads() {
    let sandbox = sandbox().await;
    let s3 = bucket(&sandbox, false).await;
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("file");
    let content = "streamed ".repeat(20_000);
    std::fs::write(&path, &content).expect("written");
    let body = ByteStream::from_path(&path).await.expect("a stream");
    s3.put_object()
        .bucket("state")
        .key("file")
        .metadata("who", "me")
        .content_type("text/plain")
        .body(body)
        .send()
        .await
        .expect("put");
    assert_eq!(text(&s3, "file").await, content);
    let head = s3.head_object().bucket("state").key("file").send().await.expect("head");
    assert_eq!(head.content_length(), Some(180_000));
    assert_eq!(head.metadata().and_then(|m| m.get("who")).map(String::as_str), Some("me"));
    assert_eq!(head.content_type(), Some("text/plain"));
    let missing = s3.head_object().bucket("state").key("none").send().await.unwrap_err();
    assert!(missing.as_service_error().is_some_and(|e| e.is_not_found()));
    assert_eq!(
        missing.raw_response().and_then(|r| r.headers().get("date")),
        Some("Mon, 21 Sep 2026 14:13:20 GMT")
    );
}

#[tokio::test]
async fn buckets_are_global_and_others_cannot_reach_in() {
    let sandbox = sandbox().await;
    let s3 = bucket(&sandbox, false).await;
    let (config, _) = member(&sandbox, "dev").await;
    let other = Client::new(&config);
    assert_eq!(make(&other, "state").await.unwrap_err(), "BucketAlreadyExists");
    assert_eq!(make(&s3, "state").await.unwrap_err(), "BucketAlreadyOwnedByYou");
    assert_eq!(make(&s3, "Not_a_name").await.unwrap_err(), "InvalidBucketName");
    let refused = other.list_objects_v2().bucket("state").send().await.unwrap_err();
    assert_eq!(code(&refused), "AccessDenied");
    assert!(other.list_buckets().send().await.expect("listed").buckets().is_empty());
    let none = s3.get_bucket_policy().bucket("state").send().await.unwrap_err();
    assert_eq!(code(&none), "NoSuchBucketPolicy");
    let public = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::state/*"}]}"#;
    let refused = s3.put_bucket_policy().bucket("state").policy(public).send().await.unwrap_err();
    assert_eq!(code(&refused), "AccessDenied");
    let block = s3.get_public_access_block().bucket("state").send().await.expect("on by default");
    let block = block.public_access_block_configuration().expect("configuration");
    assert_eq!(block.block_public_policy(), Some(true));
    let encryption = s3.get_bucket_encryption().bucket("state").send().await.expect("by default");
    assert!(
        encryption.server_side_encryption_configuration().is_some_and(|c| c.rules().len() == 1)
    );
}
