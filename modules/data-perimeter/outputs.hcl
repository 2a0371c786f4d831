output "policy_id" {
  description = "Id of the resource control policy"
  value       = resource_control_policy.perimeter.id
}
