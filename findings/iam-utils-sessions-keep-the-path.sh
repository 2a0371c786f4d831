#!/usr/bin/env bash
# @cloud-copilot/iam-utils 0.1.82 puts a role's path into the ARN of its session, where AWS has none.
#
# Guess: convertRoleArnToAssumedRoleArn gives the ARN that STS gives: of `role/team/deploy` only the name goes into
# `assumed-role/deploy/SESSION`. It is so for every session of IAM Identity Center, whose roles all have a path, and
# moto 5.2.5, an emulator, does so too.
# Seen: `assumed-role/team/deploy/SESSION`. The way back of the same package reads that form, so that a test of one against the
# other passes; for the ARN that STS gives it returns `role/deploy`, which is another role or none.
# Matters because: a policy that names the session by the made-up ARN matches no caller, and a simulation that makes its
# callers so finds a denial where AWS allows. Which role a session is of has to be looked up by account and name
# (names are unique whatever the path), not computed from the ARN.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @cloud-copilot/iam-utils@0.1.82 >/dev/null || exit 2
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'moto[sts,iam]==5.2.5' 'boto3==1.44.8' 'botocore==1.44.8' || exit 2
cat > convert.mjs <<'JS'
import { convertAssumedRoleArnToRoleArn, convertRoleArnToAssumedRoleArn } from "@cloud-copilot/iam-utils";
const made = convertRoleArnToAssumedRoleArn("arn:aws:iam::123456789012:role/team/deploy", "session");
const real = "arn:aws:sts::123456789012:assumed-role/deploy/session";
console.log(made, convertAssumedRoleArnToRoleArn(made), convertAssumedRoleArnToRoleArn(real));
JS
cat > assume.py <<'PY'
import json
import boto3
from moto import mock_aws

trust = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}]}
with mock_aws():
    role = boto3.client("iam", "us-east-1").create_role(
        RoleName="deploy", Path="/team/", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    session = boto3.client("sts", "us-east-1").assume_role(RoleArn=role["Arn"], RoleSessionName="session")
    print(session["AssumedRoleUser"]["Arn"])
PY
read -r made back real < <(node convert.mjs)
emulated=$(venv/bin/python assume.py)
echo "iam-utils: $made, and back: $back"
echo "           back from the ARN of a real session: $real"
echo "moto:      $emulated"
[ "$made" = arn:aws:sts::123456789012:assumed-role/team/deploy/session ] && [ "$back" = arn:aws:iam::123456789012:role/team/deploy ] &&
  [ "$real" = arn:aws:iam::123456789012:role/deploy ] &&
  [ "$emulated" = arn:aws:sts::123456789012:assumed-role/deploy/session ]
