#!/usr/bin/env bash
# botocore 1.44.8 takes a web identity of the environment before the keys of the profile that AWS_PROFILE names.
#
# Guess: a profile that somebody names goes before whatever a pod or a runner has put into the environment, however it
# is named; so the SDKs for Rust and Go read it.
# Seen: with AWS_WEB_IDENTITY_TOKEN_FILE set, the profile of AWS_PROFILE gives no credentials unless it assumes a role;
# the same profile given as an argument (`--profile`, `Session(profile=...)`) leaves the token alone.
# Matters because: a tool that follows its SDK acts as somebody else than the AWS CLI does in the same shell.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'botocore==1.44.8' || exit 2
mkdir "$work/home" "$work/home/.aws"
echo token >"$work/token"
printf '[ops]\naws_access_key_id = AKIAOPS\naws_secret_access_key = x\n' >"$work/home/.aws/credentials"
cd "$work"
env -i PATH="$PATH" HOME="$work/home" AWS_DEFAULT_REGION=eu-west-1 AWS_PROFILE=ops \
  AWS_WEB_IDENTITY_TOKEN_FILE="$work/token" AWS_ROLE_ARN=arn:aws:iam::111111111111:role/web \
  "$work/venv/bin/python" - <<'PY'
import sys
import botocore, botocore.session

def method(**given):
    return botocore.session.Session(**given).get_credentials().method

named, argument = method(), method(profile="ops")
print("botocore", botocore.__version__)
print("the profile of AWS_PROFILE:", named)
print("the same as an argument:", argument)
sys.exit(0 if (named, argument) == ("assume-role-with-web-identity", "shared-credentials-file") else 1)
PY
