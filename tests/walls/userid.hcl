# A role's session has the role's id, a colon and the session's name. Of an id that AWS is still to give the first letters
# are known, and that it is none that somebody has already. Source: IAM User Guide, unique identifiers.

# == Deny to all but another role's id, by a wildcard
# dev -> prod: isolated
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

# == Allow to the id of the role that the same plan makes
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = false
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringLike = { "aws:userid" = ["${iam_role.ci.at["dev"].unique_id}:*"] } } },
    ]
  }
}

# == Allow to one session of it
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = false
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringEquals = { "aws:userid" = ["${iam_role.ci.at["dev"].unique_id}:build"] } } },
    ]
  }
}
iam_role "ci" {
  accounts = [account.dev]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "codebuild.amazonaws.com" }, Action = "sts:AssumeRole" },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = ["sts:*", "s3:*"], Resource = "*" },
      ]
    }
  }
}

# == Allow to a session that no machine is called like
# dev -> prod: isolated
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = false
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringEquals = { "aws:userid" = ["${iam_role.ci.at["dev"].unique_id}:build"] } } },
    ]
  }
}

# == Allow to whoever calls the session so
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = false
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringLike = { "aws:userid" = ["*:build"] } } },
    ]
  }
}

# == Allow to every role
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = false
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringLike = { "aws:userid" = ["AROA*:*"] } } },
    ]
  }
}

# == Allow to ids that begin alike
# dev -> prod: conditional
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = false
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringLike = { "aws:userid" = ["AROAAB*:*"] } } },
    ]
  }
}

# == Allow to ids of that length
# dev -> prod: conditional
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = false
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringLike = { "aws:userid" = ["?????????????????????:*"] } } },
    ]
  }
}

# == Deny to all but the id of that role
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
      { Effect = "Deny", Principal = "*", Action = "s3:*", Resource = ["arn:aws:s3:::bar-data/*"], Condition = { StringNotLike = { "aws:userid" = ["${iam_role.ci.at["dev"].unique_id}:*"] } } },
    ]
  }
}

# == Deny to the id of that role
# dev -> prod: isolated
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
      { Effect = "Deny", Principal = "*", Action = "s3:*", Resource = ["arn:aws:s3:::bar-data/*"], Condition = { StringLike = { "aws:userid" = ["${iam_role.ci.at["dev"].unique_id}:*"] } } },
    ]
  }
}

# == The id of that role as the principal
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].unique_id }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
    ]
  }
}
