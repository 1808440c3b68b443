"""Clients of every venue: against the simulator, or against answers written down in a test."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from exporter.config import Venue
from exporter.secrets import ApiKey, Secret
from exporter.sources.connection import open_client
from exporter.sources.exchange import Exchange, open_exchange
from exporter.sources.exchange.alpaca import Alpaca
from exporter.sources.exchange.alpaca_client import AlpacaClient
from exporter.sources.exchange.binance import BinanceClient
from exporter.sources.exchange.binance_spot import BinanceSpot
from exporter.sources.exchange.binance_usdm import BinanceUsdm
from exporter.sources.exchange.client import Access
from exporter.sources.exchange.rate_limits import RateBook
from tests.sim.simulator import Simulator
from tests.sources.replies import reply

KINDS = ("binance_spot", "binance_usdm", "alpaca")
HOST = "exchange.test"
URL = f"http://{HOST}"
NOW = 1_795_500_000.0
KEY = ApiKey(Secret("the-key"), Secret("the-secret"))

Answer = Callable[[httpx.Request], httpx.Response]


def mock_access(
    answer: Answer,
    *,
    key: ApiKey | None = KEY,
    limits: RateBook | None = None,
    share: float | None = None,
    observe: Callable[[Any], None] | None = None,
) -> Access:
    """Return access to a venue that answers as told."""
    return Access(
        http=httpx.Client(transport=httpx.MockTransport(answer)),
        timeout=20,
        limits=limits or RateBook(),
        key=key,
        share=share,
        observe=observe,
    )


def bodies(answers: Mapping[str, Any]) -> Answer:
    """Answer each path with its body, and the time with a right one."""

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path not in answers and path.endswith("/time"):
            return reply({"serverTime": int(NOW * 1000)})
        if path not in answers and path.endswith("/clock"):
            return reply({"timestamp": "2026-11-24T06:00:00Z"})
        return reply(answers[path])

    return answer


def spot(answer: Answer, *, sapi: bool = True, **access: Any) -> BinanceSpot:
    """Return a spot client."""
    return BinanceSpot(_binance(answer, "/api/v3/time", sapi=sapi, **access))


def usdm(answer: Answer, *, sapi: bool = True, **access: Any) -> BinanceUsdm:
    """Return a USD-M client."""
    return BinanceUsdm(_binance(answer, "/fapi/v1/time", sapi=sapi, **access))


def alpaca(answer: Answer, *, symbols: tuple[str, ...] = (), **access: Any) -> Alpaca:
    """Return a client of the broker."""
    client = AlpacaClient(URL, mock_access(answer, **access), data_base_url=URL)
    return Alpaca(client, URL, symbols=symbols)


def _binance(answer: Answer, time_path: str, *, sapi: bool, **access: Any) -> BinanceClient:
    return BinanceClient(
        URL,
        mock_access(answer, **access),
        time_path=time_path,
        sapi_base_url=URL if sapi else None,
    )


def sim_key(simulator: Simulator, kind: str, role: str = "exporter") -> ApiKey:
    """Return a role's key pair at the venue."""
    world = simulator.world
    pair = (world.alpaca_keys if kind == "alpaca" else world.keys)[role]
    return ApiKey(Secret(pair.key), Secret(pair.secret))


def sim_venue(simulator: Simulator, kind: Any, **changes: Any) -> Venue:
    """Return the configuration of a venue in the simulator."""
    ready = simulator.ready
    if kind == "alpaca":
        plain = {"base_url": ready["alpaca"], "data_base_url": ready["alpaca_data"]}
    else:
        plain = {"base_url": ready["exchange"], "sapi_base_url": ready["exchange"]}
    return Venue(kind=kind, **{**plain, **changes})


@contextmanager
def sim_exchange(simulator: Simulator, kind: str, **options: Any) -> Iterator[Exchange]:
    """Open a client of the simulator; ``key``, ``limits`` and changes of the venue as options."""
    names = ("key", "limits", "observe")
    given = {name: options.pop(name) for name in names if name in options}
    key = given.pop("key", sim_key(simulator, kind))
    exchange = open_exchange(sim_venue(simulator, kind, **options), key, timeout=20, **given)
    try:
        yield exchange
    finally:
        exchange.close()


@contextmanager
def sim_alpaca(simulator: Simulator, monotonic: Callable[[], float]) -> Iterator[Alpaca]:
    """Open a client of the simulated broker whose time a test moves."""
    url, key = simulator.ready["alpaca"], sim_key(simulator, "alpaca")
    with open_client(timeout=20) as http:
        access = Access(http=http, timeout=20, limits=RateBook(), key=key)
        yield Alpaca(AlpacaClient(url, access), url, monotonic=monotonic)
