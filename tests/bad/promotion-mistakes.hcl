palisade {
  name = "acme"
}

account "a" {
  email = "a@acme.example"
}

account "b" {
  email = "b@acme.example"
}

environment "dev" {
  accounts = [account.a]
}

environment "production" {
  accounts = [account.b]
  verify {
    timeout = "soon"
    gate "soak" "nothing_moves" {
      duration = "1h"
    }
  }
}

release "app" {
  entry = environment.dev
  values = {
    large      = join("", [for n in range(1000) : "123456789"])
    empty      = ""
    braces     = "{{x}}"
    "a key"    = "x"
    far        = 9007199254740993
    "aws/name" = "x"
  }
}

promotion "up" {
  from     = environment.dev
  to       = environment.production
  releases = [release.app]

  gate "soak" "clean" {
    duration = "1h"
  }
  gate "soak" "clean" {
    duration = "2h"
  }
  gate "freeze" "always" {
  }
}
