# AWS's own managed policies, which the plan gives to somebody who is the first to have them: what they permit is read.
# Source: AWS Managed Policy Reference Guide.

# == A policy that reads, and assumes nothing
# dev -> prod: isolated
iam_role "ci" {
  environments     = [environment.dev]
  managed_policies = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
iam_role "deploy" {
  environments = [environment.prod]
  trust {
    aws = [iam_role.ci.at["dev"].arn]
  }
}

# == A policy that assumes roles
# dev -> prod: reachable
iam_role "ci" {
  environments     = [environment.dev]
  managed_policies = ["arn:aws:iam::aws:policy/PowerUserAccess"]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
iam_role "deploy" {
  environments = [environment.prod]
  trust {
    aws = [iam_role.ci.at["dev"].arn]
  }
}

# == The same below a boundary that only reads
# dev -> prod: isolated
iam_role "ci" {
  environments         = [environment.dev]
  managed_policies     = ["arn:aws:iam::aws:policy/PowerUserAccess"]
  permissions_boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
iam_role "deploy" {
  environments = [environment.prod]
  trust {
    aws = [iam_role.ci.at["dev"].arn]
  }
}

# == A bucket that lets in a role that reads everything
# dev -> prod: reachable
iam_role "ci" {
  environments     = [environment.dev]
  managed_policies = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
    ]
  }
}
