#!/usr/bin/env bash
# Compares `palisade simulate` with an independent judge of IAM policies, @cloud-copilot/iam-simulate,
# on generated cases. Needs node, npm and the network. The judge (AGPL-3.0) is installed into a
# temporary folder and run as a program of its own; nothing of it is linked or copied.
# Then the same of what makes a bucket policy public, on a hundredth of the cases.
# Usage: tests/differential/run.sh [COUNT] [SEED]     PALISADE names the binary to test.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
count=${1:-100000} seed=${2:-1}
palisade=${PALISADE:-$here/../../target/release/palisade}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm init -y >/dev/null && npm install --ignore-scripts --no-audit --no-fund @cloud-copilot/iam-simulate@0.1.173 >/dev/null)
judge() { "$palisade" simulate "$work/$1" >"$work/$1.ours"; node "$here/judge.mjs" "$work" <"$work/$1" >"$work/$1.theirs"; }
node "$here/generate.mjs" "$count" "$seed" >"$work/cases"
judge cases
node "$here/compare.mjs" "$work"/cases{,.ours,.theirs} "$work/neutral"
# The disagreements again, without the features that the rules blame: now none may remain.
judge neutral
echo "without those features:"
node "$here/compare.mjs" "$work"/neutral{,.ours,.theirs} --all-must-agree | grep -vE '^ '
echo "public bucket policies:"
node "$here/public.mjs" cases "$((count / 100))" "$seed" >"$work/public"
"$palisade" simulate "$work/public" >"$work/public.ours"
node "$here/public.mjs" compare "$work" "$work"/public{,.ours}
