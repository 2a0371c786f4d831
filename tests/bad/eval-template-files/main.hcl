# What is wrong in a template is shown there, and what is wrong with its file at the call.
output "missing" {
  value = templatefile("nope.tftpl", {})
}

output "directory" {
  value = templatefile("sub", {})
}

output "variable" {
  value = templatefile("lines.tftpl", { name = "a" })
}

output "unended" {
  value = templatefile("unended.tftpl", { wanted = true })
}

output "no_text" {
  value = templatefile("latin.txt", {})
}

output "null" {
  value = templatefile("null.tftpl", { name = null })
}

module "inner" {
  source = "./sub"
}
