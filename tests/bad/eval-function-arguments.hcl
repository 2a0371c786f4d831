output "a" {
  value = upper()
}

output "b" {
  value = upper("a", "b")
}

output "c" {
  value = split(",", ["a"])
}

output "d" {
  value = cidrsubnet("10.0.0.0/8", 40, 1)
}

output "e" {
  value = jsondecode("{")
}
