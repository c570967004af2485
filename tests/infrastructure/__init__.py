"""Images, chart and infrastructure code."""
