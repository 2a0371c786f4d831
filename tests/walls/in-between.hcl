# What can be made of a foothold in an account in between, one right a case.

# == an identity provider that is not there may be made, and lets in nobody of dev
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
        { Effect = "Allow", Action = ["iam:CreateOpenIDConnectProvider"], Resource = "*" },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Federated = "arn:aws:iam::111111111111:oidc-provider/x.example" }, Action = "sts:AssumeRoleWithWebIdentity" },
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

# == codebuild StartBuild swaps hop
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
        { Effect = "Allow", Action = "codebuild:StartBuild", Resource = "*" },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "codebuild.amazonaws.com" }, Action = "sts:AssumeRole" },
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

# == lambda UpdateFunctionCode swaps hop
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
        { Effect = "Allow", Action = "lambda:UpdateFunctionCode", Resource = "*" },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" },
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

# == lambda UpdateFunctionConfiguration (layers)
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
        { Effect = "Allow", Action = "lambda:UpdateFunctionConfiguration", Resource = "*" },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" },
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

# == ecs ExecuteCommand
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
        { Effect = "Allow", Action = ["ecs:ExecuteCommand", "ecs:DescribeTasks"], Resource = "*" },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "ecs-tasks.amazonaws.com" }, Action = "sts:AssumeRole" },
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

# == ssm SendCommand
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
        { Effect = "Allow", Action = ["ssm:SendCommand"], Resource = "*" },
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

# == states UpdateStateMachine
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
        { Effect = "Allow", Action = ["states:UpdateStateMachine"], Resource = "*" },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "states.amazonaws.com" }, Action = "sts:AssumeRole" },
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

# == bedrock agentcore code interpreter
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
        { Effect = "Allow", Action = ["bedrock-agentcore:StartCodeInterpreterSession", "bedrock-agentcore:InvokeCodeInterpreter"], Resource = "*" },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "bedrock-agentcore.amazonaws.com" }, Action = "sts:AssumeRole" },
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

# == eks pod identity association
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
        { Effect = "Allow", Action = ["eks:CreatePodIdentityAssociation", "iam:PassRole"], Resource = "*" },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "pods.eks.amazonaws.com" }, Action = ["sts:AssumeRole", "sts:TagSession"] },
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

# == iot credentials provider role alias
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
        { Effect = "Allow", Action = ["iot:CreateRoleAlias", "iam:PassRole", "iot:AttachPolicy", "iot:CreatePolicy", "iot:CreateKeysAndCertificate"], Resource = "*" },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "credentials.iot.amazonaws.com" }, Action = "sts:AssumeRole" },
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

# == ssm automation assume role
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
        { Effect = "Allow", Action = ["ssm:StartAutomationExecution", "iam:PassRole"], Resource = "*" },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "ssm.amazonaws.com" }, Action = "sts:AssumeRole" },
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

# == a role for a service that the data does not know
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
        { Effect = "Allow", Action = ["iam:PassRole", "newthing:CreateThing"], Resource = "*" },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "newthing.amazonaws.com" }, Action = "sts:AssumeRole" },
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

# == passrole limited to other role
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
        { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/other" },
        { Effect = "Allow", Action = "lambda:CreateFunction", Resource = "*" },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" },
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

# == passrole with PassedToService ec2 only
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
        { Effect = "Allow", Action = "iam:PassRole", Resource = "*", Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } } },
        { Effect = "Allow", Action = "lambda:CreateFunction", Resource = "*" },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" },
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

# == permits itself what it needs, four rights deep
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
        { Effect = "Allow", Action = "iam:PutRolePolicy", Resource = "*" },
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

# == an SCP that nobody here may detach
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
        { Effect = "Allow", Action = "iam:PutRolePolicy", Resource = "*" },
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
      { Effect = "Deny", Action = "iam:*", Resource = "*", Condition = { ArnNotLike = { "aws:PrincipalArn" = "arn:aws:iam::*:role/OrganizationAccountAccessRole" } } },
    ]
  }
}

# == an SCP that forgets one of the rights
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
      { Effect = "Deny", Action = ["iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"], Resource = "*", Condition = { ArnNotLike = { "aws:PrincipalArn" = "arn:aws:iam::*:role/OrganizationAccountAccessRole" } } },
    ]
  }
}

# == its boundary lets it take the boundary away
# dev -> prod: reachable
iam_policy "b" {
  accounts = [account.shared]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "iam:DeleteRolePermissionsBoundary", Resource = "*" },
      { Effect = "Allow", Action = "iam:UpdateAssumeRolePolicy", Resource = "*" },
    ]
  }
}
iam_role "low" {
  accounts             = [account.shared]
  permissions_boundary = iam_policy.b.at["shared"].arn
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
        { Effect = "Allow", Action = "*", Resource = "*" },
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

# == in an account of no environment
# dev -> prod: reachable
iam_role "low" {
  accounts = [account.loose]
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
        { Effect = "Allow", Action = ["iam:UpdateAssumeRolePolicy"], Resource = "*" },
      ]
    }
  }
}
iam_role "hop" {
  accounts = [account.loose]
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
      { Effect = "Allow", Principal = { AWS = iam_role.hop.at["loose"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}

# == a foothold over there is a crossing
# dev -> prod: reachable
iam_role "low" {
  accounts = [account.prod]
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
        { Effect = "Allow", Action = ["s3:ListAllMyBuckets"], Resource = "*" },
      ]
    }
  }
}

# == a tag that it does not bear, and no session tags
# dev -> prod: isolated
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = "*" }, Action = "sts:AssumeRole", Condition = { StringEquals = { "aws:PrincipalTag/team" = "ops" }, ArnLike = { "aws:PrincipalArn" = iam_role.ci.at["dev"].arn } } },
    ]
  }
}
