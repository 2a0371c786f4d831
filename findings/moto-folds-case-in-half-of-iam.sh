#!/usr/bin/env bash
# moto 5.2.5 knows that the tag keys of roles are the same in upper and lower case within one request, and forgets it between two.
#
# Guess: names and the tag keys of users and roles are compared without their case throughout, as the IAM API Reference ("Names
# are not distinguished by case") and the User Guide ("Case sensitivity", of tags) have it, or with it throughout.
# Seen: `Team` and `team` in one TagRole are refused as duplicates, "Tag keys are case insensitive"; in two requests they
# become two tags, and UntagRole with `TEAM` removes none and succeeds. Roles, users and policies `deploy` and `Deploy`
# exist side by side. At AWS the second tag takes the place of the first, and the second name is EntityAlreadyExists.
# Matters because: a change of a tag key's case is an update of one tag at AWS, and one tag added and another removed by a
# plain comparison: carried out in that order it can end without either. Against moto both orders look right, and
# so does a module that makes two roles that AWS takes for one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[iam]==5.2.5' 'boto3==1.44.8' 'botocore==1.44.8' || exit 2
"$work/venv/bin/python" -W ignore - <<'PY'
import json, sys
import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

def code(call, **arguments):
    try:
        call(**arguments)
        return "done"
    except ClientError as error:
        return error.response["Error"]["Code"]

def tags(*pairs):
    return [{"Key": key, "Value": value} for key, value in pairs]

def document(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})

trust = document(Principal={"AWS": "123456789012"}, Action="sts:AssumeRole")
reading = document(Action="s3:GetObject", Resource="*")
with mock_aws():
    iam = boto3.client("iam", "us-east-1")
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust)
    iam.create_user(UserName="deploy")
    iam.create_policy(PolicyName="deploy", PolicyDocument=reading)
    together = code(iam.tag_role, RoleName="deploy", Tags=tags(("Team", "a"), ("team", "b")))
    iam.tag_role(RoleName="deploy", Tags=tags(("Team", "a")))
    iam.tag_role(RoleName="deploy", Tags=tags(("team", "b")))
    removal = code(iam.untag_role, RoleName="deploy", TagKeys=["TEAM"])
    kept = [(tag["Key"], tag["Value"]) for tag in iam.list_role_tags(RoleName="deploy")["Tags"]]
    names = [code(iam.create_role, RoleName="Deploy", AssumeRolePolicyDocument=trust),
             code(iam.create_user, UserName="Deploy"),
             code(iam.create_policy, PolicyName="Deploy", PolicyDocument=reading)]
print("Team and team in one request:", together)
print("in two, and then TEAM removed:", kept, removal)
print("a second role, user and policy, Deploy beside deploy:", names)
as_stated = (together, removal, names) == ("InvalidInput", "done", ["done"] * 3) and kept == [("Team", "a"), ("team", "b")]
sys.exit(0 if as_stated else 1)
PY
