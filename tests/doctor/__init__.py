"""The doctor against the simulator."""
