//! Tests of authorisation through the SDK.

use aws_sdk_iam::Client;
use aws_sdk_organizations::types::PolicyType;

use crate::sandbox::Options;
use crate::sandbox::tests::{
    assume, code, config, config_in, management, member, options, sandbox, with,
};

fn trust(principal: &str, condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole"{condition}}}]}}"#
    )
}

async fn role(iam: &Client, name: &str, trust: &str, policy: Option<&str>) {
    iam.create_role()
        .role_name(name)
        .assume_role_policy_document(trust)
        .send()
        .await
        .expect("created");
    if let Some(policy) = policy {
        iam.put_role_policy()
            .role_name(name)
            .policy_name("own")
            .policy_document(policy)
            .send()
            .await
            .expect("put");
    }
}

fn allow(action: &str, resource: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}]}}"#
    )
}

#[tokio::test]
async fn assuming_a_role_takes_both_sides() {
    let sandbox = sandbox().await;
    let root = management(&sandbox);
    let (dev, dev_id) = member(&sandbox, "dev").await;
    let (prod, prod_id) = member(&sandbox, "prod").await;
    let (in_dev, in_prod) = (Client::new(&dev), Client::new(&prod));
    let target = format!("arn:aws:iam::{prod_id}:role/target");
    let by_account = trust(&dev_id, "");
    role(&in_prod, "target", &by_account, None).await;
    let from_management = trust("111111111111", "");
    role(&in_dev, "strong", &from_management, Some(&allow("sts:AssumeRole", "*"))).await;
    role(&in_dev, "weak", &from_management, Some(&allow("s3:*", "*"))).await;
    let become_role = |name: &str| {
        let (root, arn) = (root.clone(), format!("arn:aws:iam::{dev_id}:role/{name}"));
        let sandbox = sandbox.clone();
        async move { config(&sandbox, assume(&root, &arn).await.expect("assumed")) }
    };
    assert!(assume(&become_role("strong").await, &target).await.is_ok());
    assert_eq!(assume(&become_role("weak").await, &target).await.unwrap_err(), "AccessDenied");
    assert_eq!(assume(&root, &target).await.unwrap_err(), "AccessDenied", "not trusted");
    let external = trust(&dev_id, r#","Condition":{"StringEquals":{"sts:ExternalId":"42"}}"#);
    role(&in_prod, "guarded", &external, None).await;
    let sts = aws_sdk_sts::Client::new(&become_role("strong").await);
    let ask = |id: Option<&str>| {
        sts.assume_role()
            .role_arn(format!("arn:aws:iam::{prod_id}:role/guarded"))
            .role_session_name("test")
            .set_external_id(id.map(str::to_owned))
            .send()
    };
    assert!(ask(None).await.is_err() && ask(Some("41")).await.is_err());
    assert!(ask(Some("42")).await.is_ok());
}

#[tokio::test]
async fn without_enforcement_only_walls_between_accounts_stand() {
    let sandbox = sandbox().await;
    let root = management(&sandbox);
    role(&Client::new(&root), "nothing", &trust("111111111111", ""), None).await;
    let nothing = assume(&root, "arn:aws:iam::111111111111:role/nothing").await.expect("assumed");
    let iam = Client::new(&config(&sandbox, nothing));
    iam.list_roles().send().await.expect("allowed");
}

#[tokio::test]
async fn with_enforcement_policies_boundaries_and_scps_decide() {
    let sandbox = with(Options { enforce: true, ..options() }).await;
    let root = management(&sandbox);
    let (dev, dev_id) = member(&sandbox, "dev").await;
    let iam = Client::new(&dev);
    role(&iam, "reader", &trust("111111111111", ""), Some(&allow("iam:Get*", "*"))).await;
    let arn = format!("arn:aws:iam::{dev_id}:role/reader");
    let reader = config(&sandbox, assume(&root, &arn).await.expect("assumed"));
    let own = Client::new(&reader);
    own.get_role().role_name("reader").send().await.expect("allowed");
    assert_eq!(code(&own.list_roles().send().await.unwrap_err()), "AccessDenied");
    let boundary = iam
        .create_policy()
        .policy_name("boundary")
        .policy_document(allow("s3:*", "*"))
        .send()
        .await
        .expect("created");
    iam.put_role_permissions_boundary()
        .role_name("reader")
        .permissions_boundary(boundary.policy().and_then(|p| p.arn()).expect("arn"))
        .send()
        .await
        .expect("put");
    assert_eq!(code(&own.get_role().role_name("reader").send().await.unwrap_err()), "AccessDenied");

    let organizations = aws_sdk_organizations::Client::new(&root);
    let roots = organizations.list_roots().send().await.expect("roots");
    let top = roots.roots().first().and_then(|r| r.id()).expect("a root").to_owned();
    organizations
        .enable_policy_type()
        .root_id(&top)
        .policy_type(PolicyType::ServiceControlPolicy)
        .send()
        .await
        .expect("enabled");
    let lock = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["eu-west-1","us-east-1"]}}}]}"#;
    let made = organizations
        .create_policy()
        .name("region-lock")
        .description("")
        .content(lock)
        .r#type(PolicyType::ServiceControlPolicy)
        .send()
        .await
        .expect("made");
    let id = made.policy().and_then(|p| p.policy_summary()).and_then(|s| s.id()).expect("an id");
    organizations.attach_policy().policy_id(id).target_id(&top).send().await.expect("attached");
    let admin = format!("arn:aws:iam::{dev_id}:role/OrganizationAccountAccessRole");
    let put = |region: &'static str| {
        let (root, admin, sandbox) = (root.clone(), admin.clone(), sandbox.clone());
        async move {
            let credentials = assume(&root, &admin).await.expect("assumed");
            aws_sdk_ssm::Client::new(&config_in(&sandbox, credentials, region))
                .put_parameter()
                .name("/a")
                .value("b")
                .r#type(aws_sdk_ssm::types::ParameterType::String)
                .send()
                .await
        }
    };
    put("eu-west-1").await.expect("allowed");
    assert_eq!(code(&put("ap-south-1").await.unwrap_err()), "AccessDeniedException");
}

#[tokio::test]
async fn a_bucket_policy_opens_a_bucket_to_another_account() {
    let sandbox = sandbox().await;
    let root = management(&sandbox);
    let (dev, dev_id) = member(&sandbox, "dev").await;
    let config = config_in(&sandbox, sandbox.management_credentials(), "us-east-1");
    let s3 = aws_sdk_s3::Client::new(&config);
    s3.create_bucket().bucket("shared").send().await.expect("created");
    s3.put_object()
        .bucket("shared")
        .key("k")
        .body(aws_sdk_s3::primitives::ByteStream::from_static(b"x"))
        .send()
        .await
        .expect("put");
    drop((root, dev));
    let admin = format!("arn:aws:iam::{dev_id}:role/OrganizationAccountAccessRole");
    let credentials = assume(&management(&sandbox), &admin).await.expect("assumed");
    let other = aws_sdk_s3::Client::new(&config_in(&sandbox, credentials, "us-east-1"));
    let get = || other.get_object().bucket("shared").key("k").send();
    assert_eq!(code(&get().await.unwrap_err()), "AccessDenied");
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{dev_id}"}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::shared/*"}}]}}"#
    );
    s3.put_bucket_policy().bucket("shared").policy(policy).send().await.expect("put");
    get().await.expect("allowed by both sides");
}

#[tokio::test]
async fn a_web_identity_is_held_to_subject_and_audience() {
    use base64::Engine as _;
    let sandbox = sandbox().await;
    let iam = Client::new(&management(&sandbox));
    let url = "token.actions.githubusercontent.com";
    iam.create_open_id_connect_provider()
        .url(format!("https://{url}"))
        .client_id_list("sts.amazonaws.com")
        .send()
        .await
        .expect("created");
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":"arn:aws:iam::111111111111:oidc-provider/{url}"}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{{"StringEquals":{{"{url}:aud":"sts.amazonaws.com","{url}:sub":"repo:acme/app:environment:production"}}}}}}]}}"#
    );
    role(&iam, "deploy", &trust, None).await;
    let token = |sub: &str, aud: &str| {
        let claims = format!(r#"{{"iss":"https://{url}","sub":"{sub}","aud":"{aud}"}}"#);
        format!("e30.{}.x", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims))
    };
    let sts = aws_sdk_sts::Client::new(&management(&sandbox));
    let ask = |token: String| {
        sts.assume_role_with_web_identity()
            .role_arn("arn:aws:iam::111111111111:role/deploy")
            .role_session_name("ci")
            .web_identity_token(token)
            .send()
    };
    ask(token("repo:acme/app:environment:production", "sts.amazonaws.com")).await.expect("allowed");
    let wrong = ask(token("repo:acme/app:pull_request", "sts.amazonaws.com")).await.unwrap_err();
    assert_eq!(code(&wrong), "AccessDenied");
    let wrong = ask(token("repo:acme/app:environment:production", "other")).await.unwrap_err();
    assert_eq!(code(&wrong), "InvalidIdentityToken");
}
