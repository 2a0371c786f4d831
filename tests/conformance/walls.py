"""Policies on resources that nobody declares, against moto, over HTTP.

Each resource is made with boto3 alone. Without a policy it opens no wall; with one that lets a role of dev in, the wall is
reachable through it and nothing else; without the policy it is isolated again.
"""

import io
import json
import zipfile

from judge import check, judge, ok


def policy(principal, action, resource="*"):
    statement = {"Sid": "door", "Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def code():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("handler.py", "def handle(event, context): pass")
    return archive.getvalue()


def doors(run, production, ci):
    """Each type: its name, and the calls that make a resource, open its policy and close it."""
    of = lambda service: run.client(service, production)
    own = f"arn:aws:iam::{production}:root"
    sqs, sns, kms, ecr = of("sqs"), of("sns"), of("kms"), of("ecr")
    secrets, tables, functions, iam = of("secretsmanager"), of("dynamodb"), of("lambda"), of("iam")

    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    queue = lambda text: sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})
    yield "AWS::SQS::Queue", lambda: queue(policy(ci, "sqs:SendMessage")), lambda: queue("")

    topic = sns.create_topic(Name="events")["TopicArn"]
    put = lambda text: sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=text)
    yield ("AWS::SNS::Topic", lambda: put(policy(ci, "sns:Publish", topic)), lambda: put(policy(own, "sns:Publish", topic)))

    key = kms.create_key()["KeyMetadata"]["KeyId"]
    put_key = lambda text: kms.put_key_policy(KeyId=key, PolicyName="default", Policy=text)
    yield "AWS::KMS::Key", lambda: put_key(policy(ci, "kms:Decrypt")), lambda: put_key(policy(own, "kms:*"))

    ecr.create_repository(repositoryName="app")
    image = json.loads(policy(ci, "ecr:BatchGetImage"))
    del image["Statement"][0]["Resource"]
    yield ("AWS::ECR::Repository",
           lambda: ecr.set_repository_policy(repositoryName="app", policyText=json.dumps(image)),
           lambda: ecr.delete_repository_policy(repositoryName="app"))

    secret = secrets.create_secret(Name="database", SecretString="hidden")["ARN"]
    yield ("AWS::SecretsManager::Secret",
           lambda: secrets.put_resource_policy(SecretId=secret, ResourcePolicy=policy(ci, "secretsmanager:GetSecretValue")),
           lambda: secrets.delete_resource_policy(SecretId=secret))

    table = tables.create_table(
        TableName="orders", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])["TableDescription"]["TableArn"]
    yield ("AWS::DynamoDB::Table",
           lambda: tables.put_resource_policy(ResourceArn=table, Policy=policy(ci, "dynamodb:GetItem", table)),
           lambda: tables.delete_resource_policy(ResourceArn=table))

    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="function", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    functions.create_function(FunctionName="orders", Role=role, Runtime="python3.12", Handler="handler.handle",
                              Code={"ZipFile": code()})
    yield ("AWS::Lambda::Function",
           lambda: functions.add_permission(FunctionName="orders", StatementId="door", Action="lambda:InvokeFunction", Principal=ci),
           lambda: functions.remove_permission(FunctionName="orders", StatementId="door"))


def walls(run):
    ok("apply", run.palisade("apply", "--auto-approve"))
    production = run.account("conf-production")
    ci = f"arn:aws:iam::{run.account('conf-dev')}:role/ci"

    def judged(name, expected, kind=None):
        done = run.palisade("plan", "--json")
        ok(name, done)
        section = json.loads(done.stdout or "{}").get("isolation", {})
        row = next((r for r in section.get("matrix", []) if (r["from"], r["to"]) == ("dev", "production")), {})
        check(f"{name}: {expected}", row.get("after") == expected, row)
        if kind:
            check(f"{name}: the path names it", f"{kind}/eu-west-1/" in done.stdout, done.stdout[-2000:])

    judged("nothing there", "isolated")
    for kind, opening, closing in doors(run, production, ci):
        judged(f"{kind} without a door", "isolated")
        opening()
        # moto 5.2 tells the principal of a permission of a function as a bare text, which is no policy.
        expected = "undetermined" if kind == "AWS::Lambda::Function" else "reachable"
        judged(f"{kind} with one", expected, kind)
        closing()
        judged(f"{kind} with none again", "isolated")


if __name__ == "__main__":
    judge("walls", "walls-estate", walls)
