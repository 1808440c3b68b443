"""Tests of what Prometheus, Alertmanager, Grafana and Docker are given."""
