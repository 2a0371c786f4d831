# A denial takes back all that its pattern matches, wherever its stars stand. Source: IAM User Guide, Resource; an action
# of S3 acts on buckets or on objects: Service Authorization Reference, Amazon S3.

# == in front and behind
# dev -> prod: isolated
iam_role "ci" {
  accounts = [account.dev]
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
        { Effect = "Allow", Action = "s3:*", Resource = "*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-prod-*" },
      ]
    }
  }
}
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-prod-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:*", Resource = ["arn:aws:s3:::bar-prod-data", "arn:aws:s3:::bar-prod-data/*"] },
    ]
  }
}

# == around the slash, for objects
# dev -> prod: isolated
iam_role "ci" {
  accounts = [account.dev]
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
        { Effect = "Allow", Action = "s3:*", Resource = "*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*/*" },
      ]
    }
  }
}
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-prod-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-prod-data/*" },
    ]
  }
}

# == around the slash, which leaves the bucket
# dev -> prod: reachable
iam_role "ci" {
  accounts = [account.dev]
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
        { Effect = "Allow", Action = "s3:*", Resource = "*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*/*" },
      ]
    }
  }
}
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-prod-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:*", Resource = ["arn:aws:s3:::bar-prod-data", "arn:aws:s3:::bar-prod-data/*"] },
    ]
  }
}

# == in an SCP
# dev -> prod: isolated
service_control_policy "s" {
  targets = [account.dev]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-prod-*" },
    ]
  }
}
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-prod-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-prod-data/*" },
    ]
  }
}

# == another name in an SCP
# dev -> prod: reachable
service_control_policy "s" {
  targets = [account.dev]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-stage-*" },
    ]
  }
}
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-prod-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-prod-data/*" },
    ]
  }
}

# == twenty denials, one of which matches
# dev -> prod: isolated
iam_role "ci" {
  accounts = [account.dev]
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
        { Effect = "Allow", Action = "s3:*", Resource = "arn:aws:s3:::*-alpha-*/*" },
        { Effect = "Allow", Action = "s3:*", Resource = "arn:aws:s3:::*-beta-*/*" },
        { Effect = "Allow", Action = "s3:*", Resource = "arn:aws:s3:::*-prod-*/*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-prod-*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-t0-*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-t1-*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-t2-*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-t3-*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-t4-*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-t5-*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-t6-*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-t7-*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-t8-*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-t9-*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-t10-*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-t11-*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-t12-*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-t13-*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-t14-*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-t15-*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-t16-*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-t17-*" },
        { Effect = "Deny", Action = "s3:*", Resource = "arn:aws:s3:::*-t18-*" },
      ]
    }
  }
}
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-prod-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:*", Resource = ["arn:aws:s3:::bar-prod-data", "arn:aws:s3:::bar-prod-data/*"] },
    ]
  }
}

# == listing, where objects alone are let in
# dev -> prod: isolated
iam_role "ci" {
  accounts = [account.dev]
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
        { Effect = "Allow", Action = "s3:ListBucket", Resource = "*" },
      ]
    }
  }
}
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-prod-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:*", Resource = "arn:aws:s3:::bar-prod-data/*" },
    ]
  }
}

# == listing, where the bucket is let in too
# dev -> prod: reachable
iam_role "ci" {
  accounts = [account.dev]
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
        { Effect = "Allow", Action = "s3:List*", Resource = "*" },
      ]
    }
  }
}
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-prod-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:*", Resource = ["arn:aws:s3:::bar-prod-data", "arn:aws:s3:::bar-prod-data/*"] },
    ]
  }
}

# == a tag, and all other tags
# dev -> prod: isolated
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-prod-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-prod-data/*" },
      { Effect = "Deny", Principal = "*", Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-prod-data/*", Condition = { StringEquals = { "s3:ExistingObjectTag/a" = "1" } } },
      { Effect = "Deny", Principal = "*", Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-prod-data/*", Condition = { StringNotEquals = { "s3:ExistingObjectTag/a" = "1" } } },
    ]
  }
}
