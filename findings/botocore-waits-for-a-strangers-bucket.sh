#!/usr/bin/env bash
# botocore 1.44.8's waiter `bucket_exists` is content with a bucket that belongs to somebody else.
#
# Guess: the waiter ends when HeadBucket succeeds and raises WaiterError when it is refused, as the waiters of IAM do: a
# 403 says that the bucket is another account's, and a 301 that it is in another Region than the client's.
# Seen: 403 and 301 are successes by its definition, beside 200; only 404 is waited for. With a server that answers
# AccessDenied it returns after one request, without an error. `role_exists` raises at the same answer, and so does
# `bucket_not_exists`, for which a 403 is no presence.
# Matters because: bucket names are global, and a lost name is the ordinary failure of making one. A step that waits for
# its bucket goes on to write a policy, or state with secrets, to a name that another account holds. What has to be
# asked for is the bucket of one owner: ExpectedBucketOwner in the request, and 403 as a failure.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'boto3==1.44.8' 'botocore==1.44.8' || exit 2
AWS_EC2_METADATA_DISABLED=true "$work/venv/bin/python" - <<'PY'
import http.server, sys, threading
import boto3
from botocore.config import Config
from botocore.exceptions import WaiterError

class Answering(http.server.BaseHTTPRequestHandler):
    status, requests = 0, 0
    def answer(self):
        Answering.requests += 1
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>" if self.command == "POST" else b""
        self.send_response(Answering.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_HEAD = do_POST = answer
    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
threading.Thread(target=server.serve_forever, daemon=True).start()

def client(service):
    return boto3.client(service, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test",
                        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
                        endpoint_url=f"http://127.0.0.1:{server.server_port}")

def waited(service, waiter, status, **arguments):
    Answering.status, Answering.requests = status, 0
    try:
        client(service).get_waiter(waiter).wait(WaiterConfig={"Delay": 0, "MaxAttempts": 4}, **arguments)
        return "content", Answering.requests
    except WaiterError as error:
        return "raises", Answering.requests

seen = {}
for status in (200, 403, 404):
    seen[status] = waited("s3", "bucket_exists", status, Bucket="acme-data")
    print(f"bucket_exists at {status}: {seen[status]}")
seen["absence"] = waited("s3", "bucket_not_exists", 403, Bucket="acme-data")
print("bucket_not_exists at 403:", seen["absence"])
seen["role"] = waited("iam", "role_exists", 403, RoleName="deploy")
print("role_exists at 403:", seen["role"])
states = {acceptor.expected: acceptor.state for acceptor in client("s3").get_waiter("bucket_exists").config.acceptors}
print("bucket_exists by its definition:", states)
sys.exit(0 if seen == {200: ("content", 1), 403: ("content", 1), 404: ("raises", 4), "absence": ("raises", 1),
                       "role": ("raises", 1)} and states[301] == "success" else 1)
PY
