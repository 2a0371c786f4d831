regoin = "eu-west-1"
region = "eu-west-1

locals {
}
