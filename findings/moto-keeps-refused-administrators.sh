#!/usr/bin/env bash
# moto 5.2.5 refuses to register a delegated administrator for a service, and the account is one afterwards.
#
# Guess: a call that ends in InvalidInputException changes nothing; and a registration that succeeds is for a service that has
# trusted access, without which AWS answers ConstraintViolationException, SERVICE_ACCESS_NOT_ENABLED.
# Seen: moto adds the account to its list before it looks at the service. After the refusal ListDelegatedAdministrators
# has the account, with no service, and DeregisterDelegatedAdministrator cannot take it away again. A service that it
# knows is registered without trusted access. "sso.amazonaws.com", IAM Identity Center, is one that it does not know.
# Matters because: a tool that reads the administrators after a failed apply, to see how far it came, takes the failed
# step for done; and the order "trusted access first", without which an apply fails half way on AWS, is tested by nothing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[organizations]==5.2.5' 'boto3==1.44.8' 'botocore==1.44.8' || exit 2
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

def code(call, **arguments):
    try:
        call(**arguments)
        return "done"
    except ClientError as error:
        return error.response["Error"]["Code"]

with mock_aws():
    organizations = boto3.client("organizations", "us-east-1")
    organizations.create_organization(FeatureSet="ALL")
    made = organizations.create_account(AccountName="security", Email="security@example.com")
    account = made["CreateAccountStatus"]["AccountId"]
    wanted = {"AccountId": account, "ServicePrincipal": "sso.amazonaws.com"}
    registered = code(organizations.register_delegated_administrator, **wanted)
    listed = [one["Id"] for one in organizations.list_delegated_administrators()["DelegatedAdministrators"]]
    services = organizations.list_delegated_services_for_account(AccountId=account)["DelegatedServices"]
    removed = code(organizations.deregister_delegated_administrator, **wanted)
    known = code(organizations.register_delegated_administrator, AccountId=account, ServicePrincipal="guardduty.amazonaws.com")
    trusted = organizations.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
print("registration:", registered)
print("administrators afterwards:", len(listed), "with the services:", services)
print("deregistration:", removed)
print("registration for GuardDuty:", known, "while the services with trusted access are:", trusted)
as_stated = registered == "InvalidInputException" and listed == [account] and services == [] and removed != "done"
sys.exit(0 if as_stated and (known, trusted) == ("done", []) else 1)
PY
