"""What happens when machines, disks and processes fail."""
