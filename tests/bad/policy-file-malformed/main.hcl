organization "acme" {
  enabled_policy_types = ["SERVICE_CONTROL_POLICY"]
}

service_control_policy "lock" {
  content = file("policies/lock.json")
}
