#!/usr/bin/env bash
# Fourteen CloudFormation types say that their tags can be updated, and that a change of their tags makes a new resource.
#
# Guess: `tagging.tagUpdatable: true` in a type's schema means that a change of tags is an update in place; the property
# that `tagProperty` names is then not among `createOnlyProperties`, a change of which replaces the resource.
# Seen (schemas of us-east-1 in cfn-lint 1.58.0, over 1,200 types that can be tagged): both hold for 14 types, all three
# of S3 Access Grants among them. The `update` handlers of nine of them ask for the permission to tag, as if they did it in
# place.
# Matters because: the two answers differ by a deletion. A tool that goes by the first adds an ownership tag to a grant and
# may have CloudFormation replace it, under another AccessGrantId; one that goes by the second refuses tags that the
# service takes (s3:TagResource). For these types only a change set tells.
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
taggable, both = 0, {}
for name, digest in types.items():
    schema = json.load(open(f"{folder}/resources/{digest}.json"))
    tagging = schema.get("tagging") or {}
    if not tagging.get("taggable"):
        continue
    taggable += 1
    if tagging.get("tagUpdatable") and tagging.get("tagProperty") in schema.get("createOnlyProperties", []):
        update = (schema.get("handlers") or {}).get("update", {}).get("permissions", [])
        both[name] = [action for action in update if ":tag" in action.lower() or ":addtag" in action.lower()]
print(f"{len(both)} of {taggable} types that can be tagged:")
for name, asked in sorted(both.items()):
    print(f"  {name}: update asks for {', '.join(asked) or 'no permission to tag'}")
grants = {"AWS::S3::AccessGrant", "AWS::S3::AccessGrantsInstance", "AWS::S3::AccessGrantsLocation"}
sys.exit(0 if len(both) == 14 and grants <= set(both) and sum(map(bool, both.values())) == 9 else 1)
PY
