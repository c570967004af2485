"""Text to image with diffusers pipelines."""
