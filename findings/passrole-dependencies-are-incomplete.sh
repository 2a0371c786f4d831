#!/usr/bin/env bash
# The dependent actions in AWS's authorization data, as policy_sentry 0.15.2 and parliament 1.6.4 carry
# them, miss iam:PassRole for some of the best-known ways to pass a role.
#
# Guess: "every action with iam:PassRole as a dependent action" is the list of ways to hand a role to a
# service; 254 actions have it, exotic services included.
# Seen: both packages, each with its own copy of AWS's pages, have it for lambda:CreateFunction and
# ecs:RunTask, and not for lambda:UpdateFunctionConfiguration, ecs:RegisterTaskDefinition, glue:CreateJob,
# cloudformation:CreateStack, codebuild:CreateProject, events:PutTargets and ten more whose requests
# hold the ARN of a role.
# Matters because: an analysis of privilege escalation that is built on this list alone calls an account
# safe in which a principal may start a Glue job under an administrator's role. The list has to be
# joined with the request shapes (a member that holds a role's ARN).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'policy_sentry==0.15.2' 'parliament==1.6.4' || exit 2
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
import parliament
from policy_sentry.shared.iam_data import iam_definition as sentry

passes = {"parliament": set(), "policy_sentry": set()}
known = {"parliament": set(), "policy_sentry": set()}
for service in parliament.iam_definition:
    for action in service["privileges"]:
        name = f"{service['prefix']}:{action['privilege']}"
        known["parliament"].add(name)
        if any("iam:PassRole" in kind.get("dependent_actions", []) for kind in action["resource_types"]):
            passes["parliament"].add(name)
for prefix, service in sentry.items():
    for action, detail in (service["privileges"] if isinstance(service, dict) else {}).items():
        known["policy_sentry"].add(f"{prefix}:{action}")
        if any("iam:PassRole" in kind.get("dependent_actions", []) for kind in detail["resource_types"].values()):
            passes["policy_sentry"].add(f"{prefix}:{action}")

LISTED = ["lambda:CreateFunction", "ecs:RunTask", "ec2:RunInstances", "scheduler:CreateSchedule"]
TAKES_A_ROLE = [
    "lambda:UpdateFunctionConfiguration", "ecs:RegisterTaskDefinition", "glue:CreateJob", "glue:UpdateJob",
    "cloudformation:CreateStack", "cloudformation:CreateChangeSet", "codebuild:CreateProject",
    "codebuild:UpdateProject", "events:PutTargets", "iot:CreateTopicRule", "batch:RegisterJobDefinition",
    "firehose:CreateDeliveryStream", "codepipeline:CreatePipeline", "apprunner:CreateService",
    "bedrock:CreateAgent", "airflow:CreateEnvironment",
]
as_stated = True
for tool in ("policy_sentry", "parliament"):
    print(f"{tool}: {len(passes[tool])} actions with iam:PassRole as a dependent action")
    print("  listed: ", [a for a in LISTED if a in passes[tool]])
    missing = [a for a in TAKES_A_ROLE if a in known[tool] and a not in passes[tool]]
    print("  missing:", missing)
    as_stated &= missing == TAKES_A_ROLE and all(a in passes[tool] for a in LISTED)
sys.exit(0 if as_stated else 1)
PY
