//! Tests of Parameter Store through the SDK.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{ParameterTier, ParameterType, ResourceTypeForTagging, Tag};

use crate::sandbox::tests::{code, config_in, management, sandbox};

async fn client() -> Client {
    Client::new(&management(&sandbox().await))
}

async fn put(ssm: &Client, name: &str, value: &str, kind: ParameterType) -> Result<i64, String> {
    let sent =
        ssm.put_parameter().name(name).value(value).r#type(kind).overwrite(true).send().await;
    sent.map(|answer| answer.version()).map_err(|e| code(&e))
}

#[tokio::test]
async fn what_aws_refuses_is_refused() {
    let ssm = client().await;
    use ParameterType::String as Text;
    for (name, value) in [
        ("/a", ""),
        ("/a", "{{ssm:other}}"),
        ("a/b", "x"),
        ("/a/", "x"),
        ("/aws/x", "x"),
        ("SSM-x", "x"),
        ("/a b", "x"),
        ("/a", "x".repeat(4097).as_str()),
    ] {
        assert_eq!(
            put(&ssm, name, value, Text).await.unwrap_err(),
            "ValidationException",
            "{name}"
        );
    }
    let deep = "/a".repeat(16);
    assert_eq!(
        put(&ssm, &deep, "x", Text).await.unwrap_err(),
        "HierarchyLevelLimitExceededException"
    );
    assert_eq!(put(&ssm, "/a", &"x".repeat(4096), Text).await, Ok(1));
    assert_eq!(
        put(&ssm, "/a", "x", ParameterType::SecureString).await.unwrap_err(),
        "HierarchyTypeMismatchException"
    );
    let large = |tier| {
        ssm.put_parameter().name("/big").value("x".repeat(8192)).r#type(Text).tier(tier).send()
    };
    assert!(large(ParameterTier::Standard).await.is_err());
    let kept = large(ParameterTier::IntelligentTiering).await.expect("kept");
    assert_eq!(kept.tier(), Some(&ParameterTier::Advanced));
    let again = ssm.put_parameter().name("/a").value("y").r#type(Text).send().await.unwrap_err();
    assert_eq!(code(&again), "ParameterAlreadyExists");
    let both = ssm
        .put_parameter()
        .name("/a")
        .value("y")
        .overwrite(true)
        .tags(Tag::builder().key("a").value("b").build().expect("a tag"))
        .send()
        .await
        .unwrap_err();
    assert_eq!(code(&both), "ValidationException");
    let missing = ssm.get_parameter().name("/none").send().await.unwrap_err();
    assert_eq!(code(&missing), "ParameterNotFound");
}

#[tokio::test]
async fn secrets_are_hidden_unless_decryption_is_asked_for() {
    let ssm = client().await;
    put(&ssm, "/s", "hunter2 ü", ParameterType::SecureString).await.expect("put");
    let read = |decrypt| ssm.get_parameter().name("/s").with_decryption(decrypt).send();
    let hidden = read(false).await.expect("read");
    let hidden = hidden.parameter().and_then(|p| p.value()).expect("a value");
    assert!(hidden.starts_with("AQICAH") && !hidden.contains("hunter2"));
    let open = read(true).await.expect("read");
    assert_eq!(open.parameter().and_then(|p| p.value()), Some("hunter2 ü"));
    let meta = ssm.describe_parameters().send().await.expect("described");
    assert_eq!(meta.parameters().first().and_then(|p| p.key_id()), Some("alias/aws/ssm"));
}

#[tokio::test]
async fn paths_come_ten_to_a_page() {
    let ssm = client().await;
    for n in 0..23 {
        put(&ssm, &format!("/est/dev/app/{n:02}"), "x", ParameterType::String).await.expect("put");
    }
    put(&ssm, "/est/other", "x", ParameterType::String).await.expect("put");
    let mut pages =
        ssm.get_parameters_by_path().path("/est").recursive(true).into_paginator().send();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        sizes.push(page.expect("a page").parameters().len());
    }
    assert_eq!(sizes, [10, 10, 4]);
    let flat = ssm.get_parameters_by_path().path("/est").send().await.expect("listed");
    assert_eq!(flat.parameters().len(), 1);
    let eleven =
        ssm.get_parameters_by_path().path("/est").max_results(11).send().await.unwrap_err();
    assert_eq!(code(&eleven), "ValidationException");
}

#[tokio::test]
async fn versions_labels_and_tags() {
    let ssm = client().await;
    for value in ["one", "two", "three"] {
        put(&ssm, "/v", value, ParameterType::String).await.expect("put");
    }
    ssm.label_parameter_version()
        .name("/v")
        .parameter_version(1)
        .labels("old")
        .send()
        .await
        .expect("labelled");
    for (selector, expected) in [("/v", "three"), ("/v:2", "two"), ("/v:old", "one")] {
        let read = ssm.get_parameter().name(selector).send().await.expect("read");
        assert_eq!(read.parameter().and_then(|p| p.value()), Some(expected));
    }
    ssm.label_parameter_version()
        .name("/v")
        .parameter_version(3)
        .labels("old")
        .send()
        .await
        .expect("moved");
    let history = ssm.get_parameter_history().name("/v").send().await.expect("history");
    let labels: Vec<usize> = history.parameters().iter().map(|p| p.labels().len()).collect();
    assert_eq!(labels, [0, 0, 1]);
    let missing = ssm.get_parameter().name("/v:9").send().await.unwrap_err();
    assert_eq!(code(&missing), "ParameterVersionNotFound");
    let kind = ResourceTypeForTagging::Parameter;
    ssm.add_tags_to_resource()
        .resource_type(kind.clone())
        .resource_id("/v")
        .tags(Tag::builder().key("a").value("b").build().expect("a tag"))
        .send()
        .await
        .expect("tagged");
    let tags = ssm
        .list_tags_for_resource()
        .resource_type(kind)
        .resource_id("/v")
        .send()
        .await
        .expect("listed");
    assert_eq!(tags.tag_list().len(), 1);
    ssm.delete_parameter().name("/v").send().await.expect("deleted");
    assert_eq!(put(&ssm, "/v", "again", ParameterType::String).await, Ok(1));
}

#[tokio::test]
async fn regions_and_accounts_are_apart() {
    let sandbox = sandbox().await;
    let here = Client::new(&management(&sandbox));
    put(&here, "/x", "1", ParameterType::String).await.expect("put");
    let there = config_in(&sandbox, sandbox.management_credentials(), "us-east-1");
    let missing = Client::new(&there).get_parameter().name("/x").send().await.unwrap_err();
    assert_eq!(code(&missing), "ParameterNotFound");
}
