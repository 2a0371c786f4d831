variable "bucket" {
  default = "acme-state"
}

palisade {
  required_version = "latest"
  name             = "acme/estate"
  backend "s3" {
    bucket = var.bucket
    table  = "locks"
  }
}

provider "azure" {
}
