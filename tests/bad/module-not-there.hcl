module "baseline" {
  source = "./modules/baseline"
}
