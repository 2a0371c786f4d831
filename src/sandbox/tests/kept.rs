//! Tests of what is kept: restarts, two processes, torn and damaged stores, faults, hooks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_iam::Client;

use super::{assume, code, config, management, member, options, with};
use crate::sandbox::{FaultAction, Faults, Options, Phase, RequestInfo, Sandbox};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}]}"#;

async fn role(iam: &Client, name: &str) -> Result<(), String> {
    let sent = iam.create_role().role_name(name).assume_role_policy_document(TRUST).send().await;
    sent.map(|_| ()).map_err(|e| code(&e))
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let (session, id) = {
        let sandbox = Sandbox::open(dir.path(), options()).await.expect("opened");
        let (dev, id) = member(&sandbox, "dev").await;
        role(&Client::new(&dev), "app").await.expect("created");
        let ssm = aws_sdk_ssm::Client::new(&dev);
        ssm.put_parameter()
            .name("/a/secret")
            .value("hunter2-plain")
            .r#type(aws_sdk_ssm::types::ParameterType::SecureString)
            .send()
            .await
            .expect("put");
        let s3 = aws_sdk_s3::Client::new(&super::config_in(
            &sandbox,
            sandbox.management_credentials(),
            "us-east-1",
        ));
        s3.create_bucket().bucket("state").send().await.expect("created");
        s3.put_object()
            .bucket("state")
            .key("k")
            .body(aws_sdk_s3::primitives::ByteStream::from_static(b"body"))
            .send()
            .await
            .expect("put");
        let cloudwatch = aws_sdk_cloudwatch::Client::new(&dev);
        cloudwatch
            .put_dashboard()
            .dashboard_name("d")
            .dashboard_body(r#"{"widgets":[]}"#)
            .send()
            .await
            .expect("put");
        (dev.credentials_provider().expect("credentials"), id)
    };
    let log = std::fs::read_to_string(dir.path().join("store.log")).expect("read");
    assert!(!log.contains("hunter2-plain"), "secrets are sealed at rest");
    let sandbox = Sandbox::open(dir.path(), options()).await.expect("opened again");
    use aws_credential_types::provider::ProvideCredentials as _;
    let old = session.provide_credentials().await.expect("credentials");
    let dev = config(&sandbox, old);
    let read = Client::new(&dev).get_role().role_name("app").send().await.expect("kept");
    assert!(read.role().is_some_and(|r| r.arn().contains(&id)));
    let value = aws_sdk_ssm::Client::new(&dev)
        .get_parameter()
        .name("/a/secret")
        .with_decryption(true)
        .send()
        .await
        .expect("kept");
    assert_eq!(value.parameter().and_then(|p| p.value()), Some("hunter2-plain"));
    let dashboards =
        aws_sdk_cloudwatch::Client::new(&dev).list_dashboards().send().await.expect("kept");
    assert_eq!(dashboards.dashboard_entries().len(), 1);
    let s3 = aws_sdk_s3::Client::new(&super::config_in(
        &sandbox,
        sandbox.management_credentials(),
        "us-east-1",
    ));
    let body = s3.get_object().bucket("state").key("k").send().await.expect("kept").body;
    assert_eq!(body.collect().await.expect("read").into_bytes().as_ref(), b"body");
}

#[tokio::test]
async fn two_on_one_directory_see_each_other() {
    let dir = tempfile::tempdir().expect("a directory");
    let one = Sandbox::open(dir.path(), options()).await.expect("opened");
    let two = Sandbox::open(dir.path(), options()).await.expect("opened");
    let (first, second) = (Client::new(&management(&one)), Client::new(&management(&two)));
    role(&first, "a").await.expect("created");
    assert_eq!(role(&second, "a").await.unwrap_err(), "EntityAlreadyExists");
    let many = (0..10).map(|n| {
        let iam = if n % 2 == 0 { first.clone() } else { second.clone() };
        async move { role(&iam, &format!("r{n}")).await }
    });
    assert!(futures::future::join_all(many).await.iter().all(Result::is_ok));
    assert_eq!(first.list_roles().send().await.expect("listed").roles().len(), 11);
}

#[tokio::test]
async fn a_torn_tail_is_dropped_and_damage_is_refused_with_advice() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("store.log");
    let sandbox = Sandbox::open(dir.path(), options()).await.expect("opened");
    role(&Client::new(&management(&sandbox)), "kept").await.expect("created");
    drop(sandbox);
    let whole = std::fs::read(&path).expect("read");
    let mut torn = whole.clone();
    torn.extend_from_slice(b"0123456789abcdef [[\"identities\",\"half");
    std::fs::write(&path, torn).expect("written");
    let sandbox = Sandbox::open(dir.path(), options()).await.expect("opened");
    let iam = Client::new(&management(&sandbox));
    iam.get_role().role_name("kept").send().await.expect("kept");
    role(&iam, "next").await.expect("created");
    drop(sandbox);
    for (damage, expected) in [
        (
            whole.iter().map(|b| if *b == b'k' { b'K' } else { *b }).collect::<Vec<u8>>(),
            "is damaged at line",
        ),
        (b"not a store\n".to_vec(), "is damaged at line 1"),
        (b"palisade-sandbox 99 x\n".to_vec(), "has format 99"),
    ] {
        std::fs::write(&path, damage).expect("written");
        let refused = Sandbox::open(dir.path(), options()).await.expect_err("refused");
        assert!(refused.summary.contains(expected), "{}", refused.summary);
        assert!(refused.help.is_some());
    }
}

#[tokio::test]
async fn requests_are_recorded_and_hooks_decide() {
    let seen = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&seen);
    let hook = Arc::new(move |info: &RequestInfo, phase: Phase| {
        counter.fetch_add(1, Ordering::SeqCst);
        match (info.operation.as_str(), info.subject.as_str(), phase) {
            ("CreateRole", "lost", Phase::After) if info.number == 1 => FaultAction::Disconnect,
            ("CreateRole", "refused", Phase::Before) => FaultAction::Fail {
                status: 400,
                code: "Throttling".to_owned(),
                message: "later".to_owned(),
            },
            ("CreateRole", "halt", Phase::After) if info.number == 4 => FaultAction::Halt,
            _ => FaultAction::Continue,
        }
    });
    let faults = Faults { hook: Some(hook), ..Faults::default() };
    let sandbox = with(Options { faults, ..options() }).await;
    let iam = Client::new(&management(&sandbox));
    assert!(role(&iam, "lost").await.is_err());
    assert_eq!(role(&iam, "lost").await.unwrap_err(), "EntityAlreadyExists");
    assert_eq!(role(&iam, "refused").await.unwrap_err(), "Throttling");
    let halted = tokio::spawn({
        let iam = iam.clone();
        async move { role(&iam, "halt").await }
    });
    while !sandbox.requests().iter().any(|r| r.subject == "halt") {
        tokio::task::yield_now().await;
    }
    halted.abort();
    assert!(halted.await.is_err());
    sandbox.resume();
    assert_eq!(role(&iam, "halt").await.unwrap_err(), "EntityAlreadyExists");
    let requests = sandbox.requests();
    assert!(requests.iter().all(|r| r.mutating && r.account == "111111111111"));
    assert_eq!(requests.iter().map(|r| r.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert!(seen.load(Ordering::SeqCst) >= 9);
}

#[tokio::test]
async fn throttling_and_outages_come_at_the_rate_asked_for_and_repeat_by_seed() {
    let run = |seed: u64| async move {
        let faults =
            Faults { seed, throttle_percent: 30, unavailable: Some((20, 2)), ..Faults::default() };
        let sandbox = with(Options { faults, ..options() }).await;
        let iam = Client::new(&management(&sandbox));
        let mut outcome = Vec::new();
        for n in 0..100 {
            outcome.push(role(&iam, &format!("r{n}")).await.err());
        }
        outcome
    };
    let (one, same, other) = (run(1).await, run(1).await, run(2).await);
    assert_eq!(one, same);
    assert_ne!(one, other);
    let count = |code: &str| one.iter().filter(|o| o.as_deref() == Some(code)).count();
    assert!((15..=45).contains(&count("Throttling")), "{}", count("Throttling"));
    assert_eq!(count("ServiceUnavailable"), 8);
}

#[tokio::test]
async fn sessions_expire_by_time_and_by_use() {
    let faults = Faults { expire_credentials_after: Some(2), ..Faults::default() };
    let options = Options { faults, ..options() };
    let clock = options.clock.clone();
    let sandbox = with(options).await;
    let root = management(&sandbox);
    role(&Client::new(&root), "app").await.expect("created");
    let arn = "arn:aws:iam::111111111111:role/app";
    let sts = |credentials| aws_sdk_sts::Client::new(&config(&sandbox, credentials));
    let used = sts(assume(&root, arn).await.expect("assumed"));
    for _ in 0..2 {
        let me = used.get_caller_identity().send().await.expect("known");
        assert_eq!(me.arn(), Some("arn:aws:sts::111111111111:assumed-role/app/test"));
    }
    let expired = used.get_caller_identity().send().await.unwrap_err();
    assert_eq!(code(&expired), "ExpiredToken");
    clock.advance(std::time::Duration::from_secs(1));
    let fresh = sts(assume(&root, arn).await.expect("assumed"));
    clock.advance(std::time::Duration::from_secs(3600));
    assert_eq!(code(&fresh.get_caller_identity().send().await.unwrap_err()), "ExpiredToken");
    let forged =
        aws_credential_types::Credentials::new("ASIAX", "x", Some("e30.x".into()), None, "x");
    assert_eq!(
        code(&sts(forged).get_caller_identity().send().await.unwrap_err()),
        "InvalidClientTokenId"
    );
}
