//! How code comes to run under a role that a service assumes: the actions by which a caller passes a role to
//! the service, and those by which it is a role that is in use already.
//!
//! The first are data, `data/passrole.txt`: what AWS's service authorization data and service models know of
//! (see `data/NOTICE.md`). A service that the data does not name may take roles all the same, so for one that
//! is not here [`of`] answers `None`, and whoever asks must not conclude that nothing is possible.
//!
//! The second are data as well, `data/runs.txt`, typed by hand: AWS publishes no such list, and each line cites the page
//! that says so. What was looked at and does not count stands there too, so that an action which is new to the
//! catalogue is decided before the tests pass again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

static DATA: &str = include_str!("data/passrole.txt");
static RUNS: &str = include_str!("data/runs.txt");

/// How a role that one service assumes is put to use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// Actions by each of which a caller that may also `iam:PassRole` hands the role over, as `service:Action`.
    pub pass: Vec<String>,
    /// Actions by each of which somebody is a role that is in use already, and no role is passed: something that
    /// runs under it then runs what the caller gives it, or its credentials are handed out.
    pub swap: Vec<&'static str>,
    /// Sets of actions that do the same together.
    pub swap_together: Vec<&'static JointActions>,
}

/// Actions that are needed together, in groups whose actions must apply to the same resource.
pub type JointActions = Vec<Vec<&'static str>>;

/// The resources of a call that needs permission for several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredResources {
    /// Groups of resource types: the call needs permission for one resource of each group.
    pub groups: Vec<Vec<&'static str>>,
    /// Context keys with the ARN of the resource that carries the role, and its IAM resource type.
    pub role_keys: Vec<(&'static str, &'static str)>,
}

/// The resources that a call needs permission for, if there are several.
#[must_use]
pub fn required_resources(action: &str) -> Option<&'static RequiredResources> {
    static KNOWN: OnceLock<BTreeMap<String, RequiredResources>> = OnceLock::new();
    let read = |line: &'static str| {
        let mut fields = line.split('\t');
        let action = fields.next().unwrap_or_default().to_ascii_lowercase();
        let groups = fields.next().unwrap_or_default().split(' ');
        let keys = fields.next().unwrap_or_default().split(' ');
        let groups = groups.map(|group| group.split('|').collect()).collect();
        let role_keys = keys.filter_map(|pair| pair.split_once('=')).collect();
        (action, RequiredResources { groups, role_keys })
    };
    let lines = || RUNS.lines().filter_map(|line| line.strip_prefix("& "));
    KNOWN.get_or_init(|| lines().map(read).collect()).get(&action.to_ascii_lowercase())
}

/// An action of [`swaps`] in lower case.
#[must_use]
pub fn in_lower_case(action: &str) -> Option<&'static str> {
    static LOWER: OnceLock<BTreeSet<String>> = OnceLock::new();
    let lower = LOWER.get_or_init(|| swaps().map(str::to_ascii_lowercase).collect());
    lower.get(&action.to_ascii_lowercase()).map(String::as_str)
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
    // Aurora and RDS User Guides, "Enhanced Monitoring", "Exporting DB snapshot data to Amazon S3": no code of a
    // database runs under these.
    ("monitoring.rds", &["rds"]),
    ("export.rds", &["rds"]),
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
    // Service Catalog Administrator Guide, "Launch constraints": the role is a parameter of the constraint.
    ("servicecatalog", &["servicecatalog:CreateConstraint", "servicecatalog:UpdateConstraint"]),
];

/// Ways to be a role that is in use already, by the service that assumes it, without `.amazonaws.com`.
fn in_use() -> &'static BTreeMap<&'static str, Vec<JointActions>> {
    static KNOWN: OnceLock<BTreeMap<&'static str, Vec<JointActions>>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let mut known: BTreeMap<&str, Vec<JointActions>> = BTreeMap::new();
        for line in RUNS.lines().filter_map(|line| line.strip_prefix("+ ")) {
            let mut fields = line.split('\t');
            let (services, actions) = (fields.next(), fields.next());
            for service in services.into_iter().flat_map(|services| services.split(',')) {
                let set = actions.into_iter().flat_map(|actions| actions.split(' '));
                let set = set.map(|on_one| on_one.split('=').collect());
                known.entry(service).or_default().push(set.collect());
            }
        }
        known
    })
}

/// Every action by which, alone or with others, somebody is a role that is in use already.
pub fn swaps() -> impl Iterator<Item = &'static str> {
    static ALL: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    let all =
        ALL.get_or_init(|| in_use().values().flatten().flatten().flatten().copied().collect());
    all.iter().copied()
}

/// Services that take a role of their caller's own account alone, to run code under it: whoever uses one as a deputy
/// stands in the role's account.
pub fn runs_code_of_its_account(principal: &str) -> bool {
    const RUN_CODE: [&str; 20] = [
        "airflow",
        "airflow-env",
        "apprunner",
        "athena",
        "bedrock-agentcore",
        "cloudformation",
        "codebuild",
        "datapipeline",
        "ec2",
        "ecs-tasks",
        "edgelambda",
        "eks",
        "glue",
        "kinesisanalytics",
        "lambda",
        "pods.eks",
        "rolesanywhere",
        "sagemaker",
        "ssm",
        "states",
    ];
    let Some(name) = named(principal) else { return false };
    let last = name.rsplit('.').next().unwrap_or_default();
    RUN_CODE.contains(&name.as_str()) || (!is_listed(&name) && RUN_CODE.contains(&last))
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

fn is_listed(name: &str) -> bool {
    PREFIXES.iter().any(|(known, _)| *known == name)
}

/// How a role that this service principal assumes is put to use; `None` where the data does not know how the
/// service takes roles.
#[must_use]
pub fn of(principal: &str) -> Option<Ways> {
    let name = named(principal)?;
    // `build.apprunner.amazonaws.com` is App Runner's as `tasks.apprunner.amazonaws.com` is.
    let last = name.rsplit('.').next().unwrap_or_default();
    let passing = |name: &str| -> Vec<String> {
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
        pass.chain(also).collect()
    };
    let own = passing(&name);
    let pass = if own.is_empty() { passing(last) } else { own };
    let known = if in_use().contains_key(name.as_str()) || is_listed(&name) { &name } else { last };
    let (one, some): (Vec<_>, Vec<_>) =
        in_use().get(known).into_iter().flatten().partition(|set| set.concat().len() == 1);
    let ways = Ways {
        pass,
        swap: one.into_iter().flatten().flatten().copied().collect(),
        swap_together: some,
    };
    let any = !ways.pass.is_empty() || !ways.swap.is_empty() || !ways.swap_together.is_empty();
    any.then_some(ways)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::catalogue;
    use crate::iam::catalogue::ActionId;
    use crate::iam::symbolic::globs::Glob;

    #[test]
    fn every_action_exists() {
        let tables = ALSO.iter().flat_map(|(_, actions)| actions.iter());
        let single = PREFIXES.iter().flat_map(|(_, items)| items.iter());
        let tables = tables.chain(single.filter(|item| item.contains(':')));
        let data = data().iter().flat_map(|(prefix, actions)| {
            actions.iter().map(move |action| format!("{prefix}:{action}"))
        });
        let unknown: Vec<String> = data
            .chain(tables.map(|action| (*action).to_owned()))
            .chain(swaps().map(str::to_owned))
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

    /// What is known of a service that hands out roles which are in use includes how they come into use: else a role
    /// that is passed to it would count as going nowhere.
    #[test]
    fn a_service_whose_roles_are_in_use_takes_roles() {
        let deaf: Vec<&str> = in_use()
            .keys()
            .copied()
            .filter(|name| {
                of(&format!("{name}.amazonaws.com")).is_none_or(|ways| ways.pass.is_empty())
            })
            .collect();
        assert_eq!(deaf, Vec::<&str>::new());
        let swaps = |principal: &str| of(principal).expect(principal).swap;
        assert!(swaps("tasks.apprunner.amazonaws.com").contains(&"apprunner:UpdateService"));
        assert!(swaps("pods.eks.amazonaws.com").contains(&"emr-containers:StartJobRun"));
        assert_eq!(swaps("monitoring.rds.amazonaws.com"), Vec::<&str>::new());
        assert_eq!(swaps("iot.amazonaws.com"), Vec::<&str>::new());
    }

    /// Every line says where it is from, and none of those that do not count fits nothing.
    #[test]
    fn every_action_that_sounds_like_running_is_decided() {
        let lines = |mark: &str| -> Vec<Vec<&str>> {
            let lines = RUNS.lines().filter_map(|line| line.strip_prefix(mark));
            lines.map(|line| line.split('\t').collect()).collect()
        };
        let (counts, not) = (lines("+ "), lines("- "));
        assert!(counts.iter().all(|line| line.len() == 3), "service, actions and source");
        assert!(not.iter().all(|line| line.len() == 2), "actions and reason");
        for line in lines("& ") {
            let [action, types, _, _] = line.as_slice() else { panic!("{line:?}") };
            let id = catalogue().find(action).expect(action);
            let known: Vec<&str> = catalogue().resource_types(id).map(|kind| kind.name).collect();
            for name in types.split([' ', '|']) {
                assert!(known.contains(&name), "{action}: {name} is not one of {known:?}");
            }
            assert!(required_resources(action).is_some());
        }
        let patterns: Vec<Glob> = not
            .iter()
            .filter_map(|line| line.first())
            .flat_map(|patterns| patterns.split(' '))
            .map(|pattern| Glob::like(&pattern.to_ascii_lowercase()))
            .collect();
        let passing: BTreeSet<String> = data()
            .iter()
            .flat_map(|(prefix, actions)| actions.iter().map(move |a| format!("{prefix}:{a}")))
            .collect();
        let taking: BTreeSet<&str> = data()
            .keys()
            .copied()
            .chain(swaps().filter_map(|action| action.split(':').next()))
            .collect();
        let counted: BTreeSet<&str> = swaps().collect();
        let ids = (0..catalogue().action_count()).filter_map(|n| u32::try_from(n).ok());
        let all: Vec<String> = ids.filter_map(|n| catalogue().full_name(ActionId(n))).collect();
        let undecided: Vec<&String> = all
            .iter()
            .filter(|action| {
                let (service, name) = action.split_once(':').expect("service and name");
                taking.contains(service)
                    && sounds_like_running(name)
                    && !counted.contains(action.as_str())
                    && !passing.contains(*action)
                    && !patterns.iter().any(|p| p.matches(&action.to_ascii_lowercase()))
            })
            .collect();
        assert_eq!(undecided, Vec::<&String>::new(), "decide each in `data/runs.txt`");
        let idle = patterns
            .iter()
            .filter(|p| !all.iter().any(|action| p.matches(&action.to_ascii_lowercase())))
            .count();
        assert_eq!(idle, 0, "patterns that fit no action");
    }

    fn sounds_like_running(name: &str) -> bool {
        const VERBS: [&str; 10] = [
            "Assume", "Connect", "Execute", "Invoke", "Issue", "Open", "Resume", "Run", "Start",
            "Submit",
        ];
        let ends = |verb: &str, ends: &[&str]| {
            name.strip_prefix(verb).is_some_and(|rest| ends.iter().any(|end| rest.contains(end)))
        };
        VERBS.iter().any(|verb| name.starts_with(verb))
            || ends("Get", &["Credential", "Token", "SessionEndpoint"])
            || (name.starts_with("Get") && name.ends_with("Access"))
            || ends(
                "Create",
                &["Token", "Shell", "PresignedUrl", "PresignedURL", "StreamingURL", "Login"],
            )
            || ends("Send", &["Command", "Key"])
            || ends("Import", &["Key"])
    }
}
