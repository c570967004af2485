"""Weights that come over HTTP: single files, and repositories of the Hugging Face hub."""
