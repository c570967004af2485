"""History of the distributed engine: Trino over the archive's Iceberg table."""
