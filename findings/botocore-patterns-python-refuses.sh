#!/usr/bin/env bash
# Of the 10,140 patterns in botocore 1.44.8's service models, Python's own `re` refuses more than 700.
#
# Guess: a Python package ships patterns that Python can compile, so a tool may check names against
# the models before it calls.
# Seen: botocore never compiles them (it checks lower bounds, no pattern). `re` refuses the
# Unicode classes (\p{L}), written in Java's dialect, and ranges over surrogates (\uD800\uDC00-\uDBFF\uDFFF), which mean pairs
# of UTF-16 units. The tag keys of IAM and of S3 Control are among them.
# Matters because: a check that is generated from the models needs a dialect of its own; one that skips
# what does not compile silently checks nothing for tags.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'botocore==1.44.8' || exit 2
"$work/venv/bin/python" -W ignore - <<'PY'
import collections, glob, gzip, json, os, re, sys
import botocore

total, refused, services = 0, collections.Counter(), set()
tags = {}
for path in sorted(glob.glob(os.path.join(os.path.dirname(botocore.__file__), "data/*/*/service-2.json.gz"))):
    service = path.split(os.sep)[-3]
    for name, shape in json.load(gzip.open(path))["shapes"].items():
        pattern = shape.get("pattern")
        if pattern is None:
            continue
        total += 1
        try:
            re.compile(pattern)
        except re.error as error:
            refused[re.sub(r" at position.*", "", str(error))] += 1
            services.add(service)
            if (service, name) in {("iam", "tagKeyType"), ("s3control", "TagKeyString"), ("s3control", "AuditContext")}:
                tags[service, name] = pattern
print("patterns:", total, "refused:", sum(refused.values()), "in", len(services), "services")
for reason, count in refused.most_common(5):
    print(f"  {count:4} {reason}")
for (service, name), pattern in sorted(tags.items()):
    print(f"  {service}.{name}: {pattern}")
sys.exit(0 if total == 10140 and sum(refused.values()) > 700 and len(tags) == 3 else 1)
PY
