#!/usr/bin/env bash
# moto 5.2.5 reports a closed account's new `State` as SUSPENDED, which means something else there.
#
# Guess: having the field `State` at all, moto fills it with that field's own values: PENDING_CLOSURE or
# CLOSED after CloseAccount.
# Seen: `State` is a copy of the retired `Status`. In `Status`, SUSPENDED meant "closed"; in `State` it
# means that AWS has restricted the account, and CLOSED is a value of its own ("Monitor the state of
# your AWS accounts", Organizations User Guide; the enum in botocore's model has both).
# Matters because: a reader that treats a closed account (no principal can act in it) differently from a
# restricted one never sees the first case against moto, so that branch is untested.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[organizations]==5.2.5' 'boto3==1.44.8' 'botocore==1.44.8' || exit 2
"$work/venv/bin/python" - <<'PY'
import sys
import boto3
from moto import mock_aws

with mock_aws():
    client = boto3.client("organizations", "us-east-1")
    client.create_organization(FeatureSet="ALL")
    account = client.create_account(AccountName="member", Email="member@acme.example")
    account = account["CreateAccountStatus"]["AccountId"]
    client.close_account(AccountId=account)
    closed = client.describe_account(AccountId=account)["Account"]
states = client.meta.service_model.shape_for("AccountState").enum
print("values of State in botocore's model:", states)
print("after CloseAccount: State:", closed.get("State"), "Status:", closed.get("Status"))
sys.exit(0 if closed.get("State") == closed.get("Status") == "SUSPENDED" and "CLOSED" in states else 1)
PY
