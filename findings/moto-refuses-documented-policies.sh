#!/usr/bin/env bash
# moto 5.2.5 answers MalformedPolicyDocument to trust policies and conditions that AWS's own documentation shows.
#
# Guess: an emulator that checks policies errs by accepting too much, so that what it refuses is wrong at AWS too.
# Seen: the actions of a trust policy are compared, with their case, with a list of eleven names. `sts:*`, `sts:AssumeRole*`,
# `sts:assumerole` and sts:SetContext (trusted identity propagation) are refused; sts:DecodeAuthorizationMessage, which
# names no role, passes. A condition may hold `true`, and no number: `"NumericLessThan": {"s3:TlsVersion": 1.2}` is
# "Syntax errors in policy", `"1.2"` is not.
# Matters because: a tool whose check of policies is tuned until it agrees with moto refuses policies that are in use, and
# one that keeps numbers as they were written, so that a plan shows no change, fails against moto alone.
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

def document(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

def trust(*actions):
    return document(Effect="Allow", Principal={"AWS": "123456789012"}, Action=list(actions))

TRUSTS = {
    ("sts:AssumeRole", "sts:TagSession"): "done",
    ("sts:DecodeAuthorizationMessage",): "done",
    ("sts:AssumeRole", "sts:SetContext"): "MalformedPolicyDocument",
    ("sts:AssumeRole*",): "MalformedPolicyDocument",
    ("sts:assumerole",): "MalformedPolicyDocument",
    ("sts:*",): "MalformedPolicyDocument",
}
CONDITIONS = [
    ({"Bool": {"aws:SecureTransport": False}}, "done"),
    ({"NumericLessThan": {"s3:TlsVersion": "1.2"}}, "done"),
    ({"NumericLessThan": {"s3:TlsVersion": 1.2}}, "MalformedPolicyDocument"),
]
as_stated = True
with mock_aws():
    iam = boto3.client("iam", "us-east-1")
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust("sts:AssumeRole"))
    for actions, expected in TRUSTS.items():
        answer = code(iam.update_assume_role_policy, RoleName="deploy", PolicyDocument=trust(*actions))
        print(f"{', '.join(actions):48} {answer}")
        as_stated &= answer == expected
    for condition, expected in CONDITIONS:
        refusal = document(Effect="Deny", Action="s3:*", Resource="*", Condition=condition)
        answer = code(iam.put_role_policy, RoleName="deploy", PolicyName="tls", PolicyDocument=refusal)
        print(f"{json.dumps(condition):48} {answer}")
        as_stated &= answer == expected
sys.exit(0 if as_stated else 1)
PY
