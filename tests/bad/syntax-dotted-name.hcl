locals {
  tags.team = "platform"
}
