#!/usr/bin/env bash
# python-hcl2 8 returns strings with their quotes and heredocs with their markers; python-hcl2 7 returned values.
#
# Guess: `hcl2.loads` of a newer release returns what it returned before: the text of a literal string, the label
# of a block, the lines of a heredoc.
# Seen: 7.3.1 gives the role's name as `deploy`. 8.1.4 gives `"deploy"`, quotes included, for attributes and for block
# labels alike, and a heredoc as its source, `<<-EOT` and closing marker included, its indentation not removed. There
# is no error and no warning.
# Matters because: a checker that looks for `resource["aws_iam_role"]` finds no role any more and reports a clean
# module.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/read.py" <<'PY'
import json, hcl2

TEXT = """
resource "aws_iam_role" "deploy" {
  name = "deploy"
  description = <<-EOT
      first
    second
  EOT
}
"""
(block,) = hcl2.loads(TEXT)["resource"]
((kind, labels),) = block.items()
((label, body),) = labels.items()
print(json.dumps([kind, label, body["name"], body["description"]]))
PY
read_with() {
  python3 -m venv "$work/$1"
  "$work/$1/bin/pip" install --quiet "python-hcl2==$1" >/dev/null
  "$work/$1/bin/python" "$work/read.py"
}
before=$(read_with 7.3.1) || exit 2
after=$(read_with 8.1.4) || exit 2
echo "7.3.1: $before"
echo "8.1.4: $after"
[[ "$before" == '["aws_iam_role", "deploy", "deploy", '* ]] && [[ "$after" == '["\"aws_iam_role\"", "\"deploy\"", "\"deploy\"", "\"<<-EOT'* ]]
