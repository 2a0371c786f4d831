#!/usr/bin/env bash
# Seven of the nine ARN patterns in botocore 1.44.8's model of Organizations fit the partition `aws` alone, and no two of a
# policy's patterns agree on its length.
#
# Guess: the patterns of a service's ARNs fit every partition that has the service by the same package's endpoints, as those of
# SSM, IAM Identity Center and S3 Control do; and the ARN of a policy ends in what its PolicyId allows.
# Seen: endpoints.json has Organizations in seven partitions. The patterns of accounts, units, roots, policies, handshakes and
# the organization begin with `arn:aws:`, so that every ARN of China and of GovCloud breaks them; resource policies and
# responsibility transfers, which came later, take any partition. A PolicyId may be `p-` and 8 characters; a PolicyArn
# asks for 10. botocore itself checks no pattern.
# Matters because: a check that is generated from the model refuses every ARN of an organization outside of `aws`, and policies
# with short identifiers everywhere. An ARN has to be judged by its parts: partition, service, account, kind.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'botocore==1.44.8' || exit 2
"$work/venv/bin/python" - <<'PY'
import re, sys
import botocore.session

loader = botocore.session.get_session().get_component("data_loader")
shapes = loader.load_service_model("organizations", "service-2")["shapes"]
having = [one["partition"] for one in loader.load_data("endpoints")["partitions"] if "organizations" in one["services"]]
print("Organizations by the endpoints:", ", ".join(having))
AFTER = {
    "AccountArn": "111122223333:account/o-exampleorg1/111122223333",
    "GenericArn": "111122223333:root/o-exampleorg1/r-abcd",
    "HandshakeArn": "111122223333:handshake/o-exampleorg1/invite/h-12345678",
    "OrganizationArn": "111122223333:organization/o-exampleorg1",
    "OrganizationalUnitArn": "111122223333:ou/o-exampleorg1/ou-abcd-12345678",
    "PolicyArn": "111122223333:policy/o-exampleorg1/service_control_policy/p-1234567890",
    "ResourcePolicyArn": "111122223333:resourcepolicy/o-exampleorg1/rp-12345678",
    "ResponsibilityTransferArn": "111122223333:transfer/o-exampleorg1/billing/inbound/rt-12345678",
    "RootArn": "111122223333:root/o-exampleorg1/r-abcd",
}
patterns = {name: shape["pattern"] for name, shape in shapes.items() if shape.get("pattern", "").lstrip("^(").startswith("arn:")}
fits = {}
for name, pattern in sorted(patterns.items()):
    fits[name] = [partition for partition in having if re.match(pattern, f"arn:{partition}:organizations::{AFTER[name]}")]
    print(f"  {name}: {len(fits[name])} of {len(having)} partitions")
short = "p-12345678"
identifier = re.match(shapes["PolicyId"]["pattern"], short) is not None
arn = re.match(patterns["PolicyArn"], "arn:aws:organizations::" + AFTER["PolicyArn"].replace("p-1234567890", short)) is not None
print(f"{short}: a PolicyId {identifier}, at the end of a PolicyArn {arn}")
narrow = [name for name, found in fits.items() if found == ["aws"]]
wide = [name for name, found in fits.items() if found == having]
as_stated = (len(narrow), wide, len(having)) == (7, ["ResourcePolicyArn", "ResponsibilityTransferArn"], 7)
sys.exit(0 if as_stated and (identifier, arn) == (True, False) else 1)
PY
