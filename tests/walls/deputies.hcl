# A service's grant is judged by whom it may act for. Source: IAM User Guide, the confused deputy problem.

# == nothing asked
# dev -> prod: isolated, finding confused_deputy
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = false
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "cloudtrail.amazonaws.com" }, Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*" },
    ]
  }
}

# == a source account of another environment
# dev -> prod: isolated, finding confused_deputy
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = false
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "cloudtrail.amazonaws.com" }, Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringEquals = { "aws:SourceAccount" = account.dev.id } } },
    ]
  }
}

# == its own account
# dev -> prod: isolated, no finding confused_deputy
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = false
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "cloudtrail.amazonaws.com" }, Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringEquals = { "aws:SourceAccount" = account.prod.id } } },
    ]
  }
}

# == the organization
# dev -> prod: isolated, no finding confused_deputy
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = false
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "cloudtrail.amazonaws.com" }, Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringEquals = { "aws:SourceOrgID" = organization.bar.id } } },
    ]
  }
}

# == a source ARN with an open account
# dev -> prod: isolated, finding confused_deputy
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = false
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "cloudtrail.amazonaws.com" }, Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:cloudtrail:*:*:trail/*" } } },
    ]
  }
}

# == everything but one account
# dev -> prod: isolated, finding confused_deputy
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = false
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "cloudtrail.amazonaws.com" }, Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringNotEquals = { "aws:SourceAccount" = "111111111111" } } },
    ]
  }
}

# == closed by an RCP
# dev -> prod: isolated, no finding confused_deputy
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = false
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "cloudtrail.amazonaws.com" }, Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*" },
    ]
  }
}
resource_control_policy "r" {
  targets = [account.prod]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Principal = "*", Action = "s3:*", Resource = "*", Condition = { StringNotEquals = { "aws:SourceAccount" = account.prod.id }, Bool = { "aws:PrincipalIsAWSService" = "true" } } },
    ]
  }
}
