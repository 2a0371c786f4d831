account "a" {
  name  = "a"
  email = "a@acme.example"
  lifecycle {
    precondition {
      condition     = 1 > 2
      error_message = "One must be greater than two."
    }
    precondition {
      condition     = "maybe"
      error_message = "x"
    }
  }
}
