account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

iam_oidc_provider "github" {
  accounts = [account.production]
  url      = "http://token.actions.githubusercontent.com"
}

iam_role "ci" {
  accounts = [account.production]
  trust {
    oidc {
      provider = account.production
      subjects = []
    }
  }
}
