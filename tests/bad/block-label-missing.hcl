variable {
  type = string
}

locals "x" {
  a = 1
}
