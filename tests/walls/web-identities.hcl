# Providers of web identities that every account may name without an object of its own: whoever holds an identity of
# them is anybody (IAM User Guide, "Available keys for AWS web identity federation"; Cognito Developer Guide, "IAM roles").

# == an identity pool, as its documentation has it
# $external -> prod: conditional
iam_role "app" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Federated = "cognito-identity.amazonaws.com" }, Action = "sts:AssumeRoleWithWebIdentity", Condition = { StringEquals = { "cognito-identity.amazonaws.com:aud" = "eu-west-1:11111111-2222-3333-4444-555555555555" }, "ForAnyValue:StringLike" = { "cognito-identity.amazonaws.com:amr" = "authenticated" } } },
    ]
  }
}

# == the same for guests
# $external -> prod: conditional
iam_role "app" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Federated = "cognito-identity.amazonaws.com" }, Action = "sts:AssumeRoleWithWebIdentity", Condition = { StringEquals = { "cognito-identity.amazonaws.com:aud" = "eu-west-1:11111111-2222-3333-4444-555555555555" }, "ForAnyValue:StringLike" = { "cognito-identity.amazonaws.com:amr" = "unauthenticated" } } },
    ]
  }
}

# == a token comes from outside every environment
# dev -> prod: isolated
iam_role "app" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Federated = "cognito-identity.amazonaws.com" }, Action = "sts:AssumeRoleWithWebIdentity", Condition = { StringEquals = { "cognito-identity.amazonaws.com:aud" = "eu-west-1:11111111-2222-3333-4444-555555555555" }, "ForAnyValue:StringLike" = { "cognito-identity.amazonaws.com:amr" = "authenticated" } } },
    ]
  }
}

# == without a token nobody is let in
# $anonymous -> prod: isolated
iam_role "app" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Federated = "cognito-identity.amazonaws.com" }, Action = "sts:AssumeRoleWithWebIdentity", Condition = { StringEquals = { "cognito-identity.amazonaws.com:aud" = "eu-west-1:11111111-2222-3333-4444-555555555555" }, "ForAnyValue:StringLike" = { "cognito-identity.amazonaws.com:amr" = "authenticated" } } },
    ]
  }
}

# == any pool of any account
# $external -> prod: reachable
iam_role "app" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Federated = "cognito-identity.amazonaws.com" }, Action = "sts:AssumeRoleWithWebIdentity" },
    ]
  }
}

# == every token says how its holder was authenticated
# $external -> prod: conditional
iam_role "app" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Federated = "cognito-identity.amazonaws.com" }, Action = "sts:AssumeRoleWithWebIdentity", Condition = { "ForAllValues:StringLike" = { "cognito-identity.amazonaws.com:amr" = "authenticated" } } },
    ]
  }
}

# == and for which pool it is
# $external -> prod: isolated
iam_role "app" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Federated = "cognito-identity.amazonaws.com" }, Action = "sts:AssumeRoleWithWebIdentity", Condition = { Null = { "cognito-identity.amazonaws.com:aud" = "true" } } },
    ]
  }
}

# == a token is no signature
# $external -> prod: isolated
iam_role "app" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Federated = "cognito-identity.amazonaws.com" }, Action = "sts:AssumeRole", Condition = { StringEquals = { "cognito-identity.amazonaws.com:aud" = "eu-west-1:11111111-2222-3333-4444-555555555555" } } },
    ]
  }
}

# == by way of an account in between
# $external -> prod: conditional
iam_role "app" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Federated = "cognito-identity.amazonaws.com" }, Action = "sts:AssumeRoleWithWebIdentity", Condition = { StringEquals = { "cognito-identity.amazonaws.com:aud" = "eu-west-1:11111111-2222-3333-4444-555555555555" }, "ForAnyValue:StringLike" = { "cognito-identity.amazonaws.com:amr" = "authenticated" } } },
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
      { Effect = "Allow", Principal = { AWS = iam_role.app.at["shared"].arn }, Action = "sts:AssumeRole" },
    ]
  }
}

# == a role that may assume none leads nowhere
# $external -> prod: isolated
iam_role "app" {
  accounts = [account.shared]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Federated = "cognito-identity.amazonaws.com" }, Action = "sts:AssumeRoleWithWebIdentity", Condition = { StringEquals = { "cognito-identity.amazonaws.com:aud" = "eu-west-1:11111111-2222-3333-4444-555555555555" }, "ForAnyValue:StringLike" = { "cognito-identity.amazonaws.com:amr" = "authenticated" } } },
    ]
  }
  inline_policy "p" {
    content = {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "s3:GetObject", Resource = "*" },
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

# == identities of Google
# $external -> prod: conditional
iam_role "app" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Federated = "accounts.google.com" }, Action = "sts:AssumeRoleWithWebIdentity", Condition = { StringEquals = { "accounts.google.com:aud" = "app.example" } } },
    ]
  }
}

# == identities of Amazon
# $external -> prod: conditional
iam_role "app" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Federated = "www.amazon.com" }, Action = "sts:AssumeRoleWithWebIdentity", Condition = { StringEquals = { "www.amazon.com:app_id" = "amzn1.application-oa2-client.1" } } },
    ]
  }
}

# == identities of Facebook
# $external -> prod: conditional
iam_role "app" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Federated = "graph.facebook.com" }, Action = "sts:AssumeRoleWithWebIdentity", Condition = { StringEquals = { "graph.facebook.com:app_id" = "1" } } },
    ]
  }
}

# == a service of the same name brings no token
# $external -> prod: isolated
iam_role "app" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "cognito-identity.amazonaws.com" }, Action = "sts:AssumeRole" },
    ]
  }
}
