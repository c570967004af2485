"""What containers that load checkpoints share: files that are read with care, and the device that they go to."""
