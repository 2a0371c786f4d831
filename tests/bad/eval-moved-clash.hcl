account "a" {
  name  = "a"
  email = "a@acme.example"
}

moved {
  from = account.a
  to   = account.b
}

import {
  to = account.c
  id = "111111111111"
}

removed {
  from = account.a
}
