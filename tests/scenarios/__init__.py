"""Acceptance: each scenario through the real Prometheus, Alertmanager and receiver."""
