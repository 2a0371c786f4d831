"""Which servers of S3 keep what state stands on: run by hand, writes the table of docs/state.md.

    pip install boto3 'moto[server]==5.2.*' ministack 'localemu[runtime]' 'localstack-core[runtime]'
    python tests/conformance/compatibility.py NAME=COMMAND...

Each COMMAND starts a server on the port that stands in it as {port}: `'moto_server -p {port}'`, `'GATEWAY_PORT={port} ministack'`,
`'localemu start --port {port}'`, `'GATEWAY_LISTEN=127.0.0.1:{port} python -m localstack.runtime.main'`. They want different versions of one
another's packages, so each has an environment of its own; the last two need Python 3.12, whatever their metadata say. Every line of
the table is what the server did, seen with boto3 alone. With PALISADE set to the program, an estate without accounts is
applied and initialised there too.
"""

import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

BUCKET = "compat-state"
MARKS = "<!-- servers -->", "<!-- /servers -->"
COLUMNS = ["`If-None-Match`", "`If-Match`", "versions", "of 8 writes at once", "`Date`"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def client(url):
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="testing",
                        aws_secret_access_key="testing", config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}))


def put(s3, body, **condition):
    """What a conditional write came to: the tag, or the status that refused it."""
    try:
        return s3.put_object(Bucket=BUCKET, Key="k", Body=body, **condition)["ETag"], 200
    except ClientError as error:
        return None, error.response["ResponseMetadata"]["HTTPStatusCode"]


def judge(url):
    s3 = client(url)
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    first, _ = put(s3, b"one", IfNoneMatch="*")
    _, absent = put(s3, b"two", IfNoneMatch="*")
    now = s3.get_object(Bucket=BUCKET, Key="k")
    none_match = "honoured" if absent in (409, 412) and now["Body"].read() == b"one" else f"ignored ({absent})"
    _, wrong = put(s3, b"three", IfMatch='"00000000000000000000000000000000"')
    now = s3.get_object(Bucket=BUCKET, Key="k")
    match = "honoured" if wrong in (409, 412) and now["Body"].read() == b"one" else f"ignored ({wrong})"
    tag = s3.head_object(Bucket=BUCKET, Key="k")["ETag"]
    _, right = put(s3, b"four", IfMatch=tag)
    if right != 200:
        match = f"refuses the right tag ({right})"
    versions = s3.list_object_versions(Bucket=BUCKET, Prefix="k").get("Versions", [])
    bodies = {s3.get_object(Bucket=BUCKET, Key="k", VersionId=v["VersionId"])["Body"].read() for v in versions}
    kept = "kept" if {b"one", b"four"} <= bodies else "lost"
    # Of several writes under one tag at once, one may win.
    won = 0
    for round_ in range(5):
        tag = s3.head_object(Bucket=BUCKET, Key="k")["ETag"]
        gate, results = threading.Barrier(8), []

        def race(number):
            own = client(url)
            gate.wait()
            results.append(put(own, f"{round_} {number}".encode(), IfMatch=tag)[1])

        threads = [threading.Thread(target=race, args=(n,)) for n in range(8)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        won = max(won, results.count(200))
    one = "1 wins" if won == 1 else f"{won} win"
    date = "told" if s3.head_bucket(Bucket=BUCKET)["ResponseMetadata"]["HTTPHeaders"].get("date") else "missing"
    return [none_match, match, kept, one, date]


def palisade(url):
    program = os.environ.get("PALISADE")
    if not program:
        return None
    with tempfile.TemporaryDirectory() as place:
        text = 'palisade {\n  name = "compat"\n  backend "s3" {\n    bucket = "compat-state"\n    prefix = "p"\n    region = "us-east-1"\n  }\n}\noutput "x" {\n  value = 1\n}\n'
        (pathlib.Path(place) / "main.hcl").write_text(text)
        env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        env.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", AWS_REGION="us-east-1", AWS_ENDPOINT_URL=url)
        for command in (["apply", "--auto-approve"], ["init"]):
            done = subprocess.run([program, "-C", place, *command], capture_output=True, text=True, env=env, timeout=200)
            if done.returncode:
                first = next((line for line in done.stderr.splitlines() if line.strip()), "")
                return f"{command[0]}: {first.strip()}"
    return "accepted"


def serve(name, command):
    port = free_port()
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(command.format(port=port), shell=True, stdout=log, stderr=log, start_new_session=True,
                                  env={**os.environ, "PORT": str(port), "GATEWAY_LISTEN": f"127.0.0.1:{port}", "EAGER_SERVICE_LOADING": "0"})
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(240):
                try:
                    client(url).list_buckets()
                    break
                except (BotoCoreError, ClientError):
                    if server.poll() is not None:
                        break
                    time.sleep(0.5)
            row = judge(url)
            said = palisade(url)
            return row + ([said] if said else [])
        except (BotoCoreError, ClientError) as error:
            log.seek(0)
            print(name, log.read()[-2000:].decode(errors="replace"), file=sys.stderr)
            return [f"not judged: {type(error).__name__}"] + ["" for _ in COLUMNS[1:]]
        finally:
            try:
                os.killpg(server.pid, 15)
                server.wait(20)
            except ProcessLookupError:
                pass  # it has ended by itself


def main():
    rows = {}
    for argument in sys.argv[1:]:
        name, command = argument.split("=", 1)
        rows[name] = serve(name, command)
        print(name, rows[name], file=sys.stderr)
    columns = COLUMNS + (["palisade"] if os.environ.get("PALISADE") else [])
    lines = ["| server | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(row) + " |" for name, row in rows.items()]
    table = "\n".join(lines)
    docs = pathlib.Path(__file__).resolve().parents[2] / "docs/state.md"
    if docs.exists() and MARKS[0] in docs.read_text():
        text = re.sub(f"{MARKS[0]}.*?{MARKS[1]}", lambda _: f"{MARKS[0]}\n{table}\n{MARKS[1]}", docs.read_text(), flags=re.S)
        docs.write_text(text)
    print(table)


if __name__ == "__main__":
    main()
