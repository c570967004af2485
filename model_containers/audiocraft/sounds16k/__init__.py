"""sounds-16k: a text-to-sound model that is small enough for a repository, and its training."""
