"""The watched world at its worst: the exporter says so, and goes on."""
