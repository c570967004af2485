"""The infrastructure code, and what writes its documentation."""
