output "a" {
  value = range(100000000)
}

output "b" {
  value = format("%s %s", "x")
}

output "c" {
  value = regex("(", "x")
}
