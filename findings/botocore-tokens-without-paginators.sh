#!/usr/bin/env bash
# botocore 1.44.8 has no paginator for listings that are paged, among them ones that decide access.
#
# Guess: every operation that takes and returns a token has a paginator, so `can_paginate` tells
# whether one call returns everything.
# Seen: nine listings of S3 Control (access points, access grants, ...), six of IAM (delegation
# requests, service-specific credentials, ...) and two of Organizations have a token on both sides
# and no paginator. `can_paginate` says no for them.
# Matters because: a generic reader that pages where it can and calls once elsewhere reads the first
# page of the access points and takes it for all of them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'boto3==1.44.8' 'botocore==1.44.8' || exit 2
AWS_EC2_METADATA_DISABLED=true "$work/venv/bin/python" - <<'PY'
import sys
import boto3
from botocore import xform_name

TOKENS = {"NextToken", "nextToken", "Marker"}
without = {}
for service in ("s3control", "iam", "organizations", "sts", "sso-admin", "ssm"):
    client = boto3.client(service, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    model = client.meta.service_model
    without[service] = sorted(
        name for name in model.operation_names
        if model.operation_model(name).input_shape and model.operation_model(name).output_shape
        and TOKENS & set(model.operation_model(name).input_shape.members)
        and TOKENS & set(model.operation_model(name).output_shape.members)
        and not client.can_paginate(xform_name(name)))
    print(f"{service}: {', '.join(without[service]) or 'none'}")
as_stated = ({"ListAccessPoints", "ListAccessGrants", "ListMultiRegionAccessPoints"} <= set(without["s3control"])
             and {"ListDelegationRequests", "ListServiceSpecificCredentials"} <= set(without["iam"])
             and not without["sso-admin"])
sys.exit(0 if as_stated else 1)
PY
