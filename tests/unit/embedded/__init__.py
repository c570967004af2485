"""What the embedded adapters promise beyond their ports: integrity, wake-ups, locks, files."""
