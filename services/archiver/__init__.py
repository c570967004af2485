"""Moves the log into the archive."""
