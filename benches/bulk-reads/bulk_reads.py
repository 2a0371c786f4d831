"""Requests and seconds of an apply and of a plan without changes, Palisade beside Terraform.

Each side gets a moto server of its own, and the server's log counts the requests. The same roles
with one inline policy each; both programs as they come, with ten calls at a time.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boto3

ROLES = int(sys.argv[1])
PALISADE = sys.argv[2]
ACCOUNT = "123456789012"  # moto's own

ESTATE = """
palisade {
  name = "bulk"
}

provider "aws" {
  region = "eu-west-1"
}

organization "bulk" {}

account "main" {
  id = "%s"
}

iam_role "worker" {
  for_each = toset([for n in range(%d) : format("worker-%%04d", n)])
  accounts = [account.main]
  name     = each.key

  trust {
    services = ["ecs-tasks.amazonaws.com"]
  }

  statement "Objects" {
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["arn:aws:s3:::bulk-${each.key}/*"]
  }
}
""" % (ACCOUNT, ROLES)

TERRAFORM = """
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  region                      = "eu-west-1"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}

locals {
  names = toset([for n in range(%d) : format("worker-%%04d", n)])
}

resource "aws_iam_role" "worker" {
  for_each = local.names
  name     = each.key
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "objects" {
  for_each = local.names
  name     = "Objects"
  role     = aws_iam_role.worker[each.key].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = "arn:aws:s3:::bulk-${each.key}/*"
    }]
  })
}
""" % ROLES


class Side:
    """A directory with a configuration, and a moto server for it."""

    def __init__(self, root, name, file, text):
        self.name = name
        self.dir = Path(root) / name
        self.dir.mkdir()
        (self.dir / file).write_text(text)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.log = Path(root) / f"{name}.log"
        out = open(self.log, "wb")
        self.moto = subprocess.Popen(
            [Path(sys.executable).parent / "moto_server", "-H", "127.0.0.1", "-p", str(port)], stdout=out, stderr=out
        )
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))},
            "HOME": root,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "CHECKPOINT_DISABLE": "1",
        }
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("moto_server did not start: " + self.log.read_text())

    def requests(self):
        return self.log.read_text(errors="replace").count(' HTTP/1.1" ')

    def run(self, *args):
        """Seconds and requests of one command."""
        before, start = self.requests(), time.monotonic()
        done = subprocess.run(args, cwd=self.dir, env=self.env, capture_output=True, text=True)
        seconds = time.monotonic() - start
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(args)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        time.sleep(0.5)
        return seconds, self.requests() - before


def row(name, apply, plan):
    print(f"{name:<12} {apply[0]:>10.1f} {apply[1]:>10} {plan[0]:>10.2f} {plan[1]:>10}")


with tempfile.TemporaryDirectory() as root:
    print(f"{ROLES} roles with one inline policy each")
    print(f"{'':<12} {'apply, s':>10} {'requests':>10} {'no-op, s':>10} {'requests':>10}")
    side = Side(root, "palisade", "main.hcl", ESTATE)
    try:
        # The account that is declared by its id is in an organization already.
        boto3.client(
            "organizations",
            endpoint_url=side.env["AWS_ENDPOINT_URL"],
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        ).create_organization(FeatureSet="ALL")
        apply = side.run(PALISADE, "apply", "--auto-approve")
        # Exit code 0 under --detailed-exitcode: there are no changes.
        ours = side.run(PALISADE, "plan", "--detailed-exitcode")
    finally:
        side.moto.terminate()
    row("Palisade", apply, ours)
    print(f"{'':<12} {apply[1] / ROLES:.2f} requests for each role created")
    if shutil.which("terraform") is None:
        raise SystemExit("`terraform` is not in the PATH: nothing to compare with")
    side = Side(root, "terraform", "main.tf", TERRAFORM)
    try:
        plugins = os.environ.get("TERRAFORM_PLUGINS")
        side.run("terraform", "init", *([f"-plugin-dir={plugins}"] if plugins else []))
        apply = side.run("terraform", "apply", "-auto-approve")
        theirs = side.run("terraform", "plan", "-detailed-exitcode")
    finally:
        side.moto.terminate()
    row("Terraform", apply, theirs)
    print(f"{'ratio':<12} {'':>10} {'':>10} {theirs[0] / ours[0]:>10.1f} {theirs[1] / ours[1]:>10.1f}")
