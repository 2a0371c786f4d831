locals {
  a = "x" +
    "y"
}
