palisade {
  name = "acme"
}

variable "names" {
  type = list(string)
}

variable "limits" {
  type = object({ days = number })
}
