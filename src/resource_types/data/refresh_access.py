#!/usr/bin/env python3
"""Lists the CloudFormation types that access.txt lacks, with the properties that hint at access.

    src/resource_types/data/refresh_access.py [VERSION]

Downloads cfn-lint (PyPI), which bundles the schemas of the CloudFormation registry, into a temporary folder. Add a new type by
hand, with what AWS's documentation says about its access: its name is not enough.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

HINT = re.compile(r"polic(y|ies|ytext|ydocument)$|principals?$|permissions?$|grant|sharing|accountids?$", re.IGNORECASE)


def properties(schema):
    if isinstance(schema, dict):
        yield from schema.get("properties") or {} if isinstance(schema.get("properties"), dict) else ()
        for value in schema.values():
            yield from properties(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from properties(value)


def types(version):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["pip", "download", "--quiet", "--no-deps", "--dest", folder, f"cfn-lint{version}"], check=True)
        (archive,) = pathlib.Path(folder).glob("*.whl")
        with zipfile.ZipFile(archive) as wheel:
            for name in wheel.namelist():
                if "/schemas/resources/" in name and name.endswith(".json"):
                    schema = json.loads(wheel.read(name))
                    kind = schema["typeName"].removeprefix("AWS::")
                    yield kind, sorted({p for p in properties(schema) if HINT.search(p)})


def main():
    version = f"=={sys.argv[1]}" if len(sys.argv) > 1 else ""
    rows = (pathlib.Path(__file__).parent / "access.txt").read_text().splitlines()
    known = {row.split()[0] for row in rows if not row.startswith("#")}
    seen = dict(types(version))
    for name in sorted(seen.keys() - known):
        print(f"new: {name} {' '.join(seen[name])}".rstrip())
    for name in sorted(known - seen.keys()):
        print(f"gone: {name}")
    print(f"{len(seen)} types, {len(known)} in the table")
    return bool(seen.keys() - known)


sys.exit(main())
