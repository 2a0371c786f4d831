# `RestrictPublicBuckets` cuts off what a public policy grants to others, and a statement limited to a known party is
# not public. Source: S3 User Guide, the meaning of public.

# == limited by a VPC endpoint
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = "*", Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringEquals = { "aws:SourceVpce" = "vpce-1" } } },
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
    ]
  }
}

# == limited by a source account
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = "*", Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringEquals = { "aws:SourceAccount" = "111111111111" } } },
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
    ]
  }
}

# == limited to AWS services
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = "*", Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { Bool = { "aws:PrincipalIsAWSService" = "true" } } },
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
    ]
  }
}

# == limited by the organization
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = "*", Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringEquals = { "aws:PrincipalOrgID" = "o-abcdefghij" } } },
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
    ]
  }
}

# == a public statement cuts the rest off
# dev -> prod: isolated
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = "*", Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringLike = { "aws:PrincipalOrgID" = "*" } } },
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
    ]
  }
}

# == a public statement cuts nothing off without the block
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = false
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = "*", Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringLike = { "aws:PrincipalOrgID" = "*" } } },
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
    ]
  }
}

# == an asterisk that is compared as it stands is no wildcard
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = "*", Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringEquals = { "aws:PrincipalOrgID" = "o-*" } } },
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
    ]
  }
}

# == a policy variable is no fixed value
# dev -> prod: isolated
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = "*", Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringEquals = { "aws:PrincipalAccount" = "$${aws:ResourceAccount}" } } },
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
    ]
  }
}

# == paths of one organization by the set operator that the page asks for
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = "*", Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { "ForAllValues:StringLike" = { "aws:PrincipalOrgPaths" = "o-abcdefghij/*" } } },
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
    ]
  }
}
