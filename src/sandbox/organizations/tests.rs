//! Tests of Organizations through the SDK.

use aws_sdk_organizations::Client;
use aws_sdk_organizations::types::{CreateAccountState, PolicyType};

use crate::sandbox::tests::{code, management, member, options, sandbox, with};
use crate::sandbox::{Faults, Options, Sandbox};

const DENY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ec2:*","Resource":"*"}]}"#;

async fn organization(sandbox: &Sandbox) -> (Client, String) {
    let client = Client::new(&management(sandbox));
    client.create_organization().send().await.expect("created");
    let roots = client.list_roots().send().await.expect("roots");
    let root = roots.roots().first().and_then(|r| r.id()).expect("a root").to_owned();
    (client, root)
}

async fn unit(client: &Client, parent: &str, name: &str) -> Result<String, String> {
    let made = client.create_organizational_unit().parent_id(parent).name(name).send().await;
    let made = made.map_err(|e| code(&e))?;
    Ok(made.organizational_unit().and_then(|u| u.id()).expect("an id").to_owned())
}

#[tokio::test]
async fn ids_have_the_shape_of_awss_own_and_do_not_change() {
    let (one, two) = (sandbox().await, sandbox().await);
    let (client, root) = organization(&one).await;
    let (_, same) = organization(&two).await;
    assert_eq!(root, same);
    root.parse::<crate::ids::RootId>().expect("a root id");
    let described = client.describe_organization().send().await.expect("described");
    let org = described.organization().and_then(|o| o.id()).expect("an id");
    org.parse::<crate::ids::OrgId>().expect("an organization id");
    let unit = unit(&client, &root, "prod").await.expect("made");
    unit.parse::<crate::ids::OrgUnitId>().expect("a unit id");
    let again = client.create_organization().send().await.unwrap_err();
    assert_eq!(code(&again), "AlreadyInOrganizationException");
}

#[tokio::test]
async fn units_are_named_once_nested_five_deep_and_deleted_empty() {
    let sandbox = sandbox().await;
    let (client, root) = organization(&sandbox).await;
    let mut parent = root.clone();
    for level in 0..5 {
        parent = unit(&client, &parent, &format!("level-{level}")).await.expect("made");
    }
    assert_eq!(unit(&client, &parent, "six").await.unwrap_err(), "ConstraintViolationException");
    assert_eq!(
        unit(&client, &root, "level-0").await.unwrap_err(),
        "DuplicateOrganizationalUnitException"
    );
    assert_eq!(unit(&client, "r-none", "x").await.unwrap_err(), "ParentNotFoundException");
    let top = client
        .list_organizational_units_for_parent()
        .parent_id(&root)
        .send()
        .await
        .expect("listed");
    let top = top.organizational_units().first().and_then(|u| u.id()).expect("one").to_owned();
    let full =
        client.delete_organizational_unit().organizational_unit_id(&top).send().await.unwrap_err();
    assert_eq!(code(&full), "OrganizationalUnitNotEmptyException");
    client
        .delete_organizational_unit()
        .organizational_unit_id(&parent)
        .send()
        .await
        .expect("deleted");
}

#[tokio::test]
async fn accounts_are_created_in_the_background_and_once_per_address() {
    let faults = Faults { slow_accounts: 2, ..Faults::default() };
    let sandbox = with(Options { faults, ..options() }).await;
    let (client, _) = organization(&sandbox).await;
    let start = |email: &str| client.create_account().account_name("dev").email(email).send();
    let started = start("dev@example.com").await.expect("started");
    let request = started.create_account_status().and_then(|s| s.id()).expect("an id").to_owned();
    let mut states = Vec::new();
    for _ in 0..3 {
        let status = client
            .describe_create_account_status()
            .create_account_request_id(&request)
            .send()
            .await
            .expect("status");
        states
            .push(status.create_account_status().and_then(|s| s.state().cloned()).expect("state"));
    }
    use CreateAccountState::{InProgress, Succeeded};
    assert_eq!(states, [InProgress, InProgress, Succeeded]);
    let again = start("DEV@example.com").await.expect("started");
    let request = again.create_account_status().and_then(|s| s.id()).expect("an id").to_owned();
    for _ in 0..3 {
        client.list_create_account_status().send().await.expect("listed");
    }
    let status = client
        .describe_create_account_status()
        .create_account_request_id(request)
        .send()
        .await
        .expect("status");
    let status = status.create_account_status().expect("status");
    assert_eq!(status.failure_reason().map(|r| r.as_str()), Some("EMAIL_ALREADY_EXISTS"));
    assert_eq!(client.list_accounts().send().await.expect("listed").accounts().len(), 2);
    assert_eq!(code(&start("nonsense").await.unwrap_err()), "InvalidInputException");
}

#[tokio::test]
async fn policies_need_their_type_and_the_last_one_stays() {
    let sandbox = sandbox().await;
    let (client, root) = organization(&sandbox).await;
    let made = client
        .create_policy()
        .name("deny")
        .description("")
        .content(DENY)
        .r#type(PolicyType::ServiceControlPolicy)
        .send()
        .await
        .expect("made");
    let id = made
        .policy()
        .and_then(|p| p.policy_summary())
        .and_then(|s| s.id())
        .expect("an id")
        .to_owned();
    let attach = || client.attach_policy().policy_id(&id).target_id(&root).send();
    assert_eq!(code(&attach().await.unwrap_err()), "PolicyTypeNotEnabledException");
    for kind in [PolicyType::ServiceControlPolicy, PolicyType::ResourceControlPolicy] {
        client.enable_policy_type().root_id(&root).policy_type(kind).send().await.expect("enabled");
    }
    attach().await.expect("attached");
    assert_eq!(code(&attach().await.unwrap_err()), "DuplicatePolicyAttachmentException");
    let detach = |id: &str| client.detach_policy().policy_id(id).target_id(&root).send();
    detach("p-FullAWSAccess").await.expect("detached");
    assert_eq!(code(&detach(&id).await.unwrap_err()), "ConstraintViolationException");
    assert_eq!(
        code(&detach("p-RCPFullAWSAccess").await.unwrap_err()),
        "ConstraintViolationException"
    );
    let used = client.delete_policy().policy_id(&id).send().await.unwrap_err();
    assert_eq!(code(&used), "PolicyInUseException");
    let (_, account) = member(&sandbox, "dev").await;
    let on_account = client
        .list_policies_for_target()
        .target_id(&account)
        .filter(PolicyType::ServiceControlPolicy)
        .send()
        .await
        .expect("listed");
    assert_eq!(on_account.policies().first().and_then(|p| p.id()), Some("p-FullAWSAccess"));
    let make = |name: &str, content: &str, kind: PolicyType| {
        client.create_policy().name(name).description("").content(content).r#type(kind).send()
    };
    let scp = PolicyType::ServiceControlPolicy;
    assert_eq!(
        code(&make("deny", DENY, scp.clone()).await.unwrap_err()),
        "DuplicatePolicyException"
    );
    assert_eq!(
        code(&make("bad", "{", scp.clone()).await.unwrap_err()),
        "MalformedPolicyDocumentException"
    );
    let long = DENY.replace("ec2:*", &format!("ec2:{}", "x".repeat(10_240)));
    assert_eq!(code(&make("long", &long, scp).await.unwrap_err()), "ConstraintViolationException");
    let rcp = PolicyType::ResourceControlPolicy;
    assert_eq!(
        code(&make("bad", DENY, rcp).await.unwrap_err()),
        "MalformedPolicyDocumentException"
    );
    let targets =
        client.list_targets_for_policy().policy_id("p-FullAWSAccess").send().await.expect("listed");
    assert_eq!(targets.targets().len(), 2, "the management account and the member");
}

#[tokio::test]
async fn accounts_move_close_and_leave_as_far_as_aws_lets_them() {
    let sandbox = sandbox().await;
    let (client, root) = organization(&sandbox).await;
    let (_, id) = member(&sandbox, "dev").await;
    let unit = unit(&client, &root, "nonprod").await.expect("made");
    let go = |from: &str, to: &str| {
        client
            .move_account()
            .account_id(&id)
            .source_parent_id(from)
            .destination_parent_id(to)
            .send()
    };
    go(&root, &unit).await.expect("moved");
    assert_eq!(code(&go(&root, &unit).await.unwrap_err()), "SourceParentNotFoundException");
    assert_eq!(
        code(&go(&unit, "ou-none-12345678").await.unwrap_err()),
        "DestinationParentNotFoundException"
    );
    let parents = client.list_parents().child_id(&id).send().await.expect("listed");
    assert_eq!(parents.parents().first().and_then(|p| p.id()), Some(unit.as_str()));
    let close = |id: &str| client.close_account().account_id(id).send();
    assert_eq!(code(&close("111111111111").await.unwrap_err()), "ConstraintViolationException");
    close(&id).await.expect("closed");
    assert_eq!(code(&close(&id).await.unwrap_err()), "AccountAlreadyClosedException");
    let remove = |id: &str| client.remove_account_from_organization().account_id(id).send();
    assert_eq!(
        code(&remove("111111111111").await.unwrap_err()),
        "MasterCannotLeaveOrganizationException"
    );
    remove(&id).await.expect("removed");
    let gone = client.describe_account().account_id(&id).send().await.unwrap_err();
    assert_eq!(code(&gone), "AccountNotFoundException");
}

#[tokio::test]
async fn lists_have_pages_and_members_may_not_look() {
    let sandbox = sandbox().await;
    let (client, root) = organization(&sandbox).await;
    for n in 0..25 {
        unit(&client, &root, &format!("unit-{n}")).await.expect("made");
    }
    let mut pages =
        client.list_organizational_units_for_parent().parent_id(&root).into_paginator().send();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        sizes.push(page.expect("a page").organizational_units().len());
    }
    assert_eq!(sizes, [20, 5]);
    let (config, _) = member(&sandbox, "dev").await;
    let own = Client::new(&config);
    let refused = own.list_accounts().send().await.unwrap_err();
    assert_eq!(code(&refused), "AccessDeniedException");
    own.describe_organization().send().await.expect("members may ask this");
}

#[tokio::test]
async fn parallel_writes_collide_where_that_is_asked_for() {
    let faults = Faults { concurrent_modification: true, ..Faults::default() };
    let sandbox = with(Options { faults, ..options() }).await;
    let (client, root) = organization(&sandbox).await;
    let results = futures::future::join_all((0..4).map(|n| {
        let (client, root) = (client.clone(), root.clone());
        async move { unit(&client, &root, &format!("unit-{n}")).await }
    }))
    .await;
    let refused: Vec<_> = results.iter().filter_map(|r| r.as_ref().err()).collect();
    assert!(!refused.is_empty() && refused.len() < 4, "{results:?}");
    assert!(refused.iter().all(|code| *code == "ConcurrentModificationException"));
}
