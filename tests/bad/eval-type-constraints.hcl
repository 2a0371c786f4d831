variable "a" {
  type = strin
}

variable "b" {
  type = "string"
}

variable "c" {
  type = list(string, number)
}

variable "d" {
  type = object({ name = string, port = optional(number, "x") })
}

variable "e" {
  type = [string]
}
