"""The playbooks' decisions, step by step, against the simulated world."""
