output "inner" {
  value = templatefile("inner.tftpl", {})
}
