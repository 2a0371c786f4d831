#!/usr/bin/env bash
# moto 5.2.5 answers Lambda's GetPolicy with a principal that is no element of a policy: a bare text.
#
# Guess: what a mock tells as the policy of a function can be read as a policy, as the policies of queues, topics, keys and
# repositories can, which moto keeps as they were put.
# Seen: Lambda makes the statement itself from the arguments of AddPermission. AWS writes `{"AWS": "arn:..."}` or
# `{"Service": "..."}`; moto puts the argument in as it is, so the principal is a text. For a service it writes the element.
# Matters because: in a policy a bare text may only be `*`. A tool that reads policies strictly finds the function unreadable in
# its tests and not at AWS, and one that is lenient learns to accept what AWS never sends.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'moto[awslambda,iam]==5.2.5' 'boto3==1.43.0' || exit 2
cat > ask.py <<'PY'
import io, json, os, zipfile

os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_DEFAULT_REGION="eu-west-1")
import boto3, moto

archive = io.BytesIO()
with zipfile.ZipFile(archive, "w") as file:
    file.writestr("handler.py", "def handle(event, context): pass")
with moto.mock_aws():
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = boto3.client("iam").create_role(RoleName="f", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    client = boto3.client("lambda")
    client.create_function(FunctionName="f", Role=role, Runtime="python3.12", Handler="handler.handle", Code={"ZipFile": archive.getvalue()})
    for sid, principal in ("a", "arn:aws:iam::111122223333:role/ci"), ("b", "s3.amazonaws.com"):
        client.add_permission(FunctionName="f", StatementId=sid, Action="lambda:InvokeFunction", Principal=principal)
    for statement in json.loads(client.get_policy(FunctionName="f")["Policy"])["Statement"]:
        print(json.dumps(statement["Principal"]))
PY
venv/bin/python ask.py | tee seen
[ "$(cat seen)" = '"arn:aws:iam::111122223333:role/ci"'$'\n''{"Service": "s3.amazonaws.com"}' ]
