"""Watch a trading bot from outside and publish what its runbook calls symptoms."""

__version__ = "0.1.0"
