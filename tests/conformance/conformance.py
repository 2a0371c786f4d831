"""One estate's life against moto, over HTTP, judged with boto3 alone.

Palisade is a program here: it is started, killed, and its exit codes and JSON are read. What it did
is never asked of it: boto3 reads the organization, the accounts and the state bucket.
"""

import json
import signal
import time

import races
from judge import BUCKET, check, judge, ok


def lifecycle(run):
    # The backend.
    done = run.palisade("plan")
    check("a plan without its state bucket fails", done.returncode == 1, done.stderr)
    ok("init --create-backend", run.palisade("init", "--create-backend"))
    s3 = run.client("s3")
    check("the state bucket keeps versions", s3.get_bucket_versioning(Bucket=BUCKET).get("Status") == "Enabled")
    block = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    check("the state bucket is not public", all(block.values()), block)
    rules = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    check("the state bucket is encrypted", bool(rules))
    ok("init again", run.palisade("init", "--create-backend"))

    # A plan reads only.
    before = run.state_objects()
    done = run.palisade("plan", "--detailed-exitcode", "--format", "json")
    ok("the first plan has changes", done, 2)
    plan = json.loads(done.stdout)
    check("the plan creates and does nothing else",
          plan["summary"]["create"] > 10 and plan["summary"]["update"] == plan["summary"]["delete"] == 0, plan["summary"])
    check("a plan creates nothing in AWS", run.organization() is None)
    check("a plan writes no state", run.state_objects() == before)

    # A saved plan, applied.
    ok("plan --out", run.palisade("plan", "--out", "first.plan"))
    if not ok("apply the saved plan", run.palisade("apply", "first.plan")):
        return
    stale = run.palisade("apply", "first.plan")
    check("the same plan again is stale", stale.returncode == 4, stale.stderr)
    organization = run.organization()
    check("the organization has all features", organization and organization["FeatureSet"] == "ALL", organization)
    accounts = run.accounts()
    check("each account exists once", [len(accounts.get(n, [])) for n in ("conf-dev", "conf-production")] == [1, 1], accounts)
    dev, production = run.account("conf-dev"), run.account("conf-production")
    org = run.client("organizations")
    root = org.list_roots()["Roots"][0]["Id"]
    units = org.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"]
    check("one unit below the root", [u["Name"] for u in units] == ["workloads"], units)
    below = org.list_organizational_units_for_parent(ParentId=units[0]["Id"])["OrganizationalUnits"]
    check("one unit below that", [u["Name"] for u in below] == ["prod"], below)
    parents = [org.list_parents(ChildId=a)["Parents"][0]["Id"] for a in (dev, production)]
    check("accounts stand in their units", parents == [units[0]["Id"], below[0]["Id"]], parents)
    attached = org.list_policies_for_target(TargetId=units[0]["Id"], Filter="SERVICE_CONTROL_POLICY")["Policies"]
    check("the policy is attached", "region_lock" in [p["Name"] for p in attached], attached)
    check("dev's parameters", run.parameters(dev) == {
        "/conf/dev/app/log_level": ("String", "debug"),
        "/conf/dev/app/hosts": ("StringList", "a.example,b.example")}, run.parameters(dev))
    check("production's parameters", run.parameters(production).get("/conf/production/app/log_level") == ("String", "info"))
    iam = run.client("iam", production)
    role = iam.get_role(RoleName="deploy")["Role"]
    statement = role["AssumeRolePolicyDocument"]["Statement"]
    check("deploy trusts dev's ci", f"arn:aws:iam::{dev}:role/ci" in json.dumps(statement), statement)
    check("deploy's session lasts two hours", role["MaxSessionDuration"] == 7200)
    tags = {t["Key"]: t["Value"] for t in role["Tags"]}
    check("deploy carries its own tag and the ownership tags", tags.get("purpose") == "deploy" and "palisade:address" in tags, tags)
    names = iam.list_attached_role_policies(RoleName="deploy")["AttachedPolicies"]
    check("deploy has its managed policy", [p["PolicyName"] for p in names] == ["ReadOnlyAccess"], names)
    inline = iam.list_role_policies(RoleName="deploy")["PolicyNames"]
    check("deploy has one inline policy", len(inline) == 1, inline)
    boundary = run.client("iam", dev).get_role(RoleName="ci")["Role"].get("PermissionsBoundary", {})
    check("ci has its boundary", boundary.get("PermissionsBoundaryArn") == f"arn:aws:iam::{dev}:policy/boundary", boundary)
    assets = run.client("s3", production)
    check("the bucket keeps versions", assets.get_bucket_versioning(Bucket="conf-production-assets").get("Status") == "Enabled")

    labels = [p for p in org.list_policies(Filter="TAG_POLICY")["Policies"] if p["Name"] == "cost_center"]
    check("the tag policy is there", len(labels) == 1, labels)
    content = org.describe_policy(PolicyId=labels[0]["Id"])["Policy"]["Content"]
    check("it says what was declared", json.loads(content) == {"tags": {"cost": {"tag_key": {"@@assign": "CostCenter"}}}}, content)
    targets = [t["Name"] for t in org.list_targets_for_policy(PolicyId=labels[0]["Id"])["Targets"]]
    check("it is attached to its unit", targets == ["workloads"], targets)

    # State.
    keys = run.state_objects()
    for scope in ("org", "acct-dev", "acct-production"):
        check(f"state of {scope}", f"estate/scopes/{scope}/state.json" in keys, keys)
    check("no journal is left", not [k for k in keys if "/journal/" in k], keys)
    ok("plan again: no changes", run.palisade("plan", "--detailed-exitcode"))
    serials = [v["VersionId"] for v in s3.list_object_versions(Bucket=BUCKET, Prefix="estate/scopes/acct-dev/state.json")["Versions"]]
    ok("apply again", run.palisade("apply", "--auto-approve"))
    now = [v["VersionId"] for v in s3.list_object_versions(Bucket=BUCKET, Prefix="estate/scopes/acct-dev/state.json")["Versions"]]
    check("unchanged state is not rewritten", serials == now)
    done = run.palisade("output", "--json")
    check("outputs", json.loads(done.stdout or "{}").get("deploy_role", {}).get("value") == f"arn:aws:iam::{production}:role/deploy", done.stdout)

    # Drift, made by somebody else.
    ok("drift: none", run.palisade("drift"))
    iam.attach_role_policy(RoleName="deploy", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    iam.put_role_policy(RoleName="deploy", PolicyName="backdoor", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}))
    run.client("ssm", production).put_parameter(Name="/conf/production/app/log_level", Value="debug", Type="String", Overwrite=True)
    run.client("ssm", dev).delete_parameter(Name="/conf/dev/app/log_level")
    done = run.palisade("drift", "--json")
    ok("drift: found", done, 2)
    drifted = {d["address"].split("@")[0]: d["status"] for d in json.loads(done.stdout or "{}").get("drift", [])}
    check("drift names the role", drifted.get("iam_role.deploy") == "changed", drifted)
    check("drift names the missing parameter", drifted.get('environment.dev.config.app["log_level"]') == "missing", drifted)
    ok("apply repairs", run.palisade("apply", "--auto-approve"))
    names = iam.list_attached_role_policies(RoleName="deploy")["AttachedPolicies"]
    check("the foreign attachment is gone", [p["PolicyName"] for p in names] == ["ReadOnlyAccess"], names)
    check("the backdoor is gone", iam.list_role_policies(RoleName="deploy")["PolicyNames"] == inline)
    check("production's parameter is back", run.parameters(production)["/conf/production/app/log_level"] == ("String", "info"))
    check("dev's parameter is back", "/conf/dev/app/log_level" in run.parameters(dev))
    ok("plan after the repair: no changes", run.palisade("plan", "--detailed-exitcode"))

    # A change through a variable.
    ok("apply a change", run.palisade("apply", "--auto-approve", "--var", "log_level=warn"))
    check("the change arrived", run.parameters(production)["/conf/production/app/log_level"] == ("String", "warn"))
    ok("and back", run.palisade("apply", "--auto-approve"))

    crash(run, dev)
    races.run_all(run, dev, BUCKET, check, ok)

    # The end.
    ok("destroy", run.palisade("destroy", "--auto-approve"))
    check("no role of ours is left in dev", not {r for r in run.roles(dev) if r == "ci" or r.startswith("runner")}, run.roles(dev))
    check("no role of ours is left in production", "deploy" not in run.roles(production))
    for account in (dev, production):
        check("no parameter is left", run.parameters(account) == {})
        local = run.client("iam", account).list_policies(Scope="Local")["Policies"]
        check("no policy is left", local == [], local)
    buckets = [b["Name"] for b in run.client("s3", production).list_buckets()["Buckets"]]
    check("no bucket is left but the state's", "conf-production-assets" not in buckets, buckets)
    for policy_type in ("SERVICE_CONTROL_POLICY", "TAG_POLICY"):
        policies = org.list_policies(Filter=policy_type)["Policies"]
        check(f"no {policy_type} is left", [p["Name"] for p in policies if not p["AwsManaged"]] == [], policies)
    check("no unit is left", org.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"] == [])
    check("accounts are retained", set(run.accounts()) >= {"conf-dev", "conf-production"})
    check("the organization is retained", run.organization() is not None)
    done = run.palisade("state", "list")
    check("the state is empty", done.returncode == 0 and done.stdout.strip() == "", done.stdout + done.stderr)
    ok("the audit log's chain holds", run.palisade("audit", "verify"))


def crash(run, dev):
    """kill -9 in mid-apply, several times, then one run that converges."""
    count = 40
    variables = ("--var", f"runners={count}")
    killed = 0
    for least in (3, 12, 25):
        process = run.start("apply", "--auto-approve", *variables)
        deadline = time.monotonic() + 240
        while process.poll() is None and time.monotonic() < deadline:
            if len([r for r in run.roles(dev) if r.startswith("runner-")]) >= least:
                process.send_signal(signal.SIGKILL)
                killed += 1
                break
            time.sleep(0.02)
        process.wait(60)
        made = len([r for r in run.roles(dev) if r.startswith("runner-")])
        print(f"        killed with {made} of {count} roles made", flush=True)
        run.palisade("state", "unlock", "--force")
    check("the apply was killed in its middle", killed >= 1)
    ok("apply after the kills converges", run.palisade("apply", "--auto-approve", *variables))
    mine = {r for r in run.roles(dev) if r.startswith("runner-")}
    check("every role exists once", mine == {f"runner-{i}" for i in range(count)}, sorted(mine))
    done = run.palisade("state", "list")
    listed = [line for line in done.stdout.splitlines() if line.startswith("iam_role.runner[")]
    check("state knows every one of them", len(listed) == count, len(listed))
    ok("plan after the crash: no changes", run.palisade("plan", "--detailed-exitcode", *variables))
    check("no journal is left behind", not [k for k in run.state_objects() if "/journal/" in k])
    ok("and they go again", run.palisade("apply", "--auto-approve"))
    check("none is left", not [r for r in run.roles(dev) if r.startswith("runner-")])


if __name__ == "__main__":
    judge("conformance", "estate", lifecycle)
