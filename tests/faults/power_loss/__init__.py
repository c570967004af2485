"""The embedded log on a disk that forgets what was not synced, refuses to sync, or is full."""
