#!/usr/bin/env bash
# moto 5.2.5 attaches policies of a type that the root does not have, and treats renames and new names of units differently.
#
# Guess: AttachPolicy of an SCP answers PolicyTypeNotEnabledException until EnablePolicyType was called for the root, and
# DuplicatePolicyAttachmentException the second time, as its API Reference lists; a unit's name is unique among its
# siblings, whether the unit is made or renamed.
# Seen: the attachment succeeds, twice, and stands in ListTargetsForPolicy while ListRoots shows no type at all. A second unit of
# one name under one parent is made; a rename to the name of a unit elsewhere in the tree is refused as a duplicate.
# Matters because: an SCP of a type that is off binds nobody. A tool that reads attachments without the root's types
# counts it as a wall, and a test against moto agrees; and it never meets the two refusals on which an apply that is
# run again depends.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[organizations]==5.2.5' 'boto3==1.44.8' 'botocore==1.44.8' || exit 2
"$work/venv/bin/python" -W ignore - <<'PY'
import json, sys
import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

def code(call, **arguments):
    try:
        call(**arguments)
        return "done"
    except ClientError as error:
        return error.response["Error"]["Code"]

refusal = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}]}
with mock_aws():
    organizations = boto3.client("organizations", "us-east-1")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    policy = organizations.create_policy(Name="walls", Description="", Type="SERVICE_CONTROL_POLICY",
                                         Content=json.dumps(refusal))["Policy"]["PolicySummary"]["Id"]
    attached = [code(organizations.attach_policy, PolicyId=policy, TargetId=root) for _ in range(2)]
    targets = [target["TargetId"] for target in organizations.list_targets_for_policy(PolicyId=policy)["Targets"]]
    types = organizations.list_roots()["Roots"][0]["PolicyTypes"]
    def unit(parent, name):
        return organizations.create_organizational_unit(ParentId=parent, Name=name)["OrganizationalUnit"]["Id"]
    outer = unit(root, "workloads")
    twin = code(organizations.create_organizational_unit, ParentId=root, Name="workloads")
    inner = unit(outer, "test")
    rename = code(organizations.update_organizational_unit, OrganizationalUnitId=inner, Name="workloads")
print("an SCP attached to the root, twice:", attached)
print("its targets:", len(targets), "and the types of the root:", types)
print("a second unit `workloads` beside the first:", twin)
print("a unit inside renamed to `workloads`:", rename)
as_stated = attached == ["done", "done"] and targets == [root] and types == []
sys.exit(0 if as_stated and (twin, rename) == ("done", "DuplicateOrganizationalUnitException") else 1)
PY
