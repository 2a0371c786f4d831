"""Two at work in one scope, over HTTP: a holder that is paused and wakes up, with and without its lock.

Called by conformance.py with an estate that is applied; leaves it so.
"""

import json
import signal
import time

COUNT = 40
VARIABLES = ("--var", f"runners={COUNT}")


def runners(run, account):
    return {r for r in run.roles(account) if r.startswith("runner-")}


def pause(run, dev, least):
    """An apply that stands still in its middle (SIGSTOP)."""
    process = run.start("apply", "--auto-approve", *VARIABLES)
    deadline = time.monotonic() + 240
    while process.poll() is None and time.monotonic() < deadline:
        if len(runners(run, dev)) >= least:
            process.send_signal(signal.SIGSTOP)
            return process
        time.sleep(0.02)
    process.wait(60)
    return None


def writers(run, bucket):
    """Who wrote each scope's state: its run."""
    s3 = run.client("s3")
    found = {}
    for key in run.state_objects():
        if key.endswith("/state.json"):
            found[key] = json.load(s3.get_object(Bucket=bucket, Key=key)["Body"])["stamp"]["run"]
    return found


def run_all(run, dev, bucket, check, ok):
    paused = pause(run, dev, 5)
    check("an apply was paused in its middle", paused is not None)
    if paused is None:
        return
    # Its lock keeps others out, and they are told who holds it and for how long.
    locked = run.palisade("apply", "--auto-approve", *VARIABLES)
    check("another apply meanwhile is locked out", locked.returncode == 5, locked.stderr)
    check("and is told for how long", " s, at 20" in locked.stderr and "state unlock" in locked.stderr, locked.stderr)
    # Without it the next one takes over, recovers, and finishes.
    ok("state unlock --force", run.palisade("state", "unlock", "--force"))
    ok("the successor recovers and finishes", run.palisade("apply", "--auto-approve", *VARIABLES))
    before = writers(run, bucket)
    paused.send_signal(signal.SIGCONT)
    code = paused.wait(240)
    check("the holder that woke up stops with exit code 4 or 5", code in (4, 5), code)
    check("none of its state writes survived", writers(run, bucket) == before)
    ok("what it had in flight is settled", run.palisade("apply", "--auto-approve", *VARIABLES))
    mine = runners(run, dev)
    check("every role exists once", mine == {f"runner-{i}" for i in range(COUNT)}, sorted(mine))
    listed = run.palisade("state", "list").stdout.splitlines()
    check("state knows every one of them", len([x for x in listed if x.startswith("iam_role.runner[")]) == COUNT)
    ok("plan after the race: no changes", run.palisade("plan", "--detailed-exitcode", *VARIABLES))
    check("no journal is left behind by the race", not [k for k in run.state_objects() if "/journal/" in k])

    # Two at once: one wins, the other stops with 4 or 5.
    ok("the roles go", run.palisade("apply", "--auto-approve"))
    both = [run.start("apply", "--auto-approve", *VARIABLES) for _ in range(2)]
    codes = sorted(p.wait(240) for p in both)
    check("of two at once one wins and the other stops with 4 or 5", codes in ([0, 4], [0, 5]), codes)
    ok("plan after the two: no changes", run.palisade("plan", "--detailed-exitcode", *VARIABLES))
    ok("and the roles go again", run.palisade("apply", "--auto-approve"))
    check("none of them is left", not runners(run, dev))
    ok("the audit log's chain holds after the races", run.palisade("audit", "verify"))
