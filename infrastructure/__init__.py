"""Where evoke runs."""
