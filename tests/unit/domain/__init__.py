"""The domain: pure, so tested without anything around it."""
