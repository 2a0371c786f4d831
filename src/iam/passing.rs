//! How code comes to run under a role that a service assumes: the actions by which a caller passes a role to
//! the service, and those that swap the code of something that already runs under one.
//!
//! The first are data, `data/passrole.txt`: what AWS's service authorization data and service models know of
//! (see `data/NOTICE.md`). A service that the data does not name may take roles all the same, so for one that
//! is not here [`of`] answers `None`, and whoever asks must not conclude that nothing is possible.
//!
//! The second is a table of this file. AWS publishes no such list; each line cites the page that says so.

use std::collections::BTreeMap;
use std::sync::OnceLock;

static DATA: &str = include_str!("data/passrole.txt");

/// How a role that one service assumes is put to use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// Actions by each of which a caller that may also `iam:PassRole` hands the role over, as `service:Action`.
    pub pass: Vec<String>,
    /// Sets of actions, each of which together make something that runs under the role already run what the
    /// caller gives it; no role is passed.
    pub swap: &'static [&'static [&'static str]],
}

/// Actions by service prefix.
fn data() -> &'static BTreeMap<&'static str, Vec<&'static str>> {
    static KNOWN: OnceLock<BTreeMap<&'static str, Vec<&'static str>>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let lines = DATA.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| line.split_once('\t'))
            .map(|(service, actions)| (service, actions.split(' ').collect()))
            .collect()
    })
}

/// The day of the data, `YYYY-MM-DD`.
#[must_use]
pub fn date() -> &'static str {
    let head = DATA.lines().next().unwrap_or_default();
    head.split("as of ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default()
}

/// Service principals, without `.amazonaws.com`, that are not named by the prefix of the actions which pass a role
/// to them: the prefixes, or single actions where a service passes roles to several principals.
const PREFIXES: &[(&str, &[&str])] = &[
    // Amazon MWAA User Guide, "Amazon MWAA execution role".
    ("airflow-env", &["airflow"]),
    // Amazon Managed Service for Prometheus, "Ingest metrics": the scraper's role.
    ("scraper.aps", &["aps"]),
    // AWS Batch User Guide, "Spot fleet role"; EC2 User Guide, "Spot Fleet permissions".
    ("spotfleet", &["ec2", "batch"]),
    ("ec2fleet", &["ec2"]),
    ("vmie", &["ec2"]),
    ("vpc-flow-logs", &["ec2"]),
    // Whatever starts an instance with a profile, or gives one to it: EC2 User Guide, "IAM roles for Amazon EC2".
    (
        "ec2",
        &[
            "ec2:AssociateIamInstanceProfile",
            "ec2:CreateFleet",
            "ec2:CreateLaunchTemplate",
            "ec2:CreateLaunchTemplateVersion",
            "ec2:ReplaceIamInstanceProfileAssociation",
            "ec2:RequestSpotFleet",
            "ec2:RequestSpotInstances",
            "ec2:RunInstances",
            "ec2:RunScheduledInstances",
            "autoscaling:CreateAutoScalingGroup",
            "autoscaling:CreateLaunchConfiguration",
            "autoscaling:UpdateAutoScalingGroup",
            "batch:CreateComputeEnvironment",
            "datapipeline:PutPipelineDefinition",
            "drs:StartRecovery",
            "ecs:CreateCapacityProvider",
            "eks:CreateNodegroup",
            "elasticbeanstalk:CreateEnvironment",
            "elasticmapreduce:RunJobFlow",
            "gamelift:CreateFleet",
            "gamelift:CreateGameServerGroup",
            "iam:AddRoleToInstanceProfile",
            "imagebuilder:CreateInfrastructureConfiguration",
            "imagebuilder:UpdateInfrastructureConfiguration",
            "lambda:CreateCapacityProvider",
            "mgn:StartCutover",
            "mgn:StartTest",
            "pcs:CreateComputeNodeGroup",
            "pcs:UpdateComputeNodeGroup",
            "workspaces-instances:CreateWorkspaceInstance",
        ],
    ),
    // Amazon ECS Developer Guide, "Amazon ECS task IAM role"; AWS Batch User Guide, "Job role".
    (
        "ecs-tasks",
        &[
            "ecs:CreateExpressGatewayService",
            "ecs:CreateService",
            "ecs:CreateTaskSet",
            "ecs:RegisterDaemonTaskDefinition",
            "ecs:RegisterTaskDefinition",
            "ecs:RunTask",
            "ecs:StartTask",
            "ecs:UpdateExpressGatewayService",
            "ecs:UpdateService",
            "batch:RegisterJobDefinition",
            "events:PutTargets",
            "pipes:CreatePipe",
            "pipes:UpdatePipe",
            "scheduler:CreateSchedule",
            "scheduler:UpdateSchedule",
        ],
    ),
    // Amazon EKS User Guide, "Amazon EKS Pod execution IAM role".
    ("eks-fargate-pods", &["eks"]),
    ("eks-fargate", &["eks"]),
    ("eks-nodegroup", &["eks"]),
    // Amazon CloudFront Developer Guide, "Set up IAM permissions and roles for Lambda@Edge"; Amazon CloudWatch
    // User Guide, "Required roles and permissions for CloudWatch canaries".
    ("edgelambda", &["lambda"]),
    ("lambda", &["lambda", "synthetics"]),
    ("cloudwatch", &["cloudwatch", "synthetics"]),
    ("streams.metrics.cloudwatch", &["cloudwatch"]),
    ("monitoring", &["cloudwatch"]),
    ("delivery.logs", &["logs", "firehose"]),
    ("opensearchservice", &["es", "aoss", "osis"]),
    ("osis-pipelines", &["osis"]),
    ("preview.bedrock-agentcore", &["bedrock-agentcore"]),
    ("mgn-connector", &["mgn"]),
    ("studio.nimble", &["nimble"]),
    ("identity.nimble", &["nimble"]),
    ("managedservices", &["ssm"]),
    ("textract-notifications", &["textract"]),
];

/// Services of which the reference names no action that passes a role, and AWS's guides do.
const ALSO: &[(&str, &[&str])] = &[
    // API Gateway Developer Guide, "API Gateway permissions model": the console's verbs are the actions.
    ("apigateway", &["apigateway:PATCH", "apigateway:POST", "apigateway:PUT"]),
    // AWS Data Pipeline Developer Guide, "IAM roles": the roles are fields of the definition.
    ("datapipeline", &["datapipeline:CreatePipeline", "datapipeline:PutPipelineDefinition"]),
];

/// What swaps the code of something that runs under a role, by the service that assumes it, without
/// `.amazonaws.com`.
const SWAPS: &[(&str, &[&[&str]])] = &[
    // MWAA API Reference, `CreateCliToken`: commands of Airflow.
    ("airflow", &[&["airflow:CreateCliToken"], &["airflow:CreateWebLoginToken"]]),
    ("airflow-env", &[&["airflow:CreateCliToken"], &["airflow:CreateWebLoginToken"]]),
    // App Runner API Reference, `UpdateService`: another image, the same instance role.
    ("apprunner", &[&["apprunner:UpdateService"]]),
    // Athena API Reference, `StartCalculationExecution`: code in a session of a workgroup.
    ("athena", &[&["athena:StartCalculationExecution"]]),
    // Bedrock AgentCore Developer Guide, "Code Interpreter", "Browser": sessions under the tool's role.
    (
        "bedrock-agentcore",
        &[
            &["bedrock-agentcore:InvokeCodeInterpreter"],
            &["bedrock-agentcore:StartBrowserSession"],
            &["bedrock-agentcore:StartCodeInterpreterSession"],
            &["bedrock-agentcore:UpdateAgentRuntime"],
        ],
    ),
    // CloudFormation User Guide, "AWS CloudFormation service role": a stack keeps its role, and whoever may
    // work on the stack uses it.
    (
        "cloudformation",
        &[
            &["cloudformation:UpdateStack"],
            &["cloudformation:UpdateStackSet"],
            &["cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"],
        ],
    ),
    // CodeBuild API Reference, `StartBuild`: `buildspecOverride`.
    (
        "codebuild",
        &[&["codebuild:StartBuild"], &["codebuild:StartBuildBatch"], &["codebuild:UpdateProject"]],
    ),
    ("datapipeline", &[&["datapipeline:PutPipelineDefinition"]]),
    // Systems Manager User Guide, "Run Command", "Session Manager"; EC2 User Guide, "Run commands when you launch
    // an EC2 instance with user data input", "Modify a launch template"; EMR Management Guide, "Add steps".
    (
        "ec2",
        &[
            &["ssm:SendCommand"],
            &["ssm:StartSession"],
            &["ssm:CreateAssociation"],
            &["ssm:UpdateAssociation"],
            &["ec2-instance-connect:SendSSHPublicKey"],
            &["ec2-instance-connect:SendSerialConsoleSSHPublicKey"],
            &["ec2:CreateLaunchTemplateVersion"],
            &["ec2:CreateReplaceRootVolumeTask"],
            &["ec2:ModifyInstanceAttribute"],
            &["ec2:ModifyLaunchTemplate"],
            &["codedeploy:CreateDeployment"],
            &["elasticbeanstalk:UpdateEnvironment"],
            &["elasticmapreduce:AddJobFlowSteps"],
        ],
    ),
    // ECS Developer Guide, "Monitor Amazon ECS containers with ECS Exec"; Batch API Reference, `SubmitJob`:
    // `containerOverrides`.
    ("ecs-tasks", &[&["ecs:ExecuteCommand"], &["batch:SubmitJob"]]),
    ("edgelambda", &[&["lambda:UpdateFunctionCode"]]),
    // EKS User Guide, "Grant IAM users access to Kubernetes with EKS access entries": pods bear the role.
    ("eks", &[&["eks:AssociateAccessPolicy"], &["eks:CreateAccessEntry"]]),
    // Glue API Reference, `UpdateDevEndpoint` (keys, libraries), `RunStatement`, `UpdateJob`.
    (
        "glue",
        &[
            &["glue:RunStatement"],
            &["glue:UpdateDevEndpoint"],
            &["glue:UpdateJob"],
            &["glue:UpdateJobFromSourceControl"],
        ],
    ),
    // Managed Service for Apache Flink API Reference, `UpdateApplication`: `CodeContentUpdate`.
    ("kinesisanalytics", &[&["kinesisanalytics:UpdateApplication"]]),
    // Lambda API Reference, `UpdateFunctionCode`, `UpdateFunctionConfiguration` (layers, environment).
    (
        "lambda",
        &[
            &["lambda:UpdateFunctionCode"],
            &["lambda:UpdateFunctionConfiguration"],
            &["synthetics:UpdateCanary"],
        ],
    ),
    // IAM Roles Anywhere User Guide, "Trust model": who is the anchor's authority gets the roles of profiles.
    (
        "rolesanywhere",
        &[&["rolesanywhere:CreateTrustAnchor"], &["rolesanywhere:UpdateTrustAnchor"]],
    ),
    // SageMaker API Reference: notebooks and apps run under their own role whatever opens them or is put in.
    (
        "sagemaker",
        &[
            &["sagemaker:CreateApp"],
            &["sagemaker:CreatePresignedDomainUrl"],
            &["sagemaker:CreatePresignedNotebookInstanceUrl"],
            &["sagemaker:UpdateNotebookInstance"],
            &["sagemaker:UpdateNotebookInstanceLifecycleConfig"],
            &["sagemaker:StartPipelineExecution"],
            &["sagemaker:UpdatePipeline"],
        ],
    ),
    // Systems Manager User Guide, "Automation": a document that other automations run.
    ("ssm", &[&["ssm:UpdateDocument"]]),
    // Step Functions API Reference, `UpdateStateMachine`: the definition alone asks for no role.
    ("states", &[&["states:UpdateStateMachine"]]),
];

/// Every action of the table of swaps.
pub fn swaps() -> impl Iterator<Item = &'static str> {
    SWAPS.iter().flat_map(|(_, sets)| sets.iter().flat_map(|set| set.iter())).copied()
}

/// The part of a service principal that names the service: without domain, and without a region.
fn named(principal: &str) -> Option<String> {
    let lower = principal.to_ascii_lowercase();
    let rest = lower.strip_suffix(".cn").unwrap_or(&lower).strip_suffix(".amazonaws.com")?;
    let is_region = |label: &str| {
        let mut parts = label.rsplit('-');
        parts.next().is_some_and(|n| n.parse::<u8>().is_ok())
            && label.split('-').next().is_some_and(|area| area.len() == 2)
    };
    Some(rest.split('.').filter(|label| !is_region(label)).collect::<Vec<_>>().join("."))
}

/// How a role that this service principal assumes is put to use; `None` where the data does not know how the
/// service takes roles.
#[must_use]
pub fn of(principal: &str) -> Option<Ways> {
    let name = named(principal)?;
    // `build.apprunner.amazonaws.com` is App Runner's as `tasks.apprunner.amazonaws.com` is.
    let last = name.rsplit('.').next().unwrap_or_default();
    let of = |name: &str| {
        let listed = PREFIXES.iter().find(|(known, _)| *known == name);
        let own = [name];
        let prefixes = listed.map_or(&own[..], |(_, prefixes)| prefixes);
        let pass = prefixes.iter().flat_map(|item| {
            let single = item.contains(':').then(|| (*item).to_owned());
            let actions = data().get(item).into_iter().flatten();
            single.into_iter().chain(actions.map(move |action| format!("{item}:{action}")))
        });
        let also = ALSO.iter().filter(|(known, _)| prefixes.contains(known));
        let also = also.flat_map(|(_, actions)| actions.iter().map(|a| (*a).to_owned()));
        let swap = SWAPS.iter().find(|(known, _)| *known == name);
        let ways = Ways {
            pass: pass.chain(also).collect(),
            swap: swap.map(|(_, sets)| *sets).unwrap_or_default(),
        };
        (!ways.pass.is_empty() || !ways.swap.is_empty()).then_some(ways)
    };
    of(&name).or_else(|| of(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::catalogue;

    #[test]
    fn every_action_exists() {
        let tables = SWAPS.iter().flat_map(|(_, sets)| sets.iter().flat_map(|set| set.iter()));
        let tables = tables.chain(ALSO.iter().flat_map(|(_, actions)| actions.iter()));
        let single = PREFIXES.iter().flat_map(|(_, items)| items.iter());
        let tables = tables.chain(single.filter(|item| item.contains(':')));
        let data = data().iter().flat_map(|(prefix, actions)| {
            actions.iter().map(move |action| format!("{prefix}:{action}"))
        });
        let unknown: Vec<String> = data
            .chain(tables.map(|action| (*action).to_owned()))
            .filter(|action| catalogue().find(action).is_none())
            .collect();
        assert_eq!(unknown, Vec::<String>::new());
        assert_eq!(date().len(), 10, "{}", date());
    }

    #[test]
    fn a_principal_is_known_by_its_service_wherever_it_stands() {
        let passes = |principal: &str, action: &str| {
            of(principal).is_some_and(|ways| ways.pass.iter().any(|one| one == action))
        };
        for (principal, action) in [
            ("ecs-tasks.amazonaws.com", "ecs:RegisterTaskDefinition"),
            ("tasks.apprunner.amazonaws.com", "apprunner:CreateService"),
            ("build.apprunner.amazonaws.com", "apprunner:CreateService"),
            ("states.eu-central-1.amazonaws.com", "states:CreateStateMachine"),
            ("ec2.amazonaws.com.cn", "ec2:RunInstances"),
            ("ec2.amazonaws.com", "autoscaling:CreateLaunchConfiguration"),
            ("pods.eks.amazonaws.com", "eks:CreatePodIdentityAssociation"),
            ("glue.amazonaws.com", "glue:CreateJob"),
            ("cloudformation.amazonaws.com", "cloudformation:CreateStackSet"),
            ("rolesanywhere.amazonaws.com", "rolesanywhere:CreateProfile"),
        ] {
            assert!(passes(principal, action), "{principal} {action}: {:?}", of(principal));
        }
        assert_eq!(of("made-up.amazonaws.com"), None);
        assert_eq!(of("token.actions.githubusercontent.com"), None);
    }
}
