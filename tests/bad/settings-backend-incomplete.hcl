palisade {
  backend "s3" {
    prefix = "estate/"
  }
}
