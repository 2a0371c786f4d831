organization "acme" {
  enabled_policy_types = ["SERVICE_CONTROL_POLICIES"]
}

service_control_policy "lock" {
  targets = [organization.acme]
  statement "deny" {
    effect     = "Deny"
    actions    = ["s3:*"]
    resources  = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
  }
}

resource_control_policy "perimeter" {
  targets = [environment.x]
  statement "allow" {
    effect    = "Allow"
    actions   = ["s3:*"]
    resources = ["*"]
  }
}
