# A tag that a principal does not bear, and can be given by no session, exempts it from nothing.

# == an RCP
# dev -> prod: isolated
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}
resource_control_policy "r" {
  targets = [account.prod]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Principal = "*", Action = "sts:AssumeRole", Resource = "*", Condition = { StringNotEquals = { "aws:PrincipalTag/breakglass" = "true" } } },
    ]
  }
}

# == a boundary
# dev -> prod: isolated
iam_policy "b" {
  accounts = [account.dev]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "sts:*", Resource = "*", Condition = { StringEquals = { "aws:PrincipalTag/breakglass" = "true" } } },
    ]
  }
}
iam_role "ci" {
  accounts             = [account.dev]
  permissions_boundary = iam_policy.b.at["dev"].arn
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
        { Effect = "Allow", Action = "sts:*", Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}

# == a role that bears the tag
# dev -> prod: reachable
iam_role "ci" {
  accounts = [account.dev]
  tags     = { breakglass = "true" }
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
        { Effect = "Allow", Action = "sts:*", Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}
service_control_policy "s" {
  targets = [account.dev]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = "sts:AssumeRole", Resource = "*", Condition = { StringNotEquals = { "aws:PrincipalTag/breakglass" = "true" } } },
    ]
  }
}

# == a role whose sessions may be tagged
# dev -> prod: conditional
iam_role "ci" {
  accounts = [account.dev]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = ["sts:AssumeRole", "sts:TagSession"] },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "sts:*", Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}
service_control_policy "s" {
  targets = [account.dev]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = "sts:AssumeRole", Resource = "*", Condition = { StringNotEquals = { "aws:PrincipalTag/breakglass" = "true" } } },
    ]
  }
}

# == an RCP, and whoever assumes the role in between gives its session the tag
# dev -> prod: reachable
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = ["sts:AssumeRole", "sts:TagSession"] },
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
      { Effect = "Allow", Principal = { AWS = iam_role.low.at["shared"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}
resource_control_policy "r" {
  targets = [account.prod]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Principal = "*", Action = "sts:AssumeRole", Resource = "*", Condition = { StringNotEquals = { "aws:PrincipalTag/breakglass" = "true" } } },
    ]
  }
}

# == an RCP, and who assumes the role in between may give another tag alone
# dev -> prod: isolated
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = ["sts:AssumeRole", "sts:TagSession"], Condition = { "ForAllValues:StringEquals" = { "aws:TagKeys" = ["team"] } } },
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
      { Effect = "Allow", Principal = { AWS = iam_role.low.at["shared"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}
resource_control_policy "r" {
  targets = [account.prod]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Principal = "*", Action = "sts:AssumeRole", Resource = "*", Condition = { StringNotEquals = { "aws:PrincipalTag/breakglass" = "true" } } },
    ]
  }
}

# == an RCP, and the tag is given from one network alone
# dev -> prod: conditional
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = ["sts:AssumeRole", "sts:TagSession"], Condition = { StringEquals = { "aws:SourceVpc" = "vpc-0a1b2c3d4e5f60718" } } },
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
      { Effect = "Allow", Principal = { AWS = iam_role.low.at["shared"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}
resource_control_policy "r" {
  targets = [account.prod]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Principal = "*", Action = "sts:AssumeRole", Resource = "*", Condition = { StringNotEquals = { "aws:PrincipalTag/breakglass" = "true" } } },
    ]
  }
}

# == the wall of the role in between: who assumes it decides
# tools -> prod: conditional
iam_role "low" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = ["sts:AssumeRole", "sts:TagSession"] },
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
      { Effect = "Allow", Principal = { AWS = iam_role.low.at["shared"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}
resource_control_policy "r" {
  targets = [account.prod]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Principal = "*", Action = "sts:AssumeRole", Resource = "*", Condition = { StringNotEquals = { "aws:PrincipalTag/breakglass" = "true" } } },
    ]
  }
}
