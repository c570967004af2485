"""Benchmarks. They compare ratios within one run, since absolute times depend on the machine and its other work."""
