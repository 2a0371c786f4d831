release "shop" {
  description = "Image and database schema, which travel together"
  entry       = environment.dev-localstack
  values      = var.release
}

promotion "to_dev_aws" {
  from     = environment.dev-localstack
  to       = environment.dev-aws
  releases = [release.shop]

  gate "command" "tests" {
    command = ["./checks/smoke.sh"]
    timeout = "5m"
  }
}

promotion "to_dev_aws_deployed" {
  from     = environment.dev-aws
  to       = environment.dev-aws-deployed
  releases = [release.shop]

  gate "parity" "same_settings" {
    allowed_differences = concat(local.origins, local.sizes)
  }
  gate "isolation_unchanged" "walls" {}
}

promotion "to_staging" {
  from     = environment.dev-aws-deployed
  to       = environment.staging
  releases = [release.shop]

  gate "soak" "an_hour" {
    duration = "1h"
  }
  gate "no_drift" "clean" {}
  gate "approval" "developer" {
    count = 1
  }
}

promotion "to_production" {
  from       = environment.staging
  to         = environment.production
  releases   = [release.shop]
  on_failure = "rollback"

  gate "soak" "a_day" {
    duration = "24h"
  }
  gate "no_drift" "clean" {}
  gate "isolation_unchanged" "walls" {}
  gate "approval" "board" {
    count         = 2
    expires_after = "8h"
  }
  gate "freeze" "weekend_and_holidays" {
    timezone = "Europe/Dublin"
    permits  = ["rollback"]

    window {
      weekdays = ["sat", "sun"]
      reason   = "nobody watches on weekends"
    }
    window {
      from   = "2026-12-18"
      to     = "2027-01-03"
      reason = "the shop is busy and the office is empty"
    }
  }
}
