palisade {
  name = "acme"
}

provider "aws" {
  alias               = "dev"
  profile             = "ops"
  allowed_account_ids = ["111111111111"]
  assume_role {
    role_arn = "arn:aws:iam::111111111111:role/x"
  }
}
provider "aws" {
  region = "eu-west-1"
}
provider "random" {}

organization "acme" {}

account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}

iam_role "deploy" {
  accounts = [account.dev]
  trust {
    services = ["ec2.amazonaws.com"]
  }
  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }
  lifecycle {
    ignore_changes = [trust, statement, inline_policy, tags["x"], desciption, all, nope]
  }
  provisioner "local-exec" {
    command = "true"
  }
}
