palisade {
  name = "acme"
}
provider "aws" {
  region = "eu-west-1"
}
organization "acme" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
iam_role "linked" {
  accounts = [account.dev]
  path     = "/aws-service-role/ecs.amazonaws.com/"
  trust {
    services = ["ecs.amazonaws.com"]
  }
}
iam_policy "sso" {
  accounts = [account.dev]
  path     = "/AWS-RESERVED/sso.amazonaws.com/"
  statement "Read" {
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }
}
iam_role "twice" {
  accounts = [account.dev]
  trust {
    services = ["ec2.amazonaws.com"]
  }
  tags = {
    Team = "a"
    team = "b"
  }
}
s3_bucket "twice" {
  accounts = [account.dev]
  bucket   = "acme-dev-twice"
  tags = {
    Team = "a"
    team = "b"
  }
}
