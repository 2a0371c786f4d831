#!/usr/bin/env bash
# The permissions that CloudFormation's schemas list for `read` and `list` include creations and deletions,
# and actions of services that IAM does not know.
#
# Guess: the union of the `read` and `list` permissions of the types in use is a read-only policy, an
# upper bound for a role that only plans; and each entry names an IAM action.
# Seen (schemas of us-east-1 in cfn-lint 1.58.0): 28 types ask for actions such as
# kms:PutKeyPolicy, iam:DeleteServiceLinkedRole or cloudwatch:DeleteAlarms in order to be read, nine ask for
# iam:PassRole, and some handlers name prefixes that no policy can grant: `efs:` (IAM says
# elasticfilesystem), `stepfunctions:` (states), `emr:` (elasticmapreduce), and once an empty text.
# Matters because: a plan role that is generated from this data can write, and hand roles to services. The
# list needs a filter by access level, and a test that what remains suffices.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'cfn-lint==1.58.0' 'policy_sentry==0.15.2' || exit 2
"$work/venv/bin/python" -W ignore - <<'PY'
import json, os, re, sys
import cfnlint
from policy_sentry.querying.all import get_all_service_prefixes

folder = os.path.join(os.path.dirname(cfnlint.__file__), "data/schemas")
types = json.load(open(f"{folder}/providers/us-east-1.json"))
services = {prefix.lower() for prefix in get_all_service_prefixes()}
WRITES = re.compile(r"[a-z0-9-]+:(Create|Delete|Put|Update|Attach|Detach)[A-Z]")
writes, passes, prefixes = {}, [], {}
for name, digest in types.items():
    handlers = json.load(open(f"{folder}/resources/{digest}.json")).get("handlers") or {}
    read = handlers.get("read", {}).get("permissions", [])
    if any(WRITES.match(action) for action in read):
        writes[name] = [action for action in read if WRITES.match(action)]
    if "iam:PassRole" in read:
        passes.append(name)
    for handler in handlers.values():
        for action in handler.get("permissions", []):
            prefix = action.split(":")[0].lower()
            if prefix not in services:
                prefixes.setdefault(prefix, name)
print(len(writes), "types whose read handler asks for writes, for example:")
for name in ("AWS::CustomerProfiles::Domain", "AWS::Cassandra::Table", "AWS::ApiGatewayV2::VpcLink"):
    print(f"  {name}: {writes.get(name)}")
print("read handlers with iam:PassRole:", sorted(passes))
impossible = {prefix: prefixes.get(prefix) for prefix in ("efs", "stepfunctions", "emr", "")}
print("prefixes that IAM does not have:", impossible)
sys.exit(0 if len(writes) == 28 and len(passes) == 9 and all(impossible.values()) else 1)
PY
