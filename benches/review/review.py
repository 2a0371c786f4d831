#!/usr/bin/env python3
"""Writes dumps of an organization and a Terraform plan, as `palisade review` reads them.

    review.py DIR ACCOUNTS ROLES CHANGES

Accounts lie in 20 environments and as many units. Each role has a managed policy, an inline policy and a trust policy of
a service; one in fifty may assume a role of the next account, whose trust policy names it. The plan changes the trust
policy of CHANGES roles; every tenth change lets in the root of an account of another environment.
"""

import json
import pathlib
import sys

ENVIRONMENTS = 20
MANAGEMENT = "999999999999"


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust(principal):
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


def account_id(number):
    return f"{100000000000 + number}"


def arn(account, role):
    return f"arn:aws:iam::{account}:role/app-{role:03d}"


def attached(name):
    return {"PolicyName": name, "PolicyArn": f"arn:aws:iam::aws:policy/{name}"}


def details(number, accounts, roles):
    account, after, before = (account_id(n % accounts) for n in (number, number + 1, number - 1))
    made = []
    for role in range(roles):
        bucket = f"arn:aws:s3:::data-{account}-{role:03d}"
        statements = [
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"{bucket}/*"},
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket},
        ]
        principal = {"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"][role % 2]}
        if role % 50 == 0:
            statements.append({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn(after, 1)})
        if role % 50 == 1:
            # The environment is that of `number % ENVIRONMENTS`: these steps stay inside of it or go to the next one.
            principal["AWS"] = arn(before, 0)
        made.append({
            "Path": "/",
            "RoleName": f"app-{role:03d}",
            "RoleId": f"AROA{number:06d}{role:06d}XXXXX",
            "Arn": arn(account, role),
            "AssumeRolePolicyDocument": trust(principal),
            "RolePolicyList": [{"PolicyName": "data", "PolicyDocument": document(*statements)}],
            "AttachedManagedPolicies": [attached("ReadOnlyAccess")] if role % 10 == 0 else [],
            "Tags": [{"Key": "team", "Value": f"t{role % 7}"}],
        })
    policy = {"PolicyName": "ReadOnlyAccess", "PolicyId": "ANPAREADONLY", "Arn": "arn:aws:iam::aws:policy/ReadOnlyAccess",
              "Path": "/", "DefaultVersionId": "v1", "AttachmentCount": 1, "PolicyVersionList": [
                  {"VersionId": "v1", "IsDefaultVersion": True, "Document": document(
                      {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*", "ec2:Describe*"], "Resource": "*"})}]}
    return {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": made, "Policies": [policy]}


def organization(accounts):
    units = [{"id": f"ou-exam-{n:08d}", "name": f"unit-{n}", "parent": "r-exam"} for n in range(ENVIRONMENTS)]
    members = [{"id": account_id(n), "name": f"a{n}", "parent": units[n % ENVIRONMENTS]["id"]} for n in range(accounts)]
    members.append({"id": MANAGEMENT, "name": "management", "parent": "r-exam"})
    everything = document({"Effect": "Allow", "Action": "*", "Resource": "*"})
    guard = document({"Effect": "Deny", "Action": ["organizations:LeaveOrganization", "iam:CreateUser"], "Resource": "*"})
    everywhere = ["r-exam", *(unit["id"] for unit in units), *(member["id"] for member in members)]
    return {
        "organization": {"id": "o-exampleorgid", "management_account": MANAGEMENT},
        "root": {"id": "r-exam", "policy_types": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}]},
        "units": units,
        "accounts": members,
        "scps": [
            {"id": "p-FullAWSAccess", "name": "FullAWSAccess", "content": everything, "targets": everywhere},
            {"id": "p-guard0001", "name": "guard", "content": guard, "targets": [unit["id"] for unit in units]},
        ],
        "rcps": [],
    }


def plan(accounts, roles, changes):
    made = []
    for change in range(changes):
        number, role = change * 7 % accounts, 2 + change % max(roles - 2, 1)
        account = account_id(number)
        before = {"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"][role % 2]}
        other = account_id((number + 1) % accounts) if change % 10 == 0 else account
        after = before | {"AWS": f"arn:aws:iam::{other}:root"}
        values = {"arn": arn(account, role), "name": f"app-{role:03d}", "path": "/", "id": f"app-{role:03d}"}
        address = f"aws_iam_role.app[{change}]"
        made.append({
            "address": address, "mode": "managed", "type": "aws_iam_role", "name": "app", "index": change,
            "provider_name": "registry.terraform.io/hashicorp/aws",
            "change": {
                "actions": ["update"],
                "before": values | {"assume_role_policy": json.dumps(trust(before))},
                "after": values | {"assume_role_policy": json.dumps(trust(after))},
                "after_unknown": {}, "before_sensitive": {}, "after_sensitive": {},
            },
        })
    return {"format_version": "1.2", "terraform_version": "1.11.4", "applyable": True, "complete": True, "errored": False,
            "planned_values": {"root_module": {}}, "resource_changes": made, "configuration": {
                "provider_config": {"aws": {"name": "aws", "full_name": "registry.terraform.io/hashicorp/aws"}},
                "root_module": {"resources": [{"address": "aws_iam_role.app", "mode": "managed", "type": "aws_iam_role",
                                               "name": "app", "provider_config_key": "aws", "expressions": {}}]}}}


def main():
    folder = pathlib.Path(sys.argv[1])
    accounts, roles, changes = (int(argument) for argument in sys.argv[2:5])
    for number in range(accounts):
        place = folder / "dumps" / "accounts" / account_id(number)
        place.mkdir(parents=True, exist_ok=True)
        (place / "account-authorization-details.json").write_text(json.dumps(details(number, accounts, roles), indent=2))
        (place / "buckets.json").write_text('{"account_public_access_block": null, "buckets": []}')
        (place / "resource-policies.json").write_text('{"resources": []}')
    (folder / "dumps" / "organization.json").write_text(json.dumps(organization(accounts), indent=2))
    (folder / "plan.json").write_text(json.dumps(plan(accounts, roles, changes)))
    environments = [f"e{n}={','.join(account_id(a) for a in range(n, accounts, ENVIRONMENTS))}" for n in range(ENVIRONMENTS)]
    (folder / "environments").write_text("".join(f"--environment\n{one}\n" for one in environments))


main()
