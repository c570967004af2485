"""Adapters: one folder per technology. Nothing outside a bootstrap.py imports them."""
