#!/usr/bin/env bash
# parliament 1.6.4 calls ARNs of four of AWS's eight partitions invalid.
#
# Guess: a linter of IAM policies knows the partitions that the SDK lists, or checks their form only.
# Seen: `aws`, `aws-cn`, `aws-us-gov` and `aws-iso` pass; `aws-iso-b`, `aws-iso-e`, `aws-iso-f` and `aws-eusc` (the
# European Sovereign Cloud) are INVALID_ARN, "Unexpected partition", for a policy that is right. botocore
# 1.43.127 lists all eight.
# Matters because: a check in a pipeline fails every policy of these partitions, and the usual cure, to
# silence INVALID_ARN, hides the ARNs that are wrong.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/check.py" <<'PY'
import json
import botocore.session
import parliament

refused = []
for partition in sorted(botocore.session.get_session().get_available_partitions()):
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:{partition}:s3:::acme-data/*"}
    found = parliament.analyze_policy_string(json.dumps({"Version": "2012-10-17", "Statement": [statement]})).findings
    print(partition, [finding.issue for finding in found])
    if found:
        refused.append(partition)
raise SystemExit(refused != ["aws-eusc", "aws-iso-b", "aws-iso-e", "aws-iso-f"])
PY
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet parliament==1.6.4 botocore==1.43.127 'setuptools<81' >/dev/null || exit 2
"$work/venv/bin/python" -W ignore "$work/check.py"
