# A policy that asks for eight keys is decided.

# == eight tags of a role
# dev -> prod: reachable
iam_role "ci" {
  accounts = [account.dev]
  tags     = { k0 = "v0", k1 = "v1", k2 = "v2", k3 = "v3", k4 = "v4", k5 = "v5", k6 = "v6", k7 = "v7" }
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "sts:*", Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole", Condition = { StringEquals = { "aws:PrincipalTag/k0" = "v0", "aws:PrincipalTag/k1" = "v1", "aws:PrincipalTag/k2" = "v2", "aws:PrincipalTag/k3" = "v3", "aws:PrincipalTag/k4" = "v4", "aws:PrincipalTag/k5" = "v5", "aws:PrincipalTag/k6" = "v6", "aws:PrincipalTag/k7" = "v7" } } },
    ]
  }
}

# == one of eight tags is another
# dev -> prod: isolated
iam_role "ci" {
  accounts = [account.dev]
  tags     = { k0 = "v0", k1 = "v1", k2 = "v2", k3 = "v3", k4 = "v4", k5 = "v5", k6 = "v6", k7 = "x" }
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "sts:*", Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole", Condition = { StringEquals = { "aws:PrincipalTag/k0" = "v0", "aws:PrincipalTag/k1" = "v1", "aws:PrincipalTag/k2" = "v2", "aws:PrincipalTag/k3" = "v3", "aws:PrincipalTag/k4" = "v4", "aws:PrincipalTag/k5" = "v5", "aws:PrincipalTag/k6" = "v6", "aws:PrincipalTag/k7" = "v7" } } },
    ]
  }
}

# == eight request tags of an object
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringEquals = { "s3:RequestObjectTag/k0" = "v0", "s3:RequestObjectTag/k1" = "v1", "s3:RequestObjectTag/k2" = "v2", "s3:RequestObjectTag/k3" = "v3", "s3:RequestObjectTag/k4" = "v4", "s3:RequestObjectTag/k5" = "v5", "s3:RequestObjectTag/k6" = "v6", "s3:RequestObjectTag/k7" = "v7" } } },
    ]
  }
}
