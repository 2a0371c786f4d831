palisade {
  name = "acme"
}

variable "partner" {
  default   = "987654321098"
  sensitive = true
}

variable "repository" {
  default   = "acme/secret-project"
  sensitive = true
}

organization "acme" {}

account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}

iam_oidc_provider "github" {
  accounts = [account.dev]
  url      = "https://token.actions.githubusercontent.com"
}

iam_role "by_block" {
  accounts = [account.dev]
  trust {
    aws         = ["arn:aws:iam::${var.partner}:root"]
    external_id = "may be sensitive: ${var.partner}"
  }
  trust {
    oidc {
      provider = iam_oidc_provider.github
      subjects = ["repo:${var.repository}:ref:refs/heads/main"]
    }
  }
}

iam_role "by_object" {
  accounts = [account.dev]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = var.partner }
    }]
  }
}

iam_role "may_be" {
  accounts = [account.dev]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = "123456789012" }
      Condition = { StringEquals = { "sts:ExternalId" = var.partner } }
    }]
  }
}

iam_role "by_text" {
  accounts = [account.dev]
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = "123456789012" }
      Condition = { StringEquals = { "sts:ExternalId" = var.partner } }
    }]
  })
}

data "iam_policy_document" "shared" {
  statement "Read" {
    principals {
      type        = "AWS"
      identifiers = [var.partner]
    }
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::shared/*"]
  }
}

s3_bucket "shared" {
  accounts = [account.dev]
  statement "Read" {
    principals {
      type        = "AWS"
      identifiers = [var.partner]
    }
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::shared/*"]
  }
}
