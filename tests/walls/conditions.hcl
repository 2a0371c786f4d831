# What a condition asks of the caller, of the surroundings and of both ends.

# == the source side alone holds it shut: it may tag itself
# dev -> prod: isolated, finding held_by_source_side
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
        { Effect = "Allow", Action = ["sts:*", "iam:TagRole"], Resource = "*" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.dev.id }, Action = "sts:AssumeRole", Condition = { StringEquals = { "aws:PrincipalTag/team" = "ops" } } },
    ]
  }
}

# == source identity needs SetSourceIdentity in trust
# dev -> prod: isolated
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole", Condition = { StringLike = { "sts:SourceIdentity" = "*" } } },
    ]
  }
}

# == source identity with SetSourceIdentity
# dev -> prod: reachable
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = ["sts:AssumeRole", "sts:SetSourceIdentity"], Condition = { StringLike = { "sts:SourceIdentity" = "alice" } } },
    ]
  }
}

# == external id is caller choice
# dev -> prod: reachable
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole", Condition = { StringEquals = { "sts:ExternalId" = "x" } } },
    ]
  }
}

# == role session name
# dev -> prod: reachable
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole", Condition = { StringLike = { "sts:RoleSessionName" = "deploy-*" } } },
    ]
  }
}

# == mfa present on role session is impossible
# dev -> prod: isolated
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole", Condition = { Bool = { "aws:MultiFactorAuthPresent" = "true" } } },
    ]
  }
}

# == a trust of the whole account
# dev -> prod: reachable
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = account.dev.id }, Action = "sts:AssumeRole" },
    ]
  }
}

# == a role of that name in any account
# dev -> prod: reachable
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = "*" }, Action = "sts:AssumeRole", Condition = { ArnLike = { "aws:PrincipalArn" = "arn:aws:iam::*:role/ci" } } },
    ]
  }
}

# == PrincipalOrgID star
# dev -> prod: reachable
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = "*" }, Action = "sts:AssumeRole", Condition = { StringEquals = { "aws:PrincipalOrgID" = organization.bar.id } } },
    ]
  }
}

# == PrincipalOrgID other
# dev -> prod: isolated
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = "*" }, Action = "sts:AssumeRole", Condition = { StringEquals = { "aws:PrincipalOrgID" = "o-other12345" } } },
    ]
  }
}

# == PrincipalOrgPaths ForAnyValue
# dev -> prod: undetermined
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = "*" }, Action = "sts:AssumeRole", Condition = { "ForAnyValue:StringLike" = { "aws:PrincipalOrgPaths" = "o-*/r-*/ou-*/*" } } },
    ]
  }
}

# == AWS services alone
# dev -> prod: isolated
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = false
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { Bool = { "aws:PrincipalIsAWSService" = "true" } } },
    ]
  }
}

# == ViaAWSService true
# dev -> prod: conditional
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { Bool = { "aws:ViaAWSService" = "true" } } },
    ]
  }
}

# == CalledVia athena
# dev -> prod: conditional
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { "ForAnyValue:StringEquals" = { "aws:CalledVia" = ["athena.amazonaws.com"] } } },
    ]
  }
}

# == SourceVpce condition
# dev -> prod: conditional
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringEquals = { "aws:SourceVpce" = "vpce-1" } } },
    ]
  }
}

# == SecureTransport
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { Bool = { "aws:SecureTransport" = "true" } } },
    ]
  }
}

# == signature age
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { NumericLessThan = { "s3:signatureAge" = "600000" } } },
    ]
  }
}

# == s3:x-amz-acl null
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { Null = { "s3:x-amz-acl" = "true" } } },
    ]
  }
}

# == date in the past
# dev -> prod: isolated
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { DateLessThan = { "aws:CurrentTime" = "2020-01-01T00:00:00Z" } } },
    ]
  }
}

# == date to come
# dev -> prod: conditional
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { DateLessThan = { "aws:CurrentTime" = "2099-01-01T00:00:00Z" } } },
    ]
  }
}

# == epoch future
# dev -> prod: conditional
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { NumericLessThan = { "aws:EpochTime" = "4102444800" } } },
    ]
  }
}

# == IpAddress
# dev -> prod: conditional
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { IpAddress = { "aws:SourceIp" = "10.0.0.0/8" } } },
    ]
  }
}

# == deny unless ip
# dev -> prod: conditional
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
      { Effect = "Deny", Principal = "*", Action = "s3:*", Resource = ["arn:aws:s3:::bar-data/*"], Condition = { NotIpAddress = { "aws:SourceIp" = "10.0.0.0/8" } } },
    ]
  }
}

# == deny all but prod principals by account
# dev -> prod: isolated
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
      { Effect = "Deny", Principal = "*", Action = "s3:*", Resource = ["arn:aws:s3:::bar-data/*", "arn:aws:s3:::bar-data"], Condition = { StringNotEquals = { "aws:PrincipalAccount" = account.prod.id } } },
    ]
  }
}

# == deny by NotPrincipal
# dev -> prod: isolated
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
      { Effect = "Deny", NotPrincipal = { AWS = [account.prod.id] }, Action = "s3:*", Resource = ["arn:aws:s3:::bar-data/*"] },
    ]
  }
}

# == deny s3 by RCP except org
# dev -> prod: reachable
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
resource_control_policy "r" {
  targets = [account.prod]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Principal = "*", Action = "s3:*", Resource = "*", Condition = { StringNotEqualsIfExists = { "aws:PrincipalOrgID" = organization.bar.id } } },
    ]
  }
}

# == RCP denies other account
# dev -> prod: isolated
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
resource_control_policy "r" {
  targets = [account.prod]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Principal = "*", Action = "s3:*", Resource = "*", Condition = { StringNotEquals = { "aws:PrincipalAccount" = account.prod.id } } },
    ]
  }
}

# == an RCP on sts:AssumeRole
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
      { Effect = "Deny", Principal = "*", Action = "sts:AssumeRole", Resource = "*", Condition = { StringNotEquals = { "aws:PrincipalAccount" = [account.prod.id, organization.bar.management_account_id] } } },
    ]
  }
}

# == an SCP on roles of other accounts
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
service_control_policy "s" {
  targets = [account.dev]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = "sts:AssumeRole", Resource = "*", Condition = { StringNotEquals = { "aws:ResourceAccount" = account.dev.id } } },
    ]
  }
}

# == an SCP on what is of the organization
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
service_control_policy "s" {
  targets = [account.dev]
  content = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Deny", Action = "sts:AssumeRole", Resource = "*", Condition = { StringEquals = { "aws:ResourceOrgID" = organization.bar.id } } },
    ]
  }
}

# == every address is a network that whoever calls is in
# dev -> prod: reachable
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole", Condition = { IpAddress = { "aws:SourceIp" = ["0.0.0.0/0", "::/0"] } } },
    ]
  }
}

# == half of all addresses is one
# dev -> prod: conditional
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole", Condition = { IpAddress = { "aws:SourceIp" = ["0.0.0.0/1"] } } },
    ]
  }
}
