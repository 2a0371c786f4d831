locals {
  home = "arn:aws:s3:::acme-home/${aws:username}/*"
}
