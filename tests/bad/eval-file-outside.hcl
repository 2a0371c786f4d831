output "a" {
  value = file("/etc/passwd")
}

output "b" {
  value = file("../secrets.txt")
}

output "c" {
  value = file("missing.txt")
}
