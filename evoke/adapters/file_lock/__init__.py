"""Leases between the processes of one machine."""
