#!/usr/bin/env bash
# aws-sam-translator 1.115.0 writes the partition of the machine that runs it into the roles that it adds, not the
# partition of the stack's Region.
#
# Guess: the ARN of the managed policy that SAM attaches to a function's role has `${AWS::Partition}` in it, or
# follows the Region of the stack, which the caller passes as a parameter value.
# Seen: it follows AWS_DEFAULT_REGION of the process, whatever `AWS::Region` says: a stack for eusc-de-east-1 gets
# `arn:aws:`, and the same template gets `arn:aws-cn:` on a machine that is set to a Region in China. Without a
# Region the transformation stops with NoRegionFound, although nothing in the template needs one.
# Matters because: the transformation is run offline to judge a template before it is deployed. Two machines
# judge two different roles, and a comparison by ARN finds a change that nobody made.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/transform.py" <<'PY'
import sys
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

template = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Resources": {
        "Hello": {
            "Type": "AWS::Serverless::Function",
            "Properties": {"Runtime": "python3.12", "Handler": "hello.handler", "InlineCode": "pass"},
        }
    },
}
try:
    whole = Translator({}, Parser()).translate(template, {"AWS::Region": sys.argv[1]})
    print(whole["Resources"]["HelloRole"]["Properties"]["ManagedPolicyArns"][0].split(":")[1])
except Exception as refused:
    print(type(refused).__name__)
PY
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet aws-sam-translator==1.115.0 boto3==1.43.103 >/dev/null || exit 2
partition() {
  env -u AWS_REGION -u AWS_PROFILE AWS_CONFIG_FILE=/dev/null AWS_DEFAULT_REGION="$1" "$work/venv/bin/python" "$work/transform.py" "$2" 2>/dev/null | head -1
}
abroad=$(partition us-east-1 eusc-de-east-1)
china=$(partition cn-north-1 us-east-1)
nowhere=$(partition "" us-east-1)
echo "stack in eusc-de-east-1, machine in us-east-1: $abroad"
echo "stack in us-east-1, machine in cn-north-1: $china"
echo "stack in us-east-1, machine without a Region: $nowhere"
[ "$abroad $china $nowhere" = "aws aws-cn NoRegionFound" ]
