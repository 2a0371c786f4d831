#!/usr/bin/env bash
# moto 5.2.5 cuts ListBuckets at MaxBuckets and gives no token for the rest.
#
# Guess: with MaxBuckets=1 moto either ignores the limit or returns a ContinuationToken, as S3 does,
# so that a paginator sees every bucket.
# Seen: it returns one bucket and no token. boto3's own paginator ends after the first page, and two of
# three buckets do not exist for the caller. GetAccountAuthorizationDetails errs to the other side:
# it ignores MaxItems, so that its paging is never exercised.
# Matters because: a reader that asks for pages takes the missing buckets for deleted ones, and a
# tool that is tested against moto plans to create them again.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[s3,iam]==5.2.5' 'boto3==1.44.8' 'botocore==1.44.8' || exit 2
"$work/venv/bin/python" - <<'PY'
import json, sys
import boto3
from moto import mock_aws

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})

with mock_aws():
    s3 = boto3.client("s3", "us-east-1")
    for name in ("first", "second", "third"):
        s3.create_bucket(Bucket=f"bucket-{name}")
    page = s3.list_buckets(MaxBuckets=1)
    pages = list(s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 1}))
    paged = [bucket["Name"] for page in pages for bucket in page["Buckets"]]
    everything = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    iam = boto3.client("iam")
    for at in range(5):
        iam.create_role(RoleName=f"role-{at}", AssumeRolePolicyDocument=TRUST)
    details = iam.get_account_authorization_details(Filter=["Role"], MaxItems=2)

print("without a limit:          ", everything)
print("MaxBuckets=1:             ", [bucket["Name"] for bucket in page["Buckets"]],
      "token:", page.get("ContinuationToken"))
print("paginator, one to a page: ", paged)
print("roles with MaxItems=2:    ", len(details["RoleDetailList"]), "truncated:", details["IsTruncated"])
as_stated = (len(everything) == 3 and len(paged) == 1 and "ContinuationToken" not in page
             and len(details["RoleDetailList"]) == 5 and not details["IsTruncated"])
sys.exit(0 if as_stated else 1)
PY
