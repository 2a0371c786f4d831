variable "region" {
  type    = string
  default = "eu-west-1"
  type    = number
}
