"""Traces by OTLP, with OpenTelemetry's SDK."""
