"""Weights that lie in a bucket of S3."""
