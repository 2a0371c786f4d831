#!/bin/sh
# Stands in for the tests of a release: fails unless it is told which one it looks at.
: "${PALISADE_RELEASE:?no release given}"
echo "{\"release\": \"$PALISADE_RELEASE\", \"checks\": 1, \"failed\": 0}"
