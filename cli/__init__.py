"""The `evoke` command."""
