"""The images of evoke's processes."""
