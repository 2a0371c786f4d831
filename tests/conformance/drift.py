"""Changes that somebody makes by hand, against moto, over HTTP.

Every change is made with boto3 alone, is told by the next `drift` exactly once and by nothing else,
and is repaired by `apply`. Policies that were only written differently are never told.
"""

import json

from judge import check, judge, ok

ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def told(run):
    """What `drift` tells: (address, status) pairs, in a list, so that a repetition shows."""
    done = run.palisade("drift", "--json")
    report = json.loads(done.stdout or "{}")
    pairs = [(d["address"], d["status"]) for d in report.get("drift", [])]
    check("the exit code says whether there is drift", done.returncode == (2 if pairs else 0), done.stderr)
    return pairs, report


class Hands:
    """Somebody with the console open."""

    def __init__(self, run):
        self.run = run
        self.dev, self.production = run.account("conf-dev"), run.account("conf-production")
        self.org = run.client("organizations")
        self.iam = run.client("iam", self.production)
        self.iam_dev = run.client("iam", self.dev)
        self.ssm = run.client("ssm", self.production)
        self.ssm_dev = run.client("ssm", self.dev)
        self.s3 = run.client("s3", self.production)
        self.root = self.org.list_roots()["Roots"][0]["Id"]

    def arn(self, policy):
        return f"arn:aws:iam::{self.production}:policy/{policy}"

    def unit(self, name):
        units = self.org.list_organizational_units_for_parent(ParentId=self.root)["OrganizationalUnits"]
        return next(u["Id"] for u in units if u["Name"] == name)

    def policy(self, name):
        policies = self.org.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
        return next(p["Id"] for p in policies if p["Name"] == name)

    def scp(self, name):
        return json.loads(self.org.describe_policy(PolicyId=self.policy(name))["Policy"]["Content"])

    def trust(self, role):
        return self.iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]

    def inline(self, role):
        name = self.iam.list_role_policies(RoleName=role)["PolicyNames"][0]
        return name, self.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]

    def document(self, policy):
        got = self.iam.get_policy(PolicyArn=self.arn(policy))["Policy"]
        return self.iam.get_policy_version(PolicyArn=self.arn(policy), VersionId=got["DefaultVersionId"])["PolicyVersion"]["Document"]

    def delete_role(self, role):
        for name in self.iam.list_role_policies(RoleName=role)["PolicyNames"]:
            self.iam.delete_role_policy(RoleName=role, PolicyName=name)
        for one in self.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            self.iam.detach_role_policy(RoleName=role, PolicyArn=one["PolicyArn"])
        self.iam.delete_role(RoleName=role)

    def retype(self, name):
        self.ssm.delete_parameter(Name=name)
        self.ssm.put_parameter(Name=name, Type="StringList", Value="green")


def changes(hands):
    """Name, change, the address that it is told under, its status, and whether AWS is as before."""
    h, role = hands, lambda r: f'iam_role.r["{r}"]@production'
    bucket = lambda b: f's3_bucket.b["{b}"]@production'
    value = lambda env, key: f'environment.{env}.config.app["{key}"]@{env}'
    oidc = f"arn:aws:iam::{h.production}:oidc-provider/token.actions.githubusercontent.com"
    parent = lambda account: h.org.list_parents(ChildId=account)["Parents"][0]["Id"]
    attached = lambda r: [p["PolicyName"] for p in h.iam.list_attached_role_policies(RoleName=r)["AttachedPolicies"]]
    return [
        ("an inline policy is added to a role",
         lambda: h.iam.put_role_policy(RoleName="inline", PolicyName="backdoor", PolicyDocument=json.dumps(ALLOW_ALL)),
         role("inline"), "changed", lambda: h.iam.list_role_policies(RoleName="inline")["PolicyNames"] == ["work"]),
        ("a managed policy is attached to a role",
         lambda: h.iam.attach_role_policy(RoleName="attached", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
         role("attached"), "changed", lambda: attached("attached") == ["read"]),
        ("a managed policy is detached from a role",
         lambda: h.iam.detach_role_policy(RoleName="bare", PolicyArn=h.arn("read")),
         role("bare"), "changed", lambda: attached("bare") == ["read"]),
        ("a role trusts somebody else too",
         lambda: h.iam.update_assume_role_policy(RoleName="trusted", PolicyDocument=json.dumps({
             "Version": "2012-10-17", "Statement": [*h.trust("trusted")["Statement"], {
                 "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "sts:AssumeRole"}]})),
         role("trusted"), "changed", lambda: "999999999999" not in json.dumps(h.trust("trusted"))),
        ("a role is deleted", lambda: h.delete_role("gone"), role("gone"), "missing",
         lambda: h.inline("gone")[0] == "work"),
        ("a role's sessions get longer", lambda: h.iam.update_role(RoleName="long", MaxSessionDuration=43200, Description="For long"),
         role("long"), "changed", lambda: h.iam.get_role(RoleName="long")["Role"]["MaxSessionDuration"] == 3600),
        ("a role's tag is removed", lambda: h.iam.untag_role(RoleName="tagged", TagKeys=["owner"]),
         role("tagged"), "changed",
         lambda: {"Key": "owner", "Value": "platform"} in h.iam.list_role_tags(RoleName="tagged")["Tags"]),
        ("a role's boundary is removed", lambda: h.iam.delete_role_permissions_boundary(RoleName="bound"),
         role("bound"), "changed",
         lambda: h.iam.get_role(RoleName="bound")["Role"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn") == h.arn("boundary")),
        ("a role's description is rewritten", lambda: h.iam.update_role_description(RoleName="told", Description="mine"),
         role("told"), "changed", lambda: h.iam.get_role(RoleName="told")["Role"]["Description"] == "For told"),
        ("a policy gets a new default version",
         lambda: h.iam.create_policy_version(PolicyArn=h.arn("read"), PolicyDocument=json.dumps(ALLOW_ALL), SetAsDefault=True),
         "iam_policy.read@production", "changed", lambda: h.document("read")["Statement"] != ALLOW_ALL["Statement"]),
        ("a policy is deleted", lambda: h.iam.delete_policy(PolicyArn=h.arn("spare")),
         "iam_policy.spare@production", "missing", lambda: h.document("spare")["Statement"] is not None),
        ("an identity provider trusts another certificate",
         lambda: h.iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=oidc, ThumbprintList=["f" * 40]),
         "iam_oidc_provider.github@production", "changed",
         lambda: h.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=oidc)["ThumbprintList"] == ["6938fd4d98bab03faadb97b34396831e3780aea1"]),
        ("a bucket stops keeping versions",
         lambda: h.s3.put_bucket_versioning(Bucket="conf-drift-versions", VersioningConfiguration={"Status": "Suspended"}),
         bucket("versions"), "changed", lambda: h.s3.get_bucket_versioning(Bucket="conf-drift-versions")["Status"] == "Enabled"),
        ("a bucket's public access block is removed", lambda: h.s3.delete_public_access_block(Bucket="conf-drift-open"),
         bucket("open"), "changed",
         lambda: all(h.s3.get_public_access_block(Bucket="conf-drift-open")["PublicAccessBlockConfiguration"].values())),
        ("a bucket's policy is removed", lambda: h.s3.delete_bucket_policy(Bucket="conf-drift-policy"),
         bucket("policy"), "changed", lambda: "SecureTransport" in h.s3.get_bucket_policy(Bucket="conf-drift-policy")["Policy"]),
        ("a bucket's tags are replaced",
         lambda: h.s3.put_bucket_tagging(Bucket="conf-drift-tags", Tagging={"TagSet": [{"Key": "owner", "Value": "me"}]}),
         bucket("tags"), "changed",
         lambda: {"Key": "owner", "Value": "platform"} in h.s3.get_bucket_tagging(Bucket="conf-drift-tags")["TagSet"]),
        ("a parameter is changed",
         lambda: h.ssm.put_parameter(Name="/conf/production/app/log_level", Value="trace", Type="String", Overwrite=True),
         value("production", "log_level"), "changed",
         lambda: h.ssm.get_parameter(Name="/conf/production/app/log_level")["Parameter"]["Value"] == "info"),
        ("a parameter is deleted", lambda: h.ssm_dev.delete_parameter(Name="/conf/dev/app/log_level"),
         value("dev", "log_level"), "missing",
         lambda: h.ssm_dev.get_parameter(Name="/conf/dev/app/log_level")["Parameter"]["Value"] == "debug"),
        ("a parameter gets another type", lambda: h.retype("/conf/production/app/color"),
         value("production", "color"), "changed",
         lambda: h.ssm.get_parameter(Name="/conf/production/app/color")["Parameter"]["Type"] == "String"),
        ("a secret is changed",
         lambda: h.ssm.put_parameter(Name="/conf/production/app/token", Value="other", Type="SecureString", Overwrite=True),
         value("production", "token"), "changed",
         lambda: h.ssm.get_parameter(Name="/conf/production/app/token", WithDecryption=True)["Parameter"]["Value"] == "s3cr3t-of-conf"),
        ("an account's alias is changed",
         lambda: (h.iam.delete_account_alias(AccountAlias="conf-production"), h.iam.create_account_alias(AccountAlias="conf-other")),
         "account_baseline.here@production", "changed",
         lambda: h.iam.list_account_aliases()["AccountAliases"] == ["conf-production"]),
        ("passwords may be short", lambda: h.iam_dev.update_account_password_policy(MinimumPasswordLength=8),
         "account_baseline.there@dev", "changed",
         lambda: h.iam_dev.get_account_password_policy()["PasswordPolicy"]["MinimumPasswordLength"] == 20),
        ("a guardrail is rewritten",
         lambda: h.org.update_policy(PolicyId=h.policy("regions"), Content=json.dumps({
             "Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}]})),
         "service_control_policy.regions", "changed", lambda: "aws:RequestedRegion" in json.dumps(h.scp("regions"))),
        ("a guardrail is detached",
         lambda: h.org.detach_policy(PolicyId=h.policy("leave"), TargetId=h.unit("workloads")),
         "service_control_policy.leave", "changed",
         lambda: "leave" in [p["Name"] for p in h.org.list_policies_for_target(TargetId=h.unit("workloads"), Filter="SERVICE_CONTROL_POLICY")["Policies"]]),
        ("an account is moved",
         lambda: h.org.move_account(AccountId=h.dev, SourceParentId=h.unit("workloads"), DestinationParentId=h.root),
         "account.dev", "changed", lambda: parent(h.dev) == h.unit("workloads")),
        ("an account's tag is changed",
         lambda: h.org.tag_resource(ResourceId=h.production, Tags=[{"Key": "tier", "Value": "toy"}]),
         "account.production", "changed",
         lambda: {"Key": "tier", "Value": "production"} in h.org.list_tags_for_resource(ResourceId=h.production)["Tags"]),
        ("a unit is deleted", lambda: h.org.delete_organizational_unit(OrganizationalUnitId=h.unit("spare")),
         "organizational_unit.spare", "missing", lambda: h.unit("spare") is not None),
    ]


def strangers(hands):
    """Name, creation, the address that it is told under, and the way to be rid of it."""
    h = hands
    trust = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "sts:AssumeRole"}]})
    arn = h.arn("stranger")
    return [
        ("a role", lambda: h.iam.create_role(RoleName="stranger", AssumeRolePolicyDocument=trust),
         "iam_role/stranger@production", lambda: h.iam.delete_role(RoleName="stranger")),
        ("a user", lambda: h.iam.create_user(UserName="stranger"),
         "iam_user/stranger@production", lambda: h.iam.delete_user(UserName="stranger")),
        ("a policy", lambda: h.iam.create_policy(PolicyName="stranger", PolicyDocument=json.dumps(ALLOW_ALL)),
         "iam_policy/stranger@production", lambda: h.iam.delete_policy(PolicyArn=arn)),
        ("a bucket", lambda: h.s3.create_bucket(Bucket="conf-stranger", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}),
         "s3_bucket/conf-stranger@production", lambda: h.s3.delete_bucket(Bucket="conf-stranger")),
        ("a parameter under the estate's path",
         lambda: h.ssm.put_parameter(Name="/conf/production/app/stranger", Value="x", Type="String"),
         "config//conf/production/app/stranger@production",
         lambda: h.ssm.delete_parameter(Name="/conf/production/app/stranger")),
        ("a guardrail",
         lambda: h.org.create_policy(Name="stranger", Description="", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(ALLOW_ALL)),
         "service_control_policy/stranger@org", lambda: h.org.delete_policy(PolicyId=h.policy("stranger"))),
    ]


def turned(value):
    """The same policy, written as somebody else would: lists reversed, single items without a list."""
    if isinstance(value, dict):
        return {key: turned(item) for key, item in reversed(list(value.items()))}
    if isinstance(value, list):
        items = [turned(item) for item in reversed(value)]
        return items[0] if len(items) == 1 and isinstance(items[0], str) else items
    return value


def rewritten(hands):
    """The same policies in other words."""
    h = hands
    for role in ("inline", "trusted"):
        trust = turned(h.trust(role))
        text = json.dumps(trust, indent=4).replace("arn:aws:iam::210987654321:root", "210987654321")
        h.iam.update_assume_role_policy(RoleName=role, PolicyDocument=text)
        name, document = h.inline(role)
        document = turned(document)
        for statement in document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]:
            statement["Action"] = [a.upper().replace("S3:", "s3:") for a in statement["Action"]]
        h.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document, indent=1))
    h.iam.create_policy_version(PolicyArn=h.arn("read"), SetAsDefault=True, PolicyDocument=json.dumps(turned(h.document("read")), indent=3))
    h.org.update_policy(PolicyId=h.policy("regions"), Content=json.dumps(turned(h.scp("regions")), indent=2))
    policy = json.loads(h.s3.get_bucket_policy(Bucket="conf-drift-plain")["Policy"])
    h.s3.put_bucket_policy(Bucket="conf-drift-plain", Policy=json.dumps(turned(policy), indent=2))


def drift(run):
    run.env["CONF_TOKEN"] = "s3cr3t-of-conf"
    ok("init --create-backend", run.palisade("init", "--create-backend"))
    if not ok("apply", run.palisade("apply", "--auto-approve")):
        return
    pairs, report = told(run)
    check("nothing has drifted yet", pairs == [], pairs)
    check("all is consistent", report.get("consistency_percent") == 100.0, report.get("consistency_percent"))
    hands = Hands(run)

    rewritten(hands)
    pairs, _ = told(run)
    check("policies in other words are no drift", pairs == [], pairs)
    ok("and nothing to apply", run.palisade("plan", "--detailed-exitcode"))

    expected = []
    made = changes(hands)
    for name, change, address, status, _ in made:
        change()
        pairs, report = told(run)
        new = list(pairs)
        for pair in expected:
            if pair in new:
                new.remove(pair)
        check(f"{name}: told once", new == [(address, status)], new)
        expected = pairs
    check("all of them are told at once", len(expected) == len(made), expected)
    shares = {name: e["consistency_percent"] for name, e in report["environments"].items()}
    check("each environment has its share", shares["dev"] < 100 and shares["production"] < 100, shares)
    ok("apply repairs", run.palisade("apply", "--auto-approve"))
    for name, _, _, _, repaired in made:
        check(f"{name}: repaired", repaired())
    pairs, _ = told(run)
    check("nothing is left", pairs == [], pairs)
    ok("and nothing to apply", run.palisade("plan", "--detailed-exitcode"))

    for name, make, address, remove in strangers(hands):
        make()
        pairs, _ = told(run)
        check(f"{name} that nobody manages: told once", pairs == [(address, "unmanaged")], pairs)
        done = run.palisade("drift", "--managed-only")
        check(f"{name} that nobody manages: left out on request", done.returncode == 0, done.stdout)
        remove()
    pairs, _ = told(run)
    check("nothing is left of strangers", pairs == [], pairs)


if __name__ == "__main__":
    judge("drift", "drift-estate", drift)
