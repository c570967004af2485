"""The archiver: moves every event from the log into the archive, exactly once."""
