palisade {
  name = "acme"
}

variable "token" {
  default   = "hunter2-hunter2"
  sensitive = true
}

account "dev" {
  name  = "acme-dev"
  email = "dev+${var.token}@acme.example"
}

account "production" {
  name  = "acme-production"
  email = "production@acme.example"
}

environment "dev" {
  accounts = [account.dev]
}

environment "production" {
  accounts = [account.production]
}

iam_role "by_name" {
  environments = [environment.production]
  name         = "role-${var.token}"
  trust {
    services = ["ec2.amazonaws.com"]
  }
}

iam_role "by_path" {
  environments = [environment.production]
  path         = "/${var.token}/"
  description  = "may be sensitive: ${var.token}"
  trust {
    services = ["ec2.amazonaws.com"]
  }
}

s3_bucket "by_name" {
  environments = [environment.production]
  bucket       = "acme-${var.token}"
}

isolation "environments" {
  between = [environment.dev, environment.production]
  allow "read" {
    from        = environment.dev
    to          = environment.production
    actions     = ["s3:GetObject"]
    resources   = ["arn:aws:s3:::acme-${var.token}/*"]
    reason      = "because ${var.token}"
    owner       = var.token
    approved_by = var.token
    expires     = "2027-02-02"
  }
}
