#!/usr/bin/env bash
# moto 5.2.5 refuses some deletions of things in use and carries out others.
#
# Guess: moto answers DeleteConflict for a managed policy that is attached, as it does for a role with
# an inline policy and for an SCP with a target; and OrganizationalUnitNotEmptyException for a unit
# that holds an account. AWS documents all four.
# Seen: an attached policy goes. The role keeps its ARN in every listing, GetPolicy does not find it,
# and the same holds for a policy that is a permissions boundary. A unit that holds an account goes
# too: the account stays in ListAccounts, has no parent, and is in no listing of children.
# Matters because: an apply with its deletions in the wrong order passes against moto and fails
# half way on AWS; and a reader of the result meets references to nothing, which AWS never shows.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[organizations,iam]==5.2.5' 'boto3==1.44.8' 'botocore==1.44.8' || exit 2
"$work/venv/bin/python" - <<'PY'
import json, sys
import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

def outcome(call, **arguments):
    try:
        call(**arguments)
        return "done"
    except ClientError as error:
        return error.response["Error"]["Code"]

def document(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})

READ = document(Action="s3:GetObject", Resource="*")
TRUST = document(Principal={"Service": "ec2.amazonaws.com"}, Action="sts:AssumeRole")

with mock_aws():
    iam = boto3.client("iam")
    iam.create_role(RoleName="inline", AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName="inline", PolicyName="p", PolicyDocument=READ)
    inline = outcome(iam.delete_role, RoleName="inline")

    iam.create_role(RoleName="role", AssumeRolePolicyDocument=TRUST)
    attached = iam.create_policy(PolicyName="attached", PolicyDocument=READ)["Policy"]["Arn"]
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=READ)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="role", PolicyArn=attached)
    iam.put_role_permissions_boundary(RoleName="role", PermissionsBoundary=boundary)
    policy = outcome(iam.delete_policy, PolicyArn=attached)
    bounded = outcome(iam.delete_policy, PolicyArn=boundary)
    gone = outcome(iam.get_policy, PolicyArn=attached)
    listed = [p["PolicyArn"] for p in iam.list_attached_role_policies(RoleName="role")["AttachedPolicies"]]

    org = boto3.client("organizations", "us-east-1")
    org.create_organization(FeatureSet="ALL")
    root = org.list_roots()["Roots"][0]["Id"]
    org.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    scp = org.create_policy(Content=READ, Description="", Name="scp", Type="SERVICE_CONTROL_POLICY")
    scp = scp["Policy"]["PolicySummary"]["Id"]
    org.attach_policy(PolicyId=scp, TargetId=root)
    guardrail = outcome(org.delete_policy, PolicyId=scp)
    unit = org.create_organizational_unit(ParentId=root, Name="unit")["OrganizationalUnit"]["Id"]
    account = org.create_account(AccountName="member", Email="member@acme.example")
    account = account["CreateAccountStatus"]["AccountId"]
    org.move_account(AccountId=account, SourceParentId=root, DestinationParentId=unit)
    full = outcome(org.delete_organizational_unit, OrganizationalUnitId=unit)
    parents = org.list_parents(ChildId=account)["Parents"]
    in_list = account in [a["Id"] for a in org.list_accounts()["Accounts"]]
    in_root = account in [a["Id"] for a in org.list_accounts_for_parent(ParentId=root)["Accounts"]]

print("role with an inline policy:   ", inline)
print("SCP with a target:            ", guardrail)
print("attached managed policy:      ", policy, "| afterwards GetPolicy:", gone, "| listed on the role:", listed == [attached])
print("policy that is a boundary:    ", bounded)
print("unit that holds an account:   ", full, "| parents of the account:", parents,
      "| in ListAccounts:", in_list, "| under the root:", in_root)
as_stated = (inline == "DeleteConflict" and guardrail == "PolicyInUseException"
             and policy == bounded == full == "done" and gone == "NoSuchEntity" and listed == [attached]
             and parents == [] and in_list and not in_root)
sys.exit(0 if as_stated else 1)
PY
