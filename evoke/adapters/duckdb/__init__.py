"""History of the embedded engine: DuckDB over the files of the archive's Iceberg table."""
