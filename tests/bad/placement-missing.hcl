iam_role "deploy" {
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
