account "a" {
  name  = "a"
  email = "a@acme.example"
}

environment "dev" {
  accounts = [account.a]
  verify {
    gate "soak" "x" {
      duration = "one day"
    }
    gate "http" "y" {
      url   = "https://acme.example"
      count = "many"
    }
  }
}
