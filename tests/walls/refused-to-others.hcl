# S3 answers other accounts with 405 where they ask for a bucket's policy, whatever that says. Source: S3 API
# Reference, PutBucketPolicy, GetBucketPolicy.

# == s3:PutBucketPolicy
# dev -> prod: isolated
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:PutBucketPolicy", Resource = "arn:aws:s3:::bar-data" },
    ]
  }
}

# == s3:DeleteBucketPolicy
# dev -> prod: isolated
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:DeleteBucketPolicy", Resource = "arn:aws:s3:::bar-data" },
    ]
  }
}

# == s3:GetBucketPolicy
# dev -> prod: isolated
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetBucketPolicy", Resource = "arn:aws:s3:::bar-data" },
    ]
  }
}

# == another action on the bucket is taken
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:PutBucketTagging", Resource = "arn:aws:s3:::bar-data" },
    ]
  }
}
