"""The gRPC side of `ModelClient`."""
