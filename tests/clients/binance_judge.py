"""An unmodified python-binance, pointed at a simulator as the library allows."""

import asyncio
import importlib
from typing import Any

from tests.sim.simulator import Simulator


class Judge:
    """The library's client for any key, and its exception class."""

    def __init__(self, simulator: Simulator) -> None:
        module: Any = importlib.import_module("binance.client")
        self.refusal: Any = importlib.import_module("binance.exceptions").BinanceAPIException
        self._client_class = module.Client
        self._simulator = simulator
        self._opened: list[Any] = []
        # Each client asks for this thread's event loop; one that it had to make would stay open.
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)

    def client(self, role: str = "bot", key: str | None = None, secret: str | None = None) -> Any:
        """A client whose three addresses are the simulator's."""
        pair = self._simulator.world.keys[role]
        client = self._client_class(key or pair.key, secret or pair.secret, ping=False)
        base = self._simulator.exchange.url
        client.API_URL = f"{base}/api"
        client.MARGIN_API_URL = f"{base}/sapi"
        client.FUTURES_URL = f"{base}/fapi"
        self._opened.append(client)
        return client

    def close(self) -> None:
        """Close every client's session, and the loop."""
        for client in self._opened:
            client.close_connection()
        asyncio.set_event_loop(None)
        self._loop.close()
