"""Runs checkov, cloudsplaining and parliament over what an applied example holds, and compares with `exceptions.json`.

The input is what `palisade show --json` prints. Policies go to parliament and cloudsplaining as they are; checkov gets a
CloudFormation template of the same objects, for it reads no policy alone.
"""

import itertools
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import yaml
from cloudsplaining.scan.policy_document import PolicyDocument
from parliament import analyze_policy_string

HERE = Path(__file__).resolve().parent


def resources(text):
    for address, found in json.loads(text)["resources"].items():
        # The same block in several accounts is the same policy: its instance says nothing.
        yield address.split("@")[0], found["kind"], found["attrs"]


def policies(found):
    """Every policy, with the block that it stands in, and what it is: `identity`, `resource` or `guardrail`."""
    for address, kind, attrs in found:
        for name, policy in (attrs.get("inline_policies") or {}).items():
            yield f"{address} {name}", "identity", policy
        if kind == "iam_policy":
            yield address, "identity", attrs["content"]
        if kind.endswith("control_policy") or kind == "organization_policy":
            yield address, "guardrail", attrs["content"]
        if attrs.get("assume_role_policy"):
            yield f"{address} trust", "trust", attrs["assume_role_policy"]
        if kind == "s3_bucket" and attrs.get("policy"):
            yield f"{address} policy", "resource", attrs["policy"]


def by_parliament(found):
    for address, use, policy in policies(found):
        # It knows policies of identities alone: resource policies have principals, guardrails deny.
        if use != "identity":
            continue
        for finding in analyze_policy_string(json.dumps(policy)).findings:
            yield "parliament", finding.issue, address


def by_cloudsplaining(found):
    for address, use, policy in policies(found):
        if use != "identity":
            continue
        document = PolicyDocument(policy)
        for name in (
            "allows_privilege_escalation",
            "permissions_management_without_constraints",
            "allows_data_exfiltration_actions",
            "credentials_exposure",
            "service_wildcard",
            "infrastructure_modification",
        ):
            if getattr(document, name):
                yield "cloudsplaining", name, address


def template(found):
    made = {}
    for number, (address, kind, attrs) in enumerate(found):
        properties = None
        if kind == "iam_role":
            properties = {
                "AssumeRolePolicyDocument": attrs["assume_role_policy"],
                "Policies": [
                    {"PolicyName": name, "PolicyDocument": policy}
                    for name, policy in (attrs.get("inline_policies") or {}).items()
                ],
                "ManagedPolicyArns": attrs.get("managed_policies") or [],
            }
            typed = "AWS::IAM::Role"
        elif kind == "iam_policy":
            properties, typed = {"PolicyDocument": attrs["content"]}, "AWS::IAM::ManagedPolicy"
        elif kind == "s3_bucket":
            block = attrs["block_public_access"]
            properties = {
                "BucketName": attrs["bucket"],
                "VersioningConfiguration": {"Status": "Enabled" if attrs["versioning"] else "Suspended"},
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [
                        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": attrs["encryption"]["algorithm"]}}
                    ]
                },
                "PublicAccessBlockConfiguration": {
                    "BlockPublicAcls": block["block_public_acls"],
                    "BlockPublicPolicy": block["block_public_policy"],
                    "IgnorePublicAcls": block["ignore_public_acls"],
                    "RestrictPublicBuckets": block["restrict_public_buckets"],
                },
            }
            typed = "AWS::S3::Bucket"
            if attrs.get("policy"):
                made[f"Object{number}Policy"] = (
                    address,
                    "AWS::S3::BucketPolicy",
                    {"Bucket": attrs["bucket"], "PolicyDocument": attrs["policy"]},
                )
        if properties is not None:
            made[f"Object{number}"] = (address, typed, properties)
    return made


def by_checkov(estates):
    """One run over all estates, because most of its time goes into starting. It downloads no policies."""
    made = {f"{number}.yaml": template(found) for number, found in enumerate(estates)}
    with tempfile.TemporaryDirectory() as place:
        for file, objects in made.items():
            text = {name: {"Type": typed, "Properties": properties} for name, (_, typed, properties) in objects.items()}
            Path(place, file).write_text(yaml.safe_dump({"Resources": text}))
        done = subprocess.run(
            ["checkov", "--framework", "cloudformation", "--quiet", "--compact", "--skip-download", "--output", "json", "-d", place],
            capture_output=True,
            text=True,
            check=False,
        )
        said = json.loads(done.stdout)
        # Checkov silently skips what it cannot parse.
        summary = said["summary"]
        objects = sum(len(objects) for objects in made.values())
        assert (summary["resource_count"], summary["parsing_errors"]) == (objects, 0), summary
        for check in said["results"]["failed_checks"]:
            file, name = Path(check["file_path"]).name, check["resource"].rsplit(".", 1)[-1]
            yield "checkov", check["check_id"], made[file][name][0]


def main():
    exceptions = json.loads((HERE / "exceptions.json").read_text())
    named = {(e["scanner"], e["finding"], place) for e in exceptions for place in e["at"]}
    seen, new = set(), Counter()
    estates = []
    for file in sys.argv[1:]:
        estates.append(list(resources(Path(file).read_text())))
        assert any(policies(estates[-1])), f"{file} holds no policy"
    scans = [scan(found) for scan in (by_parliament, by_cloudsplaining) for found in estates]
    for finding in itertools.chain(*scans, by_checkov(estates)):
        seen.add(finding)
        if finding not in named:
            new[finding] += 1
    for (scanner, finding, place), count in sorted(new.items()):
        print(f"new   {scanner} {finding}: {place} ({count})")
    for scanner, finding, place in sorted(named - seen):
        print(f"gone  {scanner} {finding}: {place}: take the exception out")
    print(f"{len(seen)} findings, {len(seen & named)} of them excepted, {len(new)} new")
    sys.exit(bool(new or named - seen))


if __name__ == "__main__":
    main()
