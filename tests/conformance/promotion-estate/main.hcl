# Five environments on two moto servers, and a release that travels through them. Everything that
# opens and closes a gate here stands on an endpoint: a page, an alarm, a metric, a parameter.

palisade {
  name = "conf"
  backend "s3" {
    bucket = "conf-palisade-state"
    prefix = "estate/"
    region = "eu-west-1"
  }
}

provider "aws" {
  region = "eu-west-1"
}

variable "local_url" {
  description = "The developers' emulator: a server of its own"
  type        = string
}

variable "page_url" {
  description = "What says whether the tests have passed"
  type        = string
}

variable "image" {
  type    = string
  default = "shop@sha256:0001"
}

variable "parts" {
  description = "How many values a release has beside its image"
  type        = number
  default     = 2
}

variable "soak" {
  type    = string
  default = "1s"
}

variable "frozen_on" {
  description = "The day on which nothing moves into production"
  type        = string
  default     = "2000-01-01"
}

variable "patience" {
  description = "How long verification may take"
  type        = string
  default     = "1s"
}

organization "conf" {}

account "local" {
  id           = "000000000000"
  endpoint_url = var.local_url
}

account "dev" {
  name  = "conf-dev"
  email = "aws+dev@conf.example"
}

account "deployed" {
  name  = "conf-deployed"
  email = "aws+deployed@conf.example"
}

account "staging" {
  name  = "conf-staging"
  email = "aws+staging@conf.example"
}

account "production" {
  name  = "conf-production"
  email = "aws+production@conf.example"
}

config_schema "app" {
  key "log_level" {
    type    = string
    allowed = ["debug", "info"]
  }
  key "replicas" {
    type = number
    min  = 1
    max  = 40
  }
}

environment "dev-localstack" {
  accounts = [account.local]
}

environment "dev-aws" {
  accounts = [account.dev]
  config "app" {
    values = { log_level = "debug", replicas = 1 }
  }
}

environment "dev-aws-deployed" {
  accounts            = [account.deployed]
  like                = environment.dev-aws
  allowed_differences = ["app/replicas"]
  config "app" {
    values = { log_level = "debug", replicas = 2 }
  }
}

environment "staging" {
  accounts = [account.staging]
  config "app" {
    values = { log_level = "info", replicas = 3 }
  }
  verify {
    timeout = "1s"
    gate "no_drift" "clean" {}
  }
}

environment "production" {
  accounts = [account.production]
  config "app" {
    values = { log_level = "info", replicas = 12 }
  }
  verify {
    timeout = var.patience
    gate "alarm" "checkout" {
      alarms = ["checkout-5xx"]
    }
  }
}

release "shop" {
  entry  = environment.dev-localstack
  values = merge({ image = var.image }, { for i in range(var.parts) : "part-${i}" => "${var.image}-${i}" })
}

promotion "to_dev_aws" {
  from     = environment.dev-localstack
  to       = environment.dev-aws
  releases = [release.shop]

  gate "command" "smoke" {
    command = ["./checks/smoke.sh"]
    timeout = "1m"
  }
  gate "http" "tests" {
    url      = var.page_url
    body     = "passed"
    count    = 2
    interval = "1s"
    timeout  = "2s"
  }
}

promotion "to_dev_aws_deployed" {
  from     = environment.dev-aws
  to       = environment.dev-aws-deployed
  releases = [release.shop]

  gate "parity" "same_settings" {}
  gate "isolation_unchanged" "walls" {}
}

promotion "to_staging" {
  from     = environment.dev-aws-deployed
  to       = environment.staging
  releases = [release.shop]

  gate "soak" "a_while" {
    duration = var.soak
  }
  gate "no_drift" "clean" {}
  gate "approval" "developer" {}
}

promotion "to_production" {
  from       = environment.staging
  to         = environment.production
  releases   = [release.shop]
  on_failure = "rollback"

  gate "approval" "board" {
    count         = 2
    expires_after = "8h"
  }
  gate "alarm" "quiet" {
    alarms = ["checkout-5xx"]
  }
  gate "metric" "latency" {
    namespace = "Conf/Shop"
    metric    = "Latency"
    statistic = "Average"
    period    = "1h"
    max       = 300
  }
  gate "freeze" "days" {
    permits = ["rollback"]
    window {
      from   = var.frozen_on
      to     = var.frozen_on
      reason = "the shop is busy"
    }
  }
}
