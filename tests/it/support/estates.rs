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
