"""Faults between the program and moto, each of a kind that networks, proxies and AWS have.

Of every one four things are judged: the exit code, the words, what moto holds (by boto3, past the proxy), and that
the next run without the fault converges. The bound of a request is short here, so that waits are.
"""

import json
import time

import proxy
from judge import BUCKET, check, free_port, judge, ok

# Of one request over all its attempts, in seconds: short where a fault stays, so that waits are; longer where an apply
# writes; ample where a fault passes or none is, so that what is healthy has its time on a busy machine too.
DEADLINE, WRITING, AMPLE = 8, 20, 60
# No plan waits longer than for a handful of requests, one after another; an apply repeats its own for two minutes.
BOUND = 5 * DEADLINE


class At:
    """Which requests meet a fault: those of a service and operation, so many after the first ones."""

    def __init__(self, fault, service, operation=None, path="", skip=0, times=10**6):
        self.fault, self.service, self.operation, self.path = fault, service, operation, path
        self.skip, self.times, self.met = skip, times, 0

    def __call__(self, request):
        if request.service != self.service or self.operation not in (None, request.operation) or self.path not in request.path:
            return None
        self.met += 1
        return self.fault if self.skip < self.met <= self.skip + self.times else None


def judge_faults(run):
    front = proxy.Proxy(run.url)
    try:
        run.env["AWS_ENDPOINT_URL"] = front.url
        ok("init --create-backend", run.palisade("init", "--create-backend"))
        if ok("apply", run.palisade("apply", "--auto-approve")):
            reading(run, front)
            writing(run, front)
        ok("the audit log's chain holds", run.palisade("audit", "verify"))
    finally:
        front.stop()


def versions(run):
    """Every version of every object of the state."""
    pages = run.client("s3").get_paginator("list_object_versions").paginate(Bucket=BUCKET)
    return {(v["Key"], v["VersionId"]) for page in pages for v in page.get("Versions", [])}


def told(name, run, args, codes, words, deadline=DEADLINE, bound=BOUND):
    """Runs the program under a deadline for each request; its output, judged by its code, its words and its time."""
    start = time.monotonic()
    run.env["PALISADE_REQUEST_TIMEOUT"] = f"{deadline}s"
    done = run.palisade(*args)
    del run.env["PALISADE_REQUEST_TIMEOUT"]
    took, said = time.monotonic() - start, done.stdout + done.stderr
    check(f"{name}: exit code {codes}", done.returncode in codes, f"{done.returncode}\n{said[-3000:]}")
    for word in words:
        check(f"{name}: says `{word}`", word in said, said[-3000:])
    check(f"{name}: ends within {bound} s", took < bound, took)
    for word in ("panicked", "DispatchFailure", "ResponseError", "unhandled error"):
        check(f"{name}: says nothing of `{word}`", word not in said, said[-3000:])
    return said


def reading(run, front):
    dev = run.account("conf-dev")
    before = (versions(run), run.roles(dev), run.parameters(dev))
    plan = ("plan", "--detailed-exitcode")
    # Codes: 0 nothing to do, 1 failed, 6 something could not be read.
    for name, at, codes, words in (
        ("a trickled body of the state", At(proxy.trickled, "s3", "GET", "/state.json"), (1,), ["gave no answer in time"]),
        ("a trickled body of an account", At(proxy.trickled, "iam"), (6,), ["gave no answer in time", "not read"]),
        ("a silent S3", At(proxy.silent, "s3"), (1,), ["gave no answer in time", "waiting for"]),
        ("a silent SSM", At(proxy.silent, "ssm"), (6,), ["gave no answer in time", "not read"]),
        ("SlowDown from S3 for good", At(proxy.slow_down, "s3"), (1,), ["throttled", "--parallelism"]),
        ("SlowDown from S3 once", At(proxy.slow_down, "s3", times=1), (0,), []),
        ("a web page in place of Organizations", At(proxy.web_page, "organizations"), (1,), ["\"Blocked by policy\"", "captive portal"]),
        ("garbled JSON of Organizations", At(proxy.garbled_json, "organizations"), (1,), ["cannot be understood"]),
        ("garbled JSON of SSM", At(proxy.garbled_json, "ssm"), (6,), ["cannot be understood", "not read"]),
        ("garbled XML of IAM", At(proxy.garbled_xml, "iam"), (6,), ["cannot be understood", "not read"]),
        ("IAM cut for good", At(proxy.cut, "iam"), (6,), ["was cut", "not read"]),
        ("IAM cut once", At(proxy.cut, "iam", times=1), (0,), []),
        ("connections reset once", At(proxy.refused, "ssm", times=1), (0,), []),
    ):
        front.rule = at
        passes = codes == (0,)
        said = told(name, run, plan, codes, words, *((AMPLE, AMPLE) if passes else ()))
        check(f"{name}: met", at.met > 0)
        matches = "No changes. AWS matches" in said
        check(f"{name}: AWS is said to match only where it was read", matches == passes, said[-2000:])
        front.rule = lambda _: None
    # What the server asks for is waited for at least; the SDK may slow the client down by more.
    front.seen.clear()
    front.rule = At(proxy.too_many, "ssm", times=1)
    told("429 with Retry-After", run, plan, (0,), [], AMPLE, AMPLE)
    asked = [request for request in front.seen if request.service == "ssm"]
    hit = next(request for request in asked if request.fault)
    # Of the same caller: each account has keys of its own, and is asked the same.
    same = [request for request in asked if (request.operation, request.key) == (hit.operation, hit.key)]
    again = [request.at - hit.at for request in same if request.at > hit.at]
    check("429 with Retry-After: the next attempt waits that long", bool(again) and 2 <= min(again) < 30, again)
    front.rule = lambda _: None
    there, run.env["AWS_ENDPOINT_URL"] = run.env["AWS_ENDPOINT_URL"], f"http://127.0.0.1:{free_port()}"
    told("a port where nothing listens", run, plan, (1,), ["nothing listens at", "connection refused"])
    run.env["AWS_ENDPOINT_URL"] = there
    check("no plan has written anything", (versions(run), run.roles(dev), run.parameters(dev)) == before)
    ok("after the faults: no changes", run.palisade(*plan))


def runners(run, account):
    return {name for name in run.roles(account) if name.startswith("runner-")}


def writing(run, front):
    """An apply of two more roles a time, each time with another fault in its middle."""
    dev, count = run.account("conf-dev"), 0
    for name, at, codes, words in (
        ("a swallowed CreateRole, once", At(proxy.swallowed, "iam", "CreateRole", times=1), (0,), []),
        ("a CreateRole whose answer is cut, once", At(proxy.cut, "iam", "CreateRole", times=1), (0,), []),
        ("swallowed CreateRoles, all of them", At(proxy.swallowed, "iam", "CreateRole"), (0,), ["waiting for"]),
        ("IAM busy for a while", At(proxy.unavailable, "iam", "PutRolePolicy", times=4), (0,), []),
        ("a swallowed PUT of the state, once", At(proxy.swallowed, "s3", "PUT", "/state.json", times=1), (0,), []),
        ("a PUT of the state whose answer is cut, once", At(proxy.cut, "s3", "PUT", "/state.json", times=1), (0,), []),
        ("S3 silent from the first PUT of a state on", At(proxy.silent, "s3", "PUT", "/state.json"), (1, 3), ["gave no answer in time"]),
    ):
        count += 2
        apply = ("apply", "--auto-approve", "--lock-timeout", "120s", "--var", f"runners={count}")
        wanted = {f"runner-{n}" for n in range(count)}
        had = runners(run, dev)
        front.rule = at
        told(name, run, apply, codes, words, WRITING, 240)
        check(f"{name}: met", at.met > 0)
        front.rule = lambda _: None
        made = runners(run, dev)
        check(f"{name}: nothing else is there", had <= made <= wanted, sorted(made ^ wanted))
        if codes == (0,):
            check(f"{name}: all of it is there", made == wanted, sorted(made ^ wanted))
        else:
            ok(f"{name}: the next run converges", run.palisade(*apply))
            check(f"{name}: then all of it is there", runners(run, dev) == wanted, sorted(runners(run, dev) ^ wanted))
        for file in run.dir.glob("errored.*"):
            file.unlink()
        listed = [line for line in run.palisade("state", "list").stdout.splitlines() if line.startswith("iam_role.runner[")]
        check(f"{name}: the state knows each of them", len(listed) == count, listed)
        check(f"{name}: no journal is left", not [key for key in run.state_objects() if "/journal/" in key])
        found = run.palisade("plan", "--detailed-exitcode", "--json", "--var", f"runners={count}")
        check(f"{name}: nothing is left to do", found.returncode == 0, json.loads(found.stdout or "{}").get("summary"))


if __name__ == "__main__":
    judge("faults", "estate", judge_faults)
