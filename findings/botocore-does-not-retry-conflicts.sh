#!/usr/bin/env bash
# botocore 1.44.8 retries throttling, and none of the conflicts that AWS's documentation says to retry.
#
# Guess: at least the adaptive and standard modes repeat a request that AWS refused because another
# change was in progress: ConcurrentModificationException of Organizations (which serialises its
# writes), EntityTemporarilyUnmodifiable of IAM, and 409 ConditionalRequestConflict of S3, after which
# one should "retry the upload" in the words of botocore's own documentation of PutObject.
# Seen: one attempt in each of the three modes, for each of them. TooManyRequestsException in the same
# place is tried 5, 3 and 3 times.
# Matters because: parallel writes to an organization meet the conflict in ordinary operation, and a
# caller that counts on the SDK turns it into a failed apply. A 409 is also not a lost
# compare-and-swap (that is 412): to report it as one is wrong.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'boto3==1.44.8' 'botocore==1.44.8' || exit 2
AWS_EC2_METADATA_DISABLED=true "$work/venv/bin/python" - <<'PY'
import http.server, sys, threading
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

class Refusing(http.server.BaseHTTPRequestHandler):
    answer, attempts = None, 0
    def refuse(self):
        Refusing.attempts += 1
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, kind, body = Refusing.answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_PUT = refuse
    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
threading.Thread(target=server.serve_forever, daemon=True).start()

def organizations(code):
    return (400, "application/x-amz-json-1.1", b'{"__type":"%s","Message":"busy"}' % code)

def iam(code):
    return (409, "text/xml", b"<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>busy</Message></Error></ErrorResponse>" % code)

def s3(code):
    return (409, "application/xml", b"<Error><Code>%s</Code><Message>busy</Message></Error>" % code)

def new_unit(client):
    return client("organizations").create_organizational_unit(ParentId="r-abcd", Name="unit")

def delete_user(client):
    return client("iam").delete_user(UserName="user")

def write(client):
    return client("s3").put_object(Bucket="state-bucket", Key="state.json", Body=b"{}", IfMatch='"etag"')

def versioning(client):
    return client("s3").put_bucket_versioning(Bucket="state-bucket", VersioningConfiguration={"Status": "Enabled"})

cases = [
    (organizations(b"TooManyRequestsException"), new_unit, [5, 3, 3]),
    (organizations(b"ConcurrentModificationException"), new_unit, [1, 1, 1]),
    (iam(b"EntityTemporarilyUnmodifiable"), delete_user, [1, 1, 1]),
    (iam(b"ConcurrentModification"), delete_user, [1, 1, 1]),
    (s3(b"ConditionalRequestConflict"), write, [1, 1, 1]),
    (s3(b"OperationAborted"), versioning, [1, 1, 1]),
]
as_stated = True
for answer, call, expected in cases:
    counts = []
    for mode in ("legacy", "standard", "adaptive"):
        def client(service):
            return boto3.client(service, region_name="us-east-1", aws_access_key_id="test",
                                aws_secret_access_key="test", config=Config(retries={"mode": mode}),
                                endpoint_url=f"http://127.0.0.1:{server.server_port}")
        Refusing.answer, Refusing.attempts = answer, 0
        try:
            call(client)
        except ClientError as error:
            code = error.response["Error"]["Code"]
        counts.append(Refusing.attempts)
    print(f"{code:34} attempts (legacy, standard, adaptive): {counts}")
    as_stated &= counts == expected
sys.exit(0 if as_stated else 1)
PY
