locals {
  a = uper("x")
  b = timestamp()
  c = aws_arn("x")
}

output "a" {
  value = [local.a, local.b, local.c]
}
