palisade {
  backend "gcs" {
    bucket = "acme-state"
  }
}
