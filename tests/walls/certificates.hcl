# A trust for IAM Roles Anywhere lets in whoever holds a certificate of its trust anchor.

# == a trust for Roles Anywhere in prod
# $external -> prod: conditional
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "rolesanywhere.amazonaws.com" }, Action = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"] },
    ]
  }
}

# == bound to a trust anchor
# $external -> prod: conditional
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "rolesanywhere.amazonaws.com" }, Action = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], Condition = { ArnEquals = { "aws:SourceArn" = "arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/x" } } },
    ]
  }
}

# == through a role in between
# $external -> prod: conditional
iam_role "hop" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "rolesanywhere.amazonaws.com" }, Action = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"] },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "sts:AssumeRole", Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.hop.at["shared"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}

# == no service of that kind
# $external -> prod: isolated
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" },
    ]
  }
}
