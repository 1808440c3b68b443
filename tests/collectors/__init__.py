"""From readings to the HTTP endpoint and the command line."""
