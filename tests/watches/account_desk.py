"""A bot with a positions file and a key, a hand-made venue, and one watch between them."""

import json
from pathlib import Path
from typing import Any

from exporter.config import Bot, ExporterSettings
from exporter.errors import SourceError
from exporter.readings import ComparedPosition, Comparison
from exporter.watches.account import AccountWatch
from tests.collectors.looks import RULES
from tests.sources.bots import make_bot, write
from tests.watches.venue import Time, Venue


class Desk:
    """A bot with a positions file and a key, a venue, and one watch between them."""

    def __init__(self, root: Path, *, sharing: tuple[Bot, ...] = (), **venue: Any) -> None:
        self.root, self.time, self.venue = root, Time(), Venue()
        self.heard: list[SourceError | None] = []
        write(root, "key", "the key")
        write(root, "secret", "the secret")
        credentials = {"key_file": str(root / "key"), "secret_file": str(root / "secret")}
        self.bot = make_bot(
            root,
            venue={
                "kind": "binance_usdm",
                "base_url": "http://127.0.0.1:9",
                "client_order_prefix": "tb2-",
                "credentials": {"exporter": credentials},
                **venue,
            },
        )
        self.believe("0.010")
        self.venue.hold("BTCUSDT", "0.010")
        self.watch = AccountWatch(
            self.bot,
            ExporterSettings(),
            self.venue.open,
            lambda: RULES,
            sharing=sharing,
            on_key=self.heard.append,
            timing=self.time.timing,
        )

    def believe(self, quantity: str) -> None:
        """Write the bot's positions file."""
        write(self.root, "state/positions.json", json.dumps({"BTCUSDT": quantity}))

    def round(self, after: float = 30.0) -> Comparison:
        """Make a round, some seconds after the last, and return its verdict."""
        self.time.now += after
        self.time.waits.clear()
        self.venue.asked.clear()
        self.watch.round()
        comparison = self.watch.comparison.fresh()
        assert comparison is not None
        return comparison

    def position(self, after: float = 30.0) -> ComparedPosition:
        """The one position after a round."""
        (position,) = self.round(after).positions
        return position
