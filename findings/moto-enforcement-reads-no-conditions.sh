#!/usr/bin/env bash
# moto 5.2.5, with its enforcement of IAM switched on, evaluates no condition of a statement.
#
# Guess: with set_initial_no_auth_action_count(0) moto answers AccessDenied where AWS would, for the elements that
# nearly every policy has.
# Seen: conditions are not evaluated: a Deny whose condition does not hold denies. Actions are compared with
# their case (`S3:getobject` grants nothing, which AWS takes for s3:GetObject), and `?` is no wildcard.
# Matters because: a test of least privilege against moto fails with policies that work on AWS, and says nothing about
# the elements that it does not read. What a role may do has to be judged by something else.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/ask.py" <<'PY'
import json
import boto3
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

KEYS = {"region_name": "us-east-1", "aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "example"}
NEVER = {"StringEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}}
EVERYTHING = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
# name: (statements, what AWS answers, what moto answers)
ROWS = {
    "plain allow": ([EVERYTHING], True, True),
    "nothing": ([{**EVERYTHING, "Action": "sqs:*"}], False, False),
    "deny under a condition that does not hold": ([EVERYTHING, {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*", "Condition": NEVER}], True, False),
    "action in another case": ([{**EVERYTHING, "Action": "S3:getobject"}], True, False),
    "action with a question mark": ([{**EVERYTHING, "Action": "s3:GetObjec?"}], True, False),
}


@mock_aws
def main():
    iam, s3 = boto3.client("iam", **KEYS), boto3.client("s3", **KEYS)
    s3.create_bucket(Bucket="acme-data")
    s3.put_object(Bucket="acme-data", Key="k", Body=b"x")
    readers = {}
    for number, (name, (statements, _, _)) in enumerate(ROWS.items()):
        user = f"user{number}"
        document = lambda rows: json.dumps({"Version": "2012-10-17", "Statement": rows})
        iam.create_user(UserName=user)
        iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document(statements))
        key = iam.create_access_key(UserName=user)["AccessKey"]
        readers[name] = boto3.client("s3", region_name="us-east-1", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    same = True
    for name, (_, aws, moto) in ROWS.items():
        seen = ask(readers[name])
        same = same and seen == moto
        print(f"{name}: AWS {'allows' if aws else 'denies'}, moto {'allows' if seen else 'denies'}")
    raise SystemExit(not same)


@set_initial_no_auth_action_count(0)
def ask(s3):
    try:
        s3.get_object(Bucket="acme-data", Key="k")
        return True
    except ClientError as refused:
        assert refused.response["Error"]["Code"] == "AccessDenied", refused
        return False


main()
PY
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet 'moto[s3,iam]==5.2.5' boto3==1.43.103 >/dev/null || exit 2
"$work/venv/bin/python" "$work/ask.py"
