"""The web pages of evoke."""
