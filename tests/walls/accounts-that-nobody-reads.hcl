# Accounts that are nobody's of the organization: nothing is read there, so one that policies name on both sides may lead from
# the one to the other.

# == an account outside that dev goes into and prod lets in
# dev -> prod: undetermined
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
        { Effect = "Allow", Action = "sts:AssumeRole", Resource = "arn:aws:iam::555555555555:role/in" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = "arn:aws:iam::555555555555:role/back" }, Action = "sts:AssumeRole", Condition = { StringEquals = { "sts:ExternalId" = "a-secret" } } },
    ]
  }
}

# == the whole account
# dev -> prod: undetermined
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
        { Effect = "Allow", Action = "sts:AssumeRole", Resource = "arn:aws:iam::555555555555:role/in" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = "arn:aws:iam::555555555555:root" }, Action = "sts:AssumeRole", Condition = { StringEquals = { "sts:ExternalId" = "a-secret" } } },
    ]
  }
}

# == dev goes into another one
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
        { Effect = "Allow", Action = "sts:AssumeRole", Resource = "arn:aws:iam::666666666666:role/in" },
      ]
    }
  }
}
iam_role "deploy" {
  accounts = [account.prod]
  assume_role_policy = {
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = "arn:aws:iam::555555555555:role/back" }, Action = "sts:AssumeRole", Condition = { StringEquals = { "sts:ExternalId" = "a-secret" } } },
    ]
  }
}

# == nothing says that dev goes there
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
      { Effect = "Allow", Principal = { AWS = "arn:aws:iam::555555555555:role/back" }, Action = "sts:AssumeRole", Condition = { StringEquals = { "sts:ExternalId" = "a-secret" } } },
    ]
  }
}
