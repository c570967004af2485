"""The gRPC contract between the sidecar and model containers, and its generated code."""
