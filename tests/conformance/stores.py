"""The contract of every state store, and the state protocol, on moto's S3 over HTTP.

The same tests run on a directory and on the sandbox's S3 in `cargo test`; here they are given moto as one
store more. That they did use it is seen in the buckets that they leave there.
"""

import os
import re
import subprocess

from judge import HERE, check, judge


def contract(run):
    cargo = os.environ.get("CARGO", "cargo")
    command = [cargo, "test", "--locked", "--test", "it", "state::"]
    env = {**os.environ, "PALISADE_TEST_S3_ENDPOINT": run.url}
    done = subprocess.run(command, cwd=HERE.parent.parent, env=env, capture_output=True, text=True, timeout=3600)
    check("the store contract and the state protocol hold", done.returncode == 0,
          done.stdout[-6000:] + done.stderr[-3000:])
    counts = [int(n) for n in re.findall(r"(\d+) passed", done.stdout)]
    print(f"        {sum(counts)} tests", flush=True)
    buckets = [b["Name"] for b in run.client("s3").list_buckets()["Buckets"]]
    used = [b for b in buckets if b.startswith("contract-")]
    check("they ran on moto too", len(used) >= 25, f"{sum(counts)} tests, {len(used)} buckets")


if __name__ == "__main__":
    judge("stores", "estate", contract)
