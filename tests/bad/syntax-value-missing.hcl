locals {
  region =
  other  = 1
}
