variable "where" {
  default = "./x"
}

module "baseline" {
  source = var.where
}

module "other" {
}
