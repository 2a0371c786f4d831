#!/bin/sh
# A release travels from its first apply to production and back, in a sandbox of its own:
#
#   demo/travel.sh
#
# Every line says who calls, and when. In the sandbox both are set by hand, so that a soak of a day
# takes no day and the author is not who approves.
set -eu
cd "$(dirname "$0")/.."
palisade=${PALISADE:-palisade}
export PALISADE_SANDBOX="${PALISADE_DEMO_DIR:-.palisade/demo}"

# does WHO WHEN EXIT-CODE ARGUMENTS...
does() {
  who=$1 at=$2 wanted=$3
  shift 3
  printf '\n# %s, %s\n$ palisade %s\n' "$who" "$at" "$*"
  code=0
  PALISADE_SANDBOX_AS=$who PALISADE_SANDBOX_CLOCK=$at "$palisade" "$@" || code=$?
  if [ "$code" != "$wanted" ]; then
    echo "exit code $code, but $wanted was expected" >&2
    exit 1
  fi
}

# -- the first release ------------------------------------------------------------------------
does ann 2026-11-23T09:00:00Z 0 apply --auto-approve
does ann 2026-11-23T09:10:00Z 0 promote to_dev_aws --auto-approve
does ann 2026-11-23T09:20:00Z 0 promote to_dev_aws_deployed --auto-approve

# Too early, and nobody has approved.
does ann 2026-11-23T09:30:00Z 3 promote to_staging --auto-approve
does bea 2026-11-23T10:00:00Z 0 approve to_staging --auto-approve
does ann 2026-11-23T10:30:00Z 0 promote to_staging --auto-approve

# A day later: two people approve, and it goes to production.
does bea 2026-11-24T11:00:00Z 0 approve to_production --auto-approve
does cem 2026-11-24T11:05:00Z 0 approve to_production --auto-approve
does ann 2026-11-24T11:10:00Z 0 promote to_production --auto-approve
does ann 2026-11-24T11:20:00Z 0 releases

# -- the second release, and back --------------------------------------------------------------
next='release={ image = "acme/shop@sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752", schema = 43 }'
does ann 2026-11-25T09:00:00Z 0 apply --auto-approve --var "$next"
does ann 2026-11-25T09:10:00Z 0 promote to_dev_aws --auto-approve --var "$next"
does ann 2026-11-25T09:20:00Z 0 promote to_dev_aws_deployed --auto-approve --var "$next"
does bea 2026-11-25T10:30:00Z 0 approve to_staging --auto-approve --var "$next"
does ann 2026-11-25T10:40:00Z 0 promote to_staging --auto-approve --var "$next"
does bea 2026-11-26T11:00:00Z 0 approve to_production --auto-approve --var "$next"
does cem 2026-11-26T11:05:00Z 0 approve to_production --auto-approve --var "$next"
does ann 2026-11-26T11:10:00Z 0 promote to_production --auto-approve --var "$next"

# It is Saturday, production is frozen, and checkout fails: back is always possible.
does ann 2026-11-28T23:00:00Z 0 rollback production --auto-approve --reason "INC-7: checkout fails" --var "$next"
does ann 2026-11-28T23:05:00Z 0 releases
does ann 2026-11-28T23:10:00Z 0 audit verify
