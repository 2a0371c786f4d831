#!/usr/bin/env bash
# parliament 1.6.4's catalogue has two definitions of `iam`, of different age, and of 20 other services.
#
# Guess: its list of services has one entry for a service prefix, so that it can be turned into a map.
# Seen: 455 entries for 421 prefixes. `iam` stands there under two titles with 176 and 170 actions; some
# prefixes come from two services that share one (CloudFormation and Cloud Control API), others
# are an older copy beside a newer one.
# Matters because: a map by prefix keeps the last entry and loses the actions that only the other one
# has, without an error. Here these are the actions of central root access and the whole of the Cloud
# Control API; and a count of actions counts many twice.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'parliament==1.6.4' || exit 2
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
import parliament

entries = {}
for service in parliament.iam_definition:
    actions = {action["privilege"] for action in service["privileges"]}
    entries.setdefault(service["prefix"], []).append((service["service_name"], actions))
several = {prefix: found for prefix, found in entries.items() if len(found) > 1}
print("entries:", len(parliament.iam_definition), "prefixes:", len(entries), "with several entries:", len(several))
for prefix in ("iam", "cloudformation", "omics"):
    for name, actions in several[prefix]:
        print(f"  {prefix:15} {len(actions):4} actions  {name}")
by_prefix = {service["prefix"]: service for service in parliament.iam_definition}
kept = {action["privilege"] for action in by_prefix["iam"]["privileges"]}
lost = set.union(*(actions for _, actions in several["iam"])) - kept
print("lost from `iam` in a map by prefix:", sorted(lost))
lost_formation = set.union(*(a for _, a in several["cloudformation"])) - {
    action["privilege"] for action in by_prefix["cloudformation"]["privileges"]}
print("lost from `cloudformation`:", len(lost_formation))
sys.exit(0 if sorted(len(a) for _, a in several["iam"]) == [170, 176] and (lost or lost_formation) else 1)
PY
