"""The REST API of evoke."""
