# All rules of the language, and those for AWS. `make test-terraform` runs them on every module.
config {
  call_module_type = "local"
}

plugin "terraform" {
  enabled = true
  preset  = "all"
}

plugin "aws" {
  enabled = true
}
