module "m" {
  source = "./m"
}

module "n" {
  source = "./main.hcl"
}
