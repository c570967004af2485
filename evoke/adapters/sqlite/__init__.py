"""The embedded engine's log and queue: one SQLite file, shared by the processes of one machine."""
