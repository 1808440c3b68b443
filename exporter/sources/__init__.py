"""The only code that reads the watched world: exchange, clocks, host and bot files.

Every function either returns a frozen reading from ``exporter.readings`` or
raises ``SourceError`` with a closed reason. Nothing here changes anything.
"""
