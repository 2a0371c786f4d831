locals {
  a = "${local.b}-a"
  b = [local.c]
  c = { x = local.a }
}
