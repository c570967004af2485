output "api" {
  description = "How to reach the API from your machine."
  value       = "kubectl -n evoke port-forward service/evoke-api 8000:80"
}
