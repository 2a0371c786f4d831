"""`palisade review` over accounts in moto: stacks of CloudFormation that are read as they stand and, where
`TERRAFORM` names a `terraform` program, fresh plans of its own. (That is outside CI: it needs the AWS provider, in a folder that
`TERRAFORM_PLUGINS` names, or downloaded by `terraform init`.)
"""

import json
import os
import subprocess

from judge import check, judge, ok

ROLE = "OrganizationAccountAccessRole"


def trust(*principals):
    return {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": list(principals)}}]}


class Accounts:
    def __init__(self, run):
        self.run = run
        organizations = run.client("organizations")
        organizations.create_organization(FeatureSet="ALL")
        self.dev, self.production = (self.made(organizations, name) for name in ("dev", "production"))

    @staticmethod
    def made(organizations, name):
        made = organizations.create_account(AccountName=name, Email=f"{name}@conf.example", RoleName=ROLE)
        return made["CreateAccountStatus"]["AccountId"]

    def review(self, name, expected, *args):
        """The review's JSON, once the wall from dev to production is what it should be."""
        code = 0 if expected == "isolated" else 3
        done = self.run.palisade("review", "-e", f"dev={self.dev}", "-e", f"production={self.production}", "--json", *args)
        if not ok(name, done, code):
            return {}
        said = json.loads(done.stdout)
        after = [row["after"] for row in said["isolation"]["matrix"]
                 if (row["from"], row["to"]) == ("dev", "production")]
        check(f"{name}: {expected}", after == [expected], f"{after} {said['change']}")
        check(f"{name}: all is judged", said["change"]["not_judged"] == [], said["change"]["not_judged"])
        return said

    def causes(self, said):
        return {cause for path in said.get("isolation", {}).get("changes", [])
                if path["from"]["environment"] == "dev" for cause in path["caused_by"]}


def stacks(run, accounts):
    """A stack is read as it stands, and a new template of it is compared with that."""
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]}
    dev = run.client("iam", accounts.dev)
    ec2 = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]}
    dev.create_role(RoleName="runner", AssumeRolePolicyDocument=json.dumps(ec2))
    dev.put_role_policy(RoleName="runner", PolicyName="work", PolicyDocument=json.dumps(policy))

    def template(*principals):
        role = {"Type": "AWS::IAM::Role", "Properties": {
            "RoleName": "ledger", "AssumeRolePolicyDocument": trust(*principals)}}
        return json.dumps({"Parameters": {"Stage": {"Type": "String"}}, "Resources": {"Ledger": role}})

    own = f"arn:aws:iam::{accounts.production}:root"
    run.client("cloudformation", accounts.production).create_stack(
        StackName="ledger", TemplateBody=template(own), Parameters=[{"ParameterKey": "Stage", "ParameterValue": "live"}])
    file = run.dir / "ledger.json"
    at = ("--read-role", ROLE, "--cloudformation", "ledger.json", "--stack", f"ledger={accounts.production}/eu-west-1")
    file.write_text(template(own))
    said = accounts.review("a stack that stays as it is", "isolated", *at)
    check("nothing of it is judged as changed", said.get("change", {}).get("judged") == 0, said.get("change"))
    file.write_text(template(own, f"arn:aws:iam::{accounts.dev}:role/runner"))
    said = accounts.review("a stack that lets dev in", "reachable", *at)
    check("its role is the cause", accounts.causes(said) == {"ledger/Ledger"}, accounts.causes(said))
    # Before the plans: what is taken away here is in no way of theirs.
    dev.delete_role_policy(RoleName="runner", PolicyName="work")
    dev.delete_role(RoleName="runner")


def plans(run, accounts):
    """Plans that Terraform makes of a small configuration, over the accounts as they stand then."""
    terraform = os.environ.get("TERRAFORM")
    if not terraform:
        print("        `TERRAFORM` names no program: no fresh plans", flush=True)
        return
    env = {**run.env, "AWS_S3_USE_PATH_STYLE": "true", "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1",
           "TF_VAR_dev": accounts.dev, "TF_VAR_production": accounts.production}

    def tf(*args, code=0):
        done = subprocess.run([terraform, *args], cwd=run.dir, env=env, capture_output=True, text=True, timeout=900)
        print(f"        terraform {' '.join(args)} -> {done.returncode}", flush=True)
        if done.returncode != code:
            raise SystemExit(f"terraform {args}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout

    plugins = os.environ.get("TERRAFORM_PLUGINS")
    tf("init", "-input=false", *([f"-plugin-dir={plugins}"] if plugins else []))

    def planned(*variables):
        tf("plan", "-input=false", "-out=plan", *(f"-var={one}" for one in variables))
        (run.dir / "plan.json").write_text(tf("show", "-json", "plan"))

    live = ("--read-role", ROLE, "--terraform-plan", "plan.json")
    planned()
    accounts.review("a first plan", "isolated", *live)
    tf("apply", "-input=false", "plan")
    done = run.palisade("review", "--read-role", ROLE, "--dump", "dumps")
    ok("a dump", done)
    builder = f"arn:aws:iam::{accounts.dev}:role/builder"
    for name, before in (("live", ("--read-role", ROLE)), ("over dumps", ("--accounts", "dumps"))):
        at = (*before, "--terraform-plan", "plan.json")
        planned("team=b")
        accounts.review(f"{name}, a plan that changes a tag", "isolated", *at)
        planned(f'trusted=["{builder}"]')
        said = accounts.review(f"{name}, a plan that lets a role in", "reachable", *at)
        check(f"{name}: the trusting role is the cause", accounts.causes(said) == {"aws_iam_role.settle"}, accounts.causes(said))
        places = [place for path in said.get("isolation", {}).get("changes", []) for place in path.get("locations", {}).values()]
        check(f"{name}: its place is in the configuration", any("main.tf:" in place for place in places), places)
        planned("lends=true")
        said = accounts.review(f"{name}, a bucket whose policy is known after apply", "reachable", *at)
        check(f"{name}: the bucket's policy is the cause",
              any(cause.startswith("aws_s3_bucket_policy.lent") for cause in accounts.causes(said)), accounts.causes(said))


def reviewed(run):
    accounts = Accounts(run)
    stacks(run, accounts)
    plans(run, accounts)


if __name__ == "__main__":
    judge("review", "review-estate", reviewed)
