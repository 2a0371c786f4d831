# No environment reaches another. A plan that opens a path between two of them says so, names the
# blocks that do it, and stops.
isolation "environments" {
  between = [
    environment.dev-aws,
    environment.dev-aws-deployed,
    environment.staging,
    environment.production,
  ]

  allow "masked_copy" {
    from       = environment.staging
    to         = environment.production
    principals = [iam_role.refresh.at["staging"].arn]
    actions    = ["s3:GetObject"]
    resources  = ["arn:${data.partition.current.partition}:s3:::acme-production-masked/*"]

    reason      = "SEC-412: realistic test data, masked before it is stored"
    owner       = "data-platform@acme.example"
    approved_by = "security@acme.example"
    expires     = "2027-06-30"
  }
}
