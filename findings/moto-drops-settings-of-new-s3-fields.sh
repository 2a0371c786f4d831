#!/usr/bin/env bash
# moto 5.2.5 accepts the newer walls of a bucket, the block of encryption with a customer's keys and ABAC, and keeps neither.
#
# Guess: a setting that moto's own boto3 sends is stored, or refused as not implemented, as STS's AssumeRoot is.
# Seen: PutBucketEncryption with BlockedEncryptionTypes succeeds, GetBucketEncryption returns the rule without it, and a
# PutObject with SSE-C goes through. A rule of this block alone, which the API's model allows, is MalformedXML. PutBucketAbac
# succeeds too, and GetBucketAbac answers without a status.
# Matters because: a tool that reads back what it wrote, to plan the next change, finds a difference in every plan against
# moto; one that trusts the answer counts as closed what nothing has closed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[s3]==5.2.5' 'boto3==1.44.8' 'botocore==1.44.8' || exit 2
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

def code(call, **arguments):
    try:
        call(**arguments)
        return "done"
    except ClientError as error:
        return error.response["Error"]["Code"]

BLOCK = {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}
OWN = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": True}
with mock_aws():
    s3 = boto3.client("s3", "us-east-1")
    s3.create_bucket(Bucket="acme-data")
    def encryption(rule):
        return code(s3.put_bucket_encryption, Bucket="acme-data", ServerSideEncryptionConfiguration={"Rules": [rule]})
    alone, both = encryption(BLOCK), encryption(OWN | BLOCK)
    (kept,) = s3.get_bucket_encryption(Bucket="acme-data")["ServerSideEncryptionConfiguration"]["Rules"]
    object_ = code(s3.put_object, Bucket="acme-data", Key="own-key", Body=b"x",
                   SSECustomerAlgorithm="AES256", SSECustomerKey="0" * 32)
    abac = code(s3.put_bucket_abac, Bucket="acme-data", AbacStatus={"Status": "Enabled"})
    status = s3.get_bucket_abac(Bucket="acme-data")["AbacStatus"]
print("the block alone:", alone)
print("the block beside a default:", both, "and kept:", kept)
print("an object with a customer's key:", object_)
print("ABAC enabled:", abac, "and kept:", status)
as_stated = (alone, both, kept, object_) == ("MalformedXML", "done", OWN, "done") and (abac, status) == ("done", {})
sys.exit(0 if as_stated else 1)
PY
