#!/usr/bin/env bash
# awacs 2.6.1 and iam-floyd 0.842.0 take two conditions and write one, each along another axis.
#
# Guess: conditions that are added to a statement add up: two keys under one operator stand side by side, and two values
# of one key become a list. A builder that cannot do it refuses.
# Seen: awacs makes one entry for each operator, and the second StringNotEquals replaces the first, whatever its
# key. iam-floyd merges by key, and the second value of aws:RequestedRegion replaces the first. Neither says a word;
# both have a form that works (one operator with a map of keys; one call with a list of values).
# Matters because: the policy is valid and reads well. Here a Deny that should leave two kinds of callers alone refuses
# one of them, and an Allow for two Regions is one for the last: what the code says has to be checked in the document
# that comes out, not in the calls.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'awacs==2.6.1' || exit 2
npm init -y >/dev/null
npm install --silent --no-audit --no-fund iam-floyd@0.842.0 >/dev/null || exit 2
cat > build.py <<'PY'
import json
from awacs.aws import Action, Condition, Deny, PolicyDocument, Statement, StringNotEquals

def conditions(elements):
    refusal = Statement(Effect=Deny, Action=[Action("s3", "PutObject")], Resource=["*"], Condition=Condition(elements))
    return json.loads(PolicyDocument(Statement=[refusal]).to_json())["Statement"][0]["Condition"]

organization, account = ("aws:PrincipalOrgID", "o-exampleorg1"), ("aws:PrincipalAccount", "111122223333")
print(json.dumps(conditions([StringNotEquals(*organization), StringNotEquals(*account)])))
print(json.dumps(conditions(StringNotEquals(dict([organization, account])))))
PY
cat > build.js <<'JS'
const { Statement } = require("iam-floyd");
const read = () => new Statement.S3().allow().toGetObject().onBucket("acme-data");
const condition = (statement) => console.log(JSON.stringify(statement.toJSON().Condition));
condition(read().ifAwsRequestedRegion("eu-west-1").ifAwsRequestedRegion("eu-central-1"));
condition(read().ifAwsRequestedRegion(["eu-west-1", "eu-central-1"]));
JS
awacs=$(venv/bin/python build.py)
floyd=$(node build.js)
echo "awacs, two elements and one map:"
echo "$awacs"
echo "iam-floyd, two calls and one list:"
echo "$floyd"
[ "$awacs" = '{"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}}
{"StringNotEquals": {"aws:PrincipalAccount": "111122223333", "aws:PrincipalOrgID": "o-exampleorg1"}}' ] &&
  [ "$floyd" = '{"StringLike":{"aws:RequestedRegion":"eu-central-1"}}
{"StringLike":{"aws:RequestedRegion":["eu-west-1","eu-central-1"]}}' ]
