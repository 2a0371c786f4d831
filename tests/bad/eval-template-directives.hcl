output "a" {
  value = "%{ for x in 5 }${x}%{ endfor }"
}

output "b" {
  value = "%{ if "x" }y%{ endif }"
}
