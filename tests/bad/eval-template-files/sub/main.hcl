output "inner" {
  value = templatefile("${path.module}/inner.tftpl", {})
}
