palisade {
  name = "acme"
}

organization "acme" {}

organizational_unit "prod" {}

account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}

# What AWS would refuse in the middle of an apply: ARNs that nobody knows yet, and their form.

iam_role "by_block" {
  accounts = [account.dev]
  trust {
    aws = [account.dev.arn]
  }
}

iam_role "by_document" {
  accounts = [account.dev]
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = [account.dev.arn, organizational_unit.prod.arn] }
    }]
  })
}

iam_policy "read" {
  accounts = [account.dev]
  statement "Read" {
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }
}

s3_bucket "shared" {
  accounts = [account.dev]
  statement "Read" {
    principals {
      type        = "AWS"
      identifiers = [iam_policy.read.arn, "arn:aws:iam::${account.dev.id}:group/ops", "arn:aws:iam::${account.dev.id}:role/fine"]
    }
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::shared/*"]
  }
}
