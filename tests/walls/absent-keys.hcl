# `ForAllValues` and `...IfExists` are met by leaving a key out where the request may lack it. Source: IAM User Guide,
# condition operators.

# == ForAllValues over tag keys
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:PutObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { "ForAllValues:StringEquals" = { "s3:RequestObjectTagKeys" = ["a"] } } },
    ]
  }
}

# == ForAllValues over CalledVia in a trust
# dev -> prod: reachable
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "sts:AssumeRole", Condition = { "ForAllValues:StringEquals" = { "aws:CalledVia" = ["athena.amazonaws.com"] } } },
    ]
  }
}

# == a Deny by ForAllValues over an absent key denies
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*" },
      { Effect = "Deny", Principal = "*", Action = "s3:*", Resource = ["arn:aws:s3:::bar-data/*"], Condition = { "ForAllValues:StringLike" = { "aws:PrincipalOrgPaths" = ["o-zzz/*"] } } },
    ]
  }
}

# == IfExists on the endpoint
# dev -> prod: reachable
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringEqualsIfExists = { "aws:SourceVpce" = "vpce-1" } } },
    ]
  }
}

# == IfExists on a key that every request carries
# dev -> prod: isolated
s3_bucket "data" {
  accounts            = [account.prod]
  bucket              = "bar-data"
  block_public_access = true
  policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = iam_role.ci.at["dev"].arn }, Action = "s3:GetObject", Resource = "arn:aws:s3:::bar-data/*", Condition = { StringEqualsIfExists = { "aws:PrincipalAccount" = "999999999999" } } },
    ]
  }
}

# == no account has thirteen digits
# $external -> prod: isolated
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = "*" }, Action = "sts:AssumeRole", Condition = { StringLike = { "aws:PrincipalAccount" = "1111111111112" } } },
    ]
  }
}

# == some have such digits
# $external -> prod: reachable
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = "*" }, Action = "sts:AssumeRole", Condition = { StringLike = { "aws:PrincipalAccount" = "11111*12" } } },
    ]
  }
}

# == no organization has so short an id
# $external -> prod: isolated
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = "*" }, Action = "sts:AssumeRole", Condition = { StringEquals = { "aws:PrincipalOrgID" = "o-x" } } },
    ]
  }
}

# == no path is of an organization with such an id
# $external -> prod: isolated
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = "*" }, Action = "sts:AssumeRole", Condition = { "ForAnyValue:StringLike" = { "aws:PrincipalOrgPaths" = "o-x/r-ab12/*" } } },
    ]
  }
}

# == no id of an organization begins so
# $external -> prod: isolated
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = "*" }, Action = "sts:AssumeRole", Condition = { StringLike = { "aws:PrincipalOrgID" = "org-*!" } } },
    ]
  }
}
