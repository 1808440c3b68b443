"""The exporter's sources, each against something that really answers."""
