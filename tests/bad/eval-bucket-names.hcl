account "production" {
  name  = "acme-production"
  email = "aws+production@acme.example"
}

s3_bucket "a" {
  accounts = [account.production]
  bucket   = "Acme_Data"
}

s3_bucket "b" {
  accounts = [account.production]
  bucket   = "acme-data"
}

s3_bucket "c" {
  accounts = [account.production]
  bucket   = "acme-data"
}
