"""A day of operation at speed: nothing may grow."""
