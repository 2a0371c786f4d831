# A trust that may be rewritten lets in sessions with any tags, and with a second factor or without.

# == its own
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
        { Effect = "Allow", Action = "sts:AssumeRole", Resource = "*" },
        { Effect = "Allow", Action = "iam:UpdateAssumeRolePolicy", Resource = "arn:aws:iam::*:role/*low*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.low.at["shared"].arn }, Action = "sts:AssumeRole", Condition = { StringEquals = { "aws:PrincipalTag/team" = "ops" } } },
    ]
  }
}

# == its own, without the right to call STS
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
        { Effect = "Allow", Action = "iam:UpdateAssumeRolePolicy", Resource = "arn:aws:iam::*:role/*low*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.low.at["shared"].arn }, Action = "sts:AssumeRole", Condition = { StringEquals = { "aws:PrincipalTag/team" = "ops" } } },
    ]
  }
}

# == a neighbour's
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
        { Effect = "Allow", Action = "iam:UpdateAssumeRolePolicy", Resource = "*" },
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
      { Effect = "Allow", Principal = { AWS = iam_role.hop.at["shared"].arn }, Action = "sts:AssumeRole", Condition = { StringEquals = { "aws:PrincipalTag/team" = "ops" } } },
    ]
  }
}

# == another one's
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
        { Effect = "Allow", Action = "sts:AssumeRole", Resource = "*" },
        { Effect = "Allow", Action = "iam:UpdateAssumeRolePolicy", Resource = "arn:aws:iam::*:role/else" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.low.at["shared"].arn }, Action = "sts:AssumeRole", Condition = { StringEquals = { "aws:PrincipalTag/team" = "ops" } } },
    ]
  }
}

# == a neighbour's, and a second factor is asked for
# dev -> prod: conditional
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
        { Effect = "Allow", Action = "iam:UpdateAssumeRolePolicy", Resource = "*" },
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
      { Effect = "Allow", Principal = { AWS = iam_role.hop.at["shared"].arn }, Action = "sts:AssumeRole", Condition = { Bool = { "aws:MultiFactorAuthPresent" = "true" } } },
    ]
  }
}

# == a role that a service alone begins bears no second factor
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
        { Effect = "Allow", Action = "iam:PassRole", Resource = "*" },
        { Effect = "Allow", Action = "ec2:RunInstances", Resource = "*" },
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
      { Effect = "Allow", Principal = { AWS = iam_role.hop.at["shared"].arn }, Action = "sts:AssumeRole", Condition = { Bool = { "aws:MultiFactorAuthPresent" = "true" } } },
    ]
  }
}

# == a bucket asks for the tag
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
        { Effect = "Allow", Action = "s3:*", Resource = "*" },
        { Effect = "Allow", Action = "iam:UpdateAssumeRolePolicy", Resource = "*" },
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
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringEquals = { "aws:PrincipalTag/team" = "ops" } } },
    ]
  }
}

# == a guardrail of its own account spares whoever bears the tag
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
        { Effect = "Allow", Action = ["iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"], Resource = "*" },
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
service_control_policy "s" {
  targets = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = "sts:AssumeRole", Resource = "*", Condition = { StringNotEquals = { "aws:PrincipalTag/team" = "ops" } } },
    ]
  }
}

# == a guardrail over IAM spares whoever bears the tag
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
        { Effect = "Allow", Action = "iam:*", Resource = "*" },
        { Effect = "Deny", Action = "iam:TagRole", Resource = "*" },
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
service_control_policy "s" {
  targets = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = ["iam:Put*", "iam:Attach*", "iam:Create*", "iam:Add*", "iam:Set*", "iam:PassRole"], Resource = "*", Condition = { StringNotEquals = { "aws:PrincipalTag/team" = "ops" }, ArnNotLike = { "aws:PrincipalArn" = "arn:aws:iam::*:role/OrganizationAccountAccessRole" } } },
      { Effect = "Deny", Action = "iam:UpdateAssumeRolePolicy", Resource = "arn:aws:iam::*:role/*hop*", Condition = { StringNotEquals = { "aws:PrincipalTag/team" = "ops" }, ArnNotLike = { "aws:PrincipalArn" = "arn:aws:iam::*:role/OrganizationAccountAccessRole" } } },
    ]
  }
}

# == and nobody may pass tags
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
        { Effect = "Allow", Action = "sts:AssumeRole", Resource = "*" },
        { Effect = "Allow", Action = "iam:UpdateAssumeRolePolicy", Resource = "arn:aws:iam::*:role/*low*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.low.at["shared"].arn }, Action = "sts:AssumeRole", Condition = { StringEquals = { "aws:PrincipalTag/team" = "ops" } } },
    ]
  }
}
service_control_policy "s" {
  targets = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = "sts:TagSession", Resource = "*" },
    ]
  }
}

# == whoever may change tags is not needed
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
      { Effect = "Allow", Principal = { AWS = iam_role.low.at["shared"].arn }, Action = "sts:AssumeRole", Condition = { StringEquals = { "aws:PrincipalTag/team" = "ops" } } },
    ]
  }
}
