locals {
  text = <<-EOT
    one line
    another
    EOF
}
