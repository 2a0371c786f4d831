output "a" {
  value = "x" + 1
}

output "b" {
  value = !"yes"
}

output "c" {
  value = [1] > 2
}

output "d" {
  value = 1 ? "a" : "b"
}

output "e" {
  value = -"x"
}
