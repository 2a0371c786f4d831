#!/usr/bin/env bash
# sarif-om 1.0.4 and @microsoft/sarif-multitool 5.7.0 leave out a result's level when it is "warning", and the result takes
# over the level of its rule.
#
# Guess: a level that is written on a result stays on it through a library that builds a log and through a tool that
# rewrites one; what is left out at most is what a reader would fill in again with the same value.
# Seen: "warning" is the schema's default and goes. But a result without a level is read by the rule's
# defaultConfiguration (SARIF 2.1.0, section 3.27.10), so that one explicit warning of a rule whose default is "error" comes
# out as an error: sarif-tools 3.0.5 counts a warning before and an error after. A "note" of the same rule survives.
# Matters because: a tool that gives one rule results of several levels (an open wall that was open before is a
# warning, a new one an error) fails builds for its warnings as soon as any step rewrites its log. It is safe to
# give every rule the default "warning", and to put what differs on the results.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'sarif-om==1.0.4' 'jschema-to-python==1.2.3' 'sarif-tools==3.0.5' || exit 2
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @microsoft/sarif-multitool@5.7.0 >/dev/null || exit 2
chmod +x node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
cat > before.sarif <<'JSON'
{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [{
  "tool": {"driver": {"name": "example", "rules": [{"id": "R1", "defaultConfiguration": {"level": "error"}}]}},
  "results": [{"ruleId": "R1", "ruleIndex": 0, "level": "warning", "message": {"text": "Was so before."}},
    {"ruleId": "R1", "ruleIndex": 0, "level": "note", "message": {"text": "Is closed now."}}]}]}
JSON
node_modules/.bin/sarif-multitool rewrite before.sarif --output rewritten.sarif >/dev/null
cat > build.py <<'PY'
from jschema_to_python.to_json import to_json
from sarif_om import Message, ReportingConfiguration, ReportingDescriptor, Result, Run, SarifLog, Tool, ToolComponent

rule = ReportingDescriptor(id="R1", default_configuration=ReportingConfiguration(level="error"))
results = [Result(rule_id="R1", rule_index=0, level="warning", message=Message(text="Was so before.")),
           Result(rule_id="R1", rule_index=0, level="note", message=Message(text="Is closed now."))]
run = Run(tool=Tool(driver=ToolComponent(name="example", rules=[rule])), results=results)
print(to_json(SarifLog(version="2.1.0", runs=[run])))
PY
venv/bin/python -W ignore build.py > built.sarif
counts() { venv/bin/sarif summary "$1" | grep -E '^(error|warning|note): ' | tr '\n' ' '; }
as_written=$(counts before.sarif)
rewritten=$(counts rewritten.sarif)
built=$(counts built.sarif)
echo "as written:                 $as_written"
echo "rewritten by the Multitool: $rewritten"
echo "built with sarif-om:        $built"
[ "$as_written|$rewritten|$built" = "error: 0 warning: 1 note: 1 |error: 1 warning: 0 note: 1 |error: 1 warning: 0 note: 1 " ]
