"""Whether a container keeps the protocol: checks that can be run against any container, in any language."""
