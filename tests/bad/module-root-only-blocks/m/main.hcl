palisade {
  name = "x"
}

environment "dev" {
  accounts = []
}
