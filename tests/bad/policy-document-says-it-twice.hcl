palisade {
  name = "acme"
}

provider "aws" {
  region = "eu-west-1"
}

data "iam_policy_document" "lock" {
  statement {
    effect    = "Deny"
    actions   = ["*"]
    resources = ["*"]
    condition {
      test     = "StringNotEquals"
      variable = "aws:RequestedRegion"
      values   = ["eu-west-1", "eu-central-1"]
    }
    condition {
      test     = "StringNotEquals"
      variable = "aws:requestedregion"
      values   = ["us-east-1"]
    }
  }
  statement {
    actions   = ["s3:GetObject"]
    resources = ["*"]
    principals {
      type        = "*"
      identifiers = ["222222222222"]
    }
  }
}
