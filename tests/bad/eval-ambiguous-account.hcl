account "dev" {
  name  = "acme-dev"
  email = "aws+dev@acme.example"
}

account "prod" {
  name  = "acme-prod"
  email = "aws+prod@acme.example"
}

account "audit" {
  name  = "acme-audit"
  email = "aws+audit@acme.example"
}

iam_role "deploy" {
  accounts = [account.dev, account.prod]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}

iam_role "auditor" {
  accounts = [account.audit]
  trust {
    aws = [iam_role.deploy.arn]
  }
}

output "other" {
  value = iam_role.deploy.at["staging"].arn
}
