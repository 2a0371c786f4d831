#!/usr/bin/env bash
# AWS's SDKs for Python (botocore 1.44.8) and JavaScript (client-organizations 3.1175.0) take a success without a body
# for an answer: an account that is in an organization looks like one that is in none, and its lists are empty.
#
# Guess: `200 OK` with `Content-Length: 0`, as a proxy or a gateway sends that lost the rest, is refused as no JSON; both
# services answer `{}` at least.
# Seen: both parse it as an answer without members. Python returns a response without `Organization` and a list of
# accounts without `Accounts`, whose paginator ends after nothing; JavaScript returns `undefined` for both. Neither
# retries or raises. (aws-sdk-organizations 1.137 for Rust does the same: `organization()` is `None`.)
# Matters because: an inventory that reads so says that every account is gone, and what it drives makes them anew or
# takes their guardrails for deleted. A reader has to look at the body, or to treat a missing member that AWS always sends
# as an error.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"; kill "${server:-}" 2>/dev/null' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'botocore==1.44.8' || exit 2
npm init -y >/dev/null
npm install --silent --no-audit --no-fund '@aws-sdk/client-organizations@3.1175.0' >/dev/null || exit 2
cat > server.py <<'PY'
import http.server

class Empty(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty)
print(server.server_address[1], flush=True)
server.serve_forever()
PY
python3 server.py > port &
server=$!
for _ in $(seq 50); do [ -s port ] && break; sleep 0.1; done
export AWS_ENDPOINT_URL="http://127.0.0.1:$(cat port)" AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b AWS_REGION=us-east-1
cat > ask.py <<'PY'
import os
import botocore.session

client = botocore.session.Session().create_client("organizations", region_name="us-east-1", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
answer = client.describe_organization()
pages = list(client.get_paginator("list_accounts").paginate())
print(answer["ResponseMetadata"]["HTTPStatusCode"], sorted(k for k in answer if k != "ResponseMetadata"), [sorted(k for k in p if k != "ResponseMetadata") for p in pages])
PY
cat > ask.mjs <<'JS'
import { DescribeOrganizationCommand, ListAccountsCommand, OrganizationsClient } from "@aws-sdk/client-organizations";
const client = new OrganizationsClient({ endpoint: process.env.AWS_ENDPOINT_URL });
const one = await client.send(new DescribeOrganizationCommand({}));
const all = await client.send(new ListAccountsCommand({}));
console.log(one.$metadata.httpStatusCode, String(one.Organization), String(all.Accounts), one.$metadata.attempts);
JS
python=$(venv/bin/python ask.py)
javascript=$(node ask.mjs)
printf 'python      %s\njavascript  %s\n' "$python" "$javascript"
[ "$python" = "200 [] [[]]" ] && [ "$javascript" = "200 undefined undefined 1" ]
