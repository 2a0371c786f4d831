#!/usr/bin/env bash
# moto 5.2.5 accepts the tags of CreateBucket and forgets them.
#
# Guess: CreateBucketConfiguration.Tags (in the S3 API since November 2025, in botocore's model, so
# boto3 sends them) is either stored or refused as unknown. moto stores tags of CreateRole, of
# CreateAccount and of an organization policy.
# Seen: the call succeeds and GetBucketTagging answers NoSuchTagSet.
# Matters because: a tool that marks a bucket as its own in the call that makes it, which is the only
# way without a gap and the only way under an SCP that asks for request tags, finds an unmarked
# bucket after an interrupted run and takes it for a bucket of another owner.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[s3,iam]==5.2.5' 'boto3==1.44.8' 'botocore==1.44.8' || exit 2
"$work/venv/bin/python" - <<'PY'
import json, sys
import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

TAGS = [{"Key": "owner", "Value": "platform"}]
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})

def tags(s3, bucket):
    try:
        return s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
    except ClientError as error:
        return error.response["Error"]["Code"]

with mock_aws():
    here, there = boto3.client("s3", "us-east-1"), boto3.client("s3", "eu-west-1")
    here.create_bucket(Bucket="bucket-here", CreateBucketConfiguration={"Tags": TAGS})
    there.create_bucket(Bucket="bucket-there",
                        CreateBucketConfiguration={"LocationConstraint": "eu-west-1", "Tags": TAGS})
    found = [tags(here, "bucket-here"), tags(there, "bucket-there")]
    here.put_bucket_tagging(Bucket="bucket-here", Tagging={"TagSet": TAGS})
    later = tags(here, "bucket-here")
    iam = boto3.client("iam")
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=TRUST, Tags=TAGS)
    role = iam.list_role_tags(RoleName="role")["Tags"]

print("after CreateBucket with tags (us-east-1, eu-west-1):", found)
print("after PutBucketTagging:                             ", later)
print("after CreateRole with tags:                         ", role)
sys.exit(0 if found == ["NoSuchTagSet"] * 2 and later == TAGS and role == TAGS else 1)
PY
