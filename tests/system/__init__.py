"""The whole system as real processes, for end-to-end and fault tests, and the checker of its promises."""
