repositories = {
  shop = {
    repository    = "acme/shop"
    repository_id = "77001"
    owner_id      = "42001"
    permissions = {
      services = {
        actions   = ["ecs:DescribeServices", "ecs:RegisterTaskDefinition", "ecs:UpdateService"]
        resources = ["ecs:*:*:service/shop/*", "ecs:*:*:task-definition/shop:*"]
      }
    }
  }
  search = {
    repository    = "acme/search"
    repository_id = "77002"
    owner_id      = "42001"
  }
}

release = {
  image  = "acme/shop@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
  schema = 42
}
