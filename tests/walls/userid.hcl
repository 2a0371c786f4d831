# A role's session has the role's id, a colon and the session's name; an id that AWS is still to give is known by its
# first letters alone. Source: IAM User Guide, unique identifiers.

# == Deny to all but the role id, by a wildcard
# dev -> prod: conditional
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
      { Effect = "Deny", Principal = "*", Action = "s3:*", Resource = ["arn:aws:s3:::bar-data/*"], Condition = { StringNotLike = { "aws:userid" = ["AROAAAAAAAAAAAAAAAAAA:*"] } } },
    ]
  }
}

# == Allow to another role id
# dev -> prod: conditional
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = false
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringLike = { "aws:userid" = ["AROAAAAAAAAAAAAAAAAAA:*"] } } },
    ]
  }
}

# == Deny by a user id
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
      { Effect = "Deny", Principal = "*", Action = "s3:*", Resource = ["arn:aws:s3:::bar-data/*"], Condition = { StringEquals = { "aws:userid" = ["AIDAAAAAAAAAAAAAAAAAA"] } } },
    ]
  }
}
