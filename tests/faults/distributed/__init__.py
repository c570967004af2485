"""The whole system on Pulsar, S3, an Iceberg catalog and Trino, while those die, hang or are cut off."""
