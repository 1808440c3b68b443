"""The receiver's hands against real processes and real files."""
