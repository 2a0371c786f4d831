#!/usr/bin/env bash
# PyYAML 6.0.4 writes some account IDs that begin with a zero without quotes, and JavaScript's YAML packages read them as
# numbers, without the zero.
#
# Guess: a text that is all digits is quoted by a YAML writer, so that every reader has it as a text. cfn-flip 1.3.0, which
# is made for CloudFormation on top of PyYAML, does so.
# Seen: PyYAML quotes by YAML 1.1's idea of a number, in which a leading zero means octal. `012345670123` could be octal and
# gets quotes; `012345678901` has an 8 or a 9, is no number there, and gets none. By YAML 1.2's it is one: js-yaml 5.5.0
# and yaml 2.9.1 read 12345678901. PyYAML itself reads its text back, so its own round trip shows nothing.
# Matters because: one account in ten begins with a zero, and most of their IDs have an 8 or a 9. A template or a list of
# accounts that a Python step writes and a JavaScript step reads names an account that does not exist.
# Account IDs have to be quoted by the writer, whatever its library thinks, and be padded or refused by the reader.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'PyYAML==6.0.4' 'cfn-flip==1.3.0' || exit 2
npm init -y >/dev/null
npm install --silent --no-audit --no-fund js-yaml@5.5.0 yaml@2.9.1 >/dev/null || exit 2
cat > write.py <<'PY'
import json, sys
import cfn_flip, yaml

accounts = {"accounts": ["012345670123", "012345678901", "111122223333"]}
written = yaml.safe_dump(accounts) if sys.argv[1] == "pyyaml" else cfn_flip.to_yaml(json.dumps(accounts))
assert yaml.safe_load(written) == accounts
sys.stdout.write(written)
PY
cat > read.js <<'JS'
const text = require("node:fs").readFileSync(process.argv[2], "utf8");
for (const read of [require("js-yaml").load, require("yaml").parse]) console.log(JSON.stringify(read(text).accounts));
JS
for writer in pyyaml cfn-flip; do
  venv/bin/python write.py "$writer" > "$writer.yaml"
  node read.js "$writer.yaml" > "$writer.json"
  echo "$writer: $(tail -n 3 "$writer.yaml" | tr -s ' \n' ' ')"
  sed 's/^/  /' "$writer.json"
done
zeroless='["012345670123",12345678901,"111122223333"]'
whole='["012345670123","012345678901","111122223333"]'
[ "$(cat pyyaml.json)" = "$zeroless"$'\n'"$zeroless" ] && [ "$(cat cfn-flip.json)" = "$whole"$'\n'"$whole" ]
