#!/usr/bin/env python3
"""Lists the types of Terraform's AWS provider that types.txt lacks, with the arguments that hint at access.

    src/review/terraform/refresh_types.py [VERSION]

Installs @cdktf/provider-aws (npm), whose classes are made from the provider's own schema, into a temporary folder. A new
type is entered by hand: what it does to access is read from AWS's documentation, not from its name.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

HINT = re.compile(r"policy$|policyDocument$|[Pp]rincipals?$|permission|accessPolic|grant", re.IGNORECASE)


def types(version):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", f"@cdktf/provider-aws@{version}"], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)
        (archive,) = pathlib.Path(folder).glob("*.tgz")
        subprocess.run(
            ["tar", "xzf", archive, "--wildcards", "package/lib/*/index.d.ts"], cwd=folder, check=True)
        for path in sorted(pathlib.Path(folder).glob("package/lib/*/index.d.ts")):
            text = path.read_text()
            name = re.search(r'tfResourceType = "aws_(\w+)"', text)
            if name and not path.parent.name.startswith("data-"):
                arguments = set(re.findall(r"readonly (\w+)\??:", text))
                yield name[1], sorted(a for a in arguments if HINT.search(a))


def main():
    version = sys.argv[1] if len(sys.argv) > 1 else "latest"
    rows = (pathlib.Path(__file__).parent / "types.txt").read_text().splitlines()
    known = {row.split()[0] for row in rows if not row.startswith("#")}
    seen = dict(types(version))
    for name in sorted(seen.keys() - known):
        print(f"new: {name} {' '.join(seen[name])}".rstrip())
    for name in sorted(known - seen.keys()):
        print(f"gone (older provider versions have it): {name}")
    print(f"{len(seen)} types, {len(known)} in the table")
    return bool(seen.keys() - known)


sys.exit(main())
