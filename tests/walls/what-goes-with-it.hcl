# Who passes tags of a session, or its source identity, has to be allowed that too, with what it passes, by every policy that
# bears on it. Source: IAM User Guide, pass session tags in AWS STS; monitor and control actions taken with assumed roles.

# == allowed
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
        { Effect = "Allow", Action = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = ["sts:AssumeRole", "sts:TagSession"], Condition = { StringEquals = { "aws:RequestTag/team" = "x" } } },
    ]
  }
}

# == an identity, allowed
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
        { Effect = "Allow", Action = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = ["sts:AssumeRole", "sts:SetSourceIdentity"], Condition = { StringEquals = { "sts:SourceIdentity" = "bob" } } },
    ]
  }
}

# == denied by an SCP
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
        { Effect = "Allow", Action = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = ["sts:AssumeRole", "sts:TagSession"], Condition = { StringEquals = { "aws:RequestTag/team" = "x" } } },
    ]
  }
}
service_control_policy "s" {
  targets = [account.dev]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = "sts:TagSession", Resource = "*" },
    ]
  }
}

# == an identity, denied by an RCP
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
        { Effect = "Allow", Action = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = ["sts:AssumeRole", "sts:SetSourceIdentity"], Condition = { StringEquals = { "sts:SourceIdentity" = "bob" } } },
    ]
  }
}
resource_control_policy "s" {
  targets = [account.prod]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Principal = "*", Action = "sts:SetSourceIdentity", Resource = "*" },
    ]
  }
}

# == denied by itself
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
        { Effect = "Allow", Action = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], Resource = "*" },
        { Effect = "Deny", Action = "sts:TagSession", Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = ["sts:AssumeRole", "sts:TagSession"], Condition = { StringEquals = { "aws:RequestTag/team" = "x" } } },
    ]
  }
}

# == a value that an SCP denies
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
        { Effect = "Allow", Action = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = ["sts:AssumeRole", "sts:TagSession"], Condition = { StringEquals = { "aws:RequestTag/team" = "x" } } },
    ]
  }
}
service_control_policy "s" {
  targets = [account.dev]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = "sts:TagSession", Resource = "*", Condition = { StringNotEquals = { "aws:RequestTag/team" = "y" } } },
    ]
  }
}

# == an identity that an SCP denies
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
        { Effect = "Allow", Action = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = ["sts:AssumeRole", "sts:SetSourceIdentity"], Condition = { StringEquals = { "sts:SourceIdentity" = "bob" } } },
    ]
  }
}
service_control_policy "s" {
  targets = [account.dev]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = "sts:SetSourceIdentity", Resource = "*", Condition = { StringNotEquals = { "sts:SourceIdentity" = "eve" } } },
    ]
  }
}

# == allowed with another value
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
        { Effect = "Allow", Action = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole", Condition = { StringEquals = { "aws:RequestTag/team" = "x" } } },
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:TagSession", Condition = { StringEquals = { "aws:RequestTag/team" = "y" } } },
    ]
  }
}

# == no tag is asked for
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
        { Effect = "Allow", Action = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], Resource = "*" },
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
      { Effect = "Deny", Action = "sts:TagSession", Resource = "*" },
    ]
  }
}
