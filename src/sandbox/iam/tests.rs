//! Tests of IAM through the SDK.

use aws_sdk_iam::Client;
use aws_sdk_iam::types::{EntityType, Tag};

use crate::sandbox::tests::{assume, code, config, management, member, options, sandbox, with};
use crate::sandbox::{Faults, Options};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}]}"#;
const READ: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::größe/*"}]}"#;

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().expect("a tag")
}

async fn role(iam: &Client, name: &str) {
    iam.create_role()
        .role_name(name)
        .assume_role_policy_document(TRUST)
        .send()
        .await
        .expect("created");
}

#[tokio::test]
async fn a_role_keeps_everything_that_it_was_given() {
    let sandbox = sandbox().await;
    let iam = Client::new(&management(&sandbox));
    let boundary = iam
        .create_policy()
        .policy_name("boundary")
        .policy_document(READ)
        .send()
        .await
        .expect("created");
    let boundary = boundary.policy().and_then(|p| p.arn()).expect("arn").to_owned();
    iam.create_role()
        .role_name("deploy")
        .path("/ci/")
        .assume_role_policy_document(TRUST)
        .description("Déploie")
        .max_session_duration(7200)
        .permissions_boundary(&boundary)
        .tags(tag("team", "platform"))
        .send()
        .await
        .expect("created");
    iam.put_role_policy()
        .role_name("deploy")
        .policy_name("read")
        .policy_document(READ)
        .send()
        .await
        .expect("put");
    iam.attach_role_policy()
        .role_name("deploy")
        .policy_arn("arn:aws:iam::aws:policy/ReadOnlyAccess")
        .send()
        .await
        .expect("attached");
    let read = iam.get_role().role_name("deploy").send().await.expect("read");
    let read = read.role().expect("role");
    assert_eq!(read.arn(), "arn:aws:iam::111111111111:role/ci/deploy");
    assert!(read.role_id().starts_with("AROA") && read.role_id().len() == 21);
    assert_eq!(read.description(), Some("Déploie"));
    assert_eq!(read.max_session_duration(), Some(7200));
    assert_eq!(
        read.permissions_boundary().and_then(|b| b.permissions_boundary_arn()),
        Some(boundary.as_str())
    );
    assert_eq!(read.tags().first().map(|t| (t.key(), t.value())), Some(("team", "platform")));
    let document = read.assume_role_policy_document().expect("document");
    assert!(document.starts_with("%7B%22Version%22%3A%222012-10-17%22"), "{document}");

    let details = iam
        .get_account_authorization_details()
        .filter(EntityType::Role)
        .send()
        .await
        .expect("details");
    let detail = details
        .role_detail_list()
        .iter()
        .find(|r| r.role_name() == Some("deploy"))
        .expect("listed");
    assert_eq!(detail.tags().len(), 1);
    assert_eq!(
        detail.permissions_boundary().and_then(|b| b.permissions_boundary_arn()),
        Some(boundary.as_str())
    );
    assert_eq!(
        detail.attached_managed_policies().first().and_then(|p| p.policy_arn()),
        Some("arn:aws:iam::aws:policy/ReadOnlyAccess")
    );
    let inline = detail.role_policy_list().first().expect("inline");
    let text = percent_encoding::percent_decode_str(inline.policy_document().expect("text"))
        .decode_utf8()
        .expect("text")
        .into_owned();
    assert_eq!(text, READ);
    assert!(details.policies().is_empty() && details.user_detail_list().is_empty());
}

#[tokio::test]
async fn lists_come_in_pages_and_without_tags() {
    let sandbox = sandbox().await;
    let iam = Client::new(&management(&sandbox));
    for n in 0..7 {
        role(&iam, &format!("role-{n}")).await;
    }
    let mut pages = iam.list_roles().into_paginator().page_size(3).send();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        sizes.push(page.expect("a page").roles().len());
    }
    assert_eq!(sizes, [3, 3, 1]);
    let mut pages = iam.get_account_authorization_details().max_items(2).into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.expect("a page");
        names.extend(
            page.role_detail_list().iter().filter_map(|r| r.role_name().map(str::to_owned)),
        );
    }
    assert_eq!(names.len(), 7);
}

#[tokio::test]
async fn what_aws_refuses_is_refused() {
    let sandbox = sandbox().await;
    let iam = Client::new(&management(&sandbox));
    role(&iam, "one").await;
    let create = |name: &str, trust: &str| {
        iam.create_role().role_name(name).assume_role_policy_document(trust).send()
    };
    assert_eq!(code(&create("ONE", TRUST).await.unwrap_err()), "EntityAlreadyExists");
    assert_eq!(code(&create("a b", TRUST).await.unwrap_err()), "ValidationError");
    for bad in [
        "{",
        "{}",
        r#"{"Version":"2012-10-17","Statement":[]}"#,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}"#,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:role/nobody"},"Action":"sts:AssumeRole"}]}"#,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}]}"#,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}]}"#,
    ] {
        assert_eq!(
            code(&create("two", bad).await.unwrap_err()),
            "MalformedPolicyDocument",
            "{bad}"
        );
    }
    let long = TRUST.replace("111111111111", &format!("{}111111111111", " ".repeat(0)));
    assert!(create("three", &long).await.is_ok());
    let huge = format!(
        r#"{{"Version":"2012-10-17","Statement":[{}]}}"#,
        vec![
            r#"{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}"#;
            40
        ]
        .join(",")
    );
    assert_eq!(code(&create("four", &huge).await.unwrap_err()), "LimitExceeded");
    let attach = |arn: &str| iam.attach_role_policy().role_name("one").policy_arn(arn).send();
    assert_eq!(
        code(&attach("arn:aws:iam::aws:policy/NoSuchThing").await.unwrap_err()),
        "NoSuchEntity"
    );
    assert!(attach("arn:aws:iam::aws:policy/job-function/ViewOnlyAccess").await.is_ok());
    let refused = iam
        .put_role_permissions_boundary()
        .role_name("one")
        .permissions_boundary("arn:aws:iam::111111111111:policy/none")
        .send()
        .await
        .unwrap_err();
    assert_eq!(code(&refused), "NoSuchEntity");
    let refused = iam.delete_role().role_name("one").send().await.unwrap_err();
    assert_eq!(code(&refused), "DeleteConflict");
    let refused = iam.get_role().role_name("none").send().await.unwrap_err();
    assert_eq!(code(&refused), "NoSuchEntity");
    assert_eq!(refused.raw_response().map(|r| r.status().as_u16()), Some(404));
    let refused = iam.tag_role().role_name("one").tags(tag("aws:x", "y")).send().await.unwrap_err();
    assert_eq!(code(&refused), "InvalidInput");
}

#[tokio::test]
async fn a_policy_has_five_versions_at_most() {
    let sandbox = sandbox().await;
    let iam = Client::new(&management(&sandbox));
    let made =
        iam.create_policy().policy_name("p").policy_document(READ).send().await.expect("made");
    let arn = made.policy().and_then(|p| p.arn()).expect("arn").to_owned();
    let add = || {
        iam.create_policy_version()
            .policy_arn(&arn)
            .policy_document(READ)
            .set_as_default(true)
            .send()
    };
    for _ in 0..4 {
        add().await.expect("added");
    }
    assert_eq!(code(&add().await.unwrap_err()), "LimitExceeded");
    let refused =
        iam.delete_policy_version().policy_arn(&arn).version_id("v5").send().await.unwrap_err();
    assert_eq!(code(&refused), "DeleteConflict");
    iam.delete_policy_version().policy_arn(&arn).version_id("v1").send().await.expect("deleted");
    let next = add().await.expect("added");
    assert_eq!(next.policy_version().and_then(|v| v.version_id()), Some("v6"));
    let listed = iam.list_policy_versions().policy_arn(&arn).send().await.expect("listed");
    assert_eq!(listed.versions().len(), 5);
    let deleted = iam.delete_policy().policy_arn(&arn).send().await.unwrap_err();
    assert_eq!(code(&deleted), "DeleteConflict");
    let long = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::{}"}}]}}"#,
        "x".repeat(6200)
    );
    let refused =
        iam.create_policy().policy_name("long").policy_document(long).send().await.unwrap_err();
    assert_eq!(code(&refused), "LimitExceeded");
}

#[tokio::test]
async fn a_replaced_principal_is_severed_from_the_trust_that_named_it() {
    let sandbox = sandbox().await;
    let root = management(&sandbox);
    let iam = Client::new(&root);
    role(&iam, "ci").await;
    let arn = "arn:aws:iam::111111111111:role/ci";
    iam.create_role()
        .role_name("target")
        .assume_role_policy_document(TRUST.replace("111111111111", arn))
        .send()
        .await
        .expect("created");
    iam.attach_role_policy()
        .role_name("ci")
        .policy_arn("arn:aws:iam::aws:policy/AdministratorAccess")
        .send()
        .await
        .expect("attached");
    let ci = config(&sandbox, assume(&root, arn).await.expect("assumed"));
    let target = "arn:aws:iam::111111111111:role/target";
    assert!(assume(&ci, target).await.is_ok());
    iam.detach_role_policy()
        .role_name("ci")
        .policy_arn("arn:aws:iam::aws:policy/AdministratorAccess")
        .send()
        .await
        .expect("detached");
    iam.delete_role().role_name("ci").send().await.expect("deleted");
    role(&iam, "ci").await;
    let read = iam.get_role().role_name("target").send().await.expect("read");
    let document = read.role().and_then(|r| r.assume_role_policy_document()).expect("document");
    assert!(document.contains("AROA"), "{document}");
    let again = config(&sandbox, assume(&root, arn).await.expect("assumed"));
    assert_eq!(assume(&again, target).await.unwrap_err(), "AccessDenied");
}

#[tokio::test]
async fn accounts_are_apart() {
    let sandbox = sandbox().await;
    let (config, id) = member(&sandbox, "dev").await;
    let (own, root) = (Client::new(&config), Client::new(&management(&sandbox)));
    role(&own, "app").await;
    assert_eq!(code(&root.get_role().role_name("app").send().await.unwrap_err()), "NoSuchEntity");
    let read = own.get_role().role_name("app").send().await.expect("read");
    assert_eq!(
        read.role().map(|r| r.arn().to_owned()),
        Some(format!("arn:aws:iam::{id}:role/app"))
    );
}

#[tokio::test]
async fn provider_alias_and_password_policy_have_their_lives() {
    let sandbox = sandbox().await;
    let iam = Client::new(&management(&sandbox));
    let made = iam
        .create_open_id_connect_provider()
        .url("https://token.actions.githubusercontent.com")
        .client_id_list("sts.amazonaws.com")
        .tags(tag("a", "b"))
        .send()
        .await
        .expect("created");
    let arn = made.open_id_connect_provider_arn().expect("arn");
    assert_eq!(arn, "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com");
    let read = iam
        .get_open_id_connect_provider()
        .open_id_connect_provider_arn(arn)
        .send()
        .await
        .expect("read");
    assert_eq!(read.client_id_list(), ["sts.amazonaws.com"]);
    assert_eq!(read.tags().len(), 1);
    iam.create_account_alias().account_alias("acme-one").send().await.expect("set");
    iam.create_account_alias().account_alias("acme-two").send().await.expect("replaced");
    let aliases = iam.list_account_aliases().send().await.expect("listed");
    assert_eq!(aliases.account_aliases(), ["acme-two"]);
    let missing = iam.get_account_password_policy().send().await.unwrap_err();
    assert_eq!(code(&missing), "NoSuchEntity");
    iam.update_account_password_policy().minimum_password_length(14).send().await.expect("set");
    let policy = iam.get_account_password_policy().send().await.expect("read");
    assert_eq!(policy.password_policy().and_then(|p| p.minimum_password_length()), Some(14));
    let summary = iam.get_account_summary().send().await.expect("read");
    assert!(summary.summary_map().is_some_and(|m| !m.is_empty()));
}

#[tokio::test]
async fn a_new_role_ripens() {
    let faults = Faults { eventual: 3, seed: 7, ..Faults::default() };
    let sandbox = with(Options { faults, ..options() }).await;
    let root = management(&sandbox);
    let iam = Client::new(&root);
    role(&iam, "fresh").await;
    let mut misses = 0;
    while let Err(error) = iam.get_role().role_name("fresh").send().await {
        assert_eq!(code(&error), "NoSuchEntity");
        misses += 1;
    }
    assert!((1..=3).contains(&misses), "{misses}");
    let arn = "arn:aws:iam::111111111111:role/fresh";
    assert_eq!(assume(&root, arn).await.unwrap_err(), "AccessDenied");
    let trust = TRUST.replace("111111111111", arn);
    let make = || iam.create_role().role_name("other").assume_role_policy_document(&trust).send();
    assert_eq!(code(&make().await.unwrap_err()), "MalformedPolicyDocument");
    let mut tries = 0;
    while make().await.is_err() {
        tries += 1;
        assert!(tries < 5);
    }
    while assume(&root, arn).await.is_err() {
        tries += 1;
        assert!(tries < 9);
    }
}
