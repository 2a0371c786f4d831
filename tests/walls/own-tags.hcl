# A trust that asks for a tag is met by a principal that may tag itself, or whose sessions may be tagged.

# == by iam:TagRole, on a role
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
        { Effect = "Allow", Action = ["iam:TagRole", "sts:AssumeRole"], Resource = "*" },
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

# == by iam:*, which holds it
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
        { Effect = "Allow", Action = ["iam:*", "sts:AssumeRole"], Resource = "*" },
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

# == by a session tag that its trust lets in, and that whoever assumes it chooses
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

# == no right to tag and no session tags
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

# == taking a tag off that a Deny asks for
# dev -> prod: reachable
iam_role "low" {
  accounts = [account.shared]
  tags     = { held = "yes" }
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
        { Effect = "Allow", Action = ["sts:AssumeRole", "iam:UntagRole"], Resource = "*" },
        { Effect = "Deny", Action = "sts:AssumeRole", Resource = "*", Condition = { StringEquals = { "aws:PrincipalTag/held" = "yes" } } },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.shared.id }, Action = "sts:AssumeRole" },
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
