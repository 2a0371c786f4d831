account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

environment "dev" {
  accounts = [account.production]
  verify {
    gate "http" "up" {
      url    = "acme.example/health"
      status = 1000
      count  = 0
      body   = "("
    }
    gate "command" "smoke" {
      command = []
    }
  }
}

environment "prod" {
  accounts = [account.production]
}

release "app" {
  entry  = environment.dev
  values = { image = "x" }
}

promotion "up" {
  from       = environment.dev
  to         = environment.dev
  releases   = []
  on_failure = "panic"
  gate "metric" "errors" {
    namespace = "AWS/ApplicationELB"
    metric    = "HTTPCode_Target_5XX_Count"
    statistic = "Sum"
  }
  gate "freeze" "holidays" {
    timezone = "Berlin"
    permits  = ["everything"]
    window {
      from = "2026-12-24"
      to   = "2026-12-20"
    }
    window {
      weekdays = ["friday"]
      hours    = "6pm-8am"
    }
    window {
      from = "Christmas"
    }
    window {
    }
  }
}
