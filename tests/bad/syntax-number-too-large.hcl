locals {
  large = 1e400
}
