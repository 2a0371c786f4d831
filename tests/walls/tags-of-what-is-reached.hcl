# A bucket's tags count where its ABAC is on, and stand in no request where it is off. Source: S3 User Guide, using
# tags with general purpose buckets.

# == a bucket with ABAC that bears it
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  abac                = true
  tags                = { class = "secret" }
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringEquals = { "aws:ResourceTag/class" = "secret" } } },
    ]
  }
}

# == a bucket with ABAC that bears another
# dev -> prod: isolated
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  abac                = true
  tags                = { class = "open" }
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringEquals = { "aws:ResourceTag/class" = "secret" } } },
    ]
  }
}

# == a bucket with ABAC, denied
# dev -> prod: isolated
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  abac                = true
  tags                = { class = "secret" }
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
      { Effect = "Deny", Principal = "*", Action = "s3:*", Resource = ["arn:aws:s3:::bar-data/*", "arn:aws:s3:::bar-data"], Condition = { StringEquals = { "aws:ResourceTag/class" = "secret" } } },
    ]
  }
}

# == a bucket without ABAC
# dev -> prod: isolated
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  tags                = { class = "secret" }
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringEquals = { "aws:ResourceTag/class" = "secret" } } },
    ]
  }
}

# == a bucket without ABAC, a Deny that never holds
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  tags                = { class = "secret" }
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
      { Effect = "Deny", Principal = "*", Action = "s3:*", Resource = ["arn:aws:s3:::bar-data/*", "arn:aws:s3:::bar-data"], Condition = { StringEquals = { "aws:ResourceTag/class" = "secret" } } },
    ]
  }
}

# == s3:BucketTag
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  abac                = true
  tags                = { class = "secret" }
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringEquals = { "s3:BucketTag/class" = "secret" } } },
    ]
  }
}
