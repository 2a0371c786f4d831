palisade {
  name = "acme"
}

palisade {
  name = "acme"
}
