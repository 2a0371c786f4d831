# Tags of roles are what they are, unless somebody who gets in may set them as a policy asks for. Source: IAM User Guide,
# controlling access to and for IAM users and roles using tags.

# == another role's tag
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
        { Effect = "Allow", Action = "iam:UpdateAssumeRolePolicy", Resource = "*", Condition = { StringEquals = { "aws:ResourceTag/team" = "dev" } } },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  tags     = { team = "core" }
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

# == its own tag
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
        { Effect = "Allow", Action = "iam:UpdateAssumeRolePolicy", Resource = "*", Condition = { StringEquals = { "aws:ResourceTag/team" = "core" } } },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  tags     = { team = "core" }
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

# == another role's tag, of IAM
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
        { Effect = "Allow", Action = "iam:UpdateAssumeRolePolicy", Resource = "*", Condition = { StringEquals = { "iam:ResourceTag/team" = "dev" } } },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  tags     = { team = "core" }
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

# == denied for its tag by an SCP, which leaves the untagged role that administers the account
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
  tags     = { team = "core" }
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
      { Effect = "Deny", Action = "iam:*", Resource = "*", Condition = { StringEquals = { "aws:ResourceTag/team" = "core" } } },
    ]
  }
}

# == the tag may be set
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
        { Effect = "Allow", Action = "iam:UpdateAssumeRolePolicy", Resource = "*", Condition = { StringEquals = { "aws:ResourceTag/team" = "dev" } } },
        { Effect = "Allow", Action = "iam:TagRole", Resource = "*" },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  tags     = { team = "core" }
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

# == another value may be set
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
        { Effect = "Allow", Action = "iam:UpdateAssumeRolePolicy", Resource = "*", Condition = { StringEquals = { "aws:ResourceTag/team" = "dev" } } },
        { Effect = "Allow", Action = "iam:TagRole", Resource = "*", Condition = { StringEquals = { "aws:RequestTag/team" = "ops" } } },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  tags     = { team = "core" }
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

# == another key may be set
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
        { Effect = "Allow", Action = "iam:UpdateAssumeRolePolicy", Resource = "*", Condition = { StringEquals = { "aws:ResourceTag/team" = "dev" } } },
        { Effect = "Allow", Action = "iam:TagRole", Resource = "*", Condition = { "ForAllValues:StringEquals" = { "aws:TagKeys" = ["cost"] } } },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  tags     = { team = "core" }
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

# == its own tags, to other values
# dev -> prod: isolated
iam_role "low" {
  accounts = [account.shared]
  tags     = { team = "dev" }
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
        { Effect = "Allow", Action = "iam:TagRole", Resource = "*", Condition = { StringEquals = { "aws:RequestTag/team" = ["dev", "qa"] } } },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "sts:AssumeRole", Condition = { StringEquals = { "aws:PrincipalTag/team" = "ops" } } },
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

# == its own tags, to any value
# dev -> prod: reachable
iam_role "low" {
  accounts = [account.shared]
  tags     = { team = "dev" }
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
        { Effect = "Allow", Action = "iam:TagRole", Resource = "*" },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "sts:AssumeRole", Condition = { StringEquals = { "aws:PrincipalTag/team" = "ops" } } },
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

# == its own tags, denied by an SCP wherever that key is passed
# dev -> prod: isolated
iam_role "low" {
  accounts = [account.shared]
  tags     = { team = "dev" }
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
        { Effect = "Allow", Action = "iam:TagRole", Resource = "*" },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "sts:AssumeRole", Condition = { StringEquals = { "aws:PrincipalTag/team" = "ops" } } },
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
      { Effect = "Deny", Action = "iam:TagRole", Resource = "*", Condition = { Null = { "aws:RequestTag/team" = "false" } } },
    ]
  }
}
