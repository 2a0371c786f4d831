module "baseline" {
  source = "./baseline"
  regoin = "eu-west-1"
  extra  = 1
  statement {
    actions = []
  }
}

output "x" {
  value = module.baseline.acounts
}
