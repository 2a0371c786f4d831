#!/usr/bin/env bash
# In the partition aws-cn the global services have two home Regions, and botocore's partition data names one.
#
# Guess: `implicitGlobalRegion` in botocore 1.43.127's partitions.json, the Region in which "global" services of a
# partition live, is the Region that requests to IAM are signed for, as it is in `aws` and `aws-us-gov`.
# Seen: for aws-cn it is cn-northwest-1, where Organizations, Cost Explorer, Budgets and Route 53 are; requests to IAM
# are signed for cn-north-1. In aws-us-gov Cost Explorer and Budgets are not global at all: they follow the
# Region of the caller. In aws-eusc everything follows the Region.
# Matters because: a tool that keeps one "home Region" for each partition (for an endpoint override, a proxy's allow list,
# an SCP that exempts global services by aws:RequestedRegion) is wrong for half of China's global services.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/homes.py" <<'PY'
import json, os
import boto3, botocore

with open(os.path.join(os.path.dirname(botocore.__file__), "data", "partitions.json")) as file:
    homes = {p["id"]: p["outputs"]["implicitGlobalRegion"] for p in json.load(file)["partitions"]}
seen = {}
for partition, region in [("aws", "eu-central-1"), ("aws-cn", "cn-north-1"), ("aws-cn", "cn-northwest-1"), ("aws-us-gov", "us-gov-east-1")]:
    row = {}
    for service in ["iam", "organizations", "route53", "ce", "budgets"]:
        client = boto3.client(service, region_name=region, aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="example")
        row[service] = client._request_signer._region_name
    print(region, "home of the partition:", homes[partition], "signed for:", row)
    seen[region] = row
north, northwest = "cn-north-1", "cn-northwest-1"
right = {"iam": north, "organizations": northwest, "route53": northwest, "ce": northwest, "budgets": northwest}
gov = seen["us-gov-east-1"]
raise SystemExit(not (
    homes["aws-cn"] == northwest
    and seen[north] == right and seen[northwest] == right
    and set(seen["eu-central-1"].values()) == {"us-east-1"}
    and (gov["iam"], gov["organizations"], gov["ce"], gov["budgets"]) == ("us-gov-west-1", "us-gov-west-1", "us-gov-east-1", "us-gov-east-1")
))
PY
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet boto3==1.43.103 botocore==1.43.127 >/dev/null || exit 2
"$work/venv/bin/python" "$work/homes.py"
