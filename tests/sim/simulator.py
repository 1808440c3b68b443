"""The simulator as one object, for tests in the same process and for the command.

``Simulator.ready`` tells where everything is; the command prints it as its ready line:

- ``exchange``: Binance spot (``/api``), ``/sapi`` and USD-M (``/fapi``) under one address
- ``reference``: a second exchange, time and ping only; ``ntp``: four SNTP servers
- ``control``, ``pager``: the control API, and Alertmanager's pager in it
- ``alpaca``, ``alpaca_data``: the broker's trading and data hosts, without ``/v2``
- ``stream``, ``stream_usdm``: WebSocket bases of Binance's public streams, ``ws://host:port``;
  spot serves ``/ws[/<stream>]`` and ``/stream?streams=``, USD-M also below ``/public`` and
  ``/market``; a shutdown is announced as ``{"e": "serverShutdown", "E": ms}``
- ``api_key``, ``api_secret`` (the bot's), ``exporter_…``, ``remediation_…``: Binance keys
- ``alpaca_bot_key``, ``alpaca_bot_secret``, ``alpaca_exporter_…``, ``alpaca_remediation_…``

What a test may set on ``Simulator.world`` (under ``world.lock``), or part of it from outside by
``POST /settings`` of the control API (``tests/sim/settings.py``), beside injecting faults:
``limits.allowed["spot" | "usdm" | "sapi" | "alpaca"]`` a minute, by default the documented ones
times ``limits.SCALE``; ``keys[role]`` with ``dataclasses.replace``; ``alpaca.flags`` and
``alpaca.set_market(…)``; ``usdm.dual`` and ``usdm.set_position(…)``; ``symbol_status``;
``market_data``.
"""

import errno
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from tests.sim.control import Control
from tests.sim.exchange import (
    alpaca_account,
    alpaca_data,
    alpaca_orders,
    alpaca_positions,
    sapi,
    spot,
    spot_lists,
    usdm,
)
from tests.sim.exchange.alpaca_api import AlpacaHost
from tests.sim.exchange.api import Exchange, Route
from tests.sim.limits import Limits
from tests.sim.ntp import NtpServers
from tests.sim.serve import HttpServer, Request, Response
from tests.sim.stream.server import StreamServer
from tests.sim.world import VENUE_SITES, Door, World

_Server = TypeVar("_Server")
EXCHANGE_PORT, CONTROL_PORT, NTP_PORT = 9842, 9843, 9844
_BROKER = (*alpaca_account.ROUTES, *alpaca_orders.ROUTES, *alpaca_positions.ROUTES)


class _Host(Protocol):
    def answer(self, request: Request) -> Response: ...


class Simulator:
    """Start every server on loopback; ``with`` stops them again.

    Port 0 means any free one, and so does a default port that is taken.
    """

    def __init__(
        self,
        *,
        exchange_port: int = 0,
        control_port: int = 0,
        ntp_port: int = 0,
        seed: int = 1,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.world = World(seed, wall)
        clock = Route(lambda _: {"serverTime": self.world.clocks.reference_ms()})
        ping = Route(lambda _: {})
        reference = {
            ("GET", path + name): route
            for path in ("/fapi/v1/", "/api/v3/")
            for name, route in (("time", clock), ("ping", ping))
        }
        world = self.world
        spots = {**spot.ROUTES, **spot_lists.ROUTES}
        binance = Exchange(world, {**usdm.ROUTES, **spots, **sapi.ROUTES})
        second = Exchange(world, reference, Limits())
        self._stops: list[Callable[[], None]] = []
        try:
            self.exchange = self._http("exchange", binance, exchange_port, EXCHANGE_PORT)
            self.reference = self._http("reference", second)
            self.control = self._http("control", Control(world), control_port, CONTROL_PORT)
            self.alpaca = self._http("alpaca", AlpacaHost(world, _BROKER))
            self.alpaca_data = self._http("alpaca_data", AlpacaHost(world, alpaca_data.ROUTES))
            self.stream = self._stream("stream", "spot")
            self.stream_usdm = self._stream("stream_usdm", "usdm")
            self.ntp = _on_port(ntp_port, NTP_PORT, lambda p: NtpServers(p, self.world.clocks))
        except BaseException:
            self.stop()
            raise
        self.ntp.start()
        self._stops.append(self.ntp.stop)
        self.world.doors["ntp"] = self.ntp

    @property
    def ready(self) -> dict[str, Any]:
        """Where everything is, and the keys: the ready line."""
        keys, broker = self.world.keys, self.world.alpaca_keys
        pairs = {
            f"alpaca_{role}_{part}": getattr(key, part)
            for role, key in broker.items()
            for part in ("key", "secret")
        }
        return {
            "exchange": self.exchange.url,
            "reference": self.reference.url,
            "control": self.control.url,
            "ntp": self.ntp.addresses,
            "pager": f"{self.control.url}/pager",
            "alpaca": self.alpaca.url,
            "alpaca_data": self.alpaca_data.url,
            "stream": self.stream.url,
            "stream_usdm": self.stream_usdm.url,
            "api_key": keys["bot"].key,
            "api_secret": keys["bot"].secret,
            "exporter_key": keys["exporter"].key,
            "exporter_secret": keys["exporter"].secret,
            "remediation_key": keys["remediation"].key,
            "remediation_secret": keys["remediation"].secret,
            **pairs,
        }

    def stop(self) -> None:
        """Stop every server."""
        while self._stops:
            self._stops.pop()()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _http(self, site: str, host: _Host, port: int = 0, default: int = 0) -> HttpServer:
        clocks = self.world.clocks
        now = clocks.exchange_seconds if site in VENUE_SITES else clocks.reference_seconds
        server = _on_port(port, default, lambda p: HttpServer(p, host.answer, site, now))
        server.start()
        self._stops.append(server.stop)
        self._open_door(site, server)
        return server

    def _stream(self, site: str, market: str) -> StreamServer:
        server = StreamServer(0, self.world, market)
        server.start()
        self._stops.append(server.stop)
        self._open_door(site, server)
        return server

    def _open_door(self, site: str, server: Door) -> None:
        if site != "control":
            self.world.doors[site] = server


def _on_port(port: int, default: int, bind: Callable[[int], _Server]) -> _Server:
    try:
        return bind(port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE or port != default:
            raise
        return bind(0)
