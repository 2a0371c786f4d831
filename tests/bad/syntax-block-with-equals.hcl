variable "region" = {
  type = string
}
