"""A release on its way through five environments, against moto, over HTTP, judged with boto3 alone.

What opens and closes gates stands on endpoints: alarms by SetAlarmState, metrics by PutMetricData, a
page, parameters changed by hand. People are identities of moto's STS. What applications are told is
read from SSM, what Palisade keeps from the state bucket. No step waits for time to pass: where a gate
is about time, its length is a variable of the configuration (a soak lasts a second at least).
"""

import datetime
import functools
import http.server
import json
import signal
import threading
import time

import boto3
from cbor_bridge import Bridge
from judge import BUCKET, REGION, check, judge, ok

ACCOUNTS = {"dev-aws": "conf-dev", "dev-aws-deployed": "conf-deployed", "staging": "conf-staging", "production": "conf-production"}
EDGES = ["to_dev_aws", "to_dev_aws_deployed", "to_staging", "to_production"]
ALARM = "checkout-5xx"


class Page:
    """A page whose answer is set by hand."""

    def __init__(self):
        page = self
        self.text, self.asked = "failed", 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page.asked += 1
                body = page.text.encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/tests"


class Stage:
    """The estate, the people, and what the next command is told."""

    def __init__(self, run):
        self.run, self.page = run, Page()
        self.local_url = run.serve("localstack", MOTO_ACCOUNT_ID="000000000000")
        self.vars = {"local_url": self.local_url, "page_url": self.page.url}
        run.env["AWS_ENDPOINT_URL_CLOUDWATCH"] = Bridge(run.url, REGION).url
        self.s3 = run.client("s3")
        self.people = {}
        iam = run.client("iam")
        for name in ("ann", "bea", "cem"):
            iam.create_user(UserName=name)
            key = iam.create_access_key(UserName=name)["AccessKey"]
            self.people[name] = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    def role_session(self, name, session):
        """A session of a role of the management account becomes one of the people."""
        sts = self.run.client("sts")
        account = sts.get_caller_identity()["Account"]
        got = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/{name}", RoleSessionName=session)["Credentials"]
        self.people[session] = {"AWS_ACCESS_KEY_ID": got["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": got["SecretAccessKey"],
                                "AWS_SESSION_TOKEN": got["SessionToken"]}

    def as_(self, who, command, *args, **variables):
        """The command, with who calls put into the surroundings."""
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            self.run.env.pop(key, None)
        self.run.env.update(self.people[who])
        given = {**self.vars, **variables}
        # What reads records alone takes no variables.
        flags = [] if command in ("audit", "history", "state") else [f for name, value in given.items() for f in ("--var", f"{name}={value}")]
        return command, *args, *flags

    def does(self, who, *args, **variables):
        print(f"        {who}:", flush=True)
        return self.run.palisade(*self.as_(who, *args, **variables))

    def starts(self, who, *args, **variables):
        return self.run.start(*self.as_(who, *args, **variables))

    # What boto3 sees.

    @functools.lru_cache(maxsize=None)
    def ssm(self, environment):
        if environment == "dev-localstack":
            return boto3.client("ssm", endpoint_url=self.local_url, region_name=REGION,
                                aws_access_key_id="testing", aws_secret_access_key="testing")
        return self.run.client("ssm", self.run.account(ACCOUNTS[environment]))

    def told(self, environment):
        """What applications there are told of the release."""
        path = f"/conf/{environment}/release/shop/"
        pages = self.ssm(environment).get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
        return {p["Name"].removeprefix(path): p["Value"] for page in pages for p in page["Parameters"]}

    def image(self, environment):
        return self.told(environment).get("image")

    def images(self):
        return [self.image(e) for e in ("dev-localstack", *ACCOUNTS)]

    def stored(self, key):
        return json.load(self.s3.get_object(Bucket=BUCKET, Key=f"estate/{key}")["Body"])

    def listed(self, prefix):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"estate/{prefix}")
        return [o["Key"].removeprefix("estate/") for page in pages for o in page.get("Contents", [])]

    def record(self, environment):
        return self.stored(f"environments/{environment}/promotion.json")

    def moves(self, environment):
        return [self.stored(key) for key in self.listed(f"environments/{environment}/moves/")]

    def audited(self, action):
        return sum(self.stored(key)["event"]["action"] == action for key in self.listed("audit/") if key != "audit/head.json")

    # What somebody does by hand.

    def alarm(self, state):
        client = self.run.client("cloudwatch", self.run.account("conf-production"))
        client.put_metric_alarm(AlarmName=ALARM, Namespace="Conf/Shop", MetricName="Errors", Statistic="Sum", Period=60,
                                EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanThreshold")
        client.set_alarm_state(AlarmName=ALARM, StateValue=state, StateReason=f"set to {state} by hand")
        got = client.describe_alarms(AlarmNames=[ALARM])["MetricAlarms"]
        check(f"the alarm is {state}", [a["StateValue"] for a in got] == [state], got)

    def latency(self, value):
        """A value in the last whole hour, and in the one that may end while we look."""
        client = self.run.client("cloudwatch", self.run.account("conf-production"))
        hour = datetime.datetime.now(datetime.timezone.utc).replace(minute=0, second=0, microsecond=0)
        for at in (hour - datetime.timedelta(minutes=10), hour + datetime.timedelta(seconds=1)):
            client.put_metric_data(Namespace="Conf/Shop", MetricData=[
                {"MetricName": "Latency", "Timestamp": at, "Value": value, "Unit": "Milliseconds"}])


def gates(done):
    """How each gate stood, of a report or a finished move."""
    try:
        return {g["gate"]: g["outcome"] for g in json.loads(done.stdout)["gates"]}
    except (ValueError, KeyError, TypeError):
        return {"what was printed": done.stdout[-500:] + done.stderr[-2000:]}


def evidence(done, gate):
    return next((g for g in json.loads(done.stdout or '{"gates": []}')["gates"] if g["gate"] == gate), {})


def closed(stage, name, edge, expected, **variables):
    """A dry run: exit code 3, these outcomes, and nothing written."""
    before = stage.run.state_objects()
    done = stage.does("ann", "promote", edge, "--dry-run", "--json", **variables)
    check(f"{name}: exit code 3", done.returncode == 3, f"{done.returncode} {done.stderr}")
    check(f"{name}: {expected}", gates(done) == expected, gates(done))
    check(f"{name}: a dry run writes nothing", stage.run.state_objects() == before)
    return done


def moved(stage, name, edge, image, who="ann", **variables):
    """A promotion that succeeds: the target's parameters say so, and its history."""
    to = edge.removeprefix("to_").replace("_", "-")
    if edge == "to_staging":
        soaked(stage)
    done = stage.does(who, "promote", edge, "--auto-approve", "--json", **variables)
    ok(name, done)
    check(f"{name}: SSM says {image}", stage.image(to) == image, stage.told(to))
    last = stage.moves(to)[-1]
    check(f"{name}: the move is written down, with its evidence",
          (last["edge"], last["end"], last["author"]["arn"].rsplit("/", 1)[-1]) == (edge, "verified", who)
          and all(g["outcome"] == "passed" for g in last["gates"]), last)
    check(f"{name}: nothing is under way", "run" not in stage.record(to), stage.record(to))
    return done


def soaked(stage):
    """The shortest soak that there is has to be over; it mostly is, since commands take longer."""
    since = stage.record("dev-aws-deployed")["releases"]["shop"]["verified"]["since"]
    since = datetime.datetime.fromisoformat(since[:19] + "+00:00")
    while datetime.datetime.now(datetime.timezone.utc) < since + datetime.timedelta(seconds=2):
        time.sleep(0.02)


def first_release(stage, image):
    """From the first apply to production, with every gate closed and opened."""
    ok("the first apply", stage.does("ann", "apply", "--auto-approve"))
    check("the emulator has it, and nobody else", stage.images() == [image, None, None, None, None], stage.images())
    entry = stage.record("dev-localstack")
    digest = entry["releases"]["shop"]["current"]["digest"]
    check("SSM and the record name one digest", stage.told("dev-localstack")["digest"] == digest)
    release = stage.stored(f"releases/shop/{digest.removeprefix('sha256:')}.json")
    check("the release is kept under its digest", release["values"]["image"] == image, release)

    # A page decides.
    done = closed(stage, "the tests have failed", "to_dev_aws", {"command.smoke": "passed", "http.tests": "failed"})
    check("what the command printed is kept", evidence(done, "command.smoke")["detail"]["stdout_json"]["edge"] == "to_dev_aws", done.stdout[-2000:])
    done = stage.does("ann", "promote", "to_dev_aws", "--auto-approve")
    check("and nothing moves", done.returncode == 3 and stage.image("dev-aws") is None, done.stderr)
    check("which is on record", stage.audited("promotion_refused") == 1)
    stage.page.text, before = "passed", stage.page.asked
    moved(stage, "the tests have passed", "to_dev_aws", image)
    check("the page was asked twice", stage.page.asked - before == 2, stage.page.asked - before)

    # An edge cannot be skipped.
    skip = ("promote", "to_staging", "--release", digest, "--auto-approve")
    done = stage.does("ann", *skip)
    check("an edge is not skipped", done.returncode == 3 and "is not verified in `dev-aws-deployed`" in done.stderr, done.stderr)

    # A parameter decides.
    ssm = stage.ssm("dev-aws-deployed")
    ssm.put_parameter(Name="/conf/dev-aws-deployed/app/log_level", Value="info", Type="String", Overwrite=True)
    closed(stage, "settings differ", "to_dev_aws_deployed", {"parity.same_settings": "failed", "isolation_unchanged.walls": "passed"})
    ok("apply repairs it", stage.does("ann", "apply", "--auto-approve"))
    moved(stage, "settings are the same", "to_dev_aws_deployed", image)

    # Time, drift and a person decide.
    done = closed(stage, "too early", "to_staging", {"soak.a_while": "waiting", "no_drift.clean": "passed", "approval.developer": "waiting"},
                  soak="24h")
    since = stage.record("dev-aws-deployed")["releases"]["shop"]["verified"]["since"]
    check("the soak counts from the verification", evidence(done, "soak.a_while")["detail"]["since"] == since, since)
    ok("ann approves her own promotion", stage.does("ann", "approve", "to_staging"))
    drifting = stage.ssm("staging")
    drifting.put_parameter(Name="/conf/staging/app/log_level", Value="debug", Type="String", Overwrite=True)
    closed(stage, "drift and the author's word", "to_staging",
           {"soak.a_while": "passed", "no_drift.clean": "failed", "approval.developer": "waiting"})
    ok("apply repairs it", stage.does("ann", "apply", "--auto-approve"))
    ok("bea approves", stage.does("bea", "approve", "to_staging"))
    words = stage.listed("approvals/to_staging/")
    ids = {stage.run.client("iam").get_user(UserName=n)["User"]["UserId"] for n in ("ann", "bea")}
    check("each word stands under its giver's unique id", {w.split("/")[3] for w in words} == ids, words)
    ok("bea takes it back", stage.does("bea", "approve", "to_staging", "--revoke"))
    closed(stage, "taken back", "to_staging", {"soak.a_while": "passed", "no_drift.clean": "passed", "approval.developer": "waiting"})
    ok("bea approves again", stage.does("bea", "approve", "to_staging"))
    moved(stage, "approved by bea", "to_staging", image)


def into_production(stage, image):
    """Two people, an alarm, a metric and a calendar."""
    shut = {"approval.board": "waiting", "alarm.quiet": "failed", "metric.latency": "failed", "freeze.days": "passed"}
    done = closed(stage, "nobody, no alarm, no metric", "to_production", shut)
    check("the alarm that is missing is named", f"there is no alarm `{ALARM}`" in evidence(done, "alarm.quiet")["summary"], evidence(done, "alarm.quiet"))
    ok("bea approves", stage.does("bea", "approve", "to_production"))
    ok("bea approves once more", stage.does("bea", "approve", "to_production"))
    stage.alarm("ALARM")
    stage.latency(900.0)
    done = closed(stage, "one person twice, an alarm, a slow shop", "to_production", shut)
    check("the alarm's reason is kept", "set to ALARM by hand" in evidence(done, "alarm.quiet")["summary"], evidence(done, "alarm.quiet"))
    check("the metric's value is kept", evidence(done, "metric.latency")["detail"].get("value") == 900.0, evidence(done, "metric.latency"))
    stage.alarm("OK")
    for _ in range(3):
        stage.latency(20.0)
    ok("cem approves", stage.does("cem", "approve", "to_production"))
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    done = closed(stage, "frozen", "to_production",
                  {"approval.board": "waiting", "alarm.quiet": "passed", "metric.latency": "passed", "freeze.days": "waiting"}, frozen_on=today)
    check("approvals are for the configuration that they were given for",
          "it is for another plan" in evidence(done, "approval.board")["summary"], done.stdout[-2000:])
    done = moved(stage, "all gates open", "to_production", image)
    move = json.loads(done.stdout)
    by = {a["by"].rsplit("/", 1)[-1] for g in move["gates"] if g["gate"] == "approval.board" for a in g["detail"]["approvals"]}
    check("the evidence names who approved", by == {"bea", "cem"}, by)
    check("the alarm verified it", [g["gate"] for g in move["verification"]] == ["alarm.checkout"], move["verification"])
    check("everybody has it", stage.images() == [image] * 5, stage.images())
    done = stage.does("ann", "promote", "to_production", "--auto-approve")
    check("again there is nothing to do", done.returncode == 0 and "Nothing to do" in done.stdout + done.stderr, done.stdout + done.stderr)


def travels(stage, image, until="to_production"):
    """A release gets as far as `until`, with everybody's word; that edge itself is approved, not walked."""
    stage.vars["image"] = image
    ok(f"{image} enters", stage.does("ann", "apply", "--auto-approve"))
    for edge in EDGES:
        people = {"to_staging": ["bea"], "to_production": ["bea", "cem"]}.get(edge, [])
        for who in people:
            ok(f"{who} approves {image}", stage.does(who, "approve", edge))
        if edge == until:
            return
        moved(stage, f"{image} {edge}", edge, image)


def goes_back(stage, old, new):
    """A verification that fails brings the release before back and holds; and the same by hand."""
    stage.vars["patience"] = "1h"
    travels(stage, new)
    stage.latency(20.0)
    process = stage.starts("ann", "promote", "to_production", "--auto-approve")
    # Once its gates are behind it, the alarm goes off.
    wait_for(process, lambda: stage.record("production").get("run", {}).get("phase") in ("applying", "verifying"))
    stage.alarm("ALARM")
    wait_for(process, lambda: stage.record("production").get("run", {}).get("phase") == "verifying")
    kill(process)
    record = stage.record("production")
    check("killed while it was verified: the new one stands, not verified",
          (stage.image("production"), record.get("run", {}).get("phase")) == (new, "verifying")
          and "verified" not in record["releases"]["shop"], record)
    stage.vars["patience"] = "1s"
    # Its process is proved dead, so whoever comes next takes the move up.
    done = stage.does("bea", "promote", "to_production", "--auto-approve")
    check("taken up, the alarm fails verification: exit code 1", done.returncode == 1 and "did not stay" in done.stderr, done.stderr)
    check("production is told the old one again", stage.image("production") == old, stage.told("production"))
    last = stage.moves("production")[-1]
    check("the way back is on record", (last["end"], last["resumed_by"] != []) == ("returned", True), last)
    check("production is held", "verification failed" in stage.record("production").get("hold", {}).get("why", ""), stage.record("production"))
    stage.alarm("OK")
    for who in ("bea", "cem"):
        ok(f"{who} approves again", stage.does(who, "approve", "to_production"))
    done = stage.does("ann", "promote", "to_production", "--auto-approve")
    check("nothing moves into a held environment", done.returncode == 3 and "--release-hold" in done.stderr, done.stderr)
    check("and production keeps what it has", stage.image("production") == old)
    ok("the hold is released", stage.does("ann", "promote", "to_production", "--auto-approve", "--release-hold", "--reason", "mended"))
    check("and production is told the new one", stage.image("production") == new, stage.told("production"))
    check("the release of the hold is on record", stage.audited("hold_released") == 1)
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    ok("back by hand, in a freeze that permits it",
       stage.does("bea", "rollback", "production", "--auto-approve", "--reason", "INC-7", frozen_on=today))
    check("production is told the old one", stage.image("production") == old, stage.told("production"))
    check("and held", "INC-7" in stage.record("production")["hold"]["why"], stage.record("production"))
    check("by bea", stage.moves("production")[-1]["author"]["arn"].endswith("user/bea"))


def wait_for(process, condition):
    """Polls until the condition holds, the process ends, or patience does."""
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait(60)


def unlocked(stage):
    """What somebody does who knows that the holder is dead, instead of waiting for its leases to end."""
    ok("state unlock --force", stage.does("ann", "state", "unlock", "--force"))
    held = [k for k in stage.listed("scopes/") if k.endswith("/lock.json") and not stage.stored(k)["released"]]
    check("no scope is locked", held == [], held)


def versions(ssm):
    """How often each value of the release was written in production."""
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/conf/production/release/shop/", Recursive=True)
    return {p["Name"]: p["Version"] for page in pages for p in page["Parameters"]}


def cut_off(stage, old):
    """kill -9 while parameters are written, forward and on the way back; judged by SSM."""
    new, parts = "shop@sha256:0003", 60
    stage.vars["parts"] = parts
    travels(stage, new)
    ssm = stage.ssm("production")
    arrived = lambda image: sum(value.startswith(image) for value in stage.told("production").values())
    before = versions(ssm)

    def begun(image):
        """One cheap look: the writes follow each other within milliseconds."""
        found = ssm.get_parameters(Names=["/conf/production/release/shop/part-0"])["Parameters"]
        return any(p["Value"].startswith(image) for p in found)

    process = stage.starts("ann", "promote", "to_production", "--auto-approve", "--release-hold", "--parallelism", "1")
    caught = wait_for(process, lambda: begun(new))
    kill(process)
    there = arrived(new)
    check("killed in the middle of the apply", caught and 1 <= there <= parts, there)
    print(f"        killed with {there} of {parts + 1} values written", flush=True)
    run = stage.record("production").get("run", {})
    check("the record says what was under way", (run.get("phase"), run.get("edge")) == ("applying", "to_production"), run)
    unlocked(stage)
    other = stage.does("ann", "promote", "to_production", "--auto-approve", soak="2s")
    check("it is not taken up from another configuration", other.returncode == 4 and "rollback production" in other.stderr, other.stderr)
    ok("it is taken up", stage.does("cem", "promote", "to_production", "--auto-approve"))
    check("every value has arrived", arrived(new) == parts + 1, stage.told("production"))
    last = stage.moves("production")[-1]
    check("as one move, of its author, taken up by another",
          (last["end"], last["author"]["arn"][-4:], [w[-4:] for w in last["resumed_by"]]) == ("verified", "/ann", ["/cem"]), last)
    numbers = [m["number"] for m in stage.moves("production")]
    check("moves are numbered without a gap", numbers == list(range(1, len(numbers) + 1)), numbers)
    after = versions(ssm)
    check("every value was written once", after == {name: before.get(name, 0) + 1 for name in after}, (before, after))

    # On its way back.
    newest = "shop@sha256:0004"
    stage.vars["patience"] = "1h"
    travels(stage, newest)
    process = stage.starts("ann", "promote", "to_production", "--auto-approve")
    wait_for(process, lambda: begun(newest))
    stage.alarm("ALARM")
    wait_for(process, lambda: stage.record("production").get("run", {}).get("phase") == "verifying")
    kill(process)
    check("killed while it was verified", stage.record("production")["run"]["phase"] == "verifying" and arrived(newest) == parts + 1)
    stage.vars["patience"] = "1s"
    unlocked(stage)
    process = stage.starts("ann", "promote", "to_production", "--auto-approve", "--parallelism", "1")
    caught = wait_for(process, lambda: begun(new))
    kill(process)
    check("killed on its way back", caught and stage.record("production")["run"]["phase"] == "returning", arrived(new))
    check("and not all of the way", arrived(new) <= parts, arrived(new))
    unlocked(stage)
    done = stage.does("ann", "promote", "to_production", "--auto-approve")
    check("taken up, it gets back: exit code 1", done.returncode == 1, done.stderr)
    check("every value is the one before", arrived(new) == parts + 1, stage.told("production"))
    check("and production is held", "hold" in stage.record("production"))
    stage.alarm("OK")


def reports(stage):
    """What history, status and the audit log make of it, against the bucket's own objects."""
    ok("plan: nothing is left to do", stage.does("ann", "plan", "--detailed-exitcode"))
    done = stage.does("ann", "history", "--json")
    ok("history", done)
    history = json.loads(done.stdout)
    kept = [m for e in ("dev-localstack", *ACCOUNTS) for m in stage.moves(e)]
    check("history tells every move that is kept", sorted(m["id"] for m in history["moves"]) == sorted(m["id"] for m in kept))
    promotions = [m for m in kept if m["kind"] == "promotion"]
    verified = sum(m["end"] == "verified" for m in promotions)
    figures = history["figures"]
    check("the success rate is that of the records",
          (figures["promotions"], figures["promotions_succeeded"], figures["promotion_success_percent"])
          == (len(promotions), verified, 10_000 * verified // len(promotions) / 100), figures)
    recent = stage.moves("production")[-3:]
    done = stage.does("ann", "history", "--json", "--since", recent[0]["finished_at"], "--environment", "production")
    told = [m["id"] for m in json.loads(done.stdout)["moves"]]
    check("--since leaves out what is older", told == [m["id"] for m in reversed(recent)], told)
    done = stage.does("ann", "status", "--json")
    ok("status", done)
    told = {e["name"]: e for e in json.loads(done.stdout)["environments"]}
    check("status tells the hold", told["production"]["hold"]["why"] == stage.record("production")["hold"]["why"], told["production"])
    stands = {e: told[e]["releases"][0]["digest"] for e in told}
    check("status tells what SSM tells", stands == {e: stage.told(e)["digest"] for e in stands}, stands)
    ok("the audit log's chain holds", stage.does("ann", "audit", "verify"))
    for environment in ACCOUNTS:
        check(f"nothing is under way in {environment}", "run" not in stage.record(environment))
    check("no journal is left", not [k for k in stage.run.state_objects() if "/journal/" in k])


def promotion(run):
    stage = Stage(run)
    ok("init --create-backend", stage.does("ann", "init", "--create-backend"))
    one, two = "shop@sha256:0001", "shop@sha256:0002"
    first_release(stage, one)
    into_production(stage, one)
    goes_back(stage, one, two)
    cut_off(stage, one)
    reports(stage)


if __name__ == "__main__":
    judge("promotion", "promotion-estate", promotion)
