#!/usr/bin/env bash
# cfn-lint 1.58.0 says that the European Sovereign Cloud and all isolated Regions have every resource
# type of us-east-1, down to each schema.
#
# Guess: its table of types for a Region tells whether a type exists there, as it does for
# us-gov-west-1 (1,019 types) and cn-north-1 (827).
# Seen: for eusc-de-east-1 and seven Regions of aws-iso, aws-iso-b, aws-iso-e and aws-iso-f the table equals
# us-east-1's 1,854 entries one by one. eu-central-1, the largest Region next to it, has fewer.
# Matters because: "cfn-lint has the type for this Region" is no evidence in these partitions, which are the
# very ones where a type is likely to be missing; the type has to be looked up when the plan is made.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'cfn-lint==1.58.0' || exit 2
"$work/venv/bin/python" - <<'PY'
import glob, json, os, sys
import cfnlint

folder = os.path.join(os.path.dirname(cfnlint.__file__), "data/schemas/providers")
regions = {os.path.basename(path)[:-5]: json.load(open(path)) for path in glob.glob(folder + "/*.json")}
regions.pop("sam", None)
first = regions.pop("us-east-1")
copies = sorted(region for region, types in regions.items() if types == first)
print("us-east-1:", len(first), "types")
print("the same types and schemas:", copies)
for region in ("eu-central-1", "us-west-2", "us-gov-west-1", "cn-north-1"):
    print(f"{region}: {len(regions[region])} types")
as_stated = ("eusc-de-east-1" in copies and len(copies) == 8
             and all(region.startswith(("us-iso", "eu-iso", "eusc-")) for region in copies))
sys.exit(0 if as_stated else 1)
PY
