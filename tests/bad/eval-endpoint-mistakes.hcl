palisade {
  name = "acme"
  backend "s3" {
    bucket       = "acme-state"
    endpoint_url = "localhost:4566"
  }
}

provider "aws" {
  region       = "eu-west-1"
  endpoint_url = "localhost:4566"
}
