#!/usr/bin/env bash
# Three CloudFormation types that attach policies can be created, updated and deleted, but not read.
#
# Guess: a resource schema with handlers has a `read` handler, without which Cloud Control API can neither
# get nor list a resource nor detect its drift.
# Seen: in the schemas of us-east-1 (cfn-lint 1.58.0) seven types have create, update and delete alone. Three
# of them carry policies: AWS::IAM::Policy, AWS::SNS::TopicPolicy and AWS::SQS::QueuePolicy. Their
# siblings AWS::IAM::RolePolicy and AWS::SNS::TopicInlinePolicy have `read`. AWS::IAM::RolePolicy in turn
# has no `list`, and neither have others.
# Matters because: a reader of access that goes through Cloud Control alone sees no policy of a topic or a
# queue that was made by the older types, and must take it from the service's own API.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'cfn-lint==1.58.0' || exit 2
"$work/venv/bin/python" - <<'PY'
import json, os, sys
import cfnlint

folder = os.path.join(os.path.dirname(cfnlint.__file__), "data/schemas")
types = json.load(open(f"{folder}/providers/us-east-1.json"))
handlers = {}
for name, digest in types.items():
    schema = json.load(open(f"{folder}/resources/{digest}.json"))
    handlers[name] = sorted(schema.get("handlers") or {})
unreadable = sorted(name for name, has in handlers.items() if has and "read" not in has)
unlisted = sorted(name for name, has in handlers.items() if "read" in has and "list" not in has)
print(len(types), "types;", sum(not has for has in handlers.values()), "without any handler")
print("handlers but no read:", unreadable)
print("read but no list:", len(unlisted), [name for name in unlisted if name.startswith("AWS::IAM::")])
for name in ("AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::SNS::TopicPolicy", "AWS::SNS::TopicInlinePolicy"):
    print(f"  {name}: {', '.join(handlers[name])}")
policies = {"AWS::IAM::Policy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"}
as_stated = (len(unreadable) == 7 and policies <= set(unreadable) and "AWS::IAM::RolePolicy" in unlisted
             and "read" in handlers["AWS::SNS::TopicInlinePolicy"])
sys.exit(0 if as_stated else 1)
PY
