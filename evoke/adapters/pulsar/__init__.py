"""The log, the queues, progress and leases on Apache Pulsar. Facts behind it: docs/decisions/0040 to 0043."""
