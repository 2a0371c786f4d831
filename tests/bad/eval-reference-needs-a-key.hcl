account "many" {
  for_each = toset(["a", "b"])
  name     = "acme-${each.key}"
  email    = "aws+${each.key}@acme.example"
}

environment "dev" {
  accounts = [account.many["c"]]
}

output "id" {
  value = account.many.id
}
