# Every environment has a bucket of its own; even the emulated one.
s3_bucket "data" {
  environments = [
    environment.dev-localstack,
    environment.dev-aws,
    environment.dev-aws-deployed,
    environment.staging,
    environment.production,
  ]

  bucket     = "acme-${each.environment.name}-data"
  versioning = contains(["staging", "production"], each.environment.name)

  statement "EncryptedTransport" {
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["arn:${data.partition.current.partition}:s3:::acme-${each.environment.name}-data", "arn:${data.partition.current.partition}:s3:::acme-${each.environment.name}-data/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

# Personal data is masked before it lands here, so that staging may copy it.
s3_bucket "masked" {
  environments = [environment.production]

  bucket     = "acme-production-masked"
  versioning = true

  encryption {}

  statement "StagingReads" {
    actions   = ["s3:GetObject"]
    resources = ["arn:${data.partition.current.partition}:s3:::acme-production-masked/*"]

    principals {
      type        = "AWS"
      identifiers = [iam_role.refresh.at["staging"].arn]
    }
  }
}
