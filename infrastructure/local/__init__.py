"""What runs on this machine: the installation, and the servers of the distributed engine."""
