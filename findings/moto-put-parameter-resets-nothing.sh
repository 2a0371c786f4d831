#!/usr/bin/env bash
# moto 5.2.5 keeps the KMS key of a secret that is overwritten without one, and takes any type and size.
#
# Guess: as AWS documents it (SSM API Reference, PutParameter): without `KeyId` a SecureString goes back under
# the account's default key; an existing parameter never changes its type; a standard parameter holds
# 4,096 characters.
# Seen: an overwrite without `KeyId` leaves the customer's key in place, one with another `Type` is accepted
# and changes it, and 5,000 characters are a standard parameter.
# Matters because: a tool that leaves `KeyId` out moves secrets from a customer's key to the default one at
# AWS, where other principals can read them, and its tests against moto show a key that stays.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[ssm]==5.2.5' 'boto3==1.44.8' 'botocore==1.44.8' || exit 2
"$work/venv/bin/python" - <<'PY'
import sys
import boto3
from moto import mock_aws

with mock_aws():
    ssm = boto3.client("ssm", "eu-west-1")
    def described(name):
        only = [{"Key": "Name", "Values": [name]}]
        return ssm.describe_parameters(ParameterFilters=only)["Parameters"][0]
    ssm.put_parameter(Name="/app/token", Value="one", Type="SecureString", KeyId="alias/payments")
    ssm.put_parameter(Name="/app/token", Value="two", Type="SecureString", Overwrite=True)
    key = described("/app/token")["KeyId"]
    ssm.put_parameter(Name="/app/text", Value="x" * 5000, Type="String")
    tier = described("/app/text")["Tier"]
    ssm.put_parameter(Name="/app/text", Value="a,b", Type="StringList", Overwrite=True)
    kind = described("/app/text")["Type"]
print("key after an overwrite without one:", key)
print("tier of 5,000 characters:", tier)
print("type after an overwrite with another:", kind)
sys.exit(0 if (key, tier, kind) == ("alias/payments", "Standard", "StringList") else 1)
PY
