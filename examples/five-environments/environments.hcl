# -- what applications can be told ------------------------------------------------------------

config_schema "app" {
  description = "Settings of the shop, under /acme/ENVIRONMENT/app"

  key "log_level" {
    type    = string
    allowed = ["debug", "info", "warn"]
    default = "info"
  }
  key "replicas" {
    type = number
    min  = 1
    max  = 40
  }
  key "base_url" {
    type    = string
    pattern = "https?://[a-z0-9.:-]+"
  }
  key "cors/origins" {
    type    = list(string)
    default = ["https://shop.acme.example"]
  }
  key "db/instance_class" {
    type    = string
    pattern = "db\\.[a-z0-9]+\\.[a-z0-9]+"
  }
  key "db/multi_az" {
    type    = bool
    default = false
  }
  key "feature/new_checkout" {
    type    = bool
    default = false
  }
  key "payments/token" {
    description = "Key of the payment provider"
    type        = string
    secret      = true
  }
}

locals {
  # What may differ from one environment to the one before it, and nothing else.
  sizes   = ["app/db/instance_class", "app/db/multi_az", "app/replicas"]
  origins = ["app/base_url", "app/cors/origins", "app/payments/token"]

  # In real life `ssm:` or `env:`; the demo's tokens are files that say that they are no secrets.
  token = { for name in ["sandbox", "test", "live"] : name => "file:demo/${name}-token" }
}

# -- the environments -------------------------------------------------------------------------

environment "dev-localstack" {
  description = "Every developer's own, on LocalStack"
  accounts    = [account.dev-localstack]

  config "app" {
    values = {
      "log_level"            = "debug"
      "replicas"             = 1
      "base_url"             = "http://localhost:8080"
      "cors/origins"         = ["http://localhost:3000"]
      "db/instance_class"    = "db.t4g.micro"
      "feature/new_checkout" = true
      "payments/token"       = secret(local.token.sandbox)
    }
  }
}

environment "dev-aws" {
  description = "Developers' branches against real services"
  accounts    = [account.dev-aws]

  config "app" {
    values = {
      "log_level"            = "debug"
      "replicas"             = 1
      "base_url"             = "https://dev.acme.example"
      "cors/origins"         = ["https://dev.acme.example", "http://localhost:3000"]
      "db/instance_class"    = "db.t4g.micro"
      "feature/new_checkout" = true
      "payments/token"       = secret(local.token.sandbox)
    }
  }
}

environment "dev-aws-deployed" {
  description         = "The main branch, deployed by pipelines alone"
  accounts            = [account.dev-aws-deployed]
  like                = environment.dev-aws
  allowed_differences = concat(local.origins, local.sizes)

  config "app" {
    values = {
      "log_level"            = "debug"
      "replicas"             = 2
      "base_url"             = "https://main.acme.example"
      "cors/origins"         = ["https://main.acme.example"]
      "db/instance_class"    = "db.t4g.small"
      "feature/new_checkout" = true
      "payments/token"       = secret(local.token.sandbox)
    }
  }
}

environment "staging" {
  description = "Production's twin with masked data"
  accounts    = [account.staging]

  config "app" {
    values = {
      "replicas"          = 3
      "base_url"          = "https://staging.acme.example"
      "cors/origins"      = ["https://staging.acme.example"]
      "db/instance_class" = "db.m7g.large"
      "payments/token"    = secret(local.token.test)
    }
  }

  verify {
    gate "no_drift" "clean" {}
  }
}

environment "production" {
  description         = "Customer traffic"
  accounts            = [account.production]
  like                = environment.staging
  allowed_differences = concat(local.origins, local.sizes)
  tags                = { tier = "production" }

  config "app" {
    values = {
      "replicas"          = 12
      "base_url"          = "https://shop.acme.example"
      "db/instance_class" = "db.m7g.2xlarge"
      "db/multi_az"       = true
      "payments/token"    = secret(local.token.live)
    }
  }

  verify {
    gate "no_drift" "clean" {}
  }
}
