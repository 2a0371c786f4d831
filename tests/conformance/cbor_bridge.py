"""CloudWatch's wire protocol for a moto that lacks it.

AWS's SDK for Rust speaks Smithy RPC v2 CBOR to CloudWatch; moto 5.2 answers the older Query protocol alone, which boto3 speaks.
This bridge takes a call in the one and makes it in the other, under the caller's own access key. It keeps
nothing: alarms and metrics stand in moto. https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

import functools
import http.server
import re
import threading

import boto3
import cbor2
from botocore import xform_name
from botocore.exceptions import ClientError


class Bridge:
    def __init__(self, moto, region):
        @functools.lru_cache(maxsize=None)
        def caller(key, token):
            # moto tells accounts apart by the access key, and reads no signature.
            return boto3.client("cloudwatch", endpoint_url=moto, region_name=region, aws_access_key_id=key,
                                aws_secret_access_key="unread", aws_session_token=token)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                operation = self.path.rsplit("/", 1)[-1]
                key = re.search(r"Credential=([^/]+)/", self.headers["Authorization"]).group(1)
                client = caller(key, self.headers.get("X-Amz-Security-Token"))
                try:
                    answer = getattr(client, xform_name(operation))(**cbor2.loads(body or b"\xa0"))
                    status = answer.pop("ResponseMetadata")["HTTPStatusCode"]
                except ClientError as error:
                    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                    answer = {"__type": error.response["Error"]["Code"], "message": error.response["Error"]["Message"]}
                # Points in time are seconds under tag 1 (RFC 8949, section 3.4.2).
                told = cbor2.dumps(answer, datetime_as_timestamp=True)
                self.send_response(status)
                self.send_header("smithy-protocol", "rpc-v2-cbor")
                self.send_header("Content-Type", "application/cbor")
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}"
