account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

environment "empty" {
  accounts = []
}

iam_role "a" {
  environments = [environment.empty]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}

iam_role "b" {
  accounts = [environment.empty]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}

iam_role "c" {
  environments = ["empty"]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
