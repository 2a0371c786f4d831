palisade {
  name = "acme"
}

account "a" {
  name  = "a"
  email = "a@acme.example"
}

environment "dev" {
  accounts = [account.a]
}

variable "token" {
  sensitive = true
  default   = "x"
}

release "app" {
  entry = environment.dev
  values = {
    digest = "sha256:0"
    token  = var.token
    role   = account.a.id
    empty  = ""
    large  = join("", [for n in range(1000) : "123456789"])
    "a b"  = 1
  }
}

release "elsewhere" {
  entry  = environment.prod
  values = { image = "x" }
}

promotion "nowhere" {
  from     = environment.dev
  to       = environment.nowhere
  releases = [release.app]
}
