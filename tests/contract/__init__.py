"""One suite for each port. It knows the port alone: `settings` (see conftest) picks the adapters behind it."""
