"""The exporter's watches: rounds against servers, and against hand-made venues and time."""
