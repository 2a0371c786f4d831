/* The regions
locals {
  a = 1
}
