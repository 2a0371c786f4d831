# Rights that must apply to one and the same resource: a change set is executed on its own stack, and a role whose trust names a
# function or trust anchor in aws:SourceArn is passed to no other. Source: CloudFormation API Reference, ExecuteChangeSet; IAM
# User Guide, "AWS global condition context keys", aws:SourceArn; IAM Roles Anywhere User Guide, "Trust model".
#
# In each case, `low` has the rights in `local.may`, and `hop` has the trust statement `local.trust`.
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
      Version   = "2012-10-17"
      Statement = local.may
    }
  }
}
iam_role "hop" {
  accounts = [account.shared]
  assume_role_policy = {
    Version   = "2012-10-17"
    Statement = [local.trust]
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

# == a change set on one stack, executed on another stack
# dev -> prod: isolated
locals {
  trust = { Effect = "Allow", Principal = { Service = "cloudformation.amazonaws.com" }, Action = "sts:AssumeRole" }
  may = [
    { Effect = "Allow", Action = "cloudformation:CreateChangeSet", Resource = "arn:aws:cloudformation:*:*:stack/a/*" },
    { Effect = "Allow", Action = "cloudformation:ExecuteChangeSet", Resource = "arn:aws:cloudformation:*:*:stack/b/*" },
  ]
}

# == a change set on one stack, executed there
# dev -> prod: reachable
locals {
  trust = { Effect = "Allow", Principal = { Service = "cloudformation.amazonaws.com" }, Action = "sts:AssumeRole" }
  may = [
    { Effect = "Allow", Action = "cloudformation:CreateChangeSet", Resource = "arn:aws:cloudformation:*:*:stack/a/*" },
    { Effect = "Allow", Action = "cloudformation:ExecuteChangeSet", Resource = "arn:aws:cloudformation:*:*:stack/a/*" },
  ]
}

# == two patterns of stacks that overlap
# dev -> prod: reachable
locals {
  trust = { Effect = "Allow", Principal = { Service = "cloudformation.amazonaws.com" }, Action = "sts:AssumeRole" }
  may = [
    { Effect = "Allow", Action = "cloudformation:CreateChangeSet", Resource = "arn:aws:cloudformation:*:*:stack/app-*/*" },
    { Effect = "Allow", Action = "cloudformation:ExecuteChangeSet", Resource = "arn:aws:cloudformation:*:*:stack/*-web/*" },
  ]
}

# == stacks in two Regions
# dev -> prod: isolated
locals {
  trust = { Effect = "Allow", Principal = { Service = "cloudformation.amazonaws.com" }, Action = "sts:AssumeRole" }
  may = [
    { Effect = "Allow", Action = "cloudformation:CreateChangeSet", Resource = "arn:aws:cloudformation:eu-west-1:*:stack/*/*" },
    { Effect = "Allow", Action = "cloudformation:ExecuteChangeSet", Resource = "arn:aws:cloudformation:us-east-1:*:stack/*/*" },
  ]
}

# == requests to two Regions
# dev -> prod: isolated
locals {
  trust = { Effect = "Allow", Principal = { Service = "cloudformation.amazonaws.com" }, Action = "sts:AssumeRole" }
  may = [
    { Effect = "Allow", Action = "cloudformation:CreateChangeSet", Resource = "*", Condition = { StringEquals = { "aws:RequestedRegion" = "eu-west-1" } } },
    { Effect = "Allow", Action = "cloudformation:ExecuteChangeSet", Resource = "*", Condition = { StringEquals = { "aws:RequestedRegion" = "us-east-1" } } },
  ]
}

# == requests to one Region
# dev -> prod: reachable
locals {
  trust = { Effect = "Allow", Principal = { Service = "cloudformation.amazonaws.com" }, Action = "sts:AssumeRole" }
  may = [
    { Effect = "Allow", Action = "cloudformation:CreateChangeSet", Resource = "*", Condition = { StringEquals = { "aws:RequestedRegion" = "eu-west-1" } } },
    { Effect = "Allow", Action = "cloudformation:ExecuteChangeSet", Resource = "*", Condition = { StringEquals = { "aws:RequestedRegion" = "eu-west-1" } } },
  ]
}

# == from two networks, on one stack
# dev -> prod: conditional
locals {
  trust = { Effect = "Allow", Principal = { Service = "cloudformation.amazonaws.com" }, Action = "sts:AssumeRole" }
  may = [
    { Effect = "Allow", Action = "cloudformation:CreateChangeSet", Resource = "arn:aws:cloudformation:*:*:stack/a/*", Condition = { StringEquals = { "aws:SourceVpc" = "vpc-1" } } },
    { Effect = "Allow", Action = "cloudformation:ExecuteChangeSet", Resource = "arn:aws:cloudformation:*:*:stack/a/*", Condition = { StringEquals = { "aws:SourceVpc" = "vpc-2" } } },
  ]
}

# == from two networks, on two stacks
# dev -> prod: isolated
locals {
  trust = { Effect = "Allow", Principal = { Service = "cloudformation.amazonaws.com" }, Action = "sts:AssumeRole" }
  may = [
    { Effect = "Allow", Action = "cloudformation:CreateChangeSet", Resource = "arn:aws:cloudformation:*:*:stack/a/*", Condition = { StringEquals = { "aws:SourceVpc" = "vpc-1" } } },
    { Effect = "Allow", Action = "cloudformation:ExecuteChangeSet", Resource = "arn:aws:cloudformation:*:*:stack/b/*", Condition = { StringEquals = { "aws:SourceVpc" = "vpc-2" } } },
  ]
}

# == the code of another function
# dev -> prod: isolated
locals {
  trust = { Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole", Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:lambda:*:*:function:f" } } }
  may = [
    { Effect = "Allow", Action = "lambda:UpdateFunctionCode", Resource = "arn:aws:lambda:*:*:function:g" },
  ]
}

# == the code of the function that the trust names
# dev -> prod: reachable
locals {
  trust = { Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole", Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:lambda:*:*:function:f" } } }
  may = [
    { Effect = "Allow", Action = "lambda:UpdateFunctionCode", Resource = "*" },
  ]
}

# == the code of some of the functions that the trust names
# dev -> prod: reachable
locals {
  trust = { Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole", Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:lambda:*:*:function:app-*" } } }
  may = [
    { Effect = "Allow", Action = "lambda:UpdateFunctionCode", Resource = "arn:aws:lambda:*:*:function:*-web" },
  ]
}

# == the code of a function, where the trust names its versions
# dev -> prod: reachable
locals {
  trust = { Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole", Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:lambda:*:*:function:f:*" } } }
  may = [
    { Effect = "Allow", Action = "lambda:UpdateFunctionCode", Resource = "arn:aws:lambda:*:*:function:f" },
  ]
}

# == a new function with another name
# dev -> prod: isolated
locals {
  trust = { Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole", Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:lambda:*:*:function:f" } } }
  may = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = "*" },
    { Effect = "Allow", Action = "lambda:CreateFunction", Resource = "arn:aws:lambda:*:*:function:g*" },
  ]
}

# == a new function with the name in the trust
# dev -> prod: reachable
locals {
  trust = { Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole", Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:lambda:*:*:function:f" } } }
  may = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = "*" },
    { Effect = "Allow", Action = "lambda:CreateFunction", Resource = "*" },
  ]
}

# == the code of another function, where the key may be absent
# dev -> prod: reachable
locals {
  trust = { Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole", Condition = { ArnLikeIfExists = { "aws:SourceArn" = "arn:aws:lambda:*:*:function:f" } } }
  may = [
    { Effect = "Allow", Action = "lambda:UpdateFunctionCode", Resource = "arn:aws:lambda:*:*:function:g" },
  ]
}

# == a new trust anchor, whose id AWS chooses
# dev -> prod: isolated
locals {
  trust = { Effect = "Allow", Principal = { Service = "rolesanywhere.amazonaws.com" }, Action = "sts:AssumeRole", Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:rolesanywhere:eu-west-1:*:trust-anchor/11111111-1111-1111-1111-111111111111" } } }
  may = [
    { Effect = "Allow", Action = ["rolesanywhere:CreateTrustAnchor", "rolesanywhere:CreateProfile", "iam:PassRole"], Resource = "*" },
  ]
}

# == a new trust anchor, where the trust allows any
# dev -> prod: reachable
locals {
  trust = { Effect = "Allow", Principal = { Service = "rolesanywhere.amazonaws.com" }, Action = "sts:AssumeRole", Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:rolesanywhere:*:*:trust-anchor/*" } } }
  may = [
    { Effect = "Allow", Action = ["rolesanywhere:CreateTrustAnchor", "rolesanywhere:CreateProfile", "iam:PassRole"], Resource = "*" },
  ]
}

# == an update of the trust anchor that the trust names
# dev -> prod: reachable
locals {
  trust = { Effect = "Allow", Principal = { Service = "rolesanywhere.amazonaws.com" }, Action = "sts:AssumeRole", Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:rolesanywhere:eu-west-1:*:trust-anchor/11111111-1111-1111-1111-111111111111" } } }
  may = [
    { Effect = "Allow", Action = "rolesanywhere:UpdateTrustAnchor", Resource = "*" },
  ]
}

# == an update of another trust anchor
# dev -> prod: isolated
locals {
  trust = { Effect = "Allow", Principal = { Service = "rolesanywhere.amazonaws.com" }, Action = "sts:AssumeRole", Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:rolesanywhere:eu-west-1:*:trust-anchor/11111111-1111-1111-1111-111111111111" } } }
  may = [
    { Effect = "Allow", Action = "rolesanywhere:UpdateTrustAnchor", Resource = "arn:aws:rolesanywhere:*:*:trust-anchor/2*" },
  ]
}

# == a certificate of the trust anchor's authority
# dev -> prod: reachable
locals {
  trust = { Effect = "Allow", Principal = { Service = "rolesanywhere.amazonaws.com" }, Action = "sts:AssumeRole", Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:rolesanywhere:eu-west-1:*:trust-anchor/11111111-1111-1111-1111-111111111111" } } }
  may = [
    { Effect = "Allow", Action = "acm-pca:IssueCertificate", Resource = "*" },
  ]
}
