#!/bin/sh
# Passes when the image that it is told of is the one that the page names (an endpoint decides).
: "${PALISADE_RELEASE_DIGEST:?no release given}"
case "$PALISADE_RELEASE_VALUES" in
*'"image":"shop@sha256:'*) echo "{\"edge\": \"$PALISADE_EDGE\", \"author\": \"$PALISADE_AUTHOR\"}" ;;
*) exit 1 ;;
esac
