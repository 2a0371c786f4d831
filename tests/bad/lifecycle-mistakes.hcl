account "a" {
  name  = "a"
  email = "a@acme.example"
  lifecycle {
    prevent_destroy = "true"
    ignore_changes  = tags
    prevent_delete  = true
    precondition {
      condition = true
    }
  }
  lifecycle {
  }
}
