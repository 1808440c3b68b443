"""The simulator as one object, for tests in the same process and for the command."""

import errno
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.sim.control import Control
from tests.sim.exchange import sapi, spot, usdm
from tests.sim.exchange.api import Exchange, Route
from tests.sim.ntp import NtpServers
from tests.sim.serve import HttpServer
from tests.sim.world import World

_Server = TypeVar("_Server")
EXCHANGE_PORT, CONTROL_PORT, NTP_PORT = 9842, 9843, 9844


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
        exchange = Exchange(self.world, {**usdm.ROUTES, **spot.ROUTES, **sapi.ROUTES})
        self._stops: list[Callable[[], None]] = []
        try:
            self.exchange = self._http(exchange_port, EXCHANGE_PORT, exchange.answer)
            self.reference = self._http(0, 0, Exchange(self.world, reference).answer)
            self.control = self._http(control_port, CONTROL_PORT, Control(self.world).answer)
            self.ntp = _on_port(ntp_port, NTP_PORT, lambda p: NtpServers(p, self.world.clocks))
        except BaseException:
            self.stop()
            raise
        self.ntp.start()
        self._stops.append(self.ntp.stop)

    @property
    def ready(self) -> dict[str, Any]:
        """Where everything is, and the keys: the ready line."""
        keys = self.world.keys
        return {
            "exchange": self.exchange.url,
            "reference": self.reference.url,
            "control": self.control.url,
            "ntp": self.ntp.addresses,
            "pager": f"{self.control.url}/pager",
            "api_key": keys["bot"].key,
            "api_secret": keys["bot"].secret,
            "exporter_key": keys["exporter"].key,
            "exporter_secret": keys["exporter"].secret,
            "remediation_key": keys["remediation"].key,
            "remediation_secret": keys["remediation"].secret,
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

    def _http(self, port: int, default: int, answer: Any) -> HttpServer:
        server = _on_port(port, default, lambda p: HttpServer(p, answer))
        server.start()
        self._stops.append(server.stop)
        return server


def _on_port(port: int, default: int, bind: Callable[[int], _Server]) -> _Server:
    try:
        return bind(port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE or port != default:
            raise
        return bind(0)
