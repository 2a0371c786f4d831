account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

iam_role "deploy" {
  accounts = [account.production]
  trust {
    services = ["codebuild.amazonaws.com"]
  }

  statement "nothing" {
    resources = ["*"]
  }

  statement "both" {
    actions     = ["s3:GetObject"]
    not_actions = ["s3:PutObject"]
    resources   = ["*"]
  }

  statement "one_of_many" {
    actions = [
      "s3:GetObject",
      "s3:GetObejct", # "s3:GetObejct" is underlined where it stands
      "s3 PutObject",
    ]
    resources = ["*"]
  }
}

s3_bucket "data" {
  accounts = [account.production]
  bucket   = "acme-data"

  statement "nobody" {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::acme-data/*"]
  }
}

output "token" {
  value = secret("file:token")
}
