"""How an operator sees evoke: objectives, alerts and dashboards as code. See docs/observability.md."""
