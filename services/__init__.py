"""The processes that serve: the API, the archiver, the console and the one-machine supervisor."""
