#!/usr/bin/env bash
# @microsoft/sarif-multitool 5.7.0: `validate` ends with exit code 0 whatever it finds, and its command on npm hands a list
# of rule kinds to a shell.
#
# Guess: a validator in a pipeline fails the step when the file breaks a rule of level "error", and `--rule-kind "Sarif;Gh"`,
# a list with semicolons as its help describes lists, runs both kinds.
# Seen: exit code 0 with three errors (GH1015, GH1017, GH2012: all for one result without a location), and 0 for a file
# that is no JSON; only a file that is absent gives 1. The npm command runs the program through a shell without
# quoting, so that the list ends the command at the semicolon and `Gh` is looked for as a program; the rules of GitHub do
# not run, and what is printed above it says "Analysis completed successfully".
# Matters because: a check that counts on the exit code never fails. The result has to be read from `--output`.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @microsoft/sarif-multitool@5.7.0 >/dev/null || exit 2
chmod +x node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
cat > no-location.sarif <<'JSON'
{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [{
  "tool": {"driver": {"name": "example", "rules": [{"id": "R1", "shortDescription": {"text": "One."},
    "fullDescription": {"text": "One rule."}, "help": {"text": "None."}}]}},
  "results": [{"ruleId": "R1", "message": {"text": "A result without a location."}}]}]}
JSON
echo '{' > cut.sarif
run() { local code=0; "$@" >out.txt 2>&1 || code=$?; echo "$code"; }
tool=node_modules/.bin/sarif-multitool
errors=$(run "$tool" validate no-location.sarif --rule-kind Gh)
rules=$(grep -oE 'error GH[0-9]+' out.txt | sort -u | tr '\n' ' ')
cut=$(run "$tool" validate cut.sarif --rule-kind Gh)
absent=$(run "$tool" validate absent.sarif --rule-kind Gh)
listed=$(run "$tool" validate no-location.sarif --rule-kind "Sarif;Gh")
second=$(grep -cE 'Gh: (command )?not found' out.txt || true)
echo "a file with errors: exit code $errors, $rules"
echo "a file that is no JSON: exit code $cut; a file that is absent: $absent"
echo "--rule-kind \"Sarif;Gh\": the second kind is looked for as a program: $second (exit code $listed)"
[ "$errors $cut $absent $second" = "0 0 1 1" ] && [ "$rules" = "error GH1015 error GH1017 error GH2012 " ]
