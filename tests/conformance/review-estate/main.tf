terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "dev" {
  type = string
}

variable "production" {
  type = string
}

# Whom `settle` trusts beside its own account.
variable "trusted" {
  type    = list(string)
  default = []
}

# Whether dev reads a bucket that the plan makes.
variable "lends" {
  type    = bool
  default = false
}

variable "team" {
  type    = string
  default = "a"
}

provider "aws" {
  alias             = "dev"
  region            = "eu-west-1"
  s3_use_path_style = true
  assume_role {
    role_arn = "arn:aws:iam::${var.dev}:role/OrganizationAccountAccessRole"
  }
}

provider "aws" {
  alias             = "production"
  region            = "eu-west-1"
  s3_use_path_style = true
  assume_role {
    role_arn = "arn:aws:iam::${var.production}:role/OrganizationAccountAccessRole"
  }
}

resource "aws_iam_role" "builder" {
  provider = aws.dev
  name     = "builder"
  tags     = { team = var.team }
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } },
    ]
  })
}

resource "aws_iam_role_policy" "builder" {
  provider = aws.dev
  name     = "work"
  role     = aws_iam_role.builder.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["sts:AssumeRole", "s3:*"], Resource = "*" },
    ]
  })
}

resource "aws_iam_role" "settle" {
  provider = aws.production
  name     = "settle"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = concat(["arn:aws:iam::${var.production}:root"], var.trusted) } },
    ]
  })
}

resource "aws_s3_bucket" "lent" {
  provider = aws.production
  count    = var.lends ? 1 : 0
  bucket   = "conf-lent"
}

# Its text is known after apply: it names what the same plan makes.
resource "aws_s3_bucket_policy" "lent" {
  provider = aws.production
  count    = var.lends ? 1 : 0
  bucket   = aws_s3_bucket.lent[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "s3:GetObject", Principal = { AWS = aws_iam_role.builder.arn }, Resource = "${aws_s3_bucket.lent[0].arn}/*" },
    ]
  })
}
