# What may be attached, to whom, and what it permits: where that is not everything, it may still be enough.

# == everything but the administrator's policy
# dev -> prod: reachable
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "iam:AttachRolePolicy", Resource = "*", Condition = { ArnNotEquals = { "iam:PolicyARN" = "arn:aws:iam::aws:policy/AdministratorAccess" } } },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
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
        { Effect = "Allow", Action = "sts:AssumeRole", Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.hop.at["shared"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}

# == the policy that manages IAM alone
# dev -> prod: reachable
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "iam:AttachRolePolicy", Resource = "*", Condition = { ArnLike = { "iam:PolicyARN" = "arn:aws:iam::aws:policy/IAMFullAccess" } } },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
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
        { Effect = "Allow", Action = "sts:AssumeRole", Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.hop.at["shared"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}

# == a policy of AWS's of which nobody here knows what it permits
# dev -> prod: undetermined
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "iam:AttachRolePolicy", Resource = "*", Condition = { ArnLike = { "iam:PolicyARN" = "arn:aws:iam::aws:policy/AmazonSNSFullAccess" } } },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
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
        { Effect = "Allow", Action = "sts:AssumeRole", Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.hop.at["shared"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}

# == a policy of AWS's that permits too little
# dev -> prod: isolated
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "iam:AttachRolePolicy", Resource = "*", Condition = { ArnLike = { "iam:PolicyARN" = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" } } },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
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
        { Effect = "Allow", Action = "sts:AssumeRole", Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.hop.at["shared"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}

# == an unknown policy to what crosses nothing
# dev -> prod: isolated
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "iam:AttachRolePolicy", Resource = "*", Condition = { ArnLike = { "iam:PolicyARN" = "arn:aws:iam::aws:policy/AmazonSNSFullAccess" } } },
        { Effect = "Deny", Action = "*", Resource = "*", Condition = { StringNotLike = { "iam:PolicyARN" = "arn:aws:iam::aws:policy/*" } } },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" },
    ]
  }
}

# == full access to S3, into a bucket that lets in the account
# dev -> prod: reachable
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "iam:AttachRolePolicy", Resource = "*", Condition = { ArnLike = { "iam:PolicyARN" = "arn:aws:iam::aws:policy/AmazonS3FullAccess" } } },
      ]
    }
  }
}
s3_bucket "b" {
  accounts = [account.prod]
  bucket   = "bar-data"
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
    ]
  }
}

# == a policy that one makes, and attaches to oneself
# dev -> prod: reachable
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "iam:CreatePolicy", Resource = "arn:aws:iam::*:policy/team/*" },
        { Effect = "Allow", Action = "iam:AttachRolePolicy", Resource = "*", Condition = { ArnLike = { "iam:PolicyARN" = "arn:aws:iam::*:policy/team/*" } } },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
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
        { Effect = "Allow", Action = "sts:AssumeRole", Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.hop.at["shared"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}

# == names that one may make and names that one may attach meet
# dev -> prod: reachable
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "iam:CreatePolicy", Resource = "arn:aws:iam::*:policy/team/*" },
        { Effect = "Allow", Action = "iam:AttachRolePolicy", Resource = "*", Condition = { ArnLike = { "iam:PolicyARN" = "arn:aws:iam::*:policy/*-dev" } } },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
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
        { Effect = "Allow", Action = "sts:AssumeRole", Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.hop.at["shared"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}

# == and where they do not
# dev -> prod: isolated
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "iam:CreatePolicy", Resource = "arn:aws:iam::*:policy/team/*" },
        { Effect = "Allow", Action = "iam:AttachRolePolicy", Resource = "*", Condition = { ArnLike = { "iam:PolicyARN" = "arn:aws:iam::*:policy/other/*" } } },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
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
        { Effect = "Allow", Action = "sts:AssumeRole", Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.hop.at["shared"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}

# == a policy that one makes, for a neighbour that one is
# dev -> prod: reachable
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "iam:CreatePolicy", Resource = "*" },
        { Effect = "Allow", Action = "iam:UpdateAssumeRolePolicy", Resource = "arn:aws:iam::*:role/*" },
        { Effect = "Allow", Action = "iam:AttachRolePolicy", Resource = "arn:aws:iam::*:role/*hop*", Condition = { ArnLike = { "iam:PolicyARN" = "arn:aws:iam::*:policy/x*" } } },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
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
        { Effect = "Allow", Action = "s3:GetObject", Resource = "*" },
      ]
    }
  }
}
s3_bucket "b" {
  accounts = [account.prod]
  bucket   = "bar-data"
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.hop.at["shared"].arn }, Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*" },
    ]
  }
}

# == a policy that stands there and that one may rewrite
# dev -> prod: reachable
iam_policy "idle" {
  accounts = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "ec2:DescribeRegions", Resource = "*" },
    ]
  }
}
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "iam:CreatePolicyVersion", Resource = "*" },
        { Effect = "Allow", Action = "iam:AttachRolePolicy", Resource = "*", Condition = { ArnLike = { "iam:PolicyARN" = "arn:aws:iam::*:policy/*" } } },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
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
        { Effect = "Allow", Action = "sts:AssumeRole", Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.hop.at["shared"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}

# == without the right to attach it
# dev -> prod: isolated
iam_policy "idle" {
  accounts = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "ec2:DescribeRegions", Resource = "*" },
    ]
  }
}
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = ["iam:CreatePolicyVersion", "iam:CreatePolicy"], Resource = "*" },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
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
        { Effect = "Allow", Action = "sts:AssumeRole", Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.hop.at["shared"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}

# == a role is made and given full access to S3 alone
# dev -> prod: reachable
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "iam:CreateRole", Resource = "*" },
        { Effect = "Allow", Action = "iam:AttachRolePolicy", Resource = "*", Condition = { ArnLike = { "iam:PolicyARN" = "arn:aws:iam::aws:policy/AmazonS3FullAccess" } } },
      ]
    }
  }
}
s3_bucket "b" {
  accounts = [account.prod]
  bucket   = "bar-data"
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
    ]
  }
}

# == a role is made and given too little
# dev -> prod: isolated
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "iam:CreateRole", Resource = "*" },
        { Effect = "Allow", Action = "iam:AttachRolePolicy", Resource = "*", Condition = { ArnLike = { "iam:PolicyARN" = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" } } },
      ]
    }
  }
}
s3_bucket "b" {
  accounts = [account.prod]
  bucket   = "bar-data"
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*" },
    ]
  }
}

# == a role is made and given what nobody here knows
# dev -> prod: undetermined
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "iam:CreateRole", Resource = "*" },
        { Effect = "Allow", Action = "iam:AttachRolePolicy", Resource = "*", Condition = { ArnLike = { "iam:PolicyARN" = "arn:aws:iam::aws:policy/AmazonSNSFullAccess" } } },
      ]
    }
  }
}
s3_bucket "b" {
  accounts = [account.prod]
  bucket   = "bar-data"
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*" },
    ]
  }
}

# == a guardrail over what is attached
# dev -> prod: isolated
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "iam:*", Resource = "*" },
      ]
    }
  }
}
service_control_policy "s" {
  targets = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = ["iam:Put*", "iam:Create*", "iam:Update*", "iam:Set*", "iam:Add*", "iam:Pass*", "iam:Delete*", "iam:Detach*", "iam:Tag*", "iam:Untag*", "iam:Remove*"], Resource = "*", Condition = { ArnNotLike = { "aws:PrincipalArn" = "arn:aws:iam::*:role/OrganizationAccountAccessRole" } } },
      { Effect = "Deny", Action = ["iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:AttachGroupPolicy"], Resource = "*", Condition = { ArnNotLike = { "iam:PolicyARN" = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" } } },
    ]
  }
}
iam_role "hop" {
  accounts = [account.shared]
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
        { Effect = "Allow", Action = "sts:AssumeRole", Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.hop.at["shared"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}
