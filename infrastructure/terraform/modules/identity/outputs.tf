output "role_arns" {
  description = "ARNs of the roles by process."
  value       = { for process, role in aws_iam_role.process : process => role.arn }
}
