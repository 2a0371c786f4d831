"""What the conformance runs share: a moto server, a configuration, the program, and boto3 as judge."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import boto3
from botocore.config import Config

HERE = Path(__file__).resolve().parent
PALISADE = sys.argv[1]
BUCKET = "conf-palisade-state"
REGION = "eu-west-1"

passed, failed = 0, []


def check(name, condition, seen=""):
    global passed
    if condition:
        passed += 1
        print(f"ok      {name}", flush=True)
    else:
        failed.append(name)
        print(f"FAILED  {name}: {seen}", flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Run:
    """One moto server, one configuration directory."""

    def __init__(self, directory, estate):
        self.dir = Path(directory) / "estate"
        shutil.copytree(HERE / estate, self.dir)
        self.logs = Path(directory)
        self.servers = []
        self.url = self.serve("moto", MOTO_IAM_LOAD_MANAGED_POLICIES="true")
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": directory,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.url,
        }

    def serve(self, name, **env):
        """Starts a moto server of its own; its URL."""
        port = free_port()
        path = self.logs / f"{name}.log"
        with open(path, "wb") as log:
            server = subprocess.Popen([Path(sys.executable).parent / "moto_server", "-H", "127.0.0.1", "-p", str(port)],
                                      stdout=log, stderr=log, env={**os.environ, **env})
        self.servers.append(server)
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if server.poll() is not None:
                    raise SystemExit("moto_server did not start: " + path.read_text())
                time.sleep(0.1)
        return f"http://127.0.0.1:{port}"

    def palisade(self, *args):
        start = time.monotonic()
        done = subprocess.run([PALISADE, *args], cwd=self.dir, env=self.env, capture_output=True, text=True, timeout=600)
        print(f"        palisade {' '.join(args)} -> {done.returncode}, {time.monotonic() - start:.1f} s", flush=True)
        return done

    def start(self, *args):
        print(f"        palisade {' '.join(args)} &", flush=True)
        return subprocess.Popen([PALISADE, *args], cwd=self.dir, env=self.env,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def client(self, service, account=None):
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        if account:
            sts = self.client("sts")
            role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
            got = sts.assume_role(RoleArn=role, RoleSessionName="judge")["Credentials"]
            keys = {"aws_access_key_id": got["AccessKeyId"], "aws_secret_access_key": got["SecretAccessKey"],
                    "aws_session_token": got["SessionToken"]}
        config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"})
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, config=config, **keys)

    # What boto3 sees.

    def organization(self):
        try:
            return self.client("organizations").describe_organization()["Organization"]
        except Exception:  # moto answers AWSOrganizationsNotInUseException
            return None

    def accounts(self):
        found = {}
        for page in self.client("organizations").get_paginator("list_accounts").paginate():
            for account in page["Accounts"]:
                found.setdefault(account["Name"], []).append(account)
        return found

    def account(self, name):
        return self.accounts()[name][0]["Id"]

    def roles(self, account):
        iam = self.client("iam", account)
        pages = iam.get_paginator("list_roles").paginate()
        return {r["RoleName"] for page in pages for r in page["Roles"]}

    def parameters(self, account):
        ssm = self.client("ssm", account)
        pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/conf/", Recursive=True)
        return {p["Name"]: (p["Type"], p["Value"]) for page in pages for p in page["Parameters"]}

    def state_objects(self):
        s3 = self.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return [o["Key"] for page in pages for o in page.get("Contents", [])]

    def close(self):
        for server in self.servers:
            server.terminate()
        for server in self.servers:
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:  # what was found counts, not how quickly moto ends
                server.kill()
                server.wait()


def ok(name, done, code=0):
    check(f"{name}: exit code {code}", done.returncode == code,
          f"{done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.returncode == code


def judge(name, estate, run):
    """Runs one judge on an estate of its own, and exits with what it found."""
    with tempfile.TemporaryDirectory(prefix="palisade-conformance-") as directory:
        at = Run(directory, estate)
        try:
            run(at)
        except Exception as error:  # a judge that stumbles is a failure, not a silence
            failed.append(f"the {name} run itself")
            traceback.print_exc()
            print(f"FAILED  the {name} run itself: {error}", flush=True)
        finally:
            at.close()
    print(f"{name}: {passed} passed, {len(failed)} failed", flush=True)
    sys.exit(1 if failed else 0)
