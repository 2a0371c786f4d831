//! What small estates of several tests begin with.

/// An organization with two accounts.
pub(crate) const ACCOUNTS: &str = r#"palisade {
  name = "acme"
}
provider "aws" {
  region = "eu-west-1"
}
organization "acme" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
account "production" {
  name  = "acme-production"
  email = "production@acme.example"
}
"#;

/// An environment in each of them.
const ENVIRONMENTS: &str = r#"environment "dev" {
  accounts = [account.dev]
}
environment "production" {
  accounts = [account.production]
}
"#;

/// Two accounts, two environments, and what is declared beside them.
pub(crate) fn two_environments(more: &str) -> String {
    format!("{ACCOUNTS}{ENVIRONMENTS}{more}")
}

/// A release of an image that enters development and moves on to production, by an edge with `more` in it.
pub(crate) fn release(more: &str) -> String {
    format!(
        r#"variable "image" {{
  default = "v1"
}}
release "app" {{
  entry  = environment.dev
  values = {{ image = var.image }}
}}
promotion "to_production" {{
  from     = environment.dev
  to       = environment.production
  releases = [release.app]
{more}}}
"#
    )
}

/// Every managed kind; most objects change with the variable `step`.
pub(crate) const EVERY_KIND: &str = r#"
palisade {
  name = "acme"
}
provider "aws" {
  region = "eu-west-1"
}
variable "step" {
  type    = string
  default = "one"
}
organization "acme" {
  enabled_policy_types = ["RESOURCE_CONTROL_POLICY", "SERVICE_CONTROL_POLICY"]
}
organizational_unit "workloads" {
  tags = { step = var.step }
}
account "dev" {
  parent = organizational_unit.workloads
  name   = "acme-dev"
  email  = "dev@acme.example"
  tags   = { step = var.step }
}
account "live" {
  parent = var.step == "one" ? organization.acme : organizational_unit.workloads
  name   = "acme-live"
  email  = "live@acme.example"
}
service_control_policy "regions" {
  targets = [organizational_unit.workloads, account.live]
  statement "home" {
    effect    = "Deny"
    actions   = ["ec2:*"]
    resources = ["*"]
    condition {
      test     = "StringNotEquals"
      variable = "aws:RequestedRegion"
      values   = ["eu-west-1", var.step]
    }
  }
}
resource_control_policy "inside" {
  targets = [organization.acme]
  statement "org" {
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "StringNotEqualsIfExists"
      variable = "aws:PrincipalOrgID"
      values   = [organization.acme.id]
    }
    condition {
      test     = "BoolIfExists"
      variable = "aws:PrincipalIsAWSService"
      values   = ["false"]
    }
  }
}
environment "dev" {
  accounts = [account.dev]
  config "app" {
    values = { level = var.step, peers = ["a", var.step], token = secret("env:TOKEN") }
  }
}
environment "live" {
  accounts = [account.live]
  config "app" {
    values = { level = "live", peers = ["b"], token = secret("env:TOKEN") }
  }
}
config_schema "app" {
  key "level" {
    type = string
  }
  key "peers" {
    type = list(string)
  }
  key "token" {
    type   = string
    secret = true
  }
}
account_baseline "base" {
  environments = [environment.dev, environment.live]
  alias        = "acme-${each.environment.name}-${var.step}"
  password_policy {
    minimum_length = 20
  }
}
iam_policy "boundary" {
  environments = [environment.dev, environment.live]
  statement "all" {
    actions   = ["s3:*", "sts:${var.step == "one" ? "AssumeRole" : "GetCallerIdentity"}"]
    resources = ["*"]
  }
}
iam_oidc_provider "github" {
  environments = [environment.dev]
  url          = "https://token.actions.githubusercontent.com"
  audiences    = ["sts.amazonaws.com"]
  tags         = { step = var.step }
}
iam_role "ci" {
  environments         = [environment.dev]
  permissions_boundary = iam_policy.boundary
  trust {
    oidc {
      provider = iam_oidc_provider.github
      subjects = ["repo:acme/app:ref:refs/heads/${var.step}"]
    }
  }
  statement "enter" {
    actions   = ["sts:AssumeRole"]
    resources = ["arn:aws:iam::${account.live.id}:role/deploy"]
  }
}
# Its trust names a role that is made in the same run: AWS wants it to be there.
iam_role "deploy" {
  environments         = [environment.live]
  permissions_boundary = iam_policy.boundary
  managed_policies     = [iam_policy.boundary]
  max_session_duration = var.step == "one" ? "1h" : "2h"
  trust {
    aws = [iam_role.ci.at["dev"].arn]
  }
  statement "data" {
    actions   = ["s3:PutObject"]
    resources = ["arn:aws:s3:::acme-${var.step}/*"]
  }
}
s3_bucket "data" {
  environments = [environment.live]
  bucket       = "acme-weather-data"
  versioning   = var.step == "one"
  tags         = { step = var.step }
  statement "tls" {
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::acme-weather-data", "arn:aws:s3:::acme-weather-data/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}
"#;
