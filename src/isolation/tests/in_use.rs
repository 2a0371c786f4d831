//! Roles that are in use already: what makes their code another, opens a shell under them or hands their credentials out,
//! placed in an account between dev and production, and what only calls them.

use super::escalation::{HOP, by_service, document, foothold, may};
use super::hunt::{judge, with};
use super::*;

/// Dev's `ci` gets into shared as `low`, which has these rights; production lets in a role that this service assumes.
fn held(service: &str, rights: &[&str]) -> Fixture {
    let rights = rights.iter().map(|right| may(right, "*")).collect();
    foothold(document(rights), by_service(service))
}

/// The same with a role that a provider of identities vouches for.
fn vouched(provider: &str, rights: &[&str]) -> Fixture {
    let rights = rights.iter().map(|right| may(right, "*")).collect();
    let trust = trust(json!({
        "Principal": {"Federated": format!("arn:aws:iam::222222222222:oidc-provider/{provider}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringLike": {format!("{provider}:sub"): "system:serviceaccount:jobs:*"}},
    }));
    foothold(document(rights), trust)
}

const OPEN: &str = "reachable";
const SHUT: &str = "isolated";

#[test]
fn whoever_gives_code_to_what_runs_is_its_role() {
    let rows: &[(&str, &[&str], &str)] = &[
        ("glue", &["glue:StartJobRun"], OPEN),
        ("glue", &["glue:UpdateTrigger"], OPEN),
        ("glue", &["glue:StartWorkflowRun"], SHUT),
        ("codebuild", &["codebuild:StartSandbox"], OPEN),
        ("codebuild", &["codebuild:StartCommandExecution"], OPEN),
        ("codebuild", &["codebuild:RetryBuild"], SHUT),
        ("ssm", &["ssm:SendCommand"], OPEN),
        ("ssm", &["ssm:StartSession"], OPEN),
        ("ssm", &["ssm:DescribeInstanceInformation"], SHUT),
        ("ec2", &["ssm:RegisterTaskWithMaintenanceWindow"], OPEN),
        ("ec2", &["eks:UpdateAccessEntry"], OPEN),
        ("ec2", &["ec2:GetPasswordData"], SHUT),
        (
            "ec2",
            &[
                "imagebuilder:CreateComponent",
                "imagebuilder:CreateImageRecipe",
                "imagebuilder:CreateImage",
            ],
            OPEN,
        ),
        ("ec2", &["imagebuilder:CreateComponent", "imagebuilder:CreateImageRecipe"], SHUT),
        ("ecs-tasks", &["ssm:StartSession"], OPEN),
        ("ecs-tasks", &["ecs:StartTask"], SHUT),
        ("sagemaker", &["sagemaker:StartSession"], OPEN),
        ("sagemaker", &["sagemaker:InvokeEndpoint"], SHUT),
        ("airflow-env", &["airflow:InvokeRestApi"], OPEN),
        ("greengrass", &["greengrass:CreateDeployment"], OPEN),
        ("credentials.iot", &["greengrass:CreateDeployment"], OPEN),
        ("bedrock-agentcore", &["bedrock-agentcore:InvokeAgentRuntimeCommand"], OPEN),
        ("bedrock-agentcore", &["bedrock-agentcore:InvokeAgentRuntime"], SHUT),
        (
            "servicecatalog",
            &["servicecatalog:CreateProvisioningArtifact", "servicecatalog:ProvisionProduct"],
            OPEN,
        ),
        (
            "servicecatalog",
            &[
                "servicecatalog:CreateProvisioningArtifact",
                "servicecatalog:CreateProvisionedProductPlan",
                "servicecatalog:ExecuteProvisionedProductPlan",
            ],
            OPEN,
        ),
        ("servicecatalog", &["servicecatalog:ProvisionProduct"], SHUT),
        ("servicecatalog", &["servicecatalog:ExecuteProvisionedProductPlan"], SHUT),
        ("pods.eks", &["emr-containers:StartJobRun"], OPEN),
        ("lambda", &["lambda:InvokeFunction"], SHUT),
        // Whoever writes a function's policy lets itself change the code.
        ("lambda", &["lambda:AddPermission"], OPEN),
        ("lambda", &["lambda:RemovePermission"], SHUT),
        ("lambda", &["synthetics:StartCanaryDryRun"], OPEN),
        ("states", &["states:StartExecution"], SHUT),
    ];
    judge_rows(rows);
}

#[test]
fn whoever_is_handed_credentials_of_a_role_is_it() {
    let rows: &[(&str, &[&str], &str)] = &[
        ("credentials.deadline", &["deadline:AssumeQueueRoleForUser"], OPEN),
        ("deadline", &["deadline:AssumeFleetRoleForWorker"], OPEN),
        ("deadline", &["deadline:StartSessionsStatisticsAggregation"], SHUT),
        ("datazone", &["datazone:GetEnvironmentCredentials"], OPEN),
        ("datazone", &["datazone:GetIamPortalLoginUrl"], SHUT),
        ("credentials.iot", &["iot:CreateKeysAndCertificate", "iot:AttachPolicy"], OPEN),
        ("credentials.iot", &["iot:RegisterThing"], OPEN),
        ("credentials.iot", &["iot:CreateKeysAndCertificate"], SHUT),
        ("iot", &["iot:CreateKeysAndCertificate", "iot:AttachPolicy"], SHUT),
        ("access-grants.s3", &["s3:GetDataAccess"], OPEN),
        ("batchoperations.s3", &["s3:GetDataAccess"], SHUT),
        ("transfer", &["transfer:ImportSshPublicKey"], OPEN),
        ("redshift", &["redshift:GetClusterCredentialsWithIAM"], OPEN),
        ("redshift", &["redshift-data:ExecuteStatement"], SHUT),
        ("redshift", &["redshift-data:ExecuteStatement", "secretsmanager:GetSecretValue"], OPEN),
        ("monitoring.rds", &["rds-db:connect"], SHUT),
        ("rds", &["rds-db:connect"], OPEN),
        ("gamelift", &["gamelift:GetComputeAccess"], OPEN),
        ("cloudformation", &["cloudformation:CreateResource"], SHUT),
        ("cloudformation", &["cloudformation:CreateResource", "iam:PassRole"], OPEN),
    ];
    judge_rows(rows);
    // A certificate of the authority is whatever subject one likes, so the wall is open under the condition that a trust
    // anchor names that authority.
    judge(vec![
        (
            "an authority that is asked",
            held("rolesanywhere.amazonaws.com", &["acm-pca:IssueCertificate"]),
            "dev",
            "production",
            OPEN,
        ),
        (
            "an authority that is looked at",
            held("rolesanywhere.amazonaws.com", &["acm-pca:GetCertificate"]),
            "dev",
            "production",
            SHUT,
        ),
    ]);
}

#[test]
fn a_job_on_a_cluster_bears_the_role_of_its_service_account() {
    let cluster = "oidc.eks.eu-west-1.amazonaws.com/id/ABC";
    let rows = [
        ("a job", cluster, "emr-containers:StartJobRun", OPEN),
        ("an endpoint", cluster, "emr-containers:GetManagedEndpointSessionCredentials", OPEN),
        ("a look at jobs", cluster, "emr-containers:ListJobRuns", SHUT),
        ("a cluster elsewhere", "issuer.example", "emr-containers:StartJobRun", SHUT),
    ];
    let cases = rows.map(|(name, provider, right, expected)| {
        (name, vouched(provider, &[right]), "dev", "production", expected)
    });
    judge(cases.into());
}

/// Boundaries and guardrails bound it as they bound everything else, and it counts on the side where it is held.
#[test]
fn what_denies_the_right_shuts_the_wall() {
    let low =
        |statements: Vec<Json>| foothold(document(statements), by_service("glue.amazonaws.com"));
    let start = || may("glue:StartJobRun", "*");
    let denied = json!({"Effect": "Deny", "Action": "glue:Start*", "Resource": "*"});
    let bound = super::hunt::scp("no-glue", "shared", denied.clone());
    judge(vec![
        ("a denial", low(vec![start(), denied]), "dev", "production", SHUT),
        ("a guardrail", low(vec![start()]).both(bound), "dev", "production", SHUT),
        (
            "a service-linked role",
            low(vec![start()]).then(with(
                role("shared", "hop", by_service("glue.amazonaws.com"), None),
                "arn",
                json!("arn:aws:iam::222222222222:role/aws-service-role/glue.amazonaws.com/hop"),
            )),
            "dev",
            "production",
            SHUT,
        ),
    ]);
    let section =
        foothold(document(vec![may("glue:GetJobs", "*")]), by_service("glue.amazonaws.com"))
            .then(role("shared", "low", by("dev", "ci"), Some(document(vec![start()]))))
            .rule(Vec::new())
            .analyse();
    assert_eq!(row(&section, "dev", "production").before, WallVerdict::Isolated);
    assert_eq!(after(&section, "dev", "production"), OPEN);
    let told = serde_json::to_string(&section).expect("JSON");
    assert!(told.contains("glue:StartJobRun") && told.contains(HOP), "{told}");
}

fn judge_rows(rows: &[(&str, &[&str], &str)]) {
    let names: Vec<String> = rows
        .iter()
        .map(|(service, rights, _)| format!("{service}: {}", rights.join(", ")))
        .collect();
    let cases = rows.iter().zip(&names).map(|((service, rights, expected), name)| {
        let fixture = held(&format!("{service}.amazonaws.com"), rights);
        (name.as_str(), fixture, "dev", "production", *expected)
    });
    judge(cases.collect());
}
