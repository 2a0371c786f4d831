palisade {
  name = "acme"
}

provider "aws" {
  region = "eu-west-1"
}

organization "acme" {}

account "dev" {
  id = "111111111111"
}

iam_policy "old" {
  accounts = [account.dev]
  content = {
    Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "*" }]
  }
}

s3_bucket "elsewhere" {
  accounts = [account.dev]
  bucket   = "logs-${account.dev.id}-us-east-1-an"
}

s3_bucket "of_another" {
  accounts = [account.dev]
  bucket   = "logs-222222222222-eu-west-1-an"
}

s3_bucket "switches" {
  accounts            = [account.dev]
  bucket              = "acme-switches"
  block_public_access = { block_public_acl = true }
}
