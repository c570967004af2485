"""The archive as an Apache Iceberg table, written by PyIceberg."""
