# Principals that are made under a boundary: who decides its text, or takes it off, is not bound by it (IAM User Guide,
# "Permissions boundaries for IAM entities", "Delegating responsibility to others using permissions boundaries").

# == a boundary whose text others decide holds
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
        { Effect = "Allow", Action = ["iam:CreateRole", "iam:PutRolePolicy"], Resource = "arn:aws:iam::*:role/new/*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "sts:AssumeRole" },
    ]
  }
}
service_control_policy "delegated" {
  targets = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = ["iam:CreateRole", "iam:CreateUser"], Resource = "*", Condition = { ArnNotLike = { "iam:PermissionsBoundary" = "arn:aws:iam::*:policy/bound" } } },
    ]
  }
}
iam_policy "bound" {
  accounts = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "s3:GetObject", Resource = "*" },
    ]
  }
}

# == another version of the boundary
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
        { Effect = "Allow", Action = ["iam:CreateRole", "iam:PutRolePolicy"], Resource = "arn:aws:iam::*:role/new/*" },
        { Effect = "Allow", Action = "iam:CreatePolicyVersion", Resource = "arn:aws:iam::*:policy/bound" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "sts:AssumeRole" },
    ]
  }
}
service_control_policy "delegated" {
  targets = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = ["iam:CreateRole", "iam:CreateUser"], Resource = "*", Condition = { ArnNotLike = { "iam:PermissionsBoundary" = "arn:aws:iam::*:policy/bound" } } },
    ]
  }
}
iam_policy "bound" {
  accounts = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "s3:GetObject", Resource = "*" },
    ]
  }
}

# == the boundary is deleted and made again
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
        { Effect = "Allow", Action = ["iam:CreateRole", "iam:PutRolePolicy"], Resource = "arn:aws:iam::*:role/new/*" },
        { Effect = "Allow", Action = ["iam:CreatePolicy", "iam:DeletePolicy"], Resource = "arn:aws:iam::*:policy/bound" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "sts:AssumeRole" },
    ]
  }
}
service_control_policy "delegated" {
  targets = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = ["iam:CreateRole", "iam:CreateUser"], Resource = "*", Condition = { ArnNotLike = { "iam:PermissionsBoundary" = "arn:aws:iam::*:policy/bound" } } },
    ]
  }
}
iam_policy "bound" {
  accounts = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "s3:GetObject", Resource = "*" },
    ]
  }
}

# == a policy of that name stands already
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
        { Effect = "Allow", Action = ["iam:CreateRole", "iam:PutRolePolicy"], Resource = "arn:aws:iam::*:role/new/*" },
        { Effect = "Allow", Action = "iam:CreatePolicy", Resource = "arn:aws:iam::*:policy/bound" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "sts:AssumeRole" },
    ]
  }
}
service_control_policy "delegated" {
  targets = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = ["iam:CreateRole", "iam:CreateUser"], Resource = "*", Condition = { ArnNotLike = { "iam:PermissionsBoundary" = "arn:aws:iam::*:policy/bound" } } },
    ]
  }
}
iam_policy "bound" {
  accounts = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "s3:GetObject", Resource = "*" },
    ]
  }
}

# == the boundary is not there yet
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
        { Effect = "Allow", Action = ["iam:CreateRole", "iam:PutRolePolicy"], Resource = "arn:aws:iam::*:role/new/*" },
        { Effect = "Allow", Action = "iam:CreatePolicy", Resource = "arn:aws:iam::*:policy/bound" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "sts:AssumeRole" },
    ]
  }
}
service_control_policy "delegated" {
  targets = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = ["iam:CreateRole", "iam:CreateUser"], Resource = "*", Condition = { ArnNotLike = { "iam:PermissionsBoundary" = "arn:aws:iam::*:policy/bound" } } },
    ]
  }
}

# == nobody may make the boundary
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
        { Effect = "Allow", Action = ["iam:CreateRole", "iam:PutRolePolicy"], Resource = "arn:aws:iam::*:role/new/*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "sts:AssumeRole" },
    ]
  }
}
service_control_policy "delegated" {
  targets = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = ["iam:CreateRole", "iam:CreateUser"], Resource = "*", Condition = { ArnNotLike = { "iam:PermissionsBoundary" = "arn:aws:iam::*:policy/bound" } } },
    ]
  }
}

# == the boundary is taken off again
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
        { Effect = "Allow", Action = ["iam:CreateRole", "iam:PutRolePolicy"], Resource = "arn:aws:iam::*:role/new/*" },
        { Effect = "Allow", Action = "iam:DeleteRolePermissionsBoundary", Resource = "arn:aws:iam::*:role/new/*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "sts:AssumeRole" },
    ]
  }
}
service_control_policy "delegated" {
  targets = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = ["iam:CreateRole", "iam:CreateUser"], Resource = "*", Condition = { ArnNotLike = { "iam:PermissionsBoundary" = "arn:aws:iam::*:policy/bound" } } },
    ]
  }
}
iam_policy "bound" {
  accounts = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "s3:GetObject", Resource = "*" },
    ]
  }
}

# == another boundary is set
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
        { Effect = "Allow", Action = ["iam:CreateRole", "iam:PutRolePolicy"], Resource = "arn:aws:iam::*:role/new/*" },
        { Effect = "Allow", Action = "iam:PutRolePermissionsBoundary", Resource = "arn:aws:iam::*:role/new/*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "sts:AssumeRole" },
    ]
  }
}
service_control_policy "delegated" {
  targets = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = ["iam:CreateRole", "iam:CreateUser"], Resource = "*", Condition = { ArnNotLike = { "iam:PermissionsBoundary" = "arn:aws:iam::*:policy/bound" } } },
    ]
  }
}
iam_policy "bound" {
  accounts = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "s3:GetObject", Resource = "*" },
    ]
  }
}

# == a boundary asks for a tag, and its maker gives it
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
        { Effect = "Allow", Action = ["iam:CreateRole", "iam:PutRolePolicy"], Resource = "arn:aws:iam::*:role/new/*" },
        { Effect = "Allow", Action = "iam:TagRole", Resource = "arn:aws:iam::*:role/new/*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "sts:AssumeRole" },
    ]
  }
}
service_control_policy "delegated" {
  targets = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = ["iam:CreateRole", "iam:CreateUser"], Resource = "*", Condition = { ArnNotLike = { "iam:PermissionsBoundary" = "arn:aws:iam::*:policy/bound" } } },
    ]
  }
}
iam_policy "bound" {
  accounts = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "*", Resource = "*", Condition = { StringEquals = { "aws:PrincipalTag/ok" = "yes" } } },
    ]
  }
}

# == a boundary asks for a tag, and its maker lets itself give it to the session
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
        { Effect = "Allow", Action = ["iam:CreateRole", "iam:PutRolePolicy"], Resource = "arn:aws:iam::*:role/new/*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "sts:AssumeRole" },
    ]
  }
}
service_control_policy "delegated" {
  targets = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = ["iam:CreateRole", "iam:CreateUser"], Resource = "*", Condition = { ArnNotLike = { "iam:PermissionsBoundary" = "arn:aws:iam::*:policy/bound" } } },
    ]
  }
}
iam_policy "bound" {
  accounts = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "*", Resource = "*", Condition = { StringEquals = { "aws:PrincipalTag/ok" = "yes" } } },
    ]
  }
}

# == a boundary asks for a tag that its maker may give neither
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
        { Effect = "Allow", Action = ["iam:CreateRole", "iam:PutRolePolicy"], Resource = "arn:aws:iam::*:role/new/*" },
        { Effect = "Allow", Action = "iam:TagRole", Resource = "arn:aws:iam::*:role/new/*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "sts:AssumeRole" },
    ]
  }
}
service_control_policy "delegated" {
  targets = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = ["iam:CreateRole", "iam:CreateUser"], Resource = "*", Condition = { ArnNotLike = { "iam:PermissionsBoundary" = "arn:aws:iam::*:policy/bound" } } },
    ]
  }
}
iam_policy "bound" {
  accounts = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "*", Resource = "*", Condition = { StringEquals = { "aws:PrincipalTag/ok" = "yes" } } },
    ]
  }
}
service_control_policy "untagged" {
  targets = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = ["iam:TagRole", "sts:TagSession"], Resource = "*" },
    ]
  }
}

# == a user under it, and its maker gives the tag
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
        { Effect = "Allow", Action = ["iam:CreateUser", "iam:PutUserPolicy", "iam:CreateAccessKey", "iam:TagUser"], Resource = "arn:aws:iam::*:user/new/*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "sts:AssumeRole" },
    ]
  }
}
service_control_policy "delegated" {
  targets = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = ["iam:CreateRole", "iam:CreateUser"], Resource = "*", Condition = { ArnNotLike = { "iam:PermissionsBoundary" = "arn:aws:iam::*:policy/bound" } } },
    ]
  }
}
iam_policy "bound" {
  accounts = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "*", Resource = "*", Condition = { StringEquals = { "aws:PrincipalTag/ok" = "yes" } } },
    ]
  }
}

# == and another one gives the tag
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
        { Effect = "Allow", Action = ["iam:CreateRole", "iam:PutRolePolicy"], Resource = "arn:aws:iam::*:role/new/*" },
      ]
    }
  }
}
iam_role "low2" {
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
        { Effect = "Allow", Action = "iam:TagRole", Resource = "arn:aws:iam::*:role/new/*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "sts:AssumeRole" },
    ]
  }
}
service_control_policy "delegated" {
  targets = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = ["iam:CreateRole", "iam:CreateUser"], Resource = "*", Condition = { ArnNotLike = { "iam:PermissionsBoundary" = "arn:aws:iam::*:policy/bound" } } },
    ]
  }
}
iam_policy "bound" {
  accounts = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "*", Resource = "*", Condition = { StringEquals = { "aws:PrincipalTag/ok" = "yes" } } },
    ]
  }
}
service_control_policy "untagged" {
  targets = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = "sts:TagSession", Resource = "*" },
    ]
  }
}
