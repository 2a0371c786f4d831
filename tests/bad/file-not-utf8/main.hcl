locals {
  name = "München"
}
