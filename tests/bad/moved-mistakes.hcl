moved {
  from = iam_role.a.arn
  to   = iam_role.b
}

moved {
  from = "iam_role.a"
  to   = iam_role.a
}

import {
  to = module.x
  id = "deploy"
}

removed {
  from = iam_rol.x
}
