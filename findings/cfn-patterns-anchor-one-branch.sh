#!/usr/bin/env bash
# Fifty-four patterns in CloudFormation's schemas are anchored at the start of their first alternative and at the end of
# their last alone, among them those of IAM's paths and of the targets of organization policies.
#
# Guess: a pattern that opens with `^` and ends with `$` describes the whole value.
# Seen (schemas of us-east-1 in cfn-lint 1.58.0): `^(A)|(B)$` is "begins with A, or ends with B". By the schema of
# AWS::IAM::Role `/team` is a path, which IAM refuses (a path ends with a slash), and by the one of
# AWS::Organizations::Policy any text with twelve digits in a row is the ID of a target. cfn-lint accepts both.
# AWS::IAM::ManagedPolicy has another pattern for its path, which refuses `/team`. A further 1,276 of 8,450 patterns have
# no anchor at all: what an API model means as a full match is a search in JSON Schema.
# Matters because: "valid by its schema" says little about names and identifiers, and the refusal comes half way through
# an apply. A checker has to take each pattern for the whole value, as the services do.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'cfn-lint==1.58.0' || exit 2
"$work/venv/bin/python" -W ignore - <<'PY'
import json, os, sys
import cfnlint
from cfnlint.api import lint_all

def alternatives(pattern):
    parts, depth, in_class, escaped = [""], 0, False, False
    for char in pattern:
        if not escaped and not in_class and depth == 0 and char == "|":
            parts.append("")
            continue
        if not escaped:
            if in_class:
                in_class = char != "]"
            else:
                in_class = char == "["
                depth += (char == "(") - (char == ")")
        escaped = char == "\\" and not escaped
        parts[-1] += char
    return parts

folder = os.path.join(os.path.dirname(cfnlint.__file__), "data/schemas")
types = json.load(open(f"{folder}/providers/us-east-1.json"))
total, bare, half = 0, 0, {}

def visit(node, name):
    global total, bare
    if isinstance(node, list):
        for each in node:
            visit(each, name)
    elif isinstance(node, dict):
        pattern = node.get("pattern")
        if isinstance(pattern, str):
            total += 1
            bare += not pattern.startswith(("^", "(^")) and not pattern.endswith("$")
            if pattern.startswith("^") and pattern.endswith("$") and not all(
                    part.startswith("^") and part.endswith("$") for part in alternatives(pattern)):
                half.setdefault(pattern, set()).add(name)
        for each in node.values():
            visit(each, name)

for name, digest in types.items():
    visit(json.load(open(f"{folder}/resources/{digest}.json")), name)
named = set().union(*half.values())
print(f"{total} patterns; {bare} without an anchor; {len(half)} anchored on one side of an alternative, in {len(named)} types")
for pattern, names in half.items():
    if any(name.startswith(("AWS::IAM::", "AWS::Organizations::")) for name in names):
        print(f"  {pattern}  {', '.join(sorted(names))}")

def accepted(kind, **properties):
    template = {"Resources": {"Example": {"Type": kind, "Properties": properties}}}
    return not [match for match in lint_all(json.dumps(template)) if match.rule.id.startswith("E")]

trust = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}]}
reading = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
refusal = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}]}
verdicts = [
    accepted("AWS::IAM::Role", AssumeRolePolicyDocument=trust, Path="/team"),
    accepted("AWS::IAM::ManagedPolicy", PolicyDocument=reading, Path="/team"),
    accepted("AWS::Organizations::Policy", Name="walls", Type="SERVICE_CONTROL_POLICY", Content=refusal,
             TargetIds=["1111 222233334444 x"]),
]
print("accepted: role's path /team, policy's path /team, target \"1111 222233334444 x\":", verdicts)
sys.exit(0 if (len(half), verdicts) == (54, [True, False, True]) and bare == 1276 else 1)
PY
