"""Turn alerts into guarded, journalled and proved recoveries of a trading bot."""

from exporter import __version__

__all__ = ["__version__"]
