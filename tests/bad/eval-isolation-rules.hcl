account "a" {
  name  = "a"
  email = "a@acme.example"
}

environment "dev" {
  accounts = [account.a]
}

environment "prod" {
  accounts = [account.a]
}

isolation "both" {
  between = [environment.dev]
  from    = [environment.dev]
}

isolation "nothing" {
}

isolation "allowing" {
  from = [environment.dev, "$outside"]
  to   = [environment.prod, "$external"]
  allow "everything" {
    from      = environment.dev
    to        = environment.dev
    actions   = []
    resources = ["*"]
    reason    = ""
    expires   = "next year"
  }
  on_violation = "ignore"
}
